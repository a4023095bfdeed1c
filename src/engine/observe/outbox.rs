//! What a session has to tell its host beside answers: console entries, errors that nobody caught.
//!
//! The isolate's thread puts reports in, the host's thread takes them out in batches and says when it
//! is done with them. So much may be under way and no more: a guest that logs in a loop must not fill
//! the host's memory, nor keep its event loop from other work. When that much is under way, the guest
//! waits: its messages are worth more than its time, and the time counts towards its own deadline. A
//! host that does nothing at all for `PATIENCE` is busy with something else, and the guest is not to
//! blame: from then on reports are dropped, and counted, until the host goes on.
//!
//! Lock order: one lock, held for moments; `send` is called without it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::error::EngineError;

/// Reports that may be under way to the host.
const MOST_REPORTS: usize = 512;
/// How large they may be together, in bytes; one that is larger by itself goes alone.
const MOST_BYTES: usize = 1 << 20;
/// Reports that the host gets at once.
const BATCH_REPORTS: usize = 64;
/// How long the guest waits for a host that takes nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a waiting guest looks whether it was told to stop.
const LOOK_AROUND: Duration = Duration::from_millis(10);

/// One thing to tell.
#[derive(Debug)]
pub enum Report {
    /// A call of a `console` method, as JSON: see `observe::console`.
    Console(String),
    /// An error that nobody caught.
    Uncaught(Uncaught),
    /// Reports that came after what was told before were dropped.
    Dropped {
        /// Console entries.
        entries: u64,
        /// Errors that nobody caught.
        errors: u64,
    },
}

/// An error that nobody caught.
#[derive(Debug)]
pub struct Uncaught {
    /// `rejection` of a promise, or `exception` thrown in a callback that V8 or the host called.
    pub kind: &'static str,
    /// What was thrown.
    pub error: EngineError,
    /// What caused it: `eval`, `call`, `import`, `start`, or `detached` when that was answered before.
    pub origin: &'static str,
    /// The source's name, or the path that was called; none when it is not known.
    pub name: Option<String>,
    /// So many more promises of that turn were rejected, which are not told of one by one.
    pub more: u64,
}

impl Report {
    /// What it weighs, in bytes: about what it takes in memory.
    fn weight(&self) -> usize {
        match self {
            Self::Console(json) => json.len(),
            Self::Uncaught(Uncaught { error: EngineError::Guest(exception), .. }) => {
                exception.message.len() + exception.stack.len() + exception.encoded.len()
            }
            Self::Uncaught(_) | Self::Dropped { .. } => 0,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// One for each `send` that the host has not answered.
    batches: VecDeque<Vec<Report>>,
    /// Under way: in the batches, or taken and not done.
    reports: usize,
    bytes: usize,
    dropped_entries: u64,
    dropped_errors: u64,
    /// The host took nothing for `PATIENCE`: nobody waits for it until it does.
    lags: bool,
}

impl State {
    fn has_room(&self, bytes: usize) -> bool {
        self.reports == 0 || (self.reports < MOST_REPORTS && self.bytes + bytes <= MOST_BYTES)
    }

    /// Says whether the host has to be told of a new batch.
    fn insert(&mut self, report: Report) -> bool {
        self.reports += 1;
        self.bytes += report.weight();
        match self.batches.back_mut() {
            Some(batch) if batch.len() < BATCH_REPORTS => {
                batch.push(report);
                false
            }
            _ => {
                self.batches.push_back(vec![report]);
                true
            }
        }
    }

    /// Puts a mark where reports are missing. Says whether the host has to be told of a new batch.
    fn insert_dropped(&mut self) -> bool {
        let (entries, errors) = (self.dropped_entries, self.dropped_errors);
        if entries + errors == 0 {
            return false;
        }
        self.dropped_entries = 0;
        self.dropped_errors = 0;
        self.insert(Report::Dropped { entries, errors })
    }

    fn drop_report(&mut self, report: &Report) {
        match report {
            Report::Console(_) => self.dropped_entries += 1,
            Report::Uncaught(uncaught) => self.dropped_errors += 1 + uncaught.more,
            Report::Dropped { .. } => {}
        }
    }
}

/// Reports under way from one isolate to its host.
pub struct Outbox {
    state: Mutex<State>,
    room: Condvar,
    send: Box<dyn Fn(Arc<Outbox>) + Send + Sync>,
}

impl Outbox {
    /// `send` is called once for each batch, on any thread, and must not block; the host then calls
    /// `take` once for each time, in the same order.
    pub fn new(send: impl Fn(Arc<Outbox>) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), room: Condvar::new(), send: Box::new(send) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a report in. May wait for the host, unless `is_stopped`.
    pub(crate) fn push(self: &Arc<Self>, report: Report, is_stopped: impl Fn() -> bool) {
        let bytes = report.weight();
        let mut waited_since = None;
        let mut state = self.state();
        while !state.has_room(bytes) {
            let since = *waited_since.get_or_insert_with(Instant::now);
            if state.lags || since.elapsed() >= PATIENCE {
                state.lags = true;
                state.drop_report(&report);
                return;
            }
            drop(state);
            let stopped = is_stopped();
            state = self.state();
            if stopped {
                state.drop_report(&report);
                return;
            }
            // Whoever takes something in between is not missed for long.
            let waited = self.room.wait_timeout(state, LOOK_AROUND);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let mark = state.insert_dropped();
        let batch = state.insert(report);
        drop(state);
        for _ in 0..usize::from(mark) + usize::from(batch) {
            (self.send)(Arc::clone(self));
        }
    }

    /// The next batch, and what it weighs.
    pub fn take(&self) -> (Vec<Report>, usize) {
        let batch = self.state().batches.pop_front().unwrap_or_default();
        let bytes = batch.iter().map(Report::weight).sum();
        (batch, bytes)
    }

    /// The host is done with so many reports, of that weight together.
    pub fn done(self: &Arc<Self>, reports: usize, bytes: usize) {
        let mut state = self.state();
        state.reports = state.reports.saturating_sub(reports);
        state.bytes = state.bytes.saturating_sub(bytes);
        state.lags = false;
        // Of a guest that went silent meanwhile nothing else would tell.
        let tells = state.batches.is_empty() && state.insert_dropped();
        drop(state);
        self.room.notify_all();
        if tells {
            (self.send)(Arc::clone(self));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn outbox() -> (Arc<Outbox>, Arc<AtomicUsize>) {
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let outbox = Outbox::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        (outbox, sent)
    }

    fn entry(text: &str) -> Report {
        Report::Console(text.to_owned())
    }

    fn shown(batch: &[Report]) -> Vec<String> {
        batch
            .iter()
            .map(|report| match report {
                Report::Console(text) => text.clone(),
                Report::Dropped { entries, errors } => format!("{entries}+{errors} dropped"),
                Report::Uncaught(_) => "uncaught".to_owned(),
            })
            .collect()
    }

    #[test]
    fn reports_come_in_order_and_in_batches_of_which_each_is_announced_once() {
        let (outbox, sent) = outbox();
        for index in 0..=BATCH_REPORTS {
            outbox.push(entry(&index.to_string()), || false);
        }
        assert_eq!(sent.load(Ordering::Relaxed), 2);
        let (first, bytes) = outbox.take();
        assert_eq!(first.len(), BATCH_REPORTS);
        assert_eq!(bytes, 10 + 54 * 2);
        assert_eq!(shown(&outbox.take().0), [BATCH_REPORTS.to_string()]);
        assert!(outbox.take().0.is_empty());
    }

    #[test]
    fn who_is_told_to_stop_does_not_wait_and_what_is_missing_is_counted_in_its_place() {
        let (outbox, sent) = outbox();
        for _ in 0..MOST_REPORTS {
            outbox.push(entry("kept"), || false);
        }
        outbox.push(entry("lost"), || true);
        outbox.push(entry("lost"), || true);
        let taken = (0..sent.load(Ordering::Relaxed)).map(|_| outbox.take()).collect::<Vec<_>>();
        assert_eq!(taken.iter().map(|(batch, _)| batch.len()).sum::<usize>(), MOST_REPORTS);
        // Taken is not done: there is no room yet.
        outbox.push(entry("lost"), || true);
        for (batch, bytes) in &taken[1..] {
            outbox.done(batch.len(), *bytes);
        }
        outbox.push(entry("later"), || false);
        assert_eq!(shown(&outbox.take().0), ["3+0 dropped", "later"]);
    }

    #[test]
    fn a_guest_that_went_silent_is_told_of_all_the_same() {
        let (outbox, sent) = outbox();
        outbox.push(entry(&"x".repeat(MOST_BYTES + 1)), || false);
        outbox.push(entry("lost"), || true);
        let (batch, bytes) = outbox.take();
        assert_eq!(sent.load(Ordering::Relaxed), 1);
        outbox.done(batch.len(), bytes);
        assert_eq!(sent.load(Ordering::Relaxed), 2);
        assert_eq!(shown(&outbox.take().0), ["1+0 dropped"]);
    }

    #[test]
    fn a_guest_waits_for_its_host() {
        let (outbox, _) = outbox();
        for _ in 0..MOST_REPORTS {
            outbox.push(entry("x"), || false);
        }
        let host = Arc::clone(&outbox);
        let looked = AtomicUsize::new(0);
        // The host goes on when the guest is seen waiting.
        outbox.push(entry("waited"), || {
            if looked.fetch_add(1, Ordering::Relaxed) == 0 {
                let (batch, bytes) = host.take();
                host.done(batch.len(), bytes);
            }
            false
        });
        assert_eq!(looked.load(Ordering::Relaxed), 1);
        let rest = std::iter::from_fn(|| Some(outbox.take().0).filter(|batch| !batch.is_empty()));
        assert_eq!(shown(&rest.flatten().collect::<Vec<_>>()).last().map(String::as_str), Some("waited"));
    }

    #[test]
    fn a_host_that_does_nothing_is_waited_for_once() {
        let (outbox, _) = outbox();
        for _ in 0..MOST_REPORTS {
            outbox.push(entry("x"), || false);
        }
        let started = Instant::now();
        for _ in 0..1000 {
            outbox.push(entry("lost"), || false);
        }
        assert!(started.elapsed() >= PATIENCE);
        assert!(started.elapsed() < PATIENCE * 3);
        let (batch, bytes) = outbox.take();
        outbox.done(batch.len(), bytes);
        outbox.push(entry("later"), || false);
        let rest = std::iter::from_fn(|| Some(outbox.take().0).filter(|batch| !batch.is_empty()));
        let rest = shown(&rest.flatten().collect::<Vec<_>>());
        assert_eq!(&rest[rest.len() - 2..], ["1000+0 dropped", "later"]);
    }
}
