//! `install <dir>`: copies this program and a `config.json` into a directory, so that an init container can hand
//! both to a scanner through a shared volume.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Arg, ArgAction, ArgMatches, Command};
use zeroize::Zeroizing;

use super::configure::document::Document;
use crate::deadline::Stage;
use crate::file::{self, Unreadable};
use crate::problem::{FileFault, Problem};
use crate::protocol::{NAME, Reply};
use crate::shown::Shown;

/// Whoever scans may read a new one: it holds no credential.
const NEW_CONFIG: u32 = 0o644;
const CONFIG: &str = "config.json";

const NOT_STATIC: &str = "note: this program is not static: it starts only where the C library of this system, or a newer one, is; the image's is static";

/// Its arguments.
pub fn arguments() -> Command {
    Command::new("install")
        .about("Copy this program and a config.json into a directory, for a volume that a scanner shares")
        .arg(
            Arg::new("directory").value_name("DIR").required(true).value_parser(clap::value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("force")
                .long("force")
                .action(ArgAction::SetTrue)
                .help("take the place of another helper in the config.json that is there"),
        )
        .after_help("In the scanner, put DIR on PATH and set DOCKER_CONFIG to it.")
}

pub(super) fn run(matches: &ArgMatches) -> Reply {
    Stage::Install.begins();
    let Some(directory) = matches.get_one::<PathBuf>("directory") else {
        return Reply::problem(&Problem::ConfigureNothing);
    };
    match install(directory, matches.get_flag("force")) {
        Ok(lines) => Reply::people(true, lines),
        Err(problem) => Reply::problem(&problem),
    }
}

fn install(directory: &Path, force: bool) -> Result<Vec<Shown>, Problem> {
    let failed = |path: &Path, what| Problem::File { path: Shown::path(path), what };
    let source = |error: std::io::Error| FileFault::InstallSource(error.kind());
    let written = |error: std::io::Error| FileFault::InstallWrite(error.kind());
    // PATH and DOCKER_CONFIG are of use with whole paths only.
    let directory = &std::path::absolute(directory)
        .map_err(|error| failed(directory, FileFault::InstallDirectory(error.kind())))?;
    std::fs::create_dir_all(directory)
        .map_err(|error| failed(directory, FileFault::InstallDirectory(error.kind())))?;
    let own = std::env::current_exe().map_err(|error| failed(Path::new(NAME), source(error)))?;
    let mut program = File::open(&own).map_err(|error| failed(&own, source(error)))?;
    let config = directory.join(CONFIG);
    let new_config = new_config(directory, &config, force)?;

    let copy = directory.join(NAME);
    replace(&copy, 0o755, |file| std::io::copy(&mut program, file).map(drop))
        .map_err(|error| failed(&copy, written(error)))?;
    if let Some((text, mode)) = new_config {
        replace(&config, mode, |file| file.write_all(text.as_bytes()))
            .map_err(|error| failed(&config, written(error)))?;
    }
    let quoted = Shown::path(directory).quoted();
    let variables = shown!["in the scanner: PATH=", quoted, ":$PATH DOCKER_CONFIG=", quoted];
    let mut lines = vec![Shown::path(&copy), Shown::path(&config), variables];
    if !cfg!(target_feature = "crt-static") {
        lines.push(NOT_STATIC.into());
    }
    Ok(lines)
}

/// What the `config.json` becomes, and its mode: this helper is added to the one that is there, and all else in it
/// stays. `None` if it names this helper already.
fn new_config(
    directory: &Path,
    path: &Path,
    force: bool,
) -> Result<Option<(Zeroizing<String>, u32)>, Problem> {
    // In a shared volume a link may be somebody else's: what lies outside must not be copied into it.
    let (text, mode) = match file::read_beneath(directory, Path::new(CONFIG)) {
        Ok(text) => {
            let mode = path.metadata().map_or(NEW_CONFIG, |metadata| metadata.permissions().mode() & 0o777);
            (text, mode)
        }
        Err(Unreadable::Absent) => (Vec::new(), NEW_CONFIG),
        Err(why) => {
            let what = FileFault::InstallConfig(why);
            return Err(Problem::File { path: Shown::path(path), what });
        }
    };
    let mut document = Document::parse(path, &text)?;
    let changes = document.add(&[], true, force)?;
    Ok((!changes.is_empty()).then(|| (document.to_text(), mode)))
}

/// Writes a file whole or not at all: a scanner may be starting at the same time.
fn replace(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    // The number alone would not do: in every init container it is 1, and several may share a directory.
    let nanoseconds =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let temporary = path.with_file_name(format!(".{}.{nanoseconds}.new", std::process::id()));
    // Never through what is there already: in a shared volume that may be somebody's link.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
    let written = fill(&mut file)
        .and_then(|()| file.set_permissions(PermissionsExt::from_mode(mode)))
        .and_then(|()| file.sync_all())
        .and_then(|()| {
            drop(file); // a program that is open for writing cannot be started
            std::fs::rename(&temporary, path)
        });
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}
