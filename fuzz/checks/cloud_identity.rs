//! `sa.json` and the other credential files of Google: no panic.

use docker_credential_kubeclarity::identity::google::Google;

/// The property.
pub fn check(bytes: &[u8]) {
    if let Err(fault) = Google::parse(bytes) {
        assert!(!fault.to_string().contains('\n'));
    }
}
