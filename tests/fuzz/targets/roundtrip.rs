#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| exproto_fuzz::checks::roundtrip(data));
