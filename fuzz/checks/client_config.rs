//! A `config.json` that `configure` changes: no panic; it is added once, and taking it out again leaves no trace.

use std::path::Path;

use docker_credential_kubeclarity::command::configure::document::Document;

/// The property.
pub fn check(text: &[u8]) {
    let Ok(mut document) = Document::parse(Path::new("fuzz"), text) else { return };
    let keys = ["fuzz.example.com".to_owned()];
    let _ = document.remove(&[], false);
    if document.add(&keys, true, false).is_err() {
        return;
    }
    assert!(document.add(&keys, true, false).is_ok_and(|changes| changes.is_empty()));
    let with = document.to_text();
    let Ok(mut read) = Document::parse(Path::new("fuzz"), with.as_bytes()) else { panic!("{}", *with) };
    assert_eq!(read.remove(&[], false).len(), 2);
    assert!(read.remove(&[], false).is_empty());
    assert!(
        !read.to_text().contains("\"kubeclarity\"") || text.windows(11).any(|part| part == b"kubeclarity")
    );
}
