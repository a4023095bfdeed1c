//! Any bytes, taken for a snapshot file. A good corpus begins with one: `isoseed build app.js -o
//! fuzz/corpus/container/app.snap`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| isoseed::engine::snapshot::fuzz::exercise(input));
