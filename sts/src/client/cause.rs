use std::{error::Error, fmt, iter};

use keyfob_sigv4::printable;

#[cfg(feature = "rustls-no-provider")]
use crate::client::tls;

/// A failure of the HTTP client, shown by its innermost cause, such as `Connection refused (os
/// error 111)`: the layers above it say only that something failed. They stay in [`source`].
///
/// [`source`]: Error::source
#[derive(Debug)]
pub(super) struct Cause(pub(super) reqwest::Error);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let causes = || {
            iter::successors(Some(&self.0 as &(dyn Error + 'static)), |&error| {
                error.source()
            })
        };
        #[cfg(feature = "rustls-no-provider")]
        if let Some(error) = causes().find_map(tls::describe) {
            return f.write_str(&error);
        }
        let innermost = causes().last().map(ToString::to_string);
        // The names in a server's certificate are among the causes.
        write!(f, "{}", printable(&innermost.unwrap_or_default()))
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
