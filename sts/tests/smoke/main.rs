//! The checks of the fuzz targets on a fixed sequence of mutations, short enough for each test run.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

mod checks;

use checks::SECRET;

/// A xorshift generator. Its sequence is the same on each machine.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }

    /// Changes, duplicates, cuts or inserts a few bytes.
    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        const PIECES: [&[u8]; 12] = [
            b"&#x1b;",
            b"&amp;",
            b"<![CDATA[",
            b"</",
            b"\xC2\x9B",
            b"\xE2\x80\xAE",
            b"\0",
            b"\xFF",
            b":",
            b"/",
            b"%2F",
            SECRET.as_bytes(),
        ];
        let mut bytes = seed.to_vec();
        for _ in 0..=self.next(4) {
            let at = self.next(bytes.len());
            let end = at + self.next(bytes.len() - at);
            match self.next(5) {
                0 => bytes.truncate(at),
                1 if !bytes.is_empty() => bytes[at] ^= 1 << self.next(8),
                2 => bytes.extend_from_within(at..),
                3 => drop(bytes.drain(at..end)),
                _ => drop(bytes.splice(at..at, PIECES[self.next(PIECES.len())].iter().copied())),
            }
        }
        bytes
    }
}

fn run(number: u64, seeds: &[&str], rounds: usize, check: fn(&[u8])) {
    let mut random = Random(number);
    for seed in seeds {
        check(seed.as_bytes());
    }
    for round in 0..rounds {
        check(&random.mutate(seeds[round % seeds.len()].as_bytes()));
    }
}

#[test]
fn no_answer_causes_a_panic_and_no_error_shows_the_secret_that_it_repeats() {
    let credentials = "<Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>\
         <SecretAccessKey>c2VjcmV0LW9mLXRo/ZS1yZXF1ZXN0+Y2FuYXJ5</SecretAccessKey>\
         <SessionToken>c2VjcmV0LW9mLXRo/ZS1yZXF1ZXN0+Y2FuYXJ5</SessionToken>\
         <Expiration>2026-11-22T03:00:00.5Z</Expiration></Credentials>";
    let role = format!(
        "<?xml version='1.0'?><AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>\
         <AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser>\
         {credentials}<PackedPolicySize>6</PackedPolicySize></AssumeRoleResult></AssumeRoleResponse>"
    );
    let saml = role.replace("AssumeRoleRes", "AssumeRoleWithSAMLRes");
    let session = role.replace("AssumeRoleRes", "GetSessionTokenRes");
    let identity = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/a</Arn>\
         <UserId>A&#66;C</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let json = r#"{"roleList": [{"roleName": "a\u001b", "n": 1.5e3, "b": true, "m": {"k": null}}],
                   "nextToken": "t"}"#;
    let ec2 = "<CustomResponse><set><item><a>1</a></item><item/></set></CustomResponse>";
    let seeds = [&role, &saml, &session, identity, json, ec2];
    run(1, &seeds, 700, checks::answer);
}

#[test]
#[cfg(feature = "sso")]
fn no_answer_of_identity_center_causes_a_panic() {
    let seeds = [
        r#"{"clientId": "a", "clientSecret": "b", "clientSecretExpiresAt": 1795780800}"#,
        r#"{"deviceCode": "a", "userCode": "BCDF-GHJK", "verificationUri": "u", "interval": 1}"#,
        r#"{"accessToken": "a", "expiresIn": 3600, "refreshToken": "b"}"#,
        r#"{"roleCredentials": {"accessKeyId": "ASIA", "secretAccessKey": "b", "sessionToken": "c",
            "expiration": 1795780800000}}"#,
        r#"{"accountList": [{"accountId": "1", "accountName": "a"}], "nextToken": "1"}"#,
        r#"{"roleList": [{"roleName": "Admin", "accountId": "1"}]}"#,
    ];
    run(9, &seeds, 1500, checks::sso_answer);
}

#[test]
#[cfg(feature = "sso")]
fn every_token_file_that_is_read_is_written_as_it_is_read() {
    let seeds = [
        r#"{"startUrl": "https://d-1.awsapps.com/start", "region": "eu-west-1", "accessToken": "a",
            "expiresAt": "2026-11-22T03:00:00Z", "clientId": "b", "clientSecret": "c",
            "registrationExpiresAt": "2027-01-01T00:00:00UTC", "refreshToken": "d"}"#,
        r#"{"accessToken": "a", "expiresAt": "2026-11-22T03:00:00.5+01:00", "x": [1, 2.5e3, null,
            {"y": "\u00e9\ud83e\udd80"}]}"#,
        r#"{"clientId": "b", "clientSecret": "c", "expiresAt": "2027-01-01T00:00:00Z",
            "scopes": ["s"], "grantTypes": ["authorization_code"]}"#,
    ];
    run(10, &seeds, 6000, checks::token_file);
}

#[test]
#[cfg(feature = "signin")]
fn every_login_file_that_is_read_is_written_as_it_is_read() {
    // An example of botocore and the SDK for Rust.
    let key = r"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIPt/u8InPLpQeQLJTvVX+sNDzni8vMDMt3Liu+nMBigfoAoGCCqGSM49\nAwEHoUQDQgAEILkGG7rNOnxiIJlMgimY1UPP8eDMFP0DAY6WGjngP4bvTAiUCQ/I\nffut2379uP+OBCm2ovGpBOJRgrl1RspUOQ==\n-----END EC PRIVATE KEY-----\n";
    let token = r#"{"accessKeyId": "ASIA", "secretAccessKey": "b", "sessionToken": "c",
        "accountId": "123456789012", "expiresAt": "2026-11-22T03:00:00.123Z"}"#;
    let file = format!(
        r#"{{"accessToken": {token}, "tokenType": "aws_sigv4", "clientId": "d", "refreshToken": "e",
            "idToken": "f.e30.g", "dpopKey": "{key}", "signInRegion": "eu-west-1", "x": [1.5, null]}}"#
    );
    let answer = format!(
        r#"{{"accessToken": {token}, "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "e"}}"#
    );
    run(
        11,
        &[
            &file,
            &key.replace("\\n", "\n"),
            &answer,
            // The Base64 of `state=s&code=c`.
            "c3RhdGU9cyZjb2RlPWM=",
        ],
        1000,
        checks::login_file,
    );
}

#[test]
fn no_error_of_a_service_shows_the_secret_or_a_control_character() {
    let error = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>Bad{SECRET}</Code><Message>of {SECRET} &amp; \
         &#x9b;\u{9b}</Message></Error><RequestId>{SECRET}</RequestId></ErrorResponse>"
    );
    let ec2 = "<Response><Errors><Error><Code>A</Code><message/></Error></Errors><RequestID>i</RequestID></Response>";
    let seeds = [
        error.as_str(),
        ec2,
        "{\"__type\":\"A\"}",
        "{\"error\":\"a\",\"error_description\":\"b\",\"c\":[1,{\"d\":null}]}",
        "<html>Bad Gateway",
        SECRET,
    ];
    run(2, &seeds, 3000, checks::error);
}

#[test]
fn every_parameter_is_read_back_from_the_form() {
    let seeds = [
        "Tags.member.1.Key=a",
        "RoleSessionName=a+b c/ü%",
        "x=",
        "=&=",
        "A\u{1b}",
    ];
    run(3, &seeds, 6000, checks::form);
}

#[test]
fn no_url_and_no_region_leads_to_another_host() {
    let seeds = [
        "http://localhost:5000",
        "https://user:pw@sts.example.com/a?b#c",
        "HTTP://[::ffff:127.0.0.1]:1/x",
        "us-gov-west-1",
        "aws-global",
    ];
    run(4, &seeds, 6000, checks::endpoint);
}

#[test]
fn every_principal_is_the_end_of_its_arn() {
    let seeds = [
        "arn:aws:iam::1:user/a/b/c",
        "arn:aws-cn:sts::1:assumed-role/r/s",
        "arn:aws-us-gov:sts::1:federated-user/f",
        "arn:aws:iam::1:root",
        "AKIAIOSFODNN7EXAMPLE",
    ];
    run(5, &seeds, 20_000, checks::principal);
}

#[test]
fn no_trust_policy_causes_a_panic_and_a_deny_always_wins() {
    let statement = r#"{"Sid": "a", "Effect": "Allow", "Principal": {"AWS": ["111122223333", "*"]},
        "Action": ["sts:Assume*"], "Condition": {"StringLike": {"sts:ExternalId": "*${aws:TagKeys, 'x'}*"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}, "Null": {"aws:SourceIp": false}}}"#;
    let deny = r#"{"Effect": "Deny", "NotPrincipal": {"Service": "ec2.amazonaws.com"}, "NotAction": "sts:T?g",
        "Condition": {"IpAddressIfExists": {"aws:SourceIp": "::/0"}, "DateLessThan": {"aws:CurrentTime": "2026-01-01"},
        "ArnNotLike": {"aws:PrincipalArn": "arn:*:iam::1:user/*"}, "NumericEquals": {"a:b": 1e300}}}"#;
    let seeds = [
        format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}, {deny}]}}"#),
        format!(r#"{{"Version": "2012-10-17", "Statement": {statement}}}"#),
        format!(r#"{{"Statement": {deny}}}"#),
    ];
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    run(6, &seeds, 20_000, checks::trust);
}

#[test]
fn what_is_found_in_an_error_is_a_part_of_it_and_can_be_encoded() {
    let blob = "4GIOHlTkIaWHQD0Q0m-E9Y8hKZz_qH".repeat(4);
    let before = "│ You are not authorized. Encoded authorization failure message:";
    let seeds = [
        format!("{before} {blob}\n│ {blob}\n│ ab\n"),
        format!("{before} \"{blob}\" (x)\n\u{1b}[31m{before}\n> {blob}"),
        format!("x {blob} y\r\n{blob}"),
        blob,
        r#"{"allowed": false, "explicitDeny": true, "matchedStatements": {"items": [{"statementId": "a",
            "effect": "DENY"}]}, "context": {"principal": {"arn": "a"}, "action": "b", "resource": "c"}}"#
            .to_owned(),
    ];
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    run(7, &seeds, 20_000, checks::decision);
}

#[test]
fn no_saml_response_causes_a_panic_and_what_is_sent_is_what_was_read() {
    let attribute = "Attribute Name='https://aws.amazon.com/SAML/Attributes/Role'";
    let xml = format!(
        "<?xml version='1.0'?><p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol' \
         xmlns='urn:oasis:names:tc:SAML:2.0:assertion' Destination='https://a'><p:Status><p:StatusCode \
         Value='urn:oasis:names:tc:SAML:2.0:status:Success'/></p:Status><Assertion><Issuer>{SECRET}</Issuer>\
         <Subject><NameID>a&#66;</NameID><SubjectConfirmation><SubjectConfirmationData \
         NotOnOrAfter='2026-11-22T03:00:00.5Z'/></SubjectConfirmation></Subject><AttributeStatement>\
         <{attribute}><AttributeValue>arn:aws:iam::1:role/r,arn:aws:iam::1:saml-provider/p</AttributeValue>\
         </Attribute></AttributeStatement></Assertion></p:Response>"
    );
    let seeds = [
        xml.as_str(),
        "SAMLResponse=PHA6UmVzcG9uc2UvPg%3D%3D&RelayState=a",
        "PHA6UmVzcG9uc2UvPg==",
    ];
    run(8, &seeds, 20_000, checks::saml);
}
