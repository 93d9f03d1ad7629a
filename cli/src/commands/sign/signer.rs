use keyfob_sigv4::{Credentials, Explanation, Request, Rules, Scope, Signer, Timestamp, Ttl, v4a};

use super::{
    host::{self, Target},
    print::{Form, Signed},
};
use crate::{
    args::{Algorithm, Auth, SigningArgs},
    context::Context,
    failure::Failure,
};

/// The default lifetime of a signature in the query, in seconds.
const DEFAULT_TTL: u32 = 900;

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
        let Target { service, region } = target(args, host)?;
        if args.region_set.is_some() && args.algorithm != Algorithm::V4a {
            return Err(Failure::usage("--region-set needs --algorithm v4a"));
        }
        let region = match (&args.region_set, region) {
            (Some(set), _) => set.clone(),
            (None, Some(region)) if !context.has_region_argument() => region,
            _ => context.region().await?.name().to_owned(),
        };
        let rules = rules(&service);
        Ok(match args.algorithm {
            Algorithm::V4 => Self::V4(Signer::with_rules(Scope::new(&region, &service)?, rules)),
            Algorithm::V4a => Self::V4a(v4a::Signer::with_rules(region.parse()?, &service, rules)?),
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
            (Self::V4(signer), Auth::Header) => Form::Header(signer.sign(request, credentials, at)),
            (Self::V4(signer), Auth::Query) => {
                Form::Query(signer.presign(request, credentials, at, ttl(args)?)?)
            }
            (Self::V4a(signer), Auth::Header) => {
                Form::Header(signer.sign(request, credentials, at)?)
            }
            (Self::V4a(signer), Auth::Query) => {
                Form::Query(signer.presign(request, credentials, at, ttl(args)?)?)
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
            (Self::V4(signer), Auth::Header) => signer.explain(request, credentials, at),
            (Self::V4(signer), Auth::Query) => {
                signer.explain_presign(request, credentials, at, ttl(args)?)?
            }
            (Self::V4a(signer), Auth::Header) => signer.explain(request, credentials, at)?,
            (Self::V4a(signer), Auth::Query) => {
                signer.explain_presign(request, credentials, at, ttl(args)?)?
            }
        })
    }
}

/// Returns the rules for a service, by its name in the credential scope.
fn rules(service: &str) -> Rules {
    match service {
        // A token of S3 Express belongs in a header of its own, but its credentials look like any
        // others, so they are signed as those of S3.
        "s3" | "s3express" | "s3-outposts" | "s3-object-lambda" => Rules::S3,
        "aoss" | "glacier" => Rules::GENERAL.content_sha256_header(true),
        _ => Rules::GENERAL,
    }
}

fn target(args: &SigningArgs, host: &str) -> Result<Target, Failure> {
    match (&args.service, host::target(host)) {
        (Some(service), target) => Ok(Target {
            service: service.clone(),
            region: target.and_then(|target| target.region),
        }),
        (None, Some(target)) => Ok(target),
        (None, None) => {
            let failure = Failure::usage(format!("the host {host} does not name a known service"));
            Err(failure.with_hint("name it with --service, such as s3, execute-api or es"))
        }
    }
}

fn ttl(args: &SigningArgs) -> Result<Ttl, Failure> {
    Ttl::from_secs(args.expires_in.unwrap_or(DEFAULT_TTL).into())
        .map_err(|error| Failure::usage(format!("--expires-in: {}", error.message())))
}
