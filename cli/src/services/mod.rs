//! The commands that `aws` has for the operations of a service. They are tables, which
//! `cli/models/generate.py` writes from the model of botocore, and one path for all of them:
//!
//! | step | module |
//! |---|---|
//! | the table of a service | `model` |
//! | table → options, words → values | `command` |
//! | values → parameters, checked | `parameters` |
//! | parameters → request | `request` |
//! | request → answer, with retries and hints | `client` |
//! | answer → JSON | `answer` |
//! | pages → one list | `pages` |
//! | pages → text or JSON, item by item | `printer` |
//! | how fast pages and other calls follow each other | `pace` |
//! | options that `aws` does not have | `own` |
//! | the names of all services | `catalog` |
//! | whether a call would be permitted | `dry_run` |
//!
//! A module of a service has its hosts, and what is Keyfob's own about it.

mod answer;
pub(crate) mod catalog;
mod client;
mod command;
mod decision;
mod dry_run;
mod ec2;
mod ecr;
mod iam;
mod mfa;
mod model;
mod own;
mod pace;
mod page_token;
mod pages;
mod parameters;
mod printer;
mod request;
mod service_quotas;
mod skeleton;
mod sts;

use std::{fmt, sync::LazyLock};

use keyfob_backoff::limit::RateLimit;
use keyfob_chain::{Settings, settings::CLI_TIMESTAMP_FORMAT, shell};
use keyfob_sigv4::{Credentials, Secret};
use keyfob_sts::{
    Error, ErrorKind,
    call::{self, Authorization, Reply},
};
use serde_json::{Map, Value, json};

use self::{
    answer::Times,
    command::Skeleton,
    model::{Flag, Model, Operation},
    pages::Paging,
    printer::Printer,
};
pub(crate) use self::{
    client::Client,
    command::{Invocation, expand, expand_all, expand_named},
    iam::ROW as IAM,
    mfa::CodeSource,
    pace::{Pace, SharedPace},
    parameters::read_json,
};
use crate::{
    args::{Globals, OutputFormat},
    context::Context,
    failure::Failure,
    sandbox::Environment,
};

/// The parameter with the code of an MFA device.
const TOKEN_CODE: &str = "TokenCode";

/// The services, as `--help` lists them.
static SERVICES: [&Service; 6] = [
    &sts::STS,
    &iam::IAM,
    &ec2::EC2,
    &ecr::ECR,
    &ecr::ECR_PUBLIC,
    &service_quotas::SERVICE_QUOTAS,
];

/// A service: its table, its hosts, and its rules.
pub(crate) struct Service {
    /// The command.
    name: &'static str,
    about: &'static str,
    /// What `--help` says below the commands.
    examples: &'static str,
    row: &'static call::Service,
    rules: Rules,
    /// The commands beside those of the table.
    views: &'static [View],
    model: LazyLock<Model>,
}

/// A command of `aws` that calls an operation without parameters and prints a text of its answer.
struct View {
    command: &'static str,
    about: &'static str,
    /// What `--help` says below the options.
    examples: &'static str,
    /// The command of the operation.
    of: &'static str,
    /// Returns the text, or nothing if the answer does not have it.
    text: fn(&Value) -> Option<String>,
}

impl View {
    /// Prints the text as one line, whatever the format of answers is.
    fn print(&self, context: &Context, answer: &Value) -> Result<(), Failure> {
        let text = (self.text)(answer).ok_or_else(|| {
            let failure = Failure::other("the answer has no token that can be read");
            failure.with_code("ResponseParser")
        })?;
        context.console().write_stdout(text + "\n")
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("View").field(&self.command).finish()
    }
}

/// Sets parameters of a call by an option and its value.
type SetOwn = fn(&Flag, Value, &mut Map<String, Value>) -> Result<(), Failure>;

/// What is Keyfob's own about the commands of a service.
struct Rules {
    /// Checks the options of a command against each other.
    check_options: fn(&Invocation) -> Result<(), Failure>,
    /// Checks a text by the name of its parameter in the request.
    check_text: fn(&str, &Secret) -> Result<(), Error>,
    /// Checks the parameters of a call against each other.
    check_call: fn(&call::Operation) -> Result<(), Error>,
    /// Checks the parameters of a call that the session of a role signs.
    check_chained: fn(&call::Operation) -> Result<(), Error>,
    /// Checks an answer before it is printed.
    check_answer: fn(&Reply<'_>) -> Result<(), Error>,
    /// Whether the parameter with that name works once.
    is_one_time: fn(&str) -> bool,
    /// Sets parameters by an option of `aws` that is no member.
    set_own: SetOwn,
    /// Adds the parameters that `aws` adds.
    complete: fn(&Operation, &mut Map<String, Value>),
    /// Returns the operation to ask after an error, and a note about it.
    fallback: fn(&Operation, &Error) -> Option<(&'static str, &'static str)>,
    /// Returns the cure of an error.
    hint: fn(&FailedCall<'_>) -> Option<String>,
    /// The parameter that names a role, which must be in the partition of the endpoint.
    role: Option<&'static str>,
    /// How many requests for pages the service documents that it allows.
    limit: Option<RateLimit>,
}

impl Rules {
    const NONE: Self = Self {
        check_options: |_| Ok(()),
        check_text: |_, _| Ok(()),
        check_call: |_| Ok(()),
        check_chained: |_| Ok(()),
        check_answer: |_| Ok(()),
        is_one_time: |_| false,
        set_own: |_, _, _| Ok(()),
        complete: |_, _| (),
        fallback: |_, _| None,
        hint: |_| None,
        role: None,
        limit: None,
    };
}

/// A call that failed.
struct FailedCall<'a> {
    globals: &'a Globals,
    service: &'a Service,
    operation: &'a Operation,
    parameters: &'a Map<String, Value>,
    error: &'a Error,
    /// Whether the service may have done what the call asks for, by this attempt or an earlier one.
    may_have_run: bool,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Service").field(&self.name).finish()
    }
}

/// Calls the operation of a command, and prints the answer.
///
/// # Errors
///
/// If a parameter is wrong, if there are no credentials, or if the service answers with an error.
pub(crate) async fn run(context: &Context, invocation: &Invocation) -> Result<(), Failure> {
    // First, because a session whose keys cannot be printed is lost.
    context.check_output()?;
    let (service, operation) = (invocation.service, invocation.operation);
    check_sandbox(context, service.row.id())?;
    if invocation.skeleton == Some(Skeleton::Input) {
        let skeleton = skeleton::input(&service.model, operation.input);
        return context.print_parameters(&skeleton);
    }
    (service.rules.check_options)(invocation)?;
    let mut parameters = parameters::read(invocation, context.variables())?;
    if invocation.skeleton.is_none() {
        decision::read_message(context, &mut parameters)?;
    }
    let code = take_code(context, invocation, &mut parameters)?;
    let paging = Paging::new(invocation, context, &mut parameters)?;
    (service.rules.complete)(operation, &mut parameters);
    parameters::check(&service.model, operation.input, &parameters)?;
    parameters::add_tokens(&service.model, operation.input, &mut parameters);
    let caller = Caller {
        context,
        invocation,
        times: times(context.settings())?,
    };
    // Before there are credentials: what is wrong with the parameters does not depend on them.
    let call = request::write(service, operation, &parameters);
    let call = call.map_err(|error| invocation.refused(&error))?;
    if invocation.skeleton == Some(Skeleton::Output) {
        let skeleton = skeleton::output(&service.model, operation.output);
        return context.print(operation.name, &skeleton);
    }
    if invocation.own.dry_run_exit {
        return dry_run::run(&caller, parameters).await;
    }
    if let Some(paging) = paging {
        return print_pages(&caller, paging, parameters).await;
    }
    let own = &invocation.own;
    if let Some(profile) = &own.update_profile {
        context.check_session_profile("--update-profile", profile)?;
    }
    let client = caller.client(&parameters).await?;
    if context.has_session_of_role() {
        let checked = (service.rules.check_chained)(&call);
        checked.map_err(|error| invocation.refused(&error))?;
    }
    let answer = match code {
        Some(code) => caller.call_with_code(&client, parameters, &code).await?,
        None => caller.call(&client, &parameters).await?,
    };
    if let Some(view) = invocation.view {
        return view.print(context, &answer);
    }
    match &own.update_profile {
        Some(profile) => {
            let session = credentials(&answer["Credentials"])?;
            context.store_session(profile, &session, None)?;
            context.note_session(profile, &session, "");
            Ok(())
        }
        None if own.explain => decision::explain(context, &answer),
        None => context.print(operation.name, &answer),
    }
}

/// Calls an operation for another command, and returns the answer with all its pages.
///
/// # Errors
///
/// If there are no credentials, or if the service answers with an error.
pub(crate) async fn call(
    context: &Context,
    service: &str,
    command: &str,
    parameters: Map<String, Value>,
) -> Result<Value, Failure> {
    let invocation = Invocation::from_names(service, command)
        .ok_or_else(|| Failure::other(format!("no table has {service} {command}")))?;
    check_sandbox(context, invocation.service.row.id())?;
    let caller = Caller {
        context,
        invocation: &invocation,
        times: Times::Iso8601,
    };
    let client = caller.client(&parameters).await?;
    let Some(pages) = &invocation.operation.pages else {
        return caller.call(&client, &parameters).await;
    };
    let mut paging = Paging::all(pages);
    while !paging.is_done() {
        let page = caller.page(&client, &mut paging, &parameters).await?;
        paging.merge(page);
    }
    Ok(paging.whole().into())
}

/// Fails if the sandbox would have to answer, and does not have the service, by its id in the SDKs.
///
/// # Errors
///
/// A usage error that names the service.
pub(crate) fn check_sandbox(context: &Context, id: &str) -> Result<(), Failure> {
    if context.globals().sandbox && !Environment::has_service(id) {
        let name = id.replace(' ', "-");
        return Err(Failure::usage(format!(
            "the sandbox has no {name}: leave out --sandbox"
        )));
    }
    Ok(())
}

/// Takes the code of an MFA device out of the parameters, or the command that prints one.
fn take_code(
    context: &Context,
    invocation: &Invocation,
    parameters: &mut Map<String, Value>,
) -> Result<Option<CodeSource>, Failure> {
    if let Some(line) = &invocation.own.token_command {
        return CodeSource::from_command(context, line).map(Some);
    }
    // Any other type of value is refused where parameters are checked.
    let Some(Value::String(code)) = parameters.get(TOKEN_CODE) else {
        return Ok(None);
    };
    let source = CodeSource::from_argument(code);
    if matches!(source, CodeSource::Asked) {
        parameters.remove(TOKEN_CODE);
    }
    Ok(Some(source))
}

/// Reads the credentials of an answer that was checked to have them.
fn credentials(answer: &Value) -> Result<Credentials, Failure> {
    let text = |name: &str| answer[name].as_str().unwrap_or_default();
    let credentials = Credentials::new(text("AccessKeyId"), text("SecretAccessKey"))?
        .with_session_token(text("SessionToken"))?;
    Ok(credentials.with_expiry(text("Expiration").parse()?))
}

/// Prints all pages as one answer. In text, and in JSON if it has no list but one and `--query`
/// does not need it whole, a page is printed when it is there and not kept: a failure on a later
/// page ends with a cut document.
async fn print_pages(
    caller: &Caller<'_>,
    mut paging: Paging,
    parameters: Map<String, Value>,
) -> Result<(), Failure> {
    let client = caller.client(&parameters).await?;
    let (context, invocation) = (caller.context, caller.invocation);
    let (format, name) = (context.format()?, invocation.operation.name);
    // As in `aws`, each page is a document of its own.
    let is_streamed = matches!(format, OutputFormat::Text | OutputFormat::YamlStream);
    let printer = Printer::new(context, invocation, &paging, format);
    while !paging.is_done() {
        if let Some(printer) = &printer {
            let parameters = paging.parameters(&parameters);
            let read = |reply: &Reply<'_>| printer.read(invocation, caller.times, &paging, reply);
            let others = caller.call_and_read(&client, &parameters, &read).await?;
            printer.end_page(invocation, &mut paging, &others)?;
            continue;
        }
        let page = caller.page(&client, &mut paging, &parameters).await?;
        match format {
            _ if is_streamed => context.print(name, &page)?,
            // What is not printed is not kept.
            OutputFormat::Off if !context.has_query() => {}
            _ => paging.merge(page),
        }
    }
    if is_streamed {
        return match paging.resume_token() {
            Some(token) => context.print(name, &json!({"NextToken": {"NextToken": token}})),
            None => Ok(()),
        };
    }
    match printer {
        Some(printer) => printer.end(invocation, paging),
        None => context.print_owned(format, name, paging.whole().into()),
    }
}

/// Returns how to send a request again that the service may have got, if it knows the request by a
/// token then. Without the token, what the request asks for would be done twice.
fn hint_token(call: &FailedCall<'_>) -> Option<String> {
    let (operation, parameters) = (call.operation, call.parameters);
    let mut members = call.service.model.members(operation.input).iter();
    let name = members.find(|member| member.is_token)?.name;
    let token = parameters.get(name)?.as_str()?;
    let mut flags = operation.flags.iter();
    let flag = flags.find(|flag| flag.member == name)?.name;
    let is_dry = parameters.get(dry_run::DRY_RUN) == Some(&Value::Bool(true));
    (call.may_have_run && !is_dry).then(|| {
        format!(
            "the request may have been received: to send it again so that it is done once, run the \
             same command with {}",
            shell::option(flag, token)
        )
    })
}

/// Returns how times are printed.
///
/// # Errors
///
/// If the setting has an unknown form.
pub(crate) fn times(settings: &Settings) -> Result<Times, keyfob_chain::Error> {
    let Some(setting) = settings.find(&CLI_TIMESTAMP_FORMAT) else {
        return Ok(Times::Iso8601);
    };
    match setting.text {
        "iso8601" => Ok(Times::Iso8601),
        "wire" | "none" => Ok(Times::Wire),
        _ => Err(setting.invalid("iso8601 or wire")),
    }
}

/// Reads an answer.
type ReadAnswer<'a> = dyn Fn(&Reply<'_>) -> Result<Value, Error> + Sync + 'a;

/// What each call of a command has in common.
struct Caller<'a> {
    context: &'a Context,
    invocation: &'a Invocation,
    times: Times,
}

impl Caller<'_> {
    /// Returns a client, and prints a hint if the role of the parameters is in another partition.
    async fn client(&self, parameters: &Map<String, Value>) -> Result<Client, Failure> {
        let service = self.invocation.service;
        let needs_credentials = !self.invocation.operation.needs_no_credentials;
        let client = if self.invocation.operation.pages.is_some() {
            let limit = service.rules.limit;
            Client::for_pages(self.context, service.row, needs_credentials, limit).await?
        } else {
            Client::new(self.context, service.row, needs_credentials).await?
        };
        let role = service
            .rules
            .role
            .and_then(|name| parameters.get(name)?.as_str());
        if let Some(arn) = role {
            client.hint_partition(self.context, arn);
        }
        Ok(client)
    }

    async fn call(
        &self,
        client: &Client,
        parameters: &Map<String, Value>,
    ) -> Result<Value, Failure> {
        let read = self.reads(self.invocation.operation);
        self.call_and_read(client, parameters, &read).await
    }

    async fn call_and_read(
        &self,
        client: &Client,
        parameters: &Map<String, Value>,
        read: &ReadAnswer<'_>,
    ) -> Result<Value, Failure> {
        let operation = self.invocation.operation;
        let error = match self
            .try_call_and_read(client, operation, parameters, read)
            .await
        {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let may_have_run = client.may_have_run();
        if let Some((answer, note)) = self.fall_back(client, &error, parameters).await {
            self.context.console().note(note);
            return Ok(answer);
        }
        let call = FailedCall {
            globals: self.context.globals(),
            service: self.invocation.service,
            operation,
            parameters,
            error: &error,
            may_have_run,
        };
        let hint = (call.service.rules.hint)(&call).or_else(|| hint_token(&call));
        let failure = self.explain(client, &error).await.with_decoder(&error);
        Err(match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        })
    }

    /// Gets the next page.
    async fn page(
        &self,
        client: &Client,
        paging: &mut Paging,
        parameters: &Map<String, Value>,
    ) -> Result<Value, Failure> {
        let answer = self.call(client, &paging.parameters(parameters)).await?;
        let name = self.invocation.operation.name;
        let page = paging.take(answer);
        page.map_err(|error| Failure::from(error).with_operation(name))
    }

    /// Asks the operation that has an answer after this error, if there is one.
    async fn fall_back(
        &self,
        client: &Client,
        error: &Error,
        parameters: &Map<String, Value>,
    ) -> Option<(Value, &'static str)> {
        let service = self.invocation.service;
        let (name, note) = (service.rules.fallback)(self.invocation.operation, error)?;
        let mut operations = service.model.operations().iter();
        let operation = operations.find(|operation| operation.name == name)?;
        let answer = self.try_call(client, operation, parameters).await;
        Some((answer.ok()?, note))
    }

    async fn explain(&self, client: &Client, error: &Error) -> Failure {
        if error.kind() == ErrorKind::Input {
            return self.invocation.refused(error);
        }
        let failure = client.explain(self.context, error).await;
        match error.hint() {
            Some(hint) => {
                let name = hint.split(' ').next().unwrap_or_default();
                failure.with_hint(self.invocation.named(name, hint))
            }
            None => failure,
        }
    }

    async fn call_with_code(
        &self,
        client: &Client,
        parameters: Map<String, Value>,
        code: &CodeSource,
    ) -> Result<Value, Failure> {
        let serial = parameters.get("SerialNumber").and_then(Value::as_str);
        let serial = serial.unwrap_or_default().to_owned();
        let send = async |code: Secret| {
            let mut parameters = parameters.clone();
            parameters.insert(TOKEN_CODE.to_owned(), code.expose().into());
            let operation = self.invocation.operation;
            self.try_call(client, operation, &parameters).await
        };
        let explain = async |error: &Error| self.explain(client, error).await;
        code.call(self.context, &serial, send, explain).await
    }

    async fn try_call(
        &self,
        client: &Client,
        operation: &'static Operation,
        parameters: &Map<String, Value>,
    ) -> Result<Value, Error> {
        let read = self.reads(operation);
        self.try_call_and_read(client, operation, parameters, &read)
            .await
    }

    async fn try_call_and_read(
        &self,
        client: &Client,
        operation: &'static Operation,
        parameters: &Map<String, Value>,
        read: &ReadAnswer<'_>,
    ) -> Result<Value, Error> {
        let service = self.invocation.service;
        let mut call = request::write(service, operation, parameters)?;
        if !client.signs() {
            call = call.with_authorization(Authorization::None);
        }
        client.try_send(&call.with_output(read)).await
    }

    /// Returns what reads the whole answer of an operation.
    fn reads(&self, operation: &Operation) -> impl Fn(&Reply<'_>) -> Result<Value, Error> + Sync {
        let (service, shape, times) = (self.invocation.service, operation.output, self.times);
        move |reply: &Reply<'_>| answer::read(service, shape, times, reply)
    }
}

#[cfg(test)]
mod tests {
    use keyfob_sts::call::Protocol;

    use super::*;

    fn service(name: &str) -> &'static Service {
        SERVICES
            .iter()
            .find(|service| service.name == name)
            .unwrap()
    }

    /// Source: the endpoint rule sets of botocore, for two regions of each partition.
    #[test]
    fn the_endpoints_are_those_of_botocore_in_all_partitions() {
        let mut count = 0;
        for line in include_str!("../../models/endpoints").lines().skip(1) {
            let words: Vec<&str> = line.split(' ').collect();
            let [name, region, fips, dual_stack, host, signed_for] = words[..] else {
                panic!("{line}");
            };
            let endpoint = service(name).row.endpoint().region(region).unwrap();
            let endpoint = endpoint
                .fips(fips == "fips")
                .dual_stack(dual_stack == "dual");
            let endpoint = endpoint.build().unwrap();
            assert_eq!(endpoint.url(), format!("https://{host}/"), "{line}");
            assert_eq!(endpoint.signing_region(), Some(signed_for), "{line}");
            count += 1;
        }
        assert!(count > 200, "{count}");
    }

    #[test]
    fn the_rows_of_services_are_those_of_the_tables() {
        for (text, service) in [
            (include_str!("../../models/sts.model"), service("sts")),
            (include_str!("../../models/iam.model"), service("iam")),
            (include_str!("../../models/ec2.model"), service("ec2")),
            (include_str!("../../models/ecr.model"), service("ecr")),
            (
                include_str!("../../models/ecr-public.model"),
                service("ecr-public"),
            ),
            (
                include_str!("../../models/service-quotas.model"),
                service("service-quotas"),
            ),
        ] {
            let row = service.row;
            let (protocol, target) = match row.protocol() {
                Protocol::Query => ("query", "-"),
                Protocol::Ec2Query => ("ec2", "-"),
                Protocol::Json11 { target } => ("json1.1", target),
                other => panic!("{other:?}"),
            };
            let id = row.id().replace(' ', "-");
            let (version, scope) = (row.api_version(), row.scope_name());
            let line = format!("service {protocol} {version} {target} {scope} {id}");
            assert_eq!(text.lines().nth(1), Some(line.as_str()));
        }
    }

    #[test]
    fn every_shape_that_a_table_uses_is_in_it() {
        for service in SERVICES {
            assert_eq!(
                service.model.undefined(),
                Vec::<&str>::new(),
                "{}",
                service.name
            );
            for operation in service.model.operations() {
                assert!(!operation.about.is_empty(), "{}", operation.command);
                for flag in &operation.flags {
                    let mut members = service.model.members(operation.input).iter();
                    assert!(
                        flag.own.is_some() || members.any(|member| member.name == flag.member),
                        "{flag:?}"
                    );
                }
            }
        }
    }
}
