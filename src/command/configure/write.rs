//! A file replaced as a whole, so that a reader, or a power cut, sees the old one or the new one.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::file::{self, Unreadable};
use crate::problem::{FileFault, Problem};
use crate::shown::Shown;

/// Who may read a new file: it can hold credentials.
const NEW_FILE: u32 = 0o600;
const NEW_DIRECTORY: u32 = 0o700;

/// The file to replace, with what is in it.
pub(super) struct Target {
    path: PathBuf,
    text: Option<Vec<u8>>,
    mode: u32,
}

impl Target {
    /// Reads the file. A link is followed once, here, so that it is its target that gets replaced.
    pub fn open(path: &Path) -> Result<Target, Problem> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match file::read_following(&path) {
            Err(Unreadable::Absent) => Ok(Target { path, text: None, mode: NEW_FILE }),
            Err(why) => Err(wrong(&path, FileFault::Configure(why))),
            Ok(text) => {
                let mode = path.metadata().map_or(NEW_FILE, |metadata| metadata.permissions().mode() & 0o777);
                Ok(Target { path, text: Some(text), mode })
            }
        }
    }

    /// What is in it; `None` if it is not there.
    pub fn text(&self) -> Option<&[u8]> {
        self.text.as_deref()
    }

    /// Replaces it, with the mode that it had.
    pub fn write(&self, text: &[u8]) -> Result<(), Problem> {
        let failed = |error: std::io::Error| wrong(&self.path, FileFault::ConfigureWrite(error.kind()));
        let directory = self.path.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new().recursive(true).mode(NEW_DIRECTORY).create(directory).map_err(failed)?;
        let mut name = OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(format!(".{}.new", std::process::id()));
        let temporary = directory.join(name);
        let written = self.write_new(&temporary, text).and_then(|()| std::fs::rename(&temporary, &self.path));
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        written.map_err(failed)?;
        // The new name must be on disk too; a file system that cannot do that loses nothing else.
        let _ = File::open(directory).and_then(|directory| directory.sync_all());
        Ok(())
    }

    fn write_new(&self, temporary: &Path, text: &[u8]) -> Result<(), std::io::Error> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(NEW_FILE);
        let mut file = match options.open(temporary) {
            // Left by a process of the same number that died.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                std::fs::remove_file(temporary)?;
                options.open(temporary)?
            }
            opened => opened?,
        };
        file.write_all(text)?;
        file.set_permissions(Permissions::from_mode(self.mode))?;
        file.sync_all()
    }
}

fn wrong(path: &Path, what: FileFault) -> Problem {
    Problem::File { path: Shown::path(path), what }
}
