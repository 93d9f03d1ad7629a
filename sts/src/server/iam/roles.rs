//! Roles: created, shown, and given another trust policy.

use super::{Call, missing};
use crate::{
    server::{
        account::{Identity, Role},
        api::Request,
        query::xml::{element, optional, parent},
        refusal::Refusal,
    },
    trust::{self, TrustPolicy, Trusted},
};

impl Call<'_> {
    pub(super) fn create_role(&self, request: &Request<'_>) -> Result<String, Refusal> {
        let name = self.parameters.required("RoleName")?;
        let document = self.parameters.required("AssumeRolePolicyDocument")?;
        let seconds = self
            .parameters
            .number("MaxSessionDuration", 3600, 3600..=43_200)?;
        let mut role = Role::new(name)
            .and_then(|role| role.path(self.parameters.get("Path").unwrap_or("/")))
            .map_err(|error| Refusal::invalid(error.to_string()))?
            .trust(parse(document)?)
            .max_session_seconds(seconds);
        role.document = Some(document.to_owned());
        role.description = self.parameters.get("Description").map(str::to_owned);
        role.created = Some(request.now);
        let members = self.members(&role);
        if !self.account.create_role(role) {
            let message = format!("Role with name {name} already exists.");
            return Err(Refusal::with_status(409, "EntityAlreadyExists", message));
        }
        Ok(parent("Role", &members))
    }

    pub(super) fn get_role(&self) -> Result<String, Refusal> {
        Ok(parent("Role", &self.members(&self.role()?)))
    }

    pub(super) fn update_assume_role_policy(&self) -> Result<String, Refusal> {
        let document = self.parameters.required("PolicyDocument")?;
        let mut role = self.role()?.trust(parse(document)?);
        role.document = Some(document.to_owned());
        self.account.add_role(role);
        Ok(String::new())
    }

    fn role(&self) -> Result<Role, Refusal> {
        let name = self.parameters.required("RoleName")?;
        self.account.role(name).ok_or_else(|| no_role(name))
    }

    fn members(&self, role: &Role) -> String {
        let account = self.account.id();
        let created = role.created.map(|time| time.to_string());
        // The id of a session is that of the role, and its name.
        let id = Identity::session(&role.name, "").user_id(account);
        let document = match &role.document {
            Some(document) => Some(document.clone()),
            // It trusts its account.
            None if role.trust.is_none() => {
                let trusted = Trusted::arn(&Identity::Root.arn(account));
                trusted.ok().map(|trusted| trust::document(&[trusted]))
            }
            // How it was written is not known.
            None => None,
        };
        let document = document.map(|text| {
            let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
            encoded.replace('+', "%20")
        });
        element("Path", role.path_name())
            + &element("RoleName", &role.name)
            + &element("RoleId", id.trim_end_matches(':'))
            + &element("Arn", &role.arn(account))
            + &optional("CreateDate", created.as_deref())
            + &optional("AssumeRolePolicyDocument", document.as_deref())
            + &optional("Description", role.description.as_deref())
            + &element("MaxSessionDuration", &role.max_session_seconds.to_string())
    }
}

fn parse(document: &str) -> Result<TrustPolicy, Refusal> {
    TrustPolicy::parse(document)
        .map_err(|error| Refusal::bad("MalformedPolicyDocument", error.to_string()))
}

pub(super) fn no_role(name: &str) -> Refusal {
    missing(format!("The role with name {name} cannot be found."))
}
