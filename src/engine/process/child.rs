//! The process's own side: frames from and to its parent, and its bounds.
//!
//! A thread reads the frames, so that the end of the pipe ends the process at once, whatever its other
//! threads are in. Frames are written on the caller's thread, which waits until they are: everything
//! that this process does is for its parent, and what it reads meanwhile is queued.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError, mpsc};

use crate::engine::limits::fatal;
use crate::engine::platform;
use crate::engine::process::bounds;
use crate::engine::process::stdio::{end_process, private_stdout};

pub use crate::engine::platform::isolate_threads;

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

/// Starts V8, and returns when it has started: an isolate is made and given back. What V8 takes once in a
/// process is then no session's.
pub fn start_v8() {
    let (started, wait) = mpsc::channel::<()>();
    platform::spawn_isolate_thread(
        "isoseed-first".to_owned(),
        move || {
            drop(v8::Isolate::new(v8::CreateParams::default()));
            drop(started);
        },
        // A thread that the system refuses now is asked for again by the session, which reports it.
        |_| (),
    );
    // Nothing is sent: it returns when the thread is through, or was refused.
    let _ = wait.recv();
}

/// From now on this process's private writable memory may grow by so many bytes, and the system
/// refuses more; none for no bound. Says whether the bound holds: it does on Linux.
pub fn limit_data(bytes: Option<u64>) -> bool {
    let holds = bounds::limit_data(bytes);
    fatal::process_is_bounded(holds && bytes.is_some());
    holds
}

fn read_frame(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut prefix = [0; 4];
    input.read_exact(&mut prefix)?;
    let length = usize::try_from(u32::from_le_bytes(prefix)).map_err(io::Error::other)?;
    let mut frame = vec![0; length];
    input.read_exact(&mut frame)?;
    Ok(frame)
}
