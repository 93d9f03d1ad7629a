//! boto3 as a second client of the server.

use std::process::Command;

use crate::{Lab, role};

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

    let now = keyfob_sigv4::Timestamp::now();
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
    let output = tokio::task::spawn_blocking(move || python.output().unwrap())
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(String::from_utf8_lossy(&output.stdout), OUTPUT, "{errors}");
}
