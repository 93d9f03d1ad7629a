use serde_json::{Map, Value, json};

use super::{Call, whole};
use crate::server::{query::xml::element, refusal::Refusal};

/// The largest token that is issued, in bytes.
const MAX_TOKEN: usize = 16_384;

impl Call<'_> {
    /// Issues a token about the caller to services outside AWS. It is signed with a secret of the
    /// account, whatever algorithm is asked for.
    pub(super) fn get_web_identity_token(&self) -> Result<String, Refusal> {
        let algorithm = self.parameters.required("SigningAlgorithm")?;
        if !matches!(algorithm, "RS256" | "ES384") {
            let value = format!("'{algorithm}'");
            let constraint = "Member must satisfy enum value set: [RS256, ES384]";
            return Err(Refusal::constraint(&value, "signingAlgorithm", constraint));
        }
        let audience = self.parameters.list("Audience");
        if audience.is_empty() {
            return Err(Refusal::constraint(
                "null",
                "audience",
                "Member must not be null",
            ));
        }
        let seconds = self.parameters.number("DurationSeconds", 300, 60..=3600)?;
        let now = whole(self.now);
        let expiry = now.plus_seconds(seconds.into());
        if self
            .caller
            .credentials
            .expiry()
            .is_some_and(|own| own < expiry)
        {
            let message = "The requested token would outlive the session of the caller.";
            let code = "SessionDurationEscalationException";
            return Err(Refusal::new(http::StatusCode::FORBIDDEN, code, message));
        }
        let tags = self.parameters.tags()?.into_iter();
        let tags: Map<String, Value> = tags.map(|(key, value)| (key, value.into())).collect();
        let account = self.account.id();
        let claims = json!({
            "iss": format!("https://{account}.tokens.sts.global.api.aws"),
            "sub": self.subject(),
            "aud": audience,
            "iat": now.unix_seconds(),
            "exp": expiry.unix_seconds(),
            "scope": self.parameters.get("Scope"),
            "https://sts.amazonaws.com/": {"aws_account": account, "request_tags": tags},
        });
        let token = self.account.signed(&claims);
        if token.expose().len() > MAX_TOKEN {
            let message = "The token would be too large: use fewer or shorter tags.";
            return Err(Refusal::bad("JWTPayloadSizeExceededException", message));
        }
        Ok(element("WebIdentityToken", token.expose())
            + &element("Expiration", &expiry.to_string()))
    }

    /// Returns the ARN of the caller: of the role, for a session of one.
    fn subject(&self) -> String {
        self.account.role_arn(&self.caller.identity)
    }
}
