//! Source 4, first part: Docker's own configuration in the environment. `DOCKER_AUTH_CONFIG` (a `config.json`
//! in a variable: GitLab CI, the docker CLI), `auths` of `$DOCKER_CONFIG/config.json` and of
//! `REGISTRY_AUTH_FILE`. Helpers that are named in those files are never run: one of them may be this program.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::deadline::Stage;
use crate::docker_config::{DockerConfig, Format, Loaded};
use crate::file::{self, Unreadable};
use crate::finding::{Failure, Finding};
use crate::problem::{FileFault, Problem};
use crate::settings::Settings;
use crate::shown::Shown;

/// The file in `$DOCKER_CONFIG`.
const IN_DIRECTORY: &str = "config.json";

const EMPTY: &str = "is empty";

/// Reads all three, in their order. What is not there is nothing; what cannot be read or parsed is a failure.
pub fn load(settings: &Settings) -> (Vec<Loaded>, Finding) {
    Stage::DockerConfig.begins();
    let mut finding = Finding::default();
    let mut loaded = Vec::new();

    match &settings.docker_auth_config {
        None => finding.look("DOCKER_AUTH_CONFIG", "not set", Duration::ZERO),
        Some(text) => parse("DOCKER_AUTH_CONFIG".into(), text.expose().as_bytes(), &mut loaded, &mut finding),
    }
    match &settings.docker_config {
        None => finding.look("DOCKER_CONFIG", "not set", Duration::ZERO),
        Some(directory) => {
            let path = directory.join("config.json");
            match path.is_dir() {
                // Docker warns of it and goes on.
                true => finding.look(Shown::path(&path), "is a directory, not a file", Duration::ZERO),
                false => read(&path, &mut loaded, &mut finding),
            }
        }
    }
    match &settings.registry_auth_file {
        None => finding.look("REGISTRY_AUTH_FILE", "not set", Duration::ZERO),
        Some(path) => read(path, &mut loaded, &mut finding),
    }
    (loaded, finding)
}

fn read(path: &Path, loaded: &mut Vec<Loaded>, finding: &mut Finding) {
    let started = Instant::now();
    let origin = Shown::path(path);
    // A ConfigMap's or Secret's files are links to files beside them.
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let text = match path.file_name() {
        Some(name) => file::read_beneath(&directory, Path::new(name)),
        None => Err(Unreadable::NotRegular),
    };
    match text {
        Err(Unreadable::Absent) => finding.look(origin, "does not exist", started.elapsed()),
        // Docker warns of a directory and goes on.
        Err(Unreadable::NotRegular) if path.ends_with(IN_DIRECTORY) && path.is_dir() => {
            finding.look(origin, "is a directory, not a file", started.elapsed());
        }
        // How people say that they have none.
        Err(_) if path.canonicalize().is_ok_and(|path| path == Path::new("/dev/null")) => {
            finding.look(origin, EMPTY, started.elapsed());
        }
        Err(why) => {
            let problem = Problem::File { path: origin.clone(), what: FileFault::DockerConfig(why) };
            finding.fail(origin, Failure::default(problem), started.elapsed());
        }
        Ok(text) => parse(origin, &text, loaded, finding),
    }
}

fn parse(origin: Shown, text: &[u8], loaded: &mut Vec<Loaded>, finding: &mut Finding) {
    // Docker and podman take an empty file for an empty configuration.
    if text.trim_ascii().is_empty() {
        return finding.look(origin, EMPTY, Duration::ZERO);
    }
    match DockerConfig::parse(text, Format::ConfigJson) {
        Ok(config) => {
            finding.look(&origin, config.summary(), Duration::ZERO);
            loaded.push(Loaded { origin, config });
        }
        Err(why) => {
            let problem = Problem::NotDockerConfig { origin: origin.clone(), why };
            finding.fail(origin, Failure::default(problem), Duration::ZERO);
        }
    }
}
