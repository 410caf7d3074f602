//! The directory of answers: 0700 and ours, files 0600 and ours, links not followed, written by rename.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, fstat, statat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::fingerprint::Fingerprint;
use super::place::{Place, me};
use super::sweep::Kind;
use crate::problem::{CacheFault, Problem};
use crate::settings::Settings;

/// No answer is larger: tokens have a few KiB.
const MOST_BYTES: u64 = 256 * 1024;

/// Written anew whenever all answers are forgotten.
pub(super) const FORGOTTEN: &str = "forgotten";

/// The kernel sets the times of a renamed directory and of the one above it one after the other.
const TICK: i128 = 5_000_000;

/// When all answers were last forgotten: inode and time of the mark, if there is one. An answer of another generation is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Generation(Option<(u64, i64, u64)>);

impl Generation {
    /// Nothing was forgotten yet.
    pub fn is_first(&self) -> bool {
        self.0.is_none()
    }
}

/// The directory, opened and checked.
pub(super) struct Store {
    pub(super) directory: OwnedFd,
    me: u32,
}

impl Store {
    /// Opens the directory, and makes it if it is not there.
    ///
    /// # Errors
    /// It cannot be used: the problem if it is one that somebody can mend, else nothing.
    pub fn open(settings: &Settings) -> Result<Store, Option<Problem>> {
        if settings.cache_off {
            return Err(None);
        }
        let (place, me) = (Place::of_user(settings).ok_or(None)?, me());
        let refused = match place.check(me) {
            Ok(above) => return Store::at(&place, me, above.as_ref()),
            Err(fault) => fault.map(|fault| place.problem(fault)),
        };
        let Some(other) = Place::in_memory(settings, me) else { return Err(refused) };
        let opened = other.check(me).map(|above| Store::at(&other, me, above.as_ref()));
        opened.ok().and_then(Result::ok).ok_or(refused)
    }

    /// Why it cannot be used, if that can be mended; nothing is made or changed.
    pub fn problem(settings: &Settings) -> Option<Problem> {
        let (place, me) = (Place::of_user(settings).filter(|_| !settings.cache_off)?, me());
        match place.check(me) {
            Ok(_) => Store::there(&place, me).err().flatten(),
            Err(fault) => {
                let in_memory = |other: Place| other.check(me).is_ok() && Store::there(&other, me).is_ok();
                let refused = fault.map(|fault| place.problem(fault));
                refused.filter(|_| !Place::in_memory(settings, me).is_some_and(in_memory))
            }
        }
    }

    fn at(place: &Place, me: u32, above: Option<&Stat>) -> Result<Store, Option<Problem>> {
        let (store, stat) = match Store::there(place, me)? {
            Some(there) => there,
            None => {
                make(place).ok_or(None)?;
                // Where everybody may make directories, somebody may have made the one above in the meantime.
                place.check(me).map_err(|_| None)?;
                Store::there(place, me)?.ok_or(None)?
            }
        };
        // While it was away, answers may have been forgotten in another one.
        if above.is_some_and(|above| was_moved(&stat, above)) {
            store.clear();
            if store.was_moved() {
                return Err(None);
            }
        }
        Ok(store)
    }

    /// The directory of a place, if there is one.
    fn there(place: &Place, me: u32) -> Result<Option<(Store, Stat)>, Option<Problem>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = match rustix::fs::openat(CWD, &place.path, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => opened.map_err(|_| place.link())?,
        };
        let stat = fstat(&directory).map_err(|_| None)?;
        if stat.st_uid != me {
            return Err(Some(place.problem(CacheFault::Owned(stat.st_uid, place.variable))));
        }
        if !is_ours(&stat, me) {
            return Err(Some(place.problem(CacheFault::Accessible(stat.st_mode & 0o7777))));
        }
        Ok(Some((Store { directory, me }, stat)))
    }

    /// The answer of that name, unless it is over, forgotten, broken or not ours.
    pub fn read(&self, fingerprint: &Fingerprint, now: SystemTime) -> Option<Entry> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, fingerprint.name(), flags, Mode::empty()).ok()?;
        let stat = fstat(&file).ok()?;
        let size = u64::try_from(stat.st_size).ok()?;
        if !is_file(&stat) || !is_ours(&stat, self.me) || size > MOST_BYTES {
            return None;
        }
        let size = size as usize;
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            match rustix::io::read(&file, spare_capacity(&mut bytes)) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
        Entry::from_bytes(&bytes, now).filter(|entry| entry.generation() == self.generation())
    }

    /// Writes an answer: whole or not at all. What cannot be written is not.
    pub fn write(&self, fingerprint: &Fingerprint, entry: &Entry) {
        let temporary = format!("{}.{}.new", fingerprint.name(), std::process::id());
        let written = self.write_new(&temporary, entry).and_then(|()| {
            rustix::fs::renameat(&self.directory, &temporary, &self.directory, fingerprint.name())
        });
        if written.is_err() {
            self.remove(&temporary);
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

    /// The generation of answers that are asked for from now on.
    pub fn generation(&self) -> Generation {
        let stat = statat(&self.directory, FORGOTTEN, AtFlags::SYMLINK_NOFOLLOW);
        Generation(stat.ok().map(|stat| (stat.st_ino, stat.st_mtime, stat.st_mtime_nsec)))
    }

    /// Writes an answer, unless all were forgotten since it was asked for.
    pub fn write_unless_forgotten(&self, fingerprint: &Fingerprint, entry: &Entry) {
        let forgotten = || self.generation() != entry.generation();
        if forgotten() || self.was_moved() {
            return;
        }
        self.write(fingerprint, entry);
        // Once more: whoever forgets begins the new generation before he removes what is there.
        if forgotten() {
            self.remove(fingerprint.name());
        }
    }

    /// Forgets every answer, those that are being asked for included: none of them counts from the new mark on, even if
    /// this process ends before it has removed them.
    pub fn clear(&self) {
        let temporary = format!("{FORGOTTEN}.{}.new", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if rustix::fs::openat(&self.directory, &temporary, flags, Mode::RUSR | Mode::WUSR).is_ok() {
            let _ = rustix::fs::renameat(&self.directory, &temporary, &self.directory, FORGOTTEN);
        }
        let Ok(entries) = Dir::read_from(&self.directory) else { return };
        for entry in entries.flatten() {
            // What a killed process left, or one that is at work still, holds an answer too.
            if matches!(Kind::of(entry.file_name().to_bytes()), Some(Kind::Answer | Kind::Temporary)) {
                let _ = rustix::fs::unlinkat(&self.directory, entry.file_name(), AtFlags::empty());
            }
        }
    }

    /// Clears the directories of all places, whatever may be wrong with them, and begins a new generation in the one in use.
    pub fn clear_all(settings: &Settings) {
        let me = me();
        let places = Place::of_user(settings).into_iter().chain(Place::in_memory(settings, me));
        for (store, _) in places.filter_map(|place| Store::there(&place, me).ok().flatten()) {
            store.clear();
        }
        // Somebody may be asking who found none.
        if let Ok(store) = Store::open(settings)
            && store.generation().is_first()
        {
            store.clear();
        }
    }

    /// Whether somebody moved the directory since it was last written to.
    fn was_moved(&self) -> bool {
        let stats = (fstat(&self.directory), statat(&self.directory, "..", AtFlags::empty()));
        matches!(stats, (Ok(stat), Ok(above)) if was_moved(&stat, &above))
    }

    /// Opens, and makes, the file that a lock is taken on.
    pub fn lock_file(&self, name: &str) -> Option<File> {
        self.open_lock(name, OFlags::CREATE)
    }

    /// Opens the file that a lock is taken on.
    pub(super) fn open_lock(&self, name: &str, more: OFlags) -> Option<File> {
        let flags = more | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, name, flags, Mode::RUSR | Mode::WUSR).ok()?;
        let stat = fstat(&file).ok()?;
        (is_file(&stat) && is_ours(&stat, self.me)).then(|| File::from(file))
    }

    /// Whether that name still leads to this file.
    pub fn is_at(&self, file: &File, name: &str) -> bool {
        let there = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW);
        matches!((there, fstat(file)), (Ok(there), Ok(here)) if there.st_ino == here.st_ino && there.st_dev == here.st_dev)
    }

    /// Removes a file. A lock's only its holder may.
    pub fn remove(&self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.directory, name, AtFlags::empty());
    }
}

/// Owned by this user, and nobody else may read or write it.
fn is_ours(stat: &Stat, me: u32) -> bool {
    stat.st_uid == me && stat.st_mode & 0o077 == 0
}

pub(super) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// Whether a directory was renamed since something in it was last made or removed. Both set its change time, but only the latter
/// its modification time as well, and only the former the modification time of the directory above it.
fn was_moved(directory: &Stat, above: &Stat) -> bool {
    let nanoseconds = |seconds: i64, more: u64| i128::from(seconds) * 1_000_000_000 + i128::from(more);
    let changed = nanoseconds(directory.st_ctime, directory.st_ctime_nsec);
    let modified = nanoseconds(directory.st_mtime, directory.st_mtime_nsec);
    changed > modified && nanoseconds(above.st_mtime, above.st_mtime_nsec) + TICK >= changed
}

/// Makes the directory, and the one above it if that is missing (`~/.cache`).
fn make(place: &Place) -> Option<()> {
    let private = Mode::RWXU;
    match rustix::fs::mkdirat(CWD, &place.path, private) {
        Err(Errno::NOENT) => {
            rustix::fs::mkdirat(CWD, &place.base, private).ok()?;
            rustix::fs::mkdirat(CWD, &place.path, private).ok()
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
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    /// A directory for answers, and two questions.
    struct Room {
        base: tempfile::TempDir,
        settings: Settings,
        one: Fingerprint,
        other: Fingerprint,
    }

    impl Room {
        fn new() -> Room {
            let base = tempfile::tempdir().unwrap();
            let place = base.path().as_os_str().to_owned();
            let settings = Settings::from(|name| (name == "XDG_RUNTIME_DIR").then(|| place.clone())).unwrap();
            let name = |server| {
                Names::of(&settings, &Question::new(Registry::parse(server).unwrap(), &settings)).own
            };
            let (one, other) = (name("one.example.com"), name("other.example.com"));
            Room { base, settings, one, other }
        }

        fn store(&self) -> Store {
            Store::open(&self.settings).unwrap()
        }

        fn directory(&self) -> PathBuf {
            Place::of_user(&self.settings).unwrap().path
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

    #[test]
    fn the_directory_is_made_for_its_owner_alone_and_nothing_else_is_taken() {
        let place = Room::new();
        drop(place.store());
        assert_eq!(std::fs::metadata(place.directory()).unwrap().mode() & 0o777, 0o700);
        for (mode, taken) in [(0o755, false), (0o701, false), (0o710, false), (0o700, true)] {
            chmod(&place.directory(), mode);
            assert_eq!(Store::open(&place.settings).is_ok(), taken, "{mode:o}");
        }
        std::fs::rename(place.directory(), place.base.path().join("moved")).unwrap();
        symlink("moved", place.directory()).unwrap();
        assert!(Store::open(&place.settings).is_err());
        std::fs::remove_file(place.directory()).unwrap();
        std::fs::write(place.directory(), "").unwrap();
        chmod(&place.directory(), 0o600);
        assert!(Store::open(&place.settings).is_err());

        let above = Room::new();
        let deep =
            Settings { cache_directory: Some(above.base.path().join("above")), ..above.settings.clone() };
        assert!(Store::open(&deep).is_ok());
        let deeper =
            Settings { cache_directory: Some(above.base.path().join("a/b")), ..above.settings.clone() };
        assert!(Store::open(&deeper).is_err());
        assert!(Store::open(&Settings { cache_off: true, ..above.settings.clone() }).is_err());
        // Whoever finds the directory made in the meantime takes it.
        assert_eq!(make(&Place::of_user(&deep).unwrap()), Some(()));
    }

    #[test]
    fn ours_is_what_nobody_else_may_touch() {
        let mut stat = statat(CWD, "/", AtFlags::empty()).unwrap();
        let mut is_ours_with = |owner, mode| {
            (stat.st_uid, stat.st_mode) = (owner, mode);
            is_ours(&stat, 7)
        };
        assert!(is_ours_with(7, 0o100_600) && is_ours_with(7, 0o40_700));
        assert!(!is_ours_with(8, 0o100_600));
        for others in [0o604, 0o602, 0o601, 0o640, 0o620, 0o610, 0o666] {
            assert!(!is_ours_with(7, others), "{others:o}");
        }
    }

    #[test]
    fn what_is_written_is_there_whole_and_alone() {
        let place = Room::new();
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
        let place = Room::new();
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
        let place = Room::new();
        let store = place.store();
        let closed = |file: BorrowedFd| rustix::io::fcntl_getfd(file).unwrap().contains(FdFlags::CLOEXEC);
        assert!(closed(store.directory.as_fd()) && closed(store.lock_file("x").unwrap().as_fd()));
    }

    #[test]
    fn what_was_not_written_here_is_not_read() {
        let place = Room::new();
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
        let place = Room::new();
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
    fn what_was_asked_for_before_a_forgetting_is_not_kept_after_it() {
        let place = Room::new();
        let (store, now) = (place.store(), SystemTime::now());
        let first = entry(&place.settings).asked_in(store.generation());
        store.write_unless_forgotten(&place.one, &first);
        assert!(store.read(&place.one, now).is_some());
        drop(store.lock_file("x.lock").unwrap());
        let left = format!("{}.1.new", place.other.name());
        drop(store.lock_file(&left).unwrap());
        store.clear();
        assert!(store.read(&place.one, now).is_none() && store.generation() != first.generation());
        assert!(!place.at(&left).exists());
        assert!(place.at("x.lock").exists() && !place.at(place.one.name()).exists());
        store.write_unless_forgotten(&place.one, &first);
        assert!(!place.at(place.one.name()).exists());
        // One that was written just before whoever forgets came by, and was not removed, is none either.
        store.write(&place.one, &first);
        assert!(store.read(&place.one, now).is_none());
        let second = first.asked_in(store.generation());
        store.write_unless_forgotten(&place.one, &second);
        assert!(store.read(&place.one, now).is_some_and(|read| read.generation() == second.generation()));
    }

    /// Whether what was kept is still there after the directory was treated so.
    fn survives(treat: impl FnOnce(&Room)) -> bool {
        let place = Room::new();
        let store = place.store();
        store.write(&place.one, &entry(&place.settings));
        // The times of files advance in ticks of the kernel.
        std::thread::sleep(Duration::from_millis(20));
        treat(&place);
        place.store().read(&place.one, SystemTime::now()).is_some()
    }

    #[test]
    fn what_was_away_is_forgotten() {
        let rename = |from: &Path, to: &Path| std::fs::rename(from, to).unwrap();
        assert!(survives(|_| ()));
        assert!(survives(|place| chmod(&place.directory(), 0o700)));
        assert!(survives(|place| std::fs::write(place.base.path().join("other"), "").unwrap()));
        assert!(!survives(|place| {
            let away = place.base.path().join("away");
            rename(&place.directory(), &away);
            rename(&away, &place.directory());
        }));
        assert!(!survives(|place| {
            let away = place.base.path().join("away");
            rename(&place.directory(), &away);
            Store::clear_all(&place.settings);
            rename(&place.directory(), &place.base.path().join("cleared"));
            rename(&away, &place.directory());
        }));
        // It is used again, and what is asked for from now on is kept.
        let place = Room::new();
        drop(place.store());
        std::thread::sleep(Duration::from_millis(20));
        rename(&place.directory(), &place.base.path().join("away"));
        rename(&place.base.path().join("away"), &place.directory());
        let store = place.store();
        store.write_unless_forgotten(&place.one, &entry(&place.settings).asked_in(store.generation()));
        assert!(place.store().read(&place.one, SystemTime::now()).is_some());
        // Whoever asked while it was away keeps nothing.
        std::thread::sleep(Duration::from_millis(20));
        rename(&place.directory(), &place.base.path().join("away"));
        rename(&place.base.path().join("away"), &place.directory());
        store.write_unless_forgotten(&place.other, &entry(&place.settings).asked_in(store.generation()));
        assert!(!place.at(place.other.name()).exists());
    }

    #[test]
    fn forgetting_reaches_every_place_whatever_is_wrong_above_it() {
        let place = Room::new();
        place.store().write(&place.one, &entry(&place.settings));
        chmod(place.base.path(), 0o777);
        assert!(Store::open(&place.settings).is_err());
        Store::clear_all(&place.settings);
        assert!(!place.at(place.one.name()).exists() && place.at(FORGOTTEN).exists());
        // Nobody made the directory yet, but somebody may be about to.
        chmod(place.base.path(), 0o700);
        std::fs::remove_dir_all(place.directory()).unwrap();
        Store::clear_all(&place.settings);
        assert!(place.at(FORGOTTEN).exists());
    }

    #[test]
    fn a_lock_is_a_file_of_ones_own_that_is_still_there() {
        let place = Room::new();
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
