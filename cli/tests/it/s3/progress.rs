use std::{thread, time::Duration};

use serde_json::Value;

use super::{
    cp::{MIB, bytes, through, write},
    fault_proxy::Fault,
    keyfob, server,
};
use crate::{
    configure::on_terminal,
    keyfob::{Home, assert_has, assert_lacks},
    waiting::screen,
};

fn shown(home: &Home, words: &[&str]) -> (String, Value) {
    let nothing: &[(&str, &str)] = &[];
    let run = on_terminal(home, &[&["s3"], words].concat(), nothing);
    assert_eq!(run["code"], 0, "{run}");
    (run["shown"].as_str().unwrap().to_owned(), run)
}

#[test]
fn progress_is_one_line_on_a_terminal_and_nothing_elsewhere() {
    let server = server();
    let (home, _proxy) = through(&server, |_, request| {
        // So that the line is seen. One request after the other comes here.
        if ["PUT", "GET"]
            .iter()
            .any(|it| request.line().starts_with(it))
        {
            thread::sleep(Duration::from_millis(600));
        }
        Fault::None
    });
    write(&home, "t/a", bytes(20 * MIB));
    write(&home, "t/b", "b");
    let up = ["cp", "t", "s3://bucket/t", "--recursive"];
    let wide = home.with("COLUMNS", "120");
    let (text, run) = shown(&wide, &up);
    assert_has(
        &text,
        &[
            "\rCompleted ",
            "20.0 MiB (",
            "/s) with ",
            " file(s) remaining",
        ],
    );
    let lines = "upload: t/b to s3://bucket/t/b\nupload: t/a to s3://bucket/t/a";
    assert_eq!(screen(&run), lines);
    // Its size is in the answer.
    let (text, run) = shown(&wide, &["cp", "s3://bucket/t/a", "back"]);
    assert_has(&text, &["20.0 MiB (", "/s) with ", " file(s) remaining"]);
    // This server has no checksum of it, which is a note.
    let line = "download: s3://bucket/t/a to ./back\nnote: ";
    assert!(screen(&run).starts_with(line), "{}", screen(&run));
    let (text, _) = shown(&wide, &["cp", "s3://bucket/t/a", "s3://bucket/t/c"]);
    assert_has(&text, &["20.0 MiB (", "/s) with ", " file(s) remaining"]);
    let (text, _) = shown(&wide, &["sync", "s3://bucket/t", "t2"]);
    assert_has(&text, &["Completed ", " file(s) remaining"]);
    for option in ["--no-progress", "--only-show-errors", "--quiet", "--dryrun"] {
        let (text, _) = shown(&wide, &[&up[..], &[option]].concat());
        assert_lacks(&text, &["Completed", "remaining"]);
    }
    let run = keyfob(&wide, &up);
    assert_eq!(run.stderr, "");
    assert_eq!(run.ok(), format!("{lines}\n"));
    let narrow = wide.with("COLUMNS", "30");
    let (text, run) = shown(&narrow, &up);
    assert_has(&text, &["20.0 MiB"]);
    assert_lacks(&text, &["Completed", "remaining"]);
    assert_eq!(screen(&run), lines);
}
