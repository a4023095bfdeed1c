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

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::engine::error::{EngineError, Result};
use crate::engine::inbox::Sender;
use crate::engine::inspector::Port;
use crate::engine::limits::alarm::{Alarm, arm};
use crate::engine::limits::cpu::ThreadClock;
use crate::engine::limits::deadline::Deadline;
use crate::engine::state::Exported;
use crate::engine::stats::IsolateStats;
pub(crate) use crate::engine::stop::Stop;
use crate::engine::stop::timeout_error;
use crate::engine::value::Moved;
use crate::engine::value::transfer::Announced;

/// How long V8 may take to stop after it was told to. An uninterruptible builtin may not stop at all.
const GRACE: Duration = Duration::from_secs(1);
/// Meanwhile it is told again this often: a termination ends where V8 returns to us, and what we do
/// then (read a thrown error, encode a result) may run guest code once more.
const TELLINGS: u32 = 10;
/// The CPU time is not looked at more often than this.
const LEAST_CPU_LOOK: Duration = Duration::from_micros(500);

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
    /// One line for each reachable property, see `engine::verify`.
    Digest(String),
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

/// What the isolate's thread may use of the processor, and what it used before that counts.
struct CpuLimit {
    clock: ThreadClock,
    before: Duration,
    limit: Duration,
}

impl CpuLimit {
    /// What is left; zero when the limit is reached.
    fn left(&self) -> Duration {
        let used = self.clock.read().unwrap_or_default().saturating_sub(self.before);
        self.limit.saturating_sub(used)
    }
}

struct Pending {
    settle: Settle,
    timeout: Option<Duration>,
    deadline: Option<Deadline>,
}

/// One stretch of guest code on the isolate's thread.
struct Turn {
    number: u64,
    /// The request that the turn works for; none for what the guest left behind.
    owner: Option<CallId>,
    stop: Option<Stop>,
    deadline: Option<Deadline>,
    grace: Option<Alarm>,
    /// Looks at the CPU time when the limit could be reached.
    cpu: Option<Alarm>,
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
            this: Weak::clone(this),
            announced: Announced::default(),
        })
    }

    /// Sets the time limit of turns that no request owns; there is none before.
    pub(crate) fn limit_detached(&self, timeout: Option<Duration>) {
        self.state().detached_timeout = timeout;
    }

    /// From now on this thread, which is the isolate's, may use so much CPU time. A system without a
    /// clock for it has no such limit.
    pub(crate) fn limit_cpu(&self, limit: Duration) {
        let Some(clock) = ThreadClock::of_this_thread() else { return };
        let before = clock.read().unwrap_or_default();
        self.state().cpu_limit = Some(CpuLimit { clock, before, limit });
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

    /// The isolate exists: from now on it can be terminated.
    pub(crate) fn isolate_created(&self, isolate: v8::IsolateHandle) {
        self.state().v8 = Some(isolate);
    }

    /// A stretch of guest code begins. `false` when its request was settled meanwhile, or the
    /// isolate finished: then nothing may run.
    pub(crate) fn begin_turn(&self, owner: Option<CallId>) -> bool {
        let mut state = self.state();
        if state.finished.is_some() || owner.is_some_and(|owner| !state.pending.contains_key(&owner)) {
            return false;
        }
        state.turns_begun += 1;
        let number = state.turns_begun;
        let deadline = match (owner, state.detached_timeout) {
            (None, Some(timeout)) => {
                Some(self.deadline(&state, timeout, move |this| this.expire_detached(number, timeout)))
            }
            _ => None,
        };
        self.running.store(number, Ordering::SeqCst);
        let cpu = state.cpu_limit.as_ref().and_then(|limit| self.cpu_alarm(number, limit.left()));
        state.turns.push(Turn { number, owner, stop: None, deadline, grace: None, cpu });
        true
    }

    /// The number of the turn that runs, unique in the isolate; zero when none does.
    pub(crate) fn running_turn(&self) -> u64 {
        self.running.load(Ordering::SeqCst)
    }

    /// The innermost stretch ended. Says whether it was stopped, and takes the termination back, unless
    /// the turn around it was stopped, too.
    pub(crate) fn end_turn(&self) -> Option<Stop> {
        self.running.store(0, Ordering::Relaxed);
        let mut state = self.state();
        let mut stop = state.turns.pop().and_then(|turn| turn.stop);
        if let Some(around) = state.turns.last() {
            self.running.store(around.number, Ordering::Relaxed);
        }
        let may_go_on = stop.is_none_or(|stop| !stop.is_final());
        if may_go_on && state.cpu_limit.as_ref().is_some_and(|limit| limit.left().is_zero()) {
            stop = Some(Stop::CpuLimit);
            state.turns.iter_mut().for_each(|turn| turn.stop = stop);
        }
        if stop.is_some() {
            let is_around_stopped = state.turns.last().is_some_and(|turn| turn.stop.is_some());
            if let Some(isolate) = &state.v8 {
                isolate.cancel_terminate_execution();
                if is_around_stopped {
                    isolate.terminate_execution();
                }
            }
            if !is_around_stopped {
                self.port.turn_ended();
            }
        }
        stop
    }

    /// Whether the turn that runs was told to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.state().turns.last().is_some_and(|turn| turn.stop.is_some())
    }

    /// Whether a turn of this request runs, or waits for the host.
    pub(crate) fn is_running(&self, call: CallId) -> bool {
        self.state().turn_of(call).is_some()
    }

    /// The guest waits for the host: nothing of it runs until `resume`.
    pub(crate) fn pause(&self) {
        self.running.store(0, Ordering::Relaxed);
    }

    pub(crate) fn resume(&self) {
        let number = self.state().turns.last().map_or(0, |turn| turn.number);
        self.running.store(number, Ordering::SeqCst);
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
        self.stop_clock();
        let outcome = wait();
        self.start_clock();
        self.running.store(running, Ordering::SeqCst);
        outcome
    }

    pub(crate) fn port(&self) -> &Port {
        &self.port
    }

    /// Whether somebody still waits for the answer to a request.
    pub(crate) fn is_pending(&self, call: CallId) -> bool {
        self.state().pending.contains_key(&call)
    }

    /// What a request is told whose turn was stopped.
    pub(crate) fn stop_error(&self, stop: Stop) -> EngineError {
        let cpu_limit = self.state().cpu_limit.as_ref().map(|limit| limit.limit).unwrap_or_default();
        stop.error(self.limit_mb, cpu_limit)
    }

    /// Tells the guest that runs now to stop, from any thread.
    pub(crate) fn stop_running(&self, stop: Stop) {
        self.stop_turn(&mut self.state(), 0, stop);
    }

    /// Stops a turn with all that run within it.
    fn stop_turn(&self, state: &mut State, at: usize, stop: Stop) {
        let State { turns, v8, .. } = state;
        let Some(&Turn { number, owner, .. }) = turns.get(at) else { return };
        for turn in &mut turns[at..] {
            let is_same = turn.number == number || (owner.is_some() && turn.owner == owner);
            // What finishes the isolate outranks what leaves it usable.
            if turn.stop.is_none_or(|before| stop.is_final() && !before.is_final()) {
                turn.stop = Some(if is_same || stop.is_final() { stop } else { Stop::Enclosing });
            }
        }
        let turn = &mut turns[at];
        if turn.grace.is_none() {
            turn.grace = self.grace_alarm(number, 1);
        }
        if let Some(isolate) = v8 {
            isolate.terminate_execution();
        }
        // Only now: who comes back from waiting must feel the termination.
        self.thread.ring();
        self.port.turn_stops();
    }

    fn expire(&self, call: CallId) {
        let pending = {
            let mut state = self.state();
            let Some(timeout) = state.pending.get(&call).and_then(|pending| pending.timeout) else { return };
            if let Some(at) = state.turn_of(call) {
                // The turn's end settles the call.
                self.stop_turn(&mut state, at, Stop::Timeout(timeout));
                return;
            }
            state.pending.remove(&call)
        };
        if let Some(Pending { settle, timeout: Some(timeout), .. }) = pending {
            settle(Err(timeout_error(timeout)));
        }
    }

    fn expire_detached(&self, number: u64, timeout: Duration) {
        let mut state = self.state();
        if let Some(at) = state.turn_numbered(number) {
            self.stop_turn(&mut state, at, Stop::Timeout(timeout));
        }
    }

    fn cpu_alarm(&self, number: u64, left: Duration) -> Option<Alarm> {
        // Short of the limit by less than the clocks' grain: no need to look more often than that.
        self.alarm(left.max(LEAST_CPU_LOOK), move |this| this.look_at_cpu(number))
    }

    fn look_at_cpu(&self, number: u64) {
        let mut state = self.state();
        let Some(at) = state.turn_numbered(number) else { return };
        let Some(left) = state.cpu_limit.as_ref().map(CpuLimit::left) else { return };
        if left.is_zero() {
            self.stop_turn(&mut state, 0, Stop::CpuLimit);
        } else {
            state.turns[at].cpu = self.cpu_alarm(number, left);
        }
    }

    fn grace_alarm(&self, number: u64, telling: u32) -> Option<Alarm> {
        self.alarm(GRACE / TELLINGS, move |this| this.expire_grace(number, telling))
    }

    fn expire_grace(&self, number: u64, telling: u32) {
        let (stopped, stop) = {
            let mut state = self.state();
            let Some(at) = state.turn_numbered(number) else { return };
            let State { turns, v8, .. } = &mut *state;
            if telling < TELLINGS {
                turns[at].grace = self.grace_alarm(number, telling + 1);
                if let Some(isolate) = v8 {
                    isolate.terminate_execution();
                }
                return;
            }
            let stopped = turns[at..].iter().filter_map(|turn| Some((turn.owner?, turn.stop?)));
            (stopped.collect::<Vec<_>>(), turns[at].stop)
        };
        for (owner, stop) in stopped {
            self.settle(owner, Err(self.stop_error(stop)));
        }
        self.finish(&match stop {
            Some(stop) if stop.is_final() => self.stop_error(stop),
            _ => EngineError::IsolateLost {
                words: format!("it did not stop within {} ms when told to", GRACE.as_millis()),
            },
        });
        self.exited();
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

    /// Whose turns run, and how the innermost was stopped.
    fn running_owners(&self) -> (Vec<CallId>, Option<Stop>) {
        let state = self.state();
        let owners = state.turns.iter().filter_map(|turn| turn.owner).collect();
        (owners, state.turns.last().and_then(|turn| turn.stop))
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

    /// Whether what runs now was told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        let state = self.state();
        state.finished.is_some() || state.turns.last().is_some_and(|turn| turn.stop.is_some())
    }

    /// Why what runs now was told to stop, if it was.
    pub(crate) fn stopping(&self) -> Option<Stop> {
        self.state().turns.last().and_then(|turn| turn.stop)
    }

    /// How many requests wait for their answers.
    pub(crate) fn pending_requests(&self) -> usize {
        self.state().pending.len()
    }
}
