//! Runs that share a cache, and the cache's files.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;

use super::kubeconfig::Kubeconfig;
use super::{FakeApi, Helper};

/// The first line of every answer on disk.
pub const HEAD: &str = "docker-credential-kubeclarity answer 2\n";

/// A machine: a cache directory and a kubeconfig that all runs on it share.
pub struct Machine {
    directory: TempDir,
}

impl Machine {
    /// A machine whose cluster is this one.
    pub fn new(api: &FakeApi) -> Machine {
        Machine::with(&Kubeconfig::token(api))
    }

    pub fn with(kubeconfig: &Kubeconfig) -> Machine {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kubeconfig"), kubeconfig.text()).unwrap();
        std::fs::create_dir(directory.path().join("run")).unwrap();
        Machine { directory }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// A `get` on this machine.
    pub fn get(&self, server: &str) -> Helper {
        Helper::get(server)
            .env("KUBECONFIG", self.path("kubeconfig"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
    }

    /// A `get` on this machine, which finds its cluster by chance, in `~/.kube/config`.
    pub fn get_by_chance(&self, server: &str) -> Helper {
        let kubeconfig = self.path("home/.kube/config");
        if !kubeconfig.exists() {
            std::fs::create_dir_all(self.path("home/.kube")).unwrap();
            std::fs::copy(self.path("kubeconfig"), kubeconfig).unwrap();
        }
        self.get(server).without("KUBECONFIG").env("HOME", self.path("home"))
    }

    /// The directory of answers.
    pub fn cache(&self) -> PathBuf {
        self.path("run/docker-credential-kubeclarity")
    }

    /// The names of all files there, sorted; none if there is no directory.
    pub fn files(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.cache()) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The one answer's file; nothing else is there, no lock and no temporary file either.
    #[track_caller]
    pub fn answer(&self) -> PathBuf {
        let files = self.files();
        let [name] = &files[..] else { panic!("not one answer: {files:?}") };
        self.cache().join(name)
    }

    /// The one answer's content.
    #[track_caller]
    pub fn content(&self) -> Value {
        content(&self.answer())
    }

    /// Changes the one answer's content.
    #[track_caller]
    pub fn change(&self, change: impl FnOnce(&mut Value)) {
        let path = self.answer();
        let mut value = content(&path);
        change(&mut value);
        write(&path, format!("{HEAD}{value}"));
    }

    /// Makes the one answer older by this many seconds: what it says of times, it says of earlier ones.
    #[track_caller]
    pub fn age(&self, seconds: u64) {
        self.change(|answer| {
            for time in ["asked", "fresh_until", "over", "expires"] {
                if let Some(at) = answer[time].as_u64() {
                    answer[time] = (at - seconds).into();
                }
            }
        });
    }
}

/// An answer's content; its file is whole.
#[track_caller]
pub fn content(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    let json = text.strip_prefix(HEAD).unwrap_or_else(|| panic!("another head: {text}"));
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Writes a file as the program does: 0600, and new, so that no link is followed.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    let _ = std::fs::remove_file(path);
    std::fs::write(path, bytes).unwrap();
    chmod(path, 0o600);
}

pub fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The mode of a file or directory, a link not followed.
pub fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Whether these tests run as root, who may do what others may not.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Whether a process has a file open whose path ends so.
pub fn has_open(pid: u32, end: &str) -> bool {
    let Ok(open) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    open.flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .any(|target| target.to_string_lossy().ends_with(end))
}
