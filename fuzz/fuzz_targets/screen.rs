//! Makes up bytes for the target `screen` of liao-hostile.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| liao_hostile::run("screen", input));
