//! A pull secret of either format, asked for some registries: no panic, and every credential is whole.

use std::time::SystemTime;

use docker_credential_kubeclarity::docker_config::select::select;
use docker_credential_kubeclarity::docker_config::{DockerConfig, Format, Loaded};
use docker_credential_kubeclarity::question::Question;
use docker_credential_kubeclarity::registry::Registry;

/// The property.
pub fn check(text: &[u8]) {
    for format in [Format::ConfigJson, Format::DockerCfg] {
        let Ok(config) = DockerConfig::parse(text, format) else { continue };
        let _ = config.summary();
        let loaded = [Loaded { origin: "fuzz".into(), config }];
        for server in ["reg.example.com/team/app", "docker.io", "localhost:5000"] {
            let registry = Registry::parse(server).expect("a registry");
            let finding = select(&loaded, &Question::of(registry), SystemTime::UNIX_EPOCH);
            for candidate in finding.candidates {
                assert!(!candidate.credential.username.is_empty() && !candidate.credential.secret.is_empty());
            }
        }
    }
}
