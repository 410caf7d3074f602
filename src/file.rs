//! Files that hold credentials: opened, then checked, then read up to a limit.
//!
//! Nothing here waits: a FIFO or a device is opened without blocking and refused.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

pub use crate::problem::Unreadable;
use crate::watch;

/// No credential file is larger: a Secret holds at most 1 MiB.
pub const MOST_BYTES: u64 = 2 * 1024 * 1024;

/// To read and understand more than this, all files together, may take its time.
const QUICK: u64 = 256 * 1024;
/// What was read so far.
static READ: AtomicU64 = AtomicU64::new(0);

impl From<Errno> for Unreadable {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR => Unreadable::Absent,
            Errno::ACCESS | Errno::PERM => Unreadable::Denied,
            Errno::XDEV | Errno::LOOP => Unreadable::LeavesDirectory,
            Errno::NXIO => Unreadable::NotRegular,
            error => Unreadable::Other(error.kind()),
        }
    }
}

/// A directory to look things up in. Only Linux can open one without the right to read it.
#[cfg(target_os = "linux")]
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

const OPEN: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Reads `name` below a directory. Links are followed as long as they stay below it (a mounted Secret is
/// made of links: `.dockerconfigjson` -> `..data/.dockerconfigjson`), and nowhere else.
///
/// # Errors
/// [`Unreadable`] says why not.
pub fn read_beneath(directory: &Path, name: &Path) -> Result<Vec<u8>, Unreadable> {
    let base = rustix::fs::openat(CWD, directory, DIRECTORY, Mode::empty())?;
    read(open_beneath(&base, directory, name)?)
}

/// Reads the file at a path that the user gave, as every other program does: links are followed.
///
/// # Errors
/// [`Unreadable`] says why not.
pub fn read_following(path: &Path) -> Result<Vec<u8>, Unreadable> {
    read(rustix::fs::openat(CWD, path, OPEN, Mode::empty())?)
}

/// Reads what is no file and can be read only once, such as a pipe or the output of a command (`<(...)`), up to the same
/// limit. It waits for whoever writes.
///
/// # Errors
/// [`Unreadable`] says why not.
pub fn read_once(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let other = |error: std::io::Error| {
        Errno::from_io_error(&error).map_or(Unreadable::Other(error.kind()), Unreadable::from)
    };
    let mut bytes = Vec::new();
    match File::open(path).map_err(other)?.take(MOST_BYTES + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > MOST_BYTES => Err(Unreadable::TooLarge { most: MOST_BYTES }),
        Ok(_) => Ok(bytes),
        Err(error) => Err(other(error)),
    }
}

#[cfg(target_os = "linux")]
fn open_beneath(base: &OwnedFd, directory: &Path, name: &Path) -> Result<OwnedFd, Unreadable> {
    use rustix::fs::ResolveFlags;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(base, name, OPEN, Mode::empty(), beneath) {
        // Kernels before 5.6, and seccomp filters that do not know the call.
        Err(Errno::NOSYS | Errno::PERM) => open_resolved(base, directory, name),
        opened => Ok(opened?),
    }
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(base: &OwnedFd, directory: &Path, name: &Path) -> Result<OwnedFd, Unreadable> {
    open_resolved(base, directory, name)
}

/// The same without the kernel's help: the links are resolved first, and the result, if it is below the
/// directory, is opened without following any.
fn open_resolved(base: &OwnedFd, directory: &Path, name: &Path) -> Result<OwnedFd, Unreadable> {
    let io = |error: std::io::Error| {
        Errno::from_io_error(&error).map_or(Unreadable::Other(error.kind()), Unreadable::from)
    };
    let root = directory.canonicalize().map_err(io)?;
    let target = directory.join(name).canonicalize().map_err(io)?;
    let below = target.strip_prefix(&root).map_err(|_| Unreadable::LeavesDirectory)?;
    let mut parts = below.components().peekable();
    let mut at = rustix::fs::openat(base, ".", DIRECTORY, Mode::empty())?;
    while let Some(Component::Normal(part)) = parts.next() {
        let flags = match parts.peek() {
            Some(_) => DIRECTORY,
            None => OPEN,
        };
        at = rustix::fs::openat(&at, part, flags | OFlags::NOFOLLOW, Mode::empty())?;
    }
    Ok(at)
}

fn read(file: OwnedFd) -> Result<Vec<u8>, Unreadable> {
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Unreadable::NotRegular);
    }
    let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    if size > MOST_BYTES {
        return Err(Unreadable::TooLarge { most: MOST_BYTES });
    }
    // Room for all of it at once; a message if there is none.
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size as usize + 1).map_err(|_| Unreadable::Other(ErrorKind::OutOfMemory))?;
    if READ.fetch_add(size, Ordering::Relaxed) + size > QUICK {
        // Without a thread, it takes as long as it takes.
        let _ = watch::start();
    }
    match File::from(file).take(MOST_BYTES + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > MOST_BYTES => Err(Unreadable::TooLarge { most: MOST_BYTES }),
        Ok(_) => Ok(bytes),
        Err(error) => Err(Unreadable::Other(error.kind())),
    }
}

/// Whether something is there at all, without following a last link.
pub fn exists(path: &Path) -> bool {
    rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Both ways of opening must agree.
    fn both(directory: &Path, name: &str) -> Result<Vec<u8>, Unreadable> {
        let base = File::open(directory).unwrap().into();
        let plain = open_resolved(&base, directory, Path::new(name)).and_then(read);
        let kernel = read_beneath(directory, Path::new(name));
        assert_eq!(plain, kernel, "{name}");
        kernel
    }

    #[test]
    fn links_inside_are_followed_and_no_others() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "outside").unwrap();
        let mount = tempfile::tempdir().unwrap();
        let at = |name: &str| mount.path().join(name);
        std::fs::create_dir_all(at("s/..2026")).unwrap();
        std::fs::write(at("s/..2026/.dockerconfigjson"), "inside").unwrap();
        symlink("..2026", at("s/..data")).unwrap();
        symlink("..data/.dockerconfigjson", at("s/.dockerconfigjson")).unwrap();
        symlink(outside.path().join("secret"), at("s/absolute")).unwrap();
        symlink("../../secret", at("s/up")).unwrap();
        symlink(outside.path(), at("folder")).unwrap();
        symlink("loop", at("loop")).unwrap();
        symlink("nowhere", at("s/dangling")).unwrap();

        assert_eq!(both(mount.path(), "s/.dockerconfigjson").as_deref(), Ok(&b"inside"[..]));
        assert_eq!(both(mount.path(), "s/absolute"), Err(Unreadable::LeavesDirectory));
        assert_eq!(both(mount.path(), "folder/secret"), Err(Unreadable::LeavesDirectory));
        assert_eq!(both(mount.path(), "loop"), Err(Unreadable::LeavesDirectory));
        assert_eq!(both(mount.path(), "s/dangling"), Err(Unreadable::Absent));
        assert_eq!(both(mount.path(), "s/none"), Err(Unreadable::Absent));
        assert!(read_beneath(mount.path(), Path::new("s/up")).is_err());
        assert_eq!(read_following(&at("s/absolute")).as_deref(), Ok(&b"outside"[..]));
    }

    #[test]
    fn only_regular_files_of_some_size_and_never_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir(at("folder")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        File::create(at("large")).unwrap().set_len(MOST_BYTES + 1).unwrap();
        File::create(at("most")).unwrap().set_len(MOST_BYTES).unwrap();
        for name in ["folder", "fifo"] {
            assert_eq!(both(directory.path(), name), Err(Unreadable::NotRegular), "{name}");
        }
        assert_eq!(both(directory.path(), "large"), Err(Unreadable::TooLarge { most: MOST_BYTES }));
        assert!(both(directory.path(), "most").is_ok());
        assert_eq!(read_following(Path::new("/dev/zero")), Err(Unreadable::NotRegular));
        assert_eq!(read_following(&at("none/none")), Err(Unreadable::Absent));
    }
}
