//! Random environments and configuration files, the same ones for each seed.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    path::Path,
};

/// The session of `aws login` that profiles name.
pub(crate) const LOGIN: &str = "arn:aws:iam::123456789012:user/alice";
/// The start URL of the SSO session `corp`.
pub(crate) const START_URL: &str = "https://corp.awsapps.com/start";

/// The profiles. `nope` is in no file.
const PROFILES: [&str; 3] = ["default", "a", "b"];
const NAMES: [&str; 4] = ["a", "b", "default", "nope"];

/// What a program finds: variables, a profile that it names itself, and the two files.
#[derive(Clone, Default)]
pub(crate) struct Case {
    pub(crate) variables: BTreeMap<&'static str, String>,
    pub(crate) profile: Option<&'static str>,
    pub(crate) config: File,
    pub(crate) credentials: File,
}

/// The sections of a file by their headers, with their properties.
#[derive(Clone, Default)]
pub(crate) struct File(
    pub(crate) BTreeMap<String, BTreeMap<&'static str, String>>,
    /// What is odd about its text, if something is.
    Option<Oddities>,
);

/// The seed of headers with whitespace, and of what else may be odd for Python's `configparser`:
/// properties with a colon, other line ends, and both headers of the default profile.
#[derive(Clone, Copy)]
pub(crate) struct Oddities {
    seed: u64,
    has_python: bool,
}

/// What is there besides: a folder, and the URL of the services.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// It has the files `token`, of a web identity, and `process.json`, what a process prints.
    pub(crate) folder: &'a Path,
    pub(crate) url: &'a str,
    /// Whether the peer reads the credentials of `aws login`.
    pub(crate) has_login: bool,
    /// Whether the peer reads files as Python's `configparser` does.
    pub(crate) has_python: bool,
    /// Whether the peer takes whitespace inside the brackets of a header for a part of it.
    pub(crate) has_spaces: bool,
}

impl Case {
    /// Creates the case of this seed.
    pub(crate) fn random(seed: u64, around: Surroundings<'_>) -> Self {
        let mut random = Random(seed);
        let mut case = Self::default();
        case.add_variables(&mut random, around);
        for profile in PROFILES {
            if random.percent(75) {
                case.add_profile(profile, &mut random, around);
            }
        }
        if random.percent(90) {
            let session = case.config.section("sso-session corp".to_owned());
            session.extend([
                ("sso_start_url", START_URL.to_owned()),
                ("sso_region", "eu-west-1".to_owned()),
            ]);
            spoil(session, &mut random);
        }
        let Surroundings {
            has_python,
            has_spaces,
            ..
        } = around;
        if (has_python || has_spaces) && random.percent(50) {
            let odd = |seed| Some(Oddities { seed, has_python });
            (case.config.1, case.credentials.1) = (odd(seed), odd(!seed));
        }
        case
    }

    /// Returns true if a section of one of the files has this property without a value.
    pub(crate) fn has_empty(&self, name: &str) -> bool {
        let sections = self.config.0.values().chain(self.credentials.0.values());
        let mut values = sections.filter_map(|section| section.get(name));
        values.any(String::is_empty)
    }

    /// Returns true if a section of one file, or the environment, has this key with a secret. The
    /// ID may be that of a session that was made with it.
    pub(crate) fn has_whole_key(&self, id: &str) -> bool {
        let id = id.split('_').next().unwrap_or_default();
        let sections = self.config.0.values().chain(self.credentials.0.values());
        let in_files = sections.map(|section| {
            let get = |name| section.get(name).map_or("", String::as_str);
            (get("aws_access_key_id"), get("aws_secret_access_key"))
        });
        in_files
            .chain([("AKIAENV", "s")])
            .any(|(known, secret)| known == id && !secret.is_empty())
    }

    fn add_variables(&mut self, random: &mut Random, around: Surroundings<'_>) {
        let mut variables = BTreeMap::new();
        let mut set = |percent, entries: &[(&'static str, &str)]| {
            if random.percent(percent) {
                variables.extend(
                    entries
                        .iter()
                        .map(|(name, value)| (*name, (*value).to_owned())),
                );
            }
            random.below(4)
        };
        let (id, secret) = (
            ("AWS_ACCESS_KEY_ID", "AKIAENV"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
        );
        set(20, &[id, secret]);
        set(4, &[id]);
        set(4, &[secret]);
        set(10, &[("AWS_SESSION_TOKEN", "token")]);
        let name = NAMES[set(0, &[])];
        set(30, &[("AWS_PROFILE", name)]);
        let name = NAMES[set(0, &[])];
        set(8, &[("AWS_DEFAULT_PROFILE", name)]);
        let token = around.folder.join("token").display().to_string();
        let (file, role) = (
            ("AWS_WEB_IDENTITY_TOKEN_FILE", &*token),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/env"),
        );
        set(12, &[file, role]);
        set(3, &[file]);
        set(3, &[role]);
        set(3, &[("AWS_ROLE_SESSION_NAME", "session")]);
        let container = format!("{}/container", around.url);
        set(20, &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container)]);
        spoil(&mut variables, random);
        for name in [id.0, secret.0, "AWS_SESSION_TOKEN"] {
            if let Some(value) = variables.get_mut(name).filter(|_| random.percent(5)) {
                *value = "  ".to_owned();
            }
        }
        if let Some(name) = variables
            .get_mut("AWS_PROFILE")
            .filter(|_| random.percent(8))
        {
            name.insert(0, ' ');
        }
        variables.insert("AWS_EC2_METADATA_DISABLED", random.percent(50).to_string());
        self.profile = random.percent(15).then(|| NAMES[random.below(3)]);
        self.variables = variables;
    }

    fn add_profile(&mut self, profile: &str, random: &mut Random, around: Surroundings<'_>) {
        for _ in 0..=random.below(3) {
            let is_config = random.percent(60);
            let mut properties = random.source(around);
            if let Some(id) = properties.get_mut("aws_access_key_id") {
                let file = if is_config { "CONFIG" } else { "CREDENTIALS" };
                *id = format!("AKIA{file}{}", profile.to_ascii_uppercase());
            }
            if let Some(role) = properties.get_mut("role_arn") {
                *role = format!("arn:aws:iam::123456789012:role/{profile}");
            }
            spoil(&mut properties, random);
            let section = match (is_config, profile) {
                (true, "default") if !around.has_python || random.percent(70) => {
                    self.config.section("default".to_owned())
                }
                (true, name) => self.config.section(format!("profile {name}")),
                (false, name) => self.credentials.section(name.to_owned()),
            };
            section.extend(properties);
        }
    }
}

impl File {
    pub(crate) fn section(&mut self, header: String) -> &mut BTreeMap<&'static str, String> {
        self.0.entry(header).or_default()
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut random = self.1.map(|odd| Random(odd.seed));
        let has_python = self.1.is_some_and(|odd| odd.has_python);
        let is_reversed = has_python && random.as_mut().is_some_and(|random| random.percent(50));
        let mut one_of = |usual: &'static str, others: &[&'static str]| {
            let Some(random) = &mut random else {
                return usual;
            };
            if others.is_empty() {
                return usual;
            }
            let is_header = others.contains(&" ");
            if (has_python || is_header) && random.percent(15) {
                random.one_of(others)
            } else {
                usual
            }
        };
        let mut sections: Vec<_> = self.0.iter().collect();
        if is_reversed {
            sections.reverse();
        }
        for (header, properties) in sections {
            let (before, after) = (one_of("", &[" "]), one_of("", &[" ", "\t"]));
            // For Python, an indented line continues a value.
            let indents: &[_] = if has_python { &[] } else { &[" ", "\t"] };
            writeln!(f, "{}[{before}{header}{after}]", one_of("", indents))?;
            for (name, value) in properties {
                f.write_str(one_of("", indents))?;
                let equals = one_of(" = ", &[": ", ":", " : "]);
                let end = one_of("\n", &["\r", "\r\n"]);
                write!(f, "{name}{equals}{value}{end}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// The case as a failed test shows it.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for (name, value) in &self.variables {
            write!(text, "{name}={value} ")?;
        }
        if let Some(profile) = self.profile {
            write!(text, "--profile {profile}")?;
        }
        let (config, credentials) = (&self.config, &self.credentials);
        write!(
            f,
            "{text}\n--- config\n{config}--- credentials\n{credentials}"
        )
    }
}

/// Leaves some values out, and empties others.
fn spoil(values: &mut BTreeMap<&'static str, String>, random: &mut Random) {
    values.retain(|_, value| {
        if random.percent(5) {
            value.clear();
        }
        !random.percent(5)
    });
}

/// Numbers that look random: `SplitMix64`.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }

    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// Returns the properties of one source of credentials.
    fn source(&mut self, around: Surroundings<'_>) -> BTreeMap<&'static str, String> {
        const SSO_ROLE: [(&str, &str); 2] =
            [("sso_account_id", "123456789012"), ("sso_role_name", "Dev")];
        const LEGACY: [(&str, &str); 2] =
            [("sso_start_url", START_URL), ("sso_region", "eu-west-1")];
        let path = |name: &str| around.folder.join(name).display().to_string();
        let (role, secret) = (("role_arn", ""), ("aws_secret_access_key", "s"));
        let mut properties: BTreeMap<_, _> = match self.below(10) {
            0..3 => [("aws_access_key_id", ""), secret].into(),
            3..5 => self.role(),
            5 => [role, ("web_identity_token_file", "")].into(),
            6 => [("sso_session", "corp"), SSO_ROLE[0], SSO_ROLE[1]].into(),
            7 => [LEGACY[0], LEGACY[1], SSO_ROLE[0], SSO_ROLE[1]].into(),
            8 => [("credential_process", "")].into(),
            _ if around.has_login => [("login_session", LOGIN)].into(),
            _ => [("region", "eu-west-2")].into(),
        };
        if self.percent(10) {
            let more = [secret, LEGACY[0], LEGACY[1], ("sso_session", "corp"), role];
            properties.extend([self.one_of(&more)]);
        }
        if self.percent(10) {
            properties.insert("aws_session_token", "token");
        }
        let mut properties: BTreeMap<_, _> = properties
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        if let Some(value) = properties.get_mut("web_identity_token_file") {
            *value = path("token");
        }
        if let Some(value) = properties.get_mut("credential_process") {
            let program = if self.percent(10) {
                "/bin/false"
            } else {
                "/bin/cat"
            };
            *value = format!("{program} {}", path("process.json"));
        }
        properties
    }

    fn role(&mut self) -> BTreeMap<&'static str, &'static str> {
        const SOURCES: [&str; 5] = [
            "Environment",
            "EcsContainer",
            "Ec2InstanceMetadata",
            "environment",
            "Other",
        ];
        let mut role = BTreeMap::from([("role_arn", "")]);
        if self.percent(75) {
            role.insert("source_profile", self.one_of(&NAMES));
        }
        if role.len() == 1 || self.percent(4) {
            role.insert("credential_source", self.one_of(&SOURCES));
        }
        if self.percent(10) {
            role.insert("role_session_name", "session");
        }
        if self.percent(10) {
            role.insert("external_id", "external");
        }
        role
    }
}
