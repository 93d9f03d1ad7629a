use keyfob_sigv4::Timestamp;

use super::key::Key;
use crate::{
    config::{Settings, SystemProperty, table},
    cure::Skip,
    error::Error,
    order::Order,
    origin::Origin,
    provider::{BoxFuture, Inspection, Outcome, Provider},
};

const ID: &str = "aws.accessKeyId";
const TOKEN: &str = "aws.sessionToken";

/// An access key in the system properties of Java, as the AWS SDKs for Java read it.
///
/// Reads `aws.accessKeyId` with `aws.secretAccessKey` (in the SDK for Java 1: `aws.secretKey`) and
/// optionally `aws.sessionToken`, from [`Settings::with_system_properties`], `JDK_JAVA_OPTIONS` and
/// `JAVA_TOOL_OPTIONS`. Half a key counts as none.
///
/// Source: AWS SDK for Java Developer Guide, "Credentials provider chain", of versions 1 and 2.
#[derive(Clone, Debug)]
pub struct SystemPropertiesProvider {
    settings: Settings,
}

impl SystemPropertiesProvider {
    /// Creates the provider.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, Order, Settings, SystemPropertiesProvider, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// let options = "-Daws.accessKeyId=AKIDEXAMPLE -Daws.secretAccessKey=secret";
    /// let variables = Variables::from_iter([("JAVA_TOOL_OPTIONS", options)]);
    /// let settings = Settings::load(variables).with_order(Order::JavaV2);
    /// let chain = Chain::new().then(SystemPropertiesProvider::new(settings));
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let key = chain.resolve(Timestamp::now()).await.credentials?;
    /// assert_eq!(key.access_key_id(), "AKIDEXAMPLE");
    /// # Ok::<(), keyfob_chain::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn find(&self) -> Result<Outcome, Error> {
        let property = |name| self.settings.system_property(name);
        let secret = match self.settings.order() {
            Order::JavaV1 => "aws.secretKey",
            _ => "aws.secretAccessKey",
        };
        let (id, secret) = match (property(ID), property(secret)) {
            (Some(id), Some(secret)) => (id, secret),
            (Some(_), None) => {
                let reason = format!("{ID} is set and {secret} is not");
                return Ok(Outcome::NotConfigured(reason));
            }
            (None, _) => return Ok(Outcome::NotConfigured(format!("{ID} is not set"))),
        };
        let token = property(TOKEN);
        let all: Vec<_> = [id, secret].into_iter().chain(token).collect();
        let key = Key {
            id: &id.value,
            secret: &secret.value,
            token: token.map(|token| token.value.as_str()),
            account_id: None,
            expiry: None,
        };
        key.into_found(SystemProperty::origin(&all))
            .map(Outcome::Found)
    }
}

impl Provider for SystemPropertiesProvider {
    fn name(&self) -> &str {
        "system properties"
    }

    fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(std::future::ready(self.find()))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(self.find().map(Into::into)))
    }

    /// Nothing skips properties that the program sets.
    fn skip(&self) -> Option<Skip> {
        let id = self.settings.system_property(ID)?;
        match SystemProperty::origin(&[id]) {
            Origin::SystemProperties {
                variable: Some(_), ..
            } => Some(Skip::unset(table::JAVA_OPTIONS.variables.iter().copied())),
            _ => None,
        }
    }
}
