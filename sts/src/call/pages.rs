use std::collections::HashSet;

use crate::{call::answer::Reply, error::Error};

/// The pages of a list that a service returns in parts: which token each request needs, and when
/// the last page is there.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{Error, call::Pages};
///
/// /// Sends a request with a token, and returns the names and what to know about the next page.
/// fn list(
///     mut send: impl FnMut(Option<&str>) -> Result<(Vec<String>, Option<String>), Error>,
/// ) -> Result<Vec<String>, Error> {
///     let mut names = Vec::new();
///     let mut pages = Pages::new();
///     while !pages.is_done() {
///         let (some, next) = send(pages.token())?;
///         names.extend(some);
///         pages.advance(next)?;
///     }
///     Ok(names)
/// }
///
/// let names = list(|token| match token {
///     None => Ok((vec!["a".to_owned()], Some("page 2".to_owned()))),
///     Some(_) => Ok((vec!["b".to_owned()], None)),
/// });
/// assert_eq!(names?, ["a", "b"]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Pages {
    token: Option<String>,
    seen: HashSet<String>,
    is_done: bool,
}

impl Pages {
    /// Starts with the first page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts with the page that a token from an earlier list leads to.
    pub fn starting_at(token: impl Into<String>) -> Self {
        let token = token.into();
        Self {
            seen: HashSet::from([token.clone()]),
            token: Some(token),
            is_done: false,
        }
    }

    /// Returns the token for the next request. `None` for the first page, and after the last one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Returns true if the last page is there.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Takes the token of a page, which leads to the next one. Without a token, or with an empty
    /// one, the page was the last.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if the service returned the token
    /// before: the list would never end.
    pub fn advance(&mut self, next: Option<String>) -> Result<(), Error> {
        let next = next.filter(|token| !token.is_empty());
        self.is_done = next.is_none();
        if let Some(token) = &next
            && !self.seen.insert(token.clone())
        {
            self.is_done = true;
            self.token = None;
            return Err(Error::response(
                "the service returned the same page token twice",
            ));
        }
        self.token = next;
        Ok(())
    }

    /// Finds the token of the next page in an answer: `output` is its path. `more`, if the service
    /// has such a member, is the path of a boolean that says whether there is a next page.
    ///
    /// # Errors
    ///
    /// As [`advance`](Self::advance), and if `more` is not a boolean.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Error, call::{Pages, Reply}};
    ///
    /// /// IAM has a marker, and `IsTruncated` for all pages but the last.
    /// fn turn(pages: &mut Pages, reply: &Reply<'_>) -> Result<(), Error> {
    ///     pages.read(reply, "Marker", Some("IsTruncated"))
    /// }
    /// ```
    pub fn read(
        &mut self,
        reply: &Reply<'_>,
        output: &str,
        more: Option<&str>,
    ) -> Result<(), Error> {
        let has_more = match more {
            Some(path) => reply.flag(path)?.unwrap_or(false),
            None => true,
        };
        self.advance(reply.optional(output).filter(|_| has_more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_comes_again_is_an_error_and_ends_the_list() {
        let mut pages = Pages::starting_at("a");
        assert_eq!((pages.token(), pages.is_done()), (Some("a"), false));
        pages.advance(Some("b".to_owned())).unwrap();
        assert_eq!((pages.token(), pages.is_done()), (Some("b"), false));
        for again in ["a", "b"] {
            let mut pages = pages.clone();
            let error = pages.advance(Some(again.to_owned())).unwrap_err();
            assert!(error.to_string().contains("the same page token twice"));
            assert!(pages.is_done() && pages.token().is_none());
        }
    }

    #[test]
    fn a_page_without_a_token_is_the_last() {
        for last in [None, Some(String::new())] {
            let mut pages = Pages::new();
            assert!(pages.token().is_none() && !pages.is_done());
            pages.advance(Some("a".to_owned())).unwrap();
            pages.advance(last).unwrap();
            assert!(pages.is_done() && pages.token().is_none());
        }
    }
}
