use crate::{Action, Error, Parameters, Reply, SignedAction};

/// What an encoded authorization failure says: which statement denied, to whom, what, under which conditions.
///
/// EC2 sends such a message after `Encoded authorization failure message:` in its `UnauthorizedOperation` error. Decoding
/// needs the permission `sts:DecodeAuthorizationMessage`.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::DecodeAuthorizationMessage;
/// let request = DecodeAuthorizationMessage::new("E9Y8hKZz0qH…")?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DecodeAuthorizationMessage(Parameters);

impl DecodeAuthorizationMessage {
    /// The question about one message. Blanks and line ends around it, which copying leaves, are taken off.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it has not 1 to 10 240 characters.
    pub fn new(encoded_message: &str) -> Result<Self, Error> {
        let parameters = Parameters::new();
        parameters
            .text("EncodedMessage", encoded_message.trim(), 1..=10_240)
            .map(Self)
    }
}

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
