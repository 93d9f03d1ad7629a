//! A browser for tests: the opener that `keyfob` finds first in `PATH`.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::Child,
};

use crate::keyfob::Home;

/// Opens a page, and follows where it leads. Like a real opener, it does not wait for that.
pub(crate) const FOLLOW: &str = r#"printf '%s' "$*" > opened
python3 -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=20)' "$1" > page 2>&1 &"#;

/// Puts an opener first in `PATH`.
pub(crate) fn with_opener(home: Home, script: &str) -> Home {
    let folder = home.path().join("bin");
    fs::create_dir_all(&folder).unwrap();
    let opener = folder.join("xdg-open");
    fs::write(&opener, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
    home.with("PATH", &path)
}

/// Returns the URL that was opened.
pub(crate) fn opened(home: &Home) -> String {
    fs::read_to_string(home.path().join("opened")).unwrap()
}

/// Waits until a program prints the URL that the user should open.
pub(crate) fn printed_url(child: &mut Child) -> String {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    lines.find(|line| line.starts_with("http")).unwrap()
}
