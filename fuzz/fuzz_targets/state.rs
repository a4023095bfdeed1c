//! Any bytes, taken for the content of a state: mark, version and digest are put around them, so that nothing
//! but the content speaks against it.

#![no_main]

use sha2::{Digest, Sha256};

use isoseed::engine::state::{StateLimits, inspect};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut bytes = b"\x89isost\r\n\n\x01".to_vec();
    bytes.extend_from_slice(input);
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    if let Ok(overview) = inspect(&bytes, &StateLimits::default(), "state") {
        assert_eq!(overview.bytes, bytes.len());
        assert!(overview.objects <= StateLimits::default().nodes);
        for entry in overview.variables.iter().chain(&overview.properties) {
            assert!(entry.preview.chars().count() <= 120 && !entry.preview.contains(char::is_control));
        }
    }
});
