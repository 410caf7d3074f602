//! Source 4, second part: what CI systems put into the environment. GitHub's token opens `ghcr.io`, GitLab's
//! `CI_REGISTRY*` the registry that they name, and each nothing else.

use std::time::{Duration, SystemTime};

use crate::credential::Credential;
use crate::finding::{Candidate, Failure, Finding};
use crate::problem::Problem;
use crate::question::Question;
use crate::registry::Registry;
use crate::settings::Settings;
use crate::shown::Shown;

/// GitHub takes any user name with a token; this is the one its own tools use where no actor is known.
const GITHUB_USER: &str = "x-access-token";

/// The registries that these variables speak for, for `list`.
pub fn registries(settings: &Settings) -> Vec<Registry> {
    let github = settings.github_token.as_ref().and_then(|_| Registry::parse("ghcr.io"));
    let gitlab = settings.ci_registry.as_deref().and_then(Registry::parse);
    github.into_iter().chain(gitlab).collect()
}

/// The credential of the variables, if they speak for the registry.
pub fn find(settings: &Settings, question: &Question, now: SystemTime) -> Finding {
    let mut finding = Finding::default();
    github(settings, question, now, &mut finding);
    gitlab(settings, question, now, &mut finding);
    finding
}

fn github(settings: &Settings, question: &Question, now: SystemTime, finding: &mut Finding) {
    const VARIABLE: &str = "GITHUB_TOKEN";
    // Port 80 of http:// is the same registry, but in clear.
    let ours = question.registry.authority() == "ghcr.io" && !question.registry.is_plain_http();
    match &settings.github_token {
        None => finding.look(VARIABLE, "not set", Duration::ZERO),
        Some(_) if !ours => finding.look(VARIABLE, "is for ghcr.io only", Duration::ZERO),
        Some(token) => {
            let user = settings.github_actor.clone().unwrap_or_else(|| GITHUB_USER.to_owned());
            let credential = Credential::new(user, token.clone());
            finding.offer(
                Candidate {
                    credential,
                    origin: VARIABLE.into(),
                    key: None,
                    why: Shown::default(),
                    issued: false,
                },
                now,
            );
        }
    }
}

fn gitlab(settings: &Settings, question: &Question, now: SystemTime, finding: &mut Finding) {
    const VARIABLE: &str = "CI_REGISTRY";
    let Some(name) = &settings.ci_registry else {
        finding.look(VARIABLE, "not set", Duration::ZERO);
        return;
    };
    let is_it = |registry: Registry| {
        registry.same_registry(&question.registry)
            && registry.is_http_port() == question.registry.is_http_port()
    };
    if !Registry::parse(name).is_some_and(is_it) {
        finding.look(VARIABLE, "names another registry", Duration::ZERO);
        return;
    }
    match (&settings.ci_registry_user, &settings.ci_registry_password) {
        (Some(user), Some(password)) => {
            let credential = Credential::new(user.clone(), password.clone());
            finding.offer(
                Candidate {
                    credential,
                    origin: "CI_REGISTRY_PASSWORD".into(),
                    key: None,
                    why: Shown::default(),
                    issued: false,
                },
                now,
            );
        }
        // GitLab always sets the name; without a registry for the project there is no user and password.
        (None, None) => finding.look(
            VARIABLE,
            "has no CI_REGISTRY_USER and CI_REGISTRY_PASSWORD beside it",
            Duration::ZERO,
        ),
        (user, _) => {
            let (set, missing) = match user {
                Some(_) => ("CI_REGISTRY_USER", "CI_REGISTRY_PASSWORD"),
                None => ("CI_REGISTRY_PASSWORD", "CI_REGISTRY_USER"),
            };
            finding.fail(
                VARIABLE,
                Failure::default(Problem::IncompleteVariables { set, missing }),
                Duration::ZERO,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn ask(variables: &[(&str, &str)], server: &str) -> Finding {
        let settings =
            Settings::from(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v)))
                .unwrap();
        let question = Question::new(Registry::parse(server).unwrap(), &settings);
        find(&settings, &question, SystemTime::now())
    }

    #[test]
    fn github_is_for_ghcr_only() {
        let token = [("GITHUB_TOKEN", "t"), ("GITHUB_ACTOR", "a")];
        assert_eq!(ask(&token, "ghcr.io/a/b").candidates[0].credential.username, "a");
        assert_eq!(ask(&token[..1], "ghcr.io").candidates[0].credential.username, GITHUB_USER);
        for look_alike in [
            "ghcr.io.evil.com",
            "xghcr.io",
            "evil.com/ghcr.io",
            "a.ghcr.io",
            "ghcr.io:5000",
            "http://ghcr.io:80",
            "http://ghcr.io",
            "HTTP://ghcr.io/a/b",
            "http://ghcr.io:443",
            "ghcr.io.",
            "github.com",
            "ghcr.iо.com",
        ] {
            if Registry::parse(look_alike).is_some() {
                assert!(ask(&token, look_alike).candidates.is_empty(), "{look_alike}");
            }
        }
    }

    #[test]
    fn gitlab_is_for_its_own_host_only() {
        let all = [
            ("CI_REGISTRY", "reg.example.com:5050"),
            ("CI_REGISTRY_USER", "u"),
            ("CI_REGISTRY_PASSWORD", "p"),
        ];
        assert_eq!(ask(&all, "https://REG.example.com:5050/group/app").candidates.len(), 1);
        for other in [
            "reg.example.com",
            "reg.example.com:5051",
            "a.reg.example.com:5050",
            "reg.example.com.evil.com:5050",
        ] {
            assert!(ask(&all, other).candidates.is_empty(), "{other}");
        }
        let plain =
            [("CI_REGISTRY", "http://reg:80"), ("CI_REGISTRY_USER", "u"), ("CI_REGISTRY_PASSWORD", "p")];
        assert_eq!(ask(&plain, "http://reg:80/app").candidates.len(), 1);
        assert!(ask(&plain, "reg/app").candidates.is_empty());
        let problem = &ask(&all[..2], "reg.example.com:5050").failures[0].problem;
        assert_eq!(
            problem,
            &Problem::IncompleteVariables { set: "CI_REGISTRY_USER", missing: "CI_REGISTRY_PASSWORD" }
        );
        assert!(ask(&all[..1], "reg.example.com:5050").failures.is_empty());
    }
}
