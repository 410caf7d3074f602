//! Without enough memory the process ends as with any other failure: exit code 1, no signal, no word on stderr. A
//! read that does not fit has its line; where the runtime itself gives up there is no line, since stable Rust lets
//! no safe code run at that point.

mod support;

use serde_json::json;
use support::Helper;
use support::data::config_with;
use support::helper::NOT_FOUND;
use support::mount::Mount;

const SERVER: &str = "reg.example.com";

#[test]
fn without_memory_it_ends_with_exit_code_1() {
    let mount = Mount::new();
    for n in 0..24 {
        let fields = json!({ "username": "u", "password": "x".repeat(1_500_000) });
        mount.secret(
            &format!("s{n}"),
            ".dockerconfigjson",
            config_with(&format!("s{n}.example.com"), fields),
        );
    }
    let limited = |helper: Helper, mebibytes: usize| {
        helper.through(&format!(r#"ulimit -v {} && exec "$0" "$@""#, mebibytes * 1024)).run()
    };
    // As much as the program needs to be started at all, and a little more, but not enough for the secrets.
    let enough =
        (8..2048).step_by(8).find(|mebibytes| limited(Helper::new(["version"]), *mebibytes).status.success());
    let ask = Helper::get(SERVER).env("IMAGE_PULL_SECRET_PATH", mount.path());
    let run = limited(ask, enough.unwrap() + 8);
    assert_eq!((run.status.code(), run.stderr.as_slice()), (Some(1), &b""[..]), "{run:?}");
    let text = run.text();
    assert!(
        text.is_empty() || text.starts_with("kubeclarity: ") && text.matches('\n').count() == 1,
        "{run:?}"
    );
    assert_ne!(run.text(), NOT_FOUND, "the limit is too high for the test: {run:?}");
}
