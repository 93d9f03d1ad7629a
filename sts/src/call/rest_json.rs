//! REST-JSON: the operation is in the method and the path.

use http::{HeaderValue, Method, Request, Uri, header::CONTENT_TYPE};
use keyfob_sigv4::uri;

use crate::{
    call::{body::Body, json, query::form, value::Value},
    endpoint::Endpoint,
    error::Error,
};

/// The method and the path of an operation.
#[derive(Clone)]
pub(super) struct Route {
    method: Method,
    /// Encoded, without the slash at the beginning.
    path: String,
}

impl Route {
    /// `POST` and `/`.
    pub(super) const DEFAULT: Self = Self {
        method: Method::POST,
        path: String::new(),
    };

    pub(super) fn new(method: Method, path: &[&str]) -> Self {
        let segments: Vec<String> = path
            .iter()
            .map(|text| uri::encode_component(text))
            .collect();
        Self {
            method,
            path: segments.join("/"),
        }
    }

    /// Returns true if an HTTP client would change the path: it resolves dots, and then the
    /// signature is wrong.
    fn is_changed_on_the_way(&self) -> bool {
        let mut segments = self.path.split('/');
        !self.path.is_empty() && segments.any(|segment| matches!(segment, "" | "." | ".."))
    }
}

/// Writes the request of the operation `name`. The parameters go to the query of the URL for `GET`
/// and `DELETE`, otherwise to an object in the body. Without parameters there is no body.
///
/// Source: AWS REST-JSON protocol.
pub(super) fn request<'a>(
    name: &str,
    route: &Route,
    parameters: impl Iterator<Item = (&'a str, &'a Value)> + Clone,
    endpoint: &Endpoint,
) -> Result<Request<Body>, Error> {
    if route.is_changed_on_the_way() {
        let message = format!("the path of {name} has a segment that is empty or dots");
        return Err(Error::input(name, message));
    }
    let mut url = endpoint.url();
    if !route.path.is_empty() {
        url.truncate(url.trim_end_matches('/').len());
        url = url + "/" + &route.path;
    }
    let mut body = Body::empty();
    let has_parameters = parameters.clone().next().is_some();
    if has_parameters && matches!(route.method, Method::GET | Method::DELETE) {
        let pairs = parameters.map(|(name, value)| {
            // Each item of a list has the name of the list.
            let name = name.split_once(".member.").map_or(name, |(list, _)| list);
            (name, value.expose())
        });
        url = url + "?" + &form(pairs);
    } else if has_parameters {
        body = json::object(parameters).into();
    }
    let url = Uri::try_from(url).map_err(|_| {
        Error::input(
            name,
            format!("the parameters of {name} are too long for a URL"),
        )
    })?;
    let mut request = Request::new(body);
    *request.method_mut() = route.method.clone();
    *request.uri_mut() = url;
    if !request.body().expose().is_empty() {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
    }
    Ok(request)
}
