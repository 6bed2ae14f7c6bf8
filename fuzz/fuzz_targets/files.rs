//! Makes up bytes for the target `files` of liao-hostile.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| liao_hostile::run("files", input));
