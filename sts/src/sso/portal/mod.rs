//! The portal: accounts, roles and their credentials, for a token.

mod get_role_credentials;
mod list_account_roles;
mod list_accounts;
mod logout;

use http::{HeaderName, Method};
use keyfob_sigv4::Secret;

pub use self::{
    get_role_credentials::{GetRoleCredentials, RoleCredentials},
    list_account_roles::{ListAccountRoles, RolePage},
    list_accounts::{AccountPage, ListAccounts, SsoAccount},
    logout::Logout,
};
use crate::call::{Authorization, Operation, Service};

/// Returns an operation that has the token in a header.
fn operation(name: &'static str, method: Method, path: &[&str], token: Secret) -> Operation {
    let header = HeaderName::from_static("x-amz-sso_bearer_token");
    Operation::new(&Service::SSO, name)
        .with_route(method, path)
        .with_authorization(Authorization::Header(header, token))
}
