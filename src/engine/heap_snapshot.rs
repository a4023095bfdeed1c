//! An isolate's heap as `DevTools` loads it: a `.heapsnapshot` file. Runs on the isolate's thread.
//!
//! V8 builds the graph of the heap in its own memory, outside of the heap and its limit, and then writes
//! it in small pieces, which go to the file as they come.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::engine::error::{EngineError, Result};
use crate::engine::limits::native::uncharged;

/// Writes the heap to a new file at `path`, or over the file there, while `is_wanted` says so. What is
/// not whole is removed.
///
/// # Errors
/// `SnapshotIo` when the file can't be written, or V8 made no snapshot.
pub(crate) fn write(isolate: &mut v8::Isolate, path: &Path, is_wanted: impl Fn() -> bool) -> Result<()> {
    let failed = |error: io::Error| {
        let message = format!("can't write the heap snapshot {}: {error}", path.display());
        EngineError::SnapshotIo { message }
    };
    let mut file = BufWriter::new(create(path).map_err(failed)?);
    let mut written: Option<io::Result<()>> = None;
    // The graph is the host's: the guest can't help how large it is.
    uncharged(|| {
        isolate.take_heap_snapshot(|piece| {
            let so_far = written.take().unwrap_or(Ok(()));
            let now = so_far.and_then(|()| {
                if is_wanted() { file.write_all(piece) } else { Err(io::ErrorKind::Interrupted.into()) }
            });
            written.insert(now).is_ok()
        });
    });
    let written = written.unwrap_or_else(|| Err(io::Error::other("V8 made none")));
    let written = written.and_then(|()| file.flush());
    drop(file);
    if written.is_err() {
        // Nothing half-written stays; the write's own error is the one to report.
        let _ = std::fs::remove_file(path);
    }
    written.map_err(failed)
}

/// For its owner alone: the heap holds whatever the guest was given.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
