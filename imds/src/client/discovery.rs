use crate::{error::Error, path::Path, wire};

const EXTENDED: Path<'static> = Path::known("/latest/meta-data/iam/security-credentials-extended/");
pub(crate) const LEGACY: Path<'static> = Path::known("/latest/meta-data/iam/security-credentials/");

/// Where the role's credentials are on this host: in which of the two directories, and under which
/// name.
///
/// Newer hosts have a second directory, whose documents also name the account. Whether this host
/// has it is found out once and remembered, and so is the name. If a remembered name no longer
/// exists it is looked up again, because roles are swapped while instances run. A configured name
/// is never looked up.
///
/// It does no I/O: [`next`](Discovery::next) returns the next request, and the other methods record
/// its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Discovery {
    api: Api,
    name: Name,
    /// Whether a name was looked up again, which happens only once.
    again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Api {
    Unknown,
    Extended,
    Legacy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    None,
    Discovered(String),
    Configured(String),
}

/// The next request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// For the directory, to get the name.
    List(Path<'static>),
    /// For the document with the credentials.
    Read(Path<'static>),
}

impl Discovery {
    pub(crate) fn new(profile: Option<String>, extended: bool) -> Self {
        Self {
            api: if extended { Api::Unknown } else { Api::Legacy },
            name: profile.map_or(Name::None, Name::Configured),
            again: false,
        }
    }

    pub(crate) fn next(&self) -> Result<Step, Error> {
        let directory = match self.api {
            Api::Unknown | Api::Extended => EXTENDED,
            Api::Legacy => LEGACY,
        };
        match &self.name {
            Name::None => Ok(Step::List(directory)),
            Name::Discovered(name) | Name::Configured(name) => {
                directory.below(name).map(Step::Read)
            }
        }
    }

    /// Records the directory's listing, or `None` if there is no such directory.
    pub(crate) fn listed(&mut self, listing: Option<&str>) -> Result<(), Error> {
        match (listing, self.api) {
            (Some(listing), api) => {
                let name = wire::listed_role(listing)?;
                self.name = Name::Discovered(name.to_owned());
                if api == Api::Unknown {
                    self.api = Api::Extended;
                }
                Ok(())
            }
            (None, Api::Unknown) => {
                self.api = Api::Legacy;
                Ok(())
            }
            (None, _) => Err(Error::no_role()),
        }
    }

    /// Records that the document exists. Returns its name and the state to remember.
    pub(crate) fn found(mut self) -> (String, Self) {
        if self.api == Api::Unknown {
            self.api = Api::Extended;
        }
        self.again = false;
        let name = match &self.name {
            Name::None => String::new(),
            Name::Discovered(name) | Name::Configured(name) => name.clone(),
        };
        (name, self)
    }

    /// Records that the document does not exist.
    pub(crate) fn missing(&mut self) -> Result<(), Error> {
        match (&self.name, self.api) {
            // The first 404 may mean that the host does not have the newer directory.
            (Name::Configured(_), Api::Unknown) => self.api = Api::Legacy,
            (Name::Configured(name), _) => return Err(Error::invalid_profile(name)),
            (_, _) if self.again => return Err(Error::no_document()),
            (_, _) => {
                self.name = Name::None;
                self.again = true;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn next_path(discovery: &Discovery) -> String {
        match discovery.next().unwrap() {
            Step::List(path) | Step::Read(path) => path
                .as_str()
                .replace("/latest/meta-data/iam/security-credentials", ""),
        }
    }

    #[test]
    fn a_new_host_uses_the_new_directory_from_then_on() {
        let mut host = Discovery::new(None, true);
        assert_eq!(next_path(&host), "-extended/");
        host.listed(Some(" role-a \r\nrole-b")).unwrap();
        assert_eq!(next_path(&host), "-extended/role-a");
        let (name, host) = host.found();
        assert_eq!(
            (name.as_str(), next_path(&host).as_str()),
            ("role-a", "-extended/role-a")
        );
    }

    #[test]
    fn an_old_host_is_asked_for_the_new_directory_only_once() {
        let mut host = Discovery::new(None, true);
        host.listed(None).unwrap();
        assert_eq!(next_path(&host), "/");
        host.listed(Some("role-a")).unwrap();
        assert_eq!(next_path(&host.found().1), "/role-a");
    }

    #[test]
    fn a_swapped_role_is_looked_up_again_but_only_once_in_a_call() {
        let mut host = Discovery::new(None, true);
        host.listed(Some("role-a")).unwrap();
        let (_, mut host) = host.found();
        host.missing().unwrap();
        assert_eq!(next_path(&host), "-extended/");
        host.listed(Some("role-b")).unwrap();
        let error = host.missing().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(!error.to_string().contains("no IAM role"), "{error}");
    }

    #[test]
    fn a_name_is_asked_for_as_it_came() {
        for name in ["a+b=c,d.e@f-g_h", "tf/k8s/discovery"] {
            let mut host = Discovery::new(None, true);
            host.listed(Some(name)).unwrap();
            assert_eq!(next_path(&host), format!("-extended/{name}"));
        }
        // What would be another path is encoded.
        let configured = Discovery::new(Some("../a".into()), true);
        assert_eq!(next_path(&configured), "-extended/..%2Fa");
        let configured = Discovery::new(Some("a b?".into()), true);
        assert_eq!(next_path(&configured), "-extended/a%20b%3F");
    }

    #[test]
    fn a_listing_of_something_else_is_refused_and_not_repeated() {
        let long = "c".repeat(65);
        for listing in [
            r#"{"SecretAccessKey":"canary"}"#,
            "canary name",
            "a//canary",
            "../canary",
            &long,
        ] {
            let mut host = Discovery::new(None, true);
            let error = host.listed(Some(listing)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Response, "{listing}");
            assert!(!format!("{error:?}").contains("can"), "{error:?}");
            assert_eq!(next_path(&host), "-extended/", "{listing}");
        }
    }

    #[test]
    fn a_configured_name_is_tried_in_both_and_never_listed() {
        let mut host = Discovery::new(Some("mine".into()), true);
        assert_eq!(next_path(&host), "-extended/mine");
        host.missing().unwrap();
        assert_eq!(next_path(&host), "/mine");
        assert_eq!(
            host.missing().unwrap_err().kind(),
            ErrorKind::InvalidProfile
        );
    }

    #[test]
    fn without_a_role_the_search_ends() {
        let mut host = Discovery::new(None, true);
        host.listed(None).unwrap();
        assert_eq!(
            host.clone().listed(None).unwrap_err().kind(),
            ErrorKind::NotFound
        );
        assert_eq!(
            host.listed(Some(" \n")).unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
}
