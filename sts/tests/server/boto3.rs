//! boto3 as a second client of the server.

use std::{fs, path::PathBuf, process::Command};

use keyfob_sigv4::Timestamp;
use keyfob_sts::{
    call::Service,
    signin::{LoginFile, LoginUrl},
    sso::{CreateToken, RegisterClient, StartDeviceAuthorization, TokenFile},
};

use crate::{
    ACCOUNT, Lab, role,
    signin::{Desk, random},
};

#[path = "../moto/python.rs"]
mod python;

const PROGRAM: &str = "
import os, boto3, botocore
sts = boto3.client('sts', region_name='eu-west-1', endpoint_url=os.environ['STS'])
print(sts.get_caller_identity()['Arn'])
role = 'arn:aws:iam::123456789012:role/deploy'
answer = sts.assume_role(RoleArn=role, RoleSessionName='me', ExternalId='partner 42', Tags=[{'Key': 'a b', 'Value': 'c+d~'}])
print(answer['AssumedRoleUser']['Arn'], answer['PackedPolicySize'])
try:
    sts.assume_role(RoleArn=role, RoleSessionName='me')
except botocore.exceptions.ClientError as error:
    print(error.response['Error']['Code'], error.response['ResponseMetadata']['HTTPStatusCode'])
key = answer['Credentials']
inside = boto3.client('sts', region_name='us-east-1', endpoint_url=os.environ['STS'],
    aws_access_key_id=key['AccessKeyId'], aws_secret_access_key=key['SecretAccessKey'], aws_session_token=key['SessionToken'])
print(inside.get_caller_identity()['Arn'])
session = sts.get_session_token(SerialNumber=os.environ['SERIAL'], TokenCode=os.environ['CODE'])
print(session['Credentials']['AccessKeyId'][:4])
print(sts.get_federation_token(Name='bob')['FederatedUser']['Arn'])
web = sts.assume_role_with_web_identity(RoleArn='arn:aws:iam::123456789012:role/web', RoleSessionName='web', WebIdentityToken=os.environ['TOKEN'])
print(web['SubjectFromWebIdentityToken'], web['Provider'])
saml = sts.assume_role_with_saml(RoleArn='arn:aws:iam::123456789012:role/saml', PrincipalArn=os.environ['PROVIDER'], SAMLAssertion=os.environ['ASSERTION'])
print(saml['Subject'], saml['SubjectType'])
print(sts.get_access_key_info(AccessKeyId=key['AccessKeyId'])['Account'])
";

const OUTPUT: &str = "\
arn:aws:iam::123456789012:user/alice
arn:aws:sts::123456789012:assumed-role/deploy/me 1
AccessDenied 403
arn:aws:sts::123456789012:assumed-role/deploy/me
ASIA
arn:aws:sts::123456789012:federated-user/bob
repo:a https://token.example.com
carol persistent
123456789012
";

#[tokio::test(flavor = "multi_thread")]
async fn boto3_calls_the_server_as_it_calls_aws() {
    let lab = Lab::start().await;
    let account = &lab.account;
    let provider = account.add_saml_provider("corp", "https://idp.example.com");
    account
        .add_oidc_provider("https://token.example.com", "sts.amazonaws.com")
        .unwrap();
    let allow = |action: &str, principal: &str, condition: &str| {
        format!(
            r#"{{"Effect": "Allow", "Action": {action}, "Principal": {principal}, "Condition": {condition}}}"#
        )
    };
    let external = r#"{"StringEquals": {"sts:ExternalId": "partner 42"}}"#;
    let both = r#"["sts:AssumeRole", "sts:TagSession"]"#;
    account.add_role(role(
        "deploy",
        &allow(both, r#"{"AWS": "123456789012"}"#, external),
    ));
    account.add_role(role(
        "web",
        &allow(r#""sts:AssumeRoleWithWebIdentity""#, r#""*""#, "{}"),
    ));
    account.add_role(role(
        "saml",
        &allow(r#""sts:AssumeRoleWithSAML""#, r#""*""#, "{}"),
    ));

    let now = Timestamp::now();
    let later = now.plus_seconds(600);
    let token = account.web_identity_token(
        "https://token.example.com",
        "repo:a",
        "sts.amazonaws.com",
        later,
    );
    let saml_role = "arn:aws:iam::123456789012:role/saml";
    let assertion = account.saml_assertion(&provider, saml_role, "carol", now);
    let mut python = Command::new(python::python());
    python
        .args(["-c", PROGRAM])
        .env("STS", lab.listener.url())
        .env("AWS_ACCESS_KEY_ID", lab.alice.access_key_id())
        .env(
            "AWS_SECRET_ACCESS_KEY",
            lab.alice.secret_access_key().expose(),
        )
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("SERIAL", lab.device.serial_number())
        .env("CODE", lab.device.code(now).expose())
        .env("TOKEN", token.expose())
        .env("PROVIDER", &provider)
        .env("ASSERTION", assertion.expose());
    assert_output(python, OUTPUT).await;
}

/// Runs Python beside the server and compares what it prints.
async fn assert_output(mut python: Command, expected: &str) {
    let output = tokio::task::spawn_blocking(move || python.output().unwrap());
    let output = output.await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        expected,
        "{errors}"
    );
}

const SSO: &str = "
import boto3, time
oidc = boto3.client('sso-oidc')
client = oidc.register_client(clientName='test', clientType='public', scopes=['sso:account:access'])
both = {'clientId': client['clientId'], 'clientSecret': client['clientSecret']}
device = oidc.start_device_authorization(startUrl='https://d-1.awsapps.com/start', **both)
print(device['verificationUriComplete'] == device['verificationUri'] + '?user_code=' + device['userCode'])
def poll():
    return oidc.create_token(grantType='urn:ietf:params:oauth:grant-type:device_code', deviceCode=device['deviceCode'], **both)
for error in (oidc.exceptions.AuthorizationPendingException, oidc.exceptions.SlowDownException):
    try:
        poll()
    except error as refusal:
        print(refusal.response['error'], refusal.response['ResponseMetadata']['HTTPStatusCode'])
import urllib.request
print(urllib.request.urlopen(device['verificationUriComplete'] + '&action=approve&user=carol').status)
token = poll()
print(token['tokenType'], token['expiresIn'])
sso = boto3.client('sso')
accounts = sso.get_paginator('list_accounts').paginate(accessToken=token['accessToken'], PaginationConfig={'PageSize': 1})
print([account['accountId'] for page in accounts for account in page['accountList']])
print(sso.list_account_roles(accessToken=token['accessToken'], accountId='123456789012')['roleList'])
try:
    sso.get_role_credentials(accessToken='wrong', accountId='123456789012', roleName='Admin')
except sso.exceptions.UnauthorizedException as refusal:
    print(refusal.response['Error']['Message'])
print(sso.logout(accessToken=token['accessToken'])['ResponseMetadata']['HTTPStatusCode'])

session = boto3.Session(profile_name='carol')
print(session.client('sts').get_caller_identity()['Arn'].split('_')[0])
";

const SSO_OUTPUT: &str = "\
True
authorization_pending 400
slow_down 400
200
Bearer 3600
['123456789012', '210987654321']
[{'roleName': 'Admin', 'accountId': '123456789012'}]
Session token not found or invalid
200
arn:aws:sts::123456789012:assumed-role/AWSReservedSSO
";

#[tokio::test(flavor = "multi_thread")]
async fn boto3_signs_in_and_refreshes_a_token_file_of_this_crate() {
    let lab = Lab::start().await;
    lab.account.assign("carol", ACCOUNT, "Admin").unwrap();
    lab.account
        .assign("carol", "210987654321", "Admin")
        .unwrap();
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("boto3-sso");
    let cache = home.join(".aws/sso/cache");
    fs::create_dir_all(&cache).unwrap();
    let url = "https://d-1.awsapps.com/start";
    let config = format!(
        "[profile carol]\nsso_session = corp\nsso_account_id = {ACCOUNT}\nsso_role_name = Admin\n\
         [sso-session corp]\nsso_start_url = {url}\nsso_region = eu-west-1\n"
    );
    fs::write(home.join(".aws/config"), config).unwrap();

    let oidc = lab.builder().service(Service::SSO_OIDC).build().unwrap();
    let call = RegisterClient::new("test").and_then(|call| call.scope("sso:account:access"));
    let client = oidc.send_unsigned(&call.unwrap()).await.unwrap();
    let (id, secret) = (client.client_id.as_str(), &client.client_secret);
    let call = StartDeviceAuthorization::new(id, secret.clone(), url).unwrap();
    let device = oidc.send_unsigned(&call).await.unwrap();
    lab.account.approve(&device.user_code, "carol").unwrap();
    let call = CreateToken::device_code(id, secret.clone(), device.device_code).unwrap();
    let token = oidc.send_unsigned(&call).await.unwrap();
    // Issued almost an hour ago, so that it has to be refreshed.
    let issued = Timestamp::now().plus_seconds(-3500);
    let file = TokenFile::new(url, "eu-west-1", &client, &token, issued);
    let path = cache.join(TokenFile::name("corp"));
    fs::write(&path, file.to_text().expose()).unwrap();

    let mut python = Command::new(python::python());
    python.args(["-c", SSO]);
    for (name, value) in [
        ("HOME", home.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_SSO", &lab.url()),
        ("AWS_ENDPOINT_URL_SSO_OIDC", &lab.url()),
        ("AWS_ENDPOINT_URL_STS", &lab.url()),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ] {
        python.env(name, value);
    }
    assert_output(python, SSO_OUTPUT).await;
    let text = fs::read_to_string(&path).unwrap();
    let refreshed = TokenFile::parse(&text).unwrap();
    assert!(!refreshed.needs_refresh(Timestamp::now()));
    assert_eq!(refreshed.to_text().expose(), text);
    let call = refreshed.refresh(Timestamp::now()).unwrap();
    oidc.send_unsigned(&call).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_refreshes_a_login_file_of_this_crate_and_this_crate_one_of_boto3() {
    let desk = Desk::start().await;
    let token = desk.token().await;
    let session = token.session().unwrap();
    // Issued some minutes ago, so that it has to be refreshed.
    let issued = Timestamp::now().plus_seconds(-700);
    let client = LoginUrl::SAME_DEVICE;
    let file = LoginFile::new(client, "eu-west-1", &token, &desk.key, issued).unwrap();
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("boto3-login");
    fs::create_dir_all(home.join(".aws")).unwrap();
    let config = format!("[profile login]\nlogin_session = {session}\nregion = eu-west-1\n");
    fs::write(home.join(".aws/config"), config).unwrap();
    let path = home.join(LoginFile::name(&session));
    fs::write(&path, file.to_text().expose()).unwrap();

    let mut python = Command::new(python::python());
    let program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])";
    python.args(["-c", program]);
    for (name, value) in [
        ("HOME", home.to_str().unwrap()),
        ("AWS_LOGIN_CACHE_DIRECTORY", home.to_str().unwrap()),
        ("AWS_PROFILE", "login"),
        ("AWS_ENDPOINT_URL_SIGNIN", &desk.lab.url()),
        ("AWS_ENDPOINT_URL_STS", &desk.lab.url()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ] {
        python.env(name, value);
    }
    assert_output(python, &format!("{session}\n")).await;
    let file = LoginFile::parse(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(!file.needs_refresh(Timestamp::now()));
    let call = file.refresh(random()).unwrap();
    desk.client.send_unsigned(&call).await.unwrap();
}
