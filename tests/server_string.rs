//! The server string of section "The server string" of the design, through the real program. The rest of the
//! vectors are in `src/registry.rs`.

mod support;

use support::Helper;
use support::data::config;

fn ask(server: &str, key: &str) -> support::Outcome {
    Helper::get(server).docker_auth(config(&[(key, "user")])).run()
}

#[test]
fn one_registry_has_many_names() {
    for (server, key) in [
        (" https://reg.example.com\r\n", "reg.example.com"),
        ("http://reg.example.com", "reg.example.com"),
        ("https:/reg.example.com", "reg.example.com"),
        ("https://reg.example.com:443/v2/", "reg.example.com"),
        ("http://reg.example.com:80", "reg.example.com"),
        ("REG.Example.COM/v1", "reg.example.com"),
        ("reg.example.com/v2/", "https://reg.example.com/v1/"),
        ("reg.example.com", "https://reg.example.com:443"),
        ("reg.example.com:5000/v2", "REG.example.com:5000"),
        ("reg.example.com/team/app", "reg.example.com"),
        ("localhost:5000", "localhost:5000"),
        ("::1", "[::1]"),
        ("[::1]:5000", "[0:0::1]:5000"),
        ("docker.io", "https://index.docker.io/v1/"),
        ("registry-1.docker.io", "docker.io"),
        ("registry.hub.docker.com", "index.docker.io"),
        ("https://index.docker.io/v1/", "registry-1.docker.io"),
        ("index.docker.io/library/alpine", "docker.io"),
    ] {
        let trimmed = server.trim();
        ask(server, key).answers_user(trimmed, "user");
    }
}

#[test]
fn other_registries_stay_others() {
    for (server, key) in [
        ("reg.example.com:80", "reg.example.com"),
        ("https://reg.example.com:80", "reg.example.com"),
        ("reg.example.com:5000", "reg.example.com"),
        ("reg.example.com", "reg.example.com:5000"),
        ("reg.example.com.evil.com", "reg.example.com"),
        ("evil.com/reg.example.com", "reg.example.com"),
        ("xreg.example.com", "reg.example.com"),
        ("docker.io.evil.com", "docker.io"),
        ("docker.io:5000", "docker.io"),
        ("hub.docker.com", "docker.io"),
        ("[::2]", "[::1]"),
    ] {
        ask(server, key).not_found();
    }
}

#[test]
fn what_is_no_registry_is_not_found_and_never_an_error() {
    let long = "a".repeat(60_000);
    for server in [
        "*",
        "*.example.com",
        "a b",
        "http://",
        "https://",
        "ftp://reg.example.com",
        "oci://reg.example.com",
        "https://https://reg.example.com",
        "user:hunter2@reg.example.com",
        "reg.example.com:",
        "reg.example.com:65536",
        "reg.example.com/a b",
        "reg.example.com\nother",
        "reg.example.com\0",
        "{\"ServerURL\":\"reg.example.com\"}",
        "..",
        "/",
        "[::1",
        &long,
    ] {
        ask(server, "*.example.com").not_found();
        // Not even a wrong setting makes it an error: an error would break the pull.
        Helper::get(server)
            .env("KUBECLARITY_TIMEOUT", "1")
            .env("IMAGE_PULL_SECRET_PATH", "/absent")
            .run()
            .not_found();
    }
    Helper::get(b"reg.example.com\xff").run().not_found();
}

#[test]
fn paths_are_repositories_except_those_of_the_api() {
    let keys = config(&[("reg.example.com/team", "team"), ("reg.example.com", "all")]);
    for (server, user) in [
        ("reg.example.com/team/app", "team"),
        ("reg.example.com/team", "team"),
        ("https://reg.example.com/team/app/", "team"),
        ("reg.example.com/TEAM/app", "all"),
        ("reg.example.com/v2/", "all"),
        ("reg.example.com/v10", "all"),
        ("reg.example.com/", "all"),
        ("reg.example.com", "all"),
    ] {
        Helper::get(server).docker_auth(&keys).run().answers_user(server, user);
    }
}

#[test]
fn keys_match_as_in_kubelet() {
    let keys = config(&[
        ("*.example.com", "glob"),
        ("a.*.example.com", "middle"),
        ("reg.example.com/team", "team"),
        ("reg.example.com", "exact"),
        ("*.example.com:5000", "port"),
        ("reg?.example.org", "question"),
    ]);
    for (server, user) in [
        ("any.example.com", "glob"),
        ("a.b.example.com", "middle"),
        ("reg.example.com", "exact"),
        ("reg.example.com/team/app", "team"),
        // A key that ends where a part of the question ends ranks first.
        ("reg.example.com/team-b/app", "exact"),
        ("reg.example.com/tea", "exact"),
        ("any.example.com:5000", "port"),
        ("reg1.example.org", "question"),
    ] {
        Helper::get(server).docker_auth(&keys).run().answers_user(server, user);
    }
    for server in
        ["example.com", "b.a.example.com", "any.example.com:5001", "reg12.example.org", "any.example.com.au"]
    {
        Helper::get(server).docker_auth(&keys).run().not_found();
    }
}

#[test]
fn a_path_is_a_prefix_as_text() {
    ask("reg.example.com/team-b/app", "reg.example.com/team")
        .answers_user("reg.example.com/team-b/app", "user");
    ask("reg.example.com/team-b/app", "reg.example.com/team/").not_found();
    ask("reg.example.com/tea", "reg.example.com/team").not_found();
}

#[test]
fn library_is_implied_on_hub() {
    for (server, key) in [
        ("docker.io/alpine", "docker.io/library/alpine"),
        ("docker.io/library/alpine", "docker.io/alpine"),
        ("index.docker.io/library/alpine", "https://index.docker.io/v1/library"),
    ] {
        ask(server, key).answers_user(server, "user");
    }
    ask("docker.io/team/alpine", "docker.io/library").not_found();
}

#[test]
fn on_hub_the_key_that_is_literally_the_question_wins() {
    for (server, first, others) in [
        (
            "docker.io/alpine",
            "docker.io/alpine",
            &["docker.io/library", "docker.io", "docker.io/library/alpine"][..],
        ),
        (
            "index.docker.io/library/alpine",
            "docker.io/library/alpine",
            &["docker.io/alpine", "docker.io/library"],
        ),
        ("docker.io/library/alpine", "docker.io/alpine", &["docker.io/library", "index.docker.io"]),
    ] {
        let keys: Vec<(&str, &str)> =
            others.iter().map(|key| (*key, "other")).chain([(first, "literal")]).collect();
        Helper::get(server).docker_auth(config(&keys)).run().answers_user(server, "literal");
    }
}

#[test]
fn keys_are_read_as_urls() {
    for key in [
        "reg.example.com:",
        "user@reg.example.com",
        "https://user:pw@reg.example.com:443/v1/",
        "reg.example.com?x",
        "reg.example.com/te%61m#x",
    ] {
        ask("reg.example.com/team/app", key).answers_user("reg.example.com/team/app", "user");
    }
    for key in
        ["reg.example.com@evil.com", "evil.com?@reg.example.com", "evil.com#reg.example.com", "evil.com:x@:y"]
    {
        ask("reg.example.com/team/app", key).not_found();
    }
}

#[test]
fn a_tag_and_a_digest_are_no_part_of_the_repository() {
    for server in [
        "reg.example.com/team/app:1.2",
        "reg.example.com/team/app@sha256:abc",
        "https://reg.example.com/team/app:1.2@sha256:abc",
    ] {
        // The last part of the path too: `team/app` is no prefix of `team/app-b`.
        let keys = [("reg.example.com/team", "team"), ("reg.example.com/team/app/", "below")];
        Helper::get(server).docker_auth(config(&keys)).run().answers_user(server, "team");
        let exact = [("reg.example.com/team", "team"), ("*.example.com/team/app", "exact")];
        Helper::get(server).docker_auth(config(&exact)).run().answers_user(server, "exact");
        let shown = Helper::new(["explain", server]).docker_auth(config(&exact)).run();
        assert!(shown.text().contains("found: user exact"), "{shown:?}");
    }
    let alpine = "docker.io/alpine:3.20";
    ask(alpine, "docker.io/library/alpine").answers_user(alpine, "user");
    for nothing in ["reg.example.com/:1", "reg.example.com@sha256:abc", "reg.example.com:1.2"] {
        ask(nothing, "reg.example.com").not_found();
    }
}
