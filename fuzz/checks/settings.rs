//! Variables, a line each: no panic, and a value without sense is an error that begins with the variable's name.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use docker_credential_kubeclarity::cache::Names;
use docker_credential_kubeclarity::problem::Problem;
use docker_credential_kubeclarity::question::Question;
use docker_credential_kubeclarity::registry::Registry;
use docker_credential_kubeclarity::settings::{Settings, is_object_name};

/// The property.
pub fn check(text: &[u8]) {
    let lines: Vec<(&[u8], &[u8])> = text
        .split(|&b| b == b'\n')
        .filter_map(|line| line.iter().position(|&b| b == b'=').map(|at| (&line[..at], &line[at + 1..])))
        .collect();
    let value =
        |name: &str| lines.iter().find(|(known, _)| *known == name.as_bytes()).map(|(_, value)| *value);
    match Settings::from(|name| value(name).map(|value| OsString::from(OsStr::from_bytes(value)))) {
        Err(problem) => {
            let Problem::Setting { variable, .. } = problem else { panic!("{problem}") };
            assert!(value(variable).is_some() && problem.to_string().starts_with(variable));
        }
        Ok(settings) => {
            assert!(is_object_name(&settings.credentials_namespace) && !settings.timeout.is_zero());
            assert!(settings.pull_secrets.iter().all(|secret| is_object_name(&secret.name)));
            for server in ["123456789012.dkr.ecr.eu-west-1.amazonaws.com", "reg.example.com"] {
                let question = Question::new(Registry::parse(server).expect("a registry"), &settings);
                assert_eq!(Names::of(&settings, &question).own.name().len(), 64);
            }
        }
    }
}
