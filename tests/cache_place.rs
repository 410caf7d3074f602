//! Where answers are kept: nowhere where somebody else could put another directory in the place of this user's, and what a
//! pod's volumes are like. What is moved away and back is forgotten.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::cached::{Machine, chmod, is_root, mode};
use support::data::{config, password};
use support::writes::{cluster, holding, stored};
use support::{FakeApi, Helper, Outcome};

const SERVER: &str = "reg.example.com";

fn stocked() -> FakeApi {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, "user")]);
    api
}

/// An `explain` on a machine that keeps its answers below that directory.
fn explain(machine: &Machine, base: &Path) -> Outcome {
    Helper::new(["explain", SERVER])
        .env("KUBECONFIG", machine.path("kubeconfig"))
        .env("XDG_RUNTIME_DIR", base)
        .run()
}

/// With the directory above the cache as `spoil` leaves it, each `get` asks and answers, nothing is written, and `explain` says
/// why.
#[track_caller]
fn is_no_place(base: &str, spoil: impl FnOnce(&Path), why: &[&str]) {
    let api = stocked();
    let machine = Machine::new(&api);
    let base = machine.path(base);
    fs::create_dir_all(&base).unwrap();
    let get = || machine.get(SERVER).env("XDG_RUNTIME_DIR", &base).run();
    get().answers_user(SERVER, "user");
    get().answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 1, "nothing was kept: this test shows nothing");
    let before = fs::read_dir(base.join("docker-credential-kubeclarity")).unwrap().count();
    spoil(&machine.path("run"));
    for asked in 2..4 {
        get().answers_user(SERVER, "user");
        assert_eq!(api.requests().len(), asked, "{why:?}");
    }
    assert_eq!(fs::read_dir(base.join("docker-credential-kubeclarity")).unwrap().count(), before);
    let explained = explain(&machine, &base).text().to_owned();
    for part in why.iter().chain(&["cache: cache directory", "XDG_RUNTIME_DIR"]) {
        assert!(explained.contains(part), "{part}: {explained}");
    }
}

#[test]
fn what_others_may_write_above_it_is_no_place() {
    for (mode, told) in
        [(0o777, "(mode 0777)"), (0o2777, "(mode 2777)"), (0o773, "(mode 0773)"), (0o702, "(mode 0702)")]
    {
        is_no_place("run", |run| chmod(run, mode), &["other users can write to", told, "chmod go-w"]);
        // It need not be the one right above.
        is_no_place("run/user/deep", |run| chmod(run, mode), &["other users can write to", told]);
    }
    if is_root() {
        is_no_place("run", |run| chmod(run, 0o775), &["other users can write to", "(mode 0775)"]);
    }
}

#[test]
fn what_somebody_else_owns_above_it_is_no_place() {
    if !is_root() {
        return; // nobody else can give a directory away
    }
    for mode in [0o755, 0o1777] {
        let spoil = |run: &Path| {
            chown(run, Some(12_345), None).unwrap();
            chmod(run, mode);
        };
        is_no_place("run", spoil, &["belongs to another user (uid 12345)"]);
        is_no_place("run/user", spoil, &["belongs to another user (uid 12345)"]);
    }
}

#[test]
fn a_link_that_others_can_turn_is_no_place() {
    let api = stocked();
    let machine = Machine::new(&api);
    fs::create_dir_all(machine.path("open/own")).unwrap();
    symlink(machine.path("run"), machine.path("link")).unwrap();
    symlink(machine.path("run"), machine.path("open/link")).unwrap();
    let get = |base: &str| machine.get(SERVER).env("XDG_RUNTIME_DIR", machine.path(base)).run();
    // A cache on another disk is usual.
    get("link").answers_user(SERVER, "user");
    get("run").answers_user(SERVER, "user");
    get("open/link").answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 1);
    chmod(&machine.path("open"), 0o777);
    get("open/link").answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 2);
    // With the sticky bit, only owners rename.
    chmod(&machine.path("open"), 0o1777);
    get("open/link").answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 2);
}

#[test]
fn a_directory_that_was_taken_is_told_by_explain() {
    let api = stocked();
    let machine = Machine::new(&api);
    let told = |spoil: &dyn Fn(&Path)| {
        machine.get(SERVER).run().answers_user(SERVER, "user");
        spoil(&machine.cache());
        let text = explain(&machine, &machine.path("run")).text().to_owned();
        let _ = fs::remove_dir_all(machine.cache());
        let _ = fs::remove_file(machine.cache());
        text
    };
    assert!(!told(&|_| ()).contains("cache:"));
    let accessible = told(&|cache| chmod(cache, 0o755));
    assert!(
        accessible.contains("other users can access it (mode 0755); run `chmod 700` on it"),
        "{accessible}"
    );
    let link = told(&|cache| {
        fs::rename(cache, machine.path("real")).unwrap();
        symlink(machine.path("real"), cache).unwrap();
    });
    assert!(link.contains("it is a symbolic link; replace it"), "{link}");
    if is_root() {
        let owned = told(&|cache| chown(cache, Some(12_345), None).unwrap());
        assert!(owned.contains("it belongs to another user (uid 12345)"), "{owned}");
    }
    // Where nobody wants a cache, or needs one, nothing is missed.
    machine.get(SERVER).run().answers_user(SERVER, "user");
    chmod(&machine.path("run"), 0o777);
    let explain = || Helper::new(["explain", SERVER]).env("XDG_RUNTIME_DIR", machine.path("run"));
    let cluster =
        |helper: Helper| helper.env("KUBECONFIG", machine.path("kubeconfig")).run().text().to_owned();
    assert!(cluster(explain()).contains("cache:"));
    assert!(!cluster(explain().env("KUBECLARITY_CACHE", "off")).contains("cache:"));
    assert!(!explain().docker_auth(config(&[(SERVER, "u")])).run().text().contains("cache:"));
    let json =
        cluster(Helper::new(["explain", SERVER, "--json"]).env("XDG_RUNTIME_DIR", machine.path("run")));
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(report["cache_problem"].as_str().unwrap().starts_with("cache directory "), "{json}");
}

fn login(machine: &Machine, helper: Helper) -> Outcome {
    helper.env("KUBECONFIG", machine.path("kubeconfig")).env("XDG_RUNTIME_DIR", machine.path("run")).run()
}

#[test]
fn an_erase_is_not_undone_by_moving_the_directory_away_and_back() {
    let api = holding(&config(&[(SERVER, "user")]));
    let machine = Machine::new(&api);
    let away = machine.path("run/away");
    login(&machine, Helper::get(SERVER)).answers_user(SERVER, "user");
    std::thread::sleep(Duration::from_millis(50));
    fs::rename(machine.cache(), &away).unwrap();
    login(&machine, Helper::erase(SERVER)).is(0, "", "");
    fs::rename(machine.cache(), machine.path("run/of-the-erase")).unwrap();
    fs::rename(&away, machine.cache()).unwrap();
    login(&machine, Helper::get(SERVER)).not_found();
    // A login likewise.
    login(&machine, Helper::store(SERVER, "first", &password("first"))).is(0, "", "");
    login(&machine, Helper::get(SERVER)).answers_user(SERVER, "first");
    std::thread::sleep(Duration::from_millis(50));
    fs::rename(machine.cache(), &away).unwrap();
    login(&machine, Helper::store(SERVER, "second", &password("second"))).is(0, "", "");
    fs::rename(machine.cache(), machine.path("run/of-the-login")).unwrap();
    fs::rename(&away, machine.cache()).unwrap();
    login(&machine, Helper::get(SERVER)).answers_user(SERVER, "second");
}

#[test]
fn an_erase_reaches_what_was_kept_before_the_place_was_refused() {
    let api = holding(&config(&[(SERVER, "user")]));
    let machine = Machine::new(&api);
    login(&machine, Helper::get(SERVER)).answers_user(SERVER, "user");
    chmod(&machine.path("run"), 0o777);
    login(&machine, Helper::erase(SERVER)).is(0, "", "");
    chmod(&machine.path("run"), 0o755);
    login(&machine, Helper::get(SERVER)).not_found();
}

#[test]
fn an_erase_without_a_cache_reaches_it_too() {
    let api = holding(&config(&[(SERVER, "user")]));
    let machine = Machine::new(&api);
    login(&machine, Helper::get(SERVER)).answers_user(SERVER, "user");
    login(&machine, Helper::erase(SERVER).env("KUBECLARITY_CACHE", "off")).is(0, "", "");
    login(&machine, Helper::get(SERVER)).not_found();
}

/// A pod of user 65532 with its service account, a volume as kubelet makes an `emptyDir`, and the pod's shared memory.
struct Pod {
    directory: tempfile::TempDir,
    url: String,
}

const USER: u32 = 65_532;

impl Pod {
    fn new(api: &FakeApi) -> Pod {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["account", "empty", "shm"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(path("account/token"), support::api::TOKEN).unwrap();
        fs::write(path("account/namespace"), "default").unwrap();
        fs::write(path("account/ca.crt"), api.authority.pem()).unwrap();
        chown(directory.path(), Some(USER), Some(USER)).unwrap();
        // Kubelet: root's, everybody may write, and with an fsGroup it is that group's.
        chown(path("empty"), Some(0), Some(USER)).unwrap();
        chmod(&path("empty"), 0o2777);
        chmod(&path("shm"), 0o1777);
        Pod { url: api.url(), directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn run(&self, helper: Helper) -> Outcome {
        let script = format!(
            r#"exec 3<"$0" && exec unshare -m --propagation private /bin/sh -c '
                 mount -t tmpfs -o mode=755 none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount &&
                 mount --bind {account} /run/secrets/kubernetes.io/serviceaccount && mount --bind {shm} /dev/shm &&
                 exec setpriv --reuid={USER} --regid={USER} --groups={USER} /proc/self/fd/3 "$@"' sh "$@""#,
            account = self.path("account").display(),
            shm = self.path("shm").display(),
        );
        let port = self.url.rsplit(':').next().unwrap();
        chown(helper.home(), Some(USER), Some(USER)).unwrap();
        helper
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", port)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.path("empty"))
            .through(&script)
            .run()
    }
}

fn can_mount() -> bool {
    let tried = Command::new("unshare")
        .args(["-m", "--propagation", "private", "/bin/sh", "-c", "mount -t tmpfs none /mnt"])
        .output();
    is_root() && tried.is_ok_and(|output| output.status.success())
}

#[test]
fn in_a_pod_whose_volumes_are_everybodys_answers_are_kept_in_memory() {
    if !can_mount() {
        return; // no right to mount here
    }
    let api = stocked();
    let pod = Pod::new(&api);
    for variables in [
        vec![],
        vec![("XDG_CACHE_HOME", pod.path("empty/cache"))],
        vec![("XDG_RUNTIME_DIR", pod.path("empty"))],
    ] {
        let helper =
            || variables.iter().fold(Helper::get(SERVER), |helper, (name, value)| helper.env(name, value));
        let asked = api.requests().len();
        for _ in 0..3 {
            pod.run(helper()).answers_user(SERVER, "user");
        }
        // One for the secret, and one for the service account; the place is the same whatever was refused.
        assert!(api.requests().len() <= asked + 2, "{:?}", api.paths());
        assert_eq!(fs::read_dir(pod.path("empty")).unwrap().count(), 0);
        let kept = pod.path("shm/docker-credential-kubeclarity-65532");
        assert_eq!(mode(&kept), 0o700);
        assert!(fs::read_dir(&kept).unwrap().count() >= 1);
        let explained = pod.run(Helper::new(["explain", SERVER])).text().to_owned();
        assert!(explained.contains("from the cache") && !explained.contains("cache:"), "{explained}");
    }
    // What somebody else put there first is not used, nor is the volume.
    fs::remove_dir_all(pod.path("shm/docker-credential-kubeclarity-65532")).unwrap();
    fs::create_dir(pod.path("shm/docker-credential-kubeclarity-65532")).unwrap();
    chown(pod.path("shm/docker-credential-kubeclarity-65532"), Some(12_345), None).unwrap();
    let asked = api.requests().len();
    for _ in 0..2 {
        pod.run(Helper::get(SERVER)).answers_user(SERVER, "user");
    }
    assert!(api.requests().len() >= asked + 2);
    let explained = pod.run(Helper::new(["explain", SERVER])).text().to_owned();
    assert!(explained.contains("cache: cache directory") && explained.contains("(mode 2777)"), "{explained}");
    // A volume that is the user's alone is used as anywhere else.
    fs::remove_dir(pod.path("shm/docker-credential-kubeclarity-65532")).unwrap();
    chown(pod.path("empty"), Some(USER), Some(USER)).unwrap();
    chmod(&pod.path("empty"), 0o700);
    pod.run(Helper::get(SERVER)).answers_user(SERVER, "user");
    assert!(pod.path("empty/.cache/docker-credential-kubeclarity").exists());
    assert_eq!(fs::read_dir(pod.path("shm")).unwrap().count(), 0);
}

#[test]
fn in_a_pod_a_login_is_forgotten_in_memory_too() {
    if !can_mount() {
        return; // no right to mount here
    }
    let api = cluster();
    let pod = Pod::new(&api);
    pod.run(Helper::store(SERVER, "user", &password("user"))).is(0, "", "");
    pod.run(Helper::get(SERVER)).answers_user(SERVER, "user");
    pod.run(Helper::erase(SERVER)).is(0, "", "");
    pod.run(Helper::get(SERVER)).not_found();
    assert!(api.paths().iter().any(|path| path.contains(&stored())));
}
