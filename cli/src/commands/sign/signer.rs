use keyfob_sigv4::{Credentials, Explanation, HostScope, Request, Scope, Signer, Timestamp, v4a};

use super::print::{Form, Signed};
use crate::{
    args::{Algorithm, Auth, SigningArgs},
    context::Context,
    failure::Failure,
};

/// A signer of either algorithm.
pub(super) enum AnySigner {
    V4(Signer),
    V4a(v4a::Signer),
}

impl AnySigner {
    /// Returns a signer for the service and region of the arguments or, without those, of the host.
    /// The region may also come from the settings.
    ///
    /// # Errors
    ///
    /// If the service is unknown, or if a name is invalid.
    pub(super) async fn new(
        context: &Context,
        args: &SigningArgs,
        host: &str,
    ) -> Result<Self, Failure> {
        let (service, region) = target(args.signature.service.as_deref(), host)?;
        if args.region_set.is_some() && args.algorithm != Algorithm::V4a {
            return Err(Failure::usage("--region-set needs --algorithm v4a"));
        }
        let region = match &args.region_set {
            Some(set) => set.clone(),
            None => region_in_use(context, region).await?,
        };
        Ok(match args.algorithm {
            Algorithm::V4 => Self::V4(Signer::new(Scope::new(&region, &service)?)),
            Algorithm::V4a => Self::V4a(v4a::Signer::new(region.parse()?, &service)?),
        })
    }

    /// Signs a request, and explains the signature.
    ///
    /// # Errors
    ///
    /// If the time to live is out of range.
    pub(super) fn sign(
        &self,
        args: &SigningArgs,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Signed, Failure> {
        let form = match (self, args.auth) {
            (Self::V4(signer), Auth::Header) => {
                Form::Header(signer.sign(request, credentials, at)?)
            }
            (Self::V4(signer), Auth::Query) => {
                Form::Query(signer.presign(request, credentials, at, args.ttl()?)?)
            }
            (Self::V4a(signer), Auth::Header) => {
                Form::Header(signer.sign(request, credentials, at)?)
            }
            (Self::V4a(signer), Auth::Query) => {
                Form::Query(signer.presign(request, credentials, at, args.ttl()?)?)
            }
        };
        let explanation = self.explain(args, request, credentials, at)?;
        Ok(Signed { explanation, form })
    }

    /// Returns the steps of the signature.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    pub(super) fn explain(
        &self,
        args: &SigningArgs,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Explanation, Failure> {
        Ok(match (self, args.auth) {
            (Self::V4(signer), Auth::Header) => signer.explain(request, credentials, at)?,
            (Self::V4(signer), Auth::Query) => {
                signer.explain_presign(request, credentials, at, args.ttl()?)?
            }
            (Self::V4a(signer), Auth::Header) => signer.explain(request, credentials, at)?,
            (Self::V4a(signer), Auth::Query) => {
                signer.explain_presign(request, credentials, at, args.ttl()?)?
            }
        })
    }
}

/// Returns the scope of requests to a host: its service, unless the argument names one, and its
/// region, unless `--region` does. The region may also come from the settings.
///
/// # Errors
///
/// If the service is unknown, or if a name is invalid.
pub(in crate::commands) async fn scope(
    context: &Context,
    service: Option<&str>,
    host: &str,
) -> Result<Scope, Failure> {
    let (service, region) = target(service, host)?;
    let region = region_in_use(context, region).await?;
    Ok(Scope::new(&region, &service)?)
}

async fn region_in_use(context: &Context, told: Option<String>) -> Result<String, Failure> {
    match told {
        Some(region) if !context.has_region_argument() => Ok(region),
        _ => Ok(context.region().await?.name().to_owned()),
    }
}

/// Returns the service and, if the host tells it, the region.
fn target(service: Option<&str>, host: &str) -> Result<(String, Option<String>), Failure> {
    let told = HostScope::parse(host);
    let region = told.as_ref().and_then(HostScope::region).map(str::to_owned);
    match service.or(told.as_ref().map(HostScope::service)) {
        Some(service) => Ok((service.to_owned(), region)),
        None => {
            let failure = Failure::usage(format!("the host {host} does not name a known service"));
            Err(failure.with_hint("name it with --service, such as s3, execute-api or es"))
        }
    }
}
