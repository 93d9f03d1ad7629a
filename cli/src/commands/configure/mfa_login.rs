use keyfob_chain::shell;
use keyfob_sigv4::{Credentials, Secret};
use keyfob_sts::{actions::GetSessionToken, call::Service};

use crate::{
    args::MfaLoginArgs,
    context::Context,
    failure::Failure,
    services::{Client, CodeSource},
    terminal::Prompt,
};

/// Gets a session with an MFA code, and stores it under a profile.
///
/// What is missing is asked for. The code is the last question, because it is valid for seconds.
///
/// # Errors
///
/// If there are no credentials, if a question needs a terminal and there is none, if STS refuses
/// the code, or if the file cannot be written.
pub(super) async fn run(context: &Context, args: &MfaLoginArgs) -> Result<(), Failure> {
    let client = Client::new(context, &Service::STS, true).await?;
    let serial = serial_number(context, args).await?;
    let profile = match &args.update_profile {
        Some(profile) => profile.clone(),
        None => ask_for_profile(context, &serial).await?,
    };
    context.check_session_profile("--update-profile", &profile)?;
    let action = GetSessionToken::new().duration_seconds(args.duration_seconds)?;
    let code = match &args.token_command {
        Some(line) => CodeSource::from_command(context, line)?,
        None => CodeSource::from_argument(args.token_code.as_deref().unwrap_or("-")),
    };
    let send = async |code: Secret| {
        let action = action.clone().mfa(&serial, code)?;
        client.try_send(&action).await
    };
    let explain = async |error: &_| client.explain(context, error).await;
    let session = code.call(context, &serial, send, explain).await?;
    context.store_session(&profile, &session.credentials, None)?;
    context
        .console()
        .write_stdout(report(&profile, &session.credentials))
}

async fn serial_number(context: &Context, args: &MfaLoginArgs) -> Result<String, Failure> {
    if let Some(serial) = &args.serial_number {
        return Ok(serial.clone());
    }
    let profile = context.settings().profile()?;
    let serial = profile.and_then(|profile| profile.get("mfa_serial")?.non_empty());
    if let Some(serial) = serial {
        return Ok(serial.to_owned());
    }
    let alternative = "give the device with --serial-number, or set mfa_serial in the profile";
    let prompt = Prompt::new(context.console(), alternative)?;
    let answer = prompt
        .line("MFA serial number or ARN", None, |_| Ok(()))
        .await?;
    answer.ok_or_else(|| Failure::usage("no MFA device was given").with_hint(alternative))
}

/// Asks for the profile at a terminal. Elsewhere the default counts.
async fn ask_for_profile(context: &Context, serial: &str) -> Result<String, Failure> {
    let default = default_profile(serial);
    if !context.console().can_ask() {
        return Ok(default);
    }
    let prompt = Prompt::new(context.console(), "give --update-profile")?;
    let check = |name: &str| {
        let checked = context.check_session_profile("this name", name);
        checked.map_err(|failure| failure.message().to_owned())
    };
    let answer = prompt
        .line("Profile to update", Some(&default), check)
        .await?;
    Ok(answer.unwrap_or(default))
}

/// Returns the name that `aws` gives to a profile: `ACCOUNT-DEVICE` for the ARN of a device, and
/// `session-SERIAL` for a serial number.
fn default_profile(serial: &str) -> String {
    let parts = serial.strip_prefix("arn:").map(|rest| {
        let mut fields = rest.splitn(5, ':');
        (fields.nth(3), fields.next())
    });
    match parts {
        Some((Some(account), Some(device))) => {
            let name = device.rsplit('/').next().unwrap_or(device);
            format!("{account}-{name}")
        }
        _ => format!("session-{serial}"),
    }
}

/// The three lines of `aws`.
fn report(profile: &str, session: &Credentials) -> String {
    let expiry = session.expiry().map(|expiry| {
        let time = expiry.to_string();
        time.replace('T', " ").replace('Z', " UTC")
    });
    let expiry = expiry.unwrap_or_default();
    let option = shell::option("--profile", profile);
    format!(
        "Temporary credentials written to profile '{profile}'\n\
         Credentials will expire at {expiry}\n\
         To use these credentials, specify {option} when running AWS CLI commands\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_has_the_name_of_aws() {
        for (serial, name) in [
            ("arn:aws:iam::123456789012:mfa/bob", "123456789012-bob"),
            ("arn:aws:iam::123456789012:mfa/ops/bob", "123456789012-bob"),
            ("GAHT12345678", "session-GAHT12345678"),
            ("arn:odd", "session-arn:odd"),
        ] {
            assert_eq!(default_profile(serial), name);
        }
    }
}
