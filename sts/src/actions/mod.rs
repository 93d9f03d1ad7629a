//! The twelve actions of STS and what each returns.
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
//! | hand on a part of your own permissions | [`GetScopedCredentials`] |
//! | prove your identity to a service outside AWS | [`GetWebIdentityToken`] |
//! | read an encoded authorization failure | [`DecodeAuthorizationMessage`] |
//! | find the account of an access key | [`GetAccessKeyInfo`] |
//!
//! Setters check what the service is sure to refuse: a text that is too short, a number that is too
//! small, the characters of a name, a code that is not six digits, the same tag twice. Upper limits
//! are left to the service, which raises them now and then; if it refuses a request,
//! [`Error::hint`](crate::Error::hint) names those that were exceeded. Other patterns are left to
//! it, too.

mod assume_role;
mod assume_role_with_saml;
mod assume_role_with_web_identity;
mod assume_root;
mod decode_authorization_message;
mod get_access_key_info;
mod get_caller_identity;
mod get_delegated_access_token;
mod get_federation_token;
mod get_scoped_credentials;
mod get_session_token;
mod get_web_identity_token;
mod identity_context;
mod shared;

pub(crate) use self::shared::TOKEN_CODE;
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
    get_scoped_credentials::{GetScopedCredentials, ScopedCredentials},
    get_session_token::{GetSessionToken, SessionToken},
    get_web_identity_token::{GetWebIdentityToken, WebIdentityToken},
    identity_context::{IdentityContext, OriginIdentity},
    shared::{check_call, check_chained, check_parameter},
};
