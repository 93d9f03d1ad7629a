use http::{HeaderMap, Response, StatusCode};

use crate::fault::{Classify, Failure};
use crate::hint::Hint;

impl<'a> Failure<'a> {
    /// Reads an answer in the types of the `http` crate; see [`from_answer`](Failure::from_answer).
    ///
    /// ```
    /// use http::{HeaderMap, StatusCode};
    /// use keyfob_backoff::Failure;
    ///
    /// let headers = HeaderMap::new();
    /// let body = b"<Error><Code>SlowDown</Code></Error>";
    /// let failure = Failure::from_http(StatusCode::SERVICE_UNAVAILABLE, &headers, body);
    /// assert_eq!(failure.code(), Some("SlowDown"));
    /// ```
    #[must_use]
    pub fn from_http(status: StatusCode, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self::from_answer(status.as_u16(), lookup(headers), body)
    }
}

impl Hint {
    /// Finds the hint in the headers of a response; see [`from_headers`](Hint::from_headers).
    ///
    /// ```
    /// use core::time::Duration;
    /// use http::{HeaderMap, HeaderValue};
    /// use keyfob_backoff::Hint;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-amz-retry-after", HeaderValue::from_static("1500"));
    /// let hint = Hint::from_header_map(&headers);
    /// assert_eq!(hint.map(|hint| hint.wait()), Some(Duration::from_millis(1_500)));
    /// ```
    #[must_use]
    pub fn from_header_map(headers: &HeaderMap) -> Option<Self> {
        Self::from_headers(lookup(headers))
    }
}

/// Reads the facts of a response with its whole body, for code that returns one as an error.
impl<B: AsRef<[u8]>> Classify for Response<B> {
    fn failure(&self) -> Failure<'_> {
        Failure::from_http(self.status(), self.headers(), self.body().as_ref())
    }
}

fn lookup<'h>(headers: &'h HeaderMap) -> impl Fn(&str) -> Option<&'h str> {
    move |name| headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn a_response_is_classified_by_status_headers_and_body() {
        let response = Response::builder()
            .status(400)
            .header("X-Amz-Retry-After", "1500")
            .header("Content-Type", "application/x-amz-json-1.1")
            .body(r#"{"__type":"ThrottlingException"}"#)
            .unwrap();
        let failure = response.failure();
        assert_eq!(
            (failure.status(), failure.code()),
            (Some(400), Some("ThrottlingException"))
        );
        assert_eq!(failure.hint(), Hint::from_x_amz_retry_after("1500"));
        assert!(Policy::aws().classify(&failure).is_some());
    }

    #[test]
    fn a_header_that_is_not_text_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "retry-after",
            http::HeaderValue::from_bytes(b"\xff").unwrap(),
        );
        assert_eq!(Hint::from_header_map(&headers), None);
    }
}
