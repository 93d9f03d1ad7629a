//! Tests of the built `keyfob`: against its sandbox, against servers that verify signatures with
//! code of other projects, and as a server for common clients.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps fails with the line that was wrong, also in its helpers"
)]

mod answers;
mod api;
mod arguments;
mod aws;
mod bad_input;
mod beside_aws;
#[cfg(target_os = "linux")]
mod browser;
#[cfg(unix)]
mod cache;
mod can;
#[cfg(unix)]
mod chains;
mod completion;
mod configure;
mod configure_files;
mod console;
mod cures;
mod debug;
mod decisions;
mod doctor;
mod dry_runs;
mod endpoints;
#[cfg(unix)]
mod env;
#[cfg(unix)]
mod examples;
mod exec;
#[cfg(target_os = "linux")]
mod failures;
mod files;
#[cfg(unix)]
mod findings;
mod host_prefixes;
mod imds;
#[cfg(target_os = "linux")]
mod instances;
mod javascript;
#[cfg(unix)]
mod key_cures;
mod keyfob;
#[cfg(unix)]
mod keys;
mod lab;
mod leaks;
#[cfg(target_os = "linux")]
mod login;
mod man;
mod ministack;
mod models;
mod moto;
mod options;
mod others;
mod output;
mod pages;
#[cfg(target_os = "linux")]
mod peers;
mod presign;
mod proxy;
#[cfg(unix)]
mod proxy_connections;
#[cfg(unix)]
mod proxy_http2;
#[cfg(unix)]
mod proxy_tls;
mod python;
#[path = "../../../.ci/pytools.rs"]
mod pytools;
mod readme;
mod request;
mod resigning;
mod running;
mod s3;
mod saml;
mod sandbox;
mod secrets;
mod serve;
mod servers;
mod sessions;
#[cfg(target_os = "linux")]
mod shells;
mod sign;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod sources;
mod sso;
#[cfg(target_os = "linux")]
mod streaming;
mod tokens;
mod trust_policy;
mod usage;
mod values;
#[cfg(target_os = "linux")]
mod waiting;
mod web_identity;
mod why;
