//! A server string: no panic; a key is a registry too, and the same one; a cloud's host survives its own spelling.

use docker_credential_kubeclarity::cloud::hosts::CloudHost;
use docker_credential_kubeclarity::registry::Registry;

/// The property.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Registry::of_image(text);
    let Some(registry) = Registry::parse(text) else { return };
    let again = Registry::parse(&registry.key()).expect("a key is a registry");
    assert_eq!(again.key(), registry.key());
    // The key does not say whether TLS was asked for; without it no cloud's token may go.
    let cloud = CloudHost::of(&again).filter(|_| !registry.is_plain_http());
    assert_eq!(CloudHost::of(&registry), cloud);
    if CloudHost::of(&registry).is_some() {
        assert!(registry.port().is_none() && !registry.host().ends_with('.'));
    }
}
