//! `list`: every registry that `get` would answer without asking a cloud, with its user name.

use std::collections::BTreeMap;

use crate::credential::Credential;
use crate::deadline::Deadline;
use crate::finding::Weight;
use crate::protocol::Reply;
use crate::resolver;
use crate::secret::known;
use crate::settings::Settings;
use crate::shown::{HIDDEN, has_token_as_user};

pub(super) fn run(settings: &Settings, deadline: Deadline) -> Reply {
    let (answers, failures) = resolver::list(settings, deadline);
    // As for `get`: what the user named must work; another failure counts if there is nothing else to say.
    let first = |weight| failures.iter().find(|failure| failure.weight == weight);
    let failure = first(Weight::Named).or_else(|| first(Weight::Default).filter(|_| answers.is_empty()));
    match failure {
        Some(_) if settings.errors_are_anonymous => Reply::success("{}\n"),
        Some(failure) => Reply::problem(&failure.problem),
        None => {
            let named: BTreeMap<String, String> = answers
                .into_iter()
                .map(|(registry, credential)| (registry.list_name(), username(credential)))
                // A secret in the place of a registry's name is no registry.
                .filter(|(registry, _)| known::places(registry).is_none_or(|places| places.is_empty()))
                .collect();
            Reply::success(serde_json::json!(named).to_string() + "\n")
        }
    }
}

/// The user name for clients; a fixed word where it is a token, which clients do not need: they get it from `get`.
fn username(credential: Credential) -> String {
    if has_token_as_user(&credential) { HIDDEN.to_owned() } else { credential.username }
}
