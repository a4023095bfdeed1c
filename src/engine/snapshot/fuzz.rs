//! What must hold for any bytes that are taken for a snapshot file. The tests ask it of mutated files,
//! `fuzz/` of whatever a fuzzer thinks of.

use sha2::{Digest, Sha256};

use crate::engine::error::Result;
use crate::engine::snapshot::container::{self, Opened};
use crate::engine::snapshot::request::hex;

/// No file is larger in a fuzzer's hands, so its claims are not larger, either.
const LARGEST_RESEALED: usize = 1 << 20;
const SHA256: &[u8] = b"\"sha256\":\"";

/// Checks the bytes as they are, and with their digests made to fit, so that what lies behind a digest
/// is reached, too.
///
/// # Panics
/// When something does not hold.
pub fn exercise(input: &[u8]) {
    // The outcome itself may be either.
    let _ = check(input);
    for resealed in reseal(input) {
        let _ = check(&resealed);
    }
}

/// Opens the bytes: a typed error, or a container whose parts fit and which opens again the same.
///
/// # Errors
/// As `container::open`.
///
/// # Panics
/// When something does not hold.
pub fn check(input: &[u8]) -> Result<Opened> {
    let inspected = container::inspect(input);
    let opened = container::open(input).inspect_err(|error| {
        assert!(matches!(error.code(), "ERR_SNAPSHOT_CORRUPT" | "ERR_SNAPSHOT_MISMATCH"), "{error}");
    })?;
    assert_eq!(inspected.as_ref().ok(), Some(&opened.inspected), "the header alone says the same");
    let bytes = opened.unpacked.as_deref().unwrap_or(input);
    assert_eq!(bytes.len() as u64, opened.inspected.bytes);
    assert_eq!(opened.inspected.compressed_bytes, opened.unpacked.as_ref().map(|_| input.len() as u64));
    assert_eq!(bytes[opened.blob.clone()].len() as u64, opened.inspected.info.blob_bytes);
    assert!(opened.blob.start.is_multiple_of(64) && opened.source_maps.end <= opened.texts.start);
    assert!(opened.texts.end <= opened.blob.start);
    if opened.unpacked.is_some() {
        let again = container::open(bytes)?;
        assert_eq!(again.inspected.info, opened.inspected.info);
        assert_eq!((again.source_maps, again.blob), (opened.source_maps.clone(), opened.blob.clone()));
        assert_eq!(again.texts, opened.texts);
    }
    Ok(opened)
}

/// The bytes with lengths and the header's digest made to fit, and with all digests made to fit.
pub fn reseal(input: &[u8]) -> Vec<Vec<u8>> {
    let mut bytes = input.to_vec();
    let Some(header_bytes) = bytes.get(12..).and_then(<[u8]>::first_chunk) else { return Vec::new() };
    let content_at = container::PRELUDE_BYTES.saturating_add(u32::from_le_bytes(*header_bytes) as usize);
    if bytes.len() > LARGEST_RESEALED || content_at > bytes.len() {
        return Vec::new();
    }
    let content = bytes.split_off(content_at);
    bytes[16..24].copy_from_slice(&(content.len() as u64).to_le_bytes());
    container::seal(&mut bytes);
    let header_only = [&bytes[..], &content].concat();
    let digests: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(SHA256)).collect();
    // The first is of the content unpacked, the second of what is stored.
    let unpacked = if digests.len() > 1 {
        zstd::bulk::decompress(&content, LARGEST_RESEALED).unwrap_or_default()
    } else {
        content.clone()
    };
    for (at, of) in digests.into_iter().zip([&unpacked, &content]) {
        let at = at + SHA256.len();
        if let Some(digest) = bytes.get_mut(at..at + 64) {
            digest.copy_from_slice(hex(&Sha256::digest(of)).as_bytes());
        }
    }
    container::seal(&mut bytes);
    bytes.extend_from_slice(&content);
    vec![header_only, bytes]
}
