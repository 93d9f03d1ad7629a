//! SAML responses as identity providers send them, and as attackers and accidents change them.
#![allow(
    clippy::expect_used,
    reason = "a helper that fails should fail with its line"
)]

use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_sts::{ErrorKind, saml::Assertion};

const ROLE: &str = "arn:aws:iam::111122223333:role/path/dev";
const PROVIDER: &str = "arn:aws:iam::111122223333:saml-provider/idp";

/// A response with the prefixes, the signature and the white space of a real one.
fn response(roles: &str) -> String {
    format!(
        r##"<?xml version="1.0" encoding="UTF-8"?>
<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"
    ID="_r" Version="2.0" IssueInstant="2026-11-27T12:00:00Z" Destination="https://signin.aws.amazon.com/saml">
  <saml:Issuer>https://other.example.com</saml:Issuer>
  <samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
  <saml:Assertion ID="_a" Version="2.0" IssueInstant="2026-11-27T12:00:00Z">
    <saml:Issuer>https://idp.example.com/metadata</saml:Issuer>
    <ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:Reference URI="#_a"/></ds:SignedInfo></ds:Signature>
    <saml:Subject>
      <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:emailAddress">ada<!-- a comment -->@example.com</saml:NameID>
      <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
        <saml:SubjectConfirmationData NotOnOrAfter="2026-11-27T12:05:00.500Z" Recipient="https://signin.aws.amazon.com/saml"/>
      </saml:SubjectConfirmation>
    </saml:Subject>
    <saml:AuthnStatement AuthnInstant="2026-11-27T12:00:00Z" SessionNotOnOrAfter="2026-11-27T20:00:00Z"/>
    <saml:AttributeStatement>
      <saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName"><saml:AttributeValue>ada&amp;co</saml:AttributeValue></saml:Attribute>
      <saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/SessionDuration"><saml:AttributeValue>7200</saml:AttributeValue></saml:Attribute>
      <saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/Role">{roles}</saml:Attribute>
    </saml:AttributeStatement>
  </saml:Assertion>
</samlp:Response>"##
    )
}

fn value(text: &str) -> String {
    format!("<saml:AttributeValue>{text}</saml:AttributeValue>")
}

fn parse(text: &str) -> Assertion {
    Assertion::parse(text).expect("a response")
}

#[test]
fn a_response_tells_its_roles_times_and_names() {
    let assertion = parse(&response(&value(&format!("{ROLE},{PROVIDER}"))));
    assert_eq!(assertion.issuer(), "https://idp.example.com/metadata");
    assert_eq!(assertion.subject(), "ada@example.com");
    assert!(assertion.subject_format().ends_with(":emailAddress"));
    assert_eq!(
        assertion.destination(),
        Some("https://signin.aws.amazon.com/saml")
    );
    assert_eq!(assertion.recipient(), "https://signin.aws.amazon.com/saml");
    assert_eq!(
        assertion.expiry().map(|at| at.to_string()).as_deref(),
        Some("2026-11-27T12:05:00.500Z")
    );
    assert_eq!(
        assertion
            .session_expiry()
            .map(|at| at.to_string())
            .as_deref(),
        Some("2026-11-27T20:00:00Z")
    );
    assert_eq!(assertion.session_duration().map(u32::from), Some(7200));
    assert_eq!(
        assertion.attribute("RoleSessionName").collect::<Vec<_>>(),
        ["ada&co"]
    );
    assert!(!assertion.is_encrypted());
}

#[test]
fn role_and_provider_stand_in_either_order() {
    let china = "arn:aws-cn:iam::444455556666:role/ops";
    let china_provider = "arn:aws-cn:iam::444455556666:saml-provider/role/idp";
    let roles = [
        format!("{ROLE},{PROVIDER}"),
        format!("\n  {china_provider} ,\n {china}\n"),
        // None of these is a role and a provider.
        ROLE.to_owned(),
        format!("{ROLE},{ROLE}"),
        format!("{PROVIDER},{PROVIDER}"),
        "role/a,saml-provider/b".to_owned(),
        String::new(),
    ];
    let roles: String = roles.iter().map(|role| value(role)).collect();
    let roles = parse(&response(&roles)).roles();
    let roles: Vec<_> = roles
        .iter()
        .map(|role| (role.role_arn.as_str(), role.provider_arn.as_str()))
        .collect();
    assert_eq!(roles, [(ROLE, PROVIDER), (china, china_provider)]);
}

#[test]
fn a_role_that_several_groups_have_is_offered_once() {
    let others = ["b", "a"].map(|name| format!("{ROLE}-{name},{PROVIDER}"));
    let [b, a] = others.each_ref().map(String::as_str);
    let (twice, turned) = (format!("{ROLE},{PROVIDER}"), format!("{PROVIDER},{ROLE}"));
    let roles = [b, &twice, a, &twice, &turned, b].map(value).concat();
    let roles = parse(&response(&roles)).roles();
    let roles: Vec<_> = roles.iter().map(|role| role.role_arn.as_str()).collect();
    let offered = ["-b", "", "-a"].map(|end| format!("{ROLE}{end}"));
    assert_eq!(roles, offered);
}

#[test]
fn base64_is_read_as_browsers_post_it_and_people_paste_it() {
    let xml = response(&value(&format!("{ROLE},{PROVIDER}")));
    let base64 = BASE64_STANDARD.encode(&xml);
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(76)
        .map(String::from_utf8_lossy)
        .collect();
    let escaped = base64
        .replace('+', "%2B")
        .replace('/', "%2f")
        .replace('=', "%3D");
    for text in [
        base64.clone(),
        format!("\n{}\r\n", lines.join("\r\n")),
        escaped.clone(),
        format!("SAMLResponse={escaped}"),
        format!("SAMLResponse={escaped}&RelayState=x%3Dy"),
    ] {
        let assertion = parse(&text);
        assert_eq!(assertion.roles()[0].role_arn, ROLE);
        assert_eq!(assertion.encoded().expose(), base64);
    }
    assert_eq!(parse(&xml).encoded().expose(), base64);
    // As editors of Windows write it.
    assert_eq!(parse(&format!("\u{feff}{xml}")).encoded().expose(), base64);
}

#[test]
fn only_the_assertion_in_its_place_is_read() {
    let good = response(&value(&format!("{ROLE},{PROVIDER}")));
    let start = good.find("<saml:Assertion").unwrap_or_default();
    let end = good.find("</samlp:Response>").unwrap_or_default();
    let assertion = &good[start..end];
    let evil = assertion.replace(ROLE, "arn:aws:iam::111122223333:role/admin");
    let before = |text: &str| good.replacen(assertion, &format!("{text}{assertion}"), 1);
    for (text, reason) in [
        (before(&evil), "more than one assertion"),
        (
            before(&format!("<samlp:Extensions>{evil}</samlp:Extensions>")),
            "more than one assertion",
        ),
        (
            good.replace(
                "<ds:SignedInfo>",
                &format!("<ds:Object>{evil}</ds:Object><ds:SignedInfo>"),
            ),
            "more than one assertion",
        ),
        (
            good.replacen(
                assertion,
                &format!("<samlp:Extensions>{assertion}</samlp:Extensions>"),
                1,
            ),
            "not directly in it",
        ),
        (
            assertion.replacen(
                "<saml:Assertion",
                "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
                1,
            ),
            "not directly in it",
        ),
        (good.replacen(assertion, "", 1), "no assertion"),
        // The names of other vocabularies are other names.
        (
            good.replace("urn:oasis:names:tc:SAML:2.0:assertion", "urn:example"),
            "no assertion",
        ),
        ("<a/>".to_owned(), "no assertion"),
    ] {
        let error = Assertion::parse(&text).expect_err(reason);
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(reason), "{error}: {reason}");
    }
    // An attribute outside the assertion's own statement offers nothing.
    let roles = value(&format!("{ROLE},{PROVIDER}"));
    let attribute = format!(
        "<saml:Attribute Name=\"https://aws.amazon.com/SAML/Attributes/Role\">{roles}</saml:Attribute>"
    );
    let moved = response("").replace("</saml:Subject>", &format!("{attribute}</saml:Subject>"));
    assert_eq!(parse(&moved).roles(), []);
}

#[test]
fn entities_and_damage_are_refused_without_repeating_the_response() {
    let good = response(&value(&format!("{ROLE},{PROVIDER}")));
    let doctype = good.replacen(
        "<samlp:Response",
        "<!DOCTYPE r [<!ENTITY a \"canary\"><!ENTITY b \"&a;&a;\">]><samlp:Response",
        1,
    );
    for (text, reason) in [
        (doctype, "document type"),
        (good.replace("ada&amp;co", "&canary;"), "well-formed"),
        (good.replace("ada&amp;co", "&#xFFFFFF;"), "well-formed"),
        (good.replace("</samlp:Response>", ""), "in the middle"),
        (
            good.replace("</saml:Subject>", "</saml:canary>"),
            "well-formed",
        ),
        ("canary!".to_owned(), "neither XML nor the Base64"),
        ("%".to_owned(), "neither XML nor the Base64"),
        ("%e2%8".to_owned(), "neither XML nor the Base64"),
        (
            BASE64_STANDARD.encode([0xff, 0xfe]),
            "neither XML nor the Base64",
        ),
        (format!("{good}<samlp:Response/>"), "well-formed"),
        (format!("{good} canary"), "well-formed"),
        (
            BASE64_STANDARD.encode(format!("canary {good}")),
            "well-formed",
        ),
        (
            good.replacen("ID=\"_r\"", "ID=\"_r\" ID=\"canary\"", 1),
            "well-formed",
        ),
        (
            good.replacen("</samlp:Status>", "</samlp:Status><samlp:Status/>", 1),
            "well-formed",
        ),
        (String::new(), "no assertion"),
    ] {
        let error = Assertion::parse(&text).expect_err(reason);
        assert!(error.to_string().contains(reason), "{error}: {reason}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}

#[test]
fn a_failure_of_the_identity_provider_is_told() {
    let failed = r#"<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"><p:Status>
        <p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder">
        <p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"/></p:StatusCode></p:Status></p:Response>"#;
    let error = Assertion::parse(failed).expect_err("a failure");
    assert!(error.to_string().contains("(AuthnFailed)"), "{error}");
}

#[test]
fn an_encrypted_assertion_has_no_roles_here() {
    let text = r#"<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns="urn:oasis:names:tc:SAML:2.0:assertion">
        <EncryptedAssertion><e:EncryptedData xmlns:e="http://www.w3.org/2001/04/xmlenc#"/></EncryptedAssertion></p:Response>"#;
    let assertion = parse(text);
    assert!(assertion.is_encrypted() && assertion.roles().is_empty());
}

#[test]
fn deep_and_wide_responses_are_read_in_linear_time() {
    let deep = "<a>".repeat(20_000) + &"</a>".repeat(20_000);
    let wide = (0..2_000).map(|at| value(&format!("{ROLE}{at},{PROVIDER}")));
    let wide: String = wide.collect();
    let text = response(&wide).replace("</saml:Subject>", &format!("{deep}</saml:Subject>"));
    assert_eq!(parse(&text).roles().len(), 2_000);
}
