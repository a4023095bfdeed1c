//! The threads that isolates live on.
//!
//! To start a thread takes a good part of the time that a new isolate takes. So one whose isolate has ended
//! waits a moment for the next one; nothing of an isolate is left on it but what its stack held.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::engine::platform;

/// V8 takes about 1 MB of the thread's stack; the rest is for native frames beneath it.
pub(super) const STACK_BYTES: usize = 4 * 1024 * 1024;

/// So many threads wait for isolates at most: for as many sessions as follow one another at a time.
const MOST_IDLE: usize = 2;

/// For so long.
const IDLE_TIME: Duration = Duration::from_secs(1);

/// A thread's name while it waits; that of an isolate's has a number.
const IDLE_NAME: &str = "isoseed-idle";

/// How many threads of this process can run at a time, as the system told when it was first asked.
pub(crate) fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

/// What a thread is for.
pub(super) struct Work {
    name: String,
    body: Box<dyn FnOnce() + Send>,
    failed: Box<dyn FnOnce(io::Error) + Send>,
    alive: Alive,
}

/// Starts V8 unless it runs already, and runs `body` on a thread of its own.
///
/// `failed` is called instead when the system refuses the thread. Neither runs on the caller's
/// thread, and the caller does not wait.
pub(crate) fn spawn_isolate_thread(
    name: String,
    body: impl FnOnce() + Send + 'static,
    failed: impl FnOnce(io::Error) + Send + 'static,
) {
    let mut work = Work { name, body: Box::new(body), failed: Box::new(failed), alive: Alive::new() };
    // The one that has waited for the shortest time: what it used last is still in the caches.
    while let Some(idle) = idle().pop() {
        match idle.work.send(work) {
            Ok(()) => return,
            Err(mpsc::SendError(refused)) => work = refused,
        }
    }
    if let Err(mpsc::SendError(work)) = platform::root().send(work) {
        (work.failed)(io::Error::other("V8's root thread is gone"));
    }
}

/// On V8's root thread: starts another one.
pub(super) fn start(Work { name, body, failed, alive }: Work) {
    let thread = thread::Builder::new().name(name).stack_size(STACK_BYTES);
    let run = move || {
        body();
        drop(alive);
        while let Some(Work { name, body, alive, .. }) = wait_for_work() {
            name_this_thread(&name);
            body();
            drop(alive);
        }
    };
    if let Err(error) = thread.spawn(run) {
        failed(error);
    }
}

/// A thread that waits.
struct Idle {
    thread: ThreadId,
    work: Sender<Work>,
}

fn idle() -> MutexGuard<'static, Vec<Idle>> {
    static IDLE: Mutex<Vec<Idle>> = Mutex::new(Vec::new());
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None`: there is none, or enough other threads wait for it.
fn wait_for_work() -> Option<Work> {
    let this = thread::current().id();
    let (sender, work) = mpsc::channel();
    {
        let mut idle = idle();
        if idle.len() == MOST_IDLE {
            return None;
        }
        idle.push(Idle { thread: this, work: sender });
    }
    name_this_thread(IDLE_NAME);
    match work.recv_timeout(IDLE_TIME) {
        Ok(work) => Some(work),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => {
            // Dropped with the sender, unless somebody has taken that at the last moment, and sends.
            idle().retain(|idle| idle.thread != this);
            work.recv().ok()
        }
    }
}

/// For whoever looks at the process from outside; without it the thread keeps its first name.
fn name_this_thread(name: &str) {
    #[cfg(target_os = "linux")]
    {
        // As the standard library does it: the system takes no more than this of a name.
        const LONGEST_NAME: usize = 15;
        let mut bytes = [0; LONGEST_NAME + 1];
        let length = name.len().min(LONGEST_NAME);
        bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
        // SAFETY: the bytes end with a zero, and are only read during the call.
        unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr()) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = name;
}

static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// How many threads in this process have an isolate, or are about to; among them those that V8 will never
/// return to.
pub fn isolate_threads() -> usize {
    ALIVE.load(Ordering::Relaxed)
}

/// One isolate's use of a thread, until its body has returned.
struct Alive;

impl Alive {
    fn new() -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Instant;

    use super::*;

    fn thread_of(body: impl FnOnce() + Send + 'static) -> ThreadId {
        let (tell, told) = mpsc::channel();
        let work = move || {
            body();
            // Waited for below.
            let _ = tell.send(thread::current().id());
        };
        spawn_isolate_thread("isoseed-test".to_owned(), work, |error| panic!("{error}"));
        told.recv().expect("it runs")
    }

    /// Until a thread waits; not for ever, should two others be there before it.
    fn wait_until_idle(thread: ThreadId) {
        let begun = Instant::now();
        while !idle().iter().any(|idle| idle.thread == thread) && begun.elapsed() < IDLE_TIME {
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_serves_again() {
        let threads: HashSet<ThreadId> = (0..10)
            .map(|_| {
                let thread = thread_of(|| ());
                wait_until_idle(thread);
                thread
            })
            .collect();
        assert!(threads.len() < 10, "{threads:?}");
    }

    #[test]
    fn two_at_once_are_two() {
        let (go, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let first = move || {
            // The test waits for both.
            let _ = tell.send(thread::current().id());
            let _ = wait.recv();
        };
        spawn_isolate_thread("isoseed-test".to_owned(), first, |error| panic!("{error}"));
        let first = told.recv().expect("it runs");
        assert_ne!(thread_of(|| ()), first);
        go.send(()).expect("it waits");
    }

    #[test]
    fn a_thread_that_panics_takes_nobodys_work_with_it() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ()));
        spawn_isolate_thread("isoseed-test".to_owned(), || panic!("on purpose"), |error| panic!("{error}"));
        while isolate_threads() > 0 {
            thread::yield_now();
        }
        std::panic::set_hook(hook);
        thread_of(|| ());
    }
}
