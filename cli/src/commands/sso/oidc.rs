use keyfob_chain::{Argument, Origin, Region, SsoSession};
use keyfob_sigv4::Timestamp;
use keyfob_sts::{
    call::Service,
    sso::{ClientRegistration, RegisterClient, RegistrationFile, StartUrl},
};

use crate::{
    commands::redirect::REGISTERED, context::Context, failure::Failure, services::Client,
    signals::finish_writing,
};

/// The scope of a token that gets credentials. The authorization code grant needs one.
const DEFAULT_SCOPE: &str = "sso:account:access";

/// The authorization server that a user signs in at.
pub(super) struct Oidc<'a> {
    pub(super) context: &'a Context,
    pub(super) client: Client,
    /// In the region of the page, which is that of the registration.
    session: SsoSession,
    /// The page of AWS that the start URL is or leads to.
    start_url: StartUrl,
}

impl<'a> Oidc<'a> {
    /// Checks the start URL, and finds the authorization server.
    ///
    /// # Errors
    ///
    /// If the start URL is not one of AWS and does not lead to one.
    pub(super) async fn new(context: &'a Context, session: &SsoSession) -> Result<Self, Failure> {
        let start_url = StartUrl::parse(session.start_url())?;
        let (start_url, region) = if start_url.is_of_aws() {
            (start_url, session.region().clone())
        } else {
            follow(context, session, &start_url).await?
        };
        Ok(Self {
            context,
            client: Client::in_region(context, &Service::SSO_OIDC, &region, None)?,
            session: session.clone().with_region(region),
            start_url,
        })
    }

    pub(super) fn start_url(&self) -> &str {
        self.start_url.as_str()
    }

    pub(super) fn region(&self) -> &Region {
        self.session.region()
    }

    /// Returns the scopes of a grant.
    pub(super) fn scopes(&self, for_code_grant: bool) -> Vec<&str> {
        let scopes = self.session.scopes().iter().map(String::as_str);
        let default = (for_code_grant && self.session.scopes().is_empty()).then_some(DEFAULT_SCOPE);
        scopes.chain(default).collect()
    }

    /// Returns the registration of this program: the one in the file, or a new one, which is saved.
    ///
    /// # Errors
    ///
    /// If the service refuses it, or if the file cannot be written.
    pub(super) async fn registration(
        &self,
        for_code_grant: bool,
    ) -> Result<ClientRegistration, Failure> {
        let settings = self.context.settings();
        let saved = self.session.registration(settings);
        let saved = saved.and_then(|text| RegistrationFile::parse(text.expose()).ok());
        let now = Timestamp::now();
        if let Some(file) = saved.filter(|file| file.is_usable(now, for_code_grant)) {
            return Ok(file.registration().clone());
        }
        let name = self.session.name();
        let mut call = RegisterClient::new(match name {
            Some(name) => format!("keyfob-{name}"),
            None => "keyfob".to_owned(),
        })?;
        for scope in self.scopes(for_code_grant) {
            call = call.scope(scope)?;
        }
        let mut grants: &[&str] = &[];
        if for_code_grant {
            call = call.code_grant(self.start_url(), REGISTERED)?;
            grants = &["authorization_code", "refresh_token"];
        }
        let registration = self.client.send(self.context, &call).await?;
        let file = RegistrationFile::new(registration.clone(), self.session.scopes(), grants);
        let _guard = finish_writing();
        self.session.save_registration(settings, &file.to_text())?;
        Ok(registration)
    }
}

/// Asks the page of an organization to which page of AWS it leads.
async fn follow(
    context: &Context,
    session: &SsoSession,
    start_url: &StartUrl,
) -> Result<(StartUrl, Region), Failure> {
    let page = Argument::new("sso_start_url", start_url.as_str());
    let builder = context
        .settings()
        .client(Service::SSO_OIDC, session.region(), Some(page))?;
    let location = builder.build()?.redirect().await?;
    let target = start_url.redirected(location.as_deref().unwrap_or_default())?;
    let region = match target.region() {
        Some(region) if region != session.region().name() => {
            let description = format!("the page that {} leads to", start_url.as_str());
            Region::new(region, Origin::Other { description })?
        }
        _ => session.region().clone(),
    };
    Ok((target, region))
}
