use http::Method;
use keyfob_sigv4::Secret;

use super::operation;
use crate::{
    call::{Call, Operation, Reply},
    error::Error,
};

/// Lists the roles that the user has in an account, a page at a time. For all pages, see
/// [`ListAccounts`](super::ListAccounts).
///
/// # Examples
///
/// ```
/// use keyfob_sts::{call::Call, sso::ListAccountRoles};
///
/// let call = ListAccountRoles::new("token", "123456789012")?;
/// let answer = http::Response::new(r#"{"roleList": [{"roleName": "Admin"}], "nextToken": null}"#);
/// let page = call.parse(&answer)?;
/// assert_eq!((page.roles.as_slice(), page.next_token), (&["Admin".to_owned()][..], None));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ListAccountRoles(Operation);

impl ListAccountRoles {
    /// Creates a request for the first page, with the token of a user and an account.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the account is empty.
    pub fn new(access_token: impl Into<Secret>, account: impl Into<String>) -> Result<Self, Error> {
        let path = ["assignment", "roles"];
        operation("ListAccountRoles", Method::GET, &path, access_token.into())
            .text("account_id", account, 1..=usize::MAX)
            .map(Self)
    }

    /// Sets the token of the page.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is empty.
    pub fn next_token(self, token: impl Into<String>) -> Result<Self, Error> {
        let operation = self.0.text("next_token", token, 1..=usize::MAX)?;
        Ok(Self(operation))
    }

    /// Sets the most roles of a page, 1 to 100.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is 0.
    pub fn max_results(self, number: u32) -> Result<Self, Error> {
        let operation = self.0.number("max_result", number, 1..=100)?;
        Ok(Self(operation))
    }
}

/// The output of [`ListAccountRoles`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RolePage {
    /// The names of the roles.
    pub roles: Vec<String>,
    /// The token of the next page, if there is one.
    pub next_token: Option<String>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for ListAccountRoles {
    type Output = RolePage;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<RolePage, Error> {
        let names = reply.items("roleList");
        let names = names.map(|item| item.required("roleName"));
        Ok(RolePage {
            roles: names.collect::<Result<_, Error>>()?,
            next_token: reply.optional("nextToken"),
            request_id: reply.request_id(),
        })
    }
}
