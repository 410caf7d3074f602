//! The forms in which a Secret holds logins: the two types of Kubernetes, and two more that are taken only of a Secret that
//! the user named, since a default may name one that was never meant for it.

use super::super::mounted::{CONFIG_JSON, KEYS};
use crate::cluster::SecretObject;
use crate::docker_config::{DockerConfig, Format};
use crate::problem::ConfigFault;
use crate::secret::Secret;

const OPAQUE: &str = "Opaque";
const BASIC_AUTH: &str = "kubernetes.io/basic-auth";

/// What a Secret holds.
#[derive(Debug)]
pub enum Form {
    /// Docker configurations, each with its key in the Secret.
    Configs(Vec<(&'static str, Result<DockerConfig, ConfigFault>)>),
    /// One login, for registries that annotations name.
    Login(DockerConfig),
    /// It is of the right type, but the type's key is missing.
    MissingKey(&'static str),
    /// It has a user name and a password, but no annotation says for which registry.
    NoAnnotation,
    /// Its type holds no logins.
    WrongType,
}

impl Form {
    /// Reads a Secret; `named` if the user named it.
    pub fn of(secret: &SecretObject, named: bool) -> Form {
        if let Some((key, format)) = KEYS.into_iter().find(|(_, format)| secret.kind == type_of(*format)) {
            return match secret.value(key) {
                Some(text) => Form::Configs(vec![(key, DockerConfig::parse(text, format))]),
                None => Form::MissingKey(key),
            };
        }
        match secret.kind.as_str() {
            OPAQUE if named => {
                let values = KEYS.into_iter().chain([CONFIG_JSON]);
                let values = values.filter_map(|(key, format)| Some((key, format, secret.value(key)?)));
                let configs: Vec<_> =
                    values.map(|(key, format, text)| (key, DockerConfig::parse(text, format))).collect();
                if configs.is_empty() { Form::WrongType } else { Form::Configs(configs) }
            }
            BASIC_AUTH if named => {
                let registries = secret.registries();
                if registries.is_empty() {
                    return Form::NoAnnotation;
                }
                let value = |key: &str| secret.value(key).unwrap_or_default();
                let username = String::from_utf8_lossy(value("username"));
                let password = Secret::from_text(value("password")).trimmed();
                Form::Login(DockerConfig::of_login(registries, username.trim_end(), &password))
            }
            _ => Form::WrongType,
        }
    }
}

/// The type of a Secret that holds a format.
pub fn type_of(format: Format) -> &'static str {
    match format {
        Format::ConfigJson => "kubernetes.io/dockerconfigjson",
        Format::DockerCfg => "kubernetes.io/dockercfg",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker_config::entry::Login;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Map, Value, json};

    fn secret(kind: &str, data: &[(&str, &str)], annotations: &[(&str, &str)]) -> SecretObject {
        let map = |pairs: &[(&str, &str)], value: fn(&str) -> String| -> Map<String, Value> {
            pairs.iter().map(|(key, text)| ((*key).to_owned(), Value::String(value(text)))).collect()
        };
        let (data, annotations) = (map(data, |text| STANDARD.encode(text)), map(annotations, str::to_owned));
        let object =
            json!({ "type": kind, "data": data, "metadata": { "name": "s", "annotations": annotations } });
        serde_json::from_value(object).unwrap()
    }

    /// The users of all entries of a Secret that the user named, with key and entry.
    fn users(secret: &SecretObject) -> Vec<String> {
        let user = |key: &str, config: &DockerConfig| -> Vec<String> {
            let shown = |login: &Login| match login {
                Login::Usable(credential) => {
                    format!("{}:{}", credential.username, credential.secret.expose())
                }
                Login::Broken(fault) => fault.to_string(),
            };
            config
                .entries
                .iter()
                .map(|entry| format!("{key} {} {}", entry.text, shown(&entry.login)))
                .collect()
        };
        match Form::of(secret, true) {
            Form::Configs(configs) => {
                configs.iter().flat_map(|(key, config)| user(key, config.as_ref().unwrap())).collect()
            }
            Form::Login(config) => user("-", &config),
            other => vec![format!("{other:?}")],
        }
    }

    const CONFIG: &str = r#"{"auths":{"reg.io":{"username":"u","password":"p"}}}"#;
    const CFG: &str = r#"{"reg.io":{"username":"old","password":"p"}}"#;

    #[test]
    fn configurations_by_type_and_key() {
        for (kind, data, expected) in [
            (
                "kubernetes.io/dockerconfigjson",
                &[(".dockerconfigjson", CONFIG)][..],
                &[".dockerconfigjson reg.io u:p"][..],
            ),
            (
                "kubernetes.io/dockercfg",
                &[(".dockercfg", CFG), ("config.json", CONFIG)],
                &[".dockercfg reg.io old:p"],
            ),
            (
                "kubernetes.io/dockerconfigjson",
                &[("config.json", CONFIG)],
                &[r#"MissingKey(".dockerconfigjson")"#],
            ),
            (OPAQUE, &[(".dockerconfigjson", CONFIG)], &[".dockerconfigjson reg.io u:p"]),
            (OPAQUE, &[("config.json", CONFIG), ("other", "x")], &["config.json reg.io u:p"]),
            (
                OPAQUE,
                &[("config.json", CONFIG), (".dockercfg", CFG)],
                &[".dockercfg reg.io old:p", "config.json reg.io u:p"],
            ),
            (OPAQUE, &[("other", CONFIG)], &["WrongType"]),
            (OPAQUE, &[], &["WrongType"]),
            ("kubernetes.io/tls", &[(".dockerconfigjson", CONFIG)], &["WrongType"]),
            ("", &[("config.json", CONFIG)], &["WrongType"]),
        ] {
            assert_eq!(users(&secret(kind, data, &[])), expected, "{kind} {data:?}");
        }
    }

    #[test]
    fn a_user_name_and_a_password_for_annotated_registries() {
        let data = [("username", "u\n"), ("password", " p\r\n")];
        for (annotations, expected) in [
            (&[("tekton.dev/docker-0", "https://reg.io")][..], &["- https://reg.io u: p"][..]),
            // As in Tekton any name with the prefix counts, in the order of the registries.
            (
                &[
                    ("tekton.dev/docker-1", "a.io"),
                    ("tekton.dev/docker-0", "b.io/team"),
                    ("tekton.dev/docker-x", "c.io"),
                ],
                &["- a.io u: p", "- b.io/team u: p", "- c.io u: p"],
            ),
            (&[("tekton.dev/docker-0", "reg.io"), ("tekton.dev/docker-1", "reg.io")], &["- reg.io u: p"]),
            (
                &[("tekton.dev/docker-0", "ftp://reg.io"), ("tekton.dev/docker-1", "reg.io")],
                &["- reg.io u: p"],
            ),
            (&[("tekton.dev/git-0", "reg.io"), ("tekton.dev/docker", "reg.io")], &["NoAnnotation"]),
            (&[("tekton.dev/docker-0", ""), ("tekton.dev/docker-1", " ")], &["NoAnnotation"]),
            (&[], &["NoAnnotation"]),
        ] {
            assert_eq!(users(&secret(BASIC_AUTH, &data, annotations)), expected, "{annotations:?}");
        }
        let annotations = [("tekton.dev/docker-0", "reg.io")];
        for (data, told) in [
            (&[("username", "u")][..], "no password"),
            (&[("password", "p"), ("username", "\n")], "no username"),
            (&[("password", "p"), ("username", "caf\u{fffd}")], "not valid UTF-8"),
        ] {
            let told_of = users(&secret(BASIC_AUTH, data, &annotations));
            assert!(matches!(&told_of[..], [one] if one.contains(told)), "{told_of:?}");
        }
        // A login for nobody is none.
        assert_eq!(users(&secret(BASIC_AUTH, &[], &annotations)), [""; 0]);
    }

    #[test]
    fn what_a_default_names_is_of_the_two_types() {
        let annotations = [("tekton.dev/docker-0", "reg.io")];
        let data =
            [("username", "u"), ("password", "p"), (".dockerconfigjson", CONFIG), ("config.json", CONFIG)];
        for kind in [OPAQUE, BASIC_AUTH] {
            assert!(matches!(Form::of(&secret(kind, &data, &annotations), false), Form::WrongType), "{kind}");
        }
        let typed = secret("kubernetes.io/dockerconfigjson", &data, &annotations);
        assert!(matches!(Form::of(&typed, false), Form::Configs(configs) if configs.len() == 1));
    }
}
