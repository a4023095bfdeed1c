//! Isolates that are restored and wait for a session: what `prewarm` holds ready.
//!
//! A pool belongs to one snapshot in one JavaScript environment. It hands each isolate to one session
//! and makes another, off the critical path: one at a time, and only some time after the session was
//! told that its isolate is ready. Nothing that is under way holds the pool: when it is dropped or closed, its
//! isolates are disposed, and one that is being restored follows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::engine::error::{EngineError, Result};
use crate::engine::handle::{IsolateHandle, Seed, SessionOptions, check_memory_limit};
use crate::engine::lifecycle::{CallId, Reply, Settle};
use crate::engine::limits::alarm::{Alarm, arm};
use crate::engine::snapshot::Snapshot;

/// A session's first call has so much time before another isolate is made. Restoring takes a whole core
/// and the process's memory map for some milliseconds, which slows a call beside it two or three times.
const REFILL_AFTER: Duration = Duration::from_millis(20);

/// Told once when as many isolates are ready as were asked for, or why they can't be.
pub type Done = Box<dyn FnOnce(Result<()>) + Send>;

#[derive(Default)]
struct State {
    /// How many isolates to hold ready.
    target: usize,
    /// The memory limit they are made with, in MiB.
    memory_limit_mb: u64,
    ready: Vec<IsolateHandle>,
    is_restoring: bool,
    /// Rings when isolates that were taken are to be made again.
    refill: Option<Alarm>,
    /// So many more have to be restored before those who wait are told.
    missing: usize,
    waiting: Vec<Done>,
}

/// Isolates of one snapshot, ready for sessions.
pub struct Pool {
    snapshot: Option<Arc<Snapshot>>,
    state: Mutex<State>,
    this: Weak<Self>,
}

impl Pool {
    /// An empty pool.
    pub fn new(snapshot: Option<Arc<Snapshot>>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self { snapshot, state: Mutex::default(), this: Weak::clone(this) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seed(&self, memory_limit_mb: u64) -> Seed {
        Seed { snapshot: self.snapshot.clone(), memory_limit_mb }
    }

    /// From now on holds `count` isolates ready. `done` is told when they are, and when those that are
    /// not wanted any more have given their memory back.
    ///
    /// # Errors
    /// `InvalidArg` when the memory limit is too small for the snapshot.
    pub fn hold(&self, count: usize, memory_limit_mb: u64, done: Done) -> Result<()> {
        check_memory_limit(&self.seed(memory_limit_mb))?;
        let unwanted = {
            let mut state = self.state();
            let keep = if memory_limit_mb == state.memory_limit_mb { count } else { 0 };
            state.target = count;
            state.memory_limit_mb = memory_limit_mb;
            let keep = keep.min(state.ready.len());
            state.ready.split_off(keep)
        };
        let this = Weak::clone(&self.this);
        let last = Finally::new(move || match this.upgrade() {
            Some(pool) => pool.fill(done),
            None => done(Err(EngineError::Disposed { cause: None })),
        });
        // Nobody locks it: shared ownership between threads asks for it.
        let last = Arc::new(Mutex::new(last));
        for isolate in unwanted {
            let last = Arc::clone(&last);
            isolate.dispose(move || drop(last));
        }
        Ok(())
    }

    /// Starts an isolate for a session: one that is ready, or else a fresh one. `started` is settled as
    /// request `call` when it has the session's globals and host functions: at once, if there are none and
    /// one is ready.
    ///
    /// # Errors
    /// `InvalidArg` when the memory limit is too small for the snapshot.
    pub fn start(
        &self,
        memory_limit_mb: u64,
        session: SessionOptions,
        call: CallId,
        started: Settle,
    ) -> Result<IsolateHandle> {
        let this = Weak::clone(&self.this);
        let refill = Finally::new(move || {
            if let Some(pool) = this.upgrade() {
                pool.refill_later();
            }
        });
        let started: Settle = Box::new(move |reply| {
            started(reply);
            drop(refill);
        });
        match self.take(memory_limit_mb) {
            Some(isolate) if session.is_plain() => {
                // Two wake-ups less, a good part of what such a session's first result takes. An isolate that
                // is lost nevertheless says so to the session's first request.
                isolate.prepare(session, call, Box::new(drop));
                started(Ok(Reply::Started));
                Ok(isolate)
            }
            Some(isolate) => {
                isolate.prepare(session, call, started);
                Ok(isolate)
            }
            None => IsolateHandle::start(self.seed(memory_limit_mb), session, call, started),
        }
    }

    /// How many isolates are ready now.
    pub fn ready(&self) -> usize {
        self.state().ready.len()
    }

    /// Lets go of everything, without a word to those who wait: their environment ends.
    pub fn close(&self) {
        let gone = std::mem::take(&mut *self.state());
        // Outside of the lock: it disposes them.
        drop(gone);
    }

    fn take(&self, memory_limit_mb: u64) -> Option<IsolateHandle> {
        let mut state = self.state();
        if memory_limit_mb != state.memory_limit_mb {
            return None;
        }
        let mut dead = Vec::new();
        let taken = loop {
            match state.ready.pop() {
                Some(isolate) if isolate.is_finished() => dead.push(isolate),
                taken => break taken,
            }
        };
        drop(state);
        drop(dead);
        taken
    }

    fn fill(&self, done: Done) {
        let mut state = self.state();
        state.missing = state.target.saturating_sub(state.ready.len());
        state.waiting.push(done);
        tell_if_full(state);
        self.restore_next();
    }

    fn refill_later(&self) {
        let mut state = self.state();
        // Put off no further by later sessions: there may be no end of them.
        if state.refill.is_some() || state.ready.len() >= state.target {
            return;
        }
        let this = Weak::clone(&self.this);
        state.refill = Some(arm(Instant::now() + REFILL_AFTER, move || {
            if let Some(pool) = this.upgrade() {
                pool.state().refill = None;
                pool.restore_next();
            }
        }));
    }

    fn restore_next(&self) {
        let memory_limit_mb = {
            let mut state = self.state();
            if state.is_restoring || state.ready.len() >= state.target {
                return;
            }
            state.is_restoring = true;
            state.memory_limit_mb
        };
        let this = Weak::clone(&self.this);
        let begun = IsolateHandle::restore(self.seed(memory_limit_mb), move |outcome| {
            if let Some(pool) = this.upgrade() {
                pool.restored(memory_limit_mb, outcome);
            }
        });
        if let Err(error) = begun {
            self.restored(memory_limit_mb, Err(error));
        }
    }

    fn restored(&self, memory_limit_mb: u64, outcome: Result<IsolateHandle>) {
        let mut state = self.state();
        state.is_restoring = false;
        let unwanted = match outcome {
            Ok(isolate) if memory_limit_mb == state.memory_limit_mb && state.ready.len() < state.target => {
                state.ready.push(isolate);
                state.missing = state.missing.saturating_sub(1);
                None
            }
            Ok(isolate) => Some(isolate),
            // The next session that starts has it tried again.
            Err(error) => {
                let waiting = std::mem::take(&mut state.waiting);
                drop(state);
                for done in waiting {
                    done(Err(error.clone()));
                }
                return;
            }
        };
        tell_if_full(state);
        drop(unwanted);
        self.restore_next();
    }
}

/// Tells those who wait, without the lock, once nothing is missing.
fn tell_if_full(mut state: MutexGuard<'_, State>) {
    if state.missing > 0 {
        return;
    }
    let waiting = std::mem::take(&mut state.waiting);
    drop(state);
    for done in waiting {
        done(Ok(()));
    }
}

/// Does something when it is dropped.
struct Finally<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Finally<F> {
    fn new(work: F) -> Self {
        Self(Some(work))
    }
}

impl<F: FnOnce()> Drop for Finally<F> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            work();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn an_isolate_that_died_while_it_waited_is_given_to_nobody() {
        let pool = Pool::new(None);
        let (sender, told) = mpsc::channel();
        pool.hold(2, 16, Box::new(move |outcome| drop(sender.send(outcome)))).expect("a large enough limit");
        told.recv().expect("told").expect("held");
        let dead = {
            let state = pool.state();
            let dead = state.ready.last().expect("two are ready");
            dead.dispose(|| ());
            dead.id()
        };
        let taken = pool.take(16).expect("the other one lives");
        assert_ne!(taken.id(), dead);
        assert!(!taken.is_finished());
        assert!(pool.take(16).is_none());
    }
}
