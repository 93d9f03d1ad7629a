use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_sigv4::Timestamp;
use serde_json::Value;
use sha1::{Digest as _, Sha1};

use super::{
    Issued, assumed_role_user, packed_size,
    role::{duration, find_role, verdict},
    whole,
};
use crate::{
    saml::{Assertion, SamlRole},
    server::{
        account::{Account, Identity, Role, Session, host},
        query::{
            Parameters, check_name,
            xml::{element, optional},
        },
        refusal::Refusal,
    },
    trust::{Caller, Request, Verdict},
};

fn invalid_token(message: impl Into<String>) -> Refusal {
    Refusal::bad("InvalidIdentityToken", message)
}

/// Runs `AssumeRoleWithSAML`. The assertion names the role, the provider and the session.
pub(super) fn with_saml(
    account: &Account,
    parameters: &Parameters,
    now: Timestamp,
) -> Result<String, Refusal> {
    let role_arn = parameters.required("RoleArn")?;
    let provider = parameters.required("PrincipalArn")?;
    let assertion = Assertion::parse(parameters.required("SAMLAssertion")?)
        .map_err(|error| invalid_token(format!("Invalid SAML response: {error}")))?;
    let entity_id = account.state().providers.saml.get(provider).cloned();
    let entity_id = entity_id.ok_or_else(|| invalid_token("Specified provider doesn't exist"))?;
    if assertion.issuer() != entity_id {
        return Err(invalid_token("Issuer not present in specified provider"));
    }
    if assertion.expiry().is_some_and(|end| end <= now) {
        let message = "Token must be redeemed within 5 minutes of issuance";
        return Err(Refusal::bad("ExpiredTokenException", message));
    }
    let session_name = assertion.attribute("RoleSessionName").next();
    let session_name = session_name
        .ok_or_else(|| invalid_token("RoleSessionName is required in AuthnResponse"))?;
    check_name(session_name, "roleSessionName", 64).map_err(|_| {
        invalid_token("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
    })?;
    let is_asked = |role: &SamlRole| role.role_arn == role_arn && role.provider_arn == provider;
    let is_listed = assertion.roles().iter().any(is_asked);
    let (format, subject) = (
        subject_type(assertion.subject_format()),
        assertion.subject(),
    );
    let name_qualifier = name_qualifier(account, assertion.issuer(), provider);
    let request = federated("sts:AssumeRoleWithSAML", provider, session_name)
        .with("SAML:aud", [assertion.recipient()])
        .with("SAML:iss", [assertion.issuer()])
        .with("SAML:sub", [subject])
        .with("SAML:sub_type", [format])
        .with("SAML:namequalifier", [&name_qualifier]);
    let source_identity = assertion
        .attribute("SourceIdentity")
        .next()
        .map(str::to_owned);
    let request = with_source_identity(request, source_identity.as_deref());
    let role = trusting_role(account, role_arn, &request).filter(|_| is_listed);
    let role =
        role.ok_or_else(|| Refusal::denied("Not authorized to perform sts:AssumeRoleWithSAML"))?;
    let claims = element("Subject", subject)
        + &element("SubjectType", format)
        + &element("Issuer", assertion.issuer())
        + &element("Audience", assertion.recipient())
        + &element("NameQualifier", &name_qualifier);
    answer(
        account,
        parameters,
        &role,
        session_name,
        source_identity,
        &claims,
        now,
    )
}

/// Runs `AssumeRoleWithWebIdentity`, with a token of a provider of the account.
pub(super) fn with_web_identity(
    account: &Account,
    parameters: &Parameters,
    now: Timestamp,
) -> Result<String, Refusal> {
    let role_arn = parameters.required("RoleArn")?;
    let session_name = parameters.name("RoleSessionName", 64)?;
    let token = parameters.required("WebIdentityToken")?;
    let (claims, is_signed) = account.claims(token).ok_or_else(|| {
        invalid_token("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    })?;
    let claim = |name: &str| claims[name].as_str().unwrap_or_default();
    let (issuer, subject, audience) = (claim("iss"), claim("sub"), claim("aud"));
    let audiences = account.state().providers.oidc.get(issuer).cloned();
    let audiences = audiences.ok_or_else(|| {
        invalid_token(format!(
            "No OpenIDConnect provider found in your account for {issuer}"
        ))
    })?;
    check_token(&claims, is_signed, now)?;
    if !audiences.iter().any(|known| known == audience) {
        return Err(invalid_token("Incorrect token audience"));
    }
    let provider_host = host(issuer).map_err(|_| Refusal::internal())?;
    let provider = format!(
        "arn:aws:iam::{}:oidc-provider/{provider_host}",
        account.id()
    );
    let request = federated("sts:AssumeRoleWithWebIdentity", &provider, session_name)
        .with(format!("{provider_host}:aud"), [audience])
        .with(format!("{provider_host}:sub"), [subject])
        .with(format!("{provider_host}:iss"), [issuer]);
    let role = trusting_role(account, role_arn, &request);
    let role = role.ok_or_else(|| {
        Refusal::denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
    })?;
    let members = element("SubjectFromWebIdentityToken", subject)
        + &element("Provider", issuer)
        + &element("Audience", audience);
    answer(
        account,
        parameters,
        &role,
        session_name,
        None,
        &members,
        now,
    )
}

fn check_token(claims: &Value, is_signed: bool, now: Timestamp) -> Result<(), Refusal> {
    if !is_signed {
        return Err(invalid_token(
            "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
        ));
    }
    let (now, expiry) = (
        now.unix_seconds(),
        claims["exp"].as_i64().unwrap_or_default(),
    );
    if expiry <= now {
        let message = format!(
            "Token expired: current date/time {now} must be before the expiration date/time {expiry}"
        );
        return Err(Refusal::bad("ExpiredTokenException", message));
    }
    Ok(())
}

fn federated(action: &str, provider: &str, session_name: &str) -> Request {
    let caller = Caller::Federated {
        provider: provider.to_owned(),
    };
    Request::new(caller, action).with("sts:RoleSessionName", [session_name])
}

fn with_source_identity(request: Request, identity: Option<&str>) -> Request {
    match identity {
        Some(identity) => request.with("sts:SourceIdentity", [identity]),
        None => request,
    }
}

/// Returns the role, if the account has it and it trusts the caller.
fn trusting_role(account: &Account, arn: &str, request: &Request) -> Option<Role> {
    let role = find_role(account, arn).ok().flatten()?;
    (verdict(account, &role, request) == Verdict::Allowed).then_some(role)
}

fn answer(
    account: &Account,
    parameters: &Parameters,
    role: &Role,
    session_name: &str,
    source_identity: Option<String>,
    members: &str,
    now: Timestamp,
) -> Result<String, Refusal> {
    let seconds = duration(parameters, role)?;
    let packed_size = packed_size(parameters)?;
    let identity = Identity::session(role.name.as_str(), session_name);
    let user = assumed_role_user(account, &identity);
    let source = optional("SourceIdentity", source_identity.as_deref());
    let session = Session {
        source_identity,
        ..Session::default()
    };
    let expiry = whole(now).plus_seconds(seconds.into());
    let issued = Issued::new(account, parameters, identity, session, expiry)?;
    Ok(issued.credentials + &user + &packed_size + members + &source + &issued.sizes)
}

/// Returns the format of a name without its prefix.
fn subject_type(format: &str) -> &str {
    let prefix = "urn:oasis:names:tc:SAML:2.0:nameid-format:";
    format.strip_prefix(prefix).unwrap_or(format)
}

/// Returns the Base64 of the SHA-1 of issuer, account and name of the provider.
///
/// Source: STS API reference, `AssumeRoleWithSAML`, `NameQualifier`.
fn name_qualifier(account: &Account, issuer: &str, provider: &str) -> String {
    let (_, name) = provider.split_once("saml-provider/").unwrap_or_default();
    BASE64_STANDARD.encode(Sha1::digest(format!("{issuer}{}/{name}", account.id())))
}
