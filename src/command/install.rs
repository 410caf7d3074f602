//! `install <dir>`: copies this program and a `config.json` into a directory, so that an init container can hand
//! both to a scanner through a shared volume.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command};

use super::configure::HELPER;
use crate::problem::{FileFault, Problem};
use crate::protocol::{NAME, Reply};

/// Its arguments.
pub fn arguments() -> Command {
    Command::new("install")
        .about("Copy this program and a config.json into a directory, for a volume that a scanner shares")
        .arg(
            Arg::new("directory").value_name("DIR").required(true).value_parser(clap::value_parser!(PathBuf)),
        )
        .after_help("In the scanner, put DIR on PATH and set DOCKER_CONFIG to it.")
}

pub(super) fn run(matches: &ArgMatches) -> Reply {
    let Some(directory) = matches.get_one::<PathBuf>("directory") else {
        return Reply::problem(&Problem::ConfigureNothing);
    };
    match install(directory) {
        Ok(text) => Reply::people(true, text),
        Err(problem) => Reply::problem(&problem),
    }
}

fn install(directory: &Path) -> Result<String, Problem> {
    let failed = |path: &Path, what| Problem::File { path: path.display().to_string(), what };
    let source = |error: std::io::Error| FileFault::InstallSource(error.kind());
    let written = |error: std::io::Error| FileFault::InstallWrite(error.kind());
    std::fs::create_dir_all(directory)
        .map_err(|error| failed(directory, FileFault::InstallDirectory(error.kind())))?;
    let own = std::env::current_exe().map_err(|error| failed(Path::new(NAME), source(error)))?;
    let mut program = File::open(&own).map_err(|error| failed(&own, source(error)))?;

    let copy = directory.join(NAME);
    replace(&copy, 0o755, |file| std::io::copy(&mut program, file).map(drop))
        .map_err(|error| failed(&copy, written(error)))?;
    let config = directory.join("config.json");
    let text = format!("{{\n\t\"credsStore\": \"{HELPER}\"\n}}\n");
    replace(&config, 0o644, |file| file.write_all(text.as_bytes()))
        .map_err(|error| failed(&config, written(error)))?;
    Ok(format!(
        "{}\n{}\nin the scanner: PATH={}:$PATH DOCKER_CONFIG={}\n",
        copy.display(),
        config.display(),
        directory.display(),
        directory.display()
    ))
}

/// Writes a file whole or not at all: a scanner may be starting at the same time.
fn replace(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let temporary = path.with_file_name(format!(".{}.new", std::process::id()));
    // Never through what is there already: in a shared volume that may be somebody's link.
    let _ = std::fs::remove_file(&temporary);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)
        .and_then(|mut file| {
            fill(&mut file)?;
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}
