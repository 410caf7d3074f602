//! The claims of a token that may be a JWT, and the end of one that may be of ECR: no panic, and a date that can be shown.

use docker_credential_kubeclarity::credential::{Credential, jwt_expiry, jwt_identity};
use docker_credential_kubeclarity::date::Date;
use docker_credential_kubeclarity::secret::Secret;

/// The property.
pub fn check(bytes: &[u8]) {
    let Ok(token) = std::str::from_utf8(bytes) else { return };
    let _ = (jwt_expiry(token), jwt_identity(token));
    let credential = Credential::new("u".to_owned(), Secret::new(token.to_owned()));
    if let Some(end) = credential.expires {
        assert_eq!(Date(end).to_string().len(), "2026-01-31 at 23:59:59 UTC".len());
    }
}
