//! `sa.json` and the other credential files of Google: no panic.
#![no_main]

use docker_credential_kubeclarity::cloud::google::adc::Adc;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(problem) = Adc::parse("fuzz", bytes) {
        assert!(!problem.to_string().contains('\n'));
    }
});
