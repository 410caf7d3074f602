//! The broom: answers that are over, and what killed processes left behind. It goes by the names that this program gives to its
//! files, and touches nothing else.

use std::ffi::CStr;
use std::fs::TryLockError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, OFlags, Stat, statat};

use super::store::{FORGOTTEN, Store, is_file};

/// A temporary file or a lock this old was left by a process that died: if it is locked, it is not.
pub(super) const ABANDONED: Duration = Duration::from_secs(600);
/// A pass looks at no more files than this.
const MOST_SWEPT: usize = 4096;

/// What a file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A fingerprint.
    Answer,
    /// `<fingerprint>.lock`.
    Lock,
    /// `<fingerprint>.<process>.new`: an answer that is being written.
    Temporary,
    /// `forgotten.<process>.new`: a mark that is being written.
    Mark,
}

impl Kind {
    /// None for a name that this program gives to no file.
    pub fn of(name: &[u8]) -> Option<Kind> {
        let dot = name.iter().position(|byte| *byte == b'.').unwrap_or(name.len());
        let (stem, rest) = name.split_at(dot);
        let is_fingerprint =
            stem.len() == 64 && stem.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_process =
            |text: &[u8]| (1..=10).contains(&text.len()) && text.iter().all(|byte| byte.is_ascii_digit());
        match rest {
            b"" if is_fingerprint => Some(Kind::Answer),
            b".lock" if is_fingerprint => Some(Kind::Lock),
            [b'.', rest @ ..] if is_fingerprint || stem == FORGOTTEN.as_bytes() => {
                let kind = if is_fingerprint { Kind::Temporary } else { Kind::Mark };
                rest.strip_suffix(b".new").filter(|process| is_process(process)).map(|_| kind)
            }
            _ => None,
        }
    }
}

impl Store {
    /// Removes answers that are over, and temporary files and locks that nobody has any more.
    pub(super) fn sweep(&self, now: SystemTime) {
        let Ok(entries) = Dir::read_from(&self.directory) else { return };
        for entry in entries.take(MOST_SWEPT).flatten() {
            let name = entry.file_name();
            let Some(kind) = Kind::of(name.to_bytes()) else { continue };
            let stat = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW);
            let Some(stat) = stat.ok().filter(is_file) else { continue };
            let modified = time(stat.st_mtime);
            match kind {
                // Its time is the end of its life.
                Kind::Answer if modified <= now => self.unlink(name),
                // Its time may be that end too, if its writer died late.
                Kind::Temporary | Kind::Mark if modified.min(time(stat.st_ctime)) + ABANDONED <= now => {
                    self.unlink(name)
                }
                Kind::Lock if is_abandoned(&stat, now) => self.sweep_lock(name),
                _ => {}
            }
        }
    }

    /// Removes a lock's file while this process holds it, so that nobody else does. Whoever opened it meanwhile finds out that it
    /// is not the lock any more.
    fn sweep_lock(&self, name: &CStr) {
        let Ok(text) = name.to_str() else { return };
        let Some(file) = self.open_lock(text, OFlags::empty()) else { return };
        match file.try_lock() {
            Ok(()) if self.is_at(&file, text) => self.unlink(name),
            // Nobody can hold it on a file system without locks.
            Err(TryLockError::Error(_)) => self.unlink(name),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
        }
    }

    fn unlink(&self, name: &CStr) {
        let _ = rustix::fs::unlinkat(&self.directory, name, AtFlags::empty());
    }
}

/// Whether a lock's file was not taken by anybody for so long that its holder, if it has one, must be dead.
pub(super) fn is_abandoned(stat: &Stat, now: SystemTime) -> bool {
    time(stat.st_mtime) + ABANDONED <= now
}

fn time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use std::ffi::OsString;
    use std::fs::File;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    struct Room {
        base: tempfile::TempDir,
        store: Store,
    }

    impl Room {
        fn new() -> Room {
            let base = tempfile::tempdir().unwrap();
            let path = base.path().as_os_str().to_owned();
            let settings = Settings::from(|name| (name == "XDG_RUNTIME_DIR").then(|| path.clone())).unwrap();
            Room { store: Store::open(&settings).unwrap(), base }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.base.path().join("docker-credential-kubeclarity").join(name)
        }

        /// Makes a file that was last written so long ago.
        fn put(&self, name: &str, seconds: u64) {
            drop(self.store.lock_file(name).unwrap());
            age(&self.at(name), seconds);
        }

        fn left(&self) -> Vec<OsString> {
            let files = std::fs::read_dir(self.at("")).unwrap();
            let mut left: Vec<OsString> = files.map(|entry| entry.unwrap().file_name()).collect();
            left.sort();
            left
        }
    }

    fn age(path: &Path, seconds: u64) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    fn fingerprint(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    const OLD: u64 = 601;

    #[test]
    fn a_file_is_what_its_name_says() {
        let of = |name: &str| Kind::of(name.as_bytes());
        let one = fingerprint('a');
        assert_eq!(of(&one), Some(Kind::Answer));
        assert_eq!(of(&format!("{one}.lock")), Some(Kind::Lock));
        for temporary in [format!("{one}.1.new"), format!("{one}.4294967295.new")] {
            assert_eq!(of(&temporary), Some(Kind::Temporary), "{temporary}");
        }
        assert_eq!(of("forgotten.12.new"), Some(Kind::Mark));
        for other in [
            "",
            ".",
            "..",
            "mine",
            "forgotten",
            "forgotten.lock",
            "forgotten.new",
            "mine.1.new",
            "mine.lock",
            &one[1..],
            &format!("{one}a"),
            &one.to_uppercase(),
            &"g".repeat(64),
            // As long as an answer, and a lock.
            &"notes-of-somebody-who-likes-long-names-and-has-sixty-four-letter"[..64],
            &format!("{}.lock", "x".repeat(64)),
            &format!("{one}."),
            &format!("{one}.lock.1"),
            &format!("{one}.lck"),
            &format!("{one}.new"),
            &format!("{one}..new"),
            &format!("{one}.1"),
            &format!("{one}.a.new"),
            &format!("{one}.-1.new"),
            &format!("{one}.12345678901.new"),
            &format!("{one}.1.new.new"),
            &format!(".{one}"),
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn what_this_program_writes_is_known() {
        use super::super::{Entry, Names};
        use crate::question::Question;
        use crate::registry::Registry;
        use crate::resolver::Resolution;
        let settings = Settings::from(|_| None).unwrap();
        let question = Question::new(Registry::parse("reg.example.com").unwrap(), &settings);
        let room = Room::new();
        let entry = Entry::of(&settings, &Resolution::default(), SystemTime::now()).unwrap();
        let name = Names::of(&settings, &question).own;
        room.store.write(&name, &entry);
        let _lock = super::super::lock::Lock::take(
            &room.store,
            &name,
            crate::deadline::Deadline::after(Duration::from_secs(60)),
            || false,
        );
        let kinds: Vec<_> = room.left().iter().map(|name| Kind::of(name.as_encoded_bytes())).collect();
        assert_eq!(kinds, [Some(Kind::Answer), Some(Kind::Lock)]);
    }

    #[test]
    fn the_broom_takes_what_is_over_and_nothing_else() {
        let room = Room::new();
        let (over, fresh) = (fingerprint('a'), fingerprint('b'));
        room.put(&over, 1);
        room.put(&fresh, 0);
        let ahead = File::options().write(true).open(room.at(&fresh)).unwrap();
        ahead.set_modified(SystemTime::now() + Duration::from_secs(100)).unwrap();
        let young = format!("{}.2.new", fingerprint('d'));
        room.put(&format!("{}.1.new", fingerprint('c')), OLD);
        room.put(&young, OLD - 100);
        room.put("forgotten.1.new", OLD);
        // What is somebody else's, by its name, however long that is.
        let others = ["forgotten".to_owned(), "mine.1.new".into(), "mine.lock".into(), "z".repeat(64)];
        others.iter().for_each(|name| room.put(name, 100_000));
        std::fs::create_dir(room.at(&fingerprint('e'))).unwrap();
        symlink("nowhere", room.at(&fingerprint('f'))).unwrap();
        room.store.sweep(SystemTime::now());
        let mut expected: Vec<OsString> = others.map(OsString::from).into();
        expected.extend([fresh, young, fingerprint('e'), fingerprint('f')].map(OsString::from));
        expected.sort();
        assert_eq!(room.left(), expected);
    }

    #[test]
    fn a_temporary_file_whose_writer_died_late_goes_too() {
        let room = Room::new();
        // It has the time of its answer's end already.
        let name = format!("{}.1.new", fingerprint('a'));
        room.put(&name, 0);
        let file = File::options().write(true).open(room.at(&name)).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(43_200)).unwrap();
        room.store.sweep(SystemTime::now());
        assert!(room.at(&name).exists());
        room.store.sweep(SystemTime::now() + Duration::from_secs(OLD + 1));
        assert!(!room.at(&name).exists());
    }

    #[test]
    fn a_lock_that_nobody_has_is_removed_and_no_other() {
        let room = Room::new();
        let lock = |digit| format!("{}.lock", fingerprint(digit));
        room.put(&lock('a'), OLD);
        room.put(&lock('b'), OLD - 100);
        room.put(&lock('c'), OLD);
        let held = room.store.lock_file(&lock('c')).unwrap();
        held.lock().unwrap();
        room.store.sweep(SystemTime::now());
        assert_eq!(room.left(), [lock('b'), lock('c')].map(OsString::from));
        // It is the lock still: whoever opens it waits for its holder.
        assert!(room.store.is_at(&held, &lock('c')));
        assert!(room.store.lock_file(&lock('c')).unwrap().try_lock().is_err());
        drop(held);
        room.store.sweep(SystemTime::now());
        assert_eq!(room.left(), [lock('b')].map(OsString::from));
    }
}
