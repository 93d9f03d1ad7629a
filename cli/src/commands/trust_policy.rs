//! `keyfob trust-policy`: writes the trust policy of a role, or checks one.

use std::path::Path;

use keyfob_chain::{Argument, Origin};
use keyfob_sigv4::Timestamp;
use keyfob_sts::{
    Partition,
    trust::{
        Caller, Decision, PolicyError, Request, StatementReport, TrustPolicy, Trusted, Verdict,
        document,
    },
};
use serde_json::{Value, json};

use crate::{
    args::TrustPolicyArgs, context::Context, failure::Failure, syntax::read_text_file,
    terminal::Style,
};

/// The longest policy that is read. IAM takes 4096 characters at most.
const MAX_POLICY: u64 = 1 << 20;

/// Prints the policy, or what one decides.
///
/// # Errors
///
/// If an option is wrong, or if the policy cannot be read. Exits with 1 if it does not let the
/// caller assume the role.
pub(super) async fn run(context: &Context, args: &TrustPolicyArgs) -> Result<(), Failure> {
    match (&args.check, &args.caller) {
        (Some(file), Some(caller)) => check(context, args, file, caller),
        _ => write(context, args).await,
    }
}

async fn write(context: &Context, args: &TrustPolicyArgs) -> Result<(), Failure> {
    let trusted = trusted(context, args).await?;
    if trusted.is_empty() {
        return Err(Failure::usage(
            "nothing is trusted: give --principal, --service, --org-id, --saml-provider or --oidc",
        ));
    }
    if args.oidc.is_some() && args.subject.is_none() {
        context.console().warn(
            "without --subject, everybody whom the provider knows can assume the role: for a \
             public provider, such as GitHub's, that is everybody",
        );
    }
    let document = document(&trusted);
    match context.own_format(args.json) {
        Some(format) => {
            let value = serde_json::from_str(&document).unwrap_or(Value::Null);
            context.print_as(format, "TrustPolicy", &value)
        }
        None => context.console().write_stdout(document + "\n"),
    }
}

async fn trusted(context: &Context, args: &TrustPolicyArgs) -> Result<Vec<Trusted>, Failure> {
    let mut principals = Vec::new();
    for principal in &args.principal {
        let is_account = principal.bytes().all(|byte| byte.is_ascii_digit());
        let parsed = if is_account {
            Trusted::account(principal, partition(context).await?)
        } else {
            Trusted::arn(principal)
        };
        principals.push(named("--principal", parsed)?);
    }
    let mut services = Vec::new();
    for service in &args.service {
        services.push(named("--service", Trusted::service(service))?);
    }
    if let Some(id) = &args.org_id {
        let in_organization = |trusted: Trusted| named("--org-id", trusted.with_organization(id));
        if principals.is_empty() && services.is_empty() {
            principals.push(named("--org-id", Trusted::organization(id))?);
        } else {
            principals = each(principals, in_organization)?;
            services = each(services, in_organization)?;
        }
    }
    for (flag, is_given) in [
        ("--external-id", args.external_id.is_some()),
        ("--require-mfa", args.require_mfa),
    ] {
        if is_given && principals.is_empty() {
            return Err(Failure::usage(format!(
                "{flag} needs --principal or --org-id: services and identity providers send none"
            )));
        }
    }
    if let Some(id) = &args.external_id {
        principals = each(principals, |trusted| {
            named("--external-id", trusted.with_external_id(id))
        })?;
    }
    if args.require_mfa {
        principals = each(principals, |trusted| {
            named("--require-mfa", trusted.with_mfa())
        })?;
    }
    let mut trusted = [principals, services].concat();
    if let Some(arn) = &args.saml_provider {
        trusted.push(named("--saml-provider", Trusted::saml_provider(arn))?);
    }
    trusted.extend(oidc(args)?);
    Ok(trusted)
}

fn oidc(args: &TrustPolicyArgs) -> Result<Option<Trusted>, Failure> {
    let Some(arn) = &args.oidc else {
        if args.audience.is_some() || args.subject.is_some() {
            return Err(Failure::usage("--audience and --subject need --oidc"));
        }
        return Ok(None);
    };
    let audience = args.audience.as_deref().unwrap_or_default();
    let trusted = named("--oidc", Trusted::oidc_provider(arn, audience))?;
    let Some(subject) = &args.subject else {
        return Ok(Some(trusted));
    };
    named("--subject", trusted.with_subject(subject)).map(Some)
}

/// Returns the partition of the region that is set, with a note if that is the default. An instance
/// is not asked: the command sends nothing.
async fn partition(context: &Context) -> Result<Partition, Failure> {
    let offline = Argument::new("trust-policy", "true");
    let settings = context.settings().clone();
    let settings = settings.with_argument("offline", offline);
    let region = settings.resolve_region(None, Timestamp::now()).await?;
    if *region.origin() == Origin::Default {
        context.print_finding(&settings.default_region_finding());
    }
    Ok(Partition::from_region(region.name()))
}

fn each(
    trusted: Vec<Trusted>,
    change: impl Fn(Trusted) -> Result<Trusted, Failure>,
) -> Result<Vec<Trusted>, Failure> {
    trusted.into_iter().map(change).collect()
}

/// Names the option of an error, which does not repeat the value.
fn named<T>(flag: &str, result: Result<T, PolicyError>) -> Result<T, Failure> {
    result.map_err(|error| {
        let text = error.to_string();
        let reason = text.strip_prefix("Principal: ").unwrap_or(&text);
        Failure::usage(format!("{flag}: {reason}"))
    })
}

fn check(
    context: &Context,
    args: &TrustPolicyArgs,
    file: &Path,
    caller: &str,
) -> Result<(), Failure> {
    let request = request(args, caller)?;
    let policy = read_text_file("--check", file, MAX_POLICY)?;
    let policy = TrustPolicy::parse(&policy)
        .map_err(|error| Failure::usage(format!("--check: this is not a trust policy: {error}")))?;
    let decision = policy.decide(&request);
    match context.own_format(args.json) {
        Some(format) => context.print_as(format, "TrustPolicy", &to_json(&decision))?,
        None => context.console().write_stdout(text(context, &decision))?,
    }
    if !decision.is_allowed() {
        return Err(Failure::negative());
    }
    if decision.needs_own_permission() {
        let action = request.action();
        context.console().note(&format!(
            "the policy trusts the account of the caller, so a policy of the caller must allow \
             {action}, too"
        ));
    }
    Ok(())
}

fn request(args: &TrustPolicyArgs, caller: &str) -> Result<Request, Failure> {
    let caller = Caller::from_arn(caller);
    if caller == Caller::Anonymous {
        return Err(Failure::usage(
            "--as: this must be the ARN of a user, a role, a session or a provider, or the name \
             of a service",
        ));
    }
    let is_federated = matches!(caller, Caller::Federated { .. });
    let now = Timestamp::now();
    let mut request = Request::assume_role(caller)
        .with("aws:CurrentTime", [now.to_string()])
        .with("aws:EpochTime", [now.unix_seconds().to_string()]);
    if let Some(id) = &args.external_id {
        request = request.with("sts:ExternalId", [id]);
    }
    if args.mfa {
        request = request.with("aws:MultiFactorAuthPresent", ["true"]);
    }
    if let Some(id) = &args.org_id {
        request = request.with_organization(id);
    }
    for (claim, value) in [("aud", &args.audience), ("sub", &args.subject)] {
        let Some(value) = value else { continue };
        if !is_federated {
            return Err(Failure::usage(
                "--audience and --subject need the ARN of a provider with --as",
            ));
        }
        request = request.with_claim(claim, value);
    }
    for pair in &args.context {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Failure::usage("--context: write KEY=VALUE"));
        };
        request = request.with(key, [value]);
    }
    Ok(request)
}

/// Returns the decision in one line, and each reason in a line of its own.
fn text(context: &Context, decision: &Decision) -> String {
    let style = if decision.is_allowed() {
        Style::Good
    } else {
        Style::Bad
    };
    let reasons = decision.statements().iter();
    let reasons: Vec<_> = reasons.filter(|report| !report.is_deny()).collect();
    let paint = |line: &str| context.console().paint(style, line);
    if decision.verdict() != Verdict::NotAllowed || reasons.is_empty() {
        return paint(&decision.to_string()) + "\n";
    }
    let reasons = reasons.iter().map(|report| format!("  {report}\n"));
    format!("{}\n{}", paint("not allowed"), reasons.collect::<String>())
}

fn to_json(decision: &Decision) -> Value {
    let number = |report: &StatementReport| report.index() + 1;
    let statement = |report: &StatementReport| {
        json!({
            "number": number(report),
            "sid": report.sid(),
            "effect": if report.is_deny() { "Deny" } else { "Allow" },
            "is_match": report.is_match(),
            "reason": report.to_string(),
        })
    };
    json!({
        "allowed": decision.is_allowed(),
        "reason": decision.to_string(),
        "statement": decision.statement().map(number),
        "needs_own_permission": decision.needs_own_permission(),
        "statements": decision.statements().iter().map(statement).collect::<Value>(),
    })
}
