//! Pull secrets mounted as files, in the layout of a real secret volume, and everything else that may lie there.

mod support;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;
use support::data::{base64, config, config_with, dockercfg, ecr_password, expired_jwt, valid_jwt};
use support::mount::Mount;
use support::{Helper, Outcome};

const SERVER: &str = "https://reg.example.com";
const HOST: &str = "reg.example.com";
const KEY: &str = ".dockerconfigjson";

fn ask(mount: &Mount) -> Outcome {
    ask_for(mount, SERVER)
}

fn ask_for(mount: &Mount, server: &str) -> Outcome {
    Helper::get(server).env("IMAGE_PULL_SECRET_PATH", mount.path()).run()
}

/// A file of a secret that cannot be used: told if it is alone, passed over beside a good one.
fn is_told_and_spoils_no_other(mount: &Mount, file: &str, says: &str) {
    ask(mount).explains(&[&mount.path().join(file).display().to_string(), says]);
    mount.pull_secret("zz-good", &[(HOST, "good")]);
    ask(mount).answers_user(SERVER, "good");
}

#[test]
fn a_real_volume_made_of_links() {
    let mount = Mount::new();
    mount.pull_secret("pull", &[(HOST, "user")]);
    assert!(mount.path().join("pull").join(KEY).is_symlink());
    ask(&mount).answers_user(SERVER, "user");
    // The directory itself may be behind a link.
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(mount.path(), elsewhere.path().join("link")).unwrap();
    let run = Helper::get(SERVER).env("IMAGE_PULL_SECRET_PATH", elsewhere.path().join("link")).run();
    run.answers_user(SERVER, "user");
}

#[test]
fn plain_files_do_too() {
    let mount = Mount::new();
    std::fs::write(mount.folder("pull").join(KEY), config(&[(HOST, "user")])).unwrap();
    ask(&mount).answers_user(SERVER, "user");
}

#[test]
fn one_secret_mounted_at_the_very_path() {
    // A volume of one Secret has no folder for it.
    let outer = Mount::new();
    outer.pull_secret("volume", &[(HOST, "flat"), ("other.example.com", "flat")]);
    let volume = outer.path().join("volume");
    let ask = |server: &str| Helper::get(server).env("IMAGE_PULL_SECRET_PATH", &volume).run();
    ask(SERVER).answers_user(SERVER, "flat");
    // Folders beside it come first.
    std::fs::create_dir(volume.join("pull")).unwrap();
    std::fs::write(volume.join("pull").join(KEY), config(&[(HOST, "folder")])).unwrap();
    ask(SERVER).answers_user(SERVER, "folder");
    ask("other.example.com").answers_user("other.example.com", "flat");
    // What cannot be used in it is told as in a folder.
    let broken = Mount::new();
    broken.secret("volume", ".dockercfg", "hunter2");
    let run = Helper::get(SERVER).env("IMAGE_PULL_SECRET_PATH", broken.path().join("volume")).run();
    run.explains(&["volume/.dockercfg", "no valid docker configuration"]);
}

#[test]
fn more_than_anybody_mounts_is_not_read() {
    let mount = Mount::new();
    mount.pull_secret("00-first", &[(HOST, "first")]);
    let large = format!("{}{}", " ".repeat(1536 * 1024), config(&[("other.example.com", "other")]));
    for at in 0..13 {
        mount.secret(&format!("large-{at:02}"), KEY, &large);
    }
    mount.pull_secret("zz-last", &[("last.example.com", "last")]);
    // What was read counts, and what was not is told where it could matter.
    ask(&mount).answers_user(SERVER, "first");
    ask_for(&mount, "last.example.com").explains(&["large-11", "more than 16 MiB", "mount fewer"]);
}

#[test]
fn the_older_format() {
    let mount = Mount::new();
    mount.secret("old", ".dockercfg", dockercfg(&[(HOST, "old")]));
    ask(&mount).answers_user(SERVER, "old");
}

#[test]
fn several_secrets_count_by_rank_then_by_name() {
    let mount = Mount::new();
    mount.pull_secret("c", &[("reg.example.com/team", "team"), ("*.example.com", "glob")]);
    mount.pull_secret("b", &[(HOST, "b")]);
    mount.pull_secret("a", &[("other.example.com", "other"), ("*.example.com", "glob-of-a")]);
    mount.pull_secret("b2", &[(HOST, "b2")]);
    ask(&mount).answers_user(SERVER, "b");
    let with_path = "reg.example.com/team/app";
    ask_for(&mount, with_path).answers_user(with_path, "team");
    ask_for(&mount, "third.example.com").answers_user("third.example.com", "glob-of-a");
    ask_for(&mount, "other.example.com").answers_user("other.example.com", "other");
}

#[test]
fn a_link_that_leaves_the_mount_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("config.json");
    std::fs::write(&file, config(&[(HOST, "outside")])).unwrap();
    let up = Path::new("../..").join(outside.path().file_name().unwrap()).join("config.json");
    for target in [file.as_path(), &up] {
        let mount = Mount::new();
        symlink(target, mount.folder("evil").join(KEY)).unwrap();
        is_told_and_spoils_no_other(&mount, "evil/.dockerconfigjson", "leads out of its directory");
    }
    let mount = Mount::new();
    std::fs::write(outside.path().join(KEY), config(&[(HOST, "outside")])).unwrap();
    symlink(outside.path(), mount.path().join("evil")).unwrap();
    is_told_and_spoils_no_other(&mount, "evil/.dockerconfigjson", "leads out of its directory");
    let mount = Mount::new();
    symlink(KEY, mount.folder("loop").join(KEY)).unwrap();
    is_told_and_spoils_no_other(&mount, "loop/.dockerconfigjson", "");
}

#[test]
fn a_link_to_nothing_is_nothing() {
    let mount = Mount::new();
    symlink("..data/absent", mount.folder("pull").join(KEY)).unwrap();
    ask(&mount).not_found();
}

#[test]
fn a_fifo_is_not_waited_for() {
    let mount = Mount::new();
    let fifo = mount.folder("fifo").join(KEY);
    assert!(std::process::Command::new("mkfifo").arg(fifo).status().unwrap().success());
    is_told_and_spoils_no_other(&mount, "fifo/.dockerconfigjson", "no regular file");
}

#[test]
fn a_directory_is_no_secret() {
    let mount = Mount::new();
    std::fs::create_dir_all(mount.folder("odd").join(KEY)).unwrap();
    is_told_and_spoils_no_other(&mount, "odd/.dockerconfigjson", "no regular file");
}

#[test]
fn a_file_larger_than_any_secret_is_not_read() {
    let mount = Mount::new();
    let large = format!(r#"{{"x":"{}","auths":{{}}}}"#, "x".repeat(3 * 1024 * 1024));
    mount.secret("large", KEY, large);
    is_told_and_spoils_no_other(&mount, "large/.dockerconfigjson", "larger than 2 MiB");
}

#[test]
fn a_file_that_may_not_be_read_is_an_error() {
    let mount = Mount::new();
    mount.pull_secret("locked", &[(HOST, "locked")]);
    let file = mount.path().join("locked").join(KEY);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&file).is_ok() {
        return; // root reads everything
    }
    ask(&mount).explains(&["locked/.dockerconfigjson", "may not be read"]);
}

#[test]
fn a_broken_secret_spoils_no_other() {
    for text in [
        "",
        "hunter2",
        "null",
        "[]",
        "[{\"reg.example.com\":{}}]",
        "{\"auths\":[]}",
        "{\"auths\":{\"reg.example.com\":",
        "\u{0}",
    ] {
        let mount = Mount::new();
        mount.secret("broken", KEY, text);
        is_told_and_spoils_no_other(
            &mount,
            "broken/.dockerconfigjson",
            "kubectl create secret docker-registry",
        );
    }
    let mount = Mount::new();
    mount.secret("broken", KEY, [0xff, 0xfe, b'{']);
    is_told_and_spoils_no_other(&mount, "broken/.dockerconfigjson", "no valid docker configuration");
}

#[test]
fn a_broken_entry_spoils_no_other_and_is_told_where_it_matches() {
    for (fields, says) in [
        (json!(5), "no object of text fields"),
        (json!("hunter2"), "no object of text fields"),
        (json!(["user", "hunter2"]), "no object of text fields"),
        (json!({ "auth": "!hunter2!" }), "not base64"),
        (json!({ "auth": base64([0xff, 0xfe]) }), "not base64"),
        (json!({ "auth": base64("hunter2") }), "without a colon"),
        (json!({ "auth": base64(":hunter2") }), "without a user name"),
        (json!({ "auth": base64("user:") }), "without a password"),
        (json!({ "username": "user" }), "no password"),
        (json!({ "password": "hunter2" }), "no username"),
    ] {
        let mount = Mount::new();
        mount.secret("pull", KEY, config_with(HOST, fields));
        ask_for(&mount, "other.example.com").not_found();
        ask(&mount).explains(&["pull/.dockerconfigjson entry reg.example.com", says]);
        mount.pull_secret("zz-good", &[("*.example.com", "good")]);
        ask(&mount).answers_user(SERVER, "good");
    }
}

#[test]
fn empty_entries_are_passed_over() {
    for fields in [json!({}), json!({ "auth": "" }), json!(null), json!({ "email": "a@example.com" })] {
        let mount = Mount::new();
        mount.secret("pull", KEY, config_with(HOST, fields));
        ask(&mount).not_found();
    }
}

#[test]
fn auth_wins_over_user_name_and_password() {
    let mount = Mount::new();
    let padded = base64("a:hunter2-pw");
    let fields =
        json!({ "auth": padded.trim_end_matches('='), "username": "b", "password": "hunter2-other" });
    mount.secret("pull", KEY, config_with(HOST, fields));
    ask(&mount).answers(SERVER, "a", "hunter2-pw");
}

#[test]
fn an_expired_token_gives_way_and_else_is_told() {
    let mount = Mount::new();
    mount.secret("old", KEY, config_with(HOST, json!({ "username": "u", "password": expired_jwt() })));
    let file = mount.path().join("old").join(KEY).display().to_string();
    let line = format!(
        "kubeclarity: {file} entry reg.example.com has expired (on 2001-09-09 at 01:46:40 UTC); renew it\n"
    );
    ask(&mount).is(1, &line, "");
    mount.pull_secret("other", &[("*.example.com", "other")]);
    ask(&mount).answers_user(SERVER, "other");
    let mount = Mount::new();
    mount.secret("old", KEY, config_with(HOST, json!({ "identitytoken": expired_jwt() })));
    ask(&mount).explains(&["has expired"]);
    mount.secret("new", KEY, config_with(HOST, json!({ "username": "u", "password": valid_jwt() })));
    ask(&mount).answers(SERVER, "u", &valid_jwt());
}

#[test]
fn an_empty_directory_is_nothing() {
    let mount = Mount::new();
    ask(&mount).not_found();
    // The kubelet's own entries, and files that are no secret's folder.
    std::fs::create_dir(mount.path().join("..2025")).unwrap();
    symlink("..2025", mount.path().join("..data")).unwrap();
    std::fs::write(mount.path().join("README"), "hunter2").unwrap();
    mount.folder("empty");
    ask(&mount).not_found();
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let mount = Mount::new();
    let absent = mount.path().join("absent");
    let run = Helper::get(SERVER)
        .env("IMAGE_PULL_SECRET_PATH", &absent)
        .docker_auth(config(&[(HOST, "later")]))
        .run();
    let path = absent.display();
    run.is(
        1,
        &format!(
            "kubeclarity: IMAGE_PULL_SECRET_PATH names {path}, which does not exist; mount it there or correct \
             IMAGE_PULL_SECRET_PATH\n"
        ),
        "",
    );
    std::fs::write(&absent, "hunter2").unwrap();
    Helper::get(SERVER)
        .env("IMAGE_PULL_SECRET_PATH", &absent)
        .run()
        .explains(&["IMAGE_PULL_SECRET_PATH", "no directory"]);
}

#[test]
fn mounted_secrets_come_first() {
    let mount = Mount::new();
    mount.pull_secret("pull", &[("*.example.com", "mounted")]);
    Helper::get(SERVER)
        .env("IMAGE_PULL_SECRET_PATH", mount.path())
        .docker_auth(config(&[(HOST, "exact, but later")]))
        .run()
        .answers_user(SERVER, "mounted");
}

#[test]
fn an_ecr_password_that_is_over_gives_way_and_else_is_told() {
    const OVER: u64 = 1_000_000_000;
    const GOOD: u64 = 4_000_000_000;
    for padded in [true, false] {
        let (over, good) = (ecr_password(OVER, padded), ecr_password(GOOD, padded));
        for fields in [
            json!({ "auth": base64(format!("AWS:{over}")) }),
            json!({ "auth": base64(format!("AWS:{over}")).trim_end_matches('=') }),
            json!({ "username": "AWS", "password": over }),
            json!({ "username": "AWS", "password": format!("{over}\n") }),
            json!({ "identitytoken": over }),
        ] {
            let mount = Mount::new();
            mount.secret("00-old", KEY, config_with(HOST, fields));
            ask(&mount).explains(&[
                "00-old",
                "entry reg.example.com",
                "has expired (on 2001-09-09 at 01:46:40 UTC)",
            ]);
            mount.pull_secret("other", &[("*.example.com", "other")]);
            ask(&mount).answers_user(SERVER, "other");
            mount.secret("new", KEY, config_with(HOST, json!({ "username": "AWS", "password": good })));
            ask(&mount).answers(SERVER, "AWS", &good);
        }
    }
    // What has another form is a password like any other.
    for text in [
        "{\"expiration\":\"1000000000\"}",
        "{\"token\":{\"expiration\":1}}",
        "{\"expiration\":1000000000000}",
        "{}",
    ] {
        let mount = Mount::new();
        let password = base64(text);
        mount.secret("pull", KEY, config_with(HOST, json!({ "username": "AWS", "password": password })));
        ask(&mount).answers(SERVER, "AWS", &password);
    }
}

#[test]
fn a_config_json_counts_as_well() {
    let mount = Mount::new();
    mount.secret("pull", "config.json", config(&[(HOST, "user"), ("b.example.com", "user")]));
    ask(&mount).answers_user(SERVER, "user");
    // Not beside a pull secret's own key in the same folder.
    std::fs::write(mount.path().join("pull").join(KEY), config(&[(HOST, "typed")])).unwrap();
    ask(&mount).answers_user(SERVER, "typed");
    ask_for(&mount, "b.example.com").not_found();
    // At the very path, as `docker login` leaves it.
    let flat = Mount::new();
    std::fs::write(flat.path().join("config.json"), config(&[(HOST, "flat")])).unwrap();
    ask(&flat).answers_user(SERVER, "flat");
    // A folder may have that name.
    let folder = Mount::new();
    folder.pull_secret("config.json", &[(HOST, "folder")]);
    ask(&folder).answers_user(SERVER, "folder");
    let broken = Mount::new();
    broken.secret("pull", "config.json", "hunter2");
    is_told_and_spoils_no_other(&broken, "pull/config.json", "no valid docker configuration");
}

#[test]
fn a_byte_that_is_no_text_spoils_only_its_own_entry() {
    let entry = format!("\"auth\":\"{}\"", base64("good:hunter2-good"));
    for text in [
        // In a key, in an e-mail, in a field that nobody reads, in the login of another entry.
        format!(r#"{{"auths":{{"caf<E9>.example.com":{{{entry}}},"reg.example.com":{{{entry}}}}}}}"#),
        format!(r#"{{"auths":{{"reg.example.com":{{{entry},"email":"caf<E9>@example.com"}}}}}}"#),
        format!(r#"{{"auths":{{"reg.example.com":{{{entry},"note":["<E9>"]}}}},"name":"<E9>"}}"#),
        format!(
            r#"{{"auths":{{"b.example.com":{{"username":"<E9>","password":"<E9>"}},"reg.example.com":{{{entry}}}}}}}"#
        ),
        format!(
            r#"{{"auths":{{"\ud83d":{{{entry}}},"reg.example.com":{{{entry},"email":"\ude00"}}}},"\udfff":"\ud800"}}"#
        ),
    ] {
        let bytes: Vec<u8> =
            text.replace("<E9>", "\u{e9}").chars().map(|c| u8::try_from(c).unwrap()).collect();
        for key in [KEY, "config.json"] {
            let mount = Mount::new();
            mount.secret("pull", key, &bytes);
            ask(&mount).answers(SERVER, "good", "hunter2-good");
        }
    }
    let mount = Mount::new();
    mount.secret(
        "pull",
        KEY,
        b"{\"auths\":{\"reg.example.com\":{\"username\":\"u\",\"password\":\"hunter2\xe9\"}}}",
    );
    is_told_and_spoils_no_other(
        &mount,
        "pull/.dockerconfigjson",
        "user name or password that is not valid UTF-8",
    );
}

#[test]
fn a_registry_token_alone_is_told_where_it_matches() {
    let mount = Mount::new();
    mount.secret("pull", KEY, config_with(HOST, json!({ "registrytoken": "hunter2" })));
    ask_for(&mount, "other.example.com").not_found();
    ask(&mount).explains(&["pull/.dockerconfigjson entry reg.example.com", "only a `registrytoken`"]);
    mount.pull_secret("zz-good", &[("*.example.com", "good")]);
    ask(&mount).answers_user(SERVER, "good");
}

#[test]
fn of_two_names_of_hub_the_first_secret_counts() {
    let names =
        ["docker.io", "https://index.docker.io/v1/", "registry-1.docker.io", "registry.hub.docker.com"];
    for (one, other) in names.iter().flat_map(|one| names.map(|other| (*one, other))) {
        let mount = Mount::new();
        mount.pull_secret("a", &[(one, "first")]);
        mount.pull_secret("b", &[(other, "second")]);
        for server in names {
            ask_for(&mount, server).answers_user(server, "first");
        }
    }
}
