//! The redirect with which an authorization server sends the browser back, with a code.
//!
//! Source: RFC 6749, section 4.1.2; RFC 8252, section 7.3.

use http::Method;
use keyfob_sigv4::Secret;

use crate::{
    failure::Failure,
    terminal::{Callback, Parameters, printable},
};

const PATH: &str = "/oauth/callback";
/// The URL that a client registers. The port is another one each time.
pub(super) const REGISTERED: &str = "http://127.0.0.1/oauth/callback";

/// Where the browser is sent to, and the text that it must bring.
pub(super) struct Redirect {
    pub(super) uri: String,
    pub(super) state: String,
}

/// Listens on 127.0.0.1, where a port of 0 is any free one. The future is the code that the browser
/// brings.
///
/// # Errors
///
/// If the port is in use; from the future if the browser brings an error, or does not come back.
pub(super) async fn listen(
    port: u16,
) -> Result<(Redirect, impl Future<Output = Result<Secret, Failure>>), Failure> {
    let state = new_state();
    let expected = state.clone();
    let callback = Callback {
        method: Method::GET,
        path: PATH.to_owned(),
        port,
    };
    let check = move |answer: &Parameters| check(answer, &expected);
    let (port, answer) = callback.listen(check).await?;
    let uri = format!("http://127.0.0.1:{port}{PATH}");
    let code = async { code(&answer.await?) };
    Ok((Redirect { uri, state }, code))
}

/// Returns a text that tells one sign-in from all others.
pub(super) fn new_state() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Accepts what the browser brings, a code or an error, if it belongs to this sign-in.
fn check(answer: &Parameters, state: &str) -> Result<&'static str, &'static str> {
    if answer.get("state") != Some(state) {
        return Err("This page belongs to another sign-in.");
    }
    match (answer.get("error"), answer.get("code")) {
        (Some(_), _) => Ok("The sign-in was refused. Close this page and look at the terminal."),
        (None, Some(_)) => Ok("You are signed in. Close this page and go back to the terminal."),
        (None, None) => Err("There is no code."),
    }
}

fn code(answer: &Parameters) -> Result<Secret, Failure> {
    let error = match (answer.get("error"), answer.get("code")) {
        (None, Some(code)) => return Ok(code.into()),
        (error, _) => printable(error.unwrap_or_default()),
    };
    let failure = Failure::other(format!("the sign-in was refused: {error}"));
    Err(match answer.get("error_description") {
        Some(text) => failure.with_detail(format!("  {}", printable(text))),
        None => failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_url_is_that_of_the_listener_without_its_port() {
        assert_eq!(REGISTERED, format!("http://127.0.0.1{PATH}"));
    }
}
