//! AWS's: the links of the SDK's default chain, in its order.
//!
//! The SDK's own chain goes on to the next link where an identity that was asked for is incomplete (a profile that does not
//! exist, half a key pair). Here it is final: only "not there" leads to the next link.

use std::path::{Path, PathBuf};

use crate::file::{self, Unreadable};
use crate::identity::aws::{
    Agent, Aws, AwsKind, Container, ContainerToken, Endpoints, Keys, Metadata, Profile, ProfileText, Role,
};
use crate::identity::machine::{self, Evidence};
use crate::identity::{Assertion, Identity, Kind, Origin};
use crate::problem::{AwsFault, CloudFault, Problem};
use crate::secret::Secret;
use crate::settings::{Cloud, Settings};

use crate::shown::Shown;

/// Something that asks for an identity, and cannot be used.
pub(super) struct Broken {
    /// The identity, in words.
    pub identity: Shown,
    /// What is wrong with it.
    pub fault: AwsFault,
}

impl Broken {
    /// The message about a registry's host.
    pub fn into_problem(self, host: &str) -> Problem {
        CloudFault::from(self.fault).into_problem(self.identity, host)
    }
}

/// The first identity that is asked for. The machine's own counts only with evidence that this is an EC2 machine.
pub(super) fn identity(settings: &Settings) -> Result<Option<Identity>, Broken> {
    identity_with(settings, machine::evidence(settings, Cloud::Aws))
}

/// The same, with the evidence at hand.
pub(super) fn identity_with(settings: &Settings, evidence: Evidence) -> Result<Option<Identity>, Broken> {
    let aws = &settings.aws;
    let profile = profile(settings);
    let of = |kind, place| {
        let configured = aws.region.as_deref().or(profile.as_ref().and_then(Profile::region));
        let endpoints = Endpoints::of(&aws.endpoints, profile.as_ref());
        let kind = Kind::Aws(Aws { endpoints, ..Aws::new(kind, aws.region.clone(), configured) });
        Ok(Some(Identity { kind, origin: Origin::Environment, place }))
    };
    let half = |set: &'static str, missing| {
        Err(Broken { identity: shown!["the AWS keys in ", set], fault: AwsFault::Half(missing) })
    };
    let role = |arn: &str| Role {
        arn: arn.to_owned(),
        external_id: aws.external_id.clone(),
        session: aws.session_name.clone(),
    };
    match (&aws.access_key_id, &aws.secret_access_key) {
        (Some(id), Some(key)) => {
            let keys = keys(id, key, aws.session_token.as_ref());
            // With a token file beside it, the role is for that, and the SDK takes the keys as they are.
            return match aws.role_arn.as_deref().filter(|_| aws.web_identity_token_file.is_none()) {
                Some(arn) => of(AwsKind::Role { keys, role: role(arn) }, "AWS_ROLE_ARN".into()),
                None => of(AwsKind::Keys(keys), "AWS_ACCESS_KEY_ID".into()),
            };
        }
        (Some(_), None) => return half("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        (None, Some(_)) => return half("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        (None, None) => {}
    }
    let of_profile = profile.clone().filter(|profile| !profile.is_nothing());
    let metadata = metadata(settings, profile.as_ref());
    if let Some(profile) = of_profile {
        if let Err(fault) = Endpoints::of(&aws.endpoints, None).check(&profile) {
            return Err(Broken { identity: "the AWS identity of the environment".into(), fault });
        }
        return of(AwsKind::Profile(Box::new(profile)), Shown::default());
    }
    if let Some(file) = &aws.web_identity_token_file {
        let place = "AWS_WEB_IDENTITY_TOKEN_FILE";
        let Some(arn) = &aws.role_arn else {
            let identity = shown!["the AWS web identity in ", place];
            return Err(Broken { identity, fault: AwsFault::Half("AWS_ROLE_ARN") });
        };
        let assertion = Assertion::File(file.clone());
        return of(AwsKind::WebIdentity { role: role(arn), assertion }, place.into());
    }
    if let Some(container) = container(settings) {
        return of(AwsKind::Container(container), Shown::default());
    }
    let machine = AwsKind::Machine { named: evidence == Evidence::Named, metadata };
    match evidence {
        Evidence::None => Ok(None),
        Evidence::Seen if aws.metadata_disabled => Ok(None),
        Evidence::Named if aws.metadata_disabled => {
            let identity = "the AWS role of this EC2 machine".into();
            Err(Broken { identity, fault: AwsFault::MetadataDisabled })
        }
        Evidence::Named | Evidence::Seen => of(machine, Shown::default()),
    }
}

fn keys(id: &Secret, key: &Secret, token: Option<&Secret>) -> Keys {
    Keys { access_key_id: id.clone(), secret_access_key: key.clone(), session_token: token.cloned() }
}

/// The agent that variables name.
fn container(settings: &Settings) -> Option<Container> {
    let aws = &settings.aws;
    let agent = match (&aws.container_path, &aws.container_address) {
        (Some(path), _) => Agent::Path(path.clone()),
        (None, Some(address)) => Agent::Address(address.clone()),
        (None, None) => return None,
    };
    let token = match (&aws.container_token_file, &aws.container_token) {
        (Some(file), _) => Some(ContainerToken::File(file.clone())),
        (None, text) => text.clone().map(ContainerToken::Text),
    };
    Some(Container { agent, token })
}

/// Where the machine's metadata server is: the variables count before the profile.
fn metadata(settings: &Settings, profile: Option<&Profile>) -> Metadata {
    let aws = &settings.aws;
    match (&aws.metadata_endpoint, aws.metadata_ipv6) {
        (Some(address), _) => Metadata::At(address.clone()),
        (None, Some(true)) => Metadata::V6,
        (None, Some(false)) => Metadata::V4,
        (None, None) => profile.map(|profile| profile.metadata.clone()).unwrap_or_default(),
    }
}

/// The profile that is named, or the default one, if there is a file that could hold it.
fn profile(settings: &Settings) -> Option<Profile> {
    let aws = &settings.aws;
    let place = |named: &Option<PathBuf>, name: &str| {
        let default = || Some(settings.home.as_ref()?.join(".aws").join(name));
        named.as_ref().map(|path| at_home(settings, path)).or_else(default)
    };
    let config = text(place(&aws.config_file, "config"));
    let credentials = text(place(&aws.credentials_file, "credentials"));
    let named = aws.profile.is_some() || aws.config_file.is_some() || aws.credentials_file.is_some();
    if !named && [&config, &credentials].iter().all(|text| **text == ProfileText::Absent) {
        return None;
    }
    let mut profile = Profile::of(aws.profile.as_deref(), config, credentials);
    profile.environment = aws
        .access_key_id
        .as_ref()
        .zip(aws.secret_access_key.as_ref())
        .map(|(id, key)| keys(id, key, aws.session_token.as_ref()));
    profile.container = container(settings);
    profile.metadata = metadata(settings, Some(&profile));
    Some(profile)
}

/// A path that begins with `~/` is below the home directory, as the SDK has it.
fn at_home(settings: &Settings, path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), &settings.home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// The text of a file. One that cannot be read counts as empty, as for the SDK.
fn text(path: Option<PathBuf>) -> ProfileText {
    let Some(path) = path else { return ProfileText::Absent };
    match file::read_following(&path) {
        Ok(text) => match String::from_utf8(text) {
            // Names and addresses in it are no secret; its keys are known once the SDK has read them.
            Ok(text) => ProfileText::Text(Secret::mixed(text)),
            Err(_) => ProfileText::Absent,
        },
        Err(Unreadable::NotRegular) if !path.is_dir() => ProfileText::Later(path),
        Err(_) => ProfileText::Absent,
    }
}
