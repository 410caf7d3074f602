//! A system that answers differently: a library of the test's own, loaded before the C library (`LD_PRELOAD`).

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// The library, until it is dropped.
pub struct Shim {
    directory: TempDir,
}

impl Shim {
    /// Compiles it. Rust's own linker is a C compiler, so there is one.
    pub fn new(source: &str) -> Shim {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("shim.c");
        std::fs::write(&file, format!("#define _GNU_SOURCE\n{source}")).unwrap();
        let shim = Shim { directory };
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(shim.path()).arg(&file).arg("-ldl");
        assert!(compiler.status().unwrap().success());
        shim
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("shim.so")
    }
}

impl super::Helper {
    /// The run is in such a system.
    pub fn shim(self, shim: &Shim) -> super::Helper {
        self.env("LD_PRELOAD", shim.path())
    }
}
