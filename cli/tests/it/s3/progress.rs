use std::{fs, path::PathBuf, thread, time::Duration};

use serde_json::Value;

use super::{
    cp::{MIB, bytes, through, write},
    fault_proxy::{Fault, Request},
    keyfob, lines, server,
};
use crate::{
    configure::on_terminal,
    keyfob::{Home, assert_has, assert_lacks},
    waiting::screen,
};

/// The files without which some answers do not come to their end.
struct Gates(Home);

impl Gates {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns what opens a gate when the terminal has this text.
    fn open_at<'a>(&self, text: &'a str, name: &str) -> (&'a str, [String; 2]) {
        let path = self.path(name).to_str().unwrap().to_owned();
        (text, ["touch".to_owned(), path])
    }

    /// Runs the command on a terminal. Each gate is open, or opens at a text.
    fn run(&self, home: &Home, words: &[&str], closed: &[(&str, [String; 2])]) -> (String, Value) {
        for name in [BEGIN, END] {
            fs::write(self.path(name), "").unwrap();
        }
        for (_, [_, path]) in closed {
            fs::remove_file(path).unwrap();
        }
        let run = on_terminal(home, &[&["s3"], words].concat(), closed);
        assert_eq!(run["code"], 0, "{run}");
        (run["shown"].as_str().unwrap().to_owned(), run)
    }
}

/// Holds the answer that begins an upload in parts.
const BEGIN: &str = "begin";
/// Holds the answer that completes an upload in parts, and those that have objects.
const END: &str = "end";

fn gate(request: &Request) -> Option<&'static str> {
    let (method, target) = request.line().split_once(' ').unwrap();
    match method {
        "POST" if target.ends_with("?uploads") => Some(BEGIN),
        "POST" if target.contains("?uploadId=") => Some(END),
        "GET" if !target.contains('?') => Some(END),
        _ => None,
    }
}

#[test]
fn progress_is_one_line_on_a_terminal_and_nothing_elsewhere() {
    let server = server();
    let gates = Gates(Home::new());
    let folder = gates.0.path().to_owned();
    let (home, _proxy) = through(&server, move |_, request| match gate(request) {
        Some(name) => {
            // For longer than the line takes to appear where none should.
            thread::sleep(Duration::from_millis(600));
            Fault::HoldLastByte(folder.join(name))
        }
        None => Fault::None,
    });
    write(&home, "t/a", bytes(20 * MIB));
    write(&home, "t/b", "b");
    let wide = home.with("COLUMNS", "120");
    let up = ["cp", "t", "s3://bucket/t", "--recursive"];
    let first = "upload: t/b to s3://bucket/t/b";
    let both = format!("{first}\nupload: t/a to s3://bucket/t/a");
    // The small file is there before the large one is sent. All of that is sent before the object
    // is made of it, and all but the last bytes are received, so that the rest takes no time.
    let after_first = gates.open_at(first, BEGIN);
    let one_left = "/s) with 1 file(s) remaining, 0:0";
    let (text, run) = gates.run(
        &wide,
        &up,
        &[after_first.clone(), gates.open_at(one_left, END)],
    );
    assert_has(&text, &["\rCompleted ", "/20.0 MiB (", one_left, " left"]);
    assert_eq!(screen(&run), both);
    // Its size is in the answer.
    let (text, run) = gates.run(
        &wide,
        &["cp", "s3://bucket/t/a", "back"],
        &[gates.open_at(one_left, END)],
    );
    assert_has(&text, &["/20.0 MiB (", one_left, " left"]);
    assert_eq!(screen(&run), "download: s3://bucket/t/a to ./back");
    // S3 has no checksum of what was uploaded without one.
    let bare = wide.with("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required");
    keyfob(&bare, &["cp", "t/b", "s3://bucket/bare"]).ok();
    let (_, run) = gates.run(&bare, &["cp", "s3://bucket/bare", "bare"], &[]);
    let lines_of_it = "download: s3://bucket/bare to ./bare\nnote: 1 download was not verified: S3";
    assert!(screen(&run).starts_with(lines_of_it), "{}", screen(&run));
    let wide = bare.with("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported");
    let (text, _) = gates.run(
        &wide,
        &["cp", "s3://bucket/t/a", "s3://bucket/t/c"],
        &[gates.open_at(one_left, END)],
    );
    assert_has(&text, &["/20.0 MiB (", one_left, " left"]);
    let all_left = "/s) with 3 file(s) remaining, 0:0";
    let (text, _) = gates.run(
        &wide,
        &["sync", "s3://bucket/t", "t2"],
        &[gates.open_at(all_left, END)],
    );
    assert_has(&text, &["Completed ", "/40.0 MiB (", all_left, " left"]);
    // Each time a line of its own, and none for as long as the command takes.
    let lines_of_their_own = [&up[..], &["--progress-multiline"]].concat();
    let (text, _) = gates.run(
        &wide,
        &lines_of_their_own,
        &[after_first.clone(), gates.open_at(one_left, END)],
    );
    assert!(text.matches("left\r\n").count() > 0, "{text:?}");
    let seldom = [&up[..], &["--progress-frequency", "4000000"]].concat();
    let (text, _) = gates.run(&wide, &seldom, &[]);
    assert!(text.matches("Completed ").count() < 2, "{text:?}");
    for option in ["--no-progress", "--only-show-errors", "--quiet", "--dryrun"] {
        let (text, _) = gates.run(&wide, &[&up[..], &[option]].concat(), &[]);
        assert_lacks(&text, &["Completed", "remaining"]);
    }
    let run = keyfob(&wide, &up);
    assert_eq!(run.stderr, "");
    assert_eq!(lines(&run.ok()), lines(&both));
    // So wide that any rate fits, and not the number of files.
    let narrow = wide.with("COLUMNS", "33");
    let all_sent = "\r20.0 MiB/20.0 MiB, ";
    let (text, run) = gates.run(&narrow, &up, &[after_first, gates.open_at(all_sent, END)]);
    assert_lacks(&text, &["Completed", "remaining"]);
    assert_eq!(screen(&run), both);
}
