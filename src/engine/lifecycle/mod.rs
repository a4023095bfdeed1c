//! The life of one isolate as its host sees it: which calls are pending, what runs now, whether it
//! is finished. `Send + Sync`, shared by the handle, the isolate's thread and the alarms.
//!
//! Invariants:
//! - a call is settled exactly once, by whoever takes it out of `pending` first;
//! - callbacks of the host run outside the lock;
//! - V8 is told to terminate only under the lock and only while a turn runs, and the end of that
//!   turn takes the termination back: no later turn ever feels it;
//! - turns nest where a guest's call of the host blocks the thread (`engine::sync_call`): a stop of one
//!   is a stop of those within it, and only of those;
//! - once `finished` is set it never changes, and every later call is refused with it.

mod turns;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::engine::error::{EngineError, Result};
use crate::engine::inbox::Sender;
use crate::engine::inspector::Port;
use crate::engine::lifecycle::turns::{CpuLimit, Turn};
use crate::engine::limits::alarm::{Alarm, arm};
use crate::engine::limits::cpu::ThreadClock;
use crate::engine::limits::deadline::Deadline;
use crate::engine::limits::rota::{Place, rota};
use crate::engine::state::Exported;
use crate::engine::stats::IsolateStats;
pub(crate) use crate::engine::stop::Stop;
use crate::engine::value::Moved;
use crate::engine::value::transfer::Announced;
use crate::engine::verify::digest::Digest;

/// A request of the host, unique in its isolate.
pub type CallId = u64;

/// What answers a request.
#[derive(Debug)]
pub enum Reply {
    /// The isolate is ready.
    Started,
    /// The encoded result of an evaluation or a call.
    Value(Vec<u8>),
    /// The isolate's figures.
    Stats(Box<IsolateStats>),
    /// What is reachable in the session, see `engine::verify`.
    Digest(Box<Digest>),
    /// The state, written down.
    State(Box<Exported>),
    /// Done, and there is nothing to say.
    Done,
    /// The encoded result of an evaluation or a call, and the buffers that moved with it.
    Moved(Vec<u8>, Vec<Moved>),
}

/// Called once with the answer to a request, on any thread, without any lock held.
pub type Settle = Box<dyn FnOnce(Result<Reply>) + Send>;
type Exit = Box<dyn FnOnce() + Send>;
type Interrupt = unsafe extern "C" fn(v8::UnsafeRawIsolatePtr, *mut std::ffi::c_void);

struct Pending {
    settle: Settle,
    timeout: Option<Duration>,
    deadline: Option<Deadline>,
}

#[derive(Default)]
struct State {
    v8: Option<v8::IsolateHandle>,
    pending: HashMap<CallId, Pending>,
    /// The innermost last.
    turns: Vec<Turn>,
    turns_begun: u64,
    finished: Option<EngineError>,
    has_exited: bool,
    on_exit: Vec<Exit>,
    /// The time limit of turns that no request owns.
    detached_timeout: Option<Duration>,
    /// Of the isolate's thread, where the system has one.
    clock: Option<ThreadClock>,
    cpu_limit: Option<CpuLimit>,
    /// How many times over the clock of all requests stands still.
    clock_stops: u32,
}

impl State {
    /// The outermost turn that works for a request.
    fn turn_of(&self, call: CallId) -> Option<usize> {
        self.turns.iter().position(|turn| turn.owner == Some(call))
    }

    fn turn_numbered(&self, number: u64) -> Option<usize> {
        self.turns.iter().position(|turn| turn.number == number)
    }

    /// What the isolate's thread has used of the processor.
    fn cpu(&self) -> Option<Duration> {
        self.clock.as_ref().and_then(ThreadClock::read)
    }

    fn deadlines(&mut self) -> impl Iterator<Item = &mut Deadline> {
        let of_turns = self.turns.iter_mut().filter_map(|turn| turn.deadline.as_mut());
        self.pending.values_mut().filter_map(|pending| pending.deadline.as_mut()).chain(of_turns)
    }
}

pub(crate) struct Lifecycle {
    state: Mutex<State>,
    /// The number of the turn that runs, zero for none; read without the lock.
    running: AtomicU64,
    limit_mb: u64,
    /// Wakes the thread where it waits for the host.
    thread: Sender,
    /// Where the host's debuggers reach the isolate's thread.
    port: Port,
    /// Where it stands among those that want to run.
    place: Arc<Place>,
    /// For alarms, which must not keep a finished isolate's state alive.
    this: Weak<Lifecycle>,
    /// What moves with requests and answers that are under way.
    pub(crate) announced: Announced,
}

impl Lifecycle {
    pub(crate) fn new(limit_mb: u64, thread: Sender) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            state: Mutex::default(),
            running: AtomicU64::new(0),
            limit_mb,
            thread,
            port: Port::default(),
            place: Arc::default(),
            this: Weak::clone(this),
            announced: Announced::default(),
        })
    }

    /// Sets the time limit of turns that no request owns; there is none before.
    pub(crate) fn limit_detached(&self, timeout: Option<Duration>) {
        self.state().detached_timeout = timeout;
    }

    /// From now on the isolate's thread may use so much CPU time. A system without a clock for it has no
    /// such limit.
    pub(crate) fn limit_cpu(&self, limit: Duration) {
        let mut state = self.state();
        state.cpu_limit = state.cpu().map(|before| CpuLimit { before, limit });
    }

    /// The memory limit of the isolate, in bytes.
    pub(crate) fn memory_limit_bytes(&self) -> usize {
        usize::try_from(self.limit_mb << 20).unwrap_or(usize::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alarm(&self, after: Duration, ring: impl FnOnce(&Self) + Send + 'static) -> Option<Alarm> {
        let this = Weak::clone(&self.this);
        let at = Instant::now().checked_add(after)?;
        Some(arm(at, move || {
            if let Some(this) = this.upgrade() {
                ring(&this);
            }
        }))
    }

    /// One that runs unless the clock stands still.
    fn deadline(
        &self,
        state: &State,
        timeout: Duration,
        ring: impl Fn(&Self) + Send + Sync + 'static,
    ) -> Deadline {
        let this = Weak::clone(&self.this);
        let mut deadline = Deadline::new(timeout, move || {
            if let Some(this) = this.upgrade() {
                ring(&this);
            }
        });
        if state.clock_stops == 0 {
            deadline.start();
        }
        deadline
    }

    /// Takes a request. Refused at once when the isolate is finished.
    pub(crate) fn submit(&self, call: CallId, timeout: Option<Duration>, settle: Settle) -> bool {
        let refusal = {
            let mut state = self.state();
            let Some(error) = &state.finished else {
                let deadline =
                    timeout.map(|timeout| self.deadline(&state, timeout, move |this| this.expire(call)));
                state.pending.insert(call, Pending { settle, timeout, deadline });
                return true;
            };
            EngineError::disposed_because(error)
        };
        settle(Err(refusal));
        false
    }

    pub(crate) fn settle(&self, call: CallId, result: Result<Reply>) {
        self.answer(call, result);
    }

    /// Settles a request; `false` when it was settled before.
    pub(crate) fn answer(&self, call: CallId, result: Result<Reply>) -> bool {
        let pending = self.state().pending.remove(&call);
        let is_pending = pending.is_some();
        if let Some(pending) = pending {
            (pending.settle)(result);
        }
        is_pending
    }

    /// This thread is the isolate's from now on.
    pub(crate) fn thread_began(&self) {
        self.state().clock = ThreadClock::of_this_thread();
    }

    /// What the isolate's thread has used of the processor for it; nothing where the system does not tell.
    pub(crate) fn cpu(&self) -> Duration {
        self.state().cpu().unwrap_or_default()
    }

    /// The isolate exists: from now on it can be terminated.
    pub(crate) fn isolate_created(&self, isolate: v8::IsolateHandle) {
        self.state().v8 = Some(isolate);
    }

    /// Has V8 call `callback` on the isolate's thread soon, in the middle of what runs there.
    pub(crate) fn interrupt(&self, callback: Interrupt) {
        if let Some(isolate) = &self.state().v8 {
            isolate.request_interrupt(callback, std::ptr::null_mut());
        }
    }

    /// Lets the time of every request stand still, until `start_clock` is called as often.
    pub(crate) fn stop_clock(&self) {
        let mut state = self.state();
        state.clock_stops += 1;
        state.deadlines().for_each(Deadline::stop);
    }

    pub(crate) fn start_clock(&self) {
        let mut state = self.state();
        state.clock_stops -= 1;
        if state.clock_stops == 0 {
            state.deadlines().for_each(Deadline::start);
        }
    }

    /// Waits on the isolate's thread for a debugger: nothing of the guest runs meanwhile, so no time
    /// runs, and nothing is to be sampled.
    pub(crate) fn wait_for_debugger<T>(&self, wait: impl FnOnce() -> T) -> T {
        let running = self.running.swap(0, Ordering::Relaxed);
        rota().leave(&self.place);
        self.stop_clock();
        let outcome = wait();
        self.start_clock();
        self.running.store(running, Ordering::SeqCst);
        outcome
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    pub(crate) fn port(&self) -> &Port {
        &self.port
    }

    /// Whether somebody still waits for the answer to a request.
    pub(crate) fn is_pending(&self, call: CallId) -> bool {
        self.state().pending.contains_key(&call)
    }

    /// The caller lost interest: the request is forgotten, and stopped when it runs.
    pub(crate) fn abort(&self, call: CallId) {
        let pending = {
            let mut state = self.state();
            if let Some(at) = state.turn_of(call) {
                self.stop_turn(&mut state, at, Stop::Aborted);
            }
            state.pending.remove(&call)
        };
        drop(pending);
    }

    /// Finishes the isolate: every pending request is told, every later one refused.
    pub(crate) fn finish(&self, why: &EngineError) {
        let pending: Vec<Pending> = {
            let mut state = self.state();
            if state.finished.is_none() {
                state.finished = Some(why.clone());
            }
            state.pending.drain().map(|(_, pending)| pending).collect()
        };
        for pending in pending {
            (pending.settle)(Err(EngineError::disposed_because(why)));
        }
        rota().excuse(&self.place);
        self.port.close();
        self.announced.clear();
    }

    /// V8 gave up on this thread, which will never return.
    pub(crate) fn lost(&self, words: &str, heap_is_full: bool) {
        let (owners, stop) = self.running_owners();
        let exists = self.state().v8.is_some();
        let is_memory = heap_is_full || stop == Some(Stop::MemoryLimit);
        let why = if is_memory {
            EngineError::MemoryLimit { limit_mb: self.limit_mb }
        } else {
            EngineError::IsolateLost { words: words.to_owned() }
        };
        for owner in owners {
            self.settle(owner, Err(why.clone()));
        }
        if !exists {
            // Whoever waits for the isolate is told why it can't be had.
            let pending = std::mem::take(&mut self.state().pending);
            for pending in pending.into_values() {
                (pending.settle)(Err(why.clone()));
            }
        }
        self.finish(&why);
        self.exited();
    }

    /// Fails the requests whose turns run, and finishes the isolate.
    pub(crate) fn finish_running(&self, why: &EngineError) {
        for owner in self.running_owners().0 {
            self.settle(owner, Err(why.clone()));
        }
        self.finish(why);
    }

    /// Disposes: pending requests are told, what runs is stopped. `done` is called when the thread
    /// has let go of the isolate, or is lost.
    pub(crate) fn dispose(&self, done: Exit) {
        self.finish(&EngineError::Disposed { cause: None });
        let mut done = Some(done);
        {
            let mut state = self.state();
            if !state.has_exited {
                self.stop_turn(&mut state, 0, Stop::Disposed);
                state.on_exit.extend(done.take());
            }
        }
        if let Some(done) = done {
            done();
        }
    }

    /// The isolate is gone, or its thread will never return.
    pub(crate) fn exited(&self) {
        let on_exit = {
            let mut state = self.state();
            state.has_exited = true;
            state.v8 = None;
            std::mem::take(&mut state.on_exit)
        };
        for done in on_exit {
            done();
        }
    }

    /// What a request to a finished isolate is told.
    pub(crate) fn refusal(&self) -> EngineError {
        match &self.state().finished {
            Some(why) => EngineError::disposed_because(why),
            None => EngineError::Disposed { cause: None },
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.state().finished.is_some()
    }

    /// How many requests wait for their answers.
    pub(crate) fn pending_requests(&self) -> usize {
        self.state().pending.len()
    }
}
