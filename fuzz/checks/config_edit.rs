//! A stored configuration that gets an entry and loses it again: no panic, and the other entries stay.

use docker_credential_kubeclarity::docker_config::edit::Document;
use docker_credential_kubeclarity::registry::Registry;
use docker_credential_kubeclarity::secret::Secret;

/// The property.
pub fn check(text: &[u8]) {
    let Ok(mut document) = Document::parse(text) else { return };
    let registry = Registry::parse("fuzz.example.com").expect("a registry");
    if document.put(&registry, "u", &Secret::new("p".to_owned())).is_err() {
        return;
    }
    let with = Document::parse(document.to_text().as_bytes());
    assert!(with.is_ok());
    assert!(matches!(document.remove(&registry), Ok(true)));
    assert!(matches!(document.remove(&registry), Ok(false)));
}
