//! A directory of built snapshots, shared by processes that know nothing of each other.
//!
//! For each key there are at most three files: `<key>.snap`, the snapshot; `<key>.lock`, locked by the
//! process that builds or writes it; `<key>.tmp`, which that process renames when it is whole. The lock
//! is the system's own, so it goes with the process however that ends. Only its holder writes, removes
//! or cleans up what belongs to the key; anyone may read the snapshot, and prune it.
//!
//! Every call may block: never on the thread of the runtime.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::engine::snapshot::Snapshot;

const SNAPSHOT: &str = "snap";
const LOCK: &str = "lock";
const TEMPORARY: &str = "tmp";

/// A directory of snapshots. It need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The snapshot, if there is a sound one. Counts as a use.
    pub(super) fn find(&self, key: &str) -> Option<Arc<Snapshot>> {
        check_directory(&self.0).ok()?;
        let path = self.file(key, SNAPSHOT);
        let snapshot = Snapshot::load(&path, None).ok().filter(|snapshot| snapshot.info().key == key)?;
        touch(&path);
        Some(snapshot)
    }

    /// Whether there is a snapshot, unread. Counts as a use.
    fn has(&self, key: &str) -> bool {
        let path = self.file(key, SNAPSHOT);
        let found = path.is_file();
        if found {
            touch(&path);
        }
        found
    }

    /// Puts in a snapshot that is already built, unless it is there or is being made.
    pub(super) fn keep(&self, snapshot: &Snapshot, limit: u64) -> io::Result<()> {
        if self.has(&snapshot.info().key) {
            return Ok(());
        }
        match self.try_lock(&snapshot.info().key)? {
            Some(lock) => lock.write(snapshot, limit),
            None => Ok(()),
        }
    }

    /// Makes the directory if need be, and takes the key's lock, unless someone else has it.
    pub(super) fn try_lock(&self, key: &str) -> io::Result<Option<KeyLock>> {
        create_directory(&self.0)?;
        self.try_lock_existing(key)
    }

    fn try_lock_existing(&self, key: &str) -> io::Result<Option<KeyLock>> {
        let path = self.file(key, LOCK);
        let file = private(OpenOptions::new().write(true).create(true).truncate(false)).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Whoever held it before may have removed the file: then a lock on it excludes nobody.
        if !is_file_at(&file, &path) {
            return Ok(None);
        }
        Ok(Some(KeyLock { directory: self.clone(), key: key.to_owned(), _file: file }))
    }

    fn file(&self, key: &str, extension: &str) -> PathBuf {
        self.0.join(format!("{key}.{extension}"))
    }

    /// Removes the snapshots that were not used for longest, until the rest fits the limit, and what
    /// dead processes left. What is not the cache's own is not touched.
    fn prune(&self, limit: u64) -> io::Result<()> {
        let mut snapshots = Vec::new();
        let mut leftovers = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let Some((key, extension)) = own_name(&path) else { continue };
            // Another process may have removed it since.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if extension == SNAPSHOT && metadata.is_file() {
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                snapshots.push((used, metadata.len(), path));
            } else if extension != SNAPSHOT && !leftovers.contains(&key) {
                leftovers.push(key);
            }
        }
        for key in leftovers {
            // The lock clears up when it goes. Who holds it otherwise is alive, and does so itself.
            drop(self.try_lock_existing(&key));
        }
        let mut bytes: u64 = snapshots.iter().map(|(_, bytes, _)| bytes).sum();
        snapshots.sort();
        for (_, size, path) in snapshots {
            if bytes <= limit {
                break;
            }
            if remove(&path).is_ok() {
                bytes -= size;
            }
        }
        Ok(())
    }
}

/// The right to build and write what belongs to one key, in one process at a time.
#[derive(Debug)]
pub(super) struct KeyLock {
    directory: Directory,
    key: String,
    /// Unlocked when it is closed.
    _file: File,
}

impl KeyLock {
    /// The snapshot, if someone else has put it there. A damaged one is removed, one of another
    /// platform too.
    pub(super) fn find(&self) -> Option<Arc<Snapshot>> {
        let found = self.directory.find(&self.key);
        if found.is_none() {
            // What can't be removed is replaced, or stays without harm: it is verified each time.
            let _ = remove(&self.directory.file(&self.key, SNAPSHOT));
        }
        found
    }

    /// Puts the snapshot in, all or nothing, and prunes the directory. Not synchronised with the disk:
    /// what a power failure damages is found when it is read, and built again.
    pub(super) fn write(&self, snapshot: &Snapshot, limit: u64) -> io::Result<()> {
        if snapshot.bytes().len() as u64 <= limit {
            let temporary = self.directory.file(&self.key, TEMPORARY);
            // Someone may have removed it during the build.
            create_directory(&self.directory.0)?;
            // Whatever is there is of a dead process, or put there by someone: nothing to write into.
            remove(&temporary)?;
            let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&temporary)?;
            file.write_all(snapshot.bytes())?;
            drop(file);
            fs::rename(&temporary, self.directory.file(&self.key, SNAPSHOT))?;
        }
        self.directory.prune(limit)
    }
}

impl Drop for KeyLock {
    fn drop(&mut self) {
        // A write that failed, or a process that died in the middle of one.
        let _ = remove(&self.directory.file(&self.key, TEMPORARY));
        // Elsewhere an open file can't be told from another of the same name: see `is_file_at`.
        if cfg!(unix) {
            let _ = remove(&self.directory.file(&self.key, LOCK));
        }
    }
}

/// Removes a file. One that is not there is no error.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Marks a file as used now. One that belongs to someone else just keeps its time.
fn touch(path: &Path) {
    if let Ok(file) = File::open(path) {
        let _ = file.set_modified(SystemTime::now());
    }
}

/// The key and extension of a file that has a name as only this cache gives.
fn own_name(path: &Path) -> Option<(String, String)> {
    let (key, extension) = path.file_name()?.to_str()?.split_once('.')?;
    let is_key = key.len() == 64 && key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_own = [SNAPSHOT, LOCK, TEMPORARY].contains(&extension);
    (is_key && is_own).then(|| (key.to_owned(), extension.to_owned()))
}

/// A snapshot is code: only its owner may change it.
fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)?;
    check_directory(path)
}

/// Where everyone can write, anyone can leave code for us to run.
#[cfg(unix)]
fn check_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata(path)?.mode() & 0o002 == 0 {
        return Ok(());
    }
    Err(io::Error::other("everyone can write to it; a directory below it would be made for its owner alone"))
}

/// Permissions are lists here, and directories of a user are not everyone's by default.
#[cfg(not(unix))]
fn check_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Whether the open file is still the one at this path.
#[cfg(unix)]
fn is_file_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((&file.metadata(), &fs::symlink_metadata(path)), (Ok(open), Ok(there)) if id(open) == id(there))
}

/// Lock files are never removed here, so it always is.
#[cfg(not(unix))]
fn is_file_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests;
