//! Snapshots: immutable heap images, built in a helper process and verified before V8 sees a byte.
//!
//! `request` (what to build, its key) → `cache` (one build for each key) → `helper` (the child
//! process, parent side) → `build` (what runs in the child) → `container` (the file format, with
//! `compression`; `texts` are what the image leaves out) → `file` (read, written, shared; `mapping` where a file can't change).

pub mod build;
pub mod cache;
mod compression;
pub mod container;
mod file;
pub mod fuzz;
pub mod helper;
mod mapping;
mod protocol;
pub mod request;
pub mod texts;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::error::{EngineError, Finding, Result};
use crate::engine::modules::Kept;
use crate::engine::snapshot::container::{Inspected, Opened};
use crate::engine::snapshot::file::{Bytes, SnapshotFile};
use crate::engine::snapshot::request::hex;
use crate::engine::snapshot::texts::Texts;
use crate::engine::source_map::SourceMaps;

/// A snapshot source, without its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// `bridge`, `bundle` or `warmup`.
    pub role: String,
    /// The name in stack traces.
    pub name: String,
    /// The length of the code in bytes of UTF-8.
    pub bytes: u64,
}

/// What the user's context carries beside its globals, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextData {
    /// Whether the builder's parts have something to do in each session.
    pub parts: bool,
    /// The modules that others can import.
    pub modules: Vec<Kept>,
    /// Whether the table of what a state names by its path is there (`engine::state::code`).
    pub code: bool,
}

impl ContextData {
    /// The index of the first module.
    pub(crate) fn modules_at(&self) -> usize {
        usize::from(self.parts)
    }

    /// The index of the table of code.
    pub(crate) fn code_at(&self) -> Option<usize> {
        let values = |kept: &Kept| usize::from(kept.commonjs) + usize::from(kept.module);
        self.code.then(|| self.modules_at() + self.modules.iter().map(values).sum::<usize>())
    }
}

/// What a snapshot's header says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotInfo {
    /// SHA-256 over the sources and every option that changes the heap, in hexadecimal.
    pub key: String,
    /// The version of the file format.
    pub format_version: u32,
    /// V8's version.
    pub v8_version: String,
    /// V8's own tag over its version and flags.
    pub version_tag: u32,
    /// The flags that shape the heap image.
    pub flags: String,
    /// The table of native functions that the heap refers to by index.
    pub references: String,
    /// Operating system and architecture, as in `linux-x64`.
    pub platform: String,
    /// When the snapshot was built, in RFC 3339.
    pub created_at: String,
    /// The sources, in the order in which they ran.
    pub sources: Vec<SourceInfo>,
    /// The key of the snapshot that this one was built on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// What the context carries.
    pub data: ContextData,
    /// The host functions that exist in the heap.
    pub bindings: Vec<String>,
    /// What is noteworthy about the heap though it could be captured.
    pub warnings: Vec<Finding>,
    /// The lengths of the sources' texts that isolates read in place, in bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<u64>,
    /// The length of V8's blob, in bytes.
    pub blob_bytes: u64,
    /// The heap of an isolate right after restore, in bytes.
    pub heap_bytes: u64,
    /// The `ArrayBuffer`s of an isolate right after restore, in bytes.
    pub buffer_bytes: u64,
    /// How long the helper took to build, in milliseconds.
    pub build_ms: f64,
    /// The sources' own `Error.stackTraceLimit`; none when they deleted it.
    pub stack_trace_limit: Option<f64>,
}

/// How a file holds a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As it is in memory.
    None,
    /// By zstd.
    Zstd,
}

/// A verified snapshot, shared by every isolate that is restored from it.
pub struct Snapshot {
    inspected: Inspected,
    /// The container that is not compressed.
    bytes: Bytes,
    blob: Range<usize>,
    source_maps: Range<usize>,
    text_bytes: Range<usize>,
    texts: Texts,
    /// Only errors ask for them.
    parsed_maps: OnceLock<SourceMaps>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Snapshot").field("info", self.info()).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Takes the bytes of a snapshot file.
    ///
    /// # Errors
    /// `SnapshotCorrupt` when the bytes are no snapshot, cut short or changed; `SnapshotMismatch`
    /// when they are a sound one that this process can't restore.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Arc<Self>> {
        Self::new(Bytes::Own(bytes), None)
    }

    /// As `from_bytes`, if the bytes have this SHA-256, in lower-case hexadecimal.
    ///
    /// # Errors
    /// As `from_bytes`.
    pub fn from_pinned_bytes(bytes: Vec<u8>, sha256: &str) -> Result<Arc<Self>> {
        Self::new(Bytes::Own(bytes), Some(sha256))
    }

    /// Loads a snapshot file, if it has this SHA-256 when one is given. A file that has not changed
    /// since it was loaded before is the same snapshot, as long as that is alive.
    ///
    /// # Errors
    /// As `from_bytes`, and `SnapshotIo` when the file can't be read.
    pub fn load(path: &Path, sha256: Option<&str>) -> Result<Arc<Self>> {
        file::load(path, sha256)
    }

    fn new(bytes: Bytes, sha256: Option<&str>) -> Result<Arc<Self>> {
        if let Some(sha256) = sha256 {
            check_pin(&bytes, sha256)?;
        }
        let Opened { inspected, unpacked, source_maps, texts: text_bytes, blob } = container::open(&bytes)?;
        container::check_compatible(&inspected.info)?;
        let bytes = unpacked.map_or(bytes, Bytes::Own);
        let texts = texts::cut(&bytes[text_bytes.clone()], &inspected.info.texts);
        let texts = texts.filter(|texts| texts.iter().all(|text| texts::can_be_shared(text)));
        let texts =
            texts.ok_or_else(|| EngineError::corrupt("the snapshot's texts are not what its header says"))?;
        // SAFETY: the bytes are immutable and stay where they are; `LiveIsolate` keeps a reference to the
        // snapshot, and drops that only after the isolate.
        let texts = unsafe { Texts::new(&texts) };
        Ok(Arc::new(Self {
            inspected,
            bytes,
            blob,
            source_maps,
            text_bytes,
            texts,
            parsed_maps: OnceLock::new(),
        }))
    }

    /// Writes the snapshot to a file, all or nothing: a temporary file beside it is renamed.
    ///
    /// # Errors
    /// `SnapshotIo` when the file can't be written.
    pub fn write(&self, path: &Path, compression: Compression) -> Result<()> {
        match compression {
            Compression::None => file::write(path, &self.bytes),
            Compression::Zstd => file::write(path, &container::compress(&self.bytes)?),
        }
    }

    /// What the header says.
    pub fn info(&self) -> &SnapshotInfo {
        &self.inspected.info
    }

    /// What the header says, and the lengths of the file that the snapshot came from.
    pub fn inspected(&self) -> &Inspected {
        &self.inspected
    }

    /// The bytes of the snapshot file, when it is not compressed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What tells the snapshot from every other one, in hexadecimal: a SHA-256 that covers all of its
    /// bytes. Two builds of the same key may differ in it.
    pub fn digest(&self) -> String {
        container::digest(&self.bytes)
    }

    /// The source maps as they were packed.
    pub fn source_map_bytes(&self) -> &[u8] {
        &self.bytes[self.source_maps.clone()]
    }

    pub(crate) fn source_maps(&self) -> &SourceMaps {
        self.parsed_maps.get_or_init(|| SourceMaps::from_bytes(self.source_map_bytes()))
    }

    /// The texts that isolates read in place, as they were packed.
    pub(crate) fn text_bytes(&self) -> &[u8] {
        &self.bytes[self.text_bytes.clone()]
    }

    pub(crate) fn texts(&self) -> &Texts {
        &self.texts
    }

    pub(crate) fn blob(&self) -> &[u8] {
        &self.bytes[self.blob.clone()]
    }
}

fn check_pin(bytes: &[u8], expected: &str) -> Result<()> {
    let found = hex(&Sha256::digest(bytes));
    if found == expected {
        return Ok(());
    }
    Err(EngineError::corrupt(format!("the snapshot is another one: its SHA-256 is {found}, not {expected}")))
}

/// Reads a snapshot file's header, and only that. The snapshot may be one that this process can't
/// restore, or one whose content is damaged.
///
/// # Errors
/// `SnapshotIo` and `SnapshotCorrupt`; `SnapshotMismatch` for another format version.
pub fn inspect_file(path: &Path) -> Result<Inspected> {
    SnapshotFile::open(path)?.inspect()
}
