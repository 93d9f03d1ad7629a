use std::{sync::OnceLock, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};

use crate::error::Error;

/// `https` endpoints, which exist for containers only. The client is built by the first request, because that reads
/// the system's root certificates.
#[derive(Default)]
pub(crate) struct Tls(OnceLock<reqwest::Client>);

impl Tls {
    pub(crate) async fn send(
        &self,
        request: Request<()>,
        name: &str,
        max_body: usize,
        time: Duration,
    ) -> Result<Response<Bytes>, Error> {
        let unavailable = |source| Error::setting("TLS could not be set up").with_source(source);
        let client = match self.0.get() {
            Some(client) => client,
            None => {
                let built = build().map_err(unavailable)?;
                self.0.get_or_init(|| built)
            }
        };
        let request = reqwest::Request::try_from(request.map(|()| ""))
            .map_err(|source| Error::setting("unusable URL").with_source(source))?;
        let answer = async {
            let response = client.execute(request).await?;
            collect(response, max_body).await
        };
        match tokio::time::timeout(time, answer).await {
            Err(_) => Err(Error::unanswered(name, time)),
            Ok(Ok(Some(response))) => Ok(response),
            Ok(Ok(None)) => Err(Error::too_long(name, max_body)),
            Ok(Err(source)) => Err(failed(name, source)),
        }
    }
}

fn build() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

/// The whole response, or nothing when it is longer than that.
async fn collect(
    mut response: reqwest::Response,
    max_body: usize,
) -> reqwest::Result<Option<Response<Bytes>>> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_body {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    let mut whole = Response::new(body.freeze());
    *whole.status_mut() = response.status();
    *whole.headers_mut() = std::mem::take(response.headers_mut());
    Ok(Some(whole))
}

fn failed(name: &str, source: reqwest::Error) -> Error {
    match source.is_connect() {
        true => Error::refused_connection(name, std::io::Error::other(source.without_url())),
        false => Error::broken(name, source.without_url()),
    }
}
