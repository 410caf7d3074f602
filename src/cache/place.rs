//! Where answers are kept, and whether nobody else can put another directory in that place.
//!
//! Whoever may rename the directory could move it away before a login is erased and back afterwards, so every directory
//! above it counts, as for OpenSSH's and sudo's files. In a directory with the sticky bit (`/tmp`), only owners rename.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Stat, readlinkat, statat};
use rustix::io::Errno;

use crate::problem::{CacheFault, Problem};
use crate::settings::Settings;
use crate::shown::Shown;

const NAME: &str = "docker-credential-kubeclarity";
/// In memory, with the sticky bit, and there in every container of a pod.
const SHARED_MEMORY: &str = "/dev/shm";
/// As many links as the kernel follows.
const MOST_LINKS: usize = 40;

/// A place for the directory of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The directory above it.
    pub base: PathBuf,
    /// The directory of answers.
    pub path: PathBuf,
    /// The variable that decides on the place.
    pub variable: &'static str,
}

impl Place {
    /// The user's: in `XDG_RUNTIME_DIR`, else in the user's cache directory.
    pub fn of_user(settings: &Settings) -> Option<Place> {
        let base = settings.cache_directory.clone()?;
        let variable = match settings.runtime_directory {
            Some(_) => "XDG_RUNTIME_DIR",
            None => "XDG_CACHE_HOME",
        };
        Some(Place { path: base.join(NAME), base, variable })
    }

    /// In a pod, one in memory. Kubelet lets everybody in the pod write to an `emptyDir` (0777, without the sticky bit), so a
    /// container of another user could rename what is in it, and no setting of the pod changes that.
    pub fn in_memory(settings: &Settings, me: u32) -> Option<Place> {
        settings.in_cluster_host.as_ref()?;
        let base = PathBuf::from(SHARED_MEMORY);
        Some(Place { path: base.join(format!("{NAME}-{me}")), base, variable: "XDG_CACHE_HOME" })
    }

    /// Whether nobody but this user and root can replace it: the directory above it, if it is there.
    ///
    /// # Errors
    /// Who could, or nothing where there can be no directory.
    pub fn check(&self, me: u32) -> Result<Option<Stat>, Option<CacheFault>> {
        let mut at = PathBuf::from("/");
        let root = lstat(&at).map_err(|_| None)?;
        let mut stat = root;
        // In a user namespace, root may be somebody else; whoever owns `/` has the last word in any case.
        let trusted = [0, me, stat.st_uid];
        let check = |directory: &Path, stat: &Stat| self.check_one(directory, stat, me, &trusted);
        check(&at, &stat)?;
        let mut rest = parts(&self.base);
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part == ".." {
                at.pop();
                stat = lstat(&at).map_err(|_| None)?;
                continue;
            }
            let next = at.join(part);
            stat = match lstat(&next) {
                // The rest is made here, for this user alone.
                Err(Errno::NOENT) => return Ok(None),
                found => found.map_err(|_| None)?,
            };
            check(&next, &stat)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => at = next,
                FileType::Symlink if links < MOST_LINKS => {
                    links += 1;
                    let target = readlinkat(CWD, &next, Vec::new()).map_err(|_| None)?;
                    let target = PathBuf::from(bytes(target.into_bytes()));
                    if target.is_absolute() {
                        (at, stat) = (PathBuf::from("/"), root);
                    }
                    rest.extend(parts(&target));
                }
                _ => return Err(None),
            }
        }
        Ok(Some(stat))
    }

    /// Whether others can replace what is in a directory, or where a link leads.
    fn check_one(
        &self,
        directory: &Path,
        stat: &Stat,
        me: u32,
        trusted: &[u32],
    ) -> Result<(), Option<CacheFault>> {
        let (name, variable) = (|| Shown::path(directory), self.variable);
        if !trusted.contains(&stat.st_uid) {
            let fault = CacheFault::AboveOwned { directory: name(), owner: stat.st_uid, variable };
            return Err(Some(fault));
        }
        let mode = Mode::from_raw_mode(stat.st_mode);
        let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        let by_others = mode.contains(Mode::WOTH) || mode.contains(Mode::WGRP) && !is_private(stat, me);
        if !is_link && by_others && !mode.contains(Mode::SVTX) {
            let mode = mode.bits() & 0o7777;
            return Err(Some(CacheFault::AboveWritable { directory: name(), mode, variable }));
        }
        Ok(())
    }

    /// That it is not used, in words.
    pub fn problem(&self, what: CacheFault) -> Problem {
        Problem::Cache { directory: Shown::path(&self.path), what }
    }

    /// That it is a link, if it is one.
    pub fn link(&self) -> Option<Problem> {
        let stat = lstat(&self.path).ok()?;
        let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        is_link.then(|| self.problem(CacheFault::Link(self.variable)))
    }
}

/// This user.
pub(super) fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether a directory's group is this user's own, of the same number, and has no other member by custom ("user private
/// groups"): with them, a usual umask leaves `~/.cache` writable to the group.
fn is_private(stat: &Stat, me: u32) -> bool {
    stat.st_uid == me && stat.st_gid == me && rustix::process::getegid().as_raw() == me && me != 0
}

/// The parts of a path, the last one first, without `/` and `.`.
fn parts(path: &Path) -> Vec<OsString> {
    let part = |component: Component| match component {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().rev().filter_map(part).collect()
}

fn lstat(path: &Path) -> Result<Stat, Errno> {
    statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)
}

fn bytes(bytes: Vec<u8>) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn at(base: &Path) -> Place {
        Place { path: base.join(NAME), base: base.to_owned(), variable: "XDG_CACHE_HOME" }
    }

    /// What stands in the way of a place: the directory's name, and what is wrong with it.
    fn fault(base: &Path) -> Option<String> {
        at(base)
            .check(me())
            .err()
            .map(|fault| fault.map_or("no directory".to_owned(), |fault| fault.to_string()))
    }

    fn is_root() -> bool {
        me() == 0
    }

    #[test]
    fn every_directory_above_counts() {
        let base = tempfile::tempdir().unwrap();
        let (above, inner) = (base.path().join("above"), base.path().join("above/inner"));
        std::fs::create_dir_all(&inner).unwrap();
        assert_eq!(fault(&inner), None);
        for directory in [&above, &inner] {
            for (mode, safe) in [
                (0o700, true),
                (0o755, true),
                (0o1777, true),
                (0o1775, true),
                (0o2755, true),
                (0o777, false),
                (0o2777, false),
                (0o707, false),
                (0o702, false),
                (0o2770, false),
            ] {
                chmod(directory, mode);
                let told = fault(&inner);
                assert_eq!(told.is_none(), safe, "{mode:o} {told:?}");
                let named = format!("other users can write to {} (mode {mode:04o})", directory.display());
                assert!(told.is_none_or(|told| told.starts_with(&named)), "{named}");
            }
            chmod(directory, 0o755);
        }
        // What is missing is made for this user alone; what is no directory holds none.
        assert_eq!(fault(&inner.join("new")), None);
        assert!(at(&inner.join("new")).check(me()).is_ok_and(|above| above.is_none()));
        std::fs::write(inner.join("file"), "").unwrap();
        assert_eq!(fault(&inner.join("file")).as_deref(), Some("no directory"));
        assert_eq!(fault(&inner.join("file/below")).as_deref(), Some("no directory"));
    }

    #[test]
    fn a_directory_of_somebody_else_is_not_trusted_and_one_of_root_is() {
        if !is_root() {
            return; // nobody else can give a directory away
        }
        let base = tempfile::tempdir().unwrap();
        let (above, inner) = (base.path().join("above"), base.path().join("above/inner"));
        std::fs::create_dir_all(&inner).unwrap();
        for directory in [&above, &inner] {
            chown(directory, Some(12_345), None).unwrap();
            for mode in [0o755, 0o1755, 0o700] {
                chmod(directory, mode);
                let told = fault(&inner).unwrap();
                let named = format!("{} belongs to another user (uid 12345)", directory.display());
                assert!(told.starts_with(&named), "{told}");
            }
            // For that user it is one of his own, below others of root.
            assert!(at(&inner).check(12_345).is_ok());
            chown(directory, Some(0), None).unwrap();
        }
    }

    #[test]
    fn links_are_followed_where_nobody_else_can_turn_them() {
        let base = tempfile::tempdir().unwrap();
        let path = |name: &str| base.path().join(name);
        for directory in ["real/deep", "open", "links"] {
            std::fs::create_dir_all(path(directory)).unwrap();
        }
        symlink(path("real"), path("links/absolute")).unwrap();
        symlink("../real/./deep/../deep", path("links/relative")).unwrap();
        symlink("absolute/deep", path("links/twice")).unwrap();
        symlink("loop", path("links/loop")).unwrap();
        symlink("nowhere", path("links/dangling")).unwrap();
        symlink(path("open"), path("links/to-open")).unwrap();
        chmod(&path("open"), 0o777);
        symlink(path("real"), path("open/link")).unwrap();
        for (name, safe) in [
            ("links/absolute", true),
            ("links/absolute/deep", true),
            ("links/relative", true),
            ("links/twice", true),
            ("links/loop", false),
            ("links/dangling", true),
            ("links/to-open", false),
            // What it leads to is safe, but others can make it lead elsewhere.
            ("open/link", false),
            ("links/to-open/link", false),
        ] {
            assert_eq!(fault(&path(name)).is_none(), safe, "{name}: {:?}", fault(&path(name)));
        }
        let deep = at(&path("links/twice")).check(me()).unwrap().unwrap();
        assert_eq!(deep.st_ino, lstat(&path("real/deep")).unwrap().st_ino);
        if is_root() {
            // With the sticky bit, a link is its owner's.
            chmod(&path("open"), 0o1777);
            assert_eq!(fault(&path("open/link")), None);
            std::os::unix::fs::lchown(path("open/link"), Some(12_345), None).unwrap();
            assert!(fault(&path("open/link")).is_some());
        }
    }

    #[test]
    fn a_group_of_one_s_own_may_write() {
        let mut stat = lstat(Path::new("/")).unwrap();
        let group = rustix::process::getegid().as_raw();
        (stat.st_uid, stat.st_gid) = (group, group);
        // Only where both numbers are the same, and never root's.
        assert_eq!(is_private(&stat, group), group != 0);
        assert!(!is_private(&stat, group + 1));
        stat.st_gid = group + 1;
        assert!(!is_private(&stat, group));
    }

    #[test]
    fn in_a_pod_there_is_a_place_in_memory() {
        let settings = |host: Option<&'static str>| {
            Settings::from(|name| host.filter(|_| name == "KUBERNETES_SERVICE_HOST").map(Into::into)).unwrap()
        };
        let place = Place::in_memory(&settings(Some("10.0.0.1")), 7).unwrap();
        assert_eq!(place.path, Path::new("/dev/shm/docker-credential-kubeclarity-7"));
        assert_eq!(Place::in_memory(&settings(None), 7), None);
        assert_eq!(Place::of_user(&settings(None)), None);
    }
}
