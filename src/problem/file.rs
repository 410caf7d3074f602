//! Files that cannot be read or written.

use std::io::ErrorKind;

use thiserror::Error;

use crate::shown::Shown;

/// Why a file cannot be read, as the end of a sentence about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// It is not there.
    #[error("does not exist")]
    Absent,
    /// The process may not read it.
    #[error("may not be read by this user")]
    Denied,
    /// It is a directory, a FIFO, a socket or a device.
    #[error("is no regular file")]
    NotRegular,
    /// It should be a directory.
    #[error("is no directory")]
    NotDirectory,
    /// It is larger than any credential file.
    #[error("is larger than {} MiB", .most / 1024 / 1024)]
    TooLarge {
        /// The most that is read, in bytes.
        most: u64,
    },
    /// It is a link that leads out of its directory.
    #[error("is a link that leads out of its directory")]
    LeavesDirectory,
    /// The system says something else.
    #[error("cannot be read ({0})")]
    Other(ErrorKind),
}

impl Unreadable {
    /// What to do about something mounted: it is the rights that are wrong, or the mount.
    pub(super) fn mount(self, anew: &'static str, variable: &'static str) -> Shown {
        match (self, variable) {
            (Unreadable::Denied, _) => {
                "let this user read it (in a pod: fsGroup, or the volume's defaultMode)".into()
            }
            (_, "") => anew.into(),
            (_, variable) => shown![anew, " or correct ", variable],
        }
    }
}

/// What is wrong with a file, and what to do; by what the file is for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileFault {
    /// A mounted pull secret.
    #[error("{why}; {what}", why = .0, what = .0.mount("mount the secret anew", ""))]
    Mounted(Unreadable),
    /// One mounted pull secret too many.
    #[error(
        "is not read: the secrets before it hold more than {} MiB; mount fewer",
        .most / 1024 / 1024
    )]
    MountedTogether {
        /// The most that all may hold, in bytes.
        most: usize,
    },
    /// Docker's configuration.
    #[error("{0}; correct it or unset the variable that names it")]
    DockerConfig(Unreadable),
    /// Google's credentials, by the variable.
    #[error("{0}; correct GOOGLE_APPLICATION_CREDENTIALS")]
    GoogleNamed(Unreadable),
    /// Google's credentials, where gcloud puts them.
    #[error("{0}; correct the file")]
    GoogleWellKnown(Unreadable),
    /// Certificate authorities.
    #[error("{0}; correct AWS_CA_BUNDLE")]
    Bundle(Unreadable),
    /// Certificate authorities, without any.
    #[error("holds no PEM certificate; correct AWS_CA_BUNDLE")]
    BundleEmpty,
    /// The system's authorities, without any.
    #[error(
        "holds no certificate authority that can be used; install ca-certificates or correct SSL_CERT_FILE"
    )]
    NoAuthorities,
    /// A configuration that is to be changed.
    #[error("{0}; correct it and run configure again")]
    Configure(Unreadable),
    /// A configuration that was to be written.
    #[error("cannot be written ({0}); correct it and run configure again")]
    ConfigureWrite(ErrorKind),
    /// A directory to install into.
    #[error("cannot be made ({0}); check the directory's mount and rights")]
    InstallDirectory(ErrorKind),
    /// The program itself.
    #[error("cannot be read ({0}); check the directory's mount and rights")]
    InstallSource(ErrorKind),
    /// The config.json that is there already.
    #[error("{0}; correct it or move it away")]
    InstallConfig(Unreadable),
    /// What is installed.
    #[error("cannot be written ({0}); check the directory's mount and rights")]
    InstallWrite(ErrorKind),
}
