//! The claims of a token that may be a JWT: no panic.

use docker_credential_kubeclarity::credential::{jwt_expiry, jwt_identity};

/// The property.
pub fn check(bytes: &[u8]) {
    let Ok(token) = std::str::from_utf8(bytes) else { return };
    let _ = (jwt_expiry(token), jwt_identity(token));
}
