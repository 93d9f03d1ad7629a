use crate::failure::Failure;

impl From<&keyfob_chain::Error> for Failure {
    fn from(error: &keyfob_chain::Error) -> Self {
        use keyfob_chain::ErrorKind;

        if let Some(error) = cause::<keyfob_sts::Error>(error) {
            return Self::from(error);
        }
        let text = chained(error);
        match error.kind() {
            ErrorKind::NoCredentials => Self::no_credentials(text),
            ErrorKind::ProfileNotFound => Self::other(text).with_code("ProfileNotFound"),
            ErrorKind::ConfigFile => Self::configuration(text).with_code("ConfigParseError"),
            ErrorKind::PartialCredentials => {
                Self::configuration(text).with_code("PartialCredentials")
            }
            ErrorKind::InvalidCredentials => {
                Self::configuration(text).with_code("InvalidCredentials")
            }
            ErrorKind::Expired => Self::configuration(text).with_code("ExpiredCredentials"),
            ErrorKind::InvalidSetting | ErrorKind::Unsupported => Self::configuration(text),
            ErrorKind::InvalidEdit => Self::usage(text),
            _ => Self::other(text).with_code("CredentialRetrieval"),
        }
    }
}

impl From<keyfob_chain::Error> for Failure {
    fn from(error: keyfob_chain::Error) -> Self {
        Self::from(&error)
    }
}

/// What cannot be signed comes from the command line.
impl From<keyfob_sigv4::Error> for Failure {
    fn from(error: keyfob_sigv4::Error) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<&keyfob_sts::Error> for Failure {
    fn from(error: &keyfob_sts::Error) -> Self {
        use keyfob_sts::ErrorKind;

        match error.kind() {
            ErrorKind::Service => {
                let operation = error.action().unwrap_or("STS");
                Self::service(
                    error.code().unwrap_or("Unknown"),
                    operation,
                    error.message(),
                )
            }
            ErrorKind::Input => Self::usage(chained(error)),
            ErrorKind::Setting => Self::configuration(chained(error)),
            ErrorKind::Connect => Self::other(chained(error)).with_code("EndpointConnection"),
            ErrorKind::Timeout => Self::other(chained(error)).with_code("ReadTimeout"),
            _ => Self::other(chained(error)),
        }
    }
}

impl From<keyfob_sts::Error> for Failure {
    fn from(error: keyfob_sts::Error) -> Self {
        Self::from(&error)
    }
}

/// The first cause of that type.
fn cause<'a, T: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// An error and its causes in one line.
pub(crate) fn chained(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
