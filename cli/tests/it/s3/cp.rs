use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use sha2::{Digest as _, Sha256};

use super::{
    aws,
    fault_proxy::{Fault, FaultProxy, Request},
    home, keyfob, lines, put, server,
};
use crate::{
    keyfob::{Home, assert_has},
    servers::Server,
};

pub(super) const MIB: usize = 1 << 20;

/// Returns bytes that repeat nowhere in a part.
pub(super) fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        let next = (bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bytes.extend(next.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(super) fn write(home: &Home, name: &str, content: impl AsRef<[u8]>) {
    let path = home.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Returns the files below a folder, with their times in seconds and their content.
pub(super) fn tree(folder: &Path) -> BTreeMap<String, (u64, Vec<u8>)> {
    let mut files = BTreeMap::new();
    let mut rest = vec![folder.to_owned()];
    while let Some(at) = rest.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                rest.push(path);
                continue;
            }
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            let modified = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let name = path
                .strip_prefix(folder)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            files.insert(name, (modified.as_secs(), fs::read(path).unwrap()));
        }
    }
    files
}

/// Writes to standard input, and returns the code and what is written to standard error.
fn with_input(home: &Home, words: &[&str], input: &[u8]) -> (i32, String) {
    let mut command = home.program(env!("CARGO_BIN_EXE_keyfob"));
    let mut child = pipes(command.arg("s3").args(words)).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"");
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn to_output(home: &Home, uri: &str) -> Vec<u8> {
    let mut command = home.program(env!("CARGO_BIN_EXE_keyfob"));
    let output = pipes(command.args(["s3", "cp", uri, "-"]))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn pipes(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
}

/// Runs both programs without doing anything, and compares what they would do.
#[track_caller]
pub(super) fn same_plans(home: &Home, plans: &[&[&str]]) {
    let plans: Vec<Vec<&str>> = plans
        .iter()
        .map(|words| [*words, &["--dryrun"]].concat())
        .collect();
    let plans: Vec<&[&str]> = plans.iter().map(Vec::as_slice).collect();
    for (theirs, words) in aws(home, &plans).into_iter().zip(plans) {
        let ours = keyfob(home, words);
        assert_eq!(ours.code, theirs.code, "{words:?} {ours:?} {theirs:?}");
        assert_eq!(lines(&ours.stdout), lines(&theirs.stdout), "{words:?}");
        assert_eq!(ours.stderr.trim(), theirs.stderr.trim(), "{words:?}");
    }
}

#[test]
fn files_and_objects_are_copied_as_by_aws() {
    let server = server();
    let home = home(&server);
    the_same_is_planned(&server, &home);
    objects_have_the_bytes_of_files(&home);
    streams_are_copied(&home);
    trees_are_copied(&server, &home);
    requests_have_the_headers_of_aws(&server, &home);
    failures_have_the_words_of_aws(&home);
}

fn the_same_is_planned(server: &Server, home: &Home) {
    for name in [
        "t/a.txt",
        "t/b c.txt",
        "t/a/1",
        "t/a-b",
        "t/a.d/x.rs",
        "t/.hidden",
        "t/\u{fc}.txt",
        "one",
        "other/x",
    ] {
        write(home, name, name);
    }
    put(
        server,
        "keys",
        ["p/q/", "p/q/r.txt", "p/s.rs", "glob/[x].txt"],
    );
    let mut plans: Vec<&[&str]> = vec![
        &["cp", "one", "s3://bucket"],
        &["cp", "one", "s3://bucket/"],
        &["cp", "./one", "s3://bucket/two"],
        &["cp", "t/../one", "s3://bucket/dir/"],
        &["cp", "t/a.txt", "s3://bucket/x", "--exclude", "*"],
        &[
            "cp",
            "t/a.txt",
            "s3://bucket/x",
            "--exclude",
            "*",
            "--include",
            "a.*",
        ],
        &["cp", "t", "s3://bucket", "--recursive"],
        &["cp", "t/", "s3://bucket/into", "--recursive"],
        &[
            "cp",
            ".",
            "s3://bucket/into/",
            "--recursive",
            "--exclude",
            "*",
            "--include",
            "t/*",
        ],
        &[
            "cp",
            "t",
            "s3://bucket",
            "--recursive",
            "--exclude",
            "*.txt",
            "--include",
            "a.*",
        ],
        &["cp", "t", "s3://bucket", "--recursive", "--exclude", "a/*"],
        &["cp", "s3://keys/plain.txt", "."],
        &["cp", "s3://keys/plain.txt", "new.txt"],
        &["cp", "s3://keys/plain.txt", "new/"],
        &["cp", "s3://keys/plain.txt", "t"],
        &["cp", "s3://keys/dir//double", "../x"],
        &["cp", "s3://keys/dir", "t/into", "--recursive"],
        &["cp", "s3://keys/p", "t/into", "--recursive"],
        &["cp", "s3://keys/p/", ".", "--recursive", "--exclude", "q/*"],
        &["cp", "s3://keys/plain.txt", "s3://bucket"],
        &["cp", "s3://keys/plain.txt", "s3://bucket/other"],
        &["cp", "s3://keys/dir", "s3://bucket/x", "--recursive"],
        &[
            "cp",
            "s3://keys",
            "s3://bucket",
            "--recursive",
            "--exclude",
            "*.txt",
        ],
        &["cp", "s3://keys", "into", "--recursive", "--include", "*"],
        &["cp", "s3://keys/glob/[x].txt", ".", "--exclude", "[[]x*"],
    ];
    if cfg!(unix) {
        std::os::unix::fs::symlink("../one", home.path().join("t/link")).unwrap();
        std::os::unix::fs::symlink("nowhere", home.path().join("t/broken")).unwrap();
        std::os::unix::fs::symlink("../other", home.path().join("t/folder")).unwrap();
        plans.extend([
            &["cp", "t", "s3://bucket", "--recursive", "--follow-symlinks"][..],
            &[
                "cp",
                "t",
                "s3://bucket",
                "--recursive",
                "--no-follow-symlinks",
            ],
            &["cp", "t/link", "s3://bucket", "--no-follow-symlinks"],
        ]);
    }
    same_plans(home, &plans);
    keyfob(
        home,
        &["cp", "s3://keys", "fresh", "--recursive", "--dryrun"],
    );
    assert!(!home.path().join("fresh").exists());
    fs::remove_dir_all(home.path().join("t")).unwrap();
    keyfob(home, &["rm", "s3://keys/p/", "--recursive"]).ok();
    keyfob(home, &["rm", "s3://keys/glob/[x].txt"]).ok();
}

fn objects_have_the_bytes_of_files(home: &Home) {
    for size in [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB] {
        let content = bytes(size);
        write(home, "in.bin", &content);
        let out = keyfob(home, &["cp", "in.bin", "s3://bucket/big/o.bin"]).ok();
        assert_eq!(out, "upload: ./in.bin to s3://bucket/big/o.bin\n");
        let out = keyfob(home, &["cp", "s3://bucket/big/o.bin", "s3://bucket/copy"]).ok();
        assert_eq!(out, "copy: s3://bucket/big/o.bin to s3://bucket/copy\n");
        let out = keyfob(home, &["cp", "s3://bucket/copy", "out/of.bin"]).ok();
        assert_eq!(out, "download: s3://bucket/copy to out/of.bin\n");
        let copied = fs::read(home.path().join("out/of.bin")).unwrap();
        assert!(copied == content, "{size}: {}", copied.len());
        let names = fs::read_dir(home.path().join("out")).unwrap().count();
        assert_eq!(names, 1, "a temporary file is left");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = fs::metadata(home.path().join("out/of.bin")).unwrap();
        let usual = fs::metadata(home.path().join("in.bin")).unwrap();
        assert_eq!(metadata.permissions().mode(), usual.permissions().mode());
    }
    keyfob(home, &["rm", "s3://bucket", "--recursive"]).ok();
}

fn streams_are_copied(home: &Home) {
    for size in [0, 5, 8 * MIB, 17 * MIB] {
        let content = bytes(size);
        let run = with_input(home, &["cp", "-", "s3://bucket/stream"], &content);
        assert_eq!(run, (0, String::new()), "{size}");
        assert!(to_output(home, "s3://bucket/stream") == content, "{size}");
    }
    let words = ["cp", "-", "s3://bucket/stream", "--expected-size", "100"];
    assert_eq!(with_input(home, &words, b"less").0, 0);
    assert_eq!(to_output(home, "s3://bucket/stream"), b"less");
    // A reader that has enough is not an error.
    let shell = format!(
        "'{}' s3 cp s3://bucket/large - | head -c 3",
        env!("CARGO_BIN_EXE_keyfob")
    );
    with_input(home, &["cp", "-", "s3://bucket/large"], &bytes(4 * MIB));
    let mut command = home.program("sh");
    let output = command.args(["-c", &shell]).output().unwrap();
    assert_eq!((output.stdout, output.stderr), (bytes(3), Vec::new()));
    for words in [
        &["cp", "-", "s3://bucket/x", "--recursive"][..],
        &["cp", "-", "s3://bucket/"],
    ] {
        assert_eq!(with_input(home, words, b"").0, 252, "{words:?}");
    }
}

fn trees_are_copied(server: &Server, home: &Home) {
    // Keys that lead out of the folder are skipped, with exit code 2.
    let ours = keyfob(home, &["cp", "s3://keys", "ours", "--recursive"]);
    let theirs = aws(home, &[&["cp", "s3://keys", "theirs", "--recursive"]]).remove(0);
    assert_eq!((ours.code, theirs.code), (2, 2), "{ours:?} {theirs:?}");
    assert_eq!(ours.stderr, theirs.stderr);
    let name = |text: &str| text.replace("theirs", "ours");
    assert_eq!(lines(&ours.stdout), lines(&name(&theirs.stdout)));
    let [ours, theirs] = ["ours", "theirs"].map(|name| tree(&home.path().join(name)));
    assert_eq!(ours, theirs);
    assert!(ours.len() > 10);
    assert!(!home.path().join("up").exists());
    // There and back.
    let run = keyfob(home, &["cp", "ours", "s3://bucket/back", "--recursive"]);
    assert_eq!(run.ok().lines().count(), ours.len());
    let theirs = aws(home, &[&["cp", "s3://bucket/back", "again", "--recursive"]]).remove(0);
    assert_eq!(theirs.code, 0);
    let content = |name: &str| -> Vec<(String, Vec<u8>)> {
        let files = tree(&home.path().join(name)).into_iter();
        files.map(|(name, (_, content))| (name, content)).collect()
    };
    assert_eq!(content("again"), content("ours"));
    let many: Vec<String> = (0..1500).map(|n| format!("n/{}/{n}", n % 7)).collect();
    put(server, "many", many.iter().map(String::as_str));
    let out = keyfob(home, &["cp", "s3://many/n", "many", "--recursive"]).ok();
    assert_eq!(out.lines().count(), 1500);
    let files = tree(&home.path().join("many"));
    assert_eq!((files.len(), &files["3/10"].1[..]), (1500, &b"n/3/10"[..]));
    keyfob(
        home,
        &["cp", "many", "s3://many/copy", "--recursive", "--quiet"],
    )
    .ok();
    let out = keyfob(
        home,
        &["ls", "s3://many/copy", "--recursive", "--summarize"],
    )
    .ok();
    assert_has(&out, &["Total Objects: 1500"]);
    let out = keyfob(
        home,
        &[
            "cp",
            "s3://many/copy/3",
            "s3://many/c",
            "--recursive",
            "--json-lines",
        ],
    );
    let line = "{\"Operation\":\"copy\",\"Source\":\"s3://many/copy/3/3\",\"Destination\":\
                \"s3://many/c/3\"}\n";
    assert_has(&out.ok(), &[line]);
}

fn requests_have_the_headers_of_aws(server: &Server, home: &Home) {
    let flags = [
        "--acl",
        "private",
        "--storage-class",
        "STANDARD_IA",
        "--sse",
        "--metadata",
        "a=b,c=d e",
        "--cache-control",
        "max-age=1",
        "--content-disposition",
        "inline",
        "--content-encoding",
        "gzip",
        "--content-language",
        "de",
        "--expires",
        "2030-01-02T03:04:05Z",
        "--website-redirect",
        "/elsewhere",
        "--request-payer",
    ];
    for name in ["a.txt", "a.tar.gz", "a", "a.html", "a.JPG"] {
        write(home, name, "x");
    }
    let lines: Vec<Vec<&str>> = vec![
        [&["cp", "a.txt", "s3://bucket/h"][..], &flags].concat(),
        vec!["cp", "a.tar.gz", "s3://bucket/h"],
        vec!["cp", "a", "s3://bucket/h"],
        vec!["cp", "a.JPG", "s3://bucket/h"],
        vec!["cp", "a.txt", "s3://bucket/h", "--no-guess-mime-type"],
        vec!["cp", "a.html", "s3://bucket/h", "--content-type", "x/y"],
        vec!["cp", "s3://bucket/h", "s3://bucket/i", "--metadata", "a=b"],
        vec![
            "cp",
            "s3://bucket/h",
            "s3://bucket/i",
            "--metadata-directive",
            "REPLACE",
            "--content-type",
            "x/y",
        ],
        vec![
            "cp",
            "s3://bucket/h",
            "s3://bucket/i",
            "--metadata-directive",
            "COPY",
            "--metadata",
            "a=b",
        ],
        vec![
            "cp",
            "a.txt",
            "s3://bucket/secret",
            "--sse-c",
            "--sse-c-key",
            "fileb://key",
        ],
        vec![
            "cp",
            "s3://bucket/secret",
            "s3://bucket/i",
            "--sse-c-copy-source",
            "AES256",
            "--sse-c-copy-source-key",
            "fileb://key",
            "--sse-c",
            "AES256",
            "--sse-c-key",
            "fileb://other",
        ],
        vec![
            "cp",
            "s3://bucket/h",
            "s3://bucket/i",
            "--metadata",
            "{\"a\":\"b\"}",
            "--sse",
            "aws:kms",
            "--sse-kms-key-id",
            "k",
        ],
        vec!["cp", "s3://bucket/h", "s3://bucket/a b+c%/\u{fc}"],
    ];
    let lines: Vec<&[&str]> = lines.iter().map(Vec::as_slice).collect();
    let through = |proxy: &FaultProxy| {
        // Of the requests of version 1, the looks before are left out.
        let requests = proxy.requests().into_iter();
        let puts = requests.filter(|request| request.head.starts_with("PUT"));
        puts.map(|request| about_the_object(&request))
            .collect::<Vec<_>>()
    };
    let start = || FaultProxy::start(&server.url, |_, _| Fault::None);
    let [ours, theirs] = [start(), start()];
    let at = |proxy: &FaultProxy| {
        let home = server.home().with("AWS_ENDPOINT_URL", &proxy.url);
        for name in ["a.txt", "a.tar.gz", "a", "a.html", "a.JPG"] {
            write(&home, name, "x");
        }
        // Bytes that are not text.
        write(&home, "key", [0xff; 32]);
        write(&home, "other", [0xfe; 32]);
        home
    };
    for run in aws(&at(&theirs), &lines) {
        assert_eq!(run.code, 0, "{run:?}");
    }
    let home = at(&ours);
    for words in &lines {
        keyfob(&home, words).ok();
    }
    let (ours, theirs) = (through(&ours), through(&theirs));
    assert_eq!(ours.len(), lines.len());
    for ((ours, theirs), words) in ours.iter().zip(&theirs).zip(&lines) {
        assert_eq!(ours, theirs, "{words:?}");
    }
}

/// Returns the request line and the headers that say something of the object.
fn about_the_object(request: &Request) -> (String, BTreeMap<String, String>) {
    let headers = request.head.lines().skip(1).filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let name = name.to_ascii_lowercase();
        let is_of_object = name.starts_with("content-")
            || name.starts_with("x-amz-")
            || ["cache-control", "expires"].contains(&name.as_str());
        // Each program protects the body in its own way.
        let is_of_transport = [
            "sha256", "date", "checksum", "md5", "length", "sdk", "decoded", "trailer",
        ]
        .iter()
        .any(|part| name.contains(part));
        let value = value
            .trim_start_matches('/')
            .replace("aws-chunked,", "")
            .replace("aws-chunked", "");
        (is_of_object && !is_of_transport && !value.is_empty()).then_some((name, value))
    });
    (request.line().to_owned(), headers.collect())
}

fn failures_have_the_words_of_aws(home: &Home) {
    write(home, "one", "1");
    let missing: &[&[&str]] = &[
        &["cp", "s3://bucket/none", "x"],
        &["cp", "s3://bucket/none", "s3://bucket/y"],
        &["cp", "s3://none-of-these/p", "w", "--recursive"],
        &["cp", "one", "s3://none-of-these/k"],
        &["cp", "s3://bucket/none", "-"],
    ];
    for (theirs, words) in aws(home, missing).into_iter().zip(missing) {
        let stderr = keyfob(home, words).fails(1);
        assert_eq!(theirs.code, 1);
        // Without a look at the object before, the last one names the operation that it is about.
        if words[2] != "-" {
            assert_eq!(stderr, theirs.stderr, "{words:?}");
        }
    }
    assert!(!home.path().join("x").exists());
    let stderr = keyfob(home, &["cp", "none", "s3://bucket/k"]).fails(255);
    assert_has(&stderr, &["The user-provided path none does not exist."]);
    for words in [
        &["cp", "one", "two"][..],
        &["cp", "one"],
        &["cp", "-", "-"],
        &["cp", "one", "s3://bucket/k", "--metadata", "a=\u{fc}"],
        &["cp", "one", "s3://bucket/k", "--metadata", "a b=c"],
        &["cp", "one", "s3://bucket/k", "--checksum-mode", "ENABLED"],
        &["cp", "s3://bucket/k", "x", "--checksum-algorithm", "CRC32"],
        &["cp", "one", "s3://bucket/k", "--checksum-algorithm", "MD5"],
    ] {
        let run = keyfob(home, words);
        assert_eq!(run.code, 252, "{words:?} {run:?}");
    }
    let stderr = keyfob(home, &["cp", ".", "s3://bucket/k"]).fails(1);
    assert_has(
        &stderr,
        &["upload failed: ", " to s3://bucket/k ", "s a directory"],
    );
    #[cfg(unix)]
    {
        let fifo = home.path().join("special/fifo");
        fs::create_dir_all(fifo.parent().unwrap()).unwrap();
        assert!(
            Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .unwrap()
                .success()
        );
        write(home, "special/ordinary", "x");
        let run = keyfob(home, &["cp", "special", "s3://bucket/s", "--recursive"]);
        assert_eq!(run.code, 2);
        assert_has(
            &run.stderr,
            &[
                "warning: Skipping file ",
                "/special/fifo. File is character",
            ],
        );
        assert_eq!(
            run.stdout,
            "upload: special/ordinary to s3://bucket/s/ordinary\n"
        );
    }
}

#[test]
fn faults_on_the_way_are_survived_or_leave_nothing() {
    let server = server();
    let home = home(&server);
    a_broken_download_goes_on_where_it_broke(&server, &home);
    parts_are_sent_again(&server, &home);
    a_file_that_becomes_shorter_is_not_uploaded(&server, &home);
    an_upload_that_fails_is_aborted(&server, &home);
    an_error_in_an_answer_of_success_is_one(&server, &home);
}

pub(super) fn through(
    server: &Server,
    fault: impl Fn(usize, &Request) -> Fault + Send + Sync + 'static,
) -> (Home, FaultProxy) {
    let proxy = FaultProxy::start(&server.url, fault);
    (server.home().with("AWS_ENDPOINT_URL", &proxy.url), proxy)
}

fn a_broken_download_goes_on_where_it_broke(server: &Server, home: &Home) {
    let content = bytes(3 * MIB);
    write(home, "in", &content);
    keyfob(home, &["cp", "in", "s3://bucket/o"]).ok();
    let (cut, proxy) = through(server, |number, _| match number {
        0 | 1 => Fault::CutAnswer(MIB),
        _ => Fault::None,
    });
    keyfob(&cut, &["cp", "s3://bucket/o", "out"]).ok();
    assert!(fs::read(cut.path().join("out")).unwrap() == content);
    let requests = proxy.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[1].header("range").unwrap().starts_with("bytes=10"));
    assert_eq!(
        requests[1].header("if-match"),
        requests[2].header("if-match")
    );
    assert!(requests[1].header("if-match").is_some());
    // What breaks always is not half a file, and the one that was there stays.
    let (cut, _proxy) = through(server, |_, _| Fault::CutAnswer(MIB / 2));
    write(&cut, "out", "before");
    let stderr = keyfob(&cut, &["cp", "s3://bucket/o", "out"]).fails(1);
    assert_has(
        &stderr,
        &["download failed: s3://bucket/o to ./out GetObject: the connection broke"],
    );
    let names: Vec<_> = fs::read_dir(cut.path())
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(names, ["out"]);
    assert_eq!(fs::read(cut.path().join("out")).unwrap(), b"before");
    // The object has changed meanwhile.
    let (cut, _proxy) = through(server, |number, request| match number {
        0 => Fault::CutAnswer(MIB),
        _ => {
            assert!(request.header("if-match").is_some());
            Fault::Answer(
                "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n".to_owned(),
            )
        }
    });
    let stderr = keyfob(&cut, &["cp", "s3://bucket/o", "out"]).fails(1);
    assert_has(&stderr, &["(412)"]);
    assert!(!cut.path().join("out").exists());
}

fn parts_are_sent_again(server: &Server, home: &Home) {
    let content = bytes(20 * MIB);
    // The first two begin it, and look for others.
    let (faulty, proxy) = through(server, |number, _| match number {
        2 => Fault::Cut,
        3 => {
            let body = "<Error><Code>SlowDown</Code></Error>";
            Fault::Answer(format!(
                "HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ))
        }
        _ => Fault::None,
    });
    write(&faulty, "in", &content);
    keyfob(&faulty, &["cp", "in", "s3://bucket/parts"]).ok();
    let parts = |request: &&Request| request.line().contains("partNumber");
    assert_eq!(proxy.requests().iter().filter(parts).count(), 5);
    assert!(to_output(home, "s3://bucket/parts") == content);
    // On this machine nothing changes it on the way, so its hash is signed only on demand.
    for request in proxy.requests().iter().filter(parts) {
        let hash = request.header("x-amz-content-sha256");
        assert_eq!(hash, Some("UNSIGNED-PAYLOAD"));
    }
    let (faulty, proxy) = through(server, |number, _| match number {
        2 => Fault::Cut,
        _ => Fault::None,
    });
    let faulty = faulty.with_file(
        "config",
        "[default]\ns3 =\n payload_signing_enabled = true\n",
    );
    write(&faulty, "in", &content);
    keyfob(&faulty, &["cp", "in", "s3://bucket/parts"]).ok();
    assert_eq!(proxy.requests().iter().filter(parts).count(), 4);
    for request in proxy.requests().iter().filter(parts) {
        let hash = Sha256::digest(&request.body);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(request.header("x-amz-content-sha256"), Some(&*hash));
    }
}

/// A file becomes shorter when its upload has begun, or when its first part has to be sent again.
fn a_file_that_becomes_shorter_is_not_uploaded(server: &Server, home: &Home) {
    // Between these two, others are looked for.
    for at in [0, 2] {
        let path = Arc::new(OnceLock::<PathBuf>::new());
        let shortened = Arc::clone(&path);
        let (faulty, proxy) = through(server, move |number, _| {
            if number != at {
                return Fault::None;
            }
            let file = File::options().write(true).open(shortened.get().unwrap());
            file.unwrap().set_len(MIB as u64).unwrap();
            match number {
                0 => Fault::None,
                _ => Fault::Cut,
            }
        });
        write(&faulty, "in", bytes(9 * MIB));
        path.set(faulty.path().join("in")).unwrap();
        let stderr = keyfob(&faulty, &["cp", "in", "s3://bucket/shorter"]).fails(1);
        assert_has(
            &stderr,
            &[
                "upload failed: ./in to s3://bucket/shorter ",
                "it has become shorter while it was read",
            ],
        );
        let is_abort = |request: &Request| request.line().starts_with("DELETE /bucket/shorter?");
        assert!(proxy.requests().iter().any(is_abort));
        assert_eq!(keyfob(home, &["ls", "s3://bucket/shorter"]).code, 1);
    }
}

fn an_upload_that_fails_is_aborted(server: &Server, home: &Home) {
    let (faulty, proxy) = through(server, |_, request| {
        if !request.line().contains("partNumber=2") {
            return Fault::None;
        }
        let body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
        Fault::Answer(format!(
            "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    });
    write(&faulty, "in", bytes(20 * MIB));
    let stderr = keyfob(&faulty, &["cp", "in", "s3://bucket/never"]).fails(1);
    assert_eq!(
        stderr,
        "upload failed: ./in to s3://bucket/never An error occurred (AccessDenied) when calling the \
         UploadPart operation: no\n\
         hint: the credentials come from environment variables (AWS_ACCESS_KEY_ID, \
         AWS_SECRET_ACCESS_KEY)\n"
    );
    // The proxy may note a part that was on its way after the abort.
    let is_abort = |request: &Request| request.line().starts_with("DELETE /bucket/never?uploadId=");
    assert!(proxy.requests().iter().any(is_abort));
    assert_eq!(keyfob(home, &["ls", "s3://bucket/never"]).code, 1);
}

fn an_error_in_an_answer_of_success_is_one(server: &Server, home: &Home) {
    let failed = |request: &Request, operation: &str| {
        let is_it = match operation {
            "CopyObject" => request.header("x-amz-copy-source").is_some(),
            _ => request.line().starts_with("POST") && request.line().contains("uploadId"),
        };
        let body = "  \n<Error><Code>InternalError</Code><Message>try again</Message></Error>";
        is_it.then(|| {
            Fault::Answer(format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ))
        })
    };
    for (operation, words) in [
        (
            "CopyObject",
            ["cp", "s3://keys/plain.txt", "s3://bucket/twice"],
        ),
        ("CompleteMultipartUpload", ["cp", "in", "s3://bucket/twice"]),
    ] {
        let (faulty, _proxy) = through(server, move |_, request| {
            failed(request, operation).unwrap_or(Fault::None)
        });
        write(&faulty, "in", bytes(9 * MIB));
        let stderr = keyfob(&faulty, &words).fails(1);
        let text = format!(
            "An error occurred (InternalError) when calling the {operation} operation (reached max \
             retries: 4): try again\n"
        );
        assert_has(&stderr, &[&text]);
        assert_eq!(keyfob(home, &["ls", "s3://bucket/twice"]).code, 1);
    }
}
