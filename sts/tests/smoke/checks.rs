//! What must hold for each input, whether a mutation of this test or of a fuzz target made it.

use http::{HeaderValue, Response};
use keyfob_sts::{
    Endpoint, Error, ErrorKind, KeyKind, Partition, Principal,
    actions::{
        AssumeRole, AssumeRoleWithSaml, AssumeRoleWithWebIdentity, AssumeRoot,
        DecodeAuthorizationMessage, GetAccessKeyInfo, GetCallerIdentity, GetDelegatedAccessToken,
        GetFederationToken, GetScopedCredentials, GetSessionToken, GetWebIdentityToken,
    },
    call::{Call, Operation, Pages, Protocol, Reply, Service},
    decision::{Decision, Verdict as DecisionVerdict, encoded_messages},
    saml::Assertion,
    trust::{Caller, Request, StatementReport, TrustPolicy, Verdict},
};

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

/// A secret that answers repeat, and that no part of an error may show.
pub(crate) const SECRET: &str = "c2VjcmV0LW9mLXRo/ZS1yZXF1ZXN0+Y2FuYXJ5";

/// Reads an answer as the result of each action.
pub(crate) fn answer(body: &[u8]) {
    let role = AssumeRole::new(ROLE, "s1").unwrap();
    let web = AssumeRoleWithWebIdentity::new(ROLE, "s1", SECRET).unwrap();
    let saml = AssumeRoleWithSaml::new(ROLE, ROLE, SECRET).unwrap();
    read(&role, body);
    read(&web, body);
    read(&saml, body);
    read(&AssumeRoot::new("123456789012", ROLE).unwrap(), body);
    read(&DecodeAuthorizationMessage::new("m").unwrap(), body);
    read(
        &GetAccessKeyInfo::new("AKIAIOSFODNN7EXAMPLE").unwrap(),
        body,
    );
    read(&GetCallerIdentity::new(), body);
    read(&GetDelegatedAccessToken::new(SECRET).unwrap(), body);
    read(&GetFederationToken::new("bob").unwrap(), body);
    read(&GetScopedCredentials::new(), body);
    read(&GetSessionToken::new(), body);
    read(&GetWebIdentityToken::new("a", "ES384").unwrap(), body);
    for service in [&Service::SSO, &EC2] {
        read(&Custom(Operation::new(service, "Custom")), body);
    }
}

/// Reads an answer as the result of each call of IAM Identity Center.
#[cfg(feature = "sso")]
pub(crate) fn sso_answer(body: &[u8]) {
    use keyfob_sts::sso::{
        CreateToken, GetRoleCredentials, ListAccountRoles, ListAccounts, RegisterClient,
        StartDeviceAuthorization,
    };

    let account = "123456789012";
    read(&RegisterClient::new("a").unwrap(), body);
    let start_url = "https://d-1.awsapps.com/start";
    let device = StartDeviceAuthorization::new("a", SECRET, start_url);
    read(&device.unwrap(), body);
    let token = CreateToken::refresh_token("a", SECRET, SECRET);
    read(&token.unwrap(), body);
    let role = GetRoleCredentials::new(SECRET, account, "Admin");
    read(&role.unwrap(), body);
    read(&ListAccounts::new(SECRET), body);
    let roles = ListAccountRoles::new(SECRET, account);
    read(&roles.unwrap(), body);
}

/// Reads a file as a token and as a registration. What is read once is written in a form that is
/// read as the same, and errors repeat nothing.
#[cfg(feature = "sso")]
pub(crate) fn token_file(input: &[u8]) {
    use keyfob_sts::sso::{RegistrationFile, TokenFile};

    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    rewrite(text, |text| Ok(TokenFile::parse(text)?.to_text()));
    rewrite(text, |text| Ok(RegistrationFile::parse(text)?.to_text()));
}

/// Reads a login file, a key in it, a text of the confirmation page, and an answer of AWS Sign-In.
#[cfg(feature = "signin")]
pub(crate) fn login_file(input: &[u8]) {
    use keyfob_sts::signin::{CreateOAuth2Token, DpopKey, LoginFile, LoginUrl};

    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    rewrite(text, |text| Ok(LoginFile::parse(text)?.to_text()));
    match DpopKey::from_pem(text) {
        Ok(key) => {
            let pem = key.to_pem();
            let again = DpopKey::from_pem(pem.expose()).unwrap();
            assert_eq!(again.to_pem().expose(), pem.expose());
        }
        Err(error) => is_clean(&error),
    }
    let url = LoginUrl {
        client_id: LoginUrl::CROSS_DEVICE,
        redirect_uri: "u",
        state: "s",
    };
    if let Err(error) = url.code_from(text) {
        is_clean(&error);
    }
    let key = DpopKey::from_random([7; 32]).unwrap();
    let call = CreateOAuth2Token::refresh_token("a", SECRET, &key, || [9; 16]);
    read(&call.unwrap(), input);
}

#[cfg(any(feature = "signin", feature = "sso"))]
fn rewrite(text: &str, write: fn(&str) -> Result<keyfob_sigv4::Secret, Error>) {
    match write(text) {
        Ok(written) => {
            let written = written.expose();
            assert!(written.is_ascii() && !written.contains(char::is_control));
            assert_eq!(write(written).unwrap().expose(), written);
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Setting);
            is_clean(&error);
        }
    }
}

static EC2: Service = Service::new("ec2", Protocol::Ec2Query, "2016-11-15");

static QUOTAS: Service = Service::new(
    "servicequotas",
    Protocol::Json11 { target: "Quotas" },
    "2019-06-24",
);

fn read<C: Call>(action: &C, body: &[u8]) {
    match action.parse(&Response::new(body)) {
        Ok(_) => assert!(str::from_utf8(body).is_ok(), "a result that is not text"),
        Err(error) => {
            let kind = error.kind();
            assert!(
                matches!(kind, ErrorKind::Response | ErrorKind::Service),
                "{error}"
            );
            assert!(
                error.status() == Some(200) && error.action() == Some(action.operation().name())
            );
            is_clean(&error);
        }
    }
}

/// Reads an error whose members and status are the input's. Its secret must not be told, and
/// nothing of it may reach a terminal raw.
pub(crate) fn error(input: &[u8]) {
    let status = 400 + u16::from(input.first().copied().unwrap_or_default());
    let mut response = Response::new(input);
    *response.status_mut() = status.try_into().unwrap();
    if let Ok(id) = HeaderValue::from_bytes(input.get(..40).unwrap_or(input)) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    let action = GetDelegatedAccessToken::new(SECRET).unwrap();
    let error = action.parse(&response).unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Service, Some(status))
    );
    is_clean(&error);
}

fn is_clean(error: &Error) {
    let shown = error.to_string();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    assert!(!shown.is_empty() && shown.len() < 60_000);
    let told = [Some(error.message()), error.code(), error.request_id()];
    let texts = told.into_iter().flatten().map(str::to_owned);
    for text in texts.chain([shown, format!("{error:?}")]) {
        let mut parts = (0..=SECRET.len() - 12).map(|at| &SECRET[at..at + 12]);
        assert!(!parts.any(|part| text.contains(part)), "{text:?}");
    }
}

/// Sets parameters and compares the body with an independent decoder.
pub(crate) fn form(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (name, value) = text.split_once('=').unwrap_or(("Name", &text));
    let list = name.split('.').next().unwrap_or_default();
    let operation = Operation::new(&Service::STS, "Custom").text(name, value, 0..=1000);
    // Without a lower bound, every text can be set.
    let operation = operation.and_then(|set| set.secret("Secret", value, 0..=1000));
    let mut operation = operation.unwrap();
    drop(operation.next_member(list, 10));
    let action = Custom(operation);
    let endpoint = Endpoint::builder()
        .region("eu-west-1")
        .unwrap()
        .build()
        .unwrap();
    let body = action.request(&endpoint).unwrap().into_body();
    assert!(body.expose().is_ascii() && !body.expose().contains(['+', ' ', '\n']));
    let decoded = body.expose().split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (decode(name), decode(value))
    });
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut expected = vec![pair("Action", "Custom"), pair("Version", "2011-06-15")];
    expected.push(pair(name, value));
    if name != "Secret" {
        expected.push(pair("Secret", value));
    }
    assert_eq!(decoded.collect::<Vec<_>>(), expected);

    let object = Operation::new(&QUOTAS, "Custom").text(name, value, 0..=1000);
    let object = object.unwrap().request(&endpoint).unwrap().into_body();
    let object: serde_json::Value = serde_json::from_str(object.expose()).unwrap();
    assert_eq!(leaf(&object), value);

    // The names that programs choose are short, and of few characters.
    for error in [
        AssumeRole::new(ROLE, value).err(),
        GetFederationToken::new(value).err(),
    ] {
        let is_name = |char: char| char.is_ascii_alphanumeric() || "_+=,.@-".contains(char);
        if !value.chars().all(is_name) {
            let shown = error.unwrap().to_string();
            assert!(
                !shown.chars().any(char::is_control) && shown.len() < 120,
                "{shown:?}"
            );
        }
    }
}

struct Custom(Operation);

impl Call for Custom {
    type Output = ();

    fn operation(&self) -> &Operation {
        &self.0
    }

    /// Reads all that can be read.
    fn output(&self, reply: &Reply<'_>) -> Result<(), Error> {
        for (name, part) in reply.members() {
            drop((reply.optional(name), reply.map(name), part.text().len()));
            drop((
                reply.number(name),
                reply.flag(name),
                reply.unix_millis(name),
            ));
            for item in reply.items(name) {
                self.output(&item)?;
            }
        }
        let mut pages = Pages::new();
        pages.read(reply, "nextToken", None)
    }
}

/// Returns the text in objects and arrays that have one member each.
fn leaf(value: &serde_json::Value) -> &str {
    match value {
        serde_json::Value::Object(members) => leaf(members.values().next().unwrap()),
        serde_json::Value::Array(items) => leaf(&items[0]),
        other => other.as_str().unwrap(),
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let escaped = (byte == b'%').then(|| [rest.next().unwrap(), rest.next().unwrap()]);
        bytes.push(escaped.map_or(byte, |hex| {
            u8::from_str_radix(str::from_utf8(&hex).unwrap(), 16).unwrap()
        }));
    }
    String::from_utf8(bytes).unwrap()
}

/// Builds endpoints of a URL and of a region. Neither may lead to another host, and no error may
/// repeat the URL.
pub(crate) fn endpoint(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match Endpoint::builder()
        .url(&text)
        .map(|builder| builder.build().unwrap())
    {
        Ok(endpoint) => {
            let url = endpoint.url();
            let is_http = url.starts_with("http://");
            let (_, rest) = url.split_once("://").unwrap();
            let (authority, _path) = rest.split_once('/').unwrap();
            assert!(!authority.contains(['@', ' ', '\\']), "{url}");
            assert!(is_http || url.starts_with("https://"), "{url}");
            assert!(!url.contains(['?', '#', ' ', '\n']), "{url}");
            assert!(is_http || !endpoint.is_clear_text());
            assert_eq!(endpoint.signing_region(), None);
            let request = GetCallerIdentity::new().request(&endpoint).unwrap();
            assert!(request.uri().host().is_some_and(|host| !host.is_empty()));
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::Setting),
    }
    for [fips, dual_stack, legacy] in [[false; 3], [true; 3], [false, true, false]] {
        let Ok(builder) = Endpoint::builder().region(&text) else {
            continue;
        };
        let builder = builder
            .fips(fips)
            .dual_stack(dual_stack)
            .legacy_global(legacy);
        let endpoint = builder.build().unwrap();
        let host = endpoint.url();
        let host = host
            .strip_prefix("https://sts")
            .unwrap()
            .strip_suffix('/')
            .unwrap();
        assert!(!host.contains(['/', ':', '@', '?', '#']), "{host}");
        assert!(!endpoint.is_clear_text() && endpoint.signing_region().is_some());
        let partition = Partition::from_region(endpoint.signing_region().unwrap());
        let arn = format!("arn:{}:iam::1:role/r", partition.name());
        assert_eq!(endpoint.partition_hint(&arn), None);
        assert!(
            host.ends_with(partition.dns_suffix())
                || host.ends_with(partition.dual_stack_dns_suffix())
        );
    }
}

/// Reads the text as an ARN, an access key id and a region.
pub(crate) fn principal(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let resource = match Principal::from_arn(&text) {
        Principal::Root => "root".to_owned(),
        Principal::User { path, name } => {
            assert!(path.starts_with('/') && path.ends_with('/') && !name.contains('/'));
            format!("user{path}{name}")
        }
        Principal::AssumedRole { role, session } => format!("assumed-role/{role}/{session}"),
        Principal::FederatedUser { name } => format!("federated-user/{name}"),
        _ => String::new(),
    };
    assert!(text.ends_with(&resource), "{text:?}: {resource:?}");
    if let Some(partition) = Partition::from_arn(&text) {
        assert!(text.starts_with(&format!("arn:{}:", partition.name())));
        let here = Partition::from_region(partition.implicit_global_region());
        assert_eq!(here, partition);
    }
    let prefix = match KeyKind::from_access_key_id(&text) {
        KeyKind::LongTerm => "AKIA",
        KeyKind::Temporary => "ASIA",
        _ => "",
    };
    assert!(text.starts_with(prefix));
    assert!(!Partition::from_region(&text).dns_suffix().is_empty());
    drop(DecodeAuthorizationMessage::new(&text));
}

/// Parses a trust policy and decides a request by it.
pub(crate) fn trust(input: &[u8]) {
    let document = String::from_utf8_lossy(input);
    let policy = match TrustPolicy::parse(&document) {
        Ok(policy) => policy,
        Err(error) => {
            let shown = error.to_string();
            assert!(
                !shown.is_empty() && !shown.chars().any(char::is_control),
                "{shown:?}"
            );
            return;
        }
    };
    let caller = Caller::from_arn("arn:aws:iam::111122223333:user/alice");
    let request = Request::new(caller, "sts:AssumeRole")
        .with("sts:ExternalId", [document.as_ref()])
        .with("aws:TagKeys", ["team", "cost"])
        .with("aws:SourceIp", ["192.0.2.1"])
        .with("aws:CurrentTime", ["2026-11-27T12:00:00Z"]);
    let decision = policy.decide(&request);
    let mut matches = decision
        .statements()
        .iter()
        .filter(|report| report.is_match());
    let has_deny = matches.clone().any(StatementReport::is_deny);
    match decision.verdict() {
        Verdict::NotAllowed => assert!(matches.next().is_none()),
        Verdict::Denied => assert!(has_deny),
        _ => assert!(matches.next().is_some() && !has_deny),
    }
    assert!(!decision.to_string().chars().any(char::is_control));
}

/// Finds encoded messages, and reads the text as a decoded one.
pub(crate) fn decision(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect();
    let all: String = letters(&text);
    // The letters of escaped line ends and of colors are left out of a message.
    let has_gaps = text.contains(['\\', '\u{1b}']);
    let has_in_order = |found: &str| {
        let mut rest = all.chars();
        found
            .chars()
            .all(|letter| rest.any(|other| other == letter))
    };
    for message in encoded_messages(&text) {
        let is_encoded = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(!message.is_empty() && message.bytes().all(is_encoded));
        let found: String = letters(&message);
        // An escape with a percent sign stands for another letter.
        let is_of_text =
            text.contains('%') || all.contains(&found) || has_gaps && has_in_order(&found);
        assert!(is_of_text, "{message:?}");
    }
    if let Ok(decision) = Decision::parse(&text) {
        assert!(!decision.to_string().chars().any(char::is_control));
        let is_denied = decision.verdict != DecisionVerdict::Allowed;
        assert_eq!(is_denied, decision.to_string().contains(" may not "));
    }
}

/// Reads a response of an identity provider.
pub(crate) fn saml(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match Assertion::parse(&text) {
        Ok(assertion) => {
            for role in assertion.roles() {
                let arns = [role.role_arn, role.provider_arn];
                assert!(arns.iter().all(|arn| arn.starts_with("arn:")));
            }
            // What is sent is what was read.
            let again = Assertion::parse(assertion.encoded().expose()).unwrap();
            assert_eq!(format!("{again:?}"), format!("{assertion:?}"));
        }
        Err(error) => {
            let shown = error.to_string();
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
            assert!(!shown.contains(SECRET), "{shown:?}");
        }
    }
}
