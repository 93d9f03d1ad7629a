use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};

use super::Client;
use crate::error::{Answer, Error, ErrorKind};

/// How long a page may take.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Client {
    /// Returns the URL to which the page at the endpoint redirects, if it does. The redirect is not
    /// followed. This finds out what is behind a start URL that is not one of AWS; see
    /// [`StartUrl::redirected`](crate::sso::StartUrl::redirected).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Service`] if the page answers with an error; otherwise as
    /// [`send`](Self::send). An answer may take 10 seconds.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use keyfob_sts::{Client, Error, call::Service, sso::StartUrl};
    ///
    /// # async fn example() -> Result<(), Error> {
    /// let url = StartUrl::parse("https://aws.corp.example")?;
    /// let builder = Client::builder().service(Service::SSO_OIDC);
    /// let client = builder.endpoint(url.as_str())?.build()?;
    /// if let Some(location) = client.redirect().await? {
    ///     println!("{}", url.redirected(&location)?.as_str());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn redirect(&self) -> Result<Option<String>, Error> {
        self.0.check_online()?;
        let url = self.endpoint().url();
        let mut answer = None;
        for method in [Method::HEAD, Method::GET] {
            let request = Request::builder().method(method).uri(&url);
            let request = request.body(Bytes::new());
            let request = request
                .map_err(|error| Error::setting("the URL cannot be used").with_source(error))?;
            let got = self.0.exchange(request, TIMEOUT).await?;
            let is_known = !matches!(got.status().as_u16(), 405 | 501);
            answer = Some(got);
            if is_known {
                break;
            }
        }
        let Some(answer) = answer else {
            return Ok(None);
        };
        let status = answer.status();
        if status.is_redirection() {
            let location = answer.headers().get(header::LOCATION);
            return Ok(location
                .and_then(|location| location.to_str().ok())
                .map(str::to_owned));
        }
        if status.is_success() {
            return Ok(None);
        }
        let message = format!("{url} answers with the status {}", status.as_u16());
        Err(Error::new(ErrorKind::Service, message).with_answer(Answer {
            status: Some(status),
            ..Answer::default()
        }))
    }
}
