//! The eleven actions of the service and what each returns.
//!
//! | to | use |
//! |---|---|
//! | learn whose credentials you have | [`GetCallerIdentity`] |
//! | get credentials of a role | [`AssumeRole`] |
//! | get credentials of a role for a token or an assertion | [`AssumeRoleWithWebIdentity`], [`AssumeRoleWithSaml`] |
//! | get temporary credentials of a user, with or without MFA | [`GetSessionToken`] |
//! | get credentials for a user that AWS does not know | [`GetFederationToken`] |
//! | act as the root user of a member account | [`AssumeRoot`] |
//! | use access that another account delegated | [`GetDelegatedAccessToken`] |
//! | prove your identity to a service outside AWS | [`GetWebIdentityToken`] |
//! | read an encoded authorization failure | [`DecodeAuthorizationMessage`] |
//! | find the account of an access key | [`GetAccessKeyInfo`] |
//!
//! Setters check the length of a text, the range of a number, the size of a list and the characters
//! of a name, because the service would refuse the request anyway. Other patterns are left to it.

mod assume_role;
mod assume_role_with_saml;
mod assume_role_with_web_identity;
mod assume_root;
mod decode_authorization_message;
mod get_access_key_info;
mod get_caller_identity;
mod get_delegated_access_token;
mod get_federation_token;
mod get_session_token;
mod get_web_identity_token;
mod shared;

pub use self::{
    assume_role::{AssumeRole, AssumedRole, AssumedRoleUser},
    assume_role_with_saml::{AssumeRoleWithSaml, SamlRole},
    assume_role_with_web_identity::{AssumeRoleWithWebIdentity, WebIdentityRole},
    assume_root::{AssumeRoot, AssumedRoot},
    decode_authorization_message::{DecodeAuthorizationMessage, DecodedMessage},
    get_access_key_info::{AccessKeyInfo, GetAccessKeyInfo},
    get_caller_identity::{CallerIdentity, GetCallerIdentity},
    get_delegated_access_token::{DelegatedAccess, GetDelegatedAccessToken},
    get_federation_token::{FederatedUser, FederationToken, GetFederationToken},
    get_session_token::{GetSessionToken, SessionToken},
    get_web_identity_token::{GetWebIdentityToken, WebIdentityToken},
};
