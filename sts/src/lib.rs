#![cfg_attr(feature = "client", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "client"),
    doc = "STS requests and answers as pure functions; see the docs of the feature `client`."
)]

mod action;
mod actions;
#[cfg(feature = "client")]
mod client;
mod endpoint;
mod error;
mod parameters;
mod partition;
mod principal;
mod reply;
mod xml;

pub use action::{Action, SignedAction, UnsignedAction};
pub use actions::{
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
#[cfg(feature = "client")]
pub use client::{Client, ClientBuilder};
pub use endpoint::{Endpoint, EndpointBuilder};
pub use error::{Error, ErrorKind};
pub use parameters::{Form, Parameters};
pub use partition::Partition;
pub use principal::{KeyKind, Principal};
pub use reply::Reply;
