use std::fs;

use super::{
    region::{Region, looks_like_a_region, shown_region},
    setting::Setting,
    settings::Settings,
    table::{
        self, S3_ADDRESSING_STYLE, S3_PAYLOAD_SIGNING_ENABLED, S3_USE_ACCELERATE_ENDPOINT,
        S3_USE_DUALSTACK_ENDPOINT, STS_REGIONAL_ENDPOINTS, SettingKey, USE_DUALSTACK_ENDPOINT,
        USE_FIPS_ENDPOINT,
    },
};
use crate::{
    cure::{Skip, left_out},
    error::{quotable, quotable_path, shown},
    explain::plain_url,
    finding::{Finding, FindingKind},
    origin::Origin,
    profiles::{FileKind, SectionName, is_absent, is_quoted, unquoted},
    shell,
};

impl Settings {
    /// Returns what is remarkable about the files, the name of the profile, and `region`, the
    /// region in use. Sends nothing.
    ///
    /// These are: a file that a variable names, a profile name that other tools read differently, a
    /// flag that is neither true nor false, also one [for S3](Self::s3_findings), a setting that is
    /// not used, token files and caches that other users can read, a region that does not look like
    /// one, the regions that it masks, and [`us-east-1` by default](Self::default_region_finding).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let variables = Variables::from_iter([
    ///     ("AWS_REGION", "eu-west1"),
    ///     ("AWS_DEFAULT_REGION", "eu-west-1"),
    /// ]);
    /// let settings = Settings::load(variables);
    /// let findings = settings.findings(settings.region(None)?.as_ref());
    /// assert_eq!(
    ///     findings[0].text,
    ///     "AWS_REGION is \"eu-west1\", which does not look like a region: write it as eu-west-1",
    /// );
    /// assert_eq!(findings[1].text, "AWS_DEFAULT_REGION (eu-west-1) is masked by AWS_REGION");
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn findings(&self, region: Option<&Region>) -> Vec<Finding> {
        let mut findings = self.file_path_findings();
        findings.extend(self.profile_name_findings());
        findings.extend(self.flag_findings());
        findings.extend(self.s3_findings());
        findings.extend(self.unused_setting_finding());
        findings.extend(self.private_file_findings());
        if let Some(region) = region {
            if *region.origin() == Origin::Default {
                findings.push(self.default_region_finding());
            }
            if !looks_like_a_region(region.name()) && *region.origin() != Origin::Default {
                findings.push(unknown_region(region));
            }
            findings.extend(self.region_whitespace(region));
            findings.extend(self.masked_regions(region));
        }
        findings
    }

    /// Returns the note that no region is set and `us-east-1` is used. It says so if the profile
    /// `default` has a region that a named profile does not inherit.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::default());
    /// let finding = settings.default_region_finding();
    /// assert!(finding.text.starts_with("no region is set, so us-east-1 is used: set --region"));
    /// ```
    pub fn default_region_finding(&self) -> Finding {
        let mut text = "no region is set, so us-east-1 is used: set --region, AWS_REGION or \
                        region in a profile"
            .to_owned();
        let default = self.files().find(&SectionName::profile("default"));
        let inherited = default.ok().flatten().and_then(|section| {
            let value = section.get("region")?;
            Setting::from_value(section, "region", value)
        });
        if let (Some(region), false) = (inherited, self.profile_name() == "default") {
            let name = shown_region(region.text).unwrap_or_else(|| "region".to_owned());
            let profile = shown(self.profile_name());
            text.push_str(&format!(
                "; the {name} of [default] is not inherited by profile \"{profile}\""
            ));
        }
        Finding::note(FindingKind::DefaultRegion, text).with_origin(Origin::Default)
    }

    /// Returns the note that no region is set, for the tool of these settings'
    /// [`order`](Self::order), which has none by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Order, Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::default()).with_order(Order::Boto3);
    /// assert_eq!(
    ///     settings.no_region_finding().text,
    ///     "no region is set, and boto3 has none by default: set AWS_DEFAULT_REGION or region in \
    ///      a profile",
    /// );
    /// ```
    pub fn no_region_finding(&self) -> Finding {
        let variable = self.rules().region_variables.first();
        let text = format!(
            "no region is set, and {} has none by default: set {} or region in a profile",
            self.order().tool(),
            variable.unwrap_or(&"a region")
        );
        Finding::note(FindingKind::DefaultRegion, text)
    }

    /// Returns a note for each file that is not the one in the home folder.
    fn file_path_findings(&self) -> Vec<Finding> {
        if !self.reads_files() {
            return Vec::new();
        }
        let variables = self.variables();
        let files = [
            (FileKind::Config, "config"),
            (FileKind::Credentials, "credentials"),
        ];
        let passes_over_empty = self.rules().passes_over_empty_paths;
        let findings = files.into_iter().filter_map(|(kind, name)| {
            let variable = kind.variable();
            let path = variables.raw(variable)?;
            if path.is_empty() && passes_over_empty {
                return None;
            }
            let text = match variables.file_for(self.order(), kind) {
                None => format!("{variable} is empty, so no {name} file is read"),
                Some(file) => {
                    let absent = match fs::metadata(&file) {
                        Err(error) if is_absent(&error) => ", which does not exist",
                        _ => "",
                    };
                    match quotable_path(&file) {
                        Some(file) => format!("{variable}: the {name} file is {file}{absent}"),
                        None => format!("{variable} names a {name} file that does not exist"),
                    }
                }
            };
            let origin = Origin::environment(&[variable]);
            let finding = Finding::note(FindingKind::FilePath, text).with_origin(origin);
            Some(finding.with_cure(Skip::unset([variable]).command()))
        });
        findings.collect()
    }

    fn profile_name_findings(&self) -> Vec<Finding> {
        let mut findings = self.blank_profile_findings();
        let named_by = self.profile_origin();
        let mut variables = self.rules().profile_variables.iter();
        let variable = variables.find(|name| *named_by == Origin::environment(&[name]));
        let Some(variable) = variable else {
            return findings;
        };
        let cure = match unquoted(self.profile_name().trim()) {
            "" => Skip::unset([*variable]),
            plain => Skip::set(*variable, shell::quoted(plain)),
        };
        let cure = cure.command();
        let mut found = |text| {
            let finding = Finding::warning(FindingKind::ProfileName, text);
            findings.push(finding.with_origin(named_by.clone()).with_cure(&cure));
        };
        let raw = self.variables().raw(variable).and_then(|raw| raw.to_str());
        if raw.is_some_and(|raw| raw.trim() != raw) {
            found(format!(
                "{variable} begins or ends with whitespace: aws and boto3 do not find the profile"
            ));
        }
        if is_quoted(self.profile_name()) {
            found(format!(
                "{variable} has quotes, which are part of the name: remove them"
            ));
        }
        let masked = variables.filter_map(|name| {
            let text = self.rules().profile_in(self.variables(), name)?;
            Some(Setting::from_variable(name, text))
        });
        let is_there = |name: &str| {
            let section = self.files().find(&SectionName::profile(name));
            section.is_ok_and(|section| section.is_some())
        };
        findings.extend(
            masked
                .filter(|masked| masked.text != self.profile_name())
                .map(|masked| {
                    let (name, profile) = (&masked.name, shown(masked.text));
                    let text = format!("{name} (\"{profile}\") is masked by {variable}");
                    let finding = Finding::note(FindingKind::ProfileName, text);
                    // A profile that no file has is of no use.
                    let left_out = match (is_there(masked.text), is_there(self.profile_name())) {
                        (true, _) => Skip::unset([*variable]),
                        (false, true) => Skip::unset([name]),
                        (false, false) => Skip::unset([*variable, name]),
                    };
                    let cure = left_out.command();
                    finding.with_origin(masked.origin).with_cure(cure)
                }),
        );
        findings
    }

    /// Returns the variables that count as not set, although other tools look for a profile.
    fn blank_profile_findings(&self) -> Vec<Finding> {
        let variables = self.variables();
        let is_blank = |name: &&str| {
            let is_set = variables.raw(name).is_some_and(|raw| !raw.is_empty());
            is_set && variables.text(name).is_none() && !self.is_profile_explicit()
        };
        if !self.rules().trims_profile {
            return Vec::new();
        }
        let names = self.rules().profile_variables.iter().copied();
        let finding = |name| {
            let text = format!(
                "{name} is only whitespace, which counts as not set here: aws and boto3 look for \
                 such a profile"
            );
            Finding::warning(FindingKind::ProfileName, text)
                .with_origin(Origin::environment(&[name]))
                .with_cure(Skip::unset([name]).command())
        };
        names.filter(is_blank).map(finding).collect()
    }

    /// Returns the flags for endpoints that are neither true nor false, which count as false.
    pub(super) fn flag_findings(&self) -> Vec<Finding> {
        let set = ENDPOINT_FLAGS.into_iter().filter_map(|key| self.find(&key));
        set.filter_map(|flag| flag.flag_finding()).collect()
    }

    /// Returns the settings of the block `s3` of the profile that have a wrong value, so that the
    /// default counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let text = "[default]\ns3 =\n  addressing_style = Path\n";
    /// let config = (FileKind::Config, "config", text.as_bytes());
    /// let settings = Settings::new(Variables::default(), ConfigFiles::parse([config]));
    /// assert_eq!(
    ///     settings.s3_findings()[0].line(None),
    ///     "config:3: s3.addressing_style is not auto, path or virtual, so it is auto",
    /// );
    /// ```
    pub fn s3_findings(&self) -> Vec<Finding> {
        let flags = [
            S3_USE_ACCELERATE_ENDPOINT,
            S3_USE_DUALSTACK_ENDPOINT,
            S3_PAYLOAD_SIGNING_ENABLED,
        ];
        let flags = flags.into_iter().filter_map(|key| self.find(&key));
        let style = self.find(&S3_ADDRESSING_STYLE);
        let style = style.filter(|style| !["auto", "path", "virtual"].contains(&style.text));
        let style = style.map(|style| {
            let text = format!("{} is not auto, path or virtual, so it is auto", style.name);
            Finding::warning(FindingKind::Flag, text).with_origin(style.origin)
        });
        let flags = flags.filter_map(|flag| flag.flag_finding());
        flags.chain(style).collect()
    }

    /// Returns a note if the old global endpoint of STS is chosen by a setting that the program
    /// whose rules are in use does not read.
    fn unused_setting_finding(&self) -> Option<Finding> {
        let setting = self.find(&STS_REGIONAL_ENDPOINTS);
        let setting = setting.filter(|setting| {
            !self.rules().sts_may_be_global && setting.text.eq_ignore_ascii_case("legacy")
        })?;
        let text = format!(
            "{} is legacy, which is not used: STS is called in the region",
            setting.name
        );
        let cure = left_out(&setting.name, &setting.origin);
        let finding = Finding::note(FindingKind::UnusedSetting, text);
        Some(finding.with_origin(setting.origin).with_cure_if(cure))
    }

    /// Returns a warning if the variable of the region has whitespace around it.
    fn region_whitespace(&self, region: &Region) -> Option<Finding> {
        let Origin::Environment { variables } = region.origin() else {
            return None;
        };
        let variable = variables.first()?;
        let raw = self.variables().raw(variable)?.to_str()?;
        if raw == region.name() {
            return None;
        }
        let text = format!(
            "{variable} begins or ends with whitespace, which is removed here: aws and boto3 use it \
             as it is"
        );
        let finding = Finding::warning(FindingKind::UnknownRegion, text);
        let finding = finding.with_origin(region.origin().clone());
        Some(finding.with_cure(Skip::set(variable, region.name()).command()))
    }

    /// Returns the regions that come after the one in use, with what makes each count.
    fn masked_regions(&self, region: &Region) -> Vec<Finding> {
        let names = self.rules().region_variables.iter();
        let variables = names.filter_map(|name| self.variable(name));
        let profile = self.profile().ok().flatten();
        let property = profile.and_then(|profile| {
            let value = profile.get("region")?;
            Setting::from_value(profile, "region", value)
        });
        let mut change = match region.origin() {
            Origin::Argument { name } => Skip::without(shell::option(name, region.name())),
            _ => Skip::default(),
        };
        let mut findings = Vec::new();
        let settings = variables.chain(property);
        let is_before =
            |setting: &Setting<'_>| setting.origin != *region.origin() && is_set(region.origin());
        for setting in settings.skip_while(is_before) {
            if setting.origin != *region.origin() && setting.text != region.name() {
                let value = shown_region(setting.text);
                let value = value.map_or_else(String::new, |name| format!(" ({name})"));
                let text = format!("{}{value} is masked by {}", setting.name, region.origin());
                let finding = Finding::note(FindingKind::MaskedRegion, text);
                let finding = finding.with_origin(setting.origin.clone());
                findings.push(finding.with_cure(change.command()));
            }
            if let Origin::Environment { variables } = &setting.origin {
                change = change.and(Skip::unset(variables));
            }
        }
        findings
    }

    /// Returns a note for each URL that takes the place of a service's own endpoint, with what
    /// switches all of them off.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let url = ("AWS_ENDPOINT_URL_S3", "http://localhost:9000");
    /// let settings = Settings::load(Variables::from_iter([url]));
    /// assert_eq!(
    ///     settings.endpoint_findings()[0].text,
    ///     "AWS_ENDPOINT_URL_S3 sends calls to http://localhost:9000",
    /// );
    /// ```
    pub fn endpoint_findings(&self) -> Vec<Finding> {
        if self.flag(&table::IGNORE_CONFIGURED_ENDPOINT_URLS) {
            return Vec::new();
        }
        let prefix = table::ENDPOINT_URL.name();
        let names = self.variables().names();
        let names = names.filter(|name| {
            let rest = name.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        });
        let mut all: Vec<_> = names
            .filter_map(|name| {
                let url = self.variables().text(name)?;
                Some((name.to_owned(), url, Origin::environment(&[name])))
            })
            .collect();
        let profile = self.profile().ok().flatten();
        let name = profile.and_then(|profile| profile.get("services")?.non_empty());
        let services = name.map(|name| SectionName::Services(name.to_owned()));
        let services = services.and_then(|name| self.files().find(&name).ok().flatten());
        for section in services.into_iter().chain(profile) {
            let own = section.get("endpoint_url").map(|value| ("", value));
            let nested = section
                .iter()
                .filter_map(|(service, block)| Some((service, block.nested("endpoint_url")?)));
            let is_profile = matches!(section.name(), SectionName::Profile(_));
            let values = own.into_iter().filter(|_| is_profile);
            let values = values.chain(nested.filter(|_| !is_profile));
            for (service, value) in values {
                let dot = if service.is_empty() { "" } else { "." };
                let origin = Origin::file(value.location(), section.name().name());
                all.extend(
                    value
                        .non_empty()
                        .map(|url| (format!("{service}{dot}endpoint_url"), url, origin)),
                );
            }
        }
        let cure = Skip::set(table::IGNORE_CONFIGURED_ENDPOINT_URLS.name(), "true").command();
        let finding = |(name, url, origin): (String, &str, Origin)| {
            let text = format!("{name} sends calls to {}", plain_url(url));
            let finding = Finding::note(FindingKind::Endpoint, text);
            finding.with_origin(origin).with_cure(&cure)
        };
        all.into_iter().map(finding).collect()
    }
}

/// The flags of the endpoints for FIPS and of those with IPv6 addresses.
pub(super) const ENDPOINT_FLAGS: [SettingKey; 2] = [USE_FIPS_ENDPOINT, USE_DUALSTACK_ENDPOINT];

impl Setting<'_> {
    /// Returns a warning if the value, which is that of a flag, is neither true nor false.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables, settings::USE_FIPS_ENDPOINT};
    ///
    /// let settings = Settings::load(Variables::from_iter([("AWS_USE_FIPS_ENDPOINT", "yes")]));
    /// let flag = settings.find(&USE_FIPS_ENDPOINT).unwrap();
    /// assert!(!flag.is_true());
    /// assert!(flag.flag_finding().is_some());
    /// ```
    pub fn flag_finding(&self) -> Option<Finding> {
        if self.is_true() || self.text.eq_ignore_ascii_case("false") {
            return None;
        }
        let text = format!(
            "{} is neither true nor false, so it is off: write true or false",
            self.name
        );
        // It is off without it, too.
        let cure = left_out(&self.name, &self.origin);
        let finding = Finding::warning(FindingKind::Flag, text).with_origin(self.origin.clone());
        Some(finding.with_cure_if(cure))
    }
}

/// Returns true for the origins among which the order of settings decides. An argument comes before
/// all of them.
fn is_set(origin: &Origin) -> bool {
    matches!(origin, Origin::Environment { .. } | Origin::File { .. })
}

fn unknown_region(region: &Region) -> Finding {
    let origin = region.origin();
    let what = match origin {
        Origin::File { .. } => "region".to_owned(),
        origin => origin.to_string(),
    };
    let name = match quotable(region.name()) {
        Some(name) => format!("is \"{name}\", which does"),
        None => "does".to_owned(),
    };
    let text = format!("{what} {name} not look like a region: write it as eu-west-1");
    Finding::warning(FindingKind::UnknownRegion, text).with_origin(origin.clone())
}
