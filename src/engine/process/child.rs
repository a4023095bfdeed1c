//! The process's own side: frames from and to its parent, and its bounds.
//!
//! A thread reads the frames, so that the end of the pipe ends the process at once, whatever its other
//! threads are in. Frames are written on the caller's thread, which waits until they are: everything
//! that this process does is for its parent, and what it reads meanwhile is queued.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError, mpsc};

use crate::engine::limits::fatal;
use crate::engine::process::bounds;
use crate::engine::process::stdio::{end_process, private_stdout};
use crate::engine::threads;

pub use crate::engine::threads::isolate_threads;

/// The way to the parent.
pub struct Parent {
    output: Mutex<File>,
}

/// Makes this process one that serves the parent with this process id: gives up what it never needs
/// (`bounds`), and hands the parent's frames to `on_frame` on a thread of their own. The process ends
/// with its parent.
///
/// # Errors
/// When the standard output or a thread can't be had.
pub fn serve(parent: u32, on_frame: impl Fn(Vec<u8>) + Send + 'static) -> io::Result<Parent> {
    let output = private_stdout().ok_or_else(io::Error::last_os_error)?;
    bounds::confine(parent);
    std::thread::Builder::new().name("isoseed-parent".into()).spawn(move || {
        let mut stdin = io::stdin().lock();
        while let Ok(frame) = read_frame(&mut stdin) {
            on_frame(frame);
        }
        end_process()
    })?;
    Ok(Parent { output: Mutex::new(output) })
}

impl Parent {
    /// Sends one frame of all parts. A parent that is gone hears nothing, and the process ends.
    pub fn send(&self, parts: &[&[u8]]) {
        let Ok(length) = u32::try_from(parts.iter().map(|part| part.len()).sum::<usize>()) else {
            // Longer than any value can be; the parent would not take it.
            end_process()
        };
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = if length <= 64 * 1024 {
            // One write for what is small: each wakes the other side.
            output.write_all(&[&length.to_le_bytes(), &*parts.concat()].concat())
        } else {
            output
                .write_all(&length.to_le_bytes())
                .and_then(|()| parts.iter().try_for_each(|part| output.write_all(part)))
        };
        if sent.is_err() {
            end_process();
        }
    }
}

/// How many isolates' figures are kept: one for each memory limit.
const MOST_FIGURES: usize = 1000;

/// Starts V8, and returns when it has started. What V8 takes once in a process is then no session's.
pub fn start_v8() {
    isolate_bytes(DEFAULT_LIMIT_MB);
}

/// The memory limit that most sessions have.
const DEFAULT_LIMIT_MB: u64 = 128;

/// What a session may take.
#[derive(Debug, Clone, Copy)]
pub struct SessionBound {
    /// The isolate's own limit, in MiB.
    pub memory_limit_mb: u64,
    /// By how much the process may grow beyond what an isolate with that limit takes when it is made.
    pub bytes: u64,
}

/// Bounds this process's private writable memory from now on, until the bound is taken back. The largest
/// frame that comes from the parent may take twice its length more. The system refuses what goes past it.
/// Says whether the bound holds: it does on Linux.
pub fn limit_data(session: Option<SessionBound>) -> bool {
    let holds = bounds::limit_data(session.map(|session| bounds::Data {
        isolate: isolate_bytes(session.memory_limit_mb),
        guest: session.bytes,
    }));
    fatal::process_is_bounded(holds && session.is_some());
    holds
}

/// What an isolate with this memory limit takes when it is made: a heap without objects, and the address
/// space for its machine code, which V8 reserves according to the limit and which counts as data.
fn isolate_bytes(memory_limit_mb: u64) -> u64 {
    static FIGURES: Mutex<BTreeMap<u64, u64>> = Mutex::new(BTreeMap::new());
    let mut figures = FIGURES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = figures.get(&memory_limit_mb) {
        return *bytes;
    }
    if figures.len() >= MOST_FIGURES {
        figures.clear();
    }
    let (measured, figure) = mpsc::channel();
    threads::spawn_isolate_thread(
        "isoseed-first".to_owned(),
        move || {
            let limit = usize::try_from(memory_limit_mb << 20).unwrap_or(usize::MAX);
            let isolate = v8::Isolate::new(v8::CreateParams::default().heap_limits(0, limit));
            let with = bounds::data_bytes();
            drop(isolate);
            let without = bounds::data_bytes();
            // Waited for below.
            let _ =
                measured.send(with.zip(without).map_or(0, |(with, without)| with.saturating_sub(without)));
        },
        // A thread that the system refuses now is asked for again by the session, which reports it.
        |_| (),
    );
    let bytes = figure.recv().unwrap_or(0);
    figures.insert(memory_limit_mb, bytes);
    bytes
}

fn read_frame(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut prefix = [0; 4];
    input.read_exact(&mut prefix)?;
    let length = usize::try_from(u32::from_le_bytes(prefix)).map_err(io::Error::other)?;
    bounds::make_room(length as u64);
    let mut frame = vec![0; length];
    input.read_exact(&mut frame)?;
    Ok(frame)
}
