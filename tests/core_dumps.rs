//! No core file is ever written, and none handed to a program that collects them: it would hold every secret that is in
//! memory. The limit is 1 because Linux does neither with it, while 0 only stops the file (fs/coredump.c).

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails
#![cfg(target_os = "linux")] // /proc

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn the_limit_for_core_files_is_nothing() {
    let program = env!("CARGO_BIN_EXE_docker-credential-kubeclarity");
    let mut helper = Command::new("sh")
        .args(["-c", r#"ulimit -S -c "$(ulimit -H -c)" && exec "$0" get"#, program])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // It waits for stdin, which is held open; what came before, the shell's own limit, is another program's.
    let give_up = Instant::now() + Duration::from_secs(9);
    let mut seen = String::new();
    while Instant::now() < give_up && !seen.contains("1                    1") {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", helper.id())).unwrap();
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", helper.id())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        if name.starts_with("docker-credenti") {
            seen = line.to_owned();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(helper.stdin.take());
    helper.wait().unwrap();
    let numbers: Vec<&str> = seen.split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["1", "1"], "{seen}");
}
