//! Any bytes, taken for a snapshot file. A good corpus begins with one: `node fuzz/seeds.mjs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| isoseed::engine::snapshot::fuzz::exercise(input));
