//! `eks get-token`: what `kubectl` asks its credential plugin for.

use keyfob_chain::settings::KUBERNETES_EXEC_INFO;
use keyfob_sigv4::{
    ErrorKind, Timestamp,
    token::{self, ExecApi},
};
use keyfob_sts::call::Service;
use serde_json::Value;

use crate::{
    args::{ClusterArgs, EksCommand},
    context::Context,
    failure::Failure,
    syntax::expand,
};

/// The name of the session in which `aws` signs a token for `--role-arn`. Clusters may map it to a
/// user.
const SESSION_NAME: &str = "EKSGetTokenAuth";

/// Prints a token as JSON, or as the options ask for.
///
/// # Errors
///
/// If an argument is invalid, or if there are no credentials.
pub(crate) async fn run(context: &Context, command: &EksCommand) -> Result<(), Failure> {
    let EksCommand::GetToken(args) = command;
    context.check_output()?;
    let (option, cluster) = cluster(context, &args.cluster)?;
    let mut role = args.role.clone();
    role.role_session_name
        .get_or_insert_with(|| SESSION_NAME.to_owned());
    let credentials = context.credentials_for(&role, None).await?;
    let region = context.region().await?;
    // The token is a request to the region's STS, to which the cluster sends it. As in `aws`,
    // `--endpoint-url` is not for STS.
    let builder = Service::STS.endpoint();
    let endpoint = context.settings().endpoint(builder, "sts", region, None)?;
    let endpoint = endpoint.build()?;
    let region = endpoint.signing_region().unwrap_or(region.name());
    let token = token::eks_at(
        &endpoint.url(),
        &cluster,
        region,
        &credentials,
        Timestamp::now(),
    );
    let token = token.map_err(|error| match error.kind() {
        ErrorKind::Cluster | ErrorKind::HeaderValue => {
            Failure::usage(format!("{option}: {}", error.message()))
        }
        _ => Failure::from(error),
    })?;
    let text = token.exec_credential(api(context));
    let credential: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::other(format!("the token cannot be written: {error}")))?;
    context.print("get-token", &credential)?;
    // As `aws` does.
    context.console().write_stdout("\n")
}

/// Returns the name of the cluster, or its id, and the option that has it.
fn cluster(context: &Context, args: &ClusterArgs) -> Result<(&'static str, String), Failure> {
    let (option, text) = match (&args.cluster_name, &args.cluster_id) {
        (Some(name), _) => ("--cluster-name", name),
        (None, Some(id)) => ("--cluster-id", id),
        (None, None) => {
            return Err(Failure::usage(
                "the following arguments are required: --cluster-name, or --cluster-id",
            ));
        }
    };
    Ok((option, expand(text, context.variables())?))
}

/// Returns the version that `kubectl` asks for, and warns if that cannot be told or is an old one.
///
/// Source: `get_token.py` of `aws`.
fn api(context: &Context) -> ExecApi {
    let Some(setting) = context.settings().find(&KUBERNETES_EXEC_INFO) else {
        return ExecApi::default();
    };
    let info: Option<Value> = serde_json::from_str(setting.text).ok();
    let name = info.as_ref().and_then(|info| info["apiVersion"].as_str());
    let api = name.and_then(ExecApi::from_name);
    let fallback = ExecApi::default();
    let warning = match (api, info.is_some()) {
        (Some(ExecApi::V1Alpha1), _) => format!(
            "the kubeconfig has the API version {}, which Kubernetes 1.24 removed: write {fallback} \
             there",
            ExecApi::V1Alpha1
        ),
        (Some(_), _) => String::new(),
        (None, true) => format!(
            "KUBERNETES_EXEC_INFO has an API version that is not known: the token is for {fallback}"
        ),
        (None, false) => {
            format!("KUBERNETES_EXEC_INFO is not JSON: the token is for {fallback}")
        }
    };
    if !warning.is_empty() {
        context.console().warn(&warning);
    }
    api.unwrap_or_default()
}
