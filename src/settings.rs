//! Every variable, read once, with its default. An empty variable counts as unset.

mod cloud;
mod variables;

pub use cloud::{AwsEndpoints, AwsSettings, AzureSettings, GoogleSettings};
pub use variables::{ObjectName, is_namespace, is_object_name};

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::problem::{Expected, Problem};
use crate::secret::Secret;
use variables::Variables;

/// A cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Google,
    /// Microsoft Azure.
    Azure,
}

/// What `KUBECLARITY_CLOUD` says of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineCloud {
    /// Not set: looked for in variables, files and DMI strings.
    Detect,
    /// `none`: no metadata server is asked.
    None,
    /// This one, whatever the machine looks like.
    Is(Cloud),
}

/// What the tool was told by its environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `KUBECLARITY_TIMEOUT`, seconds: the limit for everything together.
    pub timeout: Duration,
    /// `KUBECLARITY_ON_ERROR=anonymous`: errors of `get` and `list` become "not found".
    pub errors_are_anonymous: bool,
    /// `KUBECLARITY_LOG=debug`: the trail on stderr.
    pub log: bool,
    /// `KUBECLARITY_IGNORE_LOGIN=1`: `store` and `erase` are silent successes.
    pub ignore_login: bool,
    /// `KUBECLARITY_CACHE=off`: no answer is kept.
    pub cache_off: bool,
    /// `KUBECLARITY_CACHE_TTL`, seconds: how long a password that never expires is kept.
    pub cache_ttl: Duration,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_directory: Option<PathBuf>,
    /// Where answers are kept: `XDG_RUNTIME_DIR`, else `XDG_CACHE_HOME`, else `~/.cache`.
    pub cache_directory: Option<PathBuf>,
    /// `KUBECLARITY_CLOUD`.
    pub machine_cloud: MachineCloud,
    /// `IMAGE_PULL_SECRET_PATH`: the directory of mounted pull secrets.
    pub mounted: Option<PathBuf>,
    /// `KUBECLARITY_PULL_SECRETS`: pull secrets named by the user.
    pub pull_secrets: Vec<ObjectName>,
    /// `KUBECLARITY_SERVICE_ACCOUNT`.
    pub service_account: Option<ObjectName>,
    /// `CREDS_SECRET_NAMESPACE`.
    pub credentials_namespace: String,
    /// The images that are being scanned: `KUBECLARITY_IMAGE`, `IMAGE_NAME_TO_SCAN`, `IMAGE_ID_TO_SCAN`.
    pub images: Vec<String>,
    /// `KUBECONFIG`: one file, or several that are merged.
    pub kubeconfig: Option<OsString>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `KUBERNETES_SERVICE_HOST`: set in every pod.
    pub in_cluster_host: Option<String>,
    /// `KUBERNETES_SERVICE_PORT`.
    pub in_cluster_port: Option<String>,
    /// `DOCKER_AUTH_CONFIG`: a `config.json`.
    pub docker_auth_config: Option<Secret>,
    /// `DOCKER_CONFIG`: the directory of a `config.json`.
    pub docker_config: Option<PathBuf>,
    /// `REGISTRY_AUTH_FILE`: podman's and skopeo's `auth.json`.
    pub registry_auth_file: Option<PathBuf>,
    /// `GITHUB_TOKEN`.
    pub github_token: Option<Secret>,
    /// `GITHUB_ACTOR`.
    pub github_actor: Option<String>,
    /// `CI_REGISTRY`.
    pub ci_registry: Option<String>,
    /// `CI_REGISTRY_USER`.
    pub ci_registry_user: Option<String>,
    /// `CI_REGISTRY_PASSWORD`.
    pub ci_registry_password: Option<Secret>,
    /// AWS.
    pub aws: AwsSettings,
    /// Google.
    pub google: GoogleSettings,
    /// Azure.
    pub azure: AzureSettings,
    /// `SSL_CERT_FILE`, for messages: the TLS library reads it itself.
    pub ssl_cert_file: Option<PathBuf>,
}

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// A value that makes no sense is an error that names the variable, never a silent default.
    pub fn from_env() -> Result<Settings, Problem> {
        Settings::from(|name| std::env::var_os(name))
    }

    /// Reads from any source of variables.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn from(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Settings, Problem> {
        let variables = Variables::new(&lookup);
        let flag = |name, expected, words: &[(&str, bool)]| {
            Ok(variables.choice(name, expected, words)?.unwrap_or(false))
        };
        Ok(Settings {
            timeout: variables.timeout("KUBECLARITY_TIMEOUT")?.unwrap_or(Duration::from_secs(10)),
            errors_are_anonymous: flag(
                "KUBECLARITY_ON_ERROR",
                Expected::Either("fail", "anonymous"),
                &[("fail", false), ("anonymous", true)],
            )?,
            log: flag(
                "KUBECLARITY_LOG",
                Expected::Either("debug", "off"),
                &[("off", false), ("debug", true)],
            )?,
            ignore_login: flag(
                "KUBECLARITY_IGNORE_LOGIN",
                Expected::Either("1", "0"),
                &[("0", false), ("false", false), ("1", true), ("true", true)],
            )?,
            cache_off: flag(
                "KUBECLARITY_CACHE",
                Expected::Either("on", "off"),
                &[("on", false), ("off", true)],
            )?,
            cache_ttl: variables.life("KUBECLARITY_CACHE_TTL")?.unwrap_or(Duration::from_secs(60)),
            runtime_directory: variables.path("XDG_RUNTIME_DIR"),
            cache_directory: variables
                .path("XDG_RUNTIME_DIR")
                .or_else(|| variables.path("XDG_CACHE_HOME"))
                .or_else(|| variables.path("HOME").map(|home| home.join(".cache")))
                // The specification: a path that is not absolute is to be ignored.
                .filter(|directory| directory.is_absolute()),
            machine_cloud: variables
                .choice(
                    "KUBECLARITY_CLOUD",
                    Expected::Cloud,
                    &[
                        ("aws", MachineCloud::Is(Cloud::Aws)),
                        ("google", MachineCloud::Is(Cloud::Google)),
                        ("azure", MachineCloud::Is(Cloud::Azure)),
                        ("none", MachineCloud::None),
                    ],
                )?
                .unwrap_or(MachineCloud::Detect),
            mounted: variables.path("IMAGE_PULL_SECRET_PATH"),
            pull_secrets: variables.objects("KUBECLARITY_PULL_SECRETS")?,
            service_account: variables.object("KUBECLARITY_SERVICE_ACCOUNT")?,
            credentials_namespace: variables
                .namespace("CREDS_SECRET_NAMESPACE")?
                .unwrap_or_else(|| "kubeclarity".to_owned()),
            images: ["KUBECLARITY_IMAGE", "IMAGE_NAME_TO_SCAN", "IMAGE_ID_TO_SCAN"]
                .into_iter()
                .filter_map(|name| variables.word(name).transpose())
                .collect::<Result<_, _>>()?,
            kubeconfig: variables.paths("KUBECONFIG"),
            home: variables.path("HOME"),
            in_cluster_host: variables.address("KUBERNETES_SERVICE_HOST")?,
            in_cluster_port: variables.word("KUBERNETES_SERVICE_PORT")?,
            docker_auth_config: variables.secret_object("DOCKER_AUTH_CONFIG")?,
            docker_config: variables.path("DOCKER_CONFIG"),
            registry_auth_file: variables.path("REGISTRY_AUTH_FILE"),
            github_token: variables.secret("GITHUB_TOKEN")?.map(Secret::trimmed),
            github_actor: variables.word("GITHUB_ACTOR")?,
            ci_registry: variables.address("CI_REGISTRY")?,
            ci_registry_user: variables.word("CI_REGISTRY_USER")?,
            ci_registry_password: variables.secret("CI_REGISTRY_PASSWORD")?,
            aws: AwsSettings::from(&variables)?,
            google: GoogleSettings::from(&variables)?,
            azure: AzureSettings::from(&variables)?,
            ssl_cert_file: variables.path("SSL_CERT_FILE"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Settings, Problem> {
        Settings::from(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v)))
    }

    #[test]
    fn nothing_set_gives_the_defaults() {
        let settings = with(&[]).unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(10));
        assert_eq!(settings.credentials_namespace, "kubeclarity");
        assert_eq!(settings.machine_cloud, MachineCloud::Detect);
        assert!(!settings.errors_are_anonymous && !settings.log && !settings.ignore_login);
        assert!(settings.pull_secrets.is_empty() && settings.images.is_empty());
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let settings =
            with(&[("KUBECLARITY_TIMEOUT", ""), ("CREDS_SECRET_NAMESPACE", ""), ("GITHUB_TOKEN", "")])
                .unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(10));
        assert_eq!(settings.credentials_namespace, "kubeclarity");
        assert_eq!(settings.github_token, None);
    }

    #[test]
    fn values_without_sense_name_their_variable() {
        for (name, value) in [
            ("KUBECLARITY_TIMEOUT", "ten"),
            ("KUBECLARITY_TIMEOUT", "0"),
            ("KUBECLARITY_TIMEOUT", "-1"),
            ("KUBECLARITY_TIMEOUT", "inf"),
            ("KUBECLARITY_TIMEOUT", "NaN"),
            ("KUBECLARITY_TIMEOUT", "1e9"),
            ("KUBECLARITY_ON_ERROR", "ignore"),
            ("KUBECLARITY_LOG", "loud"),
            ("KUBECLARITY_IGNORE_LOGIN", "perhaps"),
            ("KUBECLARITY_CLOUD", "ibm"),
            ("KUBECLARITY_CACHE", "maybe"),
            ("KUBECLARITY_CACHE_TTL", "1m"),
            ("KUBECLARITY_CACHE_TTL", "86401"),
            ("KUBECLARITY_PULL_SECRETS", "a,../b"),
            ("KUBECLARITY_PULL_SECRETS", "a/b/c"),
            ("KUBECLARITY_SERVICE_ACCOUNT", "/x"),
            ("CREDS_SECRET_NAMESPACE", "a/b"),
        ] {
            let problem = with(&[(name, value)]).expect_err(name);
            assert!(problem.to_string().starts_with(name), "{name}={value}: {problem}");
            assert!(matches!(problem, Problem::Setting { variable, .. } if variable == name));
        }
    }

    #[test]
    fn names_of_secrets() {
        let settings = with(&[("KUBECLARITY_PULL_SECRETS", " a, other/b-1.x ,,")]).unwrap();
        let name = |namespace: Option<&str>, name: &str| ObjectName {
            namespace: namespace.map(Into::into),
            name: name.into(),
        };
        assert_eq!(settings.pull_secrets, [name(None, "a"), name(Some("other"), "b-1.x")]);
    }

    #[test]
    fn names_that_would_leave_their_place_are_none() {
        for good in ["a", "a-b.c", "0", "kubeclarity"] {
            assert!(is_object_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a..b",
            "-a",
            "a-",
            "A",
            "a_b",
            "a/b",
            "a%2fb",
            "a?x",
            "a b",
            "é",
            &"a".repeat(254),
        ] {
            assert!(!is_object_name(bad), "{bad}");
        }
    }
}
