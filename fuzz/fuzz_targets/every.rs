//! The one fuzz binary. All targets are in it, so that the crates they share are instrumented and linked once:
//! `FUZZ_TARGET` names the one to run, and `FUZZ_TARGET=list` prints them all.

#![no_main]

use std::sync::OnceLock;

use docker_credential_kubeclarity_fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<&Target> = OnceLock::new();

/// Runs before libFuzzer reads its arguments. There is nothing to fuzz without a target, so the process ends here.
fn choose() -> &'static Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    if name == "list" {
        TARGETS.iter().for_each(|target| println!("{} {}", target.name, target.cost));
        std::process::exit(0);
    }
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| {
        eprintln!("FUZZ_TARGET={name:?} is no target: FUZZ_TARGET=list prints them");
        std::process::exit(1);
    })
}

fuzz_target!(
    init: {
        let _ = CHOSEN.set(choose());
    },
    |input: &[u8]| {
        if let Some(target) = CHOSEN.get() {
            (target.check)(input);
        }
    }
);
