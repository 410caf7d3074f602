//! What `store`, `get` and `erase` read from stdin: no panic, and a login that is taken has a server and a user.
#![no_main]

use docker_credential_kubeclarity::protocol::{login, server_string};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = server_string(bytes);
    if let Ok(login) = login(bytes) {
        assert!(!login.server.trim().is_empty() && !login.username.is_empty());
    }
});
