//! The options of a command that `aws` does not have.

use clap::{Arg, ArgAction, ArgMatches};
use keyfob_sts::call;

use crate::{
    args::KEYFOB_OPTIONS_HEADING,
    services::{Service, dry_run::DRY_RUN, model::Operation},
};

const EXPLAIN: &str = "explain";
const UPDATE_PROFILE: &str = "update-profile";
const DRY_RUN_EXIT: &str = "dry-run-exit";
const TOKEN_COMMAND: &str = "token-command";

/// The values of these options.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Whether a decoded message is explained.
    pub(super) explain: bool,
    /// The profile under which credentials are stored.
    pub(super) update_profile: Option<String>,
    /// The command that prints the code of an MFA device.
    pub(super) token_command: Option<String>,
    /// Whether the exit code says if the call would be permitted.
    pub(super) dry_run_exit: bool,
}

impl Own {
    /// Returns the options that an operation has, by the members of its input and its answer.
    pub(super) fn options(service: &Service, operation: &Operation) -> Vec<Arg> {
        let option = |name: &'static str, help: &'static str| {
            let arg = Arg::new(name).long(name).help(help);
            arg.help_heading(KEYFOB_OPTIONS_HEADING)
        };
        let mut options = Vec::new();
        if takes(service, operation, "EncodedMessage") {
            let help = "Explain the decision: who may not do what, why, and what to try next";
            options.push(option(EXPLAIN, help).action(ArgAction::SetTrue));
        }
        if takes(service, operation, "TokenCode") {
            let help = "Take the MFA code from the output of this command, which no shell reads";
            options.push(
                option(TOKEN_COMMAND, help)
                    .value_name("COMMAND")
                    .conflicts_with("token-code"),
            );
        }
        if takes(service, operation, DRY_RUN) {
            let help = "Only ask whether the call would be permitted: exit code 0 for yes, or 254 \
                        and the reason";
            options.push(option(DRY_RUN_EXIT, help).action(ArgAction::SetTrue));
        }
        if returns_credentials(service, operation) {
            let help = "Store the credentials under this profile of the credentials file, and \
                        print none";
            options.push(option(UPDATE_PROFILE, help).value_name("NAME"));
        }
        options
    }

    /// Reads the values of the options that the operation has.
    pub(super) fn read(matches: &ArgMatches, service: &Service, operation: &Operation) -> Self {
        let text = |name| matches.get_one::<String>(name).cloned();
        let has_code = takes(service, operation, "TokenCode");
        let has_credentials = returns_credentials(service, operation);
        Self {
            explain: takes(service, operation, "EncodedMessage") && matches.get_flag(EXPLAIN),
            update_profile: has_credentials.then(|| text(UPDATE_PROFILE)).flatten(),
            token_command: has_code.then(|| text(TOKEN_COMMAND)).flatten(),
            dry_run_exit: takes(service, operation, DRY_RUN) && matches.get_flag(DRY_RUN_EXIT),
        }
    }
}

fn takes(service: &Service, operation: &Operation, name: &str) -> bool {
    let mut members = service.model.members(operation.input).iter();
    members.any(|member| member.name == name)
}

fn returns_credentials(service: &Service, operation: &Operation) -> bool {
    let mut members = service.model.members(operation.output).iter();
    *service.row == call::Service::STS && members.any(|member| member.name == "Credentials")
}
