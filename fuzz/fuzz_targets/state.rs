//! Any bytes, taken for the content of a state: mark, version and digest are put around them, so that nothing
//! but the content speaks against it. The first byte says what else is made to fit: the bytes may be a form within
//! an object, with its length in front, or the values of one variable.

#![no_main]

use sha2::{Digest, Sha256};

use isoseed::engine::error::EngineError;
use isoseed::engine::state::{StateLimits, inspect};

/// One variable `s` with a new object: what a class with hooks at `globalThis.C` has given its instance.
const BEFORE_FORM: &[u8] = b"\x01\x21s\x00\x09\x10\x0b\x00\x00\x01\x00\x21C";
/// One variable `s`.
const BEFORE_VALUE: &[u8] = b"\x01\x21s\x00";

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((way, input)) = input.split_first() else { return };
    let mut bytes = b"\x89isost\r\n\n\x01".to_vec();
    match way % 3 {
        1 => {
            bytes.extend_from_slice(BEFORE_FORM);
            let mut length = input.len();
            while length >= 0x80 {
                bytes.push(length.to_le_bytes()[0] | 0x80);
                length >>= 7;
            }
            bytes.push(length.to_le_bytes()[0]);
        }
        2 => bytes.extend_from_slice(BEFORE_VALUE),
        _ => {}
    }
    bytes.extend_from_slice(input);
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    // Small ones are reached.
    for limits in [StateLimits::default(), StateLimits { nodes: 8, depth: 3, variables: 2, ..StateLimits::default() }] {
        match inspect(&bytes, &limits, "state") {
            Ok(overview) => {
                assert_eq!(overview.bytes, bytes.len());
                assert!(overview.objects <= limits.nodes && overview.variables.len() <= limits.variables);
                for entry in overview.variables.iter().chain(&overview.properties) {
                    assert!(entry.preview.chars().count() <= 120 && !entry.preview.contains(char::is_control));
                }
            }
            Err(EngineError::StateLimit { actual, max, .. }) => assert!(actual > max),
            Err(error) => assert_eq!(error.code(), "ERR_STATE_CORRUPT", "{error}"),
        }
    }
});
