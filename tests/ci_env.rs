//! What CI systems put into the environment: each variable opens its own registry and no other.

mod support;

use support::Helper;
use support::data::{config, ecr_password, expired_jwt};

const GITLAB: &str = "gitlab.example.com:5050";

fn github(server: &str) -> Helper {
    Helper::get(server).env("GITHUB_TOKEN", "hunter2-token")
}

fn gitlab(server: &str) -> Helper {
    Helper::get(server)
        .env("CI_REGISTRY", GITLAB)
        .env("CI_REGISTRY_USER", "gitlab-ci-token")
        .env("CI_REGISTRY_PASSWORD", "hunter2-job")
}

#[test]
fn githubs_token_opens_ghcr() {
    for server in ["ghcr.io", "https://ghcr.io", "GHCR.io:443/v2/", "ghcr.io/owner/image"] {
        github(server).env("GITHUB_ACTOR", "octocat").run().answers(server, "octocat", "hunter2-token");
        github(server).run().answers(server, "x-access-token", "hunter2-token");
    }
    Helper::get("ghcr.io").env("GITHUB_TOKEN", "hunter2\n").run().answers(
        "ghcr.io",
        "x-access-token",
        "hunter2",
    );
}

#[test]
fn githubs_token_opens_nothing_else() {
    for server in [
        "ghcr.io.evil.com",
        "xghcr.io",
        "a.ghcr.io",
        "ghcr.io:5000",
        "ghcr.io.",
        "evil.com/ghcr.io",
        "http://ghcr.io:8080",
        "docker.pkg.github.com",
        "github.com",
        "docker.io",
    ] {
        github(server).run().not_found();
    }
}

#[test]
fn gitlabs_variables_open_the_registry_they_name() {
    for server in [GITLAB, "https://GITLAB.example.com:5050/v2/", "gitlab.example.com:5050/group/app"] {
        gitlab(server).run().answers(server, "gitlab-ci-token", "hunter2-job");
    }
    gitlab("https://gitlab.example.com").env("CI_REGISTRY", "https://gitlab.example.com/").run().answers(
        "https://gitlab.example.com",
        "gitlab-ci-token",
        "hunter2-job",
    );
}

#[test]
fn gitlabs_variables_open_nothing_else() {
    for server in [
        "gitlab.example.com",
        "gitlab.example.com:5051",
        "a.gitlab.example.com:5050",
        "gitlab.example.com.evil.com:5050",
        "docker.io",
    ] {
        gitlab(server).run().not_found();
    }
    for nowhere in ["", "*", "not a host"] {
        gitlab(GITLAB).env("CI_REGISTRY", nowhere).run().not_found();
    }
}

#[test]
fn half_of_gitlabs_variables_is_an_error_that_names_the_other() {
    gitlab(GITLAB).without("CI_REGISTRY_PASSWORD").run().is(
        1,
        "kubeclarity: CI_REGISTRY_USER is set but CI_REGISTRY_PASSWORD is not; set CI_REGISTRY_PASSWORD too\n",
        "",
    );
    gitlab(GITLAB).env("CI_REGISTRY_USER", "").run().is(
        1,
        "kubeclarity: CI_REGISTRY_PASSWORD is set but CI_REGISTRY_USER is not; set CI_REGISTRY_USER too\n",
        "",
    );
    gitlab("docker.io").without("CI_REGISTRY_PASSWORD").run().not_found();
    // A project without a registry: GitLab sets the name alone.
    gitlab(GITLAB).without("CI_REGISTRY_PASSWORD").without("CI_REGISTRY_USER").run().not_found();
}

#[test]
fn an_expired_token_is_told() {
    gitlab(GITLAB).env("CI_REGISTRY_PASSWORD", expired_jwt()).run().is(
        1,
        "kubeclarity: CI_REGISTRY_PASSWORD has expired (on 2001-09-09 at 01:46:40 UTC); renew it\n",
        "",
    );
}

#[test]
fn dockers_configuration_comes_before_them() {
    github("ghcr.io").docker_auth(config(&[("ghcr.io", "docker")])).run().answers_user("ghcr.io", "docker");
    gitlab(GITLAB).docker_auth(config(&[(GITLAB, "docker")])).run().answers_user(GITLAB, "docker");
}

#[test]
fn an_ecr_password_that_is_over_is_told() {
    let told = "has expired (on 2001-09-09 at 01:46:40 UTC)";
    for padded in [true, false] {
        let over = ecr_password(1_000_000_000, padded);
        gitlab(GITLAB).env("CI_REGISTRY_PASSWORD", &over).run().explains(&["CI_REGISTRY_PASSWORD", told]);
        github("ghcr.io").env("GITHUB_TOKEN", &over).run().explains(&["GITHUB_TOKEN", told]);
    }
    let good = ecr_password(4_000_000_000, true);
    gitlab(GITLAB).env("CI_REGISTRY_PASSWORD", &good).run().answers(GITLAB, "gitlab-ci-token", &good);
}
