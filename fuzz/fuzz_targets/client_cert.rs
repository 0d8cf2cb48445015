#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    tower_parapet::fuzzing::client_cert(bytes);
});
