//! Who runs when more guests are busy than there are processors.
//!
//! Isolates share locks: V8's over its pool of pages and its queue of compilations, the C library's over its
//! memory. Of hundreds of busy threads the system stops some while they hold one, everybody else
//! waits for those, and for seconds some guests get nothing. V8's own threads, which compile for all, get a
//! hundredth of a processor. So of the turns that go on for longer than the sampler's tick only a few
//! run at a time, and the rest wait, each in the middle of its guest's code, where it holds no lock. With every
//! tick those that have run longest make room for those that have waited longest.
//!
//! A turn that ends sooner never waits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

/// An isolate, as the rota knows it.
#[derive(Default)]
pub(crate) struct Place {
    /// It is in one of the rota's queues.
    is_known: AtomicBool,
    /// It is to wait.
    waits: AtomicBool,
    /// Its thread waits.
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
}

#[derive(Default)]
struct Queues {
    /// Those that may run, who has for longest first.
    running: VecDeque<Arc<Place>>,
    /// Those that wait, who has for longest first.
    waiting: VecDeque<Arc<Place>>,
}

pub(crate) struct Rota {
    /// One for each processor.
    places: usize,
    queues: Mutex<Queues>,
}

/// The one of this process.
pub(crate) fn rota() -> &'static Rota {
    static ROTA: OnceLock<Rota> = OnceLock::new();
    ROTA.get_or_init(|| Rota::new(thread::available_parallelism().map_or(1, usize::from)))
}

impl Rota {
    fn new(places: usize) -> Self {
        Self { places, queues: Mutex::default() }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tick of the sampler: these isolates have a turn that goes on.
    pub(crate) fn take_turns(&self, busy: &[Arc<Place>]) {
        let mut queues = self.queues();
        for place in busy {
            place.is_busy.store(true, Ordering::Relaxed);
        }
        queues.forget(|place| !place.is_busy.load(Ordering::Relaxed));
        let moved = queues.waiting.len().min(queues.running.len());
        for _ in 0..moved {
            queues.stop_first();
        }
        for place in busy {
            place.is_busy.store(false, Ordering::Relaxed);
            // Under the lock, so that none is taken up that has just been excused.
            if !place.is_excused.load(Ordering::Relaxed) && !place.is_known.swap(true, Ordering::Relaxed) {
                place.waits.store(true, Ordering::Relaxed);
                queues.waiting.push_back(Arc::clone(place));
            }
        }
        queues.fill(self.places);
    }

    /// On the isolate's thread: waits if it is not its turn.
    pub(crate) fn wait(&self, place: &Place) {
        if !place.waits.load(Ordering::Relaxed) {
            return;
        }
        let mut queues = self.queues();
        place.is_parked.store(true, Ordering::Relaxed);
        while place.waits.load(Ordering::Relaxed) {
            queues = place.called.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
        place.is_parked.store(false, Ordering::Relaxed);
    }

    /// A turn begins.
    pub(crate) fn begin(&self, place: &Place) {
        self.leave(place);
        place.is_excused.store(false, Ordering::Relaxed);
    }

    /// Nothing runs in the isolate for now: its place is another's.
    pub(crate) fn leave(&self, place: &Place) {
        if place.is_known.load(Ordering::Relaxed) {
            self.remove(&mut self.queues(), place);
        }
    }

    /// What runs was told to stop: it waits no more until the next turn.
    pub(crate) fn excuse(&self, place: &Place) {
        let mut queues = self.queues();
        place.is_excused.store(true, Ordering::Relaxed);
        self.remove(&mut queues, place);
    }

    fn remove(&self, queues: &mut Queues, place: &Place) {
        queues.forget(|other| std::ptr::eq(place, other));
        queues.fill(self.places);
    }
}

impl Queues {
    fn forget(&mut self, is_meant: impl Fn(&Place) -> bool) {
        let stays = |place: &Arc<Place>| {
            let is_meant = is_meant(place);
            if is_meant {
                place.is_known.store(false, Ordering::Relaxed);
                call(place);
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
            call(&place);
            self.running.push_back(place);
        }
    }
}

fn call(place: &Place) {
    place.waits.store(false, Ordering::Relaxed);
    place.called.notify_one();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places<const N: usize>() -> [Arc<Place>; N] {
        std::array::from_fn(|_| Arc::default())
    }

    fn running(places: &[Arc<Place>]) -> Vec<usize> {
        (0..places.len()).filter(|at| !places[*at].waits.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn nobody_waits_while_there_are_places() {
        let rota = Rota::new(3);
        let all = places::<3>();
        for _ in 0..3 {
            rota.take_turns(&all);
            assert_eq!(running(&all), [0, 1, 2]);
        }
    }

    #[test]
    fn all_take_turns_and_each_gets_as_many() {
        let rota = Rota::new(2);
        let all = places::<5>();
        let mut turns = [0; 5];
        for _ in 0..50 {
            rota.take_turns(&all);
            let now = running(&all);
            assert_eq!(now.len(), 2);
            for at in now {
                turns[at] += 1;
            }
        }
        assert_eq!(turns, [20; 5]);
    }

    #[test]
    fn who_ends_or_waits_for_the_host_makes_room_at_once() {
        let rota = Rota::new(1);
        let all = places::<3>();
        rota.take_turns(&all);
        assert_eq!(running(&all), [0]);
        rota.leave(&all[0]);
        assert_eq!(running(&all), [0, 1]);
        rota.leave(&all[2]);
        rota.leave(&all[1]);
        assert_eq!(running(&all), [0, 1, 2]);
        assert!(rota.queues().running.is_empty());
    }

    #[test]
    fn who_was_told_to_stop_runs_until_its_next_turn() {
        let rota = Rota::new(1);
        let all = places::<2>();
        rota.take_turns(&all);
        rota.excuse(&all[1]);
        rota.take_turns(&all);
        assert_eq!(running(&all), [0, 1]);
        rota.begin(&all[1]);
        rota.take_turns(&all);
        assert_eq!(running(&all).len(), 1);
    }

    #[test]
    fn who_is_no_longer_busy_is_forgotten_at_the_next_tick() {
        let rota = Rota::new(1);
        let all = places::<3>();
        rota.take_turns(&all);
        rota.take_turns(&all[1..]);
        let queues = rota.queues();
        assert_eq!(queues.running.len() + queues.waiting.len(), 2);
        assert!(!all[0].waits.load(Ordering::Relaxed));
    }

    #[test]
    fn a_thread_waits_until_it_is_called() {
        let rota = Rota::new(1);
        let all = places::<2>();
        rota.take_turns(&all);
        thread::scope(|threads| {
            let waiting = threads.spawn(|| rota.wait(&all[1]));
            while !all[1].is_parked() {
                thread::yield_now();
            }
            assert!(!waiting.is_finished());
            rota.leave(&all[0]);
        });
        assert!(!all[1].is_parked());
    }
}
