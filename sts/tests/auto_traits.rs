//! All public types can be sent to and shared between threads, as part of the API.

use keyfob_sts::{
    Endpoint, EndpointBuilder, Error, ErrorKind, HostRule, Hosts, KeyKind, Partition, Principal,
    actions, call, decision, mfa, saml, trust,
};

fn assert_send_sync<T: Send + Sync>() {}

macro_rules! assert_all {
    ($($type:ty),+ $(,)?) => { $(assert_send_sync::<$type>();)+ };
}

#[test]
fn all_types_are_send_and_sync() {
    assert_all!(Endpoint, EndpointBuilder, HostRule, Hosts, Partition);
    assert_all!(Error, ErrorKind, KeyKind, Principal);
}

#[test]
fn actions_and_their_outputs_are_send_and_sync() {
    use actions::*;

    assert_all!(AssumeRole, AssumedRole, AssumedRoleUser);
    assert_all!(AssumeRoleWithSaml, SamlRole);
    assert_all!(AssumeRoleWithWebIdentity, WebIdentityRole);
    assert_all!(AssumeRoot, AssumedRoot);
    assert_all!(DecodeAuthorizationMessage, DecodedMessage);
    assert_all!(GetAccessKeyInfo, AccessKeyInfo);
    assert_all!(GetCallerIdentity, CallerIdentity);
    assert_all!(GetDelegatedAccessToken, DelegatedAccess);
    assert_all!(GetFederationToken, FederationToken, FederatedUser);
    assert_all!(GetScopedCredentials, ScopedCredentials);
    assert_all!(GetSessionToken, SessionToken);
    assert_all!(GetWebIdentityToken, WebIdentityToken);
    assert_all!(IdentityContext, OriginIdentity);
}

#[test]
fn calls_are_send_and_sync_if_their_reader_is() {
    use call::*;

    assert_all!(Operation, Reply<'_>, Pages, Body, Replay, WithOutput<()>);
    assert_all!(Authorization, Proof, Protocol, Service);
}

#[test]
fn trust_policies_are_send_and_sync() {
    use trust::*;

    assert_all!(TrustPolicy, PolicyError, Request, Caller);
    assert_all!(
        Decision,
        Verdict,
        StatementReport,
        Mismatch,
        ConditionReport
    );
}

#[test]
fn what_services_and_identity_providers_say_is_send_and_sync() {
    use decision::*;

    assert_all!(Decision, Verdict, Statement, ConditionKey, Principal);
    assert_all!(mfa::SentCodes, mfa::CodeRefusal);
    assert_all!(saml::Assertion, saml::SamlRole);
}

#[test]
#[cfg(feature = "client")]
fn clients_are_send_and_sync() {
    assert_all!(keyfob_sts::Client, keyfob_sts::ClientBuilder);
}

#[test]
#[cfg(feature = "sso")]
fn sso_is_send_and_sync() {
    use keyfob_sts::{CodeVerifier, sso::*};

    assert_all!(
        CodeVerifier,
        AuthorizationUrl<'_>,
        TokenFile,
        RegistrationFile,
        StartUrl
    );
    assert_all!(RegisterClient, ClientRegistration, CreateToken, Token);
    assert_all!(StartDeviceAuthorization, DeviceAuthorization);
    assert_all!(GetRoleCredentials, RoleCredentials, Logout);
    assert_all!(
        ListAccounts,
        AccountPage,
        SsoAccount,
        ListAccountRoles,
        RolePage
    );
}

#[test]
#[cfg(feature = "signin")]
fn signin_is_send_and_sync() {
    use keyfob_sts::signin::*;

    assert_all!(
        CreateOAuth2Token,
        LoginToken,
        DpopKey,
        LoginFile,
        LoginUrl<'_>
    );
}

#[test]
#[cfg(feature = "server")]
fn servers_are_send_and_sync() {
    use keyfob_sts::server::*;

    assert_all!(
        Account, Identity, MfaDevice, Role, Services, Fault, Counters
    );
}
