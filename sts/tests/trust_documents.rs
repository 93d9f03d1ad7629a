//! Trust policies that are written here, read by the rules of IAM.

use keyfob_sts::{
    Partition,
    trust::{Caller, PolicyError, Request, TrustPolicy, Trusted, document},
};

const ACCOUNT: &str = "111122223333";
const ROOT: &str = "arn:aws:iam::111122223333:root";
const ALICE: &str = "arn:aws:iam::111122223333:user/alice";
const ROLE: &str = "arn:aws:iam::111122223333:role/ops";
const SAML: &str = "arn:aws:iam::111122223333:saml-provider/idp";
const GITHUB: &str = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com";
const ORGANIZATION: &str = "o-a1b2c3d4e5";

fn allows(trusted: &[Trusted], request: &Request) -> Result<bool, PolicyError> {
    let policy = TrustPolicy::parse(&document(trusted))?;
    Ok(policy.decide(request).is_allowed())
}

fn alice() -> Request {
    Request::new(Caller::from_arn(ALICE), "sts:AssumeRole")
}

#[test]
fn the_instance_and_the_account_may_assume_one_role() -> Result<(), PolicyError> {
    let both = [
        Trusted::service("ec2.amazonaws.com")?,
        Trusted::account(ACCOUNT, Partition::from_region("eu-west-1"))?.with_mfa()?,
    ];
    let caller = Caller::Service {
        name: "ec2.amazonaws.com".to_owned(),
    };
    assert!(allows(&both, &Request::new(caller, "sts:AssumeRole"))?);
    let caller = Caller::Service {
        name: "lambda.amazonaws.com".to_owned(),
    };
    assert!(!allows(&both, &Request::new(caller, "sts:AssumeRole"))?);
    assert!(!allows(&both, &alice())?);
    assert!(allows(
        &both,
        &alice().with("aws:MultiFactorAuthPresent", ["true"])
    )?);
    Ok(())
}

#[test]
fn each_condition_is_needed() -> Result<(), PolicyError> {
    let trusted = Trusted::arn(ALICE)?
        .with_external_id("partner-42")?
        .with_mfa()?
        .with_organization(ORGANIZATION)?;
    let keys = [
        ("sts:ExternalId", "partner-42"),
        ("aws:MultiFactorAuthPresent", "true"),
        ("aws:PrincipalOrgID", ORGANIZATION),
    ];
    let with = |keys: &[(&str, &str)]| {
        keys.iter().fold(alice(), |request, (key, value)| {
            request.with(*key, [*value])
        })
    };
    assert!(allows(std::slice::from_ref(&trusted), &with(&keys))?);
    for missing in 0..keys.len() {
        let mut keys = keys.to_vec();
        keys.remove(missing);
        assert!(
            !allows(std::slice::from_ref(&trusted), &with(&keys))?,
            "{missing}"
        );
    }
    Ok(())
}

#[test]
fn an_organization_is_trusted_with_all_that_is_in_it() -> Result<(), PolicyError> {
    let trusted = [Trusted::organization(ORGANIZATION)?];
    assert!(!allows(&trusted, &alice())?);
    assert!(allows(
        &trusted,
        &alice().with("aws:PrincipalOrgID", [ORGANIZATION])
    )?);
    Ok(())
}

#[test]
fn identity_providers_are_trusted_for_their_audience_and_subject() -> Result<(), PolicyError> {
    let saml = [Trusted::saml_provider(SAML)?];
    let caller = || Caller::Federated {
        provider: SAML.to_owned(),
    };
    let request = Request::new(caller(), "sts:AssumeRoleWithSAML");
    assert!(allows(
        &saml,
        &request.with("SAML:aud", ["https://signin.aws.amazon.com/saml"])
    )?);
    assert!(!allows(
        &saml,
        &Request::new(caller(), "sts:AssumeRoleWithSAML")
    )?);

    let branch = "repo:octo/app:ref:refs/heads/main";
    for (subject, expected) in [
        (branch, true),
        ("repo:octo/*", true),
        ("repo:other/*", false),
    ] {
        let oidc = [Trusted::oidc_provider(GITHUB, "sts.amazonaws.com")?.with_subject(subject)?];
        let caller = Caller::Federated {
            provider: GITHUB.to_owned(),
        };
        let request = Request::new(caller, "sts:AssumeRoleWithWebIdentity")
            .with(
                "token.actions.githubusercontent.com:aud",
                ["sts.amazonaws.com"],
            )
            .with("token.actions.githubusercontent.com:sub", [branch]);
        assert_eq!(allows(&oidc, &request)?, expected, "{subject}");
    }
    Ok(())
}

#[test]
fn partitions_have_their_own_arns_and_audiences() -> Result<(), PolicyError> {
    for (region, arn) in [
        ("eu-west-1", ROOT),
        ("cn-north-1", "arn:aws-cn:iam::111122223333:root"),
        ("us-gov-west-1", "arn:aws-us-gov:iam::111122223333:root"),
    ] {
        let trusted = Trusted::account(ACCOUNT, Partition::from_region(region))?;
        assert_eq!(trusted, Trusted::arn(arn)?);
    }
    let china = Trusted::saml_provider("arn:aws-cn:iam::111122223333:saml-provider/idp")?;
    assert!(document(&[china]).contains("https://signin.amazonaws.cn/saml"));
    Ok(())
}

#[test]
fn what_iam_would_refuse_is_an_error() -> Result<(), PolicyError> {
    let partition = Partition::from_region("eu-west-1");
    for refused in [
        Trusted::account("1", partition),
        Trusted::account("11112222333é", partition),
        Trusted::arn("*"),
        Trusted::arn(""),
        Trusted::arn(ACCOUNT),
        Trusted::arn("arn:aws:iam::111122223333:user/*"),
        Trusted::arn("arn:aws:iam::111122223333:group/admins"),
        Trusted::arn("arn:aws:s3:::bucket"),
        Trusted::service("ec2"),
        Trusted::service("*.amazonaws.com"),
        Trusted::service("ec2..com"),
        Trusted::organization("o-1"),
        Trusted::organization("r-a1b2c3d4e5"),
        Trusted::saml_provider(GITHUB),
        Trusted::saml_provider("arn:aws:iam::111122223333:saml-provider/"),
        Trusted::oidc_provider(SAML, "a"),
        Trusted::oidc_provider(GITHUB, ""),
        Trusted::oidc_provider(GITHUB, "a")?.with_external_id("ab"),
        Trusted::oidc_provider(GITHUB, "a")?.with_subject(""),
        Trusted::saml_provider(SAML)?.with_mfa(),
        Trusted::saml_provider(SAML)?.with_subject("a"),
        Trusted::saml_provider(SAML)?.with_organization(ORGANIZATION),
        Trusted::service("ec2.amazonaws.com")?.with_mfa(),
        Trusted::service("ec2.amazonaws.com")?.with_external_id("ab"),
        Trusted::arn(ROLE)?.with_external_id("a"),
        Trusted::arn(ROLE)?.with_external_id("a b"),
        Trusted::arn(ROLE)?.with_external_id(&"a".repeat(1225)),
    ] {
        let error = refused.expect_err("this must be refused");
        assert!(error.place().starts_with("Principal"), "{error}");
    }
    Ok(())
}

#[test]
fn a_policy_with_the_name_of_the_user_knows_it() -> Result<(), PolicyError> {
    let policy = TrustPolicy::parse(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": "111122223333"},
            "Condition": {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}}}"#,
    )?;
    let request = Request::assume_role(Caller::from_arn("arn:aws:iam::111122223333:user/dev/ada"));
    for (name, expected) in [("ada", true), ("eve", false)] {
        let request = request.clone().with("sts:RoleSessionName", [name]);
        assert_eq!(policy.decide(&request).is_allowed(), expected, "{name}");
    }
    Ok(())
}
