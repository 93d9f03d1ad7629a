/// Whether a call may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Replay {
    /// Whenever the policy says so.
    Safe,
    /// Only if the service did not act on it: it was throttled, no connection was made, or the time
    /// of its signature or proof was refused. For what the first request uses up, such as the code
    /// of an MFA device.
    OnlyIfNotReceived,
    /// Never, for example because a token that rotates could be lost.
    Never,
}
