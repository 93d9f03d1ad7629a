//! Requests of the crate `http`.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION, request::Parts};

use crate::{
    credentials::Credentials,
    error::{Error, ErrorKind},
    payload::Payload,
    request::Request,
    signature::{SECURITY_TOKEN, Signature},
    signer::Signer,
    timestamp::Timestamp,
};

impl Signer {
    /// Signs a request in place: [`sign`](Self::sign), and the headers set. `authorization` and the session token are marked
    /// sensitive. Signing again, with the same or other credentials, replaces all of the old signature.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] when neither the URI nor a `Host` header names one.
    pub fn sign_http<B>(
        &self,
        request: &mut http::Request<B>,
        payload: Payload<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<(), Error> {
        if credentials.session_token().is_none() {
            request.headers_mut().remove(SECURITY_TOKEN);
        }
        let view = view(request.method(), request.uri(), request.headers())?.payload(payload);
        let signature = self.sign(&view, credentials, at);
        signature.apply(request.headers_mut())
    }
}

impl<'a> Request<'a> {
    /// A view of the head of an `http::Request`, for presigning or verifying it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] when neither the URI nor a `Host` header names one.
    pub fn from_http(parts: &'a Parts) -> Result<Self, Error> {
        view(&parts.method, &parts.uri, &parts.headers)
    }
}

impl Signature {
    /// Sets the headers in a map.
    fn apply(self, headers: &mut HeaderMap) -> Result<(), Error> {
        for (name, value) in self.headers() {
            let mut value =
                HeaderValue::from_str(value).map_err(|_| Error::secret(ErrorKind::HeaderValue))?;
            value.set_sensitive(name == SECURITY_TOKEN || name == AUTHORIZATION.as_str());
            headers.insert(name, value);
        }
        Ok(())
    }
}

fn view<'a>(
    method: &'a http::Method,
    uri: &'a http::Uri,
    headers: &'a HeaderMap,
) -> Result<Request<'a>, Error> {
    let authority = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers
            .get(http::header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default(),
    };
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let scheme = uri.scheme_str().unwrap_or("https");
    Ok(Request::from_parts(method.as_str(), scheme, authority, target)?.with_map(headers))
}
