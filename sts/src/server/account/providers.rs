use std::collections::HashMap;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use hmac::{Hmac, KeyInit, Mac};
use keyfob_sigv4::{Secret, Timestamp};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Account, ids::random_text};
use crate::{error::Error, server::jwk};

/// The identity providers, and the secret that the tokens of all of them are signed with.
pub(in crate::server) struct Providers {
    /// The entity ids of SAML providers, by ARN.
    pub(in crate::server) saml: HashMap<String, String>,
    /// The audiences of OIDC providers, by issuer.
    pub(in crate::server) oidc: HashMap<String, Vec<String>>,
    /// The keys of OIDC providers that sign their tokens themselves, by issuer.
    oidc_keys: HashMap<String, Vec<VerifyingKey>>,
    secret: Secret,
}

impl Default for Providers {
    fn default() -> Self {
        Self {
            saml: HashMap::new(),
            oidc: HashMap::new(),
            oidc_keys: HashMap::new(),
            secret: random_text(64).into(),
        }
    }
}

impl Account {
    /// Adds a SAML provider with its entity id, which its assertions name as their issuer, and
    /// returns its ARN.
    pub fn add_saml_provider(&self, name: &str, entity_id: impl Into<String>) -> String {
        let arn = format!("arn:aws:iam::{}:saml-provider/{name}", self.id());
        let mut state = self.state();
        state.providers.saml.insert(arn.clone(), entity_id.into());
        arn
    }

    /// Adds an OIDC provider, such as `https://token.example.com`, whose tokens are accepted if they
    /// are for this audience, and returns its ARN.
    ///
    /// # Errors
    ///
    /// If the issuer does not begin with `https://`.
    pub fn add_oidc_provider(
        &self,
        issuer: &str,
        audience: impl Into<String>,
    ) -> Result<String, Error> {
        let host = host(issuer)?;
        let mut state = self.state();
        let audiences = state.providers.oidc.entry(issuer.to_owned()).or_default();
        audiences.push(audience.into());
        Ok(format!("arn:aws:iam::{}:oidc-provider/{host}", self.id()))
    }

    /// Adds the keys of an OIDC provider, as the JWK Set that it publishes. Tokens that it signs
    /// itself are then accepted, too. Only keys for ES256 are used.
    ///
    /// # Errors
    ///
    /// If the text is not a JWK Set with a key for ES256.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::server::Account;
    ///
    /// let account = Account::new("123456789012")?;
    /// account.add_oidc_provider("https://token.example.com", "sts.amazonaws.com")?;
    /// let keys = r#"{"keys": [{"kty": "EC", "crv": "P-256",
    ///     "x": "seS4YCWlZD53OF7_5FCCNGkcw4jCCGqTwup3v142EKg",
    ///     "y": "XmZK0EF8nbiSBfN3XNSk-mtiGFPG6nFt48khFuDK2b8"}]}"#;
    /// account.add_oidc_keys("https://token.example.com", keys)?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn add_oidc_keys(&self, issuer: &str, jwks: &str) -> Result<(), Error> {
        let set: Value = serde_json::from_str(jwks).unwrap_or_default();
        let keys = set["keys"].as_array().into_iter().flatten();
        let keys: Vec<_> = keys.filter_map(|key| Some(jwk::key(key)?.0)).collect();
        if keys.is_empty() {
            let message = format!("the keys of {issuer:?} are not a JWK Set with a key for ES256");
            return Err(Error::setting(message));
        }
        let mut state = self.state();
        let known = state.providers.oidc_keys.entry(issuer.to_owned());
        known.or_default().extend(keys);
        Ok(())
    }

    /// Returns an assertion for a session of a role, in Base64, as a SAML provider of this account
    /// issues it. It can be used for five minutes.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sigv4::Timestamp;
    /// use keyfob_sts::server::Account;
    ///
    /// let account = Account::new("123456789012")?;
    /// let provider = account.add_saml_provider("corp", "https://idp.example.com");
    /// let role = "arn:aws:iam::123456789012:role/deploy";
    /// let now = Timestamp::from_unix_seconds(1_795_780_800);
    /// let assertion = account.saml_assertion(&provider, role, "alice", now);
    /// assert!(assertion.expose().starts_with("PHNhbWxw"));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn saml_assertion(
        &self,
        provider_arn: &str,
        role_arn: &str,
        session: &str,
        now: Timestamp,
    ) -> Secret {
        let issuer = self.state().providers.saml.get(provider_arn).cloned();
        let [issuer, session, roles] = [
            issuer.unwrap_or_default(),
            session.to_owned(),
            format!("{role_arn},{provider_arn}"),
        ]
        .map(|text| super::super::query::escaped(&text));
        let until = now.plus_seconds(300);
        let attributes = "https://aws.amazon.com/SAML/Attributes";
        let xml = format!(
            r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns="urn:oasis:names:tc:SAML:2.0:assertion"><Assertion><Issuer>{issuer}</Issuer><Subject><NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{session}</NameID><SubjectConfirmation><SubjectConfirmationData NotOnOrAfter="{until}" Recipient="https://signin.aws.amazon.com/saml"/></SubjectConfirmation></Subject><AttributeStatement><Attribute Name="{attributes}/RoleSessionName"><AttributeValue>{session}</AttributeValue></Attribute><Attribute Name="{attributes}/Role"><AttributeValue>{roles}</AttributeValue></Attribute></AttributeStatement></Assertion></samlp:Response>"#
        );
        BASE64_STANDARD.encode(xml).into()
    }

    /// Returns a token of an OIDC provider of this account, valid until `expiry`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sigv4::Timestamp;
    /// use keyfob_sts::server::Account;
    ///
    /// let account = Account::new("123456789012")?;
    /// account.add_oidc_provider("https://token.example.com", "sts.amazonaws.com")?;
    /// let expiry = Timestamp::from_unix_seconds(1_795_780_800);
    /// let token = account.web_identity_token(
    ///     "https://token.example.com",
    ///     "repo:acme/shop",
    ///     "sts.amazonaws.com",
    ///     expiry,
    /// );
    /// assert_eq!(token.expose().split('.').count(), 3);
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn web_identity_token(
        &self,
        issuer: &str,
        subject: &str,
        audience: &str,
        expiry: Timestamp,
    ) -> Secret {
        let exp = expiry.unix_seconds();
        self.signed(&json!({"iss": issuer, "sub": subject, "aud": audience, "exp": exp}))
    }

    /// Signs the claims of a token.
    pub(in crate::server) fn signed(&self, claims: &Value) -> Secret {
        let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let head = encode(&json!({"alg": "HS256", "typ": "JWT", "kid": "1"}));
        let signed = format!("{head}.{}", encode(claims));
        let mac = self.mac(&signed).finalize().into_bytes();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac)).into()
    }

    /// Returns the claims of a token, and whether its signature is right. `None` if it is not a
    /// token.
    pub(in crate::server) fn claims(&self, token: &str) -> Option<(Value, bool)> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (_, claims) = signed.split_once('.')?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let is_right = self.mac(signed).verify_slice(&signature).is_ok()
            || self.is_of_provider(&claims, signed, &signature);
        claims.is_object().then_some((claims, is_right))
    }

    /// Whether a key of the provider that a token names made the signature.
    fn is_of_provider(&self, claims: &Value, signed: &str, signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else {
            return false;
        };
        let issuer = claims["iss"].as_str().unwrap_or_default();
        let state = self.state();
        let mut keys = state.providers.oidc_keys.get(issuer).into_iter().flatten();
        keys.any(|key| key.verify(signed.as_bytes(), &signature).is_ok())
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let state = self.state();
        let key = state.providers.secret.expose().as_bytes();
        let mac = Hmac::<Sha256>::new_from_slice(key);
        mac.unwrap_or_else(|_| unreachable!("any length is a key"))
            .chain_update(text)
    }
}

/// Returns an issuer without its scheme, as ARNs and context keys name it.
pub(in crate::server) fn host(issuer: &str) -> Result<&str, Error> {
    issuer
        .strip_prefix("https://")
        .filter(|host| !host.is_empty())
        .ok_or_else(|| Error::setting(format!("the issuer {issuer:?} must begin with https://")))
}
