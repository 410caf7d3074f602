//! The claims of a token that may be a JWT: no panic.
#![no_main]

use docker_credential_kubeclarity::credential::{jwt_expiry, jwt_identity};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|token: &str| {
    let _ = (jwt_expiry(token), jwt_identity(token));
});
