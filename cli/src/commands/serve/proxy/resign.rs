//! Callers that sign with placeholder keys, whose signature is their authorization.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use http::{Uri, request::Parts};
use keyfob_chain::{
    files,
    profiles::{ConfigFiles, FileKind},
};
use keyfob_sigv4::{
    Credentials, Payload, Request, Rules, Scope, Secret, Timestamp,
    resign::Checked,
    verify::{self, Dialect, ErrorKind, Verifier},
};
use rand::Rng as _;

use super::{
    rules::{Refusal, forbidden},
    targets::{Target, Targets, Wanted, has_prefixes, split},
    watch::Watch,
};
use crate::{
    failure::{Failure, chained},
    terminal::{Console, printable_path},
};

/// How old the keys of a file may be.
const KEYS_AGE: Duration = Duration::from_millis(500);

/// Placeholder keys, and what they may reach.
pub(super) struct Resign {
    /// Those of a file can be replaced.
    stand_in: Arc<RwLock<Arc<Credentials>>>,
    targets: Targets,
    /// Reads what a request claims, whatever its scope is.
    reader: Verifier,
}

impl Resign {
    pub(super) fn new(stand_in: Credentials, targets: Targets) -> Result<Self, Failure> {
        let scope = Scope::new("us-east-1", "s3")?;
        Ok(Self {
            stand_in: Arc::new(RwLock::new(Arc::new(stand_in))),
            targets,
            reader: Verifier::with_rules(scope, Rules::S3),
        })
    }

    /// Starts a thread that reads the keys of a file again and again. If it cannot be read, the
    /// previous ones stay in use, which is told once.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub(super) fn watch(&self, path: PathBuf, console: Console) -> io::Result<()> {
        // A pipe can be read once.
        if !path.is_file() {
            return Ok(());
        }
        let shared = Arc::downgrade(&self.stand_in);
        let take = move |keys| {
            let shared = shared.upgrade();
            if let (Some(keys), Some(shared)) = (keys, &shared) {
                *shared.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            }
            shared.is_some()
        };
        let watch = Watch {
            name: "keyfob-keys",
            age: KEYS_AGE,
            meanwhile: "the previous ones stay in use",
            again: "the keys of --keys-file are read again",
            console,
        };
        watch.start(move || parse(&path, files::read_secret_file(&path)), take)
    }

    fn stand_in(&self) -> Arc<Credentials> {
        let keys = self.stand_in.read();
        Arc::clone(&keys.unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the target of the scope that a request claims, and its head as the target gets it.
    /// The signature is not verified yet. `dialect` becomes that of the service.
    ///
    /// # Errors
    ///
    /// The reason why there is none.
    pub(super) fn claim(
        &self,
        head: &Parts,
        dialect: &mut Option<Dialect>,
    ) -> Result<(Arc<Target>, Parts), Refusal> {
        let request = request(head)?;
        let claim = self
            .reader
            .claim(&request)
            .map_err(|error| refused(&error))?;
        let mut inner = head.clone();
        let path = head.uri.path_and_query().and_then(split);
        // The paths of Glacier begin so, too.
        let path = path.filter(|_| has_prefixes(claim.service()));
        let prefix = path.as_ref().map(|(prefix, _)| *prefix);
        *dialect = Some(self.targets.dialect(claim.service(), prefix));
        // Nothing is looked for, or read, for others.
        if claim.access_key_id() != self.stand_in().access_key_id() {
            return Err(Refusal {
                code: Some("InvalidClientTokenId"),
                ..OTHER_KEY
            });
        }
        let region = claim.region().ok_or(MALFORMED)?;
        if let Some((_, target)) = &path {
            inner.uri = Uri::from(target.clone());
        }
        let before = self.targets.before(claim.service(), prefix, &inner)?;
        let target = self.targets.find(Wanted {
            service: claim.service(),
            region,
            prefix,
            before: &before,
        })?;
        Ok((target, inner))
    }

    /// Verifies what can be verified before the body of a request is read: all if it declares the
    /// hash of its body, else its time and its scope.
    ///
    /// # Errors
    ///
    /// The reason why it is not right, whatever its body is.
    pub(super) fn check_head(&self, head: &Parts, target: &Target) -> Result<(), Refusal> {
        let is_declared = head.headers.contains_key("x-amz-content-sha256");
        let payload = if is_declared {
            Payload::Declared
        } else {
            Payload::Empty
        };
        let request = request(head)?.payload(payload);
        let checked = target
            .resigner
            .verify(&request, &self.stand_in(), Timestamp::now());
        match checked {
            Err(error) if is_declared || error.kind() != ErrorKind::Mismatch => {
                Err(refused(&error))
            }
            _ => Ok(()),
        }
    }

    /// Verifies the signature of a request.
    ///
    /// # Errors
    ///
    /// The reason why it is not right.
    pub(super) fn verify(
        &self,
        head: &Parts,
        payload: Payload<'_>,
        target: &Target,
    ) -> Result<Checked, Refusal> {
        let request = request(head)?.payload(payload);
        let checked = target
            .resigner
            .verify(&request, &self.stand_in(), Timestamp::now());
        checked.map_err(|error| refused(&error))
    }
}

/// Makes a placeholder pair of keys.
pub(super) fn random() -> Result<Credentials, Failure> {
    let mut bytes = [0; 40];
    rand::rng().fill_bytes(&mut bytes);
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02X}")).collect() };
    let (id, secret) = bytes.split_at(8);
    // As long as real ones: some programs check that.
    let credentials = Credentials::new(format!("KFOB{}", hex(id)), hex(secret).to_lowercase());
    Ok(credentials?)
}

/// Reads the keys of the profile `default` in a file of credentials.
pub(super) fn read(path: &Path) -> Result<Credentials, Failure> {
    parse(path, files::read_secret(path))
}

/// Returns the keys of the profile `default` in what was read from a file.
fn parse(path: &Path, text: io::Result<Secret>) -> Result<Credentials, Failure> {
    let shown = printable_path(path);
    let text =
        text.map_err(|error| Failure::usage(format!("--keys-file: cannot read {shown}: {error}")))?;
    let file = (FileKind::Credentials, path, text.expose().as_bytes());
    let files = ConfigFiles::parse([file]);
    let unusable = |reason: String| {
        Failure::usage(format!("--keys-file: {shown}: {reason}")).with_hint(
            "write it as ~/.aws/credentials: [default], aws_access_key_id = ID and \
             aws_secret_access_key = SECRET, a line each",
        )
    };
    let section = files
        .profile("default")
        .map_err(|error| unusable(chained(&error)))?;
    let value = |name: &str| section.get(name).and_then(|value| value.non_empty());
    let (Some(id), Some(secret)) = (value("aws_access_key_id"), value("aws_secret_access_key"))
    else {
        return Err(unusable(
            "the profile default has no pair of keys".to_owned(),
        ));
    };
    if value("aws_session_token").is_some() {
        return Err(unusable(
            "the profile default has a session token: placeholder keys have none".to_owned(),
        ));
    }
    Credentials::new(id, secret).map_err(|error| unusable(chained(&error)))
}

fn request(head: &Parts) -> Result<Request<'_>, Refusal> {
    Request::from_http(head).map_err(|_| MALFORMED)
}

const MALFORMED: Refusal = forbidden("the signature or the head of the request is malformed");
const OTHER_KEY: Refusal =
    forbidden("the request is not signed with the placeholder key of this proxy");

fn refused(error: &verify::Error) -> Refusal {
    let refusal = match error.kind() {
        ErrorKind::NoSignature => {
            forbidden("the request is not signed: this proxy takes only what its keys have signed")
        }
        ErrorKind::Mechanism => forbidden(
            "the signature is not one of version 4: set the signature version of the client to 4, \
             in boto3 signature_version='s3v4'",
        ),
        ErrorKind::Skew => forbidden("the time of the signature is too far from the proxy's"),
        ErrorKind::UrlExpired => forbidden("the presigned URL has expired"),
        ErrorKind::UnknownKey | ErrorKind::Token | ErrorKind::TokenExpired => OTHER_KEY,
        ErrorKind::Scope => forbidden("the scope of the signature is not one for this request"),
        ErrorKind::ContentHash | ErrorKind::ContentMismatch => {
            forbidden("the body is not the one that was signed")
        }
        ErrorKind::HostUnsigned | ErrorKind::HeaderUnsigned => {
            forbidden("a header that has to be signed is not")
        }
        ErrorKind::Mismatch => {
            forbidden("the signature is not the one of this request and the placeholder key")
        }
        _ => MALFORMED,
    };
    Refusal {
        code: Some(error.code()),
        ..refusal
    }
}
