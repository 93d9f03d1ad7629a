//! Comparison of a signature with what a server says about it.

use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, iter};

use crate::{
    canonical::write_path,
    codec::{hex, percent},
    sign::Explanation,
};

/// What a server says it would have signed, read from its answer to a request with a wrong signature.
///
/// S3 answers with `<CanonicalRequest>` and `<StringToSign>`, and once more with their bytes in hex, which are taken where they
/// are; the query and JSON services put both into the message, after "should have been". `Debug` shows neither: they may
/// hold a session token.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Request, Signer, diagnose::{Part, ServerView}};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// let signer = Signer::s3("us-east-1")?;
/// let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/a%20b")?;
/// let ours = signer.explain(&request, &credentials, "20150830T123600Z".parse()?);
///
/// let body = "<Error><Code>SignatureDoesNotMatch</Code><CanonicalRequest>GET\n/a%2520b\n</CanonicalRequest></Error>";
/// let first = &ours.compare(&ServerView::parse(body))[0];
/// assert_eq!(first.part(), &Part::Path);
/// assert_eq!((first.ours(), first.theirs()), ("/a%20b", "/a%2520b"));
/// assert!(first.cause().contains("encodes the path once more"));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ServerView {
    code: Option<String>,
    message: Option<String>,
    canonical_request: Option<String>,
    string_to_sign: Option<String>,
    /// Of S3, when the clocks differ.
    server_time: Option<String>,
}

impl ServerView {
    /// From the body of the answer, XML or JSON, or from the message alone. What is not in it is left out.
    pub fn parse(body: &str) -> Self {
        let is_json = body.trim_start().starts_with('{');
        let element = |names: &[&str]| {
            let mut values = names.iter().map(|name| match is_json {
                true => json_member(body, name),
                false => xml_element(body, name),
            });
            values.find_map(|value| value)
        };
        let is_plain = !is_json && !body.trim_start().starts_with('<');
        let message = element(&["Message", "message"]).or_else(|| is_plain.then(|| body.into()));
        let bytes = |name| element(&[name]).and_then(|bytes| text_of(&bytes));
        let quoted = |before| {
            message
                .as_deref()
                .and_then(|message| quoted_after(message, before))
        };
        Self {
            code: element(&["Code", "__type", "code"]),
            canonical_request: bytes("CanonicalRequestBytes")
                .or_else(|| element(&["CanonicalRequest"]))
                .or_else(|| quoted("The Canonical String for this request should have been")),
            string_to_sign: bytes("StringToSignBytes")
                .or_else(|| element(&["StringToSign"]))
                .or_else(|| quoted("The String-to-Sign should have been")),
            server_time: element(&["ServerTime"]),
            message,
        }
    }

    /// The error code, such as `SignatureDoesNotMatch`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The message.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The canonical request as the server made it.
    pub fn canonical_request(&self) -> Option<&str> {
        self.canonical_request.as_deref()
    }

    /// The string to sign as the server made it.
    pub fn string_to_sign(&self) -> Option<&str> {
        self.string_to_sign.as_deref()
    }
}

impl fmt::Debug for ServerView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerView")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// One thing that client and server see differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    part: Part,
    ours: String,
    theirs: String,
    cause: &'static str,
}

/// Where a difference is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The method.
    Method,
    /// The path.
    Path,
    /// A query parameter, by its encoded name.
    Parameter(String),
    /// A header, by its lower-case name.
    Header(String),
    /// The list of signed headers.
    SignedHeaders,
    /// The hash of the body.
    Content,
    /// The algorithm.
    Algorithm,
    /// The time of the signature.
    Time,
    /// The date in the credential scope.
    ScopeDate,
    /// The region in the credential scope.
    Region,
    /// The service in the credential scope.
    Service,
    /// Nothing but the signature: the key itself.
    Secret,
}

impl Difference {
    /// Where it is.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// What the client signed; of a session token or another secret header only its length.
    pub fn ours(&self) -> &str {
        &self.ours
    }

    /// What the server expects.
    pub fn theirs(&self) -> &str {
        &self.theirs
    }

    /// The usual cause, and what to do.
    pub fn cause(&self) -> &'static str {
        self.cause
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ours.is_empty() && self.theirs.is_empty() {
            return f.write_str(self.cause);
        }
        let name = match &self.part {
            Part::Method => "the method",
            Part::Path => "the path",
            Part::Parameter(name) => return self.write(f, &format!("the parameter {name}")),
            Part::Header(name) => return self.write(f, &format!("the header {name}")),
            Part::SignedHeaders => "the list of signed headers",
            Part::Content => "the hash of the body",
            Part::Algorithm => "the algorithm",
            Part::Time => "the time",
            Part::ScopeDate => "the date of the credential scope",
            Part::Region => "the region",
            Part::Service => "the service",
            Part::Secret => "the secret",
        };
        self.write(f, name)
    }
}

impl Difference {
    fn write(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let (ours, theirs, cause) = (&self.ours, &self.theirs, self.cause);
        write!(
            f,
            "{name} differs: signed \"{ours}\", expected \"{theirs}\"; {cause}"
        )
    }

    fn new(part: Part, ours: &str, theirs: &str, cause: &'static str) -> Self {
        Self {
            part,
            ours: ours.to_owned(),
            theirs: theirs.to_owned(),
            cause,
        }
    }
}

impl Explanation {
    /// Why a server that answered `SignatureDoesNotMatch` sees another signature: the differences in the order in which they are
    /// signed, so that the first is the one to look at. When all that the server shows is the same, it is the secret.
    ///
    /// Empty when the server's answer shows nothing to compare.
    pub fn compare(&self, server: &ServerView) -> Vec<Difference> {
        let mut found = Vec::new();
        if let Some(theirs) = server.canonical_request() {
            compare_requests(self.canonical_request(), theirs, &mut found);
        }
        if let Some(theirs) = server.string_to_sign() {
            compare_strings(self.string_to_sign(), theirs, &mut found);
        }
        if let Some(message) = server.message() {
            compare_message(self, message, &mut found);
        }
        if let Some(code) = server.code() {
            found.extend(difference_of_code(self, code, server));
        }
        let hash = |text: &str| text.rsplit('\n').next().map(ToString::to_string);
        let same_hash = server
            .string_to_sign()
            .is_some_and(|theirs| hash(theirs) == hash(self.string_to_sign()));
        if found.is_empty() && (same_hash || server.canonical_request().is_some()) {
            found.push(Difference::new(Part::Secret, "", "", SECRET));
        } else if found.is_empty() && server.string_to_sign().is_some() {
            found.push(Difference::new(Part::Content, "", "", HASH));
        }
        found
    }
}

const SECRET: &str = "everything that is signed is the same, only the signature differs: the secret access key is not the one of this access key id; copy both again from where they were made";
const HASH: &str = "the canonical requests differ, and the server does not show its own: compare method, path, query, headers and body with what was sent";

/// Line by line: method, path, query, headers, an empty line, names of the signed headers, hash of the body.
fn compare_requests(ours: &str, theirs: &str, found: &mut Vec<Difference>) {
    let (ours, theirs) = (Lines::of(ours), Lines::of(theirs));
    if ours.method != theirs.method {
        let cause = "the request was sent with another method than it was signed with";
        found.push(Difference::new(
            Part::Method,
            ours.method,
            theirs.method,
            cause,
        ));
    }
    if ours.path != theirs.path {
        let cause = path_cause(ours.path, theirs.path);
        found.push(Difference::new(Part::Path, ours.path, theirs.path, cause));
    }
    compare_lists(
        &ours.parameters(),
        &theirs.parameters(),
        |name, ours, theirs| {
            let cause = parameter_cause(ours, theirs);
            let (ours, theirs) = (ours.unwrap_or_default(), theirs.unwrap_or_default());
            let part = Part::Parameter(name.to_owned());
            found.push(Difference::new(
                part,
                &shown(name, ours),
                &shown(name, theirs),
                cause,
            ));
        },
    );
    compare_lists(&ours.headers(), &theirs.headers(), |name, ours, theirs| {
        let cause = header_cause(name, ours, theirs);
        let (ours, theirs) = (ours.unwrap_or_default(), theirs.unwrap_or_default());
        let part = Part::Header(name.to_owned());
        found.push(Difference::new(
            part,
            &shown(name, ours),
            &shown(name, theirs),
            cause,
        ));
    });
    if let Some((a, b)) = ours.names.zip(theirs.names).filter(|(a, b)| a != b) {
        let cause = "the list of signed headers in the request is not the one that was signed";
        found.push(Difference::new(Part::SignedHeaders, a, b, cause));
    }
    if let Some((a, b)) = ours.content.zip(theirs.content).filter(|(a, b)| a != b) {
        found.push(Difference::new(Part::Content, a, b, content_cause(a, b)));
    }
}

/// The lines of a canonical request. A server may show only the first.
struct Lines<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: Vec<&'a str>,
    names: Option<&'a str>,
    content: Option<&'a str>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let mut lines = text.trim_end_matches('\n').split('\n');
        let mut next = || lines.next().unwrap_or_default();
        let (method, path, query) = (next(), next(), next());
        let headers = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        Self {
            method,
            path,
            query,
            headers,
            names: lines.next(),
            content: lines.next(),
        }
    }

    fn parameters(&self) -> Vec<(&'a str, &'a str)> {
        let pieces = self.query.split('&').filter(|piece| !piece.is_empty());
        pieces
            .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
            .collect()
    }

    fn headers(&self) -> Vec<(&'a str, &'a str)> {
        let lines = self.headers.iter();
        lines
            .map(|line| line.split_once(':').unwrap_or((line, "")))
            .collect()
    }
}

/// Calls `differ` with each name whose values are not the same on both sides; `None` where there is no such name.
fn compare_lists<'a>(
    ours: &[(&'a str, &'a str)],
    theirs: &[(&'a str, &'a str)],
    mut differ: impl FnMut(&'a str, Option<&'a str>, Option<&'a str>),
) {
    let mut left = theirs.to_vec();
    for (name, ours) in ours {
        let same = left
            .iter()
            .position(|(other, value)| other == name && value == ours);
        let named = same.or_else(|| left.iter().position(|(other, _)| other == name));
        let theirs = named.map(|at| left.remove(at).1);
        if theirs != Some(ours) {
            differ(name, Some(ours), theirs);
        }
    }
    for (name, theirs) in left {
        differ(name, None, Some(theirs));
    }
}

fn path_cause(ours: &str, theirs: &str) -> &'static str {
    let form = |path: &str, normalize, encode| {
        let mut text = Vec::new();
        write_path(&mut text, path, normalize, encode);
        String::from_utf8_lossy(&text).into_owned()
    };
    let again = |path| form(path, false, true);
    let normal = |path| form(path, true, false);
    let plain = |path: &str| percent::decoded_path(path);
    if theirs.contains("%25") && again(ours) == theirs {
        "the service encodes the path once more than it was signed: sign by the general rules, not those of S3"
    } else if ours.contains("%25") && again(theirs) == ours {
        "the path was encoded twice but the service takes it as it is on the wire: sign by the rules of S3"
    } else if form(theirs, false, false) == ours {
        "the service signs the path as it was sent, with characters that S3 would escape: escape them where the URL is made"
    } else if normal(ours) == theirs {
        "the service, or a proxy before it, takes `//`, `.` and `..` out of the path: normalise it when signing"
    } else if normal(theirs) == ours {
        "the path was normalised when signing, but the service takes it as it is: sign by the rules of S3"
    } else if ours.replace("%2B", "%20") == theirs {
        "the service reads a bare `+` in a path as a blank: write it as `%2B` where the URL is made"
    } else if plain(ours) == plain(theirs) || plain(&plain(ours)) == plain(&plain(theirs)) {
        "the HTTP client or a proxy wrote the path in another encoding than was signed: send the path as it was signed"
    } else {
        "another path arrived than was signed: look for a proxy that rewrites it, or a client that builds it again"
    }
}

fn parameter_cause(ours: Option<&str>, theirs: Option<&str>) -> &'static str {
    match (ours, theirs) {
        (Some(_), None) => "the parameter was signed but did not arrive",
        (None, _) => "the parameter was added after signing",
        (Some(a), Some(b)) if plain(a) == plain(b) || plain(&plain(a)) == plain(&plain(b)) => {
            "the parameter was encoded in another way on the wire than was signed: send the query as it was signed"
        }
        _ => "the parameter was changed after signing",
    }
}

fn plain(text: &str) -> String {
    percent::decoded(text.as_bytes())
}

fn header_cause(name: &str, ours: Option<&str>, theirs: Option<&str>) -> &'static str {
    match (name, ours, theirs) {
        ("x-amz-security-token", Some(_), None | Some("")) => {
            "the session token was signed but not sent: send the header x-amz-security-token too"
        }
        ("x-amz-security-token", ..) => {
            "the session token that was sent is not the one that was signed: credentials were renewed in between; take id, secret and token from one snapshot"
        }
        ("host", Some(_), Some(_)) => {
            "another Host arrived than was signed: a proxy, a tunnel or the HTTP client changed it, or added or dropped the port; sign for the host that is sent"
        }
        ("x-amz-date" | "date", Some(_), Some(_)) => {
            "another time was sent than was signed: take the clock once for each request"
        }
        (_, Some(_), None | Some("")) => {
            "the header was signed but did not arrive: a proxy or the HTTP client dropped it; do not sign it"
        }
        (_, None, _) => "the server signs a header that was not signed: it was added after signing",
        (_, Some(a), Some(b)) if a.split_whitespace().eq(b.split_whitespace()) => {
            "blanks in the header were trimmed or folded in another way: send it with single blanks and none at the ends"
        }
        _ => "the header was changed after signing",
    }
}

fn content_cause(ours: &str, theirs: &str) -> &'static str {
    let is_hash = |text: &str| hex::decode(text.as_bytes()).is_some();
    match (is_hash(ours), is_hash(theirs)) {
        (true, true) => {
            "another body arrived than was signed: it was changed, compressed or left out after signing"
        }
        (false, true) => {
            "the body was signed as unsigned or streaming, but the service wants its hash"
        }
        _ => {
            "the service takes another form of the body's hash: set the same value as x-amz-content-sha256"
        }
    }
}

/// Four lines: algorithm, time, scope, and the hash of the canonical request, which was compared by itself.
fn compare_strings(ours: &str, theirs: &str, found: &mut Vec<Difference>) {
    let lines = |text: &str| -> Vec<String> { text.split('\n').map(ToOwned::to_owned).collect() };
    let (ours, theirs) = (lines(ours), lines(theirs));
    let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_default();
    let mut differ = |part, at, cause| {
        let (a, b) = (line(&ours, at), line(&theirs, at));
        if a != b {
            found.push(Difference::new(part, &a, &b, cause));
        }
    };
    differ(Part::Algorithm, 0, "the service expects another algorithm");
    differ(
        Part::Time,
        1,
        "another time was sent than was signed: take the clock once for each request",
    );
    if line(&ours, 0) != line(&theirs, 0) {
        return;
    }
    let (ours, theirs) = (line(&ours, 2), line(&theirs, 2));
    let parts = ours.split('/').zip(theirs.split('/'));
    let has_region = ours.split('/').count() > 3;
    let causes = [
        (
            Part::ScopeDate,
            "the date of the credential scope is not that of the time: it was taken from another clock reading, around midnight",
        ),
        (
            Part::Region,
            "the request was signed for another region than the endpoint's",
        ),
        (
            Part::Service,
            "the request was signed for another service: the signing name is often not the first label of the host",
        ),
    ];
    let causes = causes.into_iter();
    let causes = causes.filter(|(part, _)| has_region || *part != Part::Region);
    for ((part, cause), (ours, theirs)) in causes.zip(parts) {
        if ours != theirs {
            found.push(Difference::new(part, ours, theirs, cause));
        }
    }
}

/// What the query services say in words instead.
fn compare_message(ours: &Explanation, message: &str, found: &mut Vec<Difference>) {
    let scope: Vec<&str> = ours.scope().split('/').collect();
    let part = |at: usize| scope.get(at).copied().unwrap_or_default();
    let quoted = |text: &str| text.split('\'').nth(1).unwrap_or_default().to_owned();
    let service = message
        .split("scoped to correct service")
        .nth(1)
        .map(quoted);
    let service = service.or_else(|| {
        let rest = message.split("This endpoint belongs to \"").nth(1)?;
        rest.split('"').next().map(ToOwned::to_owned)
    });
    if let Some(service) = service {
        let cause = "the request was signed for another service: the signing name is often not the first label of the host";
        found.push(Difference::new(Part::Service, part(2), &service, cause));
    } else if message.contains("scoped to a valid region") {
        let cause = "the request was signed for another region than the endpoint's";
        found.push(Difference::new(
            Part::Region,
            part(1),
            "the endpoint's region",
            cause,
        ));
    } else if let Some(rest) = message.split("the region '").nth(1) {
        let right = rest
            .split("expecting '")
            .nth(1)
            .and_then(|rest| rest.split('\'').next());
        let cause = "the request was signed for another region than the bucket's";
        found.push(Difference::new(
            Part::Region,
            part(1),
            right.unwrap_or_default(),
            cause,
        ));
    } else if message.contains("Signature expired") || message.contains("Signature not yet current")
    {
        let stamp = stamp(ours);
        let theirs = message
            .split(['(', ' '])
            .find(|word| *word != stamp && is_stamp(word));
        found.push(Difference::new(
            Part::Time,
            stamp,
            theirs.unwrap_or_default(),
            CLOCKS,
        ));
    }
}

const CLOCKS: &str = "the clocks differ by more than is tolerated: set this machine's clock, or sign with the server's time";

fn stamp(ours: &Explanation) -> &str {
    ours.string_to_sign().split('\n').nth(1).unwrap_or_default()
}

/// What the code alone says. A key id that is not known may be that of a session whose token was not sent.
fn difference_of_code(ours: &Explanation, code: &str, server: &ServerView) -> Option<Difference> {
    let token = "x-amz-security-token";
    match code.rsplit('#').next().unwrap_or_default() {
        "RequestTimeTooSkewed" => {
            let theirs = server.server_time.as_deref().unwrap_or_default();
            Some(Difference::new(Part::Time, stamp(ours), theirs, CLOCKS))
        }
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId"
            if !ours.canonical_request().to_lowercase().contains(token) =>
        {
            let cause = "the service does not know the access key id: if it is a temporary one (ASIA…), its session token must be sent and signed too";
            Some(Difference::new(Part::Header(token.into()), "", "", cause))
        }
        _ => None,
    }
}

fn is_stamp(word: &str) -> bool {
    word.len() == 16 && word.parse::<crate::timestamp::Timestamp>().is_ok()
}

/// The value of a header or parameter, unless it is one that must not be shown.
fn shown<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    let secret = [
        "token",
        "authorization",
        "cookie",
        "signature",
        "customer-key",
        "credential",
    ];
    let name = name.to_ascii_lowercase();
    if value.is_empty() || !secret.iter().any(|word| name.contains(word)) {
        return value.into();
    }
    format!("({} characters)", value.chars().count()).into()
}

/// The text within an element, its entities resolved. The element has no others in it.
fn xml_element(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let mut pieces = text.split('&');
    let mut plain = String::from(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (entity, rest) = piece.split_once(';').unwrap_or(("", piece));
        plain.push(entity_char(entity).unwrap_or('&'));
        plain.push_str(rest);
    }
    Some(plain.replace("\r\n", "\n"))
}

fn entity_char(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let number = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)
        }
    }
}

/// The text of a string member of a JSON object.
fn json_member(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("\"{name}\""))?;
    let rest = rest
        .trim_start()
        .strip_prefix(':')?
        .trim_start()
        .strip_prefix('"')?;
    let mut chars = rest.chars();
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => text.push(escaped_char(&mut chars)?),
            plain => text.push(plain),
        }
    }
}

fn escaped_char(chars: &mut core::str::Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let digits: String = iter::repeat_with(|| chars.next())
                .take(4)
                .collect::<Option<_>>()?;
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?).unwrap_or('\u{fffd}')
        }
        other => other,
    })
}

/// The text of bytes in hex, `47 45 54 0a`.
fn text_of(bytes: &str) -> Option<String> {
    let byte = |digits| u8::from_str_radix(digits, 16).ok();
    let bytes: Option<Vec<u8>> = bytes.split_whitespace().map(byte).collect();
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

/// The text in single quotes after some words, which may have quotes in itself: it ends with the quote before the next
/// paragraph, or with the last one.
fn quoted_after(message: &str, words: &str) -> Option<String> {
    let (_, rest) = message.split_once(words)?;
    let rest = rest.trim_start().strip_prefix('\'')?;
    let end = rest
        .find("'\n\nThe ")
        .or_else(|| rest.find("'\n"))
        .or_else(|| rest.rfind('\''))?;
    Some(rest[..end].to_owned())
}
