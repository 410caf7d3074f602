//! What `store`, `get` and `erase` read from stdin: no panic, and a login that is taken has a server and a user.

use docker_credential_kubeclarity::protocol::{login, server_string};

/// The property.
pub fn check(bytes: &[u8]) {
    let _ = server_string(bytes);
    if let Ok(login) = login(bytes) {
        assert!(!login.server.trim().is_empty() && !login.username.is_empty());
    }
}
