//! Files as a kubelet mounts them: each secret is a volume made of links.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory of mounted pull secrets, for `IMAGE_PULL_SECRET_PATH`.
pub struct Mount {
    directory: TempDir,
}

impl Mount {
    pub fn new() -> Mount {
        Mount { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The folder of a secret, made if need be.
    pub fn folder(&self, secret: &str) -> PathBuf {
        let folder = self.path().join(secret);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// A secret with one key, laid out as a kubelet does: `key -> ..data/key`, `..data -> ..<time>`.
    pub fn secret(&self, secret: &str, key: &str, text: impl AsRef<[u8]>) -> &Mount {
        let folder = self.folder(secret);
        let version = "..2025_01_02_03_04_05.678901234";
        std::fs::create_dir(folder.join(version)).unwrap();
        std::fs::write(folder.join(version).join(key), text).unwrap();
        symlink(version, folder.join("..data")).unwrap();
        symlink(Path::new("..data").join(key), folder.join(key)).unwrap();
        self
    }

    /// A secret of type `kubernetes.io/dockerconfigjson`.
    pub fn pull_secret(&self, secret: &str, of: &[(&str, &str)]) -> &Mount {
        self.secret(secret, ".dockerconfigjson", super::data::config(of))
    }
}
