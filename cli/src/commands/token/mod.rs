//! Tokens, passwords and URLs that services accept instead of a signed request. Nothing is sent.

mod codecommit;
mod database;
mod eks;

use keyfob_sigv4::{
    Credentials, Error, ErrorKind, Secret, Timestamp, Ttl,
    token::{self, AppSync, CacheKind, Token},
};
use serde_json::json;

pub(super) use self::{
    codecommit::run as run_codecommit,
    database::{run_dsql, run_rds},
    eks::run as run_eks,
};
use crate::{
    args::{Text, TokenCommand},
    context::Context,
    failure::Failure,
    syntax::{expand, standard_input},
};

/// Runs a command of `keyfob token`.
///
/// # Errors
///
/// If an argument is invalid, or if there are no credentials.
pub(super) async fn run(context: &Context, command: &TokenCommand) -> Result<(), Failure> {
    let maker = Maker::new(context).await?;
    match command {
        TokenCommand::Bedrock { expires_in } => maker.print(
            "token",
            token::bedrock(
                &maker.region,
                ttl(*expires_in)?,
                &maker.credentials,
                maker.at,
            ),
        ),
        TokenCommand::Elasticache {
            cache_name,
            username,
            serverless,
        } => {
            let kind = if *serverless {
                CacheKind::Serverless
            } else {
                CacheKind::Nodes
            };
            let (region, keys) = (&maker.region, &maker.credentials);
            let token = token::elasticache(cache_name, username, kind, region, keys, maker.at);
            maker.print("password", token.map_err(named("--cache-name")))
        }
        TokenCommand::Memorydb {
            cluster_name,
            username,
        } => {
            let (region, keys) = (&maker.region, &maker.credentials);
            let token = token::memorydb(cluster_name, username, region, keys, maker.at);
            maker.print("password", token.map_err(named("--cluster-name")))
        }
        TokenCommand::Msk { user_agent } => maker.print(
            "token",
            token::msk(&maker.region, user_agent, &maker.credentials, maker.at),
        ),
        TokenCommand::Iot {
            hostname,
            expires_in,
        } => {
            warn_of_region(context, hostname, &maker.region);
            let (ttl, keys) = (ttl(*expires_in)?, &maker.credentials);
            let token = token::iot_websocket(hostname, &maker.region, ttl, keys, maker.at);
            maker.print("url", token.map_err(named("--hostname")))
        }
        TokenCommand::Transcribe { param, expires_in } => {
            let pairs = param.iter().map(|pair| {
                pair.split_once('=')
                    .ok_or_else(|| Failure::usage("--param: write NAME=VALUE"))
            });
            let pairs: Vec<(&str, &str)> = pairs.collect::<Result<_, _>>()?;
            let (ttl, keys) = (ttl(*expires_in)?, &maker.credentials);
            let url = token::transcribe_websocket(&pairs, &maker.region, ttl, keys, maker.at)?;
            maker.print_text("url", &url.as_str().into(), url.expiry())
        }
        TokenCommand::Appsync {
            hostname,
            events,
            data,
        } => {
            let api = if *events {
                AppSync::events(hostname, &maker.region)
            } else {
                AppSync::graphql(hostname, &maker.region)
            };
            let api = api.map_err(named("--hostname"))?;
            warn_of_region(context, hostname, &maker.region);
            maker.print_appsync(&api, data.as_ref())
        }
        TokenCommand::SesSmtp => maker.print_ses_password(),
    }
}

/// What every token is made of.
struct Maker<'a> {
    context: &'a Context,
    credentials: Credentials,
    region: String,
    at: Timestamp,
}

impl<'a> Maker<'a> {
    async fn new(context: &'a Context) -> Result<Self, Failure> {
        Ok(Self {
            context,
            credentials: context.credentials().await?,
            region: context.region().await?.name().to_owned(),
            // The time in a signature has no fraction.
            at: Timestamp::from_unix_seconds(Timestamp::now().unix_seconds()),
        })
    }

    /// Prints a token alone on its line, as for the commands of `aws`.
    fn print_line(&self, token: Result<Token, Failure>) -> Result<(), Failure> {
        let token = token?;
        warn_of_expiry(self.context, &self.credentials, token.expiry());
        let line = format!("{}\n", token.expose());
        self.context.console().write_stdout(line)
    }
}

/// The commands that `aws` does not have print their token in the format that is asked for.
impl Maker<'_> {
    fn print<E: Into<Failure>>(&self, name: &str, token: Result<Token, E>) -> Result<(), Failure> {
        let token = token.map_err(Into::into)?;
        let expiry = token.expiry();
        self.print_text(name, &token.into_secret(), Some(expiry))
    }

    fn print_text(
        &self,
        name: &str,
        text: &Secret,
        expiry: Option<Timestamp>,
    ) -> Result<(), Failure> {
        if let Some(expiry) = expiry {
            warn_of_expiry(self.context, &self.credentials, expiry);
        }
        let Some(format) = self.context.own_format(false) else {
            let line = format!("{}\n", text.expose());
            return self.context.console().write_stdout(line);
        };
        let mut answer = json!({ name: text.expose() });
        if let Some(expiry) = expiry {
            answer["expiry"] = expiry.to_string().into();
        }
        self.context.print_as(format, "token", &answer)
    }

    fn print_appsync(&self, api: &AppSync, data: Option<&Text>) -> Result<(), Failure> {
        let Some(data) = data else {
            let connection = api.connect(&self.credentials, self.at)?;
            return self.print_text("url", &connection.url_with_header().into(), None);
        };
        let data = if data.written == "-" {
            let input = standard_input();
            let input = input.map_err(|error| Failure::other(format!("--data: {error}")))?;
            input.expose().to_owned()
        } else {
            expand(data, self.context.variables())?
        };
        let authorization = api.authorize(&data, &self.credentials, self.at)?;
        self.print_text("authorization", &authorization, None)
    }

    /// Prints the password. Its user is the access key id.
    fn print_ses_password(&self) -> Result<(), Failure> {
        if self.credentials.session_token().is_some() {
            return Err(Failure::configuration(
                "SES has no SMTP password for temporary credentials: use the access key of a user",
            ));
        }
        let secret = self.credentials.secret_access_key();
        let password = token::ses_smtp_password(secret, &self.region)?;
        let Some(format) = self.context.own_format(false) else {
            let line = format!("{}\n", password.expose());
            return self.context.console().write_stdout(line);
        };
        let username = self.credentials.access_key_id();
        let answer = json!({"username": username, "password": password.expose()});
        self.context.print_as(format, "token", &answer)
    }
}

fn ttl(seconds: u32) -> Result<Ttl, Error> {
    Ttl::from_secs(seconds.into())
}

/// Returns the failure for a name or a host that cannot be signed, with the option that has it. A
/// user and a time to live have options of their own.
fn named(option: &'static str) -> impl Fn(Error) -> Failure {
    move |error| {
        let option = match error.kind() {
            ErrorKind::User => "--username",
            ErrorKind::Ttl => "--expires-in",
            ErrorKind::Region => "--region",
            _ => option,
        };
        Failure::usage(format!("{option}: {}", error.message()))
    }
}

/// Warns if a token ends with the credentials: the service does not say so when it refuses it.
fn warn_of_expiry(context: &Context, credentials: &Credentials, expiry: Timestamp) {
    // A signature has whole seconds.
    let is_first = |end: &Timestamp| end.unix_seconds() <= expiry.unix_seconds();
    let Some(end) = context.end_of(credentials).filter(is_first) else {
        return;
    };
    context.console().warn(&if end <= Timestamp::now() {
        format!("the token never works, because the credentials expired at {end}")
    } else {
        format!("the token stops working at {end}, when the credentials expire")
    });
}

/// Warns if a host of AWS is in another region than the one that a token is signed for.
fn warn_of_region(context: &Context, host: &str, region: &str) {
    let told = keyfob_sigv4::HostScope::parse(host);
    let Some(other) = told.as_ref().and_then(|told| told.region()) else {
        return;
    };
    if other != region {
        context.console().warn(&format!(
            "the host is in {other}, and the token is signed for {region}: add --region {other}"
        ));
    }
}
