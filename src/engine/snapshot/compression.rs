//! zstd on disk, with bounds on what a file can make of itself in memory.

use crate::engine::error::{EngineError, Result};
use crate::engine::snapshot::container::length;

/// Snapshots are built once and loaded often, so building may take its time.
const LEVEL: i32 = 9;
/// A file takes at most so many times its size in memory. Heap images come to a seventh of theirs;
/// what would come to less, a heap of zeros, is filled up, so that no small file is a large claim.
const LARGEST_EXPANSION: u64 = 64;
/// What begins a frame that decompressors skip; its length follows as 32 bits.
const SKIPPED_FRAME: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();

/// One frame of zstd, and one to skip where the first is too small for what it holds.
pub(super) fn compress(content: &[u8]) -> Result<Vec<u8>> {
    let mut stored = zstd::bulk::compress(content, LEVEL)
        .map_err(|error| EngineError::build(format!("the snapshot can't be compressed: {error}")))?;
    let least = (content.len() as u64).div_ceil(LARGEST_EXPANSION);
    if (stored.len() as u64) < least {
        let filling = length(least) - stored.len();
        // The content is at most 2 GiB, so a sixty-fourth of it has a length of 32 bits.
        stored.extend_from_slice(&SKIPPED_FRAME);
        stored.extend_from_slice(&(filling as u64).to_le_bytes()[..4]);
        stored.resize(stored.len() + filling, 0);
    }
    Ok(stored)
}

/// Refuses a content that claims to be far larger than it is stored, before memory is taken for it.
pub(super) fn check_expansion(content_bytes: u64, stored_bytes: u64) -> Result<()> {
    if content_bytes.div_ceil(LARGEST_EXPANSION) <= stored_bytes {
        return Ok(());
    }
    Err(EngineError::corrupt(format!(
        "the snapshot claims to be {content_bytes} bytes, more than its {stored_bytes} stored ones may hold"
    )))
}

/// Appends what is stored, which must come to exactly so many bytes.
pub(super) fn decompress(stored: &[u8], content_bytes: u64, bytes: &mut Vec<u8>) -> Result<()> {
    let wrong = |what: String| EngineError::corrupt(format!("the snapshot can't be decompressed: {what}"));
    let content_at = bytes.len();
    // `begin` has reserved them.
    bytes.resize(content_at + length(content_bytes), 0);
    let written = zstd::bulk::decompress_to_buffer(stored, &mut bytes[content_at..])
        .map_err(|error| wrong(error.to_string()))?;
    if written as u64 == content_bytes {
        return Ok(());
    }
    Err(wrong(format!("{written} bytes instead of {content_bytes}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(content: &[u8]) -> usize {
        let stored = compress(content).expect("compressed");
        check_expansion(content.len() as u64, stored.len() as u64).expect("within the bound");
        let mut bytes = b"front".to_vec();
        decompress(&stored, content.len() as u64, &mut bytes).expect("decompressed");
        assert_eq!(bytes, [b"front", content].concat());
        stored.len()
    }

    #[test]
    fn what_is_compressed_comes_back_behind_what_was_there() {
        round_trip(b"");
        round_trip(b"x");
        assert!(round_trip(&b"a heap image, ".repeat(100)) < 140);
    }

    #[test]
    fn zeros_are_filled_up_to_the_bound() {
        let bytes = round_trip(&vec![0; 1 << 20]);
        assert!((16384..17000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn a_large_claim_of_a_small_file_is_refused() {
        assert!(check_expansion(64 * 100, 100).is_ok());
        let error = check_expansion(64 * 100 + 1, 100).expect_err("too much");
        assert_eq!(error.code(), "ERR_SNAPSHOT_CORRUPT");
        assert!(check_expansion(u64::MAX, 0).is_err());
    }

    #[test]
    fn another_length_than_was_claimed_is_refused() {
        let stored = compress(b"twelve bytes").expect("compressed");
        for claimed in [0, 11, 13, 600] {
            let error = decompress(&stored, claimed, &mut Vec::new()).expect_err("another length");
            assert_eq!(error.code(), "ERR_SNAPSHOT_CORRUPT");
        }
        assert!(decompress(b"no frame", 12, &mut Vec::new()).is_err());
    }
}
