use super::{
    body::{Body, read},
    data, headers,
    raw_request::RawRequest,
};
use crate::{
    args::{HttpArgs, SigningArgs},
    failure::Failure,
    syntax::{authority, to_wire_form},
    terminal::printable_path,
};

/// The content type that curl sends for a body by default. It is signed because it is sent.
const FORM: &str = "application/x-www-form-urlencoded";

/// The request to sign, as it will be sent.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands) struct Input<B = Body> {
    pub(in crate::commands) method: String,
    pub(in crate::commands) url: String,
    pub(in crate::commands) headers: Vec<(String, String)>,
    pub(in crate::commands) body: B,
    /// The names of the headers that were given but left out, because signing sets them.
    pub(in crate::commands) replaced: Vec<String>,
    /// How many headers, counted from the end, curl adds by itself and other clients do not.
    implied: usize,
}

impl Input {
    /// Reads the request from the arguments, or from the file that they name.
    ///
    /// # Errors
    ///
    /// If there is neither a URL nor a file, or if the request is malformed.
    pub(super) fn read(args: &SigningArgs) -> Result<Self, Failure> {
        args.ttl()?;
        let mut input = match &args.request_file {
            Some(path) => RawRequest::parse(&read("--request-file", path)?)
                .map(Self::from_raw)
                .map_err(|reason| Failure::usage(format!("{}: {reason}", printable_path(path))))?,
            None => Self::from_args(args)?,
        };
        input.check_authority()?;
        input.drop_replaced();
        Ok(input)
    }

    fn from_raw(request: RawRequest) -> Self {
        let body = if request.body.is_empty() {
            Body::None
        } else {
            Body::Text(request.body)
        };
        Self {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body,
            replaced: Vec::new(),
            implied: 0,
        }
    }

    fn from_args(args: &SigningArgs) -> Result<Self, Failure> {
        let http = &args.http;
        let given_url = http.url.as_deref().ok_or_else(|| {
            Failure::usage("the following arguments are required: URL")
                .with_hint("give the URL to sign, or --request-file")
        })?;
        let data = data::to_body(&http.data.0)?;
        let (url, body) = if http.get {
            (data::append_to_url(given_url, &data)?, Body::None)
        } else {
            (given_url.to_owned(), data)
        };
        let has_body = !body.is_none();
        Self::new(http, &url, body, has_body)
    }
}

impl<B> Input<B> {
    /// Returns the request to a URL, with the method and the headers of the arguments, and those
    /// that curl adds for a body.
    ///
    /// # Errors
    ///
    /// If a header cannot be read.
    pub(in crate::commands) fn new(
        args: &HttpArgs,
        url: &str,
        body: B,
        has_body: bool,
    ) -> Result<Self, Failure> {
        let given_headers = headers::from_args(&args.headers)?;
        // `Content-Type:` without a value keeps curl from adding its own.
        let has_type = given_headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let mut headers: Vec<_> = given_headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let implied = usize::from(has_body && !has_type);
        if implied == 1 {
            headers.push(("content-type".to_owned(), FORM.to_owned()));
        }
        let default_method = if has_body { "POST" } else { "GET" };
        Ok(Self {
            method: args.method.as_deref().unwrap_or(default_method).to_owned(),
            url: to_wire_form(url),
            headers,
            body,
            replaced: Vec::new(),
            implied,
        })
    }

    /// Refuses a user name or a password in the URL: no signature covers it, and it would be
    /// printed.
    ///
    /// # Errors
    ///
    /// If there is one.
    pub(in crate::commands) fn check_authority(&self) -> Result<(), Failure> {
        let hosts = [Some(authority(&self.url)), self.host()];
        if hosts.into_iter().flatten().any(|host| host.contains('@')) {
            return Err(Failure::usage(
                "the URL contains a user name or a password, which no signature covers: leave it out",
            ));
        }
        Ok(())
    }

    /// Removes the headers of an earlier signature.
    pub(in crate::commands) fn drop_replaced(&mut self) {
        let is_signed = self
            .headers
            .iter()
            .any(|(name, _)| name.trim().eq_ignore_ascii_case("authorization"));
        let replaced = &mut self.replaced;
        self.headers.retain(|(name, _)| {
            let name = name.trim().to_ascii_lowercase();
            let is_replaced = match name.as_str() {
                "authorization" | "x-amz-date" => true,
                // Without an earlier signature, these are meant as given.
                "x-amz-security-token" | "x-amz-s3session-token" | "x-amz-region-set" => is_signed,
                _ => false,
            };
            if is_replaced {
                replaced.push(name);
            }
            !is_replaced
        });
    }

    /// Returns the headers that were given.
    pub(in crate::commands) fn own_headers(&self) -> &[(String, String)] {
        &self.headers[..self.headers.len() - self.implied]
    }

    /// Returns the headers that curl adds.
    pub(in crate::commands) fn implied_headers(&self) -> &[(String, String)] {
        &self.headers[self.headers.len() - self.implied..]
    }

    /// Returns the value of a `Host` header, which is sent instead of the host in the URL.
    pub(in crate::commands) fn host(&self) -> Option<&str> {
        headers::find(&self.headers, "host").map(str::trim)
    }

    /// Replaces the host that is sent: that of a `Host` header, or else that of the URL.
    pub(super) fn set_host(&mut self, host: &str) {
        let mut headers = self.headers.iter_mut();
        match headers.find(|(name, _)| name.eq_ignore_ascii_case("host")) {
            Some((_, value)) => *value = host.to_owned(),
            None => self.url = self.url.replacen(authority(&self.url), host, 1),
        }
    }

    /// Replaces the path of the URL, unless it has none: clients send `/` then.
    pub(super) fn set_path(&mut self, path: &str) {
        if let Some((_, target)) = self.split_url()
            && target.starts_with('/')
        {
            let start = self.url.len() - target.len();
            let old = target.split('?').next().unwrap_or_default().len();
            self.url.replace_range(start..start + old, path);
        }
    }

    /// Returns the scheme of the URL, and its path and query.
    pub(super) fn split_url(&self) -> Option<(&str, &str)> {
        let (scheme, rest) = self.url.split_once("://")?;
        let target = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
        Some((scheme, target))
    }
}
