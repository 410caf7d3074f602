//! `KUBECLARITY_LOG=debug`: what happened, on stderr, without secrets. Otherwise stderr stays empty.

use std::io::Write;

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::cache::Answer;
use crate::settings::Settings;
use crate::shown::Shown;

/// Without logging, gives stderr to no one, so that not even a library or the language's runtime can put
/// something on it: some clients merge it into stdout.
pub fn silence(settings: Option<&Settings>) {
    if settings.is_some_and(|settings| settings.log) {
        return;
    }
    if let Ok(null) = openat(CWD, "/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

/// Writes the trail of a question.
pub fn trail(settings: &Settings, question: &str, answer: &Answer) {
    if !settings.log {
        return;
    }
    let mut lines = vec![shown!["question ", Shown::text(question)]];
    match answer {
        Answer::Kept(entry) => lines.push(match entry.origin() {
            None => "the cache says that there is none".into(),
            Some(origin) => shown!["the cache has an answer from ", origin],
        }),
        Answer::Asked(resolution) => {
            for (source, look) in resolution
                .trail
                .iter()
                .flat_map(|(source, looks)| looks.iter().map(move |look| (source, look)))
            {
                let took = Shown::milliseconds(look.took);
                lines.push(shown![source.name(), ": ", look.object, ": ", look.result(), " (", took, ")"]);
            }
        }
    }
    let text: String = lines.into_iter().map(|line| format!("kubeclarity: {line}\n")).collect();
    write(text.as_bytes());
}

/// Writes what is ready to be shown.
pub fn write(lines: &[u8]) {
    if !lines.is_empty() {
        let _ = std::io::stderr().write_all(lines);
    }
}
