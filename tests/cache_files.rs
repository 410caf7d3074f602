//! What may lie where an answer or the cache should be: each costs nothing but speed, none is given out.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::process::Command;

use support::cached::{HEAD, Machine, chmod, is_root, mode, now, write};
use support::{FakeApi, Helper};

use serde_json::json;

const SERVER: &str = "reg.example.com";

/// A cluster whose stored login opens the registry.
fn stocked() -> FakeApi {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, "user")]);
    api
}

/// A machine with an answer that is fresh, and another one than the cluster would give now: whoever gets it got
/// it from the file.
fn with_answer() -> (FakeApi, Machine) {
    let api = stocked();
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers_user(SERVER, "user");
    machine.change(|answer| answer["username"] = "kept".into());
    machine.get(SERVER).run().answers(SERVER, "kept", "hunter2-user");
    assert_eq!(api.requests().len(), 1);
    (api, machine)
}

/// With the file as `spoil` leaves it, one `get` asks the cluster and answers; what it writes is good, if
/// anything can be written, and the second `get` asks no more.
#[track_caller]
fn is_a_miss(what: &str, spoil: impl FnOnce(&Path)) {
    let (api, machine) = with_answer();
    let path = machine.answer();
    spoil(&path);
    machine.get(SERVER).run().answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 2, "{what}: it was given out");
    machine.get(SERVER).run().answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 2, "{what}: it was not replaced");
    assert_eq!(machine.answer(), path, "{what}");
    assert_eq!(mode(&path), 0o600, "{what}");
    assert!(fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()), "{what}");
}

#[test]
fn directory_and_files_are_the_users_alone() {
    let api = stocked();
    let machine = Machine::new(&api);
    // Whatever the umask allows.
    machine.get(SERVER).through(r#"umask 0; exec "$0" "$@""#).run().answers_user(SERVER, "user");
    assert_eq!((mode(&machine.cache()), mode(&machine.answer())), (0o700, 0o600));
    let base = tempfile::tempdir().unwrap();
    let home = base.path().join("home");
    fs::create_dir(&home).unwrap();
    machine
        .get(SERVER)
        .without("XDG_RUNTIME_DIR")
        .env("HOME", &home)
        .through(r#"umask 0; exec "$0" "$@""#)
        .run()
        .answers_user(SERVER, "user");
    assert_eq!(mode(&home.join(".cache")), 0o700);
    assert_eq!(mode(&home.join(".cache/docker-credential-kubeclarity")), 0o700);
}

#[test]
fn what_is_no_answer_is_a_miss() {
    let answer = |json: serde_json::Value| format!("{HEAD}{json}").into_bytes();
    let fresh = now() + 50;
    let (user, secret) = ("kept", "hunter2-user");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("null", b"null".to_vec()),
        ("null of this version", answer(json!(null))),
        ("an empty object", answer(json!({}))),
        ("a list", answer(json!([now(), fresh, null, user, secret, "o"]))),
        ("a newline", b"\n".to_vec()),
        ("zeros", vec![0; 4096]),
        ("garbage", (0..=255).cycle().take(100_000).collect()),
        ("deep", [HEAD.as_bytes(), &b"[".repeat(200_000)].concat()),
        ("head only", HEAD.as_bytes().to_vec()),
        ("not UTF-8", [HEAD.as_bytes(), b"{\"asked\":1,\"username\":\"\xff\xfe\"}"].concat()),
        (
            "no secret",
            answer(json!({ "asked": now(), "fresh_until": fresh, "username": user, "origin": "o" })),
        ),
        (
            "an empty secret",
            answer(
                json!({ "asked": now(), "fresh_until": fresh, "username": user, "secret": "", "origin": "o" }),
            ),
        ),
        (
            "an empty user",
            answer(
                json!({ "asked": now(), "fresh_until": fresh, "username": "", "secret": secret, "origin": "o" }),
            ),
        ),
        (
            "one field more",
            answer(json!({ "asked": now(), "fresh_until": fresh, "username": user, "secret": secret,
                           "origin": "o", "more": 1 })),
        ),
        (
            "a life that is over",
            answer(
                json!({ "asked": now() - 100, "fresh_until": now() - 40, "username": user, "secret": secret,
                           "origin": "o" }),
            ),
        ),
        (
            "a token that is over",
            answer(json!({ "asked": now() - 100, "fresh_until": now() - 40, "expires": now() - 1,
                           "username": user, "secret": secret, "origin": "o" })),
        ),
        ("times that are none", answer(json!({ "asked": -1, "fresh_until": 1e300 }))),
        ("times beyond all clocks", answer(json!({ "asked": now(), "fresh_until": u64::MAX }))),
    ];
    for (what, bytes) in cases {
        is_a_miss(what, |path| write(path, bytes));
    }
}

#[test]
fn another_version_is_a_miss() {
    for head in [
        "docker-credential-kubeclarity answer 0\n",
        "docker-credential-kubeclarity answer 1\n",
        "docker-credential-kubeclarity answer 20\n",
        "docker-credential-kubeclarity answer 2\r\n",
        "amazon-ecr-credential-helper 1\n",
        "",
    ] {
        is_a_miss(head, |path| {
            let text = fs::read_to_string(path).unwrap();
            write(path, text.replace(HEAD, head));
        });
    }
}

#[test]
fn every_cut_is_a_miss() {
    let (api, machine) = with_answer();
    let path = machine.answer();
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        write(&path, &whole[..length]);
        machine.get(SERVER).run().answers_user(SERVER, "user");
    }
    assert_eq!(api.requests().len(), whole.len() + 1);
}

#[test]
fn whatever_is_no_file_is_a_miss() {
    is_a_miss("a link to the answer itself", |path| {
        let real = path.parent().unwrap().parent().unwrap().join("real");
        fs::rename(path, &real).unwrap();
        symlink(&real, path).unwrap();
    });
    is_a_miss("a link to nowhere", |path| {
        fs::remove_file(path).unwrap();
        symlink("/nowhere/at/all", path).unwrap();
    });
    is_a_miss("a link to itself", |path| {
        fs::remove_file(path).unwrap();
        symlink(path.file_name().unwrap(), path).unwrap();
    });
    is_a_miss("a device", |path| {
        fs::remove_file(path).unwrap();
        symlink("/dev/zero", path).unwrap();
    });
    is_a_miss("a FIFO", |path| {
        fs::remove_file(path).unwrap();
        let made = Command::new("mkfifo").args([OsStr::new("-m600"), path.as_os_str()]).status().unwrap();
        assert!(made.success());
    });
    is_a_miss("a socket", |path| {
        fs::remove_file(path).unwrap();
        // Its path would be too long for a socket, so it is made elsewhere.
        let short = tempfile::tempdir_in(path.parent().unwrap().parent().unwrap()).unwrap();
        let socket = short.path().join("s");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        fs::rename(&socket, path).unwrap();
        chmod(path, 0o600);
    });
}

#[test]
fn a_link_is_replaced_and_never_written_through() {
    let (_api, machine) = with_answer();
    let path = machine.answer();
    let precious = machine.path("precious");
    fs::write(&precious, "precious").unwrap();
    fs::remove_file(&path).unwrap();
    symlink(&precious, &path).unwrap();
    machine.get(SERVER).run().answers_user(SERVER, "user");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
}

#[test]
fn a_directory_in_its_place_costs_only_speed() {
    let (api, machine) = with_answer();
    let path = machine.answer();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("mine"), "").unwrap();
    for _ in 0..2 {
        machine.get(SERVER).run().answers_user(SERVER, "user");
    }
    assert_eq!(api.requests().len(), 3);
    assert!(path.join("mine").exists());
    machine.answer();
}

#[test]
fn a_file_of_a_gibibyte_is_a_miss() {
    is_a_miss("sparse", |path| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(1 << 30).unwrap();
    });
    // It is never held in memory: the address space has no room for it.
    let (api, machine) = with_answer();
    fs::File::options().write(true).open(machine.answer()).unwrap().set_len(1 << 30).unwrap();
    let limited = r#"ulimit -v 800000 && exec "$0" "$@""#;
    machine.get(SERVER).through(limited).run().answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 2);
}

#[test]
fn what_others_may_read_or_write_is_a_miss() {
    for others in [0o644, 0o640, 0o604, 0o620, 0o602, 0o666, 0o610] {
        is_a_miss(&format!("{others:o}"), |path| chmod(path, others));
    }
}

#[test]
fn a_file_of_somebody_else_is_a_miss() {
    if !is_root() {
        return; // nobody else can give a file away
    }
    is_a_miss("another owner", |path| chown(path, Some(12_345), None).unwrap());
}

/// With the directory as `spoil` leaves it, each `get` asks the cluster and answers, and nothing is written.
#[track_caller]
fn is_no_cache(what: &str, spoil: impl FnOnce(&Machine)) -> (FakeApi, Machine) {
    let (api, machine) = with_answer();
    spoil(&machine);
    for _ in 0..2 {
        machine.get(SERVER).run().answers_user(SERVER, "user");
    }
    assert_eq!(api.requests().len(), 3, "{what}");
    (api, machine)
}

#[test]
fn a_directory_that_others_may_enter_is_no_cache() {
    for others in [0o755, 0o750, 0o701, 0o777, 0o1777] {
        let (_api, machine) = is_no_cache(&format!("{others:o}"), |machine| chmod(&machine.cache(), others));
        assert_eq!(machine.content()["username"], "kept", "it was written to");
    }
}

#[test]
fn a_directory_of_somebody_else_is_no_cache() {
    if !is_root() {
        return; // nobody else can give a directory away
    }
    let (_api, machine) =
        is_no_cache("another owner", |machine| chown(machine.cache(), Some(12_345), None).unwrap());
    assert_eq!(machine.content()["username"], "kept", "it was written to");
}

#[test]
fn a_link_to_a_directory_is_no_cache() {
    let (_api, machine) = is_no_cache("a link", |machine| {
        fs::rename(machine.cache(), machine.path("real")).unwrap();
        symlink(machine.path("real"), machine.cache()).unwrap();
    });
    assert_eq!(machine.content()["username"], "kept", "it was written to");
}

#[test]
fn a_file_in_the_directorys_place_is_no_cache() {
    let (_api, machine) = is_no_cache("a file", |machine| {
        fs::remove_dir_all(machine.cache()).unwrap();
        fs::write(machine.cache(), "mine").unwrap();
    });
    assert_eq!(fs::read_to_string(machine.cache()).unwrap(), "mine");
}

#[test]
fn a_place_that_is_missing_is_made_and_one_that_cannot_be_made_is_none() {
    let api = stocked();
    let machine = Machine::new(&api);
    let get = |place: &Path| machine.get(SERVER).env("XDG_RUNTIME_DIR", place).run();
    for _ in 0..2 {
        get(&machine.path("new")).answers_user(SERVER, "user");
    }
    assert_eq!(api.requests().len(), 1);
    // Two levels are not made: that would be a place which nobody meant.
    for _ in 0..2 {
        get(&machine.path("not/there")).answers_user(SERVER, "user");
    }
    assert!(!machine.path("not").exists());
    get(&machine.path("kubeconfig")).answers_user(SERVER, "user");
    get(Path::new("/proc/self")).answers_user(SERVER, "user");
    get(Path::new("/dev/null")).answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 6);
}

/// Runs the program as a user who is not root, if these tests run as root: root writes everywhere.
fn as_nobody(machine: &Machine, helper: Helper) -> Helper {
    if !is_root() {
        return helper;
    }
    let files = machine.files().into_iter().map(|name| machine.cache().join(name));
    let places = [machine.path(""), machine.path("kubeconfig"), machine.path("run"), machine.cache()];
    for path in places.into_iter().chain(files).chain([helper.home().to_owned()]) {
        assert!(chown(&path, Some(65_534), Some(65_534)).is_ok(), "{}", path.display());
    }
    // The program itself may lie where only root can go: it is given as an open file.
    helper.through(
        r#"exec 3<"$0" && exec setpriv --reuid=65534 --regid=65534 --clear-groups /proc/self/fd/3 "$@""#,
    )
}

#[test]
fn a_directory_that_cannot_be_written_serves_what_it_has() {
    let (api, machine) = with_answer();
    chmod(&machine.cache(), 0o500);
    as_nobody(&machine, machine.get(SERVER)).run().answers(SERVER, "kept", "hunter2-user");
    assert_eq!(api.requests().len(), 1);
    for asked in 2..4 {
        as_nobody(&machine, machine.get("other.example.com")).run().not_found();
        assert_eq!(api.requests().len(), asked);
    }
    chmod(&machine.cache(), 0o000);
    as_nobody(&machine, machine.get(SERVER)).run().answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 4);
    chmod(&machine.cache(), 0o700);
    assert_eq!(machine.files().len(), 1);
}

/// Runs a `get` on a machine whose cache is a file system of its own, prepared by a shell script.
fn mounted(machine: &Machine, server: &str, prepare: &str) -> Helper {
    let run = machine.path("run");
    let script = format!(
        r#"exec unshare -m --propagation private /bin/sh -c '
             mount -t tmpfs -o size=64k,nr_inodes=24,mode=700 none {run} && {prepare} && exec "$0" "$@"' "$0" "$@""#,
        run = run.display(),
    );
    machine.get(server).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").through(&script)
}

fn can_mount() -> bool {
    let mount = "mount -t tmpfs none /mnt";
    let tried =
        Command::new("unshare").args(["-m", "--propagation", "private", "/bin/sh", "-c", mount]).output();
    is_root() && tried.is_ok_and(|output| output.status.success())
}

#[test]
fn a_file_system_that_is_full_or_read_only_is_no_cache() {
    if !can_mount() {
        return; // no right to mount here
    }
    let api = stocked();
    let machine = Machine::new(&api);
    let cache = machine.cache();
    let cache = cache.display();
    let run = machine.path("run");
    let make = format!("mkdir -m 700 {cache}");
    let full = format!("{make} && {{ head -c 1000000 /dev/zero >{cache}/mine 2>/dev/null || true; }}");
    let no_inodes =
        format!("{make} && for i in $(seq 30); do touch {cache}/mine$i || break; done 2>/dev/null");
    let no_directory =
        format!("for i in $(seq 30); do touch {}/mine$i || break; done 2>/dev/null", run.display());
    let read_only = format!("{make} && mount -o remount,ro {}", run.display());
    for (asked, prepare) in [full, no_inodes, no_directory, read_only].iter().enumerate() {
        // What is left there is looked at by the same shell, since nobody else sees its file systems.
        let left =
            format!(r#"{prepare} && "$0" "$@" && set -- && ls -A {cache} 2>/dev/null | grep -c -v mine"#);
        let wrapped = left.replace('\'', r"'\''");
        let script = mounted(&machine, SERVER, &wrapped);
        let run = script.run();
        // The first line is the answer, the second counts the files that stayed: none.
        assert_eq!(run.text().lines().count(), 2, "{prepare}: {run:?}");
        assert!(run.text().starts_with(r#"{"ServerURL":"reg.example.com","Username":"user""#), "{run:?}");
        assert_eq!(run.text().lines().last(), Some("0"), "{prepare}: {run:?}");
        assert_eq!(run.stderr, b"", "{prepare}: {run:?}");
        assert_eq!(api.requests().len(), asked + 1, "{prepare}");
    }
}

#[test]
fn a_lock_that_is_none_costs_only_speed() {
    for spoil in ["a directory", "a link", "a FIFO", "world-readable", "another owner"] {
        let (api, machine) = with_answer();
        let answer = machine.answer();
        let lock = answer.with_extension("lock");
        fs::remove_file(&answer).unwrap();
        match spoil {
            "a directory" => fs::create_dir(&lock).unwrap(),
            "a link" => symlink(machine.path("precious"), &lock).unwrap(),
            "a FIFO" => assert!(Command::new("mkfifo").arg(&lock).status().unwrap().success()),
            "world-readable" => {
                write(&lock, "");
                chmod(&lock, 0o644);
            }
            _ if !is_root() => continue,
            _ => {
                write(&lock, "");
                chown(&lock, Some(12_345), None).unwrap();
            }
        }
        machine.get(SERVER).run().answers_user(SERVER, "user");
        machine.get(SERVER).run().answers_user(SERVER, "user");
        assert_eq!(api.requests().len(), 2, "{spoil}");
        assert!(!machine.path("precious").exists(), "{spoil}");
    }
}

#[test]
fn a_temporary_file_that_a_dead_process_left_is_in_nobodys_way() {
    let (api, machine) = with_answer();
    let answer = machine.answer();
    fs::remove_file(&answer).unwrap();
    // The run's number is one of the next ones: a file for each.
    let newest = fs::read_to_string("/proc/loadavg").unwrap();
    let newest: u32 = newest.split_whitespace().last().unwrap().parse().unwrap();
    let temporary = |pid: u32| answer.with_extension(format!("{pid}.new"));
    for pid in newest..newest + 300 {
        write(&temporary(pid), "cut");
    }
    machine.get(SERVER).run().answers_user(SERVER, "user");
    machine.get(SERVER).run().answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 2);
}
