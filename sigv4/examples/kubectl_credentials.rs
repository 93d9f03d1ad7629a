//! A credential plugin for `kubectl`, as `aws eks get-token`, that takes a few milliseconds. The
//! kubeconfig names `client.authentication.k8s.io/v1`.
//!
//! ```text
//! AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… \
//!     cargo run --features tokens --example kubectl_credentials -- CLUSTER REGION
//! ```

#![allow(clippy::print_stdout, reason = "kubectl reads the token from stdout")]

use std::{env, error::Error};

use keyfob_sigv4::{
    Credentials, Timestamp,
    token::{self, ExecApi},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(cluster), Some(region)) = (arguments.next(), arguments.next()) else {
        return Err("name a cluster and its region".into());
    };
    let id = env::var("AWS_ACCESS_KEY_ID")?;
    let session_token = env::var("AWS_SESSION_TOKEN").unwrap_or_default();
    let credentials = Credentials::new(id, env::var("AWS_SECRET_ACCESS_KEY")?)?
        .with_session_token(session_token)?;
    let token = token::eks(&cluster, &region, &credentials, Timestamp::now())?;
    println!("{}", token.exec_credential(ExecApi::V1));
    Ok(())
}
