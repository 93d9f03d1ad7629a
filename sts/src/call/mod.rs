//! How a request is written and its answer read: what each action consists of, and what you need to
//! write one of your own.

mod action;
mod form;
mod parameters;
mod reply;
mod xml;

#[cfg(feature = "client")]
pub(crate) use self::action::in_action;
pub use self::{
    action::{Action, SignedAction, UnsignedAction},
    form::Form,
    parameters::Parameters,
    reply::Reply,
};
