use super::Call;
use crate::{
    account_from_access_key_id,
    server::{query::xml::element, refusal::Refusal},
};

impl Call<'_> {
    pub(super) fn get_caller_identity(&self) -> String {
        let (caller, account) = (&self.caller.identity, self.account.id());
        element("Arn", &caller.arn(account))
            + &element("UserId", &caller.user_id(account))
            + &element("Account", caller.account(account))
    }

    /// The account is part of each key id, so keys of other accounts are known too.
    pub(super) fn get_access_key_info(&self) -> Result<String, Refusal> {
        let id = self.parameters.required("AccessKeyId")?;
        let own = || {
            Some(
                self.account
                    .key(id)?
                    .identity
                    .account(self.account.id())
                    .to_owned(),
            )
        };
        let account = own().or_else(|| account_from_access_key_id(id));
        account.map_or_else(
            || {
                Err(Refusal::invalid(format!(
                    "{id} is not a valid access key ID"
                )))
            },
            |account| Ok(element("Account", &account)),
        )
    }

    pub(super) fn decode_authorization_message(&self) -> Result<String, Refusal> {
        let encoded = self.parameters.required("EncodedMessage")?;
        let message = self.account.message(encoded).ok_or_else(|| {
            let message =
                "Message is not valid: it is incomplete, or was encoded by another account.";
            Refusal::bad("InvalidAuthorizationMessageException", message)
        })?;
        Ok(element("DecodedMessage", &message))
    }
}
