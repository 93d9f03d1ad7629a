use crate::{
    call::{Call, Operation, Reply, Service},
    error::Error,
};

/// Finds the account that an access key belongs to, whether the key is active or not.
///
/// The call is logged in the account of the caller.
///
/// # Examples
///
/// ```
/// use keyfob_sts::actions::GetAccessKeyInfo;
///
/// let action = GetAccessKeyInfo::new("AKIAIOSFODNN7EXAMPLE")?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GetAccessKeyInfo(Operation);

impl GetAccessKeyInfo {
    /// Creates a request for an access key id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is shorter than 16 characters.
    pub fn new(access_key_id: impl Into<String>) -> Result<Self, Error> {
        Operation::new(&Service::STS, "GetAccessKeyInfo")
            .text("AccessKeyId", access_key_id, 16..=128)
            .map(Self)
    }
}

/// The output of [`GetAccessKeyInfo`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessKeyInfo {
    /// The account id, twelve digits.
    pub account: String,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for GetAccessKeyInfo {
    type Output = AccessKeyInfo;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<AccessKeyInfo, Error> {
        Ok(AccessKeyInfo {
            account: reply.required("Account")?,
            request_id: reply.request_id(),
        })
    }
}
