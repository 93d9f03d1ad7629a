//! Refusals that STS has decoded, explained.

use keyfob_chain::shell;
use keyfob_sts::{
    decision::{ConditionKey, Decision, Statement, Verdict, encoded_messages},
    trust::Caller,
};
use serde_json::{Map, Value, json};

use crate::{
    context::Context,
    failure::Failure,
    syntax::standard_input,
    terminal::{Style, printable},
};

const MESSAGE: &str = "EncodedMessage";

/// Replaces `--encoded-message -` by the first message in standard input, which may be any error
/// with one.
///
/// # Errors
///
/// If there is none.
pub(super) fn read_message(
    context: &Context,
    parameters: &mut Map<String, Value>,
) -> Result<(), Failure> {
    if parameters.get(MESSAGE).and_then(Value::as_str) != Some("-") {
        return Ok(());
    }
    let text = standard_input()
        .map_err(|error| Failure::other(format!("cannot read the message: {error}")))?;
    let messages = encoded_messages(text.expose());
    let count = messages.len();
    let Some(first) = messages.into_iter().next() else {
        return Err(Failure::usage(
            "--encoded-message: standard input has no encoded message: paste the whole error",
        ));
    };
    if count > 1 {
        let note = format!("standard input has {count} encoded messages: the first is decoded");
        context.console().note(&note);
    }
    parameters.insert(MESSAGE.to_owned(), first.into());
    Ok(())
}

/// Prints the decision of an answer for people, or as JSON.
///
/// # Errors
///
/// If the answer is not a decision.
pub(super) fn explain(context: &Context, answer: &Value) -> Result<(), Failure> {
    let message = answer["DecodedMessage"].as_str().unwrap_or_default();
    let decision = Decision::parse(message)?;
    match context.own_format(false) {
        Some(format) => context.print_as(
            format,
            "DecodeAuthorizationMessage",
            &to_json(context, &decision),
        ),
        None => context.console().write_stdout(text(context, &decision)),
    }
}

/// Returns the decision for people, one fact a line.
pub(super) fn text(context: &Context, decision: &Decision) -> String {
    let (verdict, style) = match decision.verdict {
        Verdict::Allowed => ("allowed", Style::Good),
        Verdict::ExplicitDeny => ("explicit deny", Style::Bad),
        _ => ("implicit deny", Style::Bad),
    };
    let mut rows = vec![("decision", context.console().paint(style, verdict))];
    let principal = &decision.principal;
    for (name, value) in [
        (
            "principal",
            principal.arn.as_ref().or(principal.id.as_ref()),
        ),
        ("action", decision.action.as_ref()),
        ("resource", decision.resource.as_ref()),
    ] {
        rows.extend(value.map(|value| (name, printable(value).into_owned())));
    }
    let mut name = "conditions";
    for ConditionKey { key, values, .. } in &decision.conditions {
        let line = format!("{key} = {}", values.join(", "));
        rows.push((name, printable(&line).into_owned()));
        name = "";
    }
    rows.extend(
        decision
            .statements
            .iter()
            .map(|statement| ("statement", describe(statement))),
    );
    if decision.statements.is_empty() && decision.verdict == Verdict::ImplicitDeny {
        rows.push(("statement", "none allows it".to_owned()));
    }
    rows.push(("try", next(context, decision)));
    rows.iter()
        .map(|(name, value)| format!("{name:<10}  {value}\n"))
        .collect()
}

/// Returns a statement in one line.
fn describe(statement: &Statement) -> String {
    let effect = if statement.is_deny { "Deny" } else { "Allow" };
    let (actions, resources) = (statement.actions.join(", "), statement.resources.join(", "));
    let sid = statement.sid.as_deref().unwrap_or("without a Sid");
    let line = format!("{sid}: {effect} {actions} on {resources}");
    printable(&line).into_owned()
}

/// Returns the command to try next: it asks which policy is missing, or who the caller is.
fn next(context: &Context, decision: &Decision) -> String {
    let whoami = || vec!["keyfob whoami".to_owned()];
    let words = question(decision).unwrap_or_else(whoami);
    context.globals().follow_up(words)
}

/// Returns the words that ask which policy is missing, if the principal has policies.
fn question(decision: &Decision) -> Option<Vec<String>> {
    let arn = decision.principal.arn.as_deref().unwrap_or_default();
    let has_policies = matches!(
        Caller::from_arn(arn),
        Caller::User { .. } | Caller::Session { .. }
    );
    let action = decision.action.as_deref();
    let action = action.filter(|name| has_policies && name.contains(':'))?;
    let mut words = vec!["keyfob can".to_owned(), shell::quoted(action)];
    let resource = decision.resource.as_deref();
    // Any resource is what is asked without one.
    let resource = resource.filter(|arn| arn.starts_with("arn:"));
    words.extend(resource.map(shell::quoted));
    words.push(shell::option("--as", arn));
    for ConditionKey { key, values, .. } in &decision.conditions {
        let pairs = values.iter().map(|value| format!("{key}={value}"));
        words.extend(pairs.map(|pair| shell::option("--context", &pair)));
    }
    Some(words)
}

fn to_json(context: &Context, decision: &Decision) -> Value {
    let conditions = |conditions: &[ConditionKey]| -> Value {
        let condition = |one: &ConditionKey| json!({"key": one.key, "values": one.values});
        conditions.iter().map(condition).collect()
    };
    let statement = |statement: &Statement| {
        json!({
            "sid": statement.sid,
            "effect": if statement.is_deny { "Deny" } else { "Allow" },
            "actions": statement.actions,
            "resources": statement.resources,
            "conditions": conditions(&statement.conditions),
        })
    };
    json!({
        "decision": match decision.verdict {
            Verdict::Allowed => "allowed",
            Verdict::ExplicitDeny => "explicit_deny",
            _ => "implicit_deny",
        },
        "reason": decision.to_string(),
        "principal": decision.principal.arn,
        "action": decision.action,
        "resource": decision.resource,
        "conditions": conditions(&decision.conditions),
        "statements": decision.statements.iter().map(statement).collect::<Value>(),
        "next": next(context, decision),
    })
}
