//! A profile of AWS's configuration files: what stands at the bottom of its chain of roles, as far as the choice of an
//! identity and the name of its answers need it. The SDK's own parser reads the text, and the SDK exchanges it.

use std::path::PathBuf;

use aws_config::profile::{Profile as Section, ProfileSet};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::property::PropertiesKey;
use aws_types::os_shim_internal::{Env, Fs};
use futures_util::FutureExt;

use super::{Container, Keys, Metadata, Role};
use crate::network::aws_endpoint::Service;
use crate::secret::Secret;

/// A profile, and what it may draw on.
#[derive(Debug, Clone)]
pub struct Profile {
    /// `AWS_PROFILE`.
    name: Option<String>,
    /// The configuration file, `~/.aws/config`.
    config: ProfileText,
    /// The credentials file, `~/.aws/credentials`.
    credentials: ProfileText,
    /// What stands at the bottom of its chain of roles.
    base: Base,
    /// The roles that are taken on from there, one after another.
    roles: Vec<Role>,
    /// The region that it names.
    region: Option<String>,
    /// Where it says that services are asked; without a service, all of them.
    endpoints: Vec<(Option<Service>, String)>,
    /// `credential_source = Environment`: the keys of the environment.
    pub environment: Option<Keys>,
    /// `credential_source = EcsContainer`: the agent of the environment.
    pub container: Option<Container>,
    /// `credential_source = Ec2InstanceMetadata`: the metadata server of this machine.
    pub metadata: Metadata,
}

/// One of the two files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProfileText {
    /// It is not there.
    #[default]
    Absent,
    /// Its text.
    Text(Secret),
    /// It is no file that can be read twice, such as a pipe: the SDK reads it when the profile is used.
    Later(PathBuf),
}

/// What stands at the bottom of a profile's chain of roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Nothing that gives credentials.
    Nothing,
    /// Keys, in the files themselves.
    Keys,
    /// A role by a token in a file.
    WebIdentity(PathBuf),
    /// A command (`credential_process`).
    Process(String),
    /// A login of IAM Identity Center, or of the console.
    Login,
    /// The keys of the environment.
    Environment,
    /// The agent beside the container.
    Container,
    /// The machine's metadata server.
    Machine,
    /// Something that only the SDK can tell.
    Unknown,
}

impl Profile {
    /// Understands the two files.
    pub fn of(name: Option<&str>, config: ProfileText, credentials: ProfileText) -> Profile {
        let mut profile = Profile {
            name: name.map(str::to_owned),
            config,
            credentials,
            base: Base::Unknown,
            roles: Vec::new(),
            region: None,
            endpoints: Vec::new(),
            environment: None,
            container: None,
            metadata: Metadata::default(),
        };
        // What cannot be parsed is the SDK's to tell.
        if let Some(set) = profile.parsed() {
            (profile.base, profile.roles) = chain(&set);
            profile.region = set.get("region").map(str::to_owned);
            profile.endpoints = endpoints(&set);
            if let Some(mode) = set.get("ec2_metadata_service_endpoint_mode") {
                profile.metadata =
                    if mode.eq_ignore_ascii_case("ipv6") { Metadata::V6 } else { Metadata::V4 };
            }
            if let Some(address) = set.get("ec2_metadata_service_endpoint") {
                profile.metadata = Metadata::At(address.to_owned());
            }
        }
        profile
    }

    /// Whether nobody named it and the files hold no credentials for it.
    pub fn is_nothing(&self) -> bool {
        self.name.is_none() && self.base == Base::Nothing
    }

    /// Its name, if the user gave one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The same with other texts of the two files.
    pub fn with_texts(&self, config: ProfileText, credentials: ProfileText) -> Profile {
        let Profile { environment, container, .. } = self.clone();
        let read = Profile::of(self.name(), config, credentials);
        // The variables count before the files.
        let metadata = match &self.metadata {
            Metadata::V4 => read.metadata.clone(),
            named => named.clone(),
        };
        Profile { environment, container, metadata, ..read }
    }

    /// The two files.
    pub fn texts(&self) -> [&ProfileText; 2] {
        [&self.config, &self.credentials]
    }

    /// What stands at the bottom of its chain of roles.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The roles that are taken on from there, one after another.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The ARN of the role that it ends in.
    pub fn role(&self) -> Option<&str> {
        self.roles.last().map(|role| role.arn.as_str())
    }

    /// The region that it names.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Where it says that services are asked, in the order in which that counts; without a service, all of them.
    pub fn endpoints(&self) -> &[(Option<Service>, String)] {
        &self.endpoints
    }

    /// The files for the SDK.
    pub fn files(&self) -> EnvConfigFiles {
        let kinds =
            [(EnvConfigFileKind::Config, &self.config), (EnvConfigFileKind::Credentials, &self.credentials)];
        kinds
            .into_iter()
            .fold(EnvConfigFiles::builder(), |files, (kind, text)| match text {
                ProfileText::Absent => files.with_contents(kind, ""),
                ProfileText::Text(text) => files.with_contents(kind, text.expose()),
                ProfileText::Later(path) => files.with_file(kind, path),
            })
            .build()
    }

    /// The files as the SDK understands them; `None` if it does not, or if they are to be read later.
    fn parsed(&self) -> Option<ProfileSet> {
        if self.texts().iter().any(|text| matches!(text, ProfileText::Later(_))) {
            return None;
        }
        let name = self.name.clone().unwrap_or_else(|| "default".to_owned());
        // Nothing is read and nothing is waited for: the texts are at hand.
        let (fs, env) = (Fs::from_raw_map(Default::default()), Env::from_slice(&[]));
        let files = self.files();
        let set = aws_config::profile::load(&fs, &env, &files, Some(name.into())).now_or_never();
        set?.ok()
    }
}

/// The endpoints of the selected profile: those of its `services` section, then its own
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>).
fn endpoints(set: &ProfileSet) -> Vec<(Option<Service>, String)> {
    let of_section = |(service, key): (Service, &str)| {
        let place = PropertiesKey::builder()
            .section_key("services")
            .section_name(set.get("services")?)
            .property_name(key)
            .sub_property_name("endpoint_url")
            .build();
        let address = set.other_sections().get(&place.ok()?)?;
        Some((Some(service), address.to_string()))
    };
    let services = [(Service::Sts, "sts"), (Service::Ecr, "ecr"), (Service::EcrPublic, "ecr_public")];
    let own = set.get("endpoint_url").map(|address| (None, address.to_owned()));
    services.into_iter().filter_map(of_section).chain(own).collect()
}

const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

/// What stands at the bottom of the selected profile's chain, and the roles that are taken on from there. The order is the
/// SDK's (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html>).
fn chain(set: &ProfileSet) -> (Base, Vec<Role>) {
    let selected = set.selected_profile();
    let (mut name, mut roles, mut seen) = (selected, Vec::new(), Vec::new());
    loop {
        let profile = match set.get_profile(name) {
            Some(profile) if !seen.contains(&name) => profile,
            None if seen.is_empty() && selected == "default" => return (Base::Nothing, roles),
            _ => return (Base::Unknown, roles),
        };
        seen.push(name);
        // A profile that is the source of another one is asked for its keys first.
        if seen.len() > 1 && KEYS[..2].iter().all(|key| profile.get(key).is_some()) {
            return in_order(Base::Keys, roles);
        }
        if let Some(file) = profile.get("web_identity_token_file") {
            roles.extend(role(profile));
            return in_order(Base::WebIdentity(file.into()), roles);
        }
        let own = role(profile);
        let takes_on = own.is_some();
        roles.extend(own);
        match (profile.get("source_profile"), profile.get("credential_source")) {
            // A role needs exactly one of the two.
            (None, None) | (Some(_), Some(_)) if takes_on => return in_order(Base::Unknown, roles),
            (Some(source), None) if takes_on && source != name => name = source,
            _ => return in_order(base(profile, seen.len() == 1 && !takes_on), roles),
        }
    }
}

fn in_order(base: Base, mut roles: Vec<Role>) -> (Base, Vec<Role>) {
    roles.reverse();
    (base, roles)
}

fn role(profile: &Section) -> Option<Role> {
    let text = |key| profile.get(key).map(str::to_owned);
    let (external_id, session) = (text("external_id"), text("role_session_name"));
    Some(Role { arn: text("role_arn")?, external_id, session })
}

/// What one profile has itself. What gives no credentials is an error of the SDK's where a role needs them.
fn base(profile: &Section, may_be_nothing: bool) -> Base {
    let any = |keys: &[&str]| keys.iter().any(|key| profile.get(key).is_some());
    if let Some(source) = profile.get("credential_source") {
        return match source.to_ascii_lowercase().as_str() {
            "environment" => Base::Environment,
            "ecscontainer" => Base::Container,
            "ec2instancemetadata" => Base::Machine,
            _ => Base::Unknown,
        };
    }
    let nothing = if may_be_nothing { Base::Nothing } else { Base::Unknown };
    if any(&["sso_account_id", "sso_role_name", "login_session"]) {
        Base::Login
    } else if any(&["sso_session", "sso_start_url", "sso_region"]) {
        // A login for tokens of other services: it gives no keys.
        nothing
    } else if let Some(command) = profile.get("credential_process") {
        Base::Process(command.to_owned())
    } else if any(&KEYS) {
        Base::Keys
    } else {
        nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: Option<&str>, config: &str, credentials: &str) -> Profile {
        let text = |text: &str| ProfileText::Text(Secret::new(text.to_owned()));
        Profile::of(name, text(config), text(credentials))
    }

    #[test]
    fn what_stands_at_the_bottom() {
        let keys = "aws_access_key_id = a\naws_secret_access_key = b\n";
        let vend = "credential_process = vend\n";
        let other = "source_profile = other\n[profile other]\n";
        let command = || Base::Process("vend".to_owned());
        for (config, base, roles) in [
            (keys.to_owned(), Base::Keys, &[][..]),
            (vend.to_owned(), command(), &[]),
            (format!("{vend}aws_access_key_id = AKIA\n"), command(), &[]),
            (
                "role_arn = r\nweb_identity_token_file = /t\n".to_owned(),
                Base::WebIdentity("/t".into()),
                &["r"],
            ),
            ("role_arn = r\ncredential_source = Environment\n".to_owned(), Base::Environment, &["r"]),
            ("role_arn = r\ncredential_source = EcsContainer\n".to_owned(), Base::Container, &["r"]),
            ("role_arn = r\ncredential_source = Ec2InstanceMetadata\n".to_owned(), Base::Machine, &["r"]),
            ("sso_session = s\nsso_account_id = 1\nsso_role_name = r\n".to_owned(), Base::Login, &[]),
            ("login_session = arn:aws:iam::1:user/u\n".to_owned(), Base::Login, &[]),
            (format!("role_arn = r\n{other}{keys}"), Base::Keys, &["r"]),
            (format!("role_arn = r\n{other}{vend}"), command(), &["r"]),
            (
                format!("role_arn = 2\n{other}role_arn = 1\nsource_profile = q\n[profile q]\n{vend}"),
                command(),
                &["1", "2"],
            ),
            (format!("role_arn = r\nsource_profile = p\n{vend}"), command(), &["r"]),
            (format!("role_arn = r\nsource_profile = p\n{keys}"), Base::Keys, &["r"]),
            // Something else counts before a command.
            (format!("role_arn = r\n{other}{vend}{keys}"), Base::Keys, &["r"]),
            (format!("{vend}sso_session = s\nsso_role_name = r\n"), Base::Login, &[]),
            (format!("{vend}login_session = s\n"), Base::Login, &[]),
            (format!("{vend}credential_source = Environment\n"), Base::Environment, &[]),
            (
                format!("{vend}role_arn = r\nweb_identity_token_file = /t\n"),
                Base::WebIdentity("/t".into()),
                &["r"],
            ),
            (format!("{vend}role_arn = r\ncredential_source = Environment\n"), Base::Environment, &["r"]),
            // What the SDK refuses.
            ("role_arn = r\nsource_profile = none\n".to_owned(), Base::Unknown, &["r"]),
            ("role_arn = r\n".to_owned(), Base::Unknown, &["r"]),
            (format!("role_arn = r\n{vend}"), Base::Unknown, &["r"]),
            (format!("role_arn = r\n{keys}"), Base::Unknown, &["r"]),
            (format!("role_arn = r\ncredential_source = Environment\n{other}{keys}"), Base::Unknown, &["r"]),
        ] {
            let found = profile(Some("p"), &format!("[profile p]\n{config}"), "");
            let arns: Vec<&str> = found.roles().iter().map(|role| role.arn.as_str()).collect();
            assert_eq!((found.base(), &arns[..]), (&base, roles), "{config}");
        }
    }

    #[test]
    fn the_last_role_of_a_chain_is_the_profiles() {
        let config = "[profile p]\nrole_arn = arn:aws:iam::1:role/last\nsource_profile = q\n\
                      [profile q]\nrole_arn = arn:aws:iam::1:role/first\ncredential_source = Environment\n";
        assert_eq!(profile(Some("p"), config, "").role(), Some("arn:aws:iam::1:role/last"));
        let config = format!(
            "{config}[profile r]\nsource_profile = r2\nrole_arn = x\n[profile r2]\nsource_profile = r\nrole_arn = y\n"
        );
        assert_eq!(profile(Some("r"), &config, "").base(), &Base::Unknown);
    }

    #[test]
    fn a_profile_that_nobody_named_counts_only_if_it_holds_credentials() {
        for nothing in [
            "",
            "[default]\nregion = eu-west-1\n",
            "[profile other]\ncredential_process = x\n",
            "[default]\nsso_session = s\n",
        ] {
            assert!(profile(None, nothing, "").is_nothing(), "{nothing}");
            assert!(!profile(Some("p"), nothing, "").is_nothing(), "{nothing}");
        }
        let credentials = "[default]\naws_access_key_id = a\naws_secret_access_key = b\n";
        assert_eq!(profile(None, "", credentials).base(), &Base::Keys);
        // What the SDK cannot parse is an error of it, not nothing.
        assert!(!profile(None, "nonsense", "").is_nothing());
        let later = ProfileText::Later("/dev/fd/63".into());
        assert!(!Profile::of(None, later, ProfileText::Absent).is_nothing());
    }
}
