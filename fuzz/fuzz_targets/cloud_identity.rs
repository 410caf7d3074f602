#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| docker_credential_kubeclarity_fuzz::cloud_identity::check(input));
