//! Requests and their answers as pure functions.
//!
//! You need this module to send a request without the client, or to write an [`Action`] of your
//! own.

mod action;
mod form;
mod parameters;
mod reply;
mod service;
mod xml;

#[cfg(feature = "client")]
pub(crate) use self::action::in_action;
pub use self::{
    action::{Action, SignedAction, UnsignedAction},
    form::Form,
    parameters::Parameters,
    reply::Reply,
    service::{Protocol, Service},
};
