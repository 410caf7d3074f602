//! Why no answers are kept.

use thiserror::Error;

use crate::shown::Shown;

/// Why the directory of answers is not used, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CacheFault {
    /// Somebody else owns a directory above it.
    #[error(
        "{directory} belongs to another user (uid {owner}), who could replace it; set {variable} to a directory of your own"
    )]
    AboveOwned {
        /// The directory above.
        directory: Shown,
        /// Its owner.
        owner: u32,
        /// The variable that decides on the place.
        variable: &'static str,
    },
    /// Others may write to a directory above it.
    #[error(
        "other users can write to {directory} (mode {mode:04o}) and could replace it; run `chmod go-w` on that directory, or set {variable} to a directory of your own"
    )]
    AboveWritable {
        /// The directory above.
        directory: Shown,
        /// Its mode.
        mode: u32,
        /// The variable that decides on the place.
        variable: &'static str,
    },
    /// Somebody else owns it.
    #[error("it belongs to another user (uid {0}); remove it, or set {1} to another directory")]
    Owned(u32, &'static str),
    /// Others may use it.
    #[error("other users can access it (mode {0:04o}); run `chmod 700` on it")]
    Accessible(u32),
    /// It is a link.
    #[error("it is a symbolic link; replace it with a directory, or set {0} to another one")]
    Link(&'static str),
}
