use http::Uri;

use crate::error::Error;

/// Names at or below which all hosts belong to AWS.
///
/// Source: the AWS CLI version 2.
const SUFFIXES: [&str; 7] = [
    "app.aws",
    "portal.amazonaws.com",
    "portal.amazonaws.com.cn",
    "app.amazonwebservices.com.cn",
    "portal.amazonaws.eu",
    "awsapps.com",
    "awsapps.cn",
];
/// As [`SUFFIXES`]: that of the programming interfaces in Europe.
const API_SUFFIX: &str = "api.amazonwebservices.eu";
/// Hosts of AWS beside these.
const HOSTS: [&str; 4] = [
    "identitycenter.amazonaws.com",
    "identitycenter.amazonaws.com.cn",
    "identitycenter.amazonaws.eu",
    "identitycenter.us-gov.amazonaws.com",
];

/// The URL at which the users of an IAM Identity Center sign in.
///
/// It is a page of AWS, or one of the organization's own that redirects there.
///
/// # Examples
///
/// ```
/// use keyfob_sts::sso::StartUrl;
///
/// let url = StartUrl::parse("https://d-1234567890.awsapps.com/start#/")?;
/// assert!(url.is_of_aws());
///
/// let own = StartUrl::parse("https://aws.corp.example")?;
/// assert!(!own.is_of_aws());
/// // What the page of the organization redirects to.
/// let url = own.redirected("https://ssoins-1.portal.eu-west-1.app.aws/?x=y")?;
/// assert_eq!(url.as_str(), "https://ssoins-1.portal.eu-west-1.app.aws");
/// assert_eq!(url.region(), Some("eu-west-1"));
/// assert!(StartUrl::parse("http://d-1234567890.awsapps.com/start").is_err());
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartUrl {
    text: String,
    /// In lower case, without a dot at the end.
    host: String,
}

impl StartUrl {
    /// Parses a URL, which is kept as it is written: files are named after it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it does not begin with `https://`, has
    /// no host, or has a user name.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let url: Uri = text
            .parse()
            .map_err(|_| Error::setting("the start URL is not a URL"))?;
        if url.scheme_str() != Some("https") {
            return Err(Error::setting("the start URL does not begin with https://"));
        }
        let authority = url.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err(Error::setting(
                "the start URL has a user name: leave it out",
            ));
        }
        let host = url.host().unwrap_or_default().trim_end_matches('.');
        if host.is_empty() {
            return Err(Error::setting("the start URL has no host"));
        }
        Ok(Self {
            text: text.to_owned(),
            host: host.to_ascii_lowercase(),
        })
    }

    /// Returns the URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns true if the host belongs to AWS.
    pub fn is_of_aws(&self) -> bool {
        let is_at_or_below = |suffix: &str| {
            let rest = self.host.strip_suffix(suffix);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        SUFFIXES.into_iter().chain([API_SUFFIX]).any(is_at_or_below)
            || HOSTS.contains(&self.host.as_str())
    }

    /// Returns the region of IAM Identity Center, if the host names it: `ID.portal.REGION.app.aws`
    /// or `ID.REGION.portal.amazonaws.com`.
    pub fn region(&self) -> Option<&str> {
        let labels: Vec<&str> = self.host.split('.').collect();
        let ([_, "portal", region, "app", "aws"]
        | [_, region, "portal", "amazonaws", "com"]
        | [_, region, "portal", "amazonaws", "com", "cn"]) = labels.as_slice()
        else {
            return None;
        };
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        region.bytes().all(is_allowed).then_some(*region)
    }

    /// Returns the start URL that this one redirects to, without a slash at its end and without a
    /// query.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is not a page of AWS.
    pub fn redirected(&self, location: &str) -> Result<Self, Error> {
        let absolute = match location.strip_prefix('/') {
            Some(rest) if rest.starts_with('/') => format!("https:{location}"),
            Some(_) => format!("https://{}{location}", self.host),
            None => location.to_owned(),
        };
        let path = absolute.split(['?', '#']).next().unwrap_or_default();
        let target = Self::parse(path.trim_end_matches('/'));
        let elsewhere = || {
            Error::setting(
                "the start URL is not a page of AWS, and does not redirect to one: check it",
            )
        };
        match target {
            Ok(target) if target.is_of_aws() => Ok(target),
            _ => Err(elsewhere()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_aws_are_told_from_those_that_look_like_them() {
        for (host, is_of_aws) in [
            ("d-1.awsapps.com", true),
            ("D-1.AwsApps.com.", true),
            ("x.portal.eu-west-1.app.aws:443", true),
            ("x.cn-north-1.portal.amazonaws.com.cn", true),
            ("x.awsapps.cn", true),
            ("x.app.amazonwebservices.com.cn", true),
            ("x.portal.amazonaws.eu", true),
            ("x.api.amazonwebservices.eu", true),
            ("identitycenter.amazonaws.com", true),
            ("identitycenter.us-gov.amazonaws.com", true),
            ("x.identitycenter.amazonaws.com", false),
            ("evilawsapps.com", false),
            ("awsapps.com.evil.example", false),
            ("amazonaws.com", false),
            ("127.0.0.1", false),
        ] {
            let url = StartUrl::parse(&format!("https://{host}/start")).unwrap();
            assert_eq!(url.is_of_aws(), is_of_aws, "{host}");
        }
    }

    #[test]
    fn only_https_urls_with_a_host_are_start_urls() {
        for text in [
            "",
            "d-1.awsapps.com/start",
            "http://d-1.awsapps.com/start",
            "https://",
            "https:///start",
            "https://user:secret@d-1.awsapps.com/start",
            "file:///etc/passwd",
            "https://d-1 .awsapps.com",
        ] {
            let error = StartUrl::parse(text).unwrap_err().to_string();
            assert!(error.starts_with("the start URL "), "{text}: {error}");
        }
    }

    #[test]
    fn a_redirect_counts_only_to_a_page_of_aws() {
        let own = StartUrl::parse("https://aws.corp.example/login").unwrap();
        for (location, expected) in [
            (
                "https://x.us-gov-west-1.portal.amazonaws.com/",
                Some("us-gov-west-1"),
            ),
            ("//x.portal.eu-west-1.app.aws#/", Some("eu-west-1")),
            ("https://d-1.awsapps.com/start/", None),
        ] {
            assert_eq!(own.redirected(location).unwrap().region(), expected);
        }
        for location in [
            "/start",
            "",
            "start",
            "http://d-1.awsapps.com/start",
            "https://evil.example/?x=.awsapps.com",
        ] {
            assert!(own.redirected(location).is_err(), "{location}");
        }
    }
}
