//! A small AWS on loopback ports: an STS that verifies signatures, an IAM with the access keys of a
//! user and the policy simulator, an EC2 with a few instances, quotas, an IAM Identity Center, AWS
//! Sign-In, an instance with a role, and an identity provider.

mod environment;
mod pages;

use std::{error::Error, future, io, net::Ipv4Addr, path::Path, sync::Arc};

use keyfob_imds::server::{Imds, listen::Listener};
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::server::{Account, Fault, Identity, Role, Services};

pub(crate) use self::environment::Environment;
use self::pages::Pages;
use crate::{
    failure::{Failure, chained},
    private_folder::PrivateFolder,
};

/// The account of the examples in AWS's documentation.
const ACCOUNT_ID: &str = "123456789012";
/// The only user, in IAM and in IAM Identity Center.
const USER: &str = "user";
/// The role of the sandbox's instance.
const INSTANCE_ROLE: &str = "app";
/// The id of the sandbox's instance.
const INSTANCE_ID: &str = "i-0123456789abcdef0";
/// The lifetime of the credentials of the instance's role, in seconds.
const ROLE_SECONDS: i64 = 3600;
/// The permission sets of the user.
const PERMISSION_SETS: [&str; 2] = ["Admin", "ReadOnly"];
/// What the policies of the user say to the simulator and to EC2.
const USER_POLICY: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::secret/*"},
        {
            "Effect": "Allow",
            "Action": ["ec2:Describe*", "ec2:RebootInstances", "ec2:RunInstances", "ec2:StartInstances"],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": "ec2:TerminateInstances",
            "Resource": "*",
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
        }
    ]
}"#;
/// What the policy of the instance's role says.
const ROLE_POLICY: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:*Object", "Resource": "arn:aws:s3:::app/*"},
        {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    ]
}"#;
/// The role that the user may assume with the profile `admin`.
const ADMIN_ROLE: &str = "admin";
/// What its policy says.
const ADMIN_POLICY: &str = r#"{
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}
}"#;
/// The size limit of a request to a service in bytes.
const MAX_BODY: usize = 1 << 20;

/// A running sandbox. Dropping it stops the servers and removes the files.
#[derive(Debug)]
pub(crate) struct Sandbox {
    user: Credentials,
    services: Listener,
    imds: Imds,
    files: PrivateFolder,
}

impl Sandbox {
    /// Starts the sandbox. Its services listen on `port`, where 0 is any free one, and throttle the
    /// first `throttled` calls.
    ///
    /// # Errors
    ///
    /// If the port is in use, or if temporary files cannot be written.
    pub(crate) async fn start(port: u16, throttled: u32) -> Result<Self, Failure> {
        Self::try_start(port, throttled).await.map_err(|error| {
            let reason = chained(&*error);
            Failure::other(format!("cannot start the sandbox: {reason}"))
        })
    }

    async fn try_start(port: u16, throttled: u32) -> Result<Self, Box<dyn Error>> {
        let account = Account::new(ACCOUNT_ID)?;
        let account = Arc::new(account.with_any_role().with_any_mfa_code());
        let user = account.add_access_key(USER, Timestamp::now())?;
        account.put_user_policy(USER, "basics", USER_POLICY)?;
        let role = Role::new(INSTANCE_ROLE)?.max_session_seconds(43_200);
        account.add_role(role.policy("objects", ROLE_POLICY)?);
        let role = Role::new(ADMIN_ROLE)?.max_session_seconds(43_200);
        account.add_role(role.policy("everything", ADMIN_POLICY)?);
        for name in PERMISSION_SETS {
            account.assign(USER, ACCOUNT_ID, name)?;
        }
        let pages = Pages::new(Arc::clone(&account))?;
        let services = services(&account, pages, port, throttled).await?;
        let imds = instance(&account).await?;
        let files = PrivateFolder::create("keyfob-sandbox-")?;
        write_files(&files, &user)?;
        Ok(Self {
            user,
            services,
            imds,
            files,
        })
    }

    /// Returns the folder for what is kept on disk, which is removed with the sandbox.
    pub(crate) fn folder(&self) -> &Path {
        self.files.path()
    }

    /// Returns the variables that point a program at this sandbox.
    pub(crate) fn environment(&self) -> Environment {
        Environment::new(
            &self.services.url(),
            // Version 2 of aws appends paths to this URL without adding a slash.
            &format!("{}/", self.imds.endpoint()),
            self.files.path(),
            &self.user,
        )
    }
}

/// Starts the services on a loopback port.
async fn services(
    account: &Arc<Account>,
    pages: Pages,
    port: u16,
    throttled: u32,
) -> Result<Listener, keyfob_imds::Error> {
    let services = Arc::new(Services::new(Arc::clone(account)));
    services.fail(Fault::Throttling, throttled);
    Listener::builder()
        .bind((Ipv4Addr::LOCALHOST, port).into())
        .max_body(MAX_BODY)
        .start(move |request| {
            let (head, body) = request.into_parts();
            let now = Timestamp::now();
            let page = pages.answer(&head, now);
            future::ready(page.unwrap_or_else(|| services.answer(&head, &body, now)))
        })
        .await
}

/// Starts the instance metadata. Each request for credentials issues new ones.
async fn instance(account: &Arc<Account>) -> Result<Imds, keyfob_imds::Error> {
    let account = Arc::clone(account);
    Imds::builder()
        .role(INSTANCE_ROLE)?
        .item("meta-data/instance-id", INSTANCE_ID)
        .credentials_from(move || {
            let role = Identity::session(INSTANCE_ROLE, INSTANCE_ID);
            let expiry = Timestamp::now().plus_seconds(ROLE_SECONDS);
            future::ready(account.issue(role, expiry))
        })
        .start()
        .await
}

/// Writes the configuration files: the user's key, a role that the user may assume, and one of IAM
/// Identity Center.
fn write_files(folder: &PrivateFolder, user: &Credentials) -> io::Result<()> {
    folder.write(
        "credentials",
        &format!(
            "[{}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            USER,
            user.access_key_id(),
            user.secret_access_key().expose(),
        ),
    )?;
    // No request goes there. Another one each time: registrations, which are kept by start URL in
    // the home folder of a user, do not outlive the sandbox.
    let id = rand::random::<u64>() >> 24;
    let start_url = format!("https://d-{id:010x}.awsapps.com/start");
    folder.write(
        "config",
        &format!(
            "[profile admin]\nrole_arn = arn:aws:iam::{ACCOUNT_ID}:role/{ADMIN_ROLE}\nsource_profile = {USER}\n\
             [profile sso]\nsso_session = sandbox\nsso_account_id = {ACCOUNT_ID}\nsso_role_name = {}\n\
             [sso-session sandbox]\nsso_start_url = {start_url}\nsso_region = us-east-1\n\
             sso_registration_scopes = sso:account:access\n",
            PERMISSION_SETS[0],
        ),
    )?;
    Ok(())
}
