//! The snapshot file: our own container around V8's blob.
//!
//! V8 checks almost nothing of a blob and aborts, or corrupts its heap, on a wrong one. So every
//! byte is covered by a digest, which is checked first, and the header says what the blob was built
//! for. All numbers are little-endian:
//!
//! ```text
//! 0   8  magic "ISOSEED\0"
//! 8   4  format version
//! 12  4  length of the header
//! 16  8  length of the blob
//! 24 32  SHA-256 over bytes 0 to 24 and everything from 56 on
//! 56     header: JSON, then zeros up to a multiple of 64
//!        blob
//! ```
//!
//! Magic, lengths and digest keep their places in every format version, so that a newer or older
//! file is recognised as sound and named as what it is.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::engine::error::{EngineError, Result};
use crate::engine::snapshot::SnapshotInfo;
use crate::engine::{host_call, platform};

/// The version of the format that this code writes and reads.
pub const FORMAT_VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"ISOSEED\0";
const DIGEST: Range<usize> = 24..56;
const PRELUDE_BYTES: usize = DIGEST.end;
/// The blob begins at a multiple of this, so that V8's aligned reads are aligned.
const ALIGNMENT: usize = 64;
/// V8 takes a blob's length as a C `int`.
const LARGEST_BLOB: u64 = i32::MAX as u64;
/// No container is larger: a header takes kilobytes.
pub(super) const LARGEST_FILE: u64 = LARGEST_BLOB + (64 << 20);

/// Operating system and architecture as Node.js names them, as in `linux-x64`.
pub(crate) fn platform_name() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}-{architecture}")
}

/// Puts a blob into a container.
///
/// # Errors
/// `SnapshotBuild` when the blob is larger than V8 can load.
pub fn pack(info: &SnapshotInfo, source_maps: &[u8], blob: &[u8]) -> Result<Vec<u8>> {
    let mut header = serde_json::to_vec(info)
        .map_err(|error| EngineError::build(format!("the header can't be written: {error}")))?;
    let blob_at = (PRELUDE_BYTES + header.len()).next_multiple_of(ALIGNMENT);
    header.resize(blob_at - PRELUDE_BYTES, 0);
    let blob_length = blob.len() as u64;
    let header_length = u32::try_from(header.len()).ok().filter(|_| blob_length <= LARGEST_BLOB);
    let header_length = header_length
        .ok_or_else(|| EngineError::build(format!("the heap image is too large: {blob_length} bytes")))?;
    let mut bytes = Vec::with_capacity(blob_at + blob.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&header_length.to_le_bytes());
    bytes.extend_from_slice(&blob_length.to_le_bytes());
    bytes.extend_from_slice(&[0; DIGEST.end - DIGEST.start]);
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(blob);
    let digest = digest(&bytes);
    bytes[DIGEST].copy_from_slice(&digest);
    Ok(bytes)
}

/// Checks that the bytes are a sound container, and says where the blob is.
///
/// # Errors
/// `SnapshotCorrupt`, or `SnapshotMismatch` for a sound file of another format version.
pub fn verify(bytes: &[u8]) -> Result<(SnapshotInfo, Range<usize>)> {
    if bytes.is_empty() {
        return Err(EngineError::corrupt("the snapshot is empty"));
    }
    let prelude = bytes.first_chunk::<PRELUDE_BYTES>().filter(|prelude| prelude.starts_with(MAGIC));
    let Some(prelude) = prelude else {
        return Err(EngineError::corrupt("the bytes are no snapshot: they don't begin as one"));
    };
    let format_version = u32_at(prelude, 8);
    let blob_length = u64_at(prelude, 16);
    let blob_at = u64::from(u32_at(prelude, 12)) + PRELUDE_BYTES as u64;
    let expected = blob_at.checked_add(blob_length).filter(|_| blob_length <= LARGEST_BLOB);
    if expected != Some(bytes.len() as u64) {
        return Err(EngineError::corrupt(format!(
            "the snapshot is cut short or has bytes behind its end: {} bytes, its header says {}",
            bytes.len(),
            expected.map_or_else(|| "an impossible length".to_owned(), |length| length.to_string())
        )));
    }
    if digest(bytes) != prelude[DIGEST] {
        return Err(EngineError::corrupt("the snapshot was changed: its SHA-256 does not fit"));
    }
    if format_version != FORMAT_VERSION {
        return Err(mismatch("format version", &format_version.to_string(), &FORMAT_VERSION.to_string()));
    }
    // The sum above fits the length of a slice, so both parts do.
    let blob_at = usize::try_from(blob_at).map_err(|_| EngineError::corrupt("the header is too long"))?;
    let header = bytes[PRELUDE_BYTES..blob_at].trim_ascii_end();
    let header = &header[..header.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)];
    let info: SnapshotInfo = serde_json::from_slice(header)
        .map_err(|error| EngineError::corrupt(format!("the snapshot's header can't be read: {error}")))?;
    if info.blob_bytes != blob_length || !blob_at.is_multiple_of(ALIGNMENT) {
        return Err(EngineError::corrupt("the snapshot's header does not fit its blob"));
    }
    Ok((info, blob_at..bytes.len()))
}

/// Checks that this process can restore a sound snapshot.
///
/// # Errors
/// `SnapshotMismatch`, which names both sides.
pub fn check_compatible(info: &SnapshotInfo) -> Result<()> {
    let has = |what: &str, theirs: &str, ours: &str| {
        if theirs == ours { Ok(()) } else { Err(mismatch(what, theirs, ours)) }
    };
    has("V8", &info.v8_version, v8::V8::get_version())?;
    has("platform", &info.platform, &platform_name())?;
    has("V8's flags", &info.flags, platform::FLAGS)?;
    has("native functions", &info.references, host_call::REFERENCES_ID)?;
    has("V8's version tag", &info.version_tag.to_string(), &platform::version_tag().to_string())
}

fn mismatch(what: &str, theirs: &str, ours: &str) -> EngineError {
    EngineError::SnapshotMismatch {
        message: format!("the snapshot is of another {what}: {theirs}, this process has {ours}"),
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(&bytes[..DIGEST.start]);
    hasher.update(&bytes[DIGEST.end..]);
    hasher.finalize().into()
}

fn u32_at(prelude: &[u8; PRELUDE_BYTES], at: usize) -> u32 {
    prelude[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(prelude: &[u8; PRELUDE_BYTES], at: usize) -> u64 {
    prelude[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::snapshot::ContextData;

    fn info(blob_bytes: u64) -> SnapshotInfo {
        SnapshotInfo {
            key: "00".repeat(32),
            format_version: FORMAT_VERSION,
            v8_version: "1.2.3".into(),
            version_tag: 7,
            flags: platform::FLAGS.into(),
            references: host_call::REFERENCES_ID.into(),
            platform: platform_name(),
            created_at: "2026-01-01T00:00:00Z".into(),
            sources: Vec::new(),
            base: None,
            data: ContextData::default(),
            bindings: Vec::new(),
            warnings: Vec::new(),
            blob_bytes,
            heap_bytes: 1,
            buffer_bytes: 0,
            build_ms: 1.5,
            stack_trace_limit: Some(10.0),
        }
    }

    fn packed() -> Vec<u8> {
        pack(&info(5), b"", b"blob!").expect("a small blob")
    }

    #[test]
    fn what_is_packed_is_found_again_and_aligned() {
        let bytes = packed();
        let (found, blob) = verify(&bytes).expect("a sound container");
        assert_eq!(found, info(5));
        assert_eq!(&bytes[blob.clone()], b"blob!");
        assert_eq!(blob.start % ALIGNMENT, 0);
    }

    #[test]
    fn every_single_changed_byte_is_noticed() {
        let sound = packed();
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            let error = verify(&bytes).expect_err("a changed byte");
            assert_eq!(error.code(), "ERR_SNAPSHOT_CORRUPT", "byte {at}");
        }
    }

    #[test]
    fn every_cut_and_every_extra_byte_is_noticed() {
        let sound = packed();
        for length in 0..sound.len() {
            assert_eq!(
                verify(&sound[..length]).expect_err("a cut").code(),
                "ERR_SNAPSHOT_CORRUPT",
                "length {length}"
            );
        }
        assert!(verify(&[sound.as_slice(), b"x"].concat()).is_err());
    }

    #[test]
    fn a_sound_file_of_another_format_is_named_as_such() {
        let mut bytes = packed();
        bytes[8] = 9;
        let rehashed = digest(&bytes);
        bytes[DIGEST].copy_from_slice(&rehashed);
        let error = verify(&bytes).expect_err("another format");
        assert_eq!(error.code(), "ERR_SNAPSHOT_MISMATCH");
        assert!(error.to_string().contains("format version: 9, this process has 1"), "{error}");
    }

    #[test]
    fn lengths_that_overflow_are_refused() {
        let mut bytes = packed();
        bytes[12..24].fill(0xff);
        assert_eq!(verify(&bytes).expect_err("an overflow").code(), "ERR_SNAPSHOT_CORRUPT");
    }
}
