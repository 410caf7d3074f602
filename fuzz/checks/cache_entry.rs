//! A cache file: no panic; what is read is written and read again as the same.

use std::time::{Duration, UNIX_EPOCH};

use docker_credential_kubeclarity::cache::Entry;

/// The property.
pub fn check(bytes: &[u8]) {
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let Some(entry) = Entry::from_bytes(bytes, now) else { return };
    assert_eq!(Entry::from_bytes(&entry.to_bytes(), now), Some(entry.clone()));
    assert!(now < entry.over());
}
