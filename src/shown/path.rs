//! Whether a text can be the path of a file, and is not the file's content.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use super::{material, steers};

/// The longest path that systems take, and the longest name in it.
const LONGEST_PATH: usize = 4096;
const LONGEST_NAME: usize = 255;

/// How files end that variables name.
const EXTENSIONS: [&str; 17] = [
    "json", "yaml", "yml", "conf", "config", "cfg", "ini", "toml", "pem", "crt", "cer", "cert", "key", "txt",
    "token", "jwt", "env",
];
/// What they are called without an ending.
const NAMES: [&str; 12] = [
    "config",
    "credentials",
    "kubeconfig",
    "token",
    "auth",
    "docker",
    "secrets",
    "pull-secrets",
    "certs",
    "keys",
    "aws",
    "gcloud",
];

/// Whether a path names a file, as far as can be seen: no text of several lines, no JSON, PEM or token, and nothing of
/// them in base64. One that is not absolute must have the look of a file's name. Whatever is there is a path.
pub fn is_path(path: &Path) -> bool {
    is_plain(path.as_os_str().as_bytes()) || looks_like_one(path) || path.symlink_metadata().is_ok()
}

fn looks_like_one(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    // What is no text is some file's name: there are such.
    let text = String::from_utf8_lossy(bytes);
    let odd = |c: char| steers(c) || matches!(c, '{' | '}' | '"' | '`' | '<' | '>' | '|' | ';' | '?');
    if bytes.is_empty() || bytes.len() > LONGEST_PATH || text.contains(odd) {
        return false;
    }
    let names = || bytes.split(|b| *b == b'/').map(OsStr::from_bytes);
    if names().any(|name| name.len() > LONGEST_NAME) || !material::places(&text).is_empty() {
        return false;
    }
    if names().any(|name| name.to_str().is_some_and(material::is_encoded)) || material::is_encoded(&text) {
        return false;
    }
    path.is_absolute()
        || text.starts_with("./")
        || text.starts_with("../")
        || text.starts_with("~/")
        || is_name(path)
}

/// An absolute path without upper case: no token, key or base64 is so. Every answer looks at some.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.starts_with(b"/")
        && bytes.len() <= LONGEST_NAME
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/._-".contains(b))
}

/// Whether the last part of a path that is not absolute is called as files are.
fn is_name(path: &Path) -> bool {
    let last = match path.components().next_back() {
        Some(Component::Normal(name)) => name,
        Some(_) => return true,
        None => return false,
    };
    let Some(name) = last.to_str() else { return false };
    let known = |extension: &str| EXTENSIONS.iter().any(|one| extension.eq_ignore_ascii_case(one));
    name.starts_with('.') && name.len() <= 32
        || NAMES.contains(&name)
        || name.rsplit_once('.').is_some_and(|(stem, extension)| stem.len() <= 64 && known(extension))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    #[test]
    fn paths_are_paths() {
        for path in [
            "/etc/ssl/certs/ca-certificates.crt",
            "/var/run/secrets/kubernetes.io/serviceaccount/token",
            "/var/lib/kubelet/pods/0f4b3c1e-5f0a-4d41-9a33-6a5f5d0c7a1b/volumes/kubernetes.io~projected/x/..data",
            "/srv/user/My Files/Schlüssel (neu).json",
            "/nix/store/0c0g1v5h8jq3m8y3b0a6lhbmqyzzzz9f-cacert-3.98/etc/ssl/certs/ca-bundle.crt",
            "/a",
            "/none/none",
            "key.json",
            "secrets/key.JSON",
            "./anything",
            "../anything",
            "~/x",
            "..",
            ".",
            ".docker",
            ".docker/config.json",
            "config",
            "kubeconfig.yaml",
            "ca.pem",
            "/etc/hosts",
        ] {
            assert!(is_path(Path::new(path)), "{path}");
        }
        assert!(is_path(Path::new(OsStr::from_bytes(b"/etc/\xff"))));
    }

    #[test]
    fn the_content_of_a_file_is_none() {
        let json = r#"{"type":"service_account","private_key":"x"}"#;
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqh\n-----END PRIVATE KEY-----\n";
        let yaml = "apiVersion: v1\nkind: Config\n";
        let jwt =
            format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode("{}"));
        let (name, path) = ("a".repeat(LONGEST_NAME + 1), "/a".repeat(LONGEST_PATH));
        let mut texts: Vec<String> = [
            json,
            pem,
            yaml,
            &jwt,
            "",
            &name,
            &path,
            "Zm9vYmFy0123456789abcdef",
            "hunter2",
            "Qz7vKp2mXw9rTn4bHd6s",
        ]
        .map(str::to_owned)
        .to_vec();
        for text in [json, pem, yaml, &jwt, "correct horse", "hunter2hunter2"] {
            texts.extend([
                STANDARD.encode(text),
                URL_SAFE_NO_PAD.encode(text),
                format!("/{}", STANDARD.encode(text)),
            ]);
            texts.push(format!("/srv/user/.kube/{}", URL_SAFE_NO_PAD.encode(text)));
        }
        for text in [json, pem, &jwt] {
            texts.push(format!("/srv/user/.kube/{text}"));
            texts.push(format!("{text}/config.json"));
            texts.push(format!("https://me:{text}@host/"));
        }
        texts.push("https://me:hunter2@proxy.example.com:3128/x.json".to_owned());
        for text in texts {
            assert!(!is_path(Path::new(&text)), "{text}");
        }
    }
}
