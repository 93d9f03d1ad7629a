//! The authorization server: who the program is, and tokens for its user.

mod authorization_url;
mod create_token;
mod register_client;
mod start_device_authorization;

pub use self::{
    authorization_url::AuthorizationUrl,
    create_token::{CreateToken, Token},
    register_client::{ClientRegistration, RegisterClient},
    start_device_authorization::{DeviceAuthorization, StartDeviceAuthorization},
};
use crate::call::{Authorization, Operation, Service};

/// Returns an operation that is posted without a signature.
fn operation(name: &'static str, path: &[&str]) -> Operation {
    Operation::new(&Service::SSO_OIDC, name)
        .with_route(http::Method::POST, path)
        .with_authorization(Authorization::None)
}
