//! `configure`, killed at any moment: the file is the old one or the new one, whole.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use support::Helper;

#[test]
fn killed_a_hundred_times_the_file_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    // Large enough that writing it takes a while.
    let filling: String = (0..6_000).map(|at| format!("\"field{at}\":\"{at:032}\",")).collect();
    let old = format!("{{{filling}\"end\":true}}");
    let new = format!("{{{filling}\"end\":true,\"credHelpers\":{{\"a.io\":\"kubeclarity\"}}}}");
    let configure = || Helper::new(["configure", "a.io"]).env("DOCKER_CONFIG", directory.path());

    std::fs::write(&path, &old).unwrap();
    let started = Instant::now();
    assert!(configure().run().status.success());
    let whole = started.elapsed().max(Duration::from_millis(2));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), new);

    let mut kinds = [0, 0];
    let mut chance: u32 = 12_345;
    for round in 0..100 {
        std::fs::write(&path, &old).unwrap();
        let inode = path.metadata().unwrap().ino();
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let running = configure().start();
        std::thread::sleep(whole.mul_f64(f64::from(chance >> 16) / 65_536.0));
        running.kill();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text == old || text == new, "round {round}: {} bytes", text.len());
        // What is new is another file: the old one was never written to.
        assert_eq!(text == old, path.metadata().unwrap().ino() == inode, "round {round}");
        kinds[usize::from(text == new)] += 1;
    }
    assert!(kinds[0] > 0, "it was never killed before it was done: {kinds:?}");
    // What the dead left behind stands in nobody's way, and the next one succeeds.
    std::fs::write(&path, &old).unwrap();
    assert!(configure().run().status.success());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), new);
}
