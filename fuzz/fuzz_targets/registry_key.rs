//! A key of a pull secret: no panic, no endless glob, and a glob never leaves its label.
#![no_main]

use docker_credential_kubeclarity::docker_config::key::Key;
use docker_credential_kubeclarity::registry::Registry;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some(key) = Key::parse(text) else { return };
    let registry = Registry::parse("reg.example.com/team/app").expect("a registry");
    let deeper = Registry::parse("a.reg.example.com/team/app").expect("a registry");
    // Both at once would mean that a `*` took more than one label.
    assert!(!(key.matches_host(&registry) && key.matches_host(&deeper)));
    let _ = (key.rank(&registry, "team/app"), key.registry(), key.is_exactly(&registry));
});
