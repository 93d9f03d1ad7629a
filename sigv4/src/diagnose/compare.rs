use alloc::{borrow::ToOwned, vec::Vec};

use super::{Difference, Part, ServerView, advice};
use crate::{sign::Explanation, timestamp::Timestamp};

impl Explanation {
    /// Returns how the server sees the signed request differently.
    ///
    /// The differences are in the order in which they are signed: look at the first one. If
    /// everything that the server shows is the same, the secret access key is wrong. Empty if the
    /// answer shows nothing to compare.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Scope, Signer, diagnose::{Part, ServerView}};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let signer = Signer::new(Scope::new("us-east-1", "es")?);
    /// # let request = Request::new("GET", "https://search-a.us-east-1.es.amazonaws.com/")?;
    /// # let ours = signer.explain(&request, &credentials, "20150830T123600Z".parse()?)?;
    /// let answer = r#"{"message":"Credential should be scoped to correct service: 'aoss'. "}"#;
    /// for difference in ours.compare(&ServerView::parse(answer)) {
    ///     assert_eq!(difference.part(), &Part::Service);
    ///     println!("{difference}");
    /// }
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn compare(&self, server: &ServerView) -> Vec<Difference> {
        let mut found = Vec::new();
        if let Some(theirs) = server.canonical_request() {
            compare_requests(self.canonical_request(), theirs, &mut found);
        }
        if let Some(theirs) = server.string_to_sign() {
            compare_strings_to_sign(self.string_to_sign(), theirs, &mut found);
        }
        found.extend(server.message().and_then(|text| from_message(self, text)));
        found.extend(server.code().and_then(|code| from_code(self, code, server)));
        if found.is_empty() {
            found.extend(unexplained(self, server));
        }
        found
    }
}

/// Compares method, path, query, headers, the names of the signed headers and the hash of the body.
fn compare_requests(ours: &str, theirs: &str, found: &mut Vec<Difference>) {
    let (ours, theirs) = (CanonicalLines::new(ours), CanonicalLines::new(theirs));
    let mut add = |part, ours, theirs, cause| {
        found.push(Difference::new(part, ours, theirs, cause));
    };
    if ours.method != theirs.method {
        add(Part::Method, ours.method, theirs.method, advice::METHOD);
    }
    if ours.path != theirs.path {
        let cause = advice::for_path(ours.path, theirs.path);
        add(Part::Path, ours.path, theirs.path, cause);
    }
    for_each_difference(&ours.parameters(), &theirs.parameters(), |name, a, b| {
        add(
            Part::Parameter(name.to_owned()),
            a.unwrap_or_default(),
            b.unwrap_or_default(),
            advice::for_parameter(a, b),
        );
    });
    for_each_difference(&ours.headers(), &theirs.headers(), |name, a, b| {
        add(
            Part::Header(name.to_owned()),
            a.unwrap_or_default(),
            b.unwrap_or_default(),
            advice::for_header(name, a, b),
        );
    });
    if let Some((a, b)) = unequal(ours.signed_headers, theirs.signed_headers) {
        add(Part::SignedHeaders, a, b, advice::SIGNED_HEADERS);
    }
    if let Some((a, b)) = unequal(ours.content, theirs.content) {
        add(Part::Content, a, b, advice::for_content(a, b));
    }
}

/// Returns both lines if they differ and the server shows its own.
fn unequal<'a>(ours: Option<&'a str>, theirs: Option<&'a str>) -> Option<(&'a str, &'a str)> {
    ours.zip(theirs).filter(|(ours, theirs)| ours != theirs)
}

/// The lines of a canonical request. A server may show only the first ones.
struct CanonicalLines<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: Vec<&'a str>,
    signed_headers: Option<&'a str>,
    content: Option<&'a str>,
}

impl<'a> CanonicalLines<'a> {
    fn new(text: &'a str) -> Self {
        let mut lines = text.trim_end_matches('\n').split('\n');
        let mut next = || lines.next().unwrap_or_default();
        let (method, path, query) = (next(), next(), next());
        let headers = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        Self {
            method,
            path,
            query,
            headers,
            signed_headers: lines.next(),
            content: lines.next(),
        }
    }

    fn parameters(&self) -> Vec<(&'a str, &'a str)> {
        self.query
            .split('&')
            .filter(|piece| !piece.is_empty())
            .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
            .collect()
    }

    fn headers(&self) -> Vec<(&'a str, &'a str)> {
        self.headers
            .iter()
            .map(|line| line.split_once(':').unwrap_or((line, "")))
            .collect()
    }
}

/// Calls `differ` with each name whose values differ. A value is `None` if that side lacks the
/// name.
fn for_each_difference<'a>(
    ours: &[(&'a str, &'a str)],
    theirs: &[(&'a str, &'a str)],
    mut differ: impl FnMut(&'a str, Option<&'a str>, Option<&'a str>),
) {
    let mut unmatched = theirs.to_vec();
    for (name, ours) in ours {
        // A name may be repeated: an equal pair first, else any of the same name.
        let equal = unmatched.iter().position(|pair| *pair == (*name, *ours));
        let named = equal.or_else(|| unmatched.iter().position(|(other, _)| other == name));
        let theirs = named.map(|index| unmatched.remove(index).1);
        if theirs != Some(ours) {
            differ(name, Some(ours), theirs);
        }
    }
    for (name, theirs) in unmatched {
        differ(name, None, Some(theirs));
    }
}

/// Compares algorithm, time and scope. The fourth line, the hash of the canonical request, says
/// nothing that the canonical requests do not say better.
fn compare_strings_to_sign(ours: &str, theirs: &str, found: &mut Vec<Difference>) {
    let [our_algorithm, our_time, our_scope] = first_lines(ours);
    let [their_algorithm, their_time, their_scope] = first_lines(theirs);
    let mut add = |part, ours: &str, theirs: &str, cause| {
        if ours != theirs {
            found.push(Difference::new(part, ours, theirs, cause));
        }
    };
    let cause = advice::ALGORITHM;
    add(Part::Algorithm, our_algorithm, their_algorithm, cause);
    add(Part::Time, our_time, their_time, advice::TIME);
    if our_algorithm != their_algorithm {
        // Their scopes have different parts.
        return;
    }
    // The scope of SigV4a has no region.
    let has_region = our_scope.split('/').count() > 3;
    let parts = [
        Some((Part::ScopeDate, advice::SCOPE_DATE)),
        has_region.then_some((Part::Region, advice::REGION)),
        Some((Part::Service, advice::SERVICE)),
    ];
    let values = our_scope.split('/').zip(their_scope.split('/'));
    for ((part, cause), (ours, theirs)) in parts.into_iter().flatten().zip(values) {
        add(part, ours, theirs, cause);
    }
}

fn first_lines(text: &str) -> [&str; 3] {
    let mut lines = text.split('\n');
    core::array::from_fn(|_| lines.next().unwrap_or_default())
}

/// Returns the difference that the message of the answer names, in the words of AWS.
fn from_message(ours: &Explanation, message: &str) -> Option<Difference> {
    let mut scope = ours.scope().split('/').skip(1);
    let region = scope.next().unwrap_or_default();
    let service = scope.next().unwrap_or_default();
    let after = |words| message.split_once(words).map(|(_, rest)| rest);
    let right_service = after("scoped to correct service")
        .and_then(|rest| quoted(rest, '\''))
        .or_else(|| after("This endpoint belongs to ").and_then(|rest| quoted(rest, '"')));
    let (part, ours, theirs, cause) = if let Some(theirs) = right_service {
        (Part::Service, service, theirs, advice::SERVICE)
    } else if message.contains("scoped to a valid region") {
        let theirs = "the endpoint's region";
        (Part::Region, region, theirs, advice::REGION)
    } else if let Some(rest) = after("the region '") {
        let theirs = rest
            .split_once("expecting ")
            .and_then(|(_, rest)| quoted(rest, '\''))
            .unwrap_or_default();
        (Part::Region, region, theirs, advice::BUCKET_REGION)
    } else if message.contains("Signature expired") || message.contains("Signature not yet current")
    {
        let ours = timestamp_of(ours);
        let theirs = message
            .split(['(', ' '])
            .find(|word| *word != ours && is_timestamp(word))
            .unwrap_or_default();
        (Part::Time, ours, theirs, advice::CLOCKS)
    } else {
        return None;
    };
    Some(Difference::new(part, ours, theirs, cause))
}

/// Returns the text between the first two quotes.
fn quoted(text: &str, quote: char) -> Option<&str> {
    text.split(quote).nth(1)
}

/// Returns the difference that the code of the answer names.
fn from_code(ours: &Explanation, code: &str, server: &ServerView) -> Option<Difference> {
    const TOKEN: &str = "x-amz-security-token";
    // JSON services may put a namespace and a `#` before the code.
    match code.rsplit('#').next().unwrap_or_default() {
        "RequestTimeTooSkewed" => Some(Difference::new(
            Part::Time,
            timestamp_of(ours),
            server.server_time().unwrap_or_default(),
            advice::CLOCKS,
        )),
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId"
            if !ours.canonical_request().to_lowercase().contains(TOKEN) =>
        {
            let part = Part::Header(TOKEN.into());
            Some(Difference::new(part, "", "", advice::UNKNOWN_KEY))
        }
        _ => None,
    }
}

/// Returns the cause if nothing that the server shows differs.
fn unexplained(ours: &Explanation, server: &ServerView) -> Option<Difference> {
    let has_same_hash = server.string_to_sign().is_some_and(|theirs| {
        theirs.rsplit('\n').next() == ours.string_to_sign().rsplit('\n').next()
    });
    if has_same_hash || server.canonical_request().is_some() {
        return Some(Difference::new(Part::Secret, "", "", advice::SECRET));
    }
    server
        .string_to_sign()
        .map(|_| Difference::new(Part::Content, "", "", advice::REQUEST_HASH))
}

fn timestamp_of(ours: &Explanation) -> &str {
    ours.string_to_sign().split('\n').nth(1).unwrap_or_default()
}

fn is_timestamp(word: &str) -> bool {
    word.len() == "20150830T123600Z".len() && word.parse::<Timestamp>().is_ok()
}
