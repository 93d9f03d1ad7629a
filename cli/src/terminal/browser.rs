use std::{
    io,
    process::{Command, Stdio},
    time::Duration,
};

use keyfob_chain::Variables;

use keyfob_sigv4::is_printable;

use crate::{
    failure::Failure,
    terminal::{Console, printable},
};

/// How long the opener may take to fail. One that runs on is the browser itself.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// The program that opens a URL in the browser of the user, with its arguments. It is no shell,
/// which would read characters of the URL.
const OPENER: (&str, &[&str]) = if cfg!(windows) {
    ("rundll32", &["url.dll,FileProtocolHandler"])
} else if cfg!(target_os = "macos") {
    ("open", &[])
} else {
    ("xdg-open", &[])
};

/// Prints a URL, and opens it in the browser if `open` is true. The words are those of `aws login`.
///
/// # Errors
///
/// If stdout cannot be written, or if no browser opens and there is no terminal: the URL would be
/// waited for in vain.
pub(crate) async fn open_url(
    console: Console,
    variables: &Variables,
    url: &str,
    open: bool,
) -> Result<(), Failure> {
    let text = if open {
        "Attempting to open your default browser.\nIf the browser does not open, open the \
         following URL:"
    } else {
        "Browser will not be automatically opened.\nPlease visit the following URL:"
    };
    console.write_stdout(format!("{text}\n\n{}\n", printable(url)))?;
    if open && let Err(reason) = open_in_browser(variables, url).await {
        if !console.is_watched() {
            let text = format!("no browser opens ({reason}), and there is no terminal");
            return Err(Failure::other(text)
                .with_hint("with --no-browser this waits for a browser that opens the URL"));
        }
        console.note(&format!("no browser opens ({reason}): open the URL"));
    }
    Ok(())
}

/// Returns true for an `http` or `https` URL without spaces and control characters. The browser, or
/// what opens it, would do something else with another text: run a program, or take an option.
pub(crate) fn is_web_page(url: &str) -> bool {
    let is_web = |scheme: &str| ["http", "https"].contains(&scheme);
    url.split_once("://")
        .is_some_and(|(scheme, _)| is_web(scheme))
        && url
            .chars()
            .all(|char| is_printable(char) && !char.is_whitespace())
}

/// Opens a URL in the browser. The list of processes shows it for a moment.
///
/// # Errors
///
/// Why it cannot: it is not the URL of a web page, there is no display or no opener, or the opener
/// fails.
pub(crate) async fn open_in_browser(variables: &Variables, url: &str) -> Result<(), String> {
    if !is_web_page(url) {
        return Err("this is not the URL of a web page".to_owned());
    }
    let (program, arguments) = OPENER;
    let has_display = || {
        let is_set = |name: &str| variables.text(name).is_some();
        ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"]
            .into_iter()
            .any(is_set)
    };
    if program == "xdg-open" && !has_display() {
        return Err("there is no display".to_owned());
    }
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Ctrl-C is for this program.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{program} is not there"),
        _ => format!("{program} cannot be run: {error}"),
    })?;
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{program} failed: {status}")),
            Ok(None) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error.to_string()),
        }
        waited += PAUSE;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_url_of_a_web_page_is_opened() {
        let variables = Variables::from_iter([("DISPLAY", ":0")]);
        for url in [
            "--version",
            "-https://a.example",
            "file:///etc/passwd",
            "javascript://a.example",
            "https:/a",
            "https://a.example/ b",
            "https://a.example/\u{1b}",
            "",
        ] {
            let reason = open_in_browser(&variables, url).await.unwrap_err();
            assert_eq!(reason, "this is not the URL of a web page", "{url}");
        }
    }
}
