//! Another server, which has other names for some elements and no encoded lists.

use std::fs;

use super::keyfob;
use crate::{ministack::put_from_standard_input, python, servers::Server};

#[test]
fn rclone_serves_what_is_copied_to_it() {
    let server = Server::rclone(python::rclone());
    let home = server.home();
    let content: Vec<u8> = (0..20_u32 << 20)
        .map(|at| (at * 31 + at / 251) as u8)
        .collect();
    fs::create_dir_all(home.path().join("t/a b")).unwrap();
    fs::write(home.path().join("t/large"), &content).unwrap();
    fs::write(home.path().join("t/a b/100% +\u{fc}.txt"), "small").unwrap();
    let out = keyfob(&home, &["mb", "s3://bkt"]).ok();
    assert_eq!(out, "make_bucket: bkt\n");
    keyfob(&home, &["cp", "t", "s3://bkt/t", "--recursive"]).ok();
    keyfob(&home, &["cp", "s3://bkt/t", "s3://bkt/copy", "--recursive"]).ok();
    keyfob(&home, &["cp", "s3://bkt/copy", "back", "--recursive"]).ok();
    assert!(fs::read(home.path().join("back/large")).unwrap() == content);
    let small = fs::read(home.path().join("back/a b/100% +\u{fc}.txt")).unwrap();
    assert_eq!(small, b"small");
    let listed = keyfob(&home, &["ls", "s3://bkt/copy/"]).ok();
    assert!(
        listed.starts_with("                           PRE a b/\n"),
        "{listed}"
    );
    assert!(listed.ends_with("   20971520 large\n"), "{listed}");
    put_from_standard_input(&server, "bkt/stdin");
    let removed = keyfob(&home, &["rb", "s3://bkt", "--force"]).ok();
    assert_eq!(removed.lines().count(), 7, "{removed}");
}
