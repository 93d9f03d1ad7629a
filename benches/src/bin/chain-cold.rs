//! Measures what credentials cost: the first ones of a new process, from the environment and from
//! a profile, and each later read from the cache.
//!
//! Keyfob, aws-config and reqsign take turns, the first ones each in a process of its own.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::time::Duration;

use keyfob_benches::BoxError;
use keyfob_benches::case::{ACCESS_KEY_ID as ID, SECRET_ACCESS_KEY as SECRET};
use keyfob_benches::cold::{First, aws_config_defaults, fresh, keyfob_defaults, named, timed};
use keyfob_benches::measure::{Contender, concurrently, interleave};
use keyfob_benches::peers::{chain, ready};
use keyfob_chain::{Cached, Found, Origin};
use keyfob_sigv4::{Credentials, Timestamp};
use reqsign_aws_v4::DefaultCredentialProvider;
use reqsign_core::{Context, OsEnv, ProvideCredential};
use reqsign_file_read_tokio::TokioFileRead;
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 60;

/// A client that gets credentials in a new process, and returns their access key ID.
type Cold = fn(&Runtime) -> Result<First, BoxError>;

const CONTENDERS: [(&str, Cold); 3] = [
    ("keyfob", keyfob_defaults),
    ("aws-config", aws_config_defaults),
    ("reqsign-aws-v4", reqsign),
];

fn main() -> Result<(), BoxError> {
    match env::args().nth(1) {
        None => {
            first()?;
            cached()
        }
        // Nothing here opens a socket.
        Some(name) => timed(ID, Builder::enable_time, named(&CONTENDERS, &name)?),
    }
}

/// Prints the median of each client and source.
fn first() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let aws = folder.path().join(".aws");
    fs::create_dir(&aws)?;
    for (name, text) in chain::files() {
        fs::write(aws.join(name), text)?;
    }
    let home = folder.path().to_str().ok_or("the folder is not UTF-8")?;
    let environment = [
        ("HOME", home),
        ("AWS_ACCESS_KEY_ID", ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "eu-west-1"),
    ];
    let cases = [
        ("environment", &environment[..]),
        ("profile", &environment[..1]),
    ];
    let mut out = io::stdout();
    writeln!(
        out,
        "{:<12} {:<16} {:>10}",
        "first from", "client", "median µs"
    )?;
    for (case, variables) in cases {
        let mut times = [const { Vec::new() }; CONTENDERS.len()];
        for _ in 0..ROUNDS {
            for ((name, _), times) in CONTENDERS.iter().zip(&mut times) {
                times.push(fresh(&[name], variables)?);
            }
        }
        for ((name, _), times) in CONTENDERS.iter().zip(&mut times) {
            times.sort_unstable();
            writeln!(out, "{case:<12} {name:<16} {:>10}", times[ROUNDS / 2])?;
        }
    }
    Ok(())
}

/// Prints the CPU time of one read from each client's cache, and that of keyfob's while another
/// thread reads.
fn cached() -> Result<(), BoxError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let key = Credentials::new(ID, SECRET)?
        .with_session_token("FwoGZXIvYXdzEBYaDEXAMPLE")?
        .with_expiry(Timestamp::now().plus_seconds(86_400));
    let cache = Cached::new(Found::new(key, Origin::Default));
    let now = Timestamp::now();
    let read = || -> Result<(), BoxError> {
        let credentials = ready(cache.credentials(now))??;
        std::hint::black_box(credentials.access_key_id());
        Ok(())
    };
    runtime.block_on(async { cache.credentials(now).await.map(drop) })?;
    let nothing = |_| Ok::<_, BoxError>(());
    let mut contenders = [Contender::new("keyfob", nothing, |()| read())];
    interleave(&mut contenders, Duration::from_secs(2))?;
    let mut out = io::stdout();
    writeln!(
        out,
        "{:<29} {:>10} {:>12}",
        "cached read", "CPU ns", "allocations"
    )?;
    for contender in &mut contenders {
        let allocations = contender.allocations()?;
        let (name, time) = (contender.name, contender.nanoseconds());
        writeln!(out, "{name:<29} {time:>10.1} {allocations:>12}")?;
    }
    for threads in [1, 2] {
        let mut times = Vec::new();
        for _ in 0..30 {
            let time = concurrently(threads, nothing, |_, ()| (0..64).try_for_each(|_| read()))?;
            times.push(time.cpu / 64.0);
        }
        times.sort_by(f64::total_cmp);
        let name = format!("keyfob, {threads} thread(s)");
        writeln!(out, "{name:<29} {:>10.1}", times[times.len() / 2])?;
    }
    Ok(())
}

fn reqsign(runtime: &Runtime) -> Result<First, BoxError> {
    let context = Context::new().with_file_read(TokioFileRead).with_env(OsEnv);
    let provider = DefaultCredentialProvider::new();
    let credential = runtime
        .block_on(provider.provide_credential(&context))?
        .ok_or("no credentials")?;
    Ok((credential.access_key_id, Box::new((context, provider))))
}
