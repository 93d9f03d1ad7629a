//! `keyfob can`: the policy simulator of IAM in one line.

mod context_entry;
mod principal;
mod question;
mod report;

use self::{
    question::Question,
    report::{Answer, Report},
};
use crate::{args::CanArgs, context::Context, failure::Failure, services};

/// Asks whether the policies of one or two principals allow actions on resources.
///
/// # Errors
///
/// If a word is neither an action nor an ARN, if IAM cannot be asked, or if it leaves out an
/// answer. Exits with 1 if an action is denied.
pub(super) async fn run(context: &Context, args: &CanArgs) -> Result<(), Failure> {
    let question = Question::new(args, context.variables())?;
    let mut answers = Vec::new();
    let first = match &args.principal {
        Some(arn) => principal::named(context, "--as", arn).await?,
        None => principal::own(context).await?,
    };
    answers.push(ask(context, &question, first).await?);
    if let Some(arn) = &args.other {
        let second = principal::named(context, "--and-as", arn).await?;
        answers.push(ask(context, &question, second).await?);
    }
    let report = Report::new(answers);
    match context.own_format(args.json) {
        Some(format) => context.print_as(format, "Can", &report.json())?,
        None => context.console().write_stdout(report.text(context))?,
    }
    if report.is_allowed() {
        Ok(())
    } else {
        Err(Failure::negative())
    }
}

async fn ask(context: &Context, question: &Question, arn: String) -> Result<Answer, Failure> {
    let parameters = question.parameters(&arn);
    let answer = services::call(context, "iam", "simulate-principal-policy", parameters).await?;
    Answer::new(arn, &answer).complete(question)
}
