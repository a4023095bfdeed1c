//! The snapshot file: our own container around V8's blob.
//!
//! V8 checks almost nothing of a blob and aborts, or corrupts its heap, on a wrong one. So every
//! byte is covered by a digest, which is checked before the byte is used, and the header says what
//! the blob was built for. All numbers are little-endian:
//!
//! ```text
//! 0   8  magic "ISOSEED\0"
//! 8   4  format version
//! 12  4  length of the header
//! 16  8  length of the content
//! 24 32  SHA-256 over bytes 0 to 24 and the header
//! 56     header: a line of JSON, then zeros up to a multiple of 64
//!        content: source maps, texts of sources, zeros up to a multiple of 64, blob
//! ```
//!
//! The header carries the digest of the content, so that a header can be read and believed alone.
//! A compressed file has a second line in its header, about its content as it is stored: one frame of
//! zstd. Without that line, and with the content unpacked, it is byte for byte the file that is not
//! compressed.
//!
//! Magic, lengths and digest keep their places in every later format version, so that a newer or
//! older file is recognised as sound and named as what it is.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::error::{EngineError, Result};
use crate::engine::snapshot::request::hex;
use crate::engine::snapshot::{SnapshotInfo, compression};
use crate::engine::{host_call, platform};

/// The version of the format that this code writes and reads.
pub const FORMAT_VERSION: u32 = 5;

const MAGIC: &[u8; 8] = b"ISOSEED\0";
const DIGEST: Range<usize> = 24..56;
/// What precedes the header.
pub(super) const PRELUDE_BYTES: usize = DIGEST.end;
/// The blob begins at a multiple of this, so that V8's aligned reads are aligned.
const ALIGNMENT: usize = 64;
/// V8 takes a blob's length as a C `int`.
const LARGEST_BLOB: u64 = i32::MAX as u64;
/// Source maps, texts and blob together, as they are in memory.
pub(super) const LARGEST_CONTENT: u64 = 2 << 30;
/// A header takes kilobytes.
const LARGEST_HEADER: u64 = 64 << 20;
/// No container is larger.
pub(super) const LARGEST_FILE: u64 = PRELUDE_BYTES as u64 + LARGEST_HEADER + LARGEST_CONTENT;
const ZSTD: &str = "zstd";

/// What the prelude says. The sum of all lengths is within `LARGEST_FILE`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prelude {
    format_version: u32,
    header_bytes: usize,
    content_bytes: u64,
    digest: [u8; 32],
}

/// The header's first line.
#[derive(Serialize, Deserialize)]
struct FirstLine {
    info: SnapshotInfo,
    content: Content,
}

/// What the content is when it is not compressed.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    source_maps_bytes: u64,
    /// One after the other; their lengths are in the snapshot's own description.
    #[serde(default)]
    texts_bytes: u64,
    blob_bytes: u64,
    sha256: String,
}

/// The header's second line: how the content is stored. Without it, as it is.
#[derive(Serialize, Deserialize)]
struct Stored {
    compression: String,
    bytes: u64,
    sha256: String,
}

/// A header that was checked, and fits the prelude before it.
pub(super) struct Header<'bytes> {
    /// The first line, as it is.
    line: &'bytes [u8],
    first: FirstLine,
    stored: Option<Stored>,
    /// Where the content begins in this file.
    content_at: usize,
}

/// What a header says.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// What the snapshot says about itself.
    pub info: SnapshotInfo,
    /// The length of the file when it is not compressed.
    pub bytes: u64,
    /// The length of this file, when it is compressed.
    pub compressed_bytes: Option<u64>,
}

/// A sound container, opened.
#[derive(Debug)]
pub struct Opened {
    /// What its header says.
    pub inspected: Inspected,
    /// The container that is not compressed, when the given one is; the ranges are in this one then.
    pub unpacked: Option<Vec<u8>>,
    /// Where the source maps are.
    pub source_maps: Range<usize>,
    /// Where the texts of sources are, one after the other.
    pub texts: Range<usize>,
    /// Where the blob is.
    pub blob: Range<usize>,
}

/// The digest in a sound container's prelude: over the header, which carries that of the content.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&bytes[DIGEST])
}

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

/// Puts source maps, texts of sources and a blob into a container.
///
/// # Errors
/// `SnapshotBuild` when the blob is larger than V8 can load, or all is larger than a file may be.
pub fn pack(info: &SnapshotInfo, source_maps: &[u8], texts: &[u8], blob: &[u8]) -> Result<Vec<u8>> {
    let front = source_maps.len() + texts.len();
    let blob_at = aligned(front);
    let (blob_bytes, content_bytes) = (blob.len() as u64, (blob_at + blob.len()) as u64);
    if blob_bytes > LARGEST_BLOB || content_bytes > LARGEST_CONTENT {
        let message = format!("the heap image is too large: {content_bytes} bytes with its sources");
        return Err(EngineError::build(message));
    }
    let parts = [source_maps, texts, &[0; ALIGNMENT][..blob_at - front], blob];
    let sha256 = hex(&parts.iter().fold(Sha256::new(), Sha256::chain_update).finalize());
    let (source_maps_bytes, texts_bytes) = (source_maps.len() as u64, texts.len() as u64);
    let content = Content { source_maps_bytes, texts_bytes, blob_bytes, sha256 };
    let line = json(&FirstLine { info: info.clone(), content })?;
    let mut bytes = begin(&line, content_bytes)?;
    for part in parts {
        bytes.extend_from_slice(part);
    }
    Ok(bytes)
}

/// The container with its content compressed, when it is not yet.
///
/// # Errors
/// `SnapshotCorrupt` when its header does not fit.
pub fn compress(container: &[u8]) -> Result<Vec<u8>> {
    let header = header(container, container.len() as u64)?;
    if header.stored.is_some() {
        return Ok(container.to_vec());
    }
    let frame = compression::compress(&container[header.content_at..])?;
    let stored = Stored {
        compression: ZSTD.to_owned(),
        bytes: frame.len() as u64,
        sha256: hex(&Sha256::digest(&frame)),
    };
    let line = [header.line, b"\n", &json(&stored)?].concat();
    let mut bytes = begin(&line, stored.bytes)?;
    bytes.extend_from_slice(&frame);
    Ok(bytes)
}

/// Prelude and header before a content of so many bytes; with room for it.
fn begin(lines: &[u8], content_bytes: u64) -> Result<Vec<u8>> {
    let content_at = aligned(PRELUDE_BYTES + lines.len());
    let header_bytes = content_at - PRELUDE_BYTES;
    if header_bytes as u64 > LARGEST_HEADER {
        return Err(EngineError::build(format!("the snapshot's header is too large: {header_bytes} bytes")));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(content_at.saturating_add(length(content_bytes))).map_err(|_| {
        let message = format!("there is no memory for the snapshot's {content_bytes} bytes");
        EngineError::SnapshotIo { message }
    })?;
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    // `LARGEST_HEADER` has a length of 32 bits.
    bytes.extend_from_slice(&(header_bytes as u64).to_le_bytes()[..4]);
    bytes.extend_from_slice(&content_bytes.to_le_bytes());
    bytes.extend_from_slice(&[0; DIGEST.end - DIGEST.start]);
    bytes.extend_from_slice(lines);
    bytes.resize(content_at, 0);
    seal(&mut bytes);
    Ok(bytes)
}

/// Writes the digest into a prelude with its header.
pub(super) fn seal(front: &mut [u8]) {
    let digest = header_digest(front);
    front[DIGEST].copy_from_slice(&digest);
}

impl Prelude {
    /// Reads what a file begins with, and checks that a file of such a length can be whole.
    ///
    /// # Errors
    /// `SnapshotCorrupt`.
    pub(super) fn read(bytes: &[u8], file_bytes: u64) -> Result<Self> {
        if file_bytes == 0 {
            return Err(EngineError::corrupt("the snapshot is empty"));
        }
        let prelude = bytes.first_chunk::<PRELUDE_BYTES>().filter(|prelude| prelude.starts_with(MAGIC));
        let Some(prelude) = prelude else {
            return Err(EngineError::corrupt("the bytes are no snapshot: they don't begin as one"));
        };
        let header_bytes = u64::from(u32_at(prelude, 12));
        let content_bytes = u64_at(prelude, 16);
        let possible = header_bytes <= LARGEST_HEADER && content_bytes <= LARGEST_CONTENT;
        let expected = PRELUDE_BYTES as u64 + header_bytes + if possible { content_bytes } else { 0 };
        if !possible || expected != file_bytes {
            let says = if possible { expected.to_string() } else { "an impossible length".to_owned() };
            return Err(EngineError::corrupt(format!(
                "the snapshot is cut short or has bytes behind its end: {file_bytes} bytes, its header says {says}"
            )));
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(&prelude[DIGEST]);
        Ok(Self {
            format_version: u32_at(prelude, 8),
            header_bytes: length(header_bytes),
            content_bytes,
            digest,
        })
    }

    /// Where the header ends.
    pub(super) fn content_at(&self) -> usize {
        PRELUDE_BYTES + self.header_bytes
    }
}

/// Reads prelude and header of a file of so many bytes; `bytes` may end behind the header.
///
/// # Errors
/// `SnapshotCorrupt`, or `SnapshotMismatch` for a sound header of another format version.
pub(super) fn header(bytes: &[u8], file_bytes: u64) -> Result<Header<'_>> {
    let prelude = Prelude::read(bytes, file_bytes)?;
    let content_at = prelude.content_at();
    let front = bytes.get(..content_at).ok_or_else(|| EngineError::corrupt("the snapshot is cut short"))?;
    if header_digest(front) != prelude.digest {
        return Err(EngineError::corrupt("the snapshot's header was changed: its SHA-256 does not fit"));
    }
    if prelude.format_version != FORMAT_VERSION {
        let (theirs, ours) = (prelude.format_version.to_string(), FORMAT_VERSION.to_string());
        return Err(mismatch("format version", &theirs, &ours));
    }
    let lines = &front[PRELUDE_BYTES..];
    let lines = &lines[..lines.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)];
    let unreadable = |error| EngineError::corrupt(format!("the snapshot's header can't be read: {error}"));
    let (line, second) = match lines.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&lines[..at], Some(&lines[at + 1..])),
        None => (lines, None),
    };
    let first: FirstLine = serde_json::from_slice(line).map_err(unreadable)?;
    let stored: Option<Stored> = second.map(serde_json::from_slice).transpose().map_err(unreadable)?;
    let header = Header { line, first, stored, content_at };
    // One that is padded further would say of itself another length than it has.
    let is_padded_right = content_at == aligned(PRELUDE_BYTES + lines.len());
    if !is_padded_right || !header.fits(prelude.content_bytes) {
        return Err(EngineError::corrupt("the snapshot's header does not fit its content"));
    }
    Ok(header)
}

impl Header<'_> {
    /// Whether all lengths fit each other and can be worked with.
    fn fits(&self, content_bytes: u64) -> bool {
        let FirstLine { info, content } = &self.first;
        let texts = info.texts.iter().try_fold(0_u64, |sum, length| sum.checked_add(*length));
        let sane = content.source_maps_bytes <= LARGEST_CONTENT
            && content.texts_bytes <= LARGEST_CONTENT
            && texts == Some(content.texts_bytes)
            && content.blob_bytes <= LARGEST_BLOB
            && self.unpacked_bytes() <= LARGEST_CONTENT
            && info.blob_bytes == content.blob_bytes
            && info.heap_bytes.checked_add(info.buffer_bytes).is_some_and(|sum| i64::try_from(sum).is_ok());
        let stored_bytes = match &self.stored {
            None => self.unpacked_bytes(),
            Some(stored) if stored.compression == ZSTD => stored.bytes,
            Some(_) => return false,
        };
        sane && stored_bytes == content_bytes
    }

    /// The length of the content when it is not compressed.
    fn unpacked_bytes(&self) -> u64 {
        let content = &self.first.content;
        let front = content.source_maps_bytes.saturating_add(content.texts_bytes);
        let blob_at = front.checked_next_multiple_of(ALIGNMENT as u64).unwrap_or(u64::MAX);
        blob_at.saturating_add(content.blob_bytes)
    }

    /// What the header says to the user.
    pub(super) fn inspected(self) -> Inspected {
        let front = aligned(PRELUDE_BYTES + self.line.len()) as u64;
        let (here, stored) = (self.content_at as u64, self.stored.as_ref());
        Inspected {
            bytes: front + self.unpacked_bytes(),
            compressed_bytes: stored.map(|stored| here + stored.bytes),
            info: self.first.info,
        }
    }

    fn unpack(&self, frame: &[u8]) -> Result<Vec<u8>> {
        let mut bytes = begin(self.line, self.unpacked_bytes())?;
        compression::decompress(frame, self.unpacked_bytes(), &mut bytes)?;
        Ok(bytes)
    }
}

/// Checks a container, every byte of it, and unpacks it if it is compressed.
///
/// # Errors
/// `SnapshotCorrupt`, or `SnapshotMismatch` for a sound header of another format version.
pub fn open(bytes: &[u8]) -> Result<Opened> {
    let header = header(bytes, bytes.len() as u64)?;
    let content = &bytes[header.content_at..];
    let unpacked = match &header.stored {
        // Both digests are checked: the first keeps changed bytes from the decompressor, the second
        // keeps from V8 what a decompressor makes of them that is not what was packed.
        Some(stored) => {
            compression::check_expansion(header.unpacked_bytes(), stored.bytes)?;
            check_digest(content, &stored.sha256)?;
            Some(header.unpack(content)?)
        }
        None => None,
    };
    let content_at = match &unpacked {
        Some(_) => aligned(PRELUDE_BYTES + header.line.len()),
        None => header.content_at,
    };
    let container = unpacked.as_deref().unwrap_or(bytes);
    check_digest(&container[content_at..], &header.first.content.sha256)?;
    let source_maps = content_at..content_at + length(header.first.content.source_maps_bytes);
    let texts = source_maps.end..source_maps.end + length(header.first.content.texts_bytes);
    let blob = container.len() - length(header.first.content.blob_bytes)..container.len();
    Ok(Opened { source_maps, texts, blob, inspected: header.inspected(), unpacked })
}

/// Reads a container's header alone: its content may be damaged.
///
/// # Errors
/// `SnapshotCorrupt`, or `SnapshotMismatch` for a sound header of another format version.
pub fn inspect(bytes: &[u8]) -> Result<Inspected> {
    header(bytes, bytes.len() as u64).map(Header::inspected)
}

fn check_digest(content: &[u8], sha256: &str) -> Result<()> {
    if hex(&Sha256::digest(content)) == sha256 {
        return Ok(());
    }
    Err(EngineError::corrupt("the snapshot was changed: its SHA-256 does not fit"))
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

fn json(part: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(part)
        .map_err(|error| EngineError::build(format!("the header can't be written: {error}")))
}

/// The digest of prelude and header, which are all of `front`.
fn header_digest(front: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(&front[..DIGEST.start]).chain_update(&front[DIGEST.end..]).finalize().into()
}

const fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

/// A length that is known to be that of a slice, or too large for one.
pub(super) fn length(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn u32_at(prelude: &[u8; PRELUDE_BYTES], at: usize) -> u32 {
    prelude[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(prelude: &[u8; PRELUDE_BYTES], at: usize) -> u64 {
    prelude[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests;
