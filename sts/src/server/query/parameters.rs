use std::ops::RangeInclusive;

use crate::server::{account::is_name_byte, refusal::Refusal};

/// The size in bytes that session policies and tags may have together.
const PACKED_LIMIT: usize = 2048;

/// The parameters of a query-protocol request, from its form body or its query.
pub(in crate::server) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(in crate::server) fn parse(form: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(form);
        Self(pairs.into_owned().collect())
    }

    /// Returns the value of a parameter. An empty value counts as missing.
    pub(in crate::server) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Returns a required parameter.
    pub(in crate::server) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| {
            Refusal::constraint("null", &lower_first(name), "Member must not be null")
        })
    }

    /// Returns a required name, such as that of a session.
    pub(in crate::server) fn name(&self, name: &str, max: usize) -> Result<&str, Refusal> {
        let value = self.required(name)?;
        check_name(value, &lower_first(name), max)?;
        Ok(value)
    }

    /// Returns a number with bounds.
    pub(in crate::server) fn number(
        &self,
        name: &str,
        default: u32,
        bounds: RangeInclusive<u32>,
    ) -> Result<u32, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(default);
        };
        let (min, max) = (bounds.start(), bounds.end());
        let constraint = match text.parse::<u32>() {
            Ok(number) if bounds.contains(&number) => return Ok(number),
            Ok(number) if number < *min => {
                format!("Member must have value greater than or equal to {min}")
            }
            Ok(_) => format!("Member must have value less than or equal to {max}"),
            Err(_) => "Member must be an integer".to_owned(),
        };
        Err(Refusal::constraint(
            &format!("'{text}'"),
            &lower_first(name),
            &constraint,
        ))
    }

    /// Returns `DurationSeconds`, between 900 and `max`.
    pub(in crate::server) fn duration(&self, default: u32, max: u32) -> Result<u32, Refusal> {
        self.number("DurationSeconds", default, 900..=max)
    }

    /// Returns the items of a list of texts.
    pub(in crate::server) fn list(&self, name: &str) -> Vec<&str> {
        let items = (1..).map_while(|number| self.get(&format!("{name}.member.{number}")));
        items.collect()
    }

    /// Returns the session tags.
    pub(in crate::server) fn tags(&self) -> Result<Vec<(String, String)>, Refusal> {
        let mut tags: Vec<(String, String)> = Vec::new();
        for number in 1.. {
            let Some(key) = self.get(&format!("Tags.member.{number}.Key")) else {
                break;
            };
            if tags
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(key))
            {
                let message =
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
                return Err(Refusal::bad("InvalidParameterValue", message));
            }
            let value = self.get(&format!("Tags.member.{number}.Value"));
            tags.push((key.to_owned(), value.unwrap_or_default().to_owned()));
        }
        Ok(tags)
    }

    /// Checks the session policy and returns the percentage of the allowed size that session
    /// policies and tags take, if there are any.
    pub(in crate::server) fn packed_size(&self) -> Result<Option<usize>, Refusal> {
        if let Some(policy) = self.get("Policy") {
            let is_object = serde_json::from_str::<serde_json::Map<_, _>>(policy).is_ok();
            if !is_object {
                let message = "This policy contains invalid Json";
                return Err(Refusal::bad("MalformedPolicyDocument", message));
            }
        }
        let is_packed = |name: &str| {
            name == "Policy" || name.starts_with("PolicyArns.") || name.starts_with("Tags.")
        };
        let packed = self.0.iter().filter(|(name, _)| is_packed(name));
        let sizes: Vec<usize> = packed.map(|(_, value)| value.len()).collect();
        if sizes.is_empty() {
            return Ok(None);
        }
        let percent = (sizes.iter().sum::<usize>() * 100).div_ceil(PACKED_LIMIT);
        if percent > 100 {
            let message = format!(
                "Packed size of session policies and tags consumes {percent}% of allotted space."
            );
            return Err(Refusal::bad("PackedPolicyTooLarge", message));
        }
        Ok(Some(percent))
    }
}

/// Checks the characters and the length of a name.
pub(in crate::server) fn check_name(value: &str, member: &str, max: usize) -> Result<(), Refusal> {
    let quoted = format!("'{value}'");
    let refused = |constraint: String| Err(Refusal::constraint(&quoted, member, &constraint));
    if value.len() < 2 {
        return refused("Member must have length greater than or equal to 2".to_owned());
    }
    if value.len() > max {
        return refused(format!(
            "Member must have length less than or equal to {max}"
        ));
    }
    if !value.bytes().all(is_name_byte) {
        return refused("Member must satisfy regular expression pattern: [\\w+=,.@-]*".to_owned());
    }
    Ok(())
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded() {
        let form =
            Parameters::parse(b"Action=A&Name=a+b%2fc%C3%A9&Odd=%zz%&Empty=&Alone&L.member.1=x");
        assert_eq!(form.get("Name"), Some("a b/cé"));
        assert_eq!(form.get("Odd"), Some("%zz%"));
        assert_eq!(form.get("Empty"), None);
        assert_eq!(form.get("Alone"), None);
        assert_eq!(form.list("L"), ["x"]);
    }

    #[test]
    fn a_duration_has_bounds() {
        let duration = |text: &str| {
            Parameters::parse(text.as_bytes())
                .duration(3600, 43200)
                .ok()
        };
        assert_eq!(duration(""), Some(3600));
        assert_eq!(duration("DurationSeconds=900"), Some(900));
        assert_eq!(duration("DurationSeconds=43200"), Some(43200));
        for bad in ["899", "43201", "x", "-1"] {
            assert_eq!(duration(&format!("DurationSeconds={bad}")), None, "{bad}");
        }
    }

    #[test]
    fn a_tag_may_not_come_twice_and_a_policy_is_an_object_of_limited_size() {
        let twice = Parameters::parse(b"Tags.member.1.Key=a&Tags.member.2.Key=A");
        assert_eq!(twice.tags().unwrap_err().code, "InvalidParameterValue");
        let long = "x".repeat(2048);
        for (form, code) in [
            ("Policy=%5B%5D", "MalformedPolicyDocument"),
            ("Policy=x", "MalformedPolicyDocument"),
            (
                &format!("Policy=%7B%22a%22:%22{long}%22%7D"),
                "PackedPolicyTooLarge",
            ),
        ] {
            let error = Parameters::parse(form.as_bytes())
                .packed_size()
                .unwrap_err();
            assert_eq!(error.code, code);
        }
    }
}
