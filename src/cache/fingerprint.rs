//! One name for a question and for all that could change its answer.
//!
//! Identities go in as they are configured (role, profile, file and its time), not as the short-lived keys that
//! they turn into, so that roles hit across processes. It is a SHA-256: a hostile registry name must not be able
//! to meet another question's answer, and nothing can be read back from it.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ring::digest::{Context, SHA256};
use rustix::fs::{AtFlags, CWD, statat};

use crate::cloud::hosts::CloudHost;
use crate::cluster;
use crate::credential::jwt_identity_in;
use crate::file;
use crate::question::Question;
use crate::settings::{Cloud, MachineCloud, ObjectName, Settings};

/// The name of an answer: 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

/// Adds fields, each with its length in front, so that no two lists of fields run together.
struct Fields(Context);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: Option<&str>) {
        // Unset and empty differ.
        self.0.update(&[u8::from(text.is_some())]);
        self.bytes(text.unwrap_or_default().as_bytes());
    }

    fn object(&mut self, name: &ObjectName) {
        self.text(name.namespace.as_deref());
        self.text(Some(&name.name));
    }

    fn path(&mut self, path: Option<&Path>) {
        self.0.update(&[u8::from(path.is_some())]);
        self.bytes(path.map(|path| path.as_os_str().as_bytes()).unwrap_or_default());
    }

    /// A projected token: its file, and for whom it speaks. Every pod has it at the same path, and its text is
    /// another one each hour.
    fn token_file(&mut self, path: Option<&Path>) {
        self.path(path);
        let token = path.and_then(|path| file::read_following(path).ok());
        let identity = token.and_then(|token| jwt_identity_in(&token));
        let (issuer, subject) = identity.unzip();
        self.text(issuer.as_deref());
        self.text(subject.as_deref());
    }

    /// A file's name, and what changes when someone writes it.
    fn file(&mut self, path: Option<&Path>) {
        self.path(path);
        let Some(path) = path else { return };
        match statat(CWD, path, AtFlags::empty()) {
            Err(_) => self.text(None),
            Ok(stat) => {
                for number in [stat.st_mtime as u64, stat.st_mtime_nsec, stat.st_size as u64, stat.st_ino] {
                    self.0.update(&number.to_le_bytes());
                }
            }
        }
    }
}

/// The names of a question's answer.
pub struct Names {
    /// The name of the answer for this very repository.
    pub own: Fingerprint,
    /// The name of the answer for the registry alone; the same if the question names no repository.
    pub registry: Fingerprint,
}

impl Names {
    /// The names under these settings.
    pub fn of(settings: &Settings, question: &Question) -> Names {
        let mut fields = Fields(Context::new(&SHA256));
        fields.text(Some(env!("CARGO_PKG_VERSION")));
        fields.text(Some(&question.registry.authority()));
        fields.0.update(&[u8::from(question.registry.is_plain_http())]);
        fields.0.update(&settings.cache_ttl.as_secs().to_le_bytes());
        cluster_fields(&mut fields, settings);
        docker_fields(&mut fields, settings);
        if let Some(host) = CloudHost::of(&question.registry) {
            cloud_fields(&mut fields, settings, host.cloud());
        }
        // Last, so that all else is looked at once for both.
        let with_path = |path: &str| {
            let mut fields = Fields(fields.0.clone());
            fields.text(Some(path));
            // A key that is literally the question comes first.
            fields.0.update(&[u8::from(question.library_implied && !path.is_empty())]);
            Fingerprint::from(fields)
        };
        let registry = with_path("");
        let own = if question.path.is_empty() { registry.clone() } else { with_path(&question.path) };
        Names { own, registry }
    }
}

impl From<Fields> for Fingerprint {
    fn from(fields: Fields) -> Fingerprint {
        let digest = fields.0.finish();
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(HEX[usize::from(nibble)]);
        Fingerprint(digest.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
    }
}

impl Fingerprint {
    /// As a file's name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// The API server, the namespaces, the service account and the Secrets.
fn cluster_fields(fields: &mut Fields, settings: &Settings) {
    fields.text(settings.in_cluster_host.as_deref());
    fields.text(settings.in_cluster_port.as_deref());
    match cluster::pod_identity(settings) {
        Some(identity) => identity.iter().for_each(|part| fields.text(Some(part))),
        None => fields.text(None),
    }
    // A cluster that was named must answer; one found by chance need not.
    fields.0.update(&[u8::from(settings.kubeconfig.is_some())]);
    if settings.in_cluster_host.is_none() && cluster::place(settings).is_some() {
        plugin_fields(fields, settings);
    }
    match &settings.kubeconfig {
        Some(list) => std::env::split_paths(list).for_each(|path| fields.file(Some(&path))),
        None => fields.file(settings.home.as_ref().map(|home| home.join(".kube/config")).as_deref()),
    }
    fields.text(Some(&settings.credentials_namespace));
    settings.service_account.iter().for_each(|name| fields.object(name));
    fields.0.update(&(settings.pull_secrets.len() as u64).to_le_bytes());
    settings.pull_secrets.iter().for_each(|name| fields.object(name));
}

/// What the exec plugins of kubeconfigs go by: they turn a cloud's identity into the cluster's.
fn plugin_fields(fields: &mut Fields, settings: &Settings) {
    let (aws, google, azure) = (&settings.aws, &settings.google, &settings.azure);
    fields.text(aws.access_key_id.as_ref().map(|id| id.expose()));
    fields.text(aws.profile.as_deref());
    fields.text(aws.role_arn.as_deref());
    fields.path(aws.config_file.as_deref());
    fields.path(aws.credentials_file.as_deref());
    fields.token_file(aws.web_identity_token_file.as_deref());
    fields.path(google.credentials.as_deref());
    fields.path(google.cloudsdk_config.as_deref());
    fields.text(azure.tenant_id.as_deref());
    fields.text(azure.client_id.as_deref());
    fields.token_file(azure.federated_token_file.as_deref());
}

/// The sources that need no network, but come after some that do.
fn docker_fields(fields: &mut Fields, settings: &Settings) {
    fields.text(settings.docker_auth_config.as_ref().map(|secret| secret.expose()));
    fields.file(settings.docker_config.as_ref().map(|directory| directory.join("config.json")).as_deref());
    fields.file(settings.registry_auth_file.as_deref());
    fields.text(settings.github_token.as_ref().map(|secret| secret.expose()));
    fields.text(settings.github_actor.as_deref());
    fields.text(settings.ci_registry.as_deref());
    fields.text(settings.ci_registry_user.as_deref());
    fields.text(settings.ci_registry_password.as_ref().map(|secret| secret.expose()));
}

/// The cloud's identity as it is configured.
fn cloud_fields(fields: &mut Fields, settings: &Settings, cloud: Cloud) {
    let machine = match settings.machine_cloud {
        MachineCloud::Detect => "detect",
        MachineCloud::None => "none",
        MachineCloud::Is(Cloud::Aws) => "aws",
        MachineCloud::Is(Cloud::Google) => "google",
        MachineCloud::Is(Cloud::Azure) => "azure",
    };
    fields.text(Some(machine));
    // The machine's own identity, where machines share a home directory.
    fields.bytes(rustix::system::uname().nodename().to_bytes());
    let home = |name: &str| settings.home.as_ref().map(|home| home.join(name));
    match cloud {
        Cloud::Aws => {
            let aws = &settings.aws;
            // The identifier of a key that the user exported; what a role or profile turns into is not here.
            fields.text(aws.access_key_id.as_ref().map(|id| id.expose()));
            fields.text(aws.profile.as_deref());
            fields.text(aws.region.as_deref());
            fields.text(aws.role_arn.as_deref());
            fields.token_file(aws.web_identity_token_file.as_deref());
            fields.text(aws.external_id.as_deref());
            fields.text(aws.container_path.as_deref());
            fields.text(aws.container_address.as_deref());
            fields.token_file(aws.container_token_file.as_deref());
            fields.file(aws.config_file.clone().or_else(|| home(".aws/config")).as_deref());
            fields.file(aws.credentials_file.clone().or_else(|| home(".aws/credentials")).as_deref());
        }
        Cloud::Google => {
            let google = &settings.google;
            let well_known = "application_default_credentials.json";
            let gcloud = google.cloudsdk_config.clone().or_else(|| home(".config/gcloud"));
            let file =
                google.credentials.clone().or_else(|| gcloud.map(|directory| directory.join(well_known)));
            fields.file(file.as_deref());
            fields.text(google.metadata_host.as_deref());
        }
        Cloud::Azure => {
            let azure = &settings.azure;
            fields.text(azure.tenant_id.as_deref());
            fields.text(azure.client_id.as_deref());
            fields.text(azure.client_secret.as_ref().map(|_| "set"));
            fields.token_file(azure.federated_token_file.as_deref());
            fields.text(azure.authority_host.as_deref());
            fields.text(azure.identity_endpoint.as_deref());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use std::ffi::OsString;

    fn name(server: &str, variables: &[(&str, &str)]) -> String {
        let settings = Settings::from(|name| {
            variables.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v))
        })
        .unwrap();
        let question = Question::new(Registry::parse(server).unwrap(), &settings);
        Names::of(&settings, &question).own.name().to_owned()
    }

    const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

    #[test]
    fn equal_questions_have_one_name() {
        assert_eq!(name("https://Reg.io/v2/", &[]), name("reg.io:443", &[]));
        assert_eq!(name("docker.io", &[]), name("https://index.docker.io/v1/", &[]));
        assert_eq!(name("reg.io", &[("KUBECLARITY_IMAGE", "reg.io/a:1")]), name("reg.io/a", &[]));
        assert_eq!(name("reg.io", &[]).len(), 64);
        // Keys that a role turns into change all the time; the session token is one of them.
        let role = ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
        assert_eq!(name(ECR, &[role]), name(ECR, &[role, ("AWS_SESSION_TOKEN", "x")]));
        // A cloud's identity does not matter for a host of another.
        assert_eq!(name("gcr.io", &[]), name("gcr.io", &[role]));
    }

    #[test]
    fn the_registrys_own_name_has_no_path() {
        let settings = Settings::from(|_| None).unwrap();
        let names = |server| {
            let Names { own, registry } =
                Names::of(&settings, &Question::new(Registry::parse(server).unwrap(), &settings));
            (own.name().to_owned(), registry.name().to_owned())
        };
        let (host, one, two) = (names("reg.io"), names("reg.io/a"), names("reg.io/b"));
        assert_eq!(host.0, host.1);
        assert!(one.1 == host.0 && two.1 == host.0);
        assert!(one.0 != two.0 && one.0 != host.0);
    }

    #[test]
    fn a_question_that_leaves_library_out_has_a_name_of_its_own() {
        // Of two keys, the one that is literally the question comes first.
        assert_ne!(name("docker.io/alpine", &[]), name("docker.io/library/alpine", &[]));
        assert_eq!(name("docker.io/alpine", &[]), name("index.docker.io/alpine", &[]));
        let image = |image| name("docker.io", &[("KUBECLARITY_IMAGE", image)]);
        assert_eq!(
            (image("alpine"), image("docker.io/library/alpine")),
            (name("docker.io/alpine", &[]), name("docker.io/library/alpine", &[]))
        );
    }

    #[test]
    fn whatever_could_change_the_answer_changes_the_name() {
        let plain = name(ECR, &[]);
        let others = [
            name("223456789012.dkr.ecr.eu-west-1.amazonaws.com", &[]),
            name(&format!("{ECR}/a"), &[]),
            name(&format!("http://{ECR}:80"), &[]),
            name(ECR, &[("AWS_PROFILE", "p")]),
            name(ECR, &[("AWS_PROFILE", "q")]),
            name(ECR, &[("AWS_ROLE_ARN", "r")]),
            name(ECR, &[("AWS_ACCESS_KEY_ID", "AKIA1"), ("AWS_SECRET_ACCESS_KEY", "s")]),
            name(ECR, &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")]),
            name(ECR, &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")]),
            name(ECR, &[("KUBECLARITY_CLOUD", "aws")]),
            name(ECR, &[("KUBECONFIG", "/none")]),
            name(ECR, &[("HOME", "/none")]),
            name(ECR, &[("CREDS_SECRET_NAMESPACE", "other")]),
            name(ECR, &[("KUBECLARITY_SERVICE_ACCOUNT", "a")]),
            name(ECR, &[("KUBECLARITY_PULL_SECRETS", "a")]),
            name(ECR, &[("KUBECLARITY_PULL_SECRETS", "a,b")]),
            name(ECR, &[("KUBECLARITY_PULL_SECRETS", "a/b")]),
            name(ECR, &[("DOCKER_AUTH_CONFIG", "{}")]),
            name(ECR, &[("GITHUB_TOKEN", "t")]),
            name(ECR, &[("GITHUB_ACTOR", "t")]),
            name(ECR, &[("CI_REGISTRY", "t")]),
            name(ECR, &[("KUBECLARITY_CACHE_TTL", "5")]),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(other, &plain, "{at}");
            assert!(!others[..at].contains(other), "{at}");
        }
    }

    #[test]
    fn what_a_plugin_goes_by_matters_where_there_is_a_kubeconfig() {
        let profile = [("AWS_PROFILE", "a"), ("KUBECONFIG", "/none")];
        let other = [("AWS_PROFILE", "b"), ("KUBECONFIG", "/none")];
        assert_ne!(name("reg.io", &profile), name("reg.io", &other));
        assert_eq!(name("reg.io", &profile[..1]), name("reg.io", &other[..1]));
        // By chance, and named: the same file.
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().to_str().unwrap();
        std::fs::create_dir(directory.path().join(".kube")).unwrap();
        let path = directory.path().join(".kube/config");
        std::fs::write(&path, "{}").unwrap();
        let named = [("HOME", home), ("KUBECONFIG", path.to_str().unwrap())];
        assert_ne!(name("reg.io", &named), name("reg.io", &named[..1]));
    }

    #[test]
    fn a_token_of_somebody_else_at_the_same_path_changes_the_name_and_a_renewed_one_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let acr = "name.azurecr.io";
        let token = |issuer: &str, subject: &str, id: u8| {
            let claims =
                format!(r#"{{"iss":"{issuer}","sub":"system:serviceaccount:{subject}","jti":"{id}"}}"#);
            format!("eyJhbGciOiJub25lIn0.{}.c2ln\n", URL_SAFE_NO_PAD.encode(claims))
        };
        for (server, variable) in [
            (ECR, "AWS_WEB_IDENTITY_TOKEN_FILE"),
            (ECR, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
            (acr, "AZURE_FEDERATED_TOKEN_FILE"),
        ] {
            let variables = [(variable, path.to_str().unwrap())];
            let with = |token: String| {
                std::fs::write(&path, token).unwrap();
                name(server, &variables)
            };
            let one = with(token("https://a", "team-a:scanner", 1));
            assert_eq!(one, with(token("https://a", "team-a:scanner", 2)), "{variable}");
            let others = [
                with(token("https://a", "team-b:scanner", 1)),
                with(token("https://b", "team-a:scanner", 1)),
                with("no token".to_owned()),
            ];
            assert!(!others.contains(&one), "{variable}");
        }
    }

    #[test]
    fn a_file_that_is_written_changes_the_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("adc.json");
        let variables = [("GOOGLE_APPLICATION_CREDENTIALS", path.to_str().unwrap())];
        let absent = name("gcr.io", &variables);
        std::fs::write(&path, "1").unwrap();
        let one = name("gcr.io", &variables);
        std::fs::write(&path, "22").unwrap();
        let two = name("gcr.io", &variables);
        assert!(absent != one && one != two && two != absent);
    }
}
