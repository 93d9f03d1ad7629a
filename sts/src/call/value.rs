use std::fmt;

use keyfob_sigv4::Secret;

/// The value of a parameter. `Debug` redacts secrets.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    /// A number or a boolean, as JSON writes it.
    Literal(String),
    Secret(Secret),
    /// Secret, and used up by the first request that reaches the service.
    OneTime(Secret),
}

impl Value {
    pub(super) fn expose(&self) -> &str {
        match self {
            Self::Text(text) | Self::Literal(text) => text,
            Self::Secret(secret) | Self::OneTime(secret) => secret.expose(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Literal(text) => text.fmt(f),
            Self::Secret(secret) | Self::OneTime(secret) => secret.fmt(f),
        }
    }
}
