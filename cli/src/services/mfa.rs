//! Codes of MFA devices: where they come from, and calls with them.

use keyfob_chain::ProcessCommand;
use keyfob_sigv4::{Secret, Timestamp};
use keyfob_sts::{Error, mfa::SentCodes};

use crate::{
    context::{Context, run_process},
    failure::Failure,
    syntax::standard_input_line,
    terminal::{Prompt, printable},
};

/// How many codes a person may try.
const TRIES: u32 = 3;

/// Where the code of an MFA device comes from.
pub(crate) enum CodeSource {
    /// The command line.
    Given(Secret),
    /// A question at the terminal, or a line of standard input.
    Asked,
    /// The output of a command.
    Command(ProcessCommand),
}

impl CodeSource {
    /// Reads the value of `--token-code`: `-` asks for the code.
    pub(crate) fn from_argument(code: &str) -> Self {
        match code {
            "-" => Self::Asked,
            _ => Self::Given(code.into()),
        }
    }

    /// Reads the value of `--token-command`.
    ///
    /// # Errors
    ///
    /// If it names no program, or has a quote without its end.
    pub(crate) fn from_command(context: &Context, line: &str) -> Result<Self, Failure> {
        ProcessCommand::parse(line, context.variables().platform())
            .map(Self::Command)
            .map_err(|reason| Failure::usage(format!("--token-command: {reason}")))
    }

    /// Calls `send` with a code. A person at the terminal may try three; the others are asked for
    /// one. `explain` makes a failure of the error of a call.
    ///
    /// # Errors
    ///
    /// If there is no code, or if the call fails. A refused code has a hint that says why.
    pub(crate) async fn call<T>(
        &self,
        context: &Context,
        serial: &str,
        send: impl AsyncFn(Secret) -> Result<T, Error>,
        explain: impl AsyncFn(&Error) -> Failure,
    ) -> Result<T, Failure> {
        let mut sent = SentCodes::default();
        let may_try_again = matches!(self, Self::Asked) && context.console().can_ask();
        let mut tries = 0;
        loop {
            tries += 1;
            let code = self.code(context, serial).await?;
            let read_at = Timestamp::now();
            let error = match send(code.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let refusal = sent.refusal(&error, &code, read_at, Timestamp::now());
            match refusal {
                Some(refusal) if may_try_again && tries < TRIES => {
                    context.console().warn(&refusal.to_string());
                }
                Some(refusal) => {
                    return Err(explain(&error).await.with_hint(refusal.to_string()));
                }
                None => return Err(explain(&error).await),
            }
        }
    }

    async fn code(&self, context: &Context, serial: &str) -> Result<Secret, Failure> {
        let console = context.console();
        match self {
            Self::Given(code) => Ok(code.clone()),
            Self::Asked if console.can_ask() => {
                let question = format!("Enter MFA code for {}: ", printable(serial));
                let answer = Prompt::code(console, &question).await;
                let answer = answer.map_err(|error| Failure::unread_answer(&error))?;
                answer.map_or_else(|| Err(no_code()), |code| Ok(code.into()))
            }
            Self::Asked if console.is_input_forbidden() => {
                Prompt::new(
                    console,
                    "give the code with --token-code or --token-command",
                )?;
                Err(no_code())
            }
            Self::Asked => {
                let line = standard_input_line()
                    .map_err(|error| Failure::other(format!("cannot read the code: {error}")))?;
                match line.expose().trim() {
                    "" => Err(no_code()),
                    code => Ok(code.into()),
                }
            }
            Self::Command(command) => read_output(context, command.clone()).await,
        }
    }
}

fn no_code() -> Failure {
    Failure::usage("no MFA code was given").with_hint(
        "type the six digits, or give them with --token-code, on standard input or with \
         --token-command",
    )
}

async fn read_output(context: &Context, mut command: ProcessCommand) -> Result<Secret, Failure> {
    if context.console().can_ask() {
        command = command.with_terminal();
    }
    let failed = |reason: &str| Failure::other(format!("--token-command: {reason}"));
    let output = run_process(command).await;
    let output = output.map_err(|error| failed(&format!("the command did not run: {error}")))?;
    if !output.status.success() {
        return Err(failed(&format!("the command failed ({})", output.status)));
    }
    match output.stdout.expose().trim() {
        "" => Err(failed("the command printed nothing")),
        code => Ok(code.into()),
    }
}
