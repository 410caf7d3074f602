//! What a configuration holds, in a line for `explain`.

use super::{DockerConfig, Keys};
use crate::shown::Shown;

/// So many keys are named.
pub(super) const SHOWN: usize = 4;

impl DockerConfig {
    /// How many entries, and the first keys, so that a slip in one is seen; and what it holds that is no entry.
    pub fn summary(&self) -> Shown {
        let number = self.entries.len();
        let keys = named(self.entries.iter().map(|entry| entry.text.as_str()), number);
        let mut parts = vec![match number {
            0 => "no entries".into(),
            1 => shown!["1 entry: ", keys],
            number => shown![number, " entries: ", keys],
        }];
        let left_out = &self.left_out;
        if left_out.without_auths {
            parts.push("it has the form of .dockercfg: put all of it below `auths`".into());
        }
        if left_out.auths_inside {
            parts.push(
                "`auths` belongs into .dockerconfigjson: .dockercfg holds only what is below it".into(),
            );
        }
        if left_out.without_login.count > 0 {
            let helpers = match left_out.helpers {
                true => ": the credential helper that the file names keeps it",
                false => "",
            };
            parts.push(shown!["no login for ", left_out.without_login.named(), helpers]);
        } else if left_out.helpers && number == 0 {
            parts.push("the credential helper that the file names keeps the logins".into());
        }
        if left_out.no_registry.count > 0 {
            parts.push(shown!["not a registry: ", left_out.no_registry.named()]);
        }
        Shown::joined(parts, "; ")
    }
}

impl Keys {
    fn named(&self) -> Shown {
        named(self.first.iter().map(String::as_str), self.count)
    }
}

fn named<'a>(keys: impl Iterator<Item = &'a str>, number: usize) -> Shown {
    let more = if number > SHOWN { ", ..." } else { "" };
    shown![Shown::joined(keys.take(SHOWN).map(Shown::text), ", "), more]
}

#[cfg(test)]
mod tests {
    use super::super::{DockerConfig, Format};

    fn summary(text: &str, format: Format) -> String {
        DockerConfig::parse(text.as_bytes(), format).unwrap().summary().to_string()
    }

    #[test]
    fn entries_are_counted_and_the_first_are_named() {
        let with = |keys: &[&str]| {
            let entries: Vec<String> =
                keys.iter().map(|key| format!(r#""{key}":{{"auth":"dTpw"}}"#)).collect();
            summary(&format!(r#"{{"auths":{{{}}}}}"#, entries.join(",")), Format::ConfigJson)
        };
        assert_eq!(with(&[]), "no entries");
        assert_eq!(with(&["a.io"]), "1 entry: a.io");
        assert_eq!(with(&["a.io", "b.io"]), "2 entries: b.io, a.io");
        assert_eq!(with(&["a", "b", "c", "d", "e"]), "5 entries: e, d, c, b, ...");
    }

    #[test]
    fn what_is_no_entry_is_told() {
        const WITHOUT_AUTHS: &str = "no entries; it has the form of .dockercfg: put all of it below `auths`";
        for (text, told) in [
            (r#"{"reg.io":{"auth":"dTpw"}}"#, WITHOUT_AUTHS),
            (r#"{"registry":{"auth":"dTpw"}}"#, WITHOUT_AUTHS),
            (r#"{"localhost":{"username":"u","password":"p"}}"#, WITHOUT_AUTHS),
            (r#"{"localhost":{"identitytoken":"t"}}"#, WITHOUT_AUTHS),
            (r#"{"registry":{"RegistryToken":"t"}}"#, WITHOUT_AUTHS),
            (r#"{"registry:5000":{}}"#, WITHOUT_AUTHS),
            (r#"{"registry":{"auth":"dTpw"},"auths":{}}"#, "no entries"),
            (
                r#"{"HttpHeaders":{"auth":"x"},"proxies":{"default":{"httpProxy":"x"}},"aliases":{"a":"b"},"detachKeys":"x"}"#,
                "no entries",
            ),
            (r#"{"auths":{"reg.io":{}}}"#, "no entries; no login for reg.io"),
            (
                r#"{"auths":{"reg.io":{"email":"e"},"other.io":null,"good.io":{"auth":"dTpw"}}}"#,
                "1 entry: good.io; no login for reg.io, other.io",
            ),
            (
                r#"{"auths":{"https://index.docker.io/v1/":{}},"credsStore":"desktop"}"#,
                "no entries; no login for https://index.docker.io/v1/: the credential helper that the file names keeps it",
            ),
            (
                r#"{"credHelpers":{"reg.io":"x"}}"#,
                "no entries; the credential helper that the file names keeps the logins",
            ),
            (r#"{"credsStore":"","CredHelpers":{}}"#, "no entries"),
            (
                r#"{"auths":{"ftp://reg.io":{"auth":"dTpw"},"reg:x":{}}}"#,
                "no entries; not a registry: reg:x, ftp://reg.io",
            ),
            (r#"{"auths":{"reg.io":{"registrytoken":"t"}}}"#, "1 entry: reg.io"),
        ] {
            assert_eq!(summary(text, Format::ConfigJson), told, "{text}");
        }
        const AUTHS_INSIDE: &str =
            "`auths` belongs into .dockerconfigjson: .dockercfg holds only what is below it";
        for (text, told) in [
            (r#"{"auths":{"reg.io":{"auth":"dTpw"}}}"#, format!("no entries; {AUTHS_INSIDE}")),
            (
                r#"{"Auths":{"registry":{}},"reg.io":{"auth":"dTpw"}}"#,
                format!("1 entry: reg.io; {AUTHS_INSIDE}"),
            ),
            // A host may have that name.
            (r#"{"auths":{"username":"u","password":"p"}}"#, "1 entry: auths".to_owned()),
            (r#"{"auths":{}}"#, "no entries; no login for auths".to_owned()),
        ] {
            assert_eq!(summary(text, Format::DockerCfg), told, "{text}");
        }
    }
}
