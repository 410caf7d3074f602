//! A key of a pull secret: no panic, no endless glob, and a glob never leaves its label.

use docker_credential_kubeclarity::docker_config::key::Key;
use docker_credential_kubeclarity::question::Question;
use docker_credential_kubeclarity::registry::Registry;

/// The property.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(key) = Key::parse(text) else { return };
    let registry = Registry::parse("reg.example.com/team/app").expect("a registry");
    let deeper = Registry::parse("a.reg.example.com/team/app").expect("a registry");
    // Both at once would mean that a `*` took more than one label; a `?` has two readings.
    assert!(text.contains('?') || !(key.matches_host(&registry) && key.matches_host(&deeper)));
    let _ = (key.rank(&Question::of(registry.clone())), key.registry(), key.is_exactly(&registry));
}
