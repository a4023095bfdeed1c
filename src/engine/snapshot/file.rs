//! Snapshot files: opened once, read or mapped, shared while they are in use, written whole.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fs::{File, Metadata, OpenOptions};
use std::hash::BuildHasher;
use std::io::{Read, Seek, Write};
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::SystemTime;

use crate::engine::error::{EngineError, Result};
use crate::engine::snapshot::Snapshot;
use crate::engine::snapshot::container::{self, Inspected, LARGEST_FILE, PRELUDE_BYTES, Prelude};
use crate::engine::snapshot::mapping::{self, Mapping};

/// A snapshot's bytes, which nobody changes.
#[derive(Debug)]
pub(super) enum Bytes {
    /// In memory of this process.
    Own(Vec<u8>),
    /// A file that can't be changed, in place.
    Mapped(Mapping),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Mapped(mapping) => mapping,
        }
    }
}

/// A file that is open for reading.
pub(super) struct SnapshotFile<'path> {
    path: &'path Path,
    file: File,
    metadata: Metadata,
}

impl<'path> SnapshotFile<'path> {
    /// Opens a regular file: only that has an end to read to.
    ///
    /// # Errors
    /// `SnapshotIo`, and `SnapshotCorrupt` when it is larger than any snapshot.
    pub(super) fn open(path: &'path Path) -> Result<Self> {
        let failed = |error| io_error("read", path, &error);
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            // A pipe would wait for its writer.
            options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        }
        let file = options.open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(std::io::Error::other("it is no regular file")));
        }
        if metadata.len() > LARGEST_FILE {
            return Err(EngineError::corrupt(format!("{} is larger than any snapshot", path.display())));
        }
        Ok(Self { path, file, metadata })
    }

    /// Reads prelude and header alone.
    ///
    /// # Errors
    /// `SnapshotIo`, and as `container::inspect`.
    pub(super) fn inspect(mut self) -> Result<Inspected> {
        let mut front = self.read_up_to(PRELUDE_BYTES)?;
        let prelude = Prelude::read(&front, self.metadata.len())?;
        front.append(&mut self.read_up_to(prelude.content_at() - PRELUDE_BYTES)?);
        container::header(&front, self.metadata.len()).map(container::Header::inspected)
    }

    /// The whole file: mapped where that is safe, read otherwise.
    ///
    /// # Errors
    /// `SnapshotIo`.
    pub(super) fn bytes(&mut self) -> Result<Bytes> {
        if let Some(mapping) = mapping::map_unchangeable(&self.file) {
            return Ok(Bytes::Mapped(mapping));
        }
        self.file.rewind().map_err(|error| io_error("read", self.path, &error))?;
        // Not past what the file was when it was opened.
        self.read_up_to(usize::try_from(self.metadata.len()).unwrap_or(usize::MAX)).map(Bytes::Own)
    }

    fn read_up_to(&mut self, length: usize) -> Result<Vec<u8>> {
        let failed = |error| io_error("read", self.path, &error);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|error| failed(std::io::Error::other(error)))?;
        (&mut self.file).take(length as u64).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// What tells this content of the file from every other.
    fn identity(&mut self) -> Result<Identity> {
        let prelude = self.read_up_to(PRELUDE_BYTES)?;
        let (modified, place) = (self.metadata.modified().ok(), place(self.path, &self.metadata));
        Ok(Identity { place, bytes: self.metadata.len(), modified, prelude })
    }
}

/// A file with the content that it had at a time. The prelude has the digest over all of it, so a
/// clock that is too coarse to show a change makes no two sound contents one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Identity {
    place: Place,
    bytes: u64,
    modified: Option<SystemTime>,
    prelude: Vec<u8>,
}

/// Device, inode, and seconds and nanoseconds of the inode's last change.
#[cfg(unix)]
type Place = (u64, u64, i64, i64);
/// The path with all links followed, and when the file was made.
#[cfg(not(unix))]
type Place = (Option<std::path::PathBuf>, Option<SystemTime>);

#[cfg(unix)]
fn place(_: &Path, metadata: &Metadata) -> Place {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn place(path: &Path, metadata: &Metadata) -> Place {
    (path.canonicalize().ok(), metadata.created().ok())
}

/// Loads a file, or takes the snapshot that was loaded from it before and is alive still.
///
/// # Errors
/// `SnapshotIo`, and as `Snapshot::from_bytes`.
pub(super) fn load(path: &Path, sha256: Option<&str>) -> Result<Arc<Snapshot>> {
    let mut file = SnapshotFile::open(path)?;
    let identity = file.identity()?;
    if sha256.is_none()
        && let Some(snapshot) = loaded(|loaded| loaded.get(&identity).and_then(Weak::upgrade))
    {
        return Ok(snapshot);
    }
    let snapshot = Snapshot::new(file.bytes()?, sha256)?;
    let after = file.file.metadata().map_err(|error| io_error("read", path, &error))?;
    if place(path, &after) != identity.place || after.modified().ok() != identity.modified {
        // Sound, but of which content nobody can say.
        return Ok(snapshot);
    }
    Ok(loaded(|loaded| {
        loaded.retain(|_, snapshot| snapshot.strong_count() > 0);
        if let Some(first) = loaded.get(&identity).and_then(Weak::upgrade) {
            return first;
        }
        loaded.insert(identity, Arc::downgrade(&snapshot));
        snapshot
    }))
}

fn loaded<T>(with: impl FnOnce(&mut HashMap<Identity, Weak<Snapshot>>) -> T) -> T {
    static LOADED: OnceLock<Mutex<HashMap<Identity, Weak<Snapshot>>>> = OnceLock::new();
    with(&mut LOADED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner))
}

/// Writes a file, all or nothing: a temporary file beside it is renamed when it is whole.
///
/// # Errors
/// `SnapshotIo`.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    // Nobody can foresee the name, nor lay a link there; and it is short, whatever the file's is.
    let unique = RandomState::new().hash_one(std::process::id());
    let temporary = path.with_file_name(format!(".isoseed-{unique:016x}.tmp"));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        drop(file);
        let renamed = written.and_then(|()| std::fs::rename(&temporary, path));
        if renamed.is_err() {
            // Nothing half-written stays; the write's own error is the one to report.
            let _ = std::fs::remove_file(&temporary);
        }
        renamed
    };
    write().map_err(|error| io_error("write", path, &error))
}

fn io_error(verb: &str, path: &Path, error: &std::io::Error) -> EngineError {
    EngineError::SnapshotIo { message: format!("can't {verb} the snapshot {}: {error}", path.display()) }
}
