use crate::{
    call::{Action, Parameters, Reply, SignedAction},
    error::Error,
};

/// What an encoded authorization failure says: which statement denied, to whom, what, under which conditions.
///
/// EC2 sends such a message after `Encoded authorization failure message:` in its `UnauthorizedOperation` error. Decoding
/// needs the permission `sts:DecodeAuthorizationMessage`.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::actions::DecodeAuthorizationMessage;
/// let request = DecodeAuthorizationMessage::new("E9Y8hKZz0qH…")?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DecodeAuthorizationMessage(Parameters);

impl DecodeAuthorizationMessage {
    /// The question about one message: the encoded text alone, or all of the error message that has it at its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the encoded text has not 1 to 10 240 characters.
    pub fn new(message: &str) -> Result<Self, Error> {
        let encoded = message
            .rsplit_once(MARK)
            .map_or(message, |(_, encoded)| encoded);
        let parameters = Parameters::new();
        parameters
            .text("EncodedMessage", encoded.trim(), 1..=10_240)
            .map(Self)
    }
}

/// What stands before the encoded text in an error message.
const MARK: &str = "Encoded authorization failure message:";

/// A decoded authorization failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodedMessage {
    /// A JSON object with `allowed`, `explicitDeny`, `matchedStatements`, `failures` and `context`.
    pub json: String,
    /// The id under which the service knows the request.
    pub request_id: Option<String>,
}

impl Action for DecodeAuthorizationMessage {
    type Output = DecodedMessage;
    const NAME: &'static str = "DecodeAuthorizationMessage";

    fn parameters(&self) -> &Parameters {
        &self.0
    }

    fn output(reply: &Reply) -> Result<DecodedMessage, Error> {
        Ok(DecodedMessage {
            json: reply.required("DecodedMessage")?,
            request_id: reply.request_id(),
        })
    }
}

impl SignedAction for DecodeAuthorizationMessage {}
