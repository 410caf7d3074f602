//! The directory of answers: 0700 and ours, files 0600 and ours, links not followed, written by rename.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RawMode, Timespec, Timestamps};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::entry::Entry;
use super::fingerprint::Fingerprint;
use crate::settings::Settings;

const NAME: &str = "docker-credential-kubeclarity";
/// No answer is larger: tokens have a few KiB.
const MOST_BYTES: u64 = 256 * 1024;
/// A temporary file this old was left by a process that died.
const ABANDONED: Duration = Duration::from_secs(600);
/// A pass of the broom looks at no more files than this.
const MOST_SWEPT: usize = 4096;

/// Written anew whenever all answers are forgotten.
const FORGOTTEN: &str = "forgotten";

/// When all answers were last forgotten. An answer that was asked for before that is not kept after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation(Option<(u64, i64, u64)>);

/// The directory, opened and checked.
pub(super) struct Store {
    directory: OwnedFd,
}

impl Store {
    /// Opens the directory, and makes it if it is not there. `None` if it cannot be used, for whatever reason.
    pub fn open(settings: &Settings) -> Option<Store> {
        if settings.cache_off {
            return None;
        }
        let base = settings.cache_directory.as_deref()?;
        let path = base.join(NAME);
        let open = || {
            rustix::fs::openat(
                CWD,
                &path,
                OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
            )
        };
        let directory = match open() {
            Err(Errno::NOENT) => {
                make(base, &path)?;
                open().ok()?
            }
            opened => opened.ok()?,
        };
        let stat = rustix::fs::fstat(&directory).ok()?;
        is_ours(stat.st_uid, stat.st_mode).then_some(Store { directory })
    }

    /// The answer of that name, unless it is over, broken or not ours.
    pub fn read(&self, fingerprint: &Fingerprint, now: SystemTime) -> Option<Entry> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, fingerprint.name(), flags, Mode::empty()).ok()?;
        let stat = rustix::fs::fstat(&file).ok()?;
        let size = u64::try_from(stat.st_size).ok()?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !regular || !is_ours(stat.st_uid, stat.st_mode) || size > MOST_BYTES {
            return None;
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(size as usize + 1));
        File::from(file).take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
        Entry::from_bytes(&bytes, now)
    }

    /// Writes an answer: whole or not at all. What cannot be written is not.
    pub fn write(&self, fingerprint: &Fingerprint, entry: &Entry) {
        let temporary = format!("{}.{}.new", fingerprint.name(), std::process::id());
        let written = self.write_new(&temporary, entry).and_then(|()| {
            rustix::fs::renameat(&self.directory, &temporary, &self.directory, fingerprint.name())
        });
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.directory, &temporary, AtFlags::empty());
        }
        self.sweep(SystemTime::now());
    }

    fn write_new(&self, name: &str, entry: &Entry) -> Result<(), Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&self.directory, name, flags, Mode::RUSR | Mode::WUSR);
        let file = match open() {
            // Left by a process of the same number that died.
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&self.directory, name, AtFlags::empty())?;
                open()?
            }
            opened => opened?,
        };
        let mut file = File::from(file);
        let io = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
        file.write_all(&entry.to_bytes()).map_err(io)?;
        // The file's time is the end of its life, so that the broom need not read it.
        let over = entry.over().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let over = Timespec { tv_sec: i64::try_from(over).unwrap_or(i64::MAX), tv_nsec: 0 };
        rustix::fs::futimens(&file, &Timestamps { last_access: over, last_modification: over })
    }

    /// Removes answers that are over and files that were abandoned. Locks are removed by those who hold them.
    fn sweep(&self, now: SystemTime) {
        let Ok(entries) = Dir::read_from(&self.directory) else { return };
        for entry in entries.take(MOST_SWEPT).flatten() {
            let name = entry.file_name();
            let text = name.to_bytes();
            let is_answer = text.len() == 64;
            if !is_answer && !text.ends_with(b".new") {
                continue;
            }
            let Ok(stat) = rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let written = UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
            let over = if is_answer { written } else { written + ABANDONED };
            if over <= now {
                let _ = rustix::fs::unlinkat(&self.directory, name, AtFlags::empty());
            }
        }
    }

    /// The generation of answers that are asked for from now on.
    pub fn generation(&self) -> Generation {
        let stat = rustix::fs::statat(&self.directory, FORGOTTEN, AtFlags::SYMLINK_NOFOLLOW);
        Generation(stat.ok().map(|stat| (stat.st_ino, stat.st_mtime, stat.st_mtime_nsec)))
    }

    /// Writes an answer that was asked for in that generation, unless the answers were forgotten since.
    pub fn write_of(&self, generation: Generation, fingerprint: &Fingerprint, entry: &Entry) {
        if self.generation() == generation {
            self.write(fingerprint, entry);
        }
        // Once more: whoever forgets begins the new generation before he removes what is there.
        if self.generation() != generation {
            let _ = rustix::fs::unlinkat(&self.directory, fingerprint.name(), AtFlags::empty());
        }
    }

    /// Removes every answer, those that are being asked for included.
    pub fn clear(&self) {
        let temporary = format!("{FORGOTTEN}.{}.new", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if rustix::fs::openat(&self.directory, &temporary, flags, Mode::RUSR | Mode::WUSR).is_ok() {
            let _ = rustix::fs::renameat(&self.directory, &temporary, &self.directory, FORGOTTEN);
        }
        let Ok(entries) = Dir::read_from(&self.directory) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_bytes().len() == 64 {
                let _ = rustix::fs::unlinkat(&self.directory, entry.file_name(), AtFlags::empty());
            }
        }
    }

    /// Opens, and makes, the file that a lock is taken on.
    pub fn lock_file(&self, name: &str) -> Option<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, name, flags, Mode::RUSR | Mode::WUSR).ok()?;
        let stat = rustix::fs::fstat(&file).ok()?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        (regular && is_ours(stat.st_uid, stat.st_mode)).then(|| File::from(file))
    }

    /// Whether that name still leads to this file.
    pub fn is_at(&self, file: &File, name: &str) -> bool {
        let there = rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW);
        let here = rustix::fs::fstat(file);
        matches!((there, here), (Ok(there), Ok(here)) if there.st_ino == here.st_ino && there.st_dev == here.st_dev)
    }

    /// Removes a lock's file; only its holder may.
    pub fn remove(&self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.directory, name, AtFlags::empty());
    }
}

/// Owned by this user, and nobody else may read or write it.
fn is_ours(owner: u32, mode: RawMode) -> bool {
    owner == rustix::process::geteuid().as_raw() && mode & 0o077 == 0
}

/// Makes the directory, and the one above it if that is missing (`~/.cache`).
fn make(base: &Path, path: &Path) -> Option<()> {
    let private = Mode::RWXU;
    match rustix::fs::mkdirat(CWD, path, private) {
        Err(Errno::NOENT) => {
            rustix::fs::mkdirat(CWD, base, private).ok()?;
            rustix::fs::mkdirat(CWD, path, private).ok()
        }
        // Another process was faster.
        Err(Errno::EXIST) => Some(()),
        made => made.ok(),
    }
}
