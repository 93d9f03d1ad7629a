//! Makes this machine an instance with a role, for programs that expect one.
//!
//! `cargo run -p keyfob-imds --features server --example laptop`, and in another terminal `export
//! AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1338`.
#![allow(clippy::print_stdout, reason = "its output is for people")]

use keyfob_imds::server::Imds;
use keyfob_sigv4::{Credentials, Timestamp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let (id, secret) = (key("AWS_ACCESS_KEY_ID")?, key("AWS_SECRET_ACCESS_KEY")?);
    let token = key("AWS_SESSION_TOKEN").unwrap_or_default();
    let credentials = Credentials::new(id, secret)?.with_session_token(token)?;

    let address = "127.0.0.1:1338".parse()?;
    let server = Imds::builder()
        .bind(address)
        .role("laptop")?
        .credentials_from(move || {
            // Clients ask again when these expire. A real source would have new ones by then.
            let expiry = Timestamp::now().plus_seconds(3600);
            std::future::ready(Ok::<_, String>(credentials.clone().with_expiry(expiry)))
        })
        .start()
        .await?;
    println!(
        "serving the role `laptop` at {}; stop with Ctrl-C",
        server.endpoint()
    );
    std::future::pending().await
}
