//! A token's `sub`, up to the path of a request: no panic, and what is no service account's is none. A path has its seven
//! parts and nothing but names in them, whoever names the object.

use docker_credential_kubeclarity::cluster::{Object, service_account};
use docker_credential_kubeclarity::credential::jwt_identity_in;

fn is_sound(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let name = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && !part.contains("..")
            && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
    };
    match parts[..] {
        ["", "api", "v1", "namespaces", namespace, "secrets" | "serviceaccounts", object] => {
            name(namespace) && !namespace.contains('.') && name(object)
        }
        _ => false,
    }
}

/// The property.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let subjects = [Some(text.to_owned()), jwt_identity_in(bytes).map(|(_, subject)| subject)];
    for subject in subjects.into_iter().flatten() {
        let Some(account) = service_account(&subject) else { continue };
        let namespace = account.namespace.as_deref().unwrap_or_default();
        assert_eq!(subject, format!("system:serviceaccount:{namespace}:{}", account.name));
        let path = Object::service_account(namespace, &account.name).path();
        assert!(path.is_some_and(|path| is_sound(&path)), "{subject}");
    }
    let (namespace, name) = text.split_once('\n').unwrap_or((text, text));
    assert!(Object::secret(namespace, name).path().is_none_or(|path| is_sound(&path)), "{text}");
}
