//! What `--help` says below the options.

pub(super) const REGION: &str = "\
Region:
  --region, AWS_REGION, AWS_DEFAULT_REGION, region in the profile, instance metadata,
  us-east-1 with a note: the first that is set counts

Color:
  --color on or off, NO_COLOR, CLICOLOR_FORCE, CLICOLOR=0, TERM=dumb, whether stdout is a terminal:
  the first that is set counts";

pub(super) const WHOAMI: &str = "\
Examples:
  $ keyfob whoami --profile prod
  $ keyfob whoami --output json";

pub(super) const API: &str = "\
Parameters have the names of the request: those of lists are Filter.1.Name in EC2, and
Tags.member.1.Key in query, or are given as [a,b], {A=b} or a list in JSON. Any other value of these
services is a text as it is, also an object in JSON, and what is in a file. An answer in XML is
printed as JSON, all values as texts. One page of a list is asked for. What does more than read, by
its name, is sent again only if the service did not get it.

Examples:
  $ keyfob api kms DescribeKey --param KeyId=alias/app
  $ keyfob api ssm GetParameter --param Name=/app/url --query Parameter.Value --output text
  $ keyfob api cloudformation DescribeStacks --param StackName=app
  $ keyfob api dynamodb GetItem --cli-input-json file://key.json
  $ keyfob api my-service GetThing --protocol query --api-version 2020-01-01 --endpoint-url URL";

pub(super) const CAN: &str = "\
IAM simulates the policies of the principal, with its groups, its permissions boundary and the
policies of the organization. It does not see policies of resources and of sessions. Needs
iam:SimulatePrincipalPolicy, and iam:GetRole for the role of a session. With --and-as, both
principals must be allowed everything.

A value of --context has the type of its global key, or else it is a boolean, an address, a number
or a time by its form, or a text. To name the type, write ContextKeyName=K,ContextKeyValues=V,W and
ContextKeyType=T with commas between them.

Examples:
  $ keyfob can s3:GetObject arn:aws:s3:::bucket/key
  $ keyfob can ec2:RunInstances ec2:StopInstances --context aws:MultiFactorAuthPresent=true
  $ keyfob can iam:PassRole --as arn:aws:iam::123456789012:user/ada
  $ keyfob can s3:PutObject --and-as arn:aws:iam::123456789012:user/bob";

pub(super) const WHY: &str = "\
Each row is a provider, in the order in which they are asked:
  used         its credentials are used; the row starts with >
  masked by N  it has credentials, but row N comes first
  failed       it is configured and failed, so that no later one is used
  ignored      it is configured, and does not count beside another row
  not asked    it comes after the one that is used, and asking would cost a call
  otherwise    why it has no credentials

Examples:
  $ keyfob why
  $ keyfob why --as java-v2          what a program with this SDK would use
  $ keyfob why --svg why.svg
  $ AWS_PROFILE=prod keyfob why --json";

pub(super) const DOCTOR: &str = "\
Nothing is changed. A service is asked for its time only, and nothing at all with --offline.

Examples:
  $ keyfob doctor
  $ keyfob doctor --profile prod --json";

pub(crate) const STS: &str = "\
An option that takes text or a number reads it from a file for file://PATH, as in aws: the whole
file; a text has its last line end.

Examples:
  $ keyfob sts get-caller-identity
  $ keyfob sts assume-role --role-arn ARN --role-session-name ada --external-id file://id
  $ keyfob sts get-session-token --serial-number ARN --token-code - --update-profile mfa
  $ keyfob sts decode-authorization-message --encoded-message - --explain < error.txt";

pub(super) const TRUST_POLICY: &str = "\
Examples:
  $ keyfob trust-policy --principal 111122223333 --external-id partner-42
  $ keyfob trust-policy --service ec2.amazonaws.com --principal 111122223333 --require-mfa
  $ keyfob trust-policy --check policy.json --as arn:aws:iam::111122223333:user/ada --mfa";

pub(super) const KEYS: &str = "\
A rotation changes the keys of users with iam:CreateAccessKey, ListAccessKeys, UpdateAccessKey and
DeleteAccessKey. Roles and identities of IAM Identity Center have no access keys.

Examples:
  $ keyfob keys list --profile robot
  $ keyfob keys check --max-age 90d  in CI: exits with 1 if there is something to do
  $ keyfob keys rotate --profile robot";

pub(super) const KEYS_ROTATE: &str = "\
Creates a key, tests it with three calls, writes it to each profile that has the old one, and
deactivates the old one. After the time of grace, --resume deletes it. Killed at any moment, it
leaves a key that works in the profile, and --resume goes on or undoes what cannot be used. If the
new key dies in the time of grace, --resume brings the old one back. Until then, what is done stands
in a file beside the credentials file, with mode 0600 and the secret of the old key.

Examples:
  $ keyfob keys rotate --profile robot --grace 7d
  $ keyfob keys rotate --profile robot --resume       daily, for example
  $ keyfob keys rotate --profile admin --user-name robot";

pub(super) const ENV: &str = "\
The lines set the keys, the session token, AWS_CREDENTIAL_EXPIRATION and the region, and take away
variables that lead to other credentials. --unset takes away what they set.

Examples:
  $ eval \"$(keyfob env --profile prod)\"
  $ eval \"$(keyfob env --unset)\"
  $ keyfob env --shell fish | source
  > keyfob env --shell powershell | Out-String | Invoke-Expression
  > keyfob env --shell nu | save -f keys.nu     then: source keys.nu; rm keys.nu";

pub(super) const EXEC: &str = "\
The command gets the keys, the region, AWS_CREDENTIAL_EXPIRATION and KEYFOB_PROFILE, and no
variable that leads to other credentials. Its exit code is that of keyfob. With --serve, it is 128
and the number of the signal that ended it.

With --via-proxy, the command gets placeholder keys and, as AWS_ENDPOINT_URL, a proxy on 127.0.0.1,
which knows the host of a request by the service that it is signed for. It serves programs whose
SDK reads that variable, and not as HTTPS_PROXY. Requests for credentials of AWS are refused
without --allow-credentials. What some operations have before the host, as sync-states, is added by
the proxy: boto3 and the AWS CLI leave it out, clients of the SDK for JavaScript with the option
disableHostPrefix. Not served: S3 Control, where they put the account into the host, access points by
ARN and directory buckets of S3, the data of Neptune Analytics, SigV4a, and streams of events, for
which the command needs HTTP/2. The command can still read your files, and as root all memory: a sandbox around it
keeps it from that.

Examples:
  $ keyfob exec --profile prod -- terraform plan
  $ keyfob exec --profile prod                    a shell
  $ keyfob exec --serve -- ./a-job-of-a-day       with credentials that stay fresh
  $ keyfob exec --via-proxy --read-only -- ./agent  without the keys, to read
  $ keyfob exec --role-arn arn:aws:iam::123456789012:role/deploy -- env";

pub(super) const SAML: &str = "\
For --idp-url, the identity provider has an application with these settings:
  assertion consumer (ACS, reply, single sign-on) URL   http://127.0.0.1:35010/saml
  recipient in the assertion                            https://signin.aws.amazon.com/saml
  audience (entity id of the service)                   urn:amazon:webservices

Examples:
  $ keyfob saml login --idp-url https://idp.example.com/app/aws --profile corp
  $ keyfob saml login --assertion response.xml --profile corp
  $ keyfob saml login --assertion - --list-roles < response.xml";

pub(super) const LOGIN: &str = "\
The profile gets the property `login_session`. The credentials are refreshed for 12 hours, also by
the AWS CLI and the SDKs. `keyfob logout` removes them.

Examples:
  $ keyfob login --profile me --region eu-west-1
  $ keyfob login --remote            on a machine without a browser";

pub(super) const SSO: &str = "\
The token in ~/.aws/sso/cache is for Keyfob, aws and the SDKs alike.

Examples:
  $ keyfob sso login --profile dev
  $ keyfob sso login --sso-session corp --use-device-code --no-browser
  $ keyfob sso logout";

pub(super) const CONSOLE: &str = "\
Examples:
  $ keyfob console --profile admin
  $ keyfob console --destination /s3/home --no-browser";

pub(super) const CONFIGURE: &str = "\
Examples:
  $ keyfob configure --profile robot
  $ keyfob configure set region eu-west-1 --profile robot
  $ keyfob configure get profile.robot.region
  $ keyfob configure list";

pub(super) const EXPORT: &str = "\
--output and --query do not count here, as in aws.

Examples:
  $ eval \"$(keyfob configure export-credentials --format env)\"
  $ docker run --env-file <(keyfob configure export-credentials --format env-no-export) IMAGE
  credential_process = keyfob configure export-credentials --profile base";

pub(super) const MFA_LOGIN: &str = "\
Examples:
  $ keyfob configure mfa-login --update-profile mfa
  $ keyfob configure mfa-login --profile robot --token-command 'ykman oath accounts code -s AWS'";

pub(super) const SIGN: &str = "\
Examples:
  $ keyfob sign --print curl 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08'
  $ keyfob sign --service s3 --auth query --expires-in 900 http://localhost:9000/bucket/key
  $ keyfob sign --print canonical -d '{}' https://id.execute-api.eu-west-1.amazonaws.com/prod";

pub(super) const REQUEST: &str = "\
The service and the region are those of the host, or of --service and --region. With
--endpoint-url, the request goes to that server, and is signed for the service of URL.

Throttling and 5xx are retried, for every method, as the SDKs do: --max-attempts 1 sends once. Each
attempt is signed again. A file is read twice, and what comes through a pipe goes to a temporary
file first. The request fails if nothing moves for 60 seconds, or for --cli-read-timeout.

Exits with 0 for any status; with -f or --fail-with-body, with 22 for one of 400 or more.

Examples:
  $ keyfob request 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08'
  $ keyfob request -fo report.pdf https://bucket.s3.eu-west-1.amazonaws.com/report.pdf
  $ tar cz . | keyfob request -X PUT -H 'Content-Type: application/gzip' --data-binary @- \\
      https://bucket.s3.eu-west-1.amazonaws.com/all.tar.gz
  $ keyfob request --json '{\"a\":1}' https://id.execute-api.eu-west-1.amazonaws.com/prod
  $ keyfob request --service es http://localhost:9200/_search";

pub(super) const COMPARE: &str = "\
Examples:
  $ keyfob sign compare answer.xml https://bucket.s3.eu-west-1.amazonaws.com/key
  $ curl … | keyfob sign compare - --request-file request.http";

pub(super) const S3_LS: &str = "\
Examples:
  $ keyfob s3 ls
  $ keyfob s3 ls s3://bucket/logs/ --recursive --human-readable --summarize
  $ keyfob s3 ls s3://bucket --no-sign-request";

pub(super) const S3_CP: &str = "\
Examples:
  $ keyfob s3 cp report.pdf s3://bucket/2026/
  $ keyfob s3 cp s3://bucket/2026/ . --recursive --exclude '*' --include '*.pdf'
  $ keyfob s3 cp s3://bucket/data.csv - | head
  $ tar c . | keyfob s3 cp - s3://bucket/backup.tar
  $ keyfob s3 cp disk.img s3://bucket/ --resume       again, until it is complete";

pub(super) const S3_MV: &str = "\
Examples:
  $ keyfob s3 mv report.pdf s3://bucket/2026/
  $ keyfob s3 mv s3://bucket/new/ s3://bucket/done/ --recursive";

pub(super) const S3_SYNC: &str = "\
A file or an object is copied if it is missing in the target, has another size, or is newer; a
download if the file is newer than the object.

Examples:
  $ keyfob s3 sync site s3://bucket/site --delete --exclude '*.map'
  $ keyfob s3 sync s3://bucket/site site --dryrun";

pub(super) const S3_MB: &str = "\
Examples:
  $ keyfob s3 mb s3://bucket --region eu-west-1
  $ keyfob s3 mb s3://bucket --tags team data --tags stage test";

pub(super) const S3_RB: &str = "\
Examples:
  $ keyfob s3 rb s3://bucket
  $ keyfob s3 rb s3://bucket --force";

pub(super) const S3_RM: &str = "\
Examples:
  $ keyfob s3 rm s3://bucket/key
  $ keyfob s3 rm s3://bucket/logs/ --recursive --exclude '*' --include '*.gz' --dryrun";

pub(super) const PRESIGN: &str = "\
A custom endpoint has the bucket in the path, unless the profile says
`addressing_style = virtual` in its block `s3`.

Examples:
  $ keyfob s3 presign s3://bucket/key --expires-in 900
  $ keyfob s3 presign s3://bucket/key --method PUT --content-type text/plain
  $ keyfob s3 presign s3://bucket/key --endpoint-url http://localhost:9000
  $ keyfob s3 presign 's3://bucket/in/${filename}' --post --content-type 'image/*' \\
      --max-size 10000000 --print html > upload.html";

pub(super) const EKS: &str = "\
In the kubeconfig, this takes the place of `aws`:
  exec:
    apiVersion: client.authentication.k8s.io/v1
    command: keyfob
    args: [eks, get-token, --cluster-name, NAME, --region, REGION]
    interactiveMode: IfAvailable

The token is a signed request to STS, valid for 15 minutes. The answer has the API version that
kubectl asks for, and the time one minute earlier.

Examples:
  $ keyfob eks get-token --cluster-name prod
  $ keyfob eks get-token --cluster-name prod --role-arn arn:aws:iam::123456789012:role/deploy
  $ keyfob eks get-token --cluster-name prod --query status.token --output text";

pub(super) const RDS: &str = "\
The region must be that of the database, and the connection must use TLS.

Examples:
  $ export PGPASSWORD=\"$(keyfob rds generate-db-auth-token \\
      --hostname db.abc123.eu-west-1.rds.amazonaws.com --port 5432 --username app)\"
  $ psql 'host=db.abc123.eu-west-1.rds.amazonaws.com user=app dbname=app sslmode=require'";

pub(super) const DSQL: &str = "\
The password ends with the credentials, if they expire earlier. The connection must use TLS.

Examples:
  $ keyfob dsql generate-db-connect-auth-token --hostname abc.dsql.us-east-1.on.aws";

pub(super) const DSQL_ADMIN: &str = "\
The password ends with the credentials, if they expire earlier. The connection must use TLS.

Examples:
  $ keyfob dsql generate-db-connect-admin-auth-token --hostname abc.dsql.us-east-1.on.aws \\
      --expires-in 3600";

pub(crate) const ECR: &str = "\
The password works for 12 hours, or as long as the credentials.

Examples:
  $ keyfob ecr get-login-password --region eu-west-1 |
      docker login --username AWS --password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com";

pub(crate) const ECR_PUBLIC: &str = "\
The registry answers in us-east-1 only.

Examples:
  $ keyfob ecr-public get-login-password --region us-east-1 |
      docker login --username AWS --password-stdin public.ecr.aws";

pub(super) const CODECOMMIT: &str = "\
The region is that of the host. Git passes the path only with UseHttpPath.

Examples:
  $ git config --global credential.helper '!keyfob codecommit credential-helper $@'
  $ git config --global credential.UseHttpPath true
  $ git clone https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/my";

pub(super) const TOKEN: &str = "\
Nothing is sent. With --output, the answer also has the time at which the token stops working.

Examples:
  $ keyfob token elasticache --cache-name my-cache --username app
  $ keyfob token msk --output json
  $ keyfob token iot --hostname abc-ats.iot.eu-west-1.amazonaws.com";

pub(super) const TOKEN_BEDROCK: &str = "\
The key works in one region, and no longer than the credentials.

Examples:
  $ export AWS_BEARER_TOKEN_BEDROCK=\"$(keyfob token bedrock --region us-east-1)\"";

pub(super) const TOKEN_TRANSCRIBE: &str = "\
Examples:
  $ keyfob token transcribe --param language-code=en-US --param media-encoding=pcm \\
      --param sample-rate=16000";

pub(super) const TOKEN_APPSYNC: &str = "\
The URL and the authorization work for 5 minutes; an open connection stays.

Examples:
  $ keyfob token appsync --hostname abc123.appsync-api.us-east-1.amazonaws.com
  $ keyfob token appsync --hostname abc123.appsync-api.us-east-1.amazonaws.com \\
      --data file://subscription.json";

pub(super) const TOKEN_SES: &str = "\
The user is the access key id, and the password works as long as the key. It is another one in each
region. Temporary credentials have none.

Examples:
  $ keyfob token ses-smtp --profile mailer --region eu-west-1";

pub(super) const IMDS: &str = "\
Examples:
  $ keyfob imds tree
  $ keyfob imds get placement/region
  $ keyfob imds user-data --decode
  $ keyfob --sandbox imds credentials";

pub(super) const CACHE: &str = "\
Examples:
  $ keyfob cache ls
  $ keyfob cache clear --expired
  $ keyfob cache clear --profile prod --dryrun";

pub(super) const SERVE: &str = "\
The proxy answers GET /-/health with ok, and, with the token, GET /-/metrics with counts for
Prometheus. No path under /-/ is sent on.

With --resign, programs need the printed AWS_ENDPOINT_URL and keys, and no token: the printed one
is for /-/metrics. Where services share a name in signatures, the URL may go on with the beginning
of the host, as in AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://127.0.0.1:9913/-/bedrock-runtime.

With --tls-cert and --tls-key, callers use https and a name of the certificate. For a certificate of
your own authority they set AWS_CA_BUNDLE, say, or --cacert of curl.

Examples:
  $ keyfob serve container
  $ keyfob serve imds --listen localhost:9911 --role-name web
  $ keyfob serve proxy --to https://s3.eu-west-1.amazonaws.com --allow-method GET
  $ keyfob serve proxy --resign --allow '*.amazonaws.com' --read-only
  $ keyfob serve proxy --to https://sts.eu-west-1.amazonaws.com --allow-credentials
  $ keyfob serve proxy --allow '*.amazonaws.com' --listen 0.0.0.0:9913 --listen-any \
      --tls-cert certificate.pem --tls-key key.pem";

pub(super) const SANDBOX: &str = "\
Examples:
  $ keyfob sandbox --port 4566";

pub(super) const COMPLETION: &str = "\
Names of profiles, regions and roles are those of the files at the time; nothing is sent.

Examples:
  $ source <(keyfob completion bash)                          in ~/.bashrc
  $ source <(keyfob completion zsh)                           in ~/.zshrc, after compinit
  $ keyfob completion fish > ~/.config/fish/completions/keyfob.fish
  > keyfob completion powershell | Out-String | Invoke-Expression     in $PROFILE
  > eval (keyfob completion elvish | slurp)                   in ~/.config/elvish/rc.elv
  > keyfob completion nushell | save -f keyfob.nu             in vendor/autoload of $nu.data-dir";

/// The examples of commands that have no other text, without `keyfob` and its name in front.
const SHORT: [(&str, &[&str]); 92] = [
    (
        "ecr",
        &["get-authorization-token --query authorizationData[].expiresAt"],
    ),
    (
        "ecr-public",
        &["get-authorization-token --region us-east-1"],
    ),
    ("codecommit", &["credential-helper get"]),
    ("codecommit credential-helper get", &[""]),
    ("codecommit credential-helper store", &[""]),
    ("codecommit credential-helper erase", &[""]),
    (
        "dsql",
        &["generate-db-connect-auth-token --hostname abc.dsql.us-east-1.on.aws"],
    ),
    ("eks", &["get-token --cluster-name prod"]),
    (
        "ecr get-authorization-token",
        &["--query authorizationData[].expiresAt"],
    ),
    (
        "ecr-public get-authorization-token",
        &["--region us-east-1"],
    ),
    (
        "rds",
        &["generate-db-auth-token --hostname HOST --port 5432 --username app"],
    ),
    (
        "token elasticache",
        &["--cache-name my-cache --username app --serverless"],
    ),
    (
        "token iot",
        &["--hostname abc-ats.iot.eu-west-1.amazonaws.com"],
    ),
    (
        "token memorydb",
        &["--cluster-name my-cluster --username app"],
    ),
    ("token msk", &["--region eu-west-1"]),
    ("cache clear", &["--expired", "--profile prod --dryrun"]),
    ("cache ls", &["--json"]),
    ("configure dump", &["--output json"]),
    (
        "configure get",
        &["region --profile prod", "profile.robot.region"],
    ),
    ("configure import", &["--csv file://accessKeys.csv"]),
    ("configure list", &["--profile prod"]),
    ("configure list-profiles", &[""]),
    (
        "configure set",
        &[
            "region eu-west-1 --profile robot",
            "aws_secret_access_key --profile robot < secret.txt",
        ],
    ),
    ("configure sso", &["--profile dev"]),
    ("configure sso-session", &[""]),
    ("configure unset", &["region --profile robot"]),
    (
        "ec2",
        &[
            "describe-regions --query Regions[].RegionName --output text",
            "start-instances --instance-ids i-1234567890abcdef0 --dry-run-exit",
        ],
    ),
    ("ec2 describe-images", &["--owners self"]),
    (
        "ec2 describe-instance-types",
        &["--instance-types t3.micro"],
    ),
    (
        "ec2 describe-instances",
        &["--filters Name=instance-state-name,Values=running --max-items 10"],
    ),
    (
        "ec2 describe-regions",
        &["--query Regions[].RegionName --output text"],
    ),
    (
        "ec2 reboot-instances",
        &["--instance-ids i-1234567890abcdef0"],
    ),
    (
        "ec2 run-instances",
        &["--image-id ami-1 --instance-type t3.micro --dry-run-exit"],
    ),
    (
        "ec2 start-instances",
        &["--instance-ids i-1234567890abcdef0"],
    ),
    (
        "ec2 stop-instances",
        &["--instance-ids i-1234567890abcdef0 --hibernate"],
    ),
    (
        "ec2 terminate-instances",
        &["--instance-ids i-1234567890abcdef0 --dry-run"],
    ),
    (
        "iam",
        &[
            "get-user --query User.Arn --output text",
            "list-access-keys --user-name robot --output table",
        ],
    ),
    ("iam create-access-key", &["--user-name robot"]),
    (
        "iam create-role",
        &["--role-name web --assume-role-policy-document file://trust.json"],
    ),
    (
        "iam delete-access-key",
        &["--access-key-id AKIAIOSFODNN7EXAMPLE"],
    ),
    (
        "iam get-access-key-last-used",
        &["--access-key-id AKIAIOSFODNN7EXAMPLE"],
    ),
    (
        "iam get-context-keys-for-custom-policy",
        &["--policy-input-list file://policy.json"],
    ),
    (
        "iam get-context-keys-for-principal-policy",
        &["--policy-source-arn ARN"],
    ),
    (
        "iam get-role",
        &["--role-name web --query Role.AssumeRolePolicyDocument"],
    ),
    (
        "iam get-user",
        &["--user-name ada --query User.Arn --output text"],
    ),
    (
        "iam list-access-keys",
        &["--user-name robot --output table"],
    ),
    ("iam list-mfa-devices", &["--user-name ada"]),
    (
        "iam simulate-custom-policy",
        &["--policy-input-list file://policy.json --action-names s3:GetObject"],
    ),
    (
        "iam simulate-principal-policy",
        &["--policy-source-arn ARN --action-names s3:GetObject"],
    ),
    (
        "iam update-access-key",
        &["--access-key-id AKIAIOSFODNN7EXAMPLE --status Inactive"],
    ),
    (
        "iam update-assume-role-policy",
        &["--role-name web --policy-document file://trust.json"],
    ),
    ("imds credentials", &["--show"]),
    ("imds document", &[""]),
    (
        "imds get",
        &[
            "placement/region",
            "/latest/dynamic/instance-identity/document",
        ],
    ),
    ("imds ls", &["-R network"]),
    ("imds role", &[""]),
    ("imds token", &["--ttl 60"]),
    ("imds tree", &["placement"]),
    ("imds user-data", &["--decode"]),
    ("imds watch", &["spot"]),
    ("keys check", &["--max-age 90d"]),
    (
        "keys list",
        &["--profile robot", "--user-name robot --json"],
    ),
    ("logout", &["--profile me", "--all"]),
    (
        "man",
        &[
            "sts assume-role | man -l -",
            "--out ~/.local/share/man/man1",
        ],
    ),
    ("s3", &["presign s3://bucket/key --expires-in 900"]),
    (
        "saml login",
        &[
            "--idp-url https://idp.example.com/app/aws --profile corp",
            "--assertion - --list-roles < response.xml",
        ],
    ),
    ("serve container", &["--listen 127.0.0.1:9912"]),
    ("serve imds", &["--listen localhost:9911 --role-name web"]),
    (
        "serve proxy",
        &["--allow '*.amazonaws.com' --allow-method GET"],
    ),
    (
        "service-quotas",
        &["list-service-quotas --service-code ec2 --output table"],
    ),
    (
        "service-quotas get-aws-default-service-quota",
        &["--service-code ec2 --quota-code L-1216C47A"],
    ),
    (
        "service-quotas get-service-quota",
        &["--service-code ec2 --quota-code L-1216C47A"],
    ),
    (
        "service-quotas list-aws-default-service-quotas",
        &["--service-code ec2"],
    ),
    (
        "service-quotas list-requested-service-quota-change-history",
        &["--status PENDING"],
    ),
    (
        "service-quotas list-requested-service-quota-change-history-by-quota",
        &["--service-code ec2 --quota-code L-1216C47A"],
    ),
    (
        "service-quotas list-service-quotas",
        &["--service-code ec2 --output table"],
    ),
    (
        "service-quotas list-services",
        &["--query Services[].ServiceCode --output text"],
    ),
    (
        "service-quotas request-service-quota-increase",
        &["--service-code ec2 --quota-code L-1216C47A --desired-value 64"],
    ),
    (
        "sso login",
        &["--profile dev", "--use-device-code --no-browser"],
    ),
    ("sso logout", &[""]),
    (
        "sts assume-role",
        &["--role-arn ARN --role-session-name ada --update-profile role"],
    ),
    (
        "sts assume-role-with-saml",
        &["--role-arn ARN --principal-arn ARN --saml-assertion file://assertion"],
    ),
    (
        "sts assume-role-with-web-identity",
        &["--role-arn ARN --role-session-name ci --web-identity-token env:TOKEN"],
    ),
    (
        "sts assume-root",
        &[
            "--target-principal 111122223333 --task-policy-arn arn=arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials",
        ],
    ),
    (
        "sts decode-authorization-message",
        &["--encoded-message - --explain < error.txt"],
    ),
    (
        "sts get-access-key-info",
        &["--access-key-id AKIAIOSFODNN7EXAMPLE"],
    ),
    (
        "sts get-caller-identity",
        &["--query Account --output text"],
    ),
    (
        "sts get-delegated-access-token",
        &["--trade-in-token file://token"],
    ),
    (
        "sts get-federation-token",
        &["--name ada --policy file://policy.json"],
    ),
    (
        "sts get-scoped-credentials",
        &["--duration-seconds 900 --update-profile scoped"],
    ),
    (
        "sts get-session-token",
        &["--serial-number ARN --token-code - --update-profile mfa"],
    ),
    (
        "sts get-web-identity-token",
        &["--audience https://api.example.com --signing-algorithm ES384"],
    ),
];

/// Returns the examples of a command that has none in a text of its own.
pub(super) fn for_command(path: &str) -> String {
    let lines = SHORT.iter().find(|(known, _)| *known == path);
    let lines = lines.map_or(&[][..], |(_, lines)| lines);
    let lines = lines.iter().map(|words| {
        let line = format!("\n  $ keyfob {path} {words}");
        line.trim_end().to_owned()
    });
    format!("Examples:{}", lines.collect::<String>())
}
