//! The calls of IAM for access keys.

use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::{
    Error,
    call::{Call, Operation, Replay, Reply},
};

use super::proof::{Patience, is_unknown_key, until_accepted};
use crate::{
    context::Context,
    failure::Failure,
    services::{Client, IAM},
};

/// The access keys of a user.
pub(super) struct Iam<'a> {
    context: &'a Context,
    client: Client,
    user: String,
}

/// A key, as IAM lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AccessKey {
    pub(super) id: String,
    pub(super) is_active: bool,
    pub(super) created: Option<Timestamp>,
    pub(super) last_use: LastUse,
}

/// When a key was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LastUse {
    /// It was not asked for, or the caller may not see it.
    Unknown,
    Never,
    At {
        time: Timestamp,
        service: String,
        region: String,
    },
}

impl AccessKey {
    pub(super) fn status(&self) -> &'static str {
        status(self.is_active)
    }
}

/// Returns the word of IAM.
fn status(is_active: bool) -> &'static str {
    if is_active { "Active" } else { "Inactive" }
}

impl LastUse {
    /// Returns such as `last used 2026-11-22T03:00:00Z by s3 in us-east-1`.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Unknown => "last use unknown".to_owned(),
            Self::Never => "never used".to_owned(),
            Self::At {
                time,
                service,
                region,
            } => format!("last used {time} by {service} in {region}"),
        }
    }
}

impl<'a> Iam<'a> {
    /// Returns the keys of a user, for calls that are signed with these credentials.
    ///
    /// # Errors
    ///
    /// If the region or the endpoint URL is invalid.
    pub(super) async fn new(
        context: &'a Context,
        credentials: &Credentials,
        user: &str,
    ) -> Result<Self, Failure> {
        let client = Client::with_credentials(context, &IAM, Some(credentials.clone())).await?;
        Ok(Self {
            context,
            client,
            user: user.to_owned(),
        })
    }

    /// Returns the time by the clock of IAM, whose times those of keys are.
    pub(super) fn now(&self) -> Timestamp {
        self.client.now()
    }

    /// Signs the calls that follow with a key of the user that is not the one in use.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub(super) async fn set_key(&mut self, key: &Credentials) -> Result<(), Failure> {
        self.client = Client::with_other_key(self.context, &IAM, key).await?;
        Ok(())
    }

    /// Returns all keys, without their last use.
    ///
    /// # Errors
    ///
    /// If the service refuses.
    pub(super) async fn list(&self) -> Result<Vec<AccessKey>, Failure> {
        let call = self.operation("ListAccessKeys")?;
        let call = call.with_output(|reply| reply.items("AccessKeyMetadata").map(read).collect());
        self.client.send(self.context, &call).await
    }

    /// Adds the last use of each key. A caller who may not see it gets an error.
    ///
    /// # Errors
    ///
    /// If the service refuses.
    pub(super) async fn add_last_uses(&self, keys: &mut [AccessKey]) -> Result<(), Failure> {
        for key in keys {
            key.last_use = self.last_use(&key.id).await?;
        }
        Ok(())
    }

    /// Returns when, by which service and where a key was last used.
    ///
    /// # Errors
    ///
    /// If the service refuses.
    async fn last_use(&self, id: &str) -> Result<LastUse, Failure> {
        let call = Operation::new(&IAM, "GetAccessKeyLastUsed");
        let call = call.text("AccessKeyId", id, 1..=usize::MAX)?;
        let call = call.with_output(|reply| {
            let text = |name: &str| {
                let text = reply.optional(&format!("AccessKeyLastUsed/{name}"));
                text.unwrap_or_default()
            };
            let time = reply.optional_time("AccessKeyLastUsed/LastUsedDate")?;
            Ok(time.map_or(LastUse::Never, |time| LastUse::At {
                time,
                service: text("ServiceName"),
                region: text("Region"),
            }))
        });
        self.client.send(self.context, &call).await
    }

    /// Creates a key. The call is sent again only if the service did not get it.
    ///
    /// # Errors
    ///
    /// If the service refuses, or if its answer is lost.
    pub(super) async fn create(&self) -> Result<Credentials, Error> {
        let call = self.operation("CreateAccessKey")?;
        let call = call.with_replay(Replay::OnlyIfNotReceived);
        let call = call.with_output(|reply| {
            let id = reply.required("AccessKey/AccessKeyId")?;
            let secret = reply.secret("AccessKey/SecretAccessKey")?;
            Credentials::new(id, secret).map_err(|_| reply.unusable("AccessKey is malformed"))
        });
        self.client.try_send(&call).await
    }

    /// Activates or deactivates a key. Waits until the service accepts the credentials, which may
    /// be new.
    ///
    /// # Errors
    ///
    /// If the service refuses.
    pub(super) async fn set_active(&self, id: &str, is_active: bool) -> Result<(), Error> {
        let call = self.operation("UpdateAccessKey")?;
        let call = call.text("AccessKeyId", id, 1..=usize::MAX)?;
        let call = call.text("Status", status(is_active), 1..=usize::MAX)?;
        self.wait_for(&call.with_output(|_| Ok(()))).await
    }

    /// Deletes a key, if there still is one.
    ///
    /// # Errors
    ///
    /// If the service refuses.
    pub(super) async fn delete(&self, id: &str) -> Result<(), Error> {
        let call = self.operation("DeleteAccessKey")?;
        let call = call.text("AccessKeyId", id, 1..=usize::MAX)?;
        match self.wait_for(&call.with_output(|_| Ok(()))).await {
            Err(error) if error.code() == Some("NoSuchEntity") => Ok(()),
            result => result,
        }
    }

    pub(super) async fn explain(&self, error: &Error) -> Failure {
        self.client.explain(self.context, error).await
    }

    async fn wait_for<C: Call<Output = ()> + Sync>(&self, call: &C) -> Result<(), Error> {
        let send = async || self.client.try_send(call).await;
        until_accepted(Patience::ONCE, is_unknown_key, send).await
    }

    fn operation(&self, name: &'static str) -> Result<Operation, Error> {
        Operation::new(&IAM, name).text("UserName", &self.user, 1..=usize::MAX)
    }
}

fn read(item: Reply<'_>) -> Result<AccessKey, Error> {
    Ok(AccessKey {
        id: item.required("AccessKeyId")?,
        is_active: item.required("Status")? == "Active",
        created: item.optional_time("CreateDate")?,
        last_use: LastUse::Unknown,
    })
}
