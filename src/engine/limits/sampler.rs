//! Looks at busy isolates every few milliseconds: at what V8 takes without asking our allocator.
//!
//! Resizable `ArrayBuffer`s and WebAssembly memories grow by mapping pages; no hook of V8 refuses
//! them everywhere. So while a turn runs longer than one tick, its isolate is interrupted to add up its
//! memory (`limits::memory`). One task for the process, asleep while no turn runs; it looks only at the
//! isolates that ran since it last looked, however many there are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::engine::limits::memory::MemoryLimit;
use crate::engine::runtime::runtime;

/// How long a guest may take memory unseen.
const TICK: Duration = Duration::from_millis(20);
/// After this many ticks without a turn the allocator is asked to give back what ended isolates freed, and
/// the task sleeps until the next turn.
const TICKS_BEFORE_SLEEP: u32 = 50;

struct Sampler {
    /// Those that have begun a turn and were not seen idle since.
    listed: Mutex<Vec<Weak<MemoryLimit>>>,
    /// An isolate ended since the allocator was last asked to give memory back.
    has_garbage: AtomicBool,
    is_asleep: AtomicBool,
    woken: Notify,
}

fn sampler() -> &'static Sampler {
    static SAMPLER: OnceLock<Sampler> = OnceLock::new();
    static TASK: OnceLock<()> = OnceLock::new();
    let sampler = SAMPLER.get_or_init(|| Sampler {
        listed: Mutex::default(),
        has_garbage: AtomicBool::new(false),
        is_asleep: AtomicBool::new(false),
        woken: Notify::new(),
    });
    TASK.get_or_init(|| {
        runtime().spawn(sampler.run());
    });
    sampler
}

impl Sampler {
    async fn run(&self) {
        let mut idle_ticks = 0;
        loop {
            if idle_ticks < TICKS_BEFORE_SLEEP {
                tokio::time::sleep(TICK).await;
            } else {
                self.is_asleep.store(true, Ordering::SeqCst);
                self.woken.notified().await;
                idle_ticks = 0;
            }
            idle_ticks = if self.tick() { 0 } else { idle_ticks + 1 };
            if idle_ticks >= TICKS_BEFORE_SLEEP && self.has_garbage.swap(false, Ordering::Relaxed) {
                give_memory_back();
            }
        }
    }

    fn listed(&self) -> MutexGuard<'_, Vec<Weak<MemoryLimit>>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Samples what is busy; says whether anything is.
    fn tick(&self) -> bool {
        let mut listed = std::mem::take(&mut *self.listed());
        listed.retain(|limit| limit.upgrade().is_some_and(|limit| limit.sample() || limit.stays_listed()));
        let is_busy = !listed.is_empty();
        self.listed().append(&mut listed);
        is_busy
    }

    fn wake(&self) {
        if self.is_asleep.load(Ordering::Relaxed) && self.is_asleep.swap(false, Ordering::SeqCst) {
            self.woken.notify_one();
        }
    }
}

/// A turn begins in the isolate of `limit`: it is looked at until it is seen idle.
pub(crate) fn turn_begins(limit: &Arc<MemoryLimit>) {
    if limit.list() {
        sampler().listed().push(Arc::downgrade(limit));
    }
    sampler().wake();
}

/// An isolate ended: what it took from the allocator can be given back once nothing runs.
pub(crate) fn isolate_ended() {
    sampler().has_garbage.store(true, Ordering::Relaxed);
    sampler().wake();
}

/// The C library keeps what many threads freed in as many arenas.
fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0)
    };
}
