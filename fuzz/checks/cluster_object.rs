//! A Secret or a ServiceAccount as the API server sends it, with all that is made of its values: no panic, and an
//! identity is whole.

use std::time::SystemTime;

use docker_credential_kubeclarity::cluster::{Object, SecretObject, ServiceAccountObject};
use docker_credential_kubeclarity::docker_config::Loaded;
use docker_credential_kubeclarity::docker_config::select::select;
use docker_credential_kubeclarity::question::Question;
use docker_credential_kubeclarity::registry::Registry;
use docker_credential_kubeclarity::settings::Cloud;
use docker_credential_kubeclarity::source::cloud_secrets::{CloudIdentity, identity};
use docker_credential_kubeclarity::source::pull_secrets::form::Form;

use super::told;

/// The property.
pub fn check(body: &[u8]) {
    if let Ok(account) = serde_json::from_slice::<ServiceAccountObject>(body) {
        let _ = account.pull_secrets().count();
    }
    let Ok(secret) = serde_json::from_slice::<SecretObject>(body) else { return };
    let object = Object::secret("fuzz", "secret");
    for cloud in [Cloud::Aws, Cloud::Google, Cloud::Azure] {
        match identity(&object, &secret, cloud) {
            Ok(CloudIdentity::Aws(keys)) => {
                assert!(!keys.access_key_id.is_empty() && !keys.secret_access_key.is_empty());
            }
            Ok(_) => {}
            Err(problem) => {
                told(&problem);
            }
        }
    }
    // Of a Secret that the user named, every form is taken.
    let configs = match Form::of(&secret, true) {
        Form::Configs(configs) => configs.into_iter().filter_map(|(_, config)| config.ok()).collect(),
        Form::Login(config) => vec![config],
        Form::MissingKey(_) | Form::NoAnnotation | Form::WrongType => Vec::new(),
    };
    for config in configs {
        let loaded = [Loaded { origin: "fuzz".into(), config }];
        let registry = Registry::parse("reg.example.com").expect("a registry");
        let _ = select(&loaded, &Question::of(registry), SystemTime::UNIX_EPOCH);
    }
}
