//! IAM Identity Center: tokens from its authorization server, and credentials from its portal.
//!
//! | to | use |
//! |---|---|
//! | check the URL of the users' page | [`StartUrl`] |
//! | register a program, before anything else | [`RegisterClient`] |
//! | sign in with a browser on this machine | [`AuthorizationUrl`], then [`CreateToken::authorization_code`] |
//! | sign in with a browser elsewhere | [`StartDeviceAuthorization`], then [`CreateToken::device_code`] |
//! | refresh a token | [`TokenFile::refresh`] |
//! | get the credentials of a role | [`GetRoleCredentials`] |
//! | find the accounts and roles of a user | [`ListAccounts`], [`ListAccountRoles`] |
//! | sign out | [`Logout`] |
//! | read and write the files that all tools share | [`TokenFile`], [`RegistrationFile`] |
//!
//! None of the calls is signed: send them with [`Client::send_unsigned`](crate::Client), with a
//! client for [`Service::SSO_OIDC`](crate::call::Service::SSO_OIDC) or
//! [`Service::SSO`](crate::call::Service::SSO).

mod oidc;
mod portal;
mod registration_file;
mod start_url;
mod token_file;

pub use self::{
    oidc::{
        AuthorizationUrl, ClientRegistration, CreateToken, DeviceAuthorization, RegisterClient,
        StartDeviceAuthorization, Token,
    },
    portal::{
        AccountPage, GetRoleCredentials, ListAccountRoles, ListAccounts, Logout, RoleCredentials,
        RolePage, SsoAccount,
    },
    registration_file::RegistrationFile,
    start_url::StartUrl,
    token_file::TokenFile,
};
