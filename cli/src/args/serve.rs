use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use crate::args::number::in_range;

/// The default of `--max-body`.
pub(crate) const MAX_BODY: u32 = 16 << 20;
/// The most that it takes.
pub(super) const MAX_MAX_BODY: u32 = 1 << 30;

#[derive(Debug, Subcommand)]
pub(crate) enum ServeCommand {
    /// Serve instance metadata (IMDSv2), as on an EC2 instance
    Imds(ServeImdsArgs),
    /// Serve the credentials endpoint of an ECS or EKS container
    Container(ServeContainerArgs),
    /// Sign the requests of programs that hold no key, and send them on
    Proxy(Box<ServeProxyArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct ServeImdsArgs {
    /// The address to listen on
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9911",
        value_parser = listen_address
    )]
    pub(crate) listen: SocketAddr,
    /// Allow an address that other machines can reach: they get the credentials, too
    #[arg(long)]
    pub(crate) allow_remote: bool,
    /// The name of the role
    #[arg(long, value_name = "NAME", default_value = "keyfob")]
    pub(crate) role_name: String,
    /// Also answer requests without a session token (IMDSv1)
    #[arg(long)]
    pub(crate) v1: bool,
    /// A JSON file with more metadata: folders are objects
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// Announce a spot interruption after this many seconds
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = in_range(0..=u32::MAX),
        allow_negative_numbers = true
    )]
    pub(crate) spot_after: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeContainerArgs {
    /// The address to listen on
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9912",
        value_parser = listen_address
    )]
    pub(crate) listen: SocketAddr,
    /// Allow an address that other machines can reach; the token still protects the credentials,
    /// but it is sent in clear
    #[arg(long)]
    pub(crate) allow_remote: bool,
    /// A file with the token that requests must send [default: a random token, which is printed]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeProxyArgs {
    /// The server that all requests are sent to; a path in it stands before those of requests
    #[arg(
        long,
        value_name = "URL",
        required_unless_present = "allow",
        conflicts_with = "allow"
    )]
    pub(crate) to: Option<String>,
    /// A host of AWS that requests may name in `Host`, or a pattern such as `*.amazonaws.com`; with
    /// --resign the host of the service that they are signed for. A host where customers answer,
    /// such as that of an instance or a database, has to be named in full
    #[arg(long, value_name = "HOST")]
    pub(crate) allow: Vec<String>,
    /// The service to sign for [default: the one that the host names]
    #[arg(long, value_name = "SERVICE", conflicts_with = "allow")]
    pub(crate) service: Option<String>,
    /// The address to listen on, or unix:PATH for a Unix socket, which only programs of this user
    /// can connect to
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9913",
        value_parser = listen_on
    )]
    pub(crate) listen: ListenOn,
    /// Allow an address that other machines can reach; the token still protects the credentials,
    /// but without --tls-cert and --tls-key it is sent in clear
    #[arg(long, conflicts_with = "no_token")]
    pub(crate) listen_any: bool,
    /// A name of this proxy that callers may use in its URL, beside its address, localhost and the
    /// names of its certificate: a name of DNS or of a container, without a port
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    pub(crate) host: Vec<String>,
    /// A file in PEM with the certificate of the proxy, and those of the authorities between it and
    /// the root: callers use https. A new one counts within seconds, and SIGHUP does not end the
    /// proxy
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// A file in PEM with the private key of the certificate, which is not encrypted
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A file with the token that requests must send; a new one counts within a second, and SIGHUP
    /// does not end the proxy [default: a random token, which is printed]
    #[arg(long, value_name = "FILE", conflicts_with = "no_token")]
    pub(crate) token_file: Option<PathBuf>,
    /// The header with the token, beside `Authorization: Bearer`
    #[arg(long, value_name = "NAME", default_value = "X-Keyfob-Token")]
    pub(crate) token_header: String,
    /// Let every program on this machine send requests
    #[arg(long)]
    pub(crate) no_token: bool,
    /// Take requests that are signed with placeholder keys, and sign them again: the signature is
    /// the authorization, and its scope tells the host. The token is only for /-/metrics then
    #[arg(long, conflicts_with_all = ["no_token", "unsigned_payload"])]
    pub(crate) resign: bool,
    /// A file with the placeholder keys, in the form of ~/.aws/credentials, of which the profile
    /// default counts; new ones count within a second, and SIGHUP does not end the proxy [default:
    /// random keys, which are printed]
    #[arg(long, value_name = "FILE", requires = "resign")]
    pub(crate) keys_file: Option<PathBuf>,
    /// A method that may be used [default: all of them]. Requests that ask for another one in
    /// X-HTTP-Method-Override or `_method` are refused; their bodies may say anything
    #[arg(long, value_name = "METHOD")]
    pub(crate) allow_method: Vec<String>,
    /// A path that may be used, or a pattern such as `/public/*` [default: all of them]. What a
    /// request copies or moves must match, too, as `/BUCKET/KEY`; its query and its body may say
    /// anything
    #[arg(long, value_name = "PATH")]
    pub(crate) allow_path: Vec<String>,
    /// Let only requests pass that read: GET and HEAD, and actions whose names begin with Describe,
    /// Get, Head, List, Query, Scan or BatchGet, unless they are known to give out credentials or
    /// to change something. Services that read with POST and name no action, such as batch,
    /// guardduty and xray, are refused there. Answers may have addresses from which what is read
    /// can be downloaded. A server that is not of AWS may read requests in other ways than AWS
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Let requests pass that ask for credentials of AWS, such as sts AssumeRole and
    /// GetSessionToken, iam CreateAccessKey, ecr GetAuthorizationToken and S3 CreateSession: with
    /// them, a caller needs no proxy any more [default: they are refused]
    #[arg(long, conflicts_with = "read_only")]
    pub(crate) allow_credentials: bool,
    /// How many bytes of a body are read to be signed
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = MAX_BODY,
        value_parser = in_range(0..=MAX_MAX_BODY),
        allow_negative_numbers = true
    )]
    pub(crate) max_body: u32,
    /// Do not sign bodies, so that they need not be read first
    #[arg(long)]
    pub(crate) unsigned_payload: bool,
    /// The host to sign and send in `Host`, in place of that of URL
    #[arg(long, value_name = "HOST", conflicts_with = "allow")]
    pub(crate) sign_host: Option<String>,
    /// A header of requests that is not sent on. Via, X-Real-IP, X-Forwarded-Proto and the like,
    /// with which a request is refused else, let it pass then, but not X-Forwarded-For and Origin
    #[arg(long, value_name = "NAME")]
    pub(crate) strip_header: Vec<String>,
    /// A header that is added to requests, or replaced
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) add_header: Vec<String>,
    /// The form of the line that is written to stderr for each request: it has the address of the
    /// caller, in text unless that is this machine, and never a path, a query, a header or a body
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// The form of the lines of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Json,
    Text,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListenOn {
    Address(SocketAddr),
    #[cfg(unix)]
    Socket(PathBuf),
}

/// Parses the name of a host.
fn host_name(text: &str) -> Result<String, &'static str> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if text.is_empty() || !text.bytes().all(is_part) {
        return Err("write the name of a host without a port, such as proxy.internal");
    }
    Ok(text.to_owned())
}

/// Parses an address, or the path of a Unix socket.
fn listen_on(text: &str) -> Result<ListenOn, &'static str> {
    match text.strip_prefix("unix:") {
        #[cfg(unix)]
        Some(path) if !path.is_empty() => Ok(ListenOn::Socket(path.into())),
        Some(_) if cfg!(unix) => Err("write the path of the socket after unix:"),
        Some(_) => Err("there are no Unix sockets here: write an IP address and a port"),
        None => listen_address(text).map(ListenOn::Address),
    }
}

/// Parses an IP address and a port. `localhost` is 127.0.0.1.
fn listen_address(text: &str) -> Result<SocketAddr, &'static str> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric
        .parse()
        .map_err(|_| "write an IP address and a port, such as 127.0.0.1:9911")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_host_has_no_port_and_is_no_pattern() {
        assert_eq!(
            host_name("my_proxy.internal"),
            Ok("my_proxy.internal".into())
        );
        for text in ["", "a:80", "*.a", "http://a", "a b", "[::1]"] {
            assert!(host_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn localhost_is_an_address_to_listen_on() {
        assert_eq!(
            listen_address("localhost:99"),
            Ok(([127, 0, 0, 1], 99).into())
        );
        assert!(listen_address("[::1]:99").is_ok());
        #[cfg(unix)]
        assert_eq!(listen_on("unix:a"), Ok(ListenOn::Socket("a".into())));
        assert!(listen_on("unix:").is_err() && listen_on("socket").is_err());
        for text in ["localhost", "localhost:x", "example.com:99", ":99", ""] {
            assert!(listen_address(text).is_err(), "{text}");
        }
    }
}
