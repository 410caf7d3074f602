//! The directory of answers: 0700 and ours, files 0600 and ours, links not followed, written by rename.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RawMode, Timespec, Timestamps};
use rustix::io::Errno;

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
        let mut bytes = Vec::with_capacity(size as usize + 1);
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

#[cfg(test)]
mod tests {
    use super::super::Names;
    use super::*;
    use crate::credential::Credential;
    use crate::finding::Candidate;
    use crate::question::Question;
    use crate::registry::Registry;
    use crate::resolver::Resolution;
    use crate::secret::Secret;
    use rustix::io::FdFlags;
    use std::ffi::OsString;
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::PathBuf;

    /// A directory for answers, and two questions.
    struct Place {
        base: tempfile::TempDir,
        settings: Settings,
        one: Fingerprint,
        other: Fingerprint,
    }

    impl Place {
        fn new() -> Place {
            let base = tempfile::tempdir().unwrap();
            let place = base.path().as_os_str().to_owned();
            let settings = Settings::from(|name| (name == "XDG_RUNTIME_DIR").then(|| place.clone())).unwrap();
            let name = |server| {
                Names::of(&settings, &Question::new(Registry::parse(server).unwrap(), &settings)).own
            };
            let (one, other) = (name("one.example.com"), name("other.example.com"));
            Place { base, settings, one, other }
        }

        fn store(&self) -> Store {
            Store::open(&self.settings).unwrap()
        }

        fn directory(&self) -> PathBuf {
            self.base.path().join(NAME)
        }

        fn at(&self, name: &str) -> PathBuf {
            self.directory().join(name)
        }

        fn files(&self) -> usize {
            std::fs::read_dir(self.directory()).unwrap().count()
        }
    }

    fn entry(settings: &Settings) -> Entry {
        Entry::of(settings, &Resolution::default(), SystemTime::now()).unwrap()
    }

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn age(path: &Path, seconds: u64) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn the_directory_is_made_for_its_owner_alone_and_nothing_else_is_taken() {
        let place = Place::new();
        drop(place.store());
        assert_eq!(std::fs::metadata(place.directory()).unwrap().mode() & 0o777, 0o700);
        for (mode, taken) in [(0o755, false), (0o701, false), (0o710, false), (0o700, true)] {
            chmod(&place.directory(), mode);
            assert_eq!(Store::open(&place.settings).is_some(), taken, "{mode:o}");
        }
        std::fs::rename(place.directory(), place.base.path().join("moved")).unwrap();
        symlink("moved", place.directory()).unwrap();
        assert!(Store::open(&place.settings).is_none());
        std::fs::remove_file(place.directory()).unwrap();
        std::fs::write(place.directory(), "").unwrap();
        chmod(&place.directory(), 0o600);
        assert!(Store::open(&place.settings).is_none());

        let above = Place::new();
        let deep =
            Settings { cache_directory: Some(above.base.path().join("above")), ..above.settings.clone() };
        assert!(Store::open(&deep).is_some());
        let deeper =
            Settings { cache_directory: Some(above.base.path().join("a/b")), ..above.settings.clone() };
        assert!(Store::open(&deeper).is_none());
        assert!(Store::open(&Settings { cache_off: true, ..above.settings.clone() }).is_none());
        // Whoever finds the directory made in the meantime takes it.
        assert_eq!(make(above.base.path(), &above.base.path().join("above")), Some(()));
    }

    #[test]
    fn ours_is_what_nobody_else_may_touch() {
        let me = rustix::process::geteuid().as_raw();
        assert!(is_ours(me, 0o100_600) && is_ours(me, 0o40_700));
        assert!(!is_ours(me + 1, 0o100_600));
        for others in [0o604, 0o602, 0o601, 0o640, 0o620, 0o610, 0o666] {
            assert!(!is_ours(me, others), "{others:o}");
        }
    }

    #[test]
    fn what_is_written_is_there_whole_and_alone() {
        let place = Place::new();
        let (store, now) = (place.store(), SystemTime::now());
        let entry = entry(&place.settings);
        // Left by a dead process of the same number.
        std::fs::write(place.at(&format!("{}.{}.new", place.one.name(), std::process::id())), "old").unwrap();
        store.write(&place.one, &entry);
        assert!(store.read(&place.one, now).is_some() && store.read(&place.other, now).is_none());
        assert_eq!(place.files(), 1);
        let stat = std::fs::metadata(place.at(place.one.name())).unwrap();
        let over = entry.over().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert_eq!((stat.mode() & 0o777, stat.mtime() as u64), (0o600, over));
    }

    #[test]
    fn a_token_as_long_as_any_clouds_is_kept() {
        let place = Place::new();
        let (store, now) = (place.store(), SystemTime::now());
        let credential = Credential::new("u".to_owned(), Secret::new("x".repeat(64 * 1024)));
        let candidate =
            Candidate { credential, origin: "o".into(), key: None, why: Default::default(), issued: false };
        let resolution = Resolution { candidates: vec![candidate], ..Resolution::default() };
        let entry = Entry::of(&place.settings, &resolution, now).unwrap();
        store.write(&place.one, &entry);
        let kept = store.read(&place.one, now).and_then(Entry::into_credential);
        assert_eq!(kept, entry.into_credential());
    }

    /// A plugin runs while the lock is held: it would hold it too, for as long as it lives.
    #[test]
    fn no_program_that_is_started_gets_the_directory_or_a_lock() {
        let place = Place::new();
        let store = place.store();
        let closed = |file: BorrowedFd| rustix::io::fcntl_getfd(file).unwrap().contains(FdFlags::CLOEXEC);
        assert!(closed(store.directory.as_fd()) && closed(store.lock_file("x").unwrap().as_fd()));
    }

    #[test]
    fn what_was_not_written_here_is_not_read() {
        let place = Place::new();
        let (store, now) = (place.store(), SystemTime::now());
        store.write(&place.one, &entry(&place.settings));
        let file = place.at(place.one.name());
        for (mode, read) in [(0o644, false), (0o660, false), (0o600, true), (0o700, true)] {
            chmod(&file, mode);
            assert_eq!(store.read(&place.one, now).is_some(), read, "{mode:o}");
        }
        // White space at the end is still JSON: only the size counts.
        let mut text = std::fs::read(&file).unwrap();
        for (size, read) in [(MOST_BYTES, true), (MOST_BYTES + 1, false)] {
            text.resize(size as usize, b' ');
            std::fs::write(&file, &text).unwrap();
            assert_eq!(store.read(&place.one, now).is_some(), read, "{size}");
        }
        text.truncate(1000);
        std::fs::write(&file, &text).unwrap();
        symlink(&file, place.at(place.other.name())).unwrap();
        assert!(store.read(&place.one, now).is_some() && store.read(&place.other, now).is_none());
        std::fs::remove_file(place.at(place.other.name())).unwrap();
        assert!(
            std::process::Command::new("mkfifo")
                .arg(place.at(place.other.name()))
                .status()
                .unwrap()
                .success()
        );
        chmod(&place.at(place.other.name()), 0o600);
        assert!(store.read(&place.other, now).is_none());
    }

    #[test]
    fn a_file_in_the_way_of_a_new_one_is_not_written_through() {
        let place = Place::new();
        let store = place.store();
        let victim = place.base.path().join("victim");
        std::fs::write(&victim, "whole").unwrap();
        symlink(&victim, place.at(&format!("{}.{}.new", place.one.name(), std::process::id()))).unwrap();
        store.write(&place.one, &entry(&place.settings));
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "whole");
        assert!(store.read(&place.one, SystemTime::now()).is_some());
        symlink(&victim, place.at(&format!("{FORGOTTEN}.{}.new", std::process::id()))).unwrap();
        let before = store.generation();
        store.clear();
        assert!(std::fs::read_to_string(&victim).unwrap() == "whole" && store.generation() == before);
        symlink(&victim, place.at("x.lock")).unwrap();
        chmod(&victim, 0o600);
        assert!(store.lock_file("x.lock").is_none());
    }

    #[test]
    fn the_broom_takes_what_is_over_and_nothing_else() {
        let place = Place::new();
        let store = place.store();
        let answer = |letter: char| letter.to_string().repeat(64);
        let old_new = format!("{}.1.new", answer('n'));
        for (name, seconds) in [
            (answer('a').as_str(), 1),
            (answer('b').as_str(), 0),
            (old_new.as_str(), ABANDONED.as_secs() + 1),
            ("young.2.new", ABANDONED.as_secs() - 100),
            (FORGOTTEN, 10_000),
            (&format!("{}.lock", answer('c')), 10_000),
        ] {
            std::fs::write(place.at(name), "x").unwrap();
            age(&place.at(name), seconds);
        }
        let fresh = File::options().write(true).open(place.at(&answer('b'))).unwrap();
        fresh.set_modified(SystemTime::now() + Duration::from_secs(100)).unwrap();
        store.sweep(SystemTime::now());
        let mut left: Vec<OsString> =
            std::fs::read_dir(place.directory()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        let expected = [answer('b'), format!("{}.lock", answer('c')), FORGOTTEN.into(), "young.2.new".into()];
        assert_eq!(left, expected.map(OsString::from));
    }

    #[test]
    fn what_was_asked_for_before_a_forgetting_is_not_kept_after_it() {
        let place = Place::new();
        let (store, now) = (place.store(), SystemTime::now());
        let entry = entry(&place.settings);
        let first = store.generation();
        store.write_of(first, &place.one, &entry);
        assert!(store.read(&place.one, now).is_some());
        drop(store.lock_file("x.lock").unwrap());
        store.clear();
        assert!(store.read(&place.one, now).is_none() && store.generation() != first);
        assert!(place.at("x.lock").exists());
        store.write_of(first, &place.one, &entry);
        assert!(store.read(&place.one, now).is_none());
        // One that was written just before whoever forgets came by goes too.
        store.write(&place.one, &entry);
        store.write_of(first, &place.one, &entry);
        assert!(store.read(&place.one, now).is_none());
        store.write_of(store.generation(), &place.one, &entry);
        assert!(store.read(&place.one, now).is_some());
    }

    #[test]
    fn a_lock_is_a_file_of_ones_own_that_is_still_there() {
        let place = Place::new();
        let store = place.store();
        let file = store.lock_file("x").unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        assert!(store.is_at(&file, "x") && !store.is_at(&file, "y"));
        store.remove("x");
        assert!(!place.at("x").exists() && !store.is_at(&file, "x"));
        drop(store.lock_file("x").unwrap());
        assert!(!store.is_at(&file, "x"));
        chmod(&place.at("x"), 0o644);
        assert!(store.lock_file("x").is_none());
        std::fs::remove_file(place.at("x")).unwrap();
        assert!(
            std::process::Command::new("mkfifo")
                .args(["-m", "600"])
                .arg(place.at("x"))
                .status()
                .unwrap()
                .success()
        );
        assert!(store.lock_file("x").is_none());
    }
}
