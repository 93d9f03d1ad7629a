use http::Method;
use keyfob_sigv4::Secret;

use super::operation;
use crate::{
    call::{Call, Operation, Reply},
    error::Error,
};

/// Lists the accounts in which the user has a role, a page at a time.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{Error, call::{Call, Pages}, sso::{ListAccounts, SsoAccount}};
///
/// fn all(
///     token: &str,
///     send: impl Fn(&ListAccounts) -> Result<<ListAccounts as Call>::Output, Error>,
/// ) -> Result<Vec<SsoAccount>, Error> {
///     let (mut accounts, mut pages) = (Vec::new(), Pages::new());
///     while !pages.is_done() {
///         let mut call = ListAccounts::new(token);
///         if let Some(token) = pages.token() {
///             call = call.next_token(token)?;
///         }
///         let page = send(&call)?;
///         accounts.extend(page.accounts);
///         pages.advance(page.next_token)?;
///     }
///     Ok(accounts)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ListAccounts(Operation);

impl ListAccounts {
    /// Creates a request for the first page, with the token of a user.
    pub fn new(access_token: impl Into<Secret>) -> Self {
        let path = ["assignment", "accounts"];
        Self(operation(
            "ListAccounts",
            Method::GET,
            &path,
            access_token.into(),
        ))
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

    /// Sets the most accounts of a page, 1 to 100.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is 0.
    pub fn max_results(self, number: u32) -> Result<Self, Error> {
        let operation = self.0.number("max_result", number, 1..=100)?;
        Ok(Self(operation))
    }
}

/// An account in which the user has a role.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SsoAccount {
    /// The 12 digits.
    pub id: String,
    /// The name.
    pub name: Option<String>,
    /// The email address of the root user.
    pub email: Option<String>,
}

/// The output of [`ListAccounts`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AccountPage {
    /// The accounts.
    pub accounts: Vec<SsoAccount>,
    /// The token of the next page, if there is one.
    pub next_token: Option<String>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for ListAccounts {
    type Output = AccountPage;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<AccountPage, Error> {
        let account = |item: Reply<'_>| {
            Ok(SsoAccount {
                id: item.required("accountId")?,
                name: item.optional("accountName"),
                email: item.optional("emailAddress"),
            })
        };
        let accounts = reply.items("accountList").map(account);
        Ok(AccountPage {
            accounts: accounts.collect::<Result<_, Error>>()?,
            next_token: reply.optional("nextToken"),
            request_id: reply.request_id(),
        })
    }
}
