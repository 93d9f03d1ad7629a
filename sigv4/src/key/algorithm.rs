use alloc::vec::Vec;

use crate::{credentials::Credentials, timestamp::AmzDate};

/// What SigV4 and SigV4a do in their own ways; all else, the two forms of a signature share.
pub(crate) trait Algorithm {
    /// The first line of a string to sign.
    const NAME: &'static str;
    /// The most hex digits of a signature.
    const MAX_SIGNATURE: usize;

    /// What follows the date in the credential scope, with the slash.
    fn suffix(&self) -> &str;

    /// The set of regions, to be sent and signed.
    fn regions(&self) -> Option<&str> {
        None
    }

    /// Appends, in hex, the signature of the string to sign that ends with the line `last`.
    fn sign_line(
        &self,
        credentials: &Credentials,
        date: &AmzDate,
        last: &[u8; 64],
        out: &mut Vec<u8>,
    );
}
