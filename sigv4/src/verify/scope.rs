use alloc::{format, string::String};

/// The first part of a scope that is not the verifier's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrongScope {
    part: ScopePart,
    received: String,
    /// For the date, the request's whole timestamp, such as `20150830T123600Z`.
    expected: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScopePart {
    Date,
    Region,
    Service,
    Terminator,
}

impl WrongScope {
    pub(super) fn new(part: ScopePart, received: &str, expected: &str) -> Self {
        Self {
            part,
            received: received.into(),
            expected: expected.into(),
        }
    }

    pub(super) fn expected_region(&self) -> Option<&str> {
        (self.part == ScopePart::Region).then_some(&self.expected)
    }

    /// Returns the message of the services outside the S3 family.
    pub(super) fn general_message(&self) -> String {
        let Self {
            part,
            received,
            expected,
        } = self;
        match part {
            ScopePart::Date => {
                let day = day_of(expected);
                format!(
                    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{received}' != '{day}', from '{expected}'."
                )
            }
            // The final spaces are AWS's.
            ScopePart::Region => {
                format!("Credential should be scoped to a valid region, not '{received}'. ")
            }
            ScopePart::Service => {
                format!("Credential should be scoped to correct service: '{expected}'. ")
            }
            ScopePart::Terminator => format!(
                "Credential should be scoped with a valid terminator: '{expected}', not '{received}'. "
            ),
        }
    }

    /// Returns the message of S3, which says where the scope was read, except for a date in a
    /// query.
    pub(super) fn message_of_s3(&self, is_presigned: bool) -> String {
        let place = match (is_presigned, self.part) {
            (false, _) => "The authorization header is malformed; ",
            (true, ScopePart::Date) => "",
            (true, _) => "Error parsing the X-Amz-Credential parameter; ",
        };
        let Self {
            part,
            received,
            expected,
        } = self;
        match part {
            ScopePart::Date => {
                let day = day_of(expected);
                format!(
                    "{place}Invalid credential date \"{received}\". This date is not the same as X-Amz-Date: \"{day}\"."
                )
            }
            ScopePart::Region => {
                format!("{place}the region '{received}' is wrong; expecting '{expected}'")
            }
            ScopePart::Service => {
                format!(
                    "{place}incorrect service \"{received}\". This endpoint belongs to \"{expected}\"."
                )
            }
            ScopePart::Terminator => {
                format!(
                    "{place}incorrect terminal \"{received}\". This endpoint uses \"{expected}\"."
                )
            }
        }
    }
}

fn day_of(timestamp: &str) -> &str {
    timestamp.split('T').next().unwrap_or_default()
}
