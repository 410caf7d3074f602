//! Every variable, read once, with its default. An empty variable counts as unset.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::problem::Problem;
use crate::secret::Secret;

/// `namespace/name` of an object in the cluster; without a namespace, it is the service account's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// The namespace, if the name came with one.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

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

/// What AWS's SDK would read, as far as the choice of an identity needs it.
#[derive(Debug, Clone)]
pub struct AwsSettings {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Option<Secret>,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<Secret>,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<Secret>,
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`: where the identity itself is asked for.
    pub region: Option<String>,
    /// `AWS_PROFILE`.
    pub profile: Option<String>,
    /// `AWS_CONFIG_FILE`.
    pub config_file: Option<PathBuf>,
    /// `AWS_SHARED_CREDENTIALS_FILE`.
    pub credentials_file: Option<PathBuf>,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`.
    pub web_identity_token_file: Option<PathBuf>,
    /// `AWS_ROLE_ARN`.
    pub role_arn: Option<String>,
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, else `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub container_credentials: Option<String>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`.
    pub container_token_file: Option<PathBuf>,
    /// `AWS_EXTERNAL_ID`, which the role may demand.
    pub external_id: Option<String>,
    /// `AWS_CA_BUNDLE`: further certificate authorities.
    pub ca_bundle: Option<PathBuf>,
}

/// Where Google's identities are looked for.
#[derive(Debug, Clone)]
pub struct GoogleSettings {
    /// `GOOGLE_APPLICATION_CREDENTIALS`.
    pub credentials: Option<PathBuf>,
    /// `CLOUDSDK_CONFIG`: gcloud's directory.
    pub cloudsdk_config: Option<PathBuf>,
    /// `GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1`.
    pub allow_executables: bool,
    /// `GCE_METADATA_HOST`.
    pub metadata_host: Option<String>,
    /// Whether `K_SERVICE` or `CLOUD_RUN_JOB` is set.
    pub cloud_run: bool,
}

/// Azure's identities.
#[derive(Debug, Clone)]
pub struct AzureSettings {
    /// `AZURE_TENANT_ID`.
    pub tenant_id: Option<String>,
    /// `AZURE_CLIENT_ID`.
    pub client_id: Option<String>,
    /// `AZURE_CLIENT_SECRET`.
    pub client_secret: Option<Secret>,
    /// `AZURE_FEDERATED_TOKEN_FILE`: workload identity.
    pub federated_token_file: Option<PathBuf>,
    /// `AZURE_AUTHORITY_HOST`.
    pub authority_host: Option<String>,
    /// `IDENTITY_ENDPOINT`: App Service's managed identity.
    pub identity_endpoint: Option<String>,
    /// `IDENTITY_HEADER`.
    pub identity_header: Option<Secret>,
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
    pub ssl_cert_file: Option<String>,
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
        let raw = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let text = |name: &'static str| match raw(name).map(OsString::into_string) {
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(_)) => Err(Problem::Setting { variable: name, expected: "it takes text in UTF-8" }),
            None => Ok(None),
        };
        let path = |name: &str| raw(name).map(PathBuf::from);
        let secret = |name| Ok(text(name)?.map(Secret::new));
        let word =
            |name| Ok(text(name)?.map(|value: String| value.trim().to_owned()).filter(|v| !v.is_empty()));

        Ok(Settings {
            timeout: match word("KUBECLARITY_TIMEOUT")? {
                None => Duration::from_secs(10),
                Some(seconds) => timeout(&seconds)?,
            },
            errors_are_anonymous: choice(
                "KUBECLARITY_ON_ERROR",
                word("KUBECLARITY_ON_ERROR")?,
                "it takes fail or anonymous",
                &[("fail", false), ("anonymous", true)],
            )?
            .unwrap_or(false),
            log: choice(
                "KUBECLARITY_LOG",
                word("KUBECLARITY_LOG")?,
                "it takes debug or off",
                &[("off", false), ("debug", true)],
            )?
            .unwrap_or(false),
            ignore_login: choice(
                "KUBECLARITY_IGNORE_LOGIN",
                word("KUBECLARITY_IGNORE_LOGIN")?,
                "it takes 1 or 0",
                &[("0", false), ("false", false), ("1", true), ("true", true)],
            )?
            .unwrap_or(false),
            cache_off: choice(
                "KUBECLARITY_CACHE",
                word("KUBECLARITY_CACHE")?,
                "it takes on or off",
                &[("on", false), ("off", true)],
            )?
            .unwrap_or(false),
            cache_ttl: match word("KUBECLARITY_CACHE_TTL")? {
                None => Duration::from_secs(60),
                Some(seconds) => cache_ttl(&seconds)?,
            },
            runtime_directory: path("XDG_RUNTIME_DIR"),
            cache_directory: path("XDG_RUNTIME_DIR")
                .or_else(|| path("XDG_CACHE_HOME"))
                .or_else(|| path("HOME").map(|home| home.join(".cache")))
                // The specification: a path that is not absolute is to be ignored.
                .filter(|directory| directory.is_absolute()),
            machine_cloud: choice(
                "KUBECLARITY_CLOUD",
                word("KUBECLARITY_CLOUD")?,
                "it takes aws, google, azure or none",
                &[
                    ("aws", MachineCloud::Is(Cloud::Aws)),
                    ("google", MachineCloud::Is(Cloud::Google)),
                    ("azure", MachineCloud::Is(Cloud::Azure)),
                    ("none", MachineCloud::None),
                ],
            )?
            .unwrap_or(MachineCloud::Detect),
            mounted: path("IMAGE_PULL_SECRET_PATH"),
            pull_secrets: match word("KUBECLARITY_PULL_SECRETS")? {
                None => Vec::new(),
                Some(names) => object_names("KUBECLARITY_PULL_SECRETS", &names)?,
            },
            service_account: match word("KUBECLARITY_SERVICE_ACCOUNT")? {
                None => None,
                Some(name) => Some(object_name("KUBECLARITY_SERVICE_ACCOUNT", &name)?),
            },
            credentials_namespace: match word("CREDS_SECRET_NAMESPACE")? {
                None => "kubeclarity".to_owned(),
                Some(name) if is_object_name(&name) => name,
                Some(_) => {
                    return Err(Problem::Setting {
                        variable: "CREDS_SECRET_NAMESPACE",
                        expected: "it takes a namespace's name",
                    });
                }
            },
            images: ["KUBECLARITY_IMAGE", "IMAGE_NAME_TO_SCAN", "IMAGE_ID_TO_SCAN"]
                .into_iter()
                .filter_map(|name| word(name).transpose())
                .collect::<Result<_, _>>()?,
            kubeconfig: raw("KUBECONFIG"),
            home: path("HOME"),
            in_cluster_host: word("KUBERNETES_SERVICE_HOST")?,
            in_cluster_port: word("KUBERNETES_SERVICE_PORT")?,
            docker_auth_config: secret("DOCKER_AUTH_CONFIG")?,
            docker_config: path("DOCKER_CONFIG"),
            registry_auth_file: path("REGISTRY_AUTH_FILE"),
            github_token: secret("GITHUB_TOKEN")?.map(Secret::trimmed),
            github_actor: word("GITHUB_ACTOR")?,
            ci_registry: word("CI_REGISTRY")?,
            ci_registry_user: word("CI_REGISTRY_USER")?,
            ci_registry_password: secret("CI_REGISTRY_PASSWORD")?,
            aws: AwsSettings {
                access_key_id: secret("AWS_ACCESS_KEY_ID")?.map(Secret::trimmed),
                secret_access_key: secret("AWS_SECRET_ACCESS_KEY")?.map(Secret::trimmed),
                session_token: secret("AWS_SESSION_TOKEN")?.map(Secret::trimmed),
                region: match word("AWS_REGION")? {
                    None => word("AWS_DEFAULT_REGION")?,
                    region => region,
                },
                profile: word("AWS_PROFILE")?,
                config_file: path("AWS_CONFIG_FILE"),
                credentials_file: path("AWS_SHARED_CREDENTIALS_FILE"),
                web_identity_token_file: path("AWS_WEB_IDENTITY_TOKEN_FILE"),
                role_arn: word("AWS_ROLE_ARN")?,
                container_credentials: match word("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")? {
                    None => word("AWS_CONTAINER_CREDENTIALS_FULL_URI")?,
                    uri => uri,
                },
                container_token_file: path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
                external_id: word("AWS_EXTERNAL_ID")?,
                ca_bundle: path("AWS_CA_BUNDLE"),
            },
            google: GoogleSettings {
                credentials: path("GOOGLE_APPLICATION_CREDENTIALS"),
                cloudsdk_config: path("CLOUDSDK_CONFIG"),
                allow_executables: word("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES")?.as_deref() == Some("1"),
                metadata_host: word("GCE_METADATA_HOST")?,
                cloud_run: raw("K_SERVICE").or(raw("CLOUD_RUN_JOB")).is_some(),
            },
            azure: AzureSettings {
                tenant_id: word("AZURE_TENANT_ID")?,
                client_id: word("AZURE_CLIENT_ID")?,
                client_secret: secret("AZURE_CLIENT_SECRET")?.map(Secret::trimmed),
                federated_token_file: path("AZURE_FEDERATED_TOKEN_FILE"),
                authority_host: word("AZURE_AUTHORITY_HOST")?,
                identity_endpoint: word("IDENTITY_ENDPOINT")?,
                identity_header: secret("IDENTITY_HEADER")?,
            },
            ssl_cert_file: text("SSL_CERT_FILE")?,
        })
    }
}

fn timeout(seconds: &str) -> Result<Duration, Problem> {
    let wrong = Problem::Setting {
        variable: "KUBECLARITY_TIMEOUT",
        expected: "it takes seconds, more than 0 and at most 3600",
    };
    match seconds.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(wrong),
    }
}

fn cache_ttl(seconds: &str) -> Result<Duration, Problem> {
    match seconds.parse::<u32>() {
        Ok(seconds) if seconds <= 86_400 => Ok(Duration::from_secs(seconds.into())),
        _ => Err(Problem::Setting {
            variable: "KUBECLARITY_CACHE_TTL",
            expected: "it takes whole seconds from 0 to 86400",
        }),
    }
}

/// The value that a word stands for; `None` if the variable is unset.
fn choice<T: Copy>(
    variable: &'static str,
    word: Option<String>,
    expected: &'static str,
    words: &[(&str, T)],
) -> Result<Option<T>, Problem> {
    let Some(word) = word else { return Ok(None) };
    match words.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
        Some((_, value)) => Ok(Some(*value)),
        None => Err(Problem::Setting { variable, expected }),
    }
}

fn object_names(variable: &'static str, names: &str) -> Result<Vec<ObjectName>, Problem> {
    names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| object_name(variable, name))
        .collect()
}

fn object_name(variable: &'static str, name: &str) -> Result<ObjectName, Problem> {
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, name),
    };
    if !is_object_name(name) || namespace.is_some_and(|namespace| !is_object_name(namespace)) {
        return Err(Problem::Setting {
            variable,
            expected: "it takes Kubernetes names as `name` or `namespace/name`",
        });
    }
    Ok(ObjectName { namespace: namespace.map(str::to_owned), name: name.to_owned() })
}

/// A DNS-1123 subdomain, which the names of Secrets, ServiceAccounts and Namespaces are. Nothing else ever
/// becomes a part of a request's path.
pub fn is_object_name(name: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let end = |label: &str, byte: Option<u8>| !label.is_empty() && byte != Some(b'-');
    name.len() <= 253
        && name.split('.').all(|label| {
            label.bytes().all(inside) && end(label, label.bytes().next()) && end(label, label.bytes().last())
        })
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
