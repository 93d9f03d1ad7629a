//! `keyfob api`: any call of a service that speaks query or JSON, without a model.

mod answer;
mod parameters;
mod table;

use keyfob_sts::call::{Authorization, Operation, Replay};

use crate::{
    args::ApiArgs,
    context::Context,
    failure::Failure,
    services::{Client, check_sandbox},
};

/// Calls an operation, and prints its answer as JSON.
///
/// # Errors
///
/// If the service is not known, or if it answers with an error.
pub(super) async fn run(context: &Context, args: &ApiArgs) -> Result<(), Failure> {
    context.check_output()?;
    let service = table::service(args)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric();
    if args.operation.is_empty() || !args.operation.bytes().all(is_name) {
        return Err(Failure::usage(
            "OPERATION: write its name as in the API reference, such as DescribeKey",
        ));
    }
    check_sandbox(context, service.id())?;
    let name: &'static str = String::leak(args.operation.clone());
    let parameters = parameters::read(args, service.protocol(), context.variables())?;
    let mut call = Operation::new(service, name);
    if !is_repeatable(name) {
        call = call.with_replay(Replay::OnlyIfNotReceived);
    }
    let mut call = parameters::add(call, parameters)?;
    let client = Client::new(context, service, true).await?;
    if !client.signs() {
        call = call.with_authorization(Authorization::None);
    }
    let call = call.with_output(|reply| answer::read(service.protocol(), reply));
    let answer = client.send(context, &call).await?;
    context.print(name, &answer)
}

/// Returns true for an operation that only reads, by its name.
fn is_repeatable(name: &str) -> bool {
    let verbs = [
        "BatchGet", "Describe", "Get", "List", "Lookup", "Query", "Scan", "Search",
    ];
    verbs.iter().any(|verb| name.starts_with(verb))
}
