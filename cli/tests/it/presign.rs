use crate::keyfob::{Home, assert_has};

fn home() -> Home {
    Home::new()
        .with_key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        .with("AWS_REGION", "eu-west-1")
}

#[test]
fn a_url_is_valid_for_an_hour_by_default() {
    let url = home().keyfob(["s3", "presign", "s3://bucket/a b"]).ok();
    assert!(
        url.starts_with("https://bucket.s3.eu-west-1.amazonaws.com/a%20b?"),
        "{url}"
    );
    assert_has(&url, &["X-Amz-Expires=3600", "X-Amz-SignedHeaders=host&"]);
    let url = home()
        .keyfob(["s3", "presign", "s3://bucket/k", "--expires-in", "604800"])
        .ok();
    assert_has(&url, &["X-Amz-Expires=604800"]);
}

#[test]
fn more_than_a_week_is_a_warning_and_signed_as_a_week() {
    for seconds in ["604801", "700000"] {
        let line = ["s3", "presign", "s3://bucket/k", "--expires-in", seconds];
        let run = home().keyfob(line);
        assert_has(
            &run.stderr,
            &[
                "warning: --expires-in: S3 accepts at most 604800 s",
                seconds,
            ],
        );
        assert_has(&run.ok(), &["X-Amz-Expires=604800"]);
        let strict = home().keyfob(line.iter().chain(&["--strict"]));
        assert_has(&strict.fails(252), &["--expires-in"]);
    }
    for seconds in ["0", "-1", "18446744073709551615"] {
        let stderr = home()
            .keyfob(["s3", "presign", "s3://bucket/k", "--expires-in", seconds])
            .fails(252);
        assert_has(&stderr, &["--expires-in"]);
    }
    home()
        .keyfob(["s3", "presign", "s3://bucket/k", "--expires-in", "week"])
        .fails(255);
}

#[test]
fn an_endpoint_with_a_name_has_the_bucket_in_the_path_unless_the_profile_says_virtual() {
    let presign = |home: &Home, words: &[&str]| {
        let line = ["s3", "presign", "s3://bkt/k"];
        home.keyfob(words.iter().chain(&line)).ok()
    };
    for url in [
        "http://localhost:9000",
        "http://minio.corp:9000",
        "https://s3.example.com/base",
    ] {
        let expected = format!("{url}/bkt/k?");
        let from_argument = presign(&home(), &["--endpoint-url", url]);
        assert!(from_argument.starts_with(&expected), "{from_argument}");
        for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
            let from_env = presign(&home().with(variable, url), &[]);
            assert!(from_env.starts_with(&expected), "{from_env}");
        }
    }
    let config = "[default]\ns3 =\n  addressing_style = virtual\n";
    let in_host = home().with_file("config", config);
    let url = presign(&in_host, &["--endpoint-url", "http://minio.corp:9000/base"]);
    assert!(
        url.starts_with("http://bkt.minio.corp:9000/base/k?"),
        "{url}"
    );
}

#[test]
fn method_headers_and_parameters_are_signed() {
    let url = home()
        .keyfob([
            "s3",
            "presign",
            "s3://bucket/k",
            "--method",
            "PUT",
            "--content-type",
            "text/plain",
            "--header",
            "x-amz-meta-a: b",
            "--version-id",
            "v/1",
            "--response-content-disposition",
            "attachment; filename=\"x\"",
        ])
        .ok();
    assert_has(
        &url,
        &[
            "versionId=v%2F1",
            "response-content-disposition=attachment%3B%20filename%3D%22x%22",
            "X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-meta-a",
        ],
    );
}

#[test]
fn credentials_that_expire_before_the_url_cause_a_warning() {
    let line = [
        "--sandbox",
        "s3",
        "presign",
        "s3://bucket/k",
        "--expires-in",
        "7200",
    ];
    let run = Home::new().keyfob(line);
    assert_has(&run.stderr, &["warning: the URL stops working at "]);
    run.ok();
    let stderr = Home::new()
        .keyfob(line.iter().chain(&["--strict"]))
        .fails(253);
    assert_has(&stderr, &["the URL stops working at "]);
}

#[test]
fn a_uri_without_bucket_or_key_is_refused() {
    for uri in ["s3://bucket", "s3://bucket/", "bucket", "s3://b@d/k"] {
        assert_has(
            &home().keyfob(["s3", "presign", uri]).fails(252),
            &["S3URI", "s3://BUCKET/KEY"],
        );
    }
}

#[test]
fn a_key_with_dot_segments_causes_a_warning() {
    let run = home().keyfob(["s3", "presign", "s3://bucket/../x"]);
    assert_has(&run.stderr, &["warning: ", "--path-as-is"]);
    assert_has(&run.ok(), &["amazonaws.com/../x?"]);
}
