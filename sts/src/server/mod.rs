//! An account and its services in memory, for tests and for demonstrations on one machine.
//!
//! An [`Account`] has users with long-term keys, roles with trust policies, MFA devices, identity
//! providers, and users of IAM Identity Center. [`Services`] answer requests to it: a function from
//! a request and the time to a response. All twelve actions of STS are there, those of IAM for
//! access keys and its policy simulator, instances of EC2, Service Quotas, IAM Identity Center with
//! its authorization server and its portal, and AWS Sign-In with the sign-in to the console.
//! Signatures and proofs are verified, trust policies are evaluated, codes are accepted once, and
//! errors have the codes and messages of the real services. Give the function to any listener, such
//! as the one of `keyfob-imds`:
//!
//! ```no_run
//! # mod keyfob_imds { pub mod server { pub mod listen {
//! #     pub struct Listener;
//! #     impl Listener {
//! #         pub fn builder() -> Self { Self }
//! #         pub fn start<H>(self, _: H) {}
//! #     }
//! # } } }
//! use std::sync::Arc;
//!
//! use http::Request;
//! use keyfob_imds::server::listen::Listener;
//! use keyfob_sigv4::Timestamp;
//! use keyfob_sts::server::{Account, Services};
//!
//! # fn start() -> Result<(), keyfob_sts::Error> {
//! let account = Arc::new(Account::new("123456789012")?);
//! let keys = account.add_user("alice")?;
//! let services = Services::new(account);
//! let listener = Listener::builder().start(move |request: Request<bytes::Bytes>| {
//!     let (head, body) = request.into_parts();
//!     std::future::ready(services.answer(&head, &body, Timestamp::now()))
//! });
//! # Ok(())
//! # }
//! ```
//!
//! To answer slowly, let the listener's function wait first. [`Services::fail`] makes other faults.
//!
//! It is not a copy of AWS. Policies of callers are evaluated for the simulator and for EC2 only:
//! a caller may do whatever the trust policy of a role lets it do. In a browser, users do not
//! sign in: a page asks which of them approves. Signatures of SAML assertions are not verified. Web
//! identity tokens are signed with a secret of the account, if they are not from a provider whose
//! [keys](Account::add_oidc_keys) the account has.

mod account;
mod api;
mod browser;
mod code_grant;
mod date;
mod ec2;
mod fault;
mod federation;
mod iam;
mod json;
mod jwk;
mod oidc;
mod portal;
mod query;
mod refusal;
mod service_quotas;
mod services;
mod signin;
mod sts;

pub use self::{
    account::{Account, Identity, MfaDevice, Role},
    fault::{Delay, Fault},
    services::{Counters, Services},
};
