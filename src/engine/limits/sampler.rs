//! Looks at busy isolates every few milliseconds: at what V8 takes without asking our allocator.
//!
//! Resizable `ArrayBuffer`s and WebAssembly memories grow by mapping pages; no hook of V8 refuses
//! them everywhere. So while a turn runs longer than one tick, its isolate is interrupted to add up its
//! memory (`limits::memory`). One task for the process, asleep while no turn runs; it looks only at the
//! isolates that ran since it last looked, however many there are.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::engine::limits::memory::{Look, MemoryLimit};
use crate::engine::limits::rota::rota;
use crate::engine::runtime::runtime;
use crate::engine::value::spare;

/// How long a guest may take memory unseen.
const TICK: Duration = Duration::from_millis(20);
/// A tick while guests wait their turn (`limits::rota`): so long one runs.
const CROWDED_TICK: Duration = Duration::from_millis(5);
/// After this many ticks without a turn the allocator is asked to give back what ended isolates freed, and
/// the task sleeps until the next turn.
const TICKS_BEFORE_SLEEP: u32 = 50;

struct Sampler {
    /// Takes those that begin a turn and are not listed.
    newly_busy: Sender<Weak<MemoryLimit>>,
    /// Memory was freed since it was last given back.
    has_garbage: AtomicBool,
    is_asleep: AtomicBool,
    woken: Notify,
}

fn sampler() -> &'static Sampler {
    static SAMPLER: OnceLock<Sampler> = OnceLock::new();
    SAMPLER.get_or_init(|| {
        // Not a list behind a lock: where many threads begin at once, each would sleep for it.
        let (newly_busy, received) = mpsc::channel();
        runtime().spawn(run(received));
        Sampler {
            newly_busy,
            has_garbage: AtomicBool::new(false),
            is_asleep: AtomicBool::new(false),
            woken: Notify::new(),
        }
    })
}

async fn run(newly_busy: Receiver<Weak<MemoryLimit>>) {
    let sampler = sampler();
    // Those that have begun a turn and were not seen idle since.
    let mut listed = Vec::new();
    let mut idle_ticks = 0;
    let mut is_crowded = false;
    loop {
        if idle_ticks < TICKS_BEFORE_SLEEP {
            tokio::time::sleep(if is_crowded { CROWDED_TICK } else { TICK }).await;
        } else {
            sampler.is_asleep.store(true, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            // Who began before that has not seen it.
            listed.extend(newly_busy.try_iter());
            if listed.is_empty() && !sampler.has_garbage.load(Ordering::Relaxed) {
                sampler.woken.notified().await;
            }
            sampler.is_asleep.store(false, Ordering::Relaxed);
            idle_ticks = 0;
        }
        listed.extend(newly_busy.try_iter());
        is_crowded = sample(&mut listed);
        idle_ticks = if listed.is_empty() { idle_ticks + 1 } else { 0 };
        if idle_ticks >= TICKS_BEFORE_SLEEP && sampler.has_garbage.swap(false, Ordering::Relaxed) {
            give_memory_back();
        }
    }
}

/// Samples what is busy, and takes what is idle off the list. Says whether anybody waits to run.
fn sample(listed: &mut Vec<Weak<MemoryLimit>>) -> bool {
    let mut going_on = Vec::new();
    listed.retain(|limit| {
        limit.upgrade().is_some_and(|limit| match limit.look() {
            Look::Idle => limit.stays_listed(),
            Look::Began => true,
            Look::GoesOn => {
                going_on.push(limit);
                true
            }
        })
    });
    let places: Vec<_> = going_on.iter().map(|limit| Arc::clone(limit.place())).collect();
    let is_crowded = rota().take_turns(&places);
    for limit in going_on {
        limit.sample();
    }
    is_crowded
}

impl Sampler {
    /// Called when there is something for it.
    fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.is_asleep.load(Ordering::Relaxed) && self.is_asleep.swap(false, Ordering::SeqCst) {
            self.woken.notify_one();
        }
    }
}

/// A turn begins in the isolate of `limit`: it is looked at until it is seen idle.
pub(crate) fn turn_begins(limit: &Arc<MemoryLimit>) {
    if limit.list() {
        // The task holds the other end for as long as the process lives.
        let _ = sampler().newly_busy.send(Arc::downgrade(limit));
        sampler().wake();
    }
}

/// Memory was freed that can be given back once nothing runs: an isolate's, or a buffer's.
pub(crate) fn memory_freed() {
    sampler().has_garbage.store(true, Ordering::Relaxed);
    sampler().wake();
}

/// The C library keeps what many threads freed in as many arenas.
fn give_memory_back() {
    spare::give_back();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0)
    };
}
