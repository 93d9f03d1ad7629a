//! IAM: users and their access keys, roles, and the policy simulator, in the query protocol.
//!
//! Source: IAM API reference, version 2010-05-08.

mod roles;
mod simulate;
#[cfg(test)]
mod tests;

use super::{
    account::{Account, Identity, Key},
    api::{Api, Request},
    query::{
        Parameters, QueryService, unknown_action,
        xml::{self, element, optional, parent},
    },
    refusal::Refusal,
};

pub(super) const API: Api = Api {
    paths: &[],
    run: |request| IAM.run(request),
    refuse: |refusal, id| IAM.refuse(refusal, id),
    throttled: (400, "Throttling", ""),
    failed: ("ServiceFailure", ""),
};

const IAM: QueryService = QueryService {
    name: "iam",
    namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
    is_unsigned: |_| false,
    answer: xml::answer,
    run,
};

/// How many access keys a user may have.
const MAX_KEYS: usize = 2;

fn run(
    action: &str,
    caller: Option<Key>,
    request: &Request<'_>,
    parameters: &Parameters,
) -> Result<String, Refusal> {
    let call = Call {
        account: request.account,
        caller: caller.ok_or_else(Refusal::internal)?,
        parameters,
    };
    call.check_session()?;
    match action {
        "CreateAccessKey" => call.create_access_key(request),
        "CreateRole" => call.create_role(request),
        "DeleteAccessKey" => call.delete_access_key(),
        "GetAccessKeyLastUsed" => call.get_access_key_last_used(),
        "GetContextKeysForCustomPolicy" => call.get_context_keys_for_custom_policy(),
        "GetContextKeysForPrincipalPolicy" => call.get_context_keys_for_principal_policy(),
        "GetRole" => call.get_role(),
        "GetUser" => call.get_user(),
        "ListAccessKeys" => call.list_access_keys(),
        "ListMFADevices" => call.list_mfa_devices(),
        "SimulateCustomPolicy" => call.simulate_custom_policy(),
        "SimulatePrincipalPolicy" => call.simulate_principal_policy(),
        "UpdateAccessKey" => call.update_access_key(),
        "UpdateAssumeRolePolicy" => call.update_assume_role_policy(),
        other => Err(unknown_action(other, "2010-05-08")),
    }
}

struct Call<'a> {
    account: &'a Account,
    caller: Key,
    parameters: &'a Parameters,
}

impl Call<'_> {
    /// IAM takes no session of a user that was requested without MFA.
    fn check_session(&self) -> Result<(), Refusal> {
        let is_user = matches!(self.caller.identity, Identity::User { .. });
        let has_session = self.caller.credentials.session_token().is_some();
        if is_user && has_session && self.caller.session.mfa_at.is_none() {
            let message = "The security token included in the request is invalid";
            return Err(Refusal::with_status(403, "InvalidClientTokenId", message));
        }
        Ok(())
    }

    /// Returns the user that the parameters name, or else the one whose key signed the request.
    fn owner(&self) -> Result<Identity, Refusal> {
        if let Some(name) = self.parameters.get("UserName") {
            return match self.account.user(name) {
                Some(_) => Ok(Identity::user(name)),
                None => Err(missing(format!(
                    "The user with name {name} cannot be found."
                ))),
            };
        }
        match &self.caller.identity {
            owner @ (Identity::User { .. } | Identity::Root) => Ok(owner.clone()),
            _ => Err(Refusal::invalid(
                "Must specify userName when calling with non-User credentials",
            )),
        }
    }

    /// Returns a key of the owner.
    fn key(&self) -> Result<Key, Refusal> {
        let id = self.parameters.required("AccessKeyId")?;
        let mut keys = self.account.access_keys(&self.owner()?).into_iter();
        keys.find(|key| key.credentials.access_key_id() == id)
            .ok_or_else(|| missing(format!("The Access Key with id {id} cannot be found.")))
    }

    fn create_access_key(&self, request: &Request<'_>) -> Result<String, Refusal> {
        let owner = self.owner()?;
        if self.account.access_keys(&owner).len() >= MAX_KEYS {
            let message = format!("Cannot exceed quota for AccessKeysPerUser: {MAX_KEYS}");
            return Err(Refusal::with_status(409, "LimitExceeded", message));
        }
        let created = self.account.create_access_key(owner.clone(), request.now);
        let created = created.map_err(|_| Refusal::internal())?;
        let members = optional("UserName", name(&owner))
            + &element("AccessKeyId", created.access_key_id())
            + &element("Status", "Active")
            + &element("SecretAccessKey", created.secret_access_key().expose())
            + &element("CreateDate", &request.now.to_string());
        Ok(parent("AccessKey", &members))
    }

    fn list_access_keys(&self) -> Result<String, Refusal> {
        let owner = self.owner()?;
        let keys = self.account.access_keys(&owner).into_iter();
        let members = keys.map(|key| {
            let created = key.record.created.map(|time| time.to_string());
            let members = optional("UserName", name(&owner))
                + &element("AccessKeyId", key.credentials.access_key_id())
                + &element("Status", status(&key))
                + &optional("CreateDate", created.as_deref());
            parent("member", &members)
        });
        let members: String = members.collect();
        Ok(parent("AccessKeyMetadata", &members) + &element("IsTruncated", "false"))
    }

    fn update_access_key(&self) -> Result<String, Refusal> {
        let active = match self.parameters.required("Status")? {
            "Active" => true,
            "Inactive" => false,
            other => {
                let constraint = "Member must satisfy enum value set: [Active, Inactive, Expired]";
                let other = format!("'{other}'");
                return Err(Refusal::constraint(&other, "status", constraint));
            }
        };
        let id = self.key()?.credentials.access_key_id().to_owned();
        self.account.set_key_active(&id, active);
        Ok(String::new())
    }

    fn delete_access_key(&self) -> Result<String, Refusal> {
        let id = self.key()?.credentials.access_key_id().to_owned();
        self.account.remove_key(&id);
        Ok(String::new())
    }

    /// The time is that of the last request that was signed with the key. The real service lags.
    fn get_access_key_last_used(&self) -> Result<String, Refusal> {
        let id = self.parameters.required("AccessKeyId")?;
        let key = self.account.key(id).ok_or_else(|| {
            let resource = format!("access key {id}");
            let arn = self.caller.identity.arn(self.account.id());
            Refusal::unauthorized(&arn, "iam:GetAccessKeyLastUsed", &resource)
        })?;
        let last = key.record.last_use;
        let date = last.as_ref().map(|last| last.at.to_string());
        let text = |text: Option<&String>| text.map_or("N/A", String::as_str).to_owned();
        let members = optional("LastUsedDate", date.as_deref())
            + &element(
                "ServiceName",
                &text(last.as_ref().map(|last| &last.service)),
            )
            + &element("Region", &text(last.as_ref().map(|last| &last.region)));
        Ok(optional("UserName", name(&key.identity)) + &parent("AccessKeyLastUsed", &members))
    }

    fn get_user(&self) -> Result<String, Refusal> {
        let owner = self.owner()?;
        let account = self.account.id();
        let created = name(&owner).and_then(|name| self.account.user(name)?);
        let created = created.map(|time| time.to_string());
        let path = name(&owner).map(|_| "/");
        let members = optional("Path", path)
            + &optional("UserName", name(&owner))
            + &element("UserId", &owner.user_id(account))
            + &element("Arn", &owner.arn(account))
            + &optional("CreateDate", created.as_deref());
        Ok(parent("User", &members))
    }

    fn list_mfa_devices(&self) -> Result<String, Refusal> {
        let owner = self.owner()?;
        let serial = name(&owner).and_then(|name| self.account.device_of(name));
        let members = serial.map_or_else(String::new, |serial| {
            let members = optional("UserName", name(&owner)) + &element("SerialNumber", &serial);
            parent("member", &members)
        });
        Ok(parent("MFADevices", &members) + &element("IsTruncated", "false"))
    }
}

fn name(identity: &Identity) -> Option<&str> {
    match identity {
        Identity::User { name } => Some(name),
        _ => None,
    }
}

fn status(key: &Key) -> &'static str {
    if key.record.is_inactive {
        "Inactive"
    } else {
        "Active"
    }
}

fn missing(message: String) -> Refusal {
    Refusal::with_status(404, "NoSuchEntity", message)
}
