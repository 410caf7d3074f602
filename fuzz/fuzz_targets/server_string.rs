//! A server string: no panic; a key is a registry too, and the same one; a cloud's host survives its own spelling.
#![no_main]

use docker_credential_kubeclarity::cloud::hosts::CloudHost;
use docker_credential_kubeclarity::registry::Registry;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Registry::of_image(text);
    let Some(registry) = Registry::parse(text) else { return };
    let again = Registry::parse(&registry.key()).expect("a key is a registry");
    assert_eq!(again.key(), registry.key());
    assert_eq!(CloudHost::of(&again), CloudHost::of(&registry));
    if CloudHost::of(&registry).is_some() {
        assert!(registry.port().is_none() && !registry.host().ends_with('.'));
    }
});
