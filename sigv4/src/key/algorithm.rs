use alloc::vec::Vec;

use crate::{credentials::Credentials, timestamp::AmzDate};

/// The steps in which SigV4 and SigV4a differ.
pub(crate) trait Algorithm {
    /// The first line of a string to sign.
    const NAME: &'static str;
    /// The largest number of hex digits in a signature.
    const MAX_SIGNATURE: usize;

    /// Returns the credential scope after the date, with its leading slash.
    fn suffix(&self) -> &str;

    /// Returns the set of regions to send and sign, if there is one.
    fn regions(&self) -> Option<&str> {
        None
    }

    /// Appends, in hex, the signature of the string to sign whose last line is `last`.
    fn sign_line(
        &self,
        credentials: &Credentials,
        date: &AmzDate,
        last: &[u8; 64],
        out: &mut Vec<u8>,
    );
}
