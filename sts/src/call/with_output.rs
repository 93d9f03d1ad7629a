use std::fmt;

use crate::{
    call::{Call, Operation, Reply},
    error::Error,
};

impl Operation {
    /// Makes a call of the operation: `read` reads the output from the answer.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::call::{Call, Operation, Service};
    ///
    /// let call = Operation::new(&Service::STS, "GetAccessKeyInfo")
    ///     .text("AccessKeyId", "AKIAIOSFODNN7EXAMPLE", 16..=128)?
    ///     .with_output(|reply| reply.required("Account"));
    /// let answer = http::Response::new(
    ///     "<GetAccessKeyInfoResponse><GetAccessKeyInfoResult><Account>123456789012</Account>
    ///      </GetAccessKeyInfoResult></GetAccessKeyInfoResponse>",
    /// );
    /// assert_eq!(call.parse(&answer)?, "123456789012");
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn with_output<T, F>(self, read: F) -> WithOutput<F>
    where
        T: Send,
        F: Fn(&Reply<'_>) -> Result<T, Error>,
    {
        WithOutput {
            operation: self,
            read,
        }
    }
}

/// A call that reads its output with a function: the result of [`Operation::with_output`].
#[derive(Clone)]
pub struct WithOutput<F> {
    operation: Operation,
    read: F,
}

impl<T, F> Call for WithOutput<F>
where
    T: Send,
    F: Fn(&Reply<'_>) -> Result<T, Error>,
{
    type Output = T;

    fn operation(&self) -> &Operation {
        &self.operation
    }

    fn output(&self, reply: &Reply<'_>) -> Result<T, Error> {
        (self.read)(reply)
    }
}

impl<F> fmt::Debug for WithOutput<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithOutput")
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}
