//! Tokens that are presigned URLs in another form: of EKS, RDS and DSQL.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use keyfob_sigv4::{Credentials, Timestamp, Ttl, token};

use super::aws_sigv4::Presigner;
use super::keyfob::NAME;
use super::{Comparison, Signed};
use crate::BoxError;
use crate::case::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, at};
use crate::measure::Contender;

/// The comparisons.
pub const CASES: [Comparison; 3] = [("token-eks", eks), ("token-rds", rds), ("token-dsql", dsql)];

const LIFETIME: u32 = 900;
const CLUSTER: &str = "production";
const DATABASE: &str = "production.c1a2b3d4e5f6.us-east-1.rds.amazonaws.com:5432";
const DSQL: &str = "abcdefghijklmnopqrstuvwxyz.dsql.us-east-1.on.aws";

fn eks() -> Result<Vec<Contender<'static>>, BoxError> {
    let presigner = Presigner::new("sts", 60);
    let url =
        format!("https://sts.{REGION}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15");
    contenders(
        |keys, at| Ok(token::eks(CLUSTER, REGION, keys, at)?.into_token()),
        move |at| {
            let url = presigner.presign(&url, &[("x-k8s-aws-id", CLUSTER)], at)?;
            Ok(format!("k8s-aws-v1.{}", BASE64_URL_SAFE_NO_PAD.encode(url)))
        },
    )
}

fn rds() -> Result<Vec<Contender<'static>>, BoxError> {
    let presigner = Presigner::new("rds-db", LIFETIME);
    contenders(
        |keys, at| Ok(token::rds(DATABASE, "app", REGION, keys, at)?),
        move |at| {
            let url = format!("https://{DATABASE}/?Action=connect&DBUser=app");
            without_scheme(&presigner.presign(&url, &[], at)?)
        },
    )
}

fn dsql() -> Result<Vec<Contender<'static>>, BoxError> {
    let presigner = Presigner::new("dsql", LIFETIME);
    let ttl = Ttl::from_secs(LIFETIME.into())?;
    contenders(
        move |keys, at| {
            Ok(token::dsql(
                DSQL,
                token::DsqlUser::Admin,
                REGION,
                ttl,
                keys,
                at,
            )?)
        },
        move |at| {
            let url = format!("https://{DSQL}/?Action=DbConnectAdmin");
            without_scheme(&presigner.presign(&url, &[], at)?)
        },
    )
}

fn without_scheme(url: &str) -> Result<String, BoxError> {
    Ok(url.strip_prefix("https://").ok_or("another scheme")?.into())
}

/// Returns the two contenders if their tokens have the same signature.
fn contenders(
    ours: impl Fn(&Credentials, Timestamp) -> Result<token::Token, BoxError> + 'static,
    theirs: impl Fn(Timestamp) -> Result<String, BoxError> + 'static,
) -> Result<Vec<Contender<'static>>, BoxError> {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY)?;
    for n in 0..64 {
        let (token, other) = (ours(&credentials, at(n))?, theirs(at(n))?);
        let [token, other] = [token.expose(), &other].map(signed);
        let (token, other) = (token?, other?);
        if token != other {
            return Err(format!("keyfob and aws-sigv4 disagree: {token:?}, {other:?}").into());
        }
    }
    Ok(vec![
        Contender::new(
            NAME,
            |n| Ok((at(n), None)),
            move |(at, token)| {
                *token = Some(ours(&credentials, *at)?);
                Ok(())
            },
        ),
        Contender::new(
            "aws-sigv4",
            |n| Ok((at(n), String::new())),
            move |(at, token)| {
                *token = theirs(*at)?;
                Ok(())
            },
        ),
    ])
}

/// Finds the signature in a token. That of EKS is encoded.
fn signed(token: &str) -> Result<Signed, BoxError> {
    match token.strip_prefix("k8s-aws-v1.") {
        Some(encoded) => {
            let url = BASE64_URL_SAFE_NO_PAD.decode(encoded)?;
            Signed::parse(&String::from_utf8(url)?)
        }
        None => Signed::parse(token),
    }
}
