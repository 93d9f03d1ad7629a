//! What a listener accepts connections from.

#[cfg(unix)]
use std::{
    fs,
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net,
    },
    path::{Path, PathBuf},
};
use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

use http::Extensions;
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

pub(super) enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        path: PathBuf,
        /// The user that the file belongs to, which is that of this process.
        owner: u32,
        /// The device and the number of the file.
        file: (u64, u64),
    },
}

pub(super) type Accepted = io::Result<(Stream, Client)>;

pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

#[derive(Clone, Copy)]
pub(super) enum Client {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(Peer),
}

/// The process that connected to a Unix socket, as the system knows it.
#[cfg(unix)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// The number of its user.
    pub user: u32,
    /// Its number, if the system tells it.
    pub process: Option<i32>,
}

impl Socket {
    pub(super) async fn bind(address: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((Self::Tcp(listener), address))
    }

    #[cfg(unix)]
    pub(super) fn bind_unix(path: &Path) -> io::Result<Self> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left(path) => {
                fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            bound => bound?,
        };
        // Until then, the user of a connection is checked all the same.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let file = fs::symlink_metadata(path)?;
        Ok(Self::Unix {
            listener,
            owner: file.uid(),
            file: (file.dev(), file.ino()),
            path: path.to_owned(),
        })
    }

    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<Accepted> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(context).map(|accepted| {
                let (stream, address) = accepted?;
                Ok((Stream::Tcp(stream), Client::Tcp(address)))
            }),
            #[cfg(unix)]
            Self::Unix {
                listener, owner, ..
            } => loop {
                let Poll::Ready(accepted) = listener.poll_accept(context) else {
                    return Poll::Pending;
                };
                let (stream, _) = accepted?;
                let Ok(peer) = stream.peer_cred() else {
                    continue;
                };
                let peer = Peer {
                    user: peer.uid(),
                    process: peer.pid(),
                };
                // Others are disconnected without a word.
                if peer.user == *owner || peer.user == 0 {
                    return Poll::Ready(Ok((Stream::Unix(stream), Client::Unix(peer))));
                }
            },
        }
    }
}

#[cfg(unix)]
impl Drop for Socket {
    fn drop(&mut self) {
        if let Self::Unix { path, file, .. } = self {
            // Another listener may have bound the path after the file was removed.
            let is_own = |found: fs::Metadata| (found.dev(), found.ino()) == *file;
            if fs::symlink_metadata(&*path).is_ok_and(is_own) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Returns true for a socket that nothing listens on.
#[cfg(unix)]
fn is_left(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = || {
        let connected = net::UnixStream::connect(path);
        connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    is_socket && refused()
}

impl Client {
    pub(super) fn add_to(self, extensions: &mut Extensions) {
        match self {
            Self::Tcp(address) => {
                extensions.insert(address);
            }
            #[cfg(unix)]
            Self::Unix(peer) => {
                extensions.insert(peer);
            }
        }
    }
}
