use std::fmt;

use crate::{
    call::{Call, Operation, Reply, Service},
    decision::encoded_messages,
    error::Error,
};

/// Decodes an authorization failure: who was denied which action on which resource, and by which
/// statement.
///
/// EC2 puts such a message into its `UnauthorizedOperation` errors. To decode it, the
/// caller needs the permission `sts:DecodeAuthorizationMessage`.
///
/// # Examples
///
/// ```
/// use keyfob_sts::actions::DecodeAuthorizationMessage;
///
/// let action = DecodeAuthorizationMessage::new(
///     "You are not authorized to perform this operation. \
///      Encoded authorization failure message: E9Y8hKZz0qH",
/// )?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DecodeAuthorizationMessage(Operation);

impl DecodeAuthorizationMessage {
    /// Creates a request for the encoded text, or for the first one in an error: see
    /// [`encoded_messages`](crate::decision::encoded_messages).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the encoded text is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Endpoint, actions::DecodeAuthorizationMessage, call::Call};
    ///
    /// let message = "Not authorized. Encoded authorization failure message: E9Y8hKZz0qH";
    /// let endpoint = Endpoint::builder().region("eu-west-1")?.build()?;
    /// let request = DecodeAuthorizationMessage::new(message)?.request(&endpoint)?;
    /// assert!(request.body().expose().ends_with("&EncodedMessage=E9Y8hKZz0qH"));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn new(message: &str) -> Result<Self, Error> {
        let found = encoded_messages(message).into_iter().next();
        // The service knows best what is none.
        let encoded = found.as_deref().unwrap_or(message.trim());
        Operation::new(&Service::STS, "DecodeAuthorizationMessage")
            .text("EncodedMessage", encoded, 1..=10_240)
            .map(Self)
    }
}

/// The output of [`DecodeAuthorizationMessage`].
///
/// `Debug` does not show the message, which tells the policies of an account.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodedMessage {
    /// A JSON object with `allowed`, `explicitDeny`, `matchedStatements`, `failures` and `context`,
    /// which [`Decision::parse`](crate::decision::Decision::parse) reads.
    pub json: String,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl fmt::Debug for DecodedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodedMessage")
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl Call for DecodeAuthorizationMessage {
    type Output = DecodedMessage;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<DecodedMessage, Error> {
        Ok(DecodedMessage {
            json: reply.required("DecodedMessage")?,
            request_id: reply.request_id(),
        })
    }
}
