//! `keyfob request`: sends a signed request, with the options of curl.
//!
//! | step | module |
//! |---|---|
//! | options → body, which can be sent again | `body` |
//! | options → URL, headers, scope | `target` |
//! | one attempt, signed; retries | `send` |
//! | one request on a connection | `wire` |
//! | redirects | `follow` |
//! | the answer → stdout or a file | `output` |
//! | the answer → an error | `refusal` |
//! | `-v`, without secrets | `verbose` |
//! | what is waited for, bytes so far, and how long nothing moves | `meter` |

mod body;
mod follow;
mod meter;
mod output;
mod refusal;
mod send;
mod target;
mod verbose;
mod wire;

use std::sync::Arc;

use keyfob_sts::Connector;

pub(super) use self::wire::{Sent, boxed, broken, cut, handshake};
use self::{body::Content, meter::Meter, output::Output, send::Sender, target::Target};
use crate::{
    args::{RequestArgs, RequestAuth},
    context::Context,
    failure::Failure,
};

/// Runs the command.
///
/// # Errors
///
/// If the request is malformed, if its service is unknown, if there are no credentials or no
/// complete answer, or for `--fail` if the answer is an error.
pub(super) async fn run(context: &Context, args: &RequestArgs) -> Result<(), Failure> {
    check_options(context, args)?;
    let meter = Arc::new(Meter::new(!args.silent));
    let mut connections = context.settings().connections()?;
    if args.insecure {
        connections = connections.accept_any_certificate();
    }
    let connector = connections.connector()?;
    let limit = connector.timeout();
    tokio::select! {
        result = exchange(context, args, connector, &meter) => {
            meter.clear();
            result
        }
        failure = meter.watch(limit) => Err(failure),
    }
}

async fn exchange(
    context: &Context,
    args: &RequestArgs,
    connector: Connector,
    meter: &Arc<Meter>,
) -> Result<(), Failure> {
    let (data, url) = body::read(args)?;
    let mut target = Target::new(context, args, data, &url).await?;
    let signs = args.auth != RequestAuth::None && !context.globals().connection.no_sign_request;
    let credentials = if signs {
        Some(context.credentials_and_origin().await?)
    } else {
        context.check_profile()?;
        None
    };
    // Before anything is sent: an answer that cannot be stored is lost.
    let mut output = Output::new(args)?;
    let sender = Sender::new(context, args, connector, credentials, meter)?;
    let mut hops = 0;
    let answer = loop {
        let answer = sender.send(&target).await?;
        if args.include || args.head {
            if output.is_on_terminal() {
                meter.clear();
            }
            output.write_head(&answer)?;
        }
        if !args.location {
            break answer;
        }
        let Some(next) = follow::next(context, args, &target, &answer, hops).await? else {
            break answer;
        };
        hops += 1;
        target = next;
    };
    if answer.status().as_u16() < 400 || !(args.fail || args.fail_with_body) {
        // Another method than HEAD has a body.
        if args.head {
            return output.finish();
        }
        return output.receive(answer, args.compressed, meter).await;
    }
    let failure = refusal::failure(context, &target, &sender, &answer).await;
    if args.fail_with_body {
        output.receive(answer, args.compressed, meter).await?;
    }
    Err(failure)
}

/// Refuses the options of every command that have no meaning here.
fn check_options(context: &Context, args: &RequestArgs) -> Result<(), Failure> {
    let globals = context.globals();
    if globals.output.is_some() {
        return Err(Failure::usage("request does not use --output")
            .with_hint("the answer is printed as it is; -o FILE writes it to a file"));
    }
    if globals.query.is_some() {
        return Err(Failure::usage("request does not use --query")
            .with_hint("the answer is printed as it is; `keyfob api` takes --query"));
    }
    args.ttl()?;
    if args.insecure {
        context.console().warn(
            "the server's certificate is not checked (-k): others on the way can read and change \
             what is sent",
        );
    }
    Ok(())
}

/// The body of a request, and its head.
type Input = crate::commands::sign::Input<Content>;
