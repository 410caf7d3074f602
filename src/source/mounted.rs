//! Source 1: pull secrets mounted as files, one folder a secret (KubeClarity mounts them at
//! `/opt/kubeclarity-pull-secrets`). The directory is named by `IMAGE_PULL_SECRET_PATH`. A single Secret mounted at that
//! very path, without a folder of its own, counts too, after the folders.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::deadline::Stage;
use crate::docker_config::{DockerConfig, Format, Loaded};
use crate::file::{self, Unreadable};
use crate::finding::{Failure, Finding, Weight};
use crate::problem::{FileFault, Problem};
use crate::settings::Settings;
use crate::shown::Shown;

const VARIABLE: &str = "IMAGE_PULL_SECRET_PATH";
/// What all of them may hold together: a Secret has 1 MiB at most, and nobody has dozens that are full.
pub const MOST_TOGETHER: usize = 16 * 1024 * 1024;

/// The two keys of a pull secret, in the order in which they are looked for.
pub const KEYS: [(&str, Format); 2] =
    [(".dockerconfigjson", Format::ConfigJson), (".dockercfg", Format::DockerCfg)];
/// What Docker calls the same, and many who make a Secret of it: read where neither of the two is.
pub const CONFIG_JSON: (&str, Format) = ("config.json", Format::ConfigJson);

/// Reads every mounted pull secret. What cannot be read or parsed is a failure; the others count all the same.
pub fn load(settings: &Settings) -> (Vec<Loaded>, Finding) {
    Stage::Mounted.begins();
    let mut finding = Finding::default();
    let mut loaded = Vec::new();
    let Some(directory) = &settings.mounted else {
        finding.look(VARIABLE, "not set", Duration::ZERO);
        return (loaded, finding);
    };
    let started = Instant::now();
    let folders = match folders(directory) {
        Ok(folders) => folders,
        Err(what) => {
            let path = Shown::path(directory);
            let problem = Problem::Named { variable: VARIABLE, path: path.clone(), what };
            finding.fail(path, Failure::named(problem), started.elapsed());
            return (loaded, finding);
        }
    };
    let mut read = 0;
    for folder in &folders {
        if read > MOST_TOGETHER {
            let path = Shown::path(&directory.join(folder));
            let problem = Problem::File {
                path: path.clone(),
                what: FileFault::MountedTogether { most: MOST_TOGETHER },
            };
            finding.fail(path, Failure::default(problem), started.elapsed());
            break;
        }
        read += load_folder(directory, folder, &mut loaded, &mut finding);
    }
    if folders.is_empty() {
        finding.look(Shown::path(directory), "holds no folder with a pull secret", started.elapsed());
    }
    (loaded, finding)
}

/// The folders by name, and last the directory itself if the keys of a pull secret stand in it. `..data` and its like
/// are the volume's own.
fn folders(directory: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Unreadable::Absent,
        std::io::ErrorKind::PermissionDenied => Unreadable::Denied,
        std::io::ErrorKind::NotADirectory => Unreadable::NotDirectory,
        kind => Unreadable::Other(kind),
    };
    let mut names = Vec::new();
    let mut is_secret = false;
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let is_file = name == CONFIG_JSON.0 && !directory.join(&name).is_dir();
        if is_file || KEYS.iter().any(|(key, _)| name == *key) {
            is_secret = true;
        } else if !name.as_encoded_bytes().starts_with(b".") {
            names.push(PathBuf::from(name));
        }
    }
    names.sort();
    if is_secret {
        names.push(PathBuf::new());
    }
    Ok(names)
}

/// Reads the keys of one folder; how many bytes that was.
fn load_folder(directory: &Path, folder: &Path, loaded: &mut Vec<Loaded>, finding: &mut Finding) -> usize {
    let mut read = 0;
    let mut found = false;
    for (key, format) in KEYS.into_iter().chain([CONFIG_JSON]) {
        // A pull secret is not looked at a third time.
        if found && key == CONFIG_JSON.0 {
            break;
        }
        let started = Instant::now();
        let name = folder.join(key);
        let origin = Shown::path(&directory.join(&name));
        let text = file::read_beneath(directory, &name);
        found |= !matches!(text, Err(Unreadable::Absent));
        read += text.as_ref().map_or(0, |text| text.len());
        match text {
            Err(Unreadable::Absent) => {}
            Err(why) => {
                let problem = Problem::File { path: origin.clone(), what: FileFault::Mounted(why) };
                // Access denied to what the user named is an error. Anything else is a broken secret.
                let weight = if why == Unreadable::Denied { Weight::Named } else { Weight::Default };
                finding.fail(origin, Failure { problem, weight }, started.elapsed());
            }
            Ok(text) => match DockerConfig::parse(&text, format) {
                Ok(config) => {
                    finding.look(&origin, config.summary(), started.elapsed());
                    loaded.push(Loaded { origin, config });
                }
                Err(why) => {
                    let problem = Problem::NotDockerConfig { origin: origin.clone(), why };
                    finding.fail(origin, Failure::default(problem), started.elapsed());
                }
            },
        }
    }
    if !found {
        let [(one, _), (other, _)] = KEYS;
        finding.look(
            Shown::path(&directory.join(folder)),
            shown!["has no ", one, ", ", other, " or ", CONFIG_JSON.0],
            Duration::ZERO,
        );
    }
    read
}
