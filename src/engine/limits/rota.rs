//! Who runs when more guests are busy than there are processors.
//!
//! Isolates share locks: V8's over its pool of pages and its queue of compilations, the C library's over its
//! memory, the system's over the mappings of a process. Of hundreds of busy threads the system stops some
//! while they hold one, everybody else waits for those, and for seconds some guests get nothing. V8's own
//! threads, which compile for all, get a hundredth of a processor. So:
//! - of the turns that go on for longer than the sampler's tick as many run as there are processors. The rest
//!   wait, each in the middle of its guest's code, where it holds no lock. With every tick those that have run
//!   longest make room for those that have waited longest;
//! - of the turns that have begun since, a few run for each processor, and more begin when one of them ends
//!   or goes on for that long. So whoever begins waits for a few ticks at most, and only behind many.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::engine::threads::processors;

/// So many turns may have begun for each processor, beside those that go on for long.
const BEGUN_PER_PROCESSOR: usize = 8;

/// Nothing runs in the isolate, or what runs there goes by no rule.
const IDLE: u8 = 0;
/// A turn wants to begin.
const BEGINS: u8 = 1;
/// A turn has begun, one of those that are counted.
const BEGUN: u8 = 2;
/// A turn goes on for long: it is among those that take turns.
const GOES_ON: u8 = 3;

/// An isolate, as the rota knows it.
#[derive(Default)]
pub(crate) struct Place {
    /// It becomes `BEGUN`, and from that `IDLE`, without the lock; all else happens under it.
    standing: AtomicU8,
    /// It is to wait.
    waits: AtomicBool,
    /// Its thread waits, in the middle of a turn.
    is_parked: AtomicBool,
    /// What runs was told to stop: it must get there.
    is_excused: AtomicBool,
    /// Its turn goes on, at the present tick.
    is_busy: AtomicBool,
    called: Condvar,
}

impl Place {
    /// Whether the isolate's thread waits, in `Rota::wait`.
    pub(crate) fn is_parked(&self) -> bool {
        self.is_parked.load(Ordering::Relaxed)
    }

    fn stands(&self, standing: u8) -> bool {
        self.standing.load(Ordering::SeqCst) == standing
    }

    /// Whether it stood so, and stands otherwise now.
    fn moves(&self, from: u8, to: u8) -> bool {
        self.standing.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// On the isolate's thread: sleeps for as long as it is to wait.
    fn wait_for_call<'a>(&self, queues: MutexGuard<'a, Queues>) -> MutexGuard<'a, Queues> {
        let waits = |_: &mut Queues| self.waits.load(Ordering::Relaxed);
        self.called.wait_while(queues, waits).unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self) {
        self.waits.store(false, Ordering::Relaxed);
        self.called.notify_one();
    }
}

#[derive(Default)]
struct Queues {
    /// Those that want to begin, who has for longest first.
    beginning: VecDeque<Arc<Place>>,
    /// Those that go on and may run, who has for longest first.
    running: VecDeque<Arc<Place>>,
    /// Those that go on and wait, who has for longest first.
    waiting: VecDeque<Arc<Place>>,
}

pub(crate) struct Rota {
    processors: usize,
    /// How many have begun.
    begun: AtomicUsize,
    /// How many want to begin: as many as are in the queue.
    beginning: AtomicUsize,
    queues: Mutex<Queues>,
}

/// The one of this process.
pub(crate) fn rota() -> &'static Rota {
    static ROTA: OnceLock<Rota> = OnceLock::new();
    ROTA.get_or_init(|| Rota::new(processors()))
}

impl Rota {
    fn new(processors: usize) -> Self {
        Self {
            processors,
            begun: AtomicUsize::new(0),
            beginning: AtomicUsize::new(0),
            queues: Mutex::default(),
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// On the isolate's thread: a turn begins, as soon as it may.
    pub(crate) fn begin(&self, place: &Arc<Place>) {
        self.leave(place);
        place.is_excused.store(false, Ordering::Relaxed);
        if self.take_begun() {
            if !place.moves(IDLE, BEGUN) {
                // The sampler has seen the turn before this one too late, and the turn goes by that.
                self.give_begun();
            }
            return;
        }
        let mut queues = self.queues();
        if !place.moves(IDLE, BEGINS) {
            return;
        }
        place.waits.store(true, Ordering::Relaxed);
        queues.beginning.push_back(Arc::clone(place));
        self.beginning.fetch_add(1, Ordering::SeqCst);
        self.let_begin(&mut queues);
        drop(place.wait_for_call(queues));
    }

    /// On the isolate's thread, in the middle of a turn: waits if it is others' time to run.
    pub(crate) fn wait(&self, place: &Place) {
        if !place.waits.load(Ordering::Relaxed) {
            return;
        }
        let queues = self.queues();
        place.is_parked.store(true, Ordering::Relaxed);
        let _queues = place.wait_for_call(queues);
        place.is_parked.store(false, Ordering::Relaxed);
    }

    /// Nothing runs in the isolate for now: its place is another's.
    pub(crate) fn leave(&self, place: &Place) {
        if place.stands(IDLE) {
            return;
        }
        if place.moves(BEGUN, IDLE) {
            self.give_begun();
        } else {
            self.remove(&mut self.queues(), place);
        }
    }

    /// What runs was told to stop: it waits no more until the next turn.
    pub(crate) fn excuse(&self, place: &Place) {
        let mut queues = self.queues();
        place.is_excused.store(true, Ordering::Relaxed);
        if place.moves(BEGUN, IDLE) {
            self.begun.fetch_sub(1, Ordering::SeqCst);
            self.let_begin(&mut queues);
        } else {
            self.remove(&mut queues, place);
        }
    }

    /// A tick of the sampler: these isolates have a turn that goes on. Says whether anybody waits.
    pub(crate) fn take_turns(&self, busy: &[Arc<Place>]) -> bool {
        let mut queues = self.queues();
        for place in busy {
            place.is_busy.store(true, Ordering::Relaxed);
        }
        queues.forget(|place| !place.is_busy.load(Ordering::Relaxed));
        for _ in 0..queues.waiting.len().min(queues.running.len()) {
            queues.stop_first();
        }
        for place in busy {
            place.is_busy.store(false, Ordering::Relaxed);
            // Under the lock, so that none is taken up that has just been excused.
            if !place.is_excused.load(Ordering::Relaxed) {
                self.take_up(&mut queues, place);
            }
        }
        queues.fill(self.processors);
        self.let_begin(&mut queues);
        !queues.waiting.is_empty() || !queues.beginning.is_empty()
    }

    fn take_up(&self, queues: &mut Queues, place: &Arc<Place>) {
        if place.moves(BEGUN, GOES_ON) {
            self.begun.fetch_sub(1, Ordering::SeqCst);
        } else if !place.moves(IDLE, GOES_ON) {
            return;
        }
        place.waits.store(true, Ordering::Relaxed);
        queues.waiting.push_back(Arc::clone(place));
    }

    /// Counts one more that has begun, if one may.
    fn take_begun(&self) -> bool {
        let most = self.processors * BEGUN_PER_PROCESSOR;
        let more = |begun| (begun < most).then_some(begun + 1);
        self.begun.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    /// One that had begun ended.
    fn give_begun(&self) {
        self.begun.fetch_sub(1, Ordering::SeqCst);
        // Who queues up counts itself there first, and then looks whether it may begin.
        if self.beginning.load(Ordering::SeqCst) > 0 {
            self.let_begin(&mut self.queues());
        }
    }

    fn let_begin(&self, queues: &mut Queues) {
        while !queues.beginning.is_empty() && self.take_begun() {
            let Some(place) = queues.beginning.pop_front() else { return };
            self.beginning.fetch_sub(1, Ordering::SeqCst);
            place.standing.store(BEGUN, Ordering::SeqCst);
            place.call();
        }
    }

    /// Takes it out of the queue that it is in.
    fn remove(&self, queues: &mut Queues, place: &Place) {
        let before = queues.beginning.len();
        queues.beginning.retain(|other| !std::ptr::eq(place, Arc::as_ptr(other)));
        if queues.beginning.len() < before {
            self.beginning.fetch_sub(1, Ordering::SeqCst);
            place.standing.store(IDLE, Ordering::SeqCst);
            place.call();
        }
        queues.forget(|other| std::ptr::eq(place, other));
        queues.fill(self.processors);
    }
}

impl Queues {
    /// Takes some out of those that go on.
    fn forget(&mut self, is_meant: impl Fn(&Place) -> bool) {
        let stays = |place: &Arc<Place>| {
            let is_meant = is_meant(place);
            if is_meant {
                place.standing.store(IDLE, Ordering::SeqCst);
                place.call();
            }
            !is_meant
        };
        self.running.retain(stays);
        self.waiting.retain(stays);
    }

    /// Who has run for longest is to wait.
    fn stop_first(&mut self) {
        if let Some(place) = self.running.pop_front() {
            place.waits.store(true, Ordering::Relaxed);
            self.waiting.push_back(place);
        }
    }

    /// Gives the free places to those who have waited for longest.
    fn fill(&mut self, places: usize) {
        while self.running.len() < places {
            let Some(place) = self.waiting.pop_front() else { return };
            place.call();
            self.running.push_back(place);
        }
    }
}

#[cfg(test)]
mod tests;
