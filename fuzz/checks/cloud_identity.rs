//! `sa.json` and the other credential files of Google: no panic.

use docker_credential_kubeclarity::cloud::google::adc::Adc;

/// The property.
pub fn check(bytes: &[u8]) {
    if let Err(problem) = Adc::parse("fuzz".into(), bytes) {
        assert!(!problem.to_string().contains('\n'));
    }
}
