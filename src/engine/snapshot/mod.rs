//! Snapshots: immutable heap images, built in a helper process and verified before V8 sees a byte.
//!
//! `request` (what to build, its key) → `cache` (one build for each key) → `helper` (the child
//! process, parent side) → `build` (what runs in the child) → `container` (the file format).

pub mod build;
pub mod cache;
pub mod container;
pub mod helper;
mod protocol;
pub mod request;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::engine::error::{EngineError, Finding, Result};
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
    /// The names of the ES modules, when there is a module registry.
    pub modules: Option<Vec<String>>,
}

impl ContextData {
    /// The index of the module registry.
    pub(crate) fn modules_at(&self) -> usize {
        usize::from(self.parts)
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
    pub base: Option<String>,
    /// What the context carries.
    pub data: ContextData,
    /// The host functions that exist in the heap.
    pub bindings: Vec<String>,
    /// What is noteworthy about the heap though it could be captured.
    pub warnings: Vec<Finding>,
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

/// A verified snapshot, shared by every isolate that is restored from it.
pub struct Snapshot {
    info: SnapshotInfo,
    bytes: Vec<u8>,
    blob: Range<usize>,
    source_maps: SourceMaps,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Snapshot").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Takes the bytes of a snapshot file.
    ///
    /// # Errors
    /// `SnapshotCorrupt` when the bytes are no snapshot, cut short or changed; `SnapshotMismatch`
    /// when they are a sound one that this process can't restore.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Arc<Self>> {
        let (info, blob) = container::verify(&bytes)?;
        container::check_compatible(&info)?;
        let source_maps = SourceMaps::from_bytes(&[]);
        Ok(Arc::new(Self { info, bytes, blob, source_maps }))
    }

    /// Reads a snapshot file.
    ///
    /// # Errors
    /// As `from_bytes`, and `SnapshotIo` when the file can't be read.
    pub fn read(path: &Path) -> Result<Arc<Self>> {
        Self::from_bytes(read_file(path)?)
    }

    /// Writes the snapshot to a file, all or nothing: a temporary file beside it is renamed.
    ///
    /// # Errors
    /// `SnapshotIo` when the file can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        static WRITES: AtomicU64 = AtomicU64::new(0);
        let unique = format!(".{}-{}.tmp", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed));
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(unique);
        let written =
            std::fs::write(&temporary, &self.bytes).and_then(|()| std::fs::rename(&temporary, path));
        written.map_err(|error| {
            // Nothing half-written stays; the write's own error is the one to report.
            let _ = std::fs::remove_file(&temporary);
            io_error("write", path, &error)
        })
    }

    /// What the header says.
    pub fn info(&self) -> &SnapshotInfo {
        &self.info
    }

    /// The bytes of the snapshot file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn source_maps(&self) -> &SourceMaps {
        &self.source_maps
    }

    pub(crate) fn blob(&self) -> &[u8] {
        &self.bytes[self.blob.clone()]
    }
}

/// Reads a snapshot file's header, and checks that the file is sound. The snapshot may be one that
/// this process can't restore.
///
/// # Errors
/// `SnapshotIo` and `SnapshotCorrupt`.
pub fn inspect(bytes: &[u8]) -> Result<SnapshotInfo> {
    container::verify(bytes).map(|(info, _)| info)
}

/// Reads a snapshot's file whole, with errors that name it. Only a regular file has an end to read to.
///
/// # Errors
/// `SnapshotIo`, and `SnapshotCorrupt` when it is larger than any snapshot.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    let failed = |error| io_error("read", path, &error);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(std::io::Error::other("it is no regular file")));
    }
    if metadata.len() > container::LARGEST_FILE {
        return Err(EngineError::corrupt(format!("{} is larger than any snapshot", path.display())));
    }
    std::fs::read(path).map_err(failed)
}

fn io_error(verb: &str, path: &Path, error: &std::io::Error) -> EngineError {
    EngineError::SnapshotIo { message: format!("can't {verb} the snapshot {}: {error}", path.display()) }
}
