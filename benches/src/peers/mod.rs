//! The contenders. Each library is used as its documentation shows, through its public API.

pub mod aws_sigv4;
pub mod backoff;
pub mod canned;
pub mod chain;
pub mod chunks;
pub mod events;
pub mod floor;
pub mod issued;
pub mod keyfob;
pub mod reqsign;
pub mod rusty_s3;
pub mod scratchstack;
pub mod sts;
pub mod tokens;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::request::Parts;
use keyfob_sigv4::Timestamp;

use crate::BoxError;
use crate::case::{self, Case, Form, Input};
use crate::measure::Contender;

/// A comparison, by its name in the report, and what makes its contenders, keyfob first. That fails
/// if their results differ.
pub type Comparison = (
    &'static str,
    fn() -> Result<Vec<Contender<'static>>, BoxError>,
);

type Contenders = Box<dyn Fn() -> Result<Vec<Contender<'static>>, BoxError>>;

/// Returns every comparison, in the order of the report. The contenders are made when they are
/// asked for.
pub fn all() -> Vec<(String, Contenders)> {
    let mut all: Vec<(String, Contenders)> = Vec::new();
    for case in case::all() {
        let contenders = move || {
            check(case)?;
            signers(case)
        };
        all.push((case.name.into(), Box::new(contenders)));
    }
    for case in case::verified() {
        let name = format!("verify-{}", case.name);
        all.push((name, Box::new(|| verifiers(case))));
    }
    let others = [
        chunks::CASES.as_slice(),
        &events::CASES,
        &tokens::CASES,
        &backoff::CASES,
        &chain::CASES,
        &issued::CASES,
        &sts::CASES,
    ];
    for (name, contenders) in others.into_iter().flatten() {
        all.push(((*name).into(), Box::new(contenders)));
    }
    all
}

/// Returns the result of a future that never waits.
///
/// # Errors
///
/// If it waits.
pub fn ready<T>(future: impl Future<Output = T>) -> Result<T, BoxError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Ok(result),
        Poll::Pending => Err("the contender waits".into()),
    }
}

/// Returns the contenders that can sign the case, keyfob first.
///
/// # Errors
///
/// If the case is malformed.
pub fn signers(case: &Case) -> Result<Vec<Contender<'_>>, BoxError> {
    let mut contenders = vec![
        keyfob::contender(case)?,
        aws_sigv4::contender(case),
        reqsign::contender(case),
    ];
    if case.form == Form::Query {
        contenders.push(rusty_s3::contender(case)?);
    }
    contenders.push(floor::contender(case)?);
    Ok(contenders)
}

/// Returns the contenders that can verify the case, keyfob first, and keyfob's signing for
/// comparison.
///
/// # Errors
///
/// If the case is malformed.
pub fn verifiers(case: &Case) -> Result<Vec<Contender<'_>>, BoxError> {
    let mut signing = keyfob::contender(case)?;
    signing.name = "keyfob-sign";
    Ok(vec![
        keyfob::verifier(case)?,
        scratchstack::verifier(case)?,
        signing,
    ])
}

/// A request to sign. The signers write into its headers or its URI.
#[derive(Debug)]
pub struct Job<'a> {
    /// The request as the case has it.
    pub input: &'a Input,
    /// The same as an `http::Request`, with room in its header map.
    pub request: http::Request<()>,
    /// The time of the signature.
    pub at: Timestamp,
}

impl<'a> Job<'a> {
    /// Creates the job for request number `n` of the case.
    ///
    /// # Errors
    ///
    /// If the case is malformed.
    pub fn new(case: &'a Case, n: u64) -> Result<Self, BoxError> {
        let input = case.input(n);
        Ok(Job {
            input,
            request: input.to_http()?,
            at: case::at(n),
        })
    }
}

/// A signed request to verify.
#[derive(Debug)]
pub struct VerifyJob<'a> {
    /// The request as the case has it.
    pub input: &'a Input,
    /// The signed head, with the `host` header that a server sees.
    pub parts: Parts,
    /// The server's clock.
    pub at: Timestamp,
}

impl<'a> VerifyJob<'a> {
    /// Creates the job for request number `n` of the case, signed.
    ///
    /// # Errors
    ///
    /// If the case is malformed.
    pub fn new(case: &'a Case, signer: &keyfob::Signer, n: u64) -> Result<Self, BoxError> {
        let mut job = Job::new(case, n)?;
        signer.sign(&mut job)?;
        let (mut parts, ()) = job.request.into_parts();
        if let Some(authority) = parts.uri.authority() {
            let host = authority.as_str().parse()?;
            parts.headers.insert(http::header::HOST, host);
        }
        Ok(VerifyJob {
            input: job.input,
            parts,
            at: job.at,
        })
    }
}

/// Checks that every peer makes the same signature of every request of the case as keyfob.
///
/// # Errors
///
/// If two signatures differ; the error names the case, the peer and both signatures.
pub fn check(case: &Case) -> Result<(), BoxError> {
    let keyfob = keyfob::Signer::new(case)?;
    for n in 0..64 {
        let mut job = Job::new(case, n)?;
        aws_sigv4::Signer::new(case).sign(&mut job)?;
        compare(case, &keyfob, "aws-sigv4", job.input, &job.request)?;

        let mut job = Job::new(case, n)?;
        let (mut parts, ()) = job.request.into_parts();
        reqsign::Signer::new(case).sign(&job.input.body, &mut parts)?;
        job.request = http::Request::from_parts(parts, ());
        compare(case, &keyfob, "reqsign-aws-v4", job.input, &job.request)?;

        if case.form == Form::Query {
            let at = jiff::Timestamp::from_second(case::at(n).unix_seconds())?;
            let url = rusty_s3::Signer::new()?.presign(&case.input(n).key, at);
            let request = http::Request::get(url.as_str()).body(())?;
            compare(case, &keyfob, "rusty-s3", job.input, &request)?;
        }
    }
    Ok(())
}

/// Signs the same request at the time of the peer's signature, and compares the two.
fn compare(
    case: &Case,
    keyfob: &keyfob::Signer,
    peer: &str,
    input: &Input,
    signed: &http::Request<()>,
) -> Result<(), BoxError> {
    let theirs = Signed::from_request(signed)?;
    let ours = match case.form {
        Form::Query => Signed::parse(&keyfob.presign(input, theirs.at)?)?,
        Form::Header => {
            let mut again = signed.clone();
            keyfob.sign_http(&mut again, &input.body, theirs.at)?;
            Signed::from_request(&again)?
        }
    };
    if ours == theirs {
        return Ok(());
    }
    Err(format!(
        "{}: keyfob and {peer} disagree on {}: {ours:?}, {theirs:?}",
        case.name, input.url
    )
    .into())
}

/// A signature and its time.
#[derive(Debug, PartialEq, Eq)]
pub struct Signed {
    /// The time of the signature.
    pub at: Timestamp,
    /// The signature, 64 hex digits.
    pub signature: String,
}

impl Signed {
    /// Finds the signature in the request's headers, or in its query.
    ///
    /// # Errors
    ///
    /// If there is no signature.
    pub fn from_request(request: &http::Request<()>) -> Result<Self, BoxError> {
        let header = |name| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        match (header("authorization"), header("x-amz-date")) {
            (Some(authorization), Some(date)) => {
                Self::parse(&format!("X-Amz-Date={date} {authorization}"))
            }
            _ => Self::parse(&request.uri().to_string()),
        }
    }

    fn parse(text: &str) -> Result<Self, BoxError> {
        let after = |name: &str, length: usize| {
            let (_, rest) = text
                .split_once(name)
                .ok_or_else(|| format!("no {name} in {text}"))?;
            rest.get(..length)
                .ok_or_else(|| format!("{name} is cut short in {text}"))
        };
        Ok(Signed {
            at: after("X-Amz-Date=", 16)?.parse()?,
            signature: after("Signature=", 64)?.into(),
        })
    }
}
