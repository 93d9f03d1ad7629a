use alloc::{format, string::String};

/// The part of a scope that is not the verifier's, as it came and as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrongScope {
    part: ScopePart,
    got: String,
    right: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScopePart {
    /// The right one is the whole `20150830T123600Z` of the request.
    Date,
    Region,
    Service,
    Terminator,
}

impl WrongScope {
    pub(super) fn new(part: ScopePart, got: &str, right: &str) -> Self {
        Self {
            part,
            got: got.into(),
            right: right.into(),
        }
    }

    pub(super) fn right_region(&self) -> Option<&str> {
        (self.part == ScopePart::Region).then_some(&self.right)
    }

    /// In the words of the services outside the S3 family.
    pub(super) fn in_general(&self) -> String {
        let Self { part, got, right } = self;
        match part {
            ScopePart::Date => {
                let day = day_of(right);
                format!(
                    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{got}' != '{day}', from '{right}'."
                )
            }
            ScopePart::Region => {
                format!("Credential should be scoped to a valid region, not '{got}'. ")
            }
            ScopePart::Service => {
                format!("Credential should be scoped to correct service: '{right}'. ")
            }
            ScopePart::Terminator => format!(
                "Credential should be scoped with a valid terminator: '{right}', not '{got}'. "
            ),
        }
    }

    /// In the words of S3, which say where the scope was read; of the date in a query they do not.
    pub(super) fn in_s3(&self, in_query: bool) -> String {
        let place = match (in_query, self.part) {
            (false, _) => "The authorization header is malformed; ",
            (true, ScopePart::Date) => "",
            (true, _) => "Error parsing the X-Amz-Credential parameter; ",
        };
        let Self { part, got, right } = self;
        match part {
            ScopePart::Date => {
                let day = day_of(right);
                format!(
                    "{place}Invalid credential date \"{got}\". This date is not the same as X-Amz-Date: \"{day}\"."
                )
            }
            ScopePart::Region => {
                format!("{place}the region '{got}' is wrong; expecting '{right}'")
            }
            ScopePart::Service => {
                format!("{place}incorrect service \"{got}\". This endpoint belongs to \"{right}\".")
            }
            ScopePart::Terminator => {
                format!("{place}incorrect terminal \"{got}\". This endpoint uses \"{right}\".")
            }
        }
    }
}

fn day_of(stamp: &str) -> &str {
    stamp.split('T').next().unwrap_or_default()
}
