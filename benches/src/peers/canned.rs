//! Answers and files in memory, so that no contender has a network or a disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use reqsign_aws_v4::Credential;
use reqsign_core::{Context, Error, FileRead, HttpSend, ProvideCredential, StaticEnv};

use super::ready;
use crate::BoxError;

/// The answers of a service, by the ends of the paths of the requests; the last request; and files,
/// by the ends of their names.
#[derive(Clone, Debug, Default)]
pub struct Canned {
    answers: &'static [(&'static str, &'static str)],
    files: Arc<[(&'static str, String)]>,
    sent: Arc<Mutex<Option<Request<Bytes>>>>,
}

impl Canned {
    /// Creates a service with these answers.
    pub fn new(answers: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            answers,
            ..Self::default()
        }
    }

    /// Sets the files.
    pub fn with_files(mut self, files: impl Into<Arc<[(&'static str, String)]>>) -> Self {
        self.files = files.into();
        self
    }

    /// Returns the text of the file whose name ends like this.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn file(&self, name: &str) -> Result<&str, BoxError> {
        let mut files = self.files.iter();
        let file = files.find(|(end, _)| name.ends_with(end));
        let (_, text) = file.ok_or_else(|| format!("there is no file {name:?}"))?;
        Ok(text)
    }

    /// Answers a request, and keeps it until the next one.
    ///
    /// # Errors
    ///
    /// If there is no answer to it.
    pub fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, BoxError> {
        let path = request.uri().path();
        let answer = self.answers.iter().find(|(end, _)| path.ends_with(end));
        let (_, body) = answer.ok_or_else(|| format!("there is no answer to {path:?}"))?;
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
        Ok(Response::new(Bytes::from_static(body.as_bytes())))
    }

    /// Takes the last request.
    ///
    /// # Errors
    ///
    /// If nothing was sent.
    pub fn sent(&self) -> Result<Request<Bytes>, BoxError> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(sent.take().ok_or("nothing was sent")?)
    }

    /// Returns what reqsign takes for its surroundings: this, and these variables.
    pub fn context(&self, variables: &[(&str, &str)]) -> Context {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let envs: HashMap<_, _> = variables.iter().map(pair).collect();
        let home_dir = Some("/home/canned".into());
        Context::new()
            .with_env(StaticEnv { home_dir, envs })
            .with_file_read(self.clone())
            .with_http_send(self.clone())
    }
}

impl HttpSend for Canned {
    async fn http_send(&self, request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        self.send(request)
            .map_err(|error| Error::unexpected(error.to_string()))
    }
}

impl FileRead for Canned {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        let text = self.file(path);
        text.map(|text| text.as_bytes().to_vec())
            .map_err(|error| Error::unexpected(error.to_string()))
    }
}

/// Returns the access key ID of the credentials of a provider of reqsign.
///
/// # Errors
///
/// If it has none.
pub fn reqsign_key(
    provider: &impl ProvideCredential<Credential = Credential>,
    context: &Context,
) -> Result<String, BoxError> {
    let credential = ready(provider.provide_credential(context))??;
    Ok(credential.ok_or("no credentials")?.access_key_id)
}
