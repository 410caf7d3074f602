//! A Secret or a ServiceAccount as the API server sends it, with all that is made of its values: no panic, and an
//! identity is whole.

use std::time::SystemTime;

use docker_credential_kubeclarity::cluster::{Object, SecretObject, ServiceAccountObject};
use docker_credential_kubeclarity::docker_config::Loaded;
use docker_credential_kubeclarity::docker_config::select::select;
use docker_credential_kubeclarity::identity::aws::AwsKind;
use docker_credential_kubeclarity::identity::secret::identity;
use docker_credential_kubeclarity::identity::{Kind, Origin, access};
use docker_credential_kubeclarity::question::Question;
use docker_credential_kubeclarity::registry::Registry;
use docker_credential_kubeclarity::settings::Cloud;
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
            Ok(found) => {
                assert!(matches!(found.origin, Origin::Secret { .. }) && found.cloud() == cloud);
                match &found.kind {
                    Kind::Aws(aws) => match &aws.kind {
                        AwsKind::Keys(keys) | AwsKind::Role { keys, .. } => {
                            assert!(!keys.access_key_id.is_empty() && !keys.secret_access_key.is_empty());
                        }
                        other => panic!("a Secret made {other:?}"),
                    },
                    // Whatever it refers to is what a Secret may refer to.
                    Kind::Google(google) => {
                        let reference = google.federated().and_then(|account| account.source.reference());
                        assert!(reference.is_none_or(|one| access::check(&found.origin, one).is_ok()));
                    }
                    Kind::Azure(azure) => assert!(azure.tenant().is_some()),
                }
            }
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
