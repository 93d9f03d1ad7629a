use super::fault::Fault;

/// The parameters of a query-protocol request, from its form body or its query.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn parse(form: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(form);
        Self(pairs.into_owned().collect())
    }

    /// Returns the value of a parameter. An empty value counts as missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Returns a required parameter.
    pub(super) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.get(name).ok_or_else(|| {
            let member = lower_first(name);
            Fault::invalid(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    /// Returns `DurationSeconds`, between 900 and `max`.
    pub(super) fn duration(&self, default: u32, max: u32) -> Result<u32, Fault> {
        let Some(text) = self.get("DurationSeconds") else {
            return Ok(default);
        };
        let refused = |bound: String| {
            Fault::invalid(format!(
                "1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: {bound}"
            ))
        };
        match text.parse() {
            Ok(seconds) if seconds < 900 => Err(refused(
                "Member must have value greater than or equal to 900".to_owned(),
            )),
            Ok(seconds) if seconds > max => Err(refused(format!(
                "Member must have value less than or equal to {max}"
            ))),
            Ok(seconds) => Ok(seconds),
            Err(_) => Err(refused("Member must be an integer".to_owned())),
        }
    }

    /// Returns the percentage of the allowed size that session policies and tags take, if there are
    /// any.
    pub(super) fn packed_size(&self) -> Option<usize> {
        let packed = ["Policy", "PolicyArns.", "Tags."];
        let sizes = self.0.iter().filter(|(name, _)| {
            packed
                .iter()
                .any(|packed| name == packed || packed.ends_with('.') && name.starts_with(packed))
        });
        let (count, bytes) = sizes.fold((0, 0), |(count, bytes), (_, value)| {
            (count + 1, bytes + value.len())
        });
        (count > 0).then(|| (bytes * 100).div_ceil(2048))
    }
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
        let form = Parameters::parse(b"Action=A&Name=a+b%2fc%C3%A9&Odd=%zz%&Empty=&Alone");
        assert_eq!(form.get("Name"), Some("a b/cé"));
        assert_eq!(form.get("Odd"), Some("%zz%"));
        assert_eq!(form.get("Empty"), None);
        assert_eq!(form.get("Alone"), None);
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
}
