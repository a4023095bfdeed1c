//! The turns that run on an isolate's thread: begun, told to stop, given up.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engine::error::EngineError;
use crate::engine::lifecycle::{CallId, Lifecycle, Pending, State, Stop};
use crate::engine::limits::alarm::Alarm;
use crate::engine::limits::deadline::Deadline;
use crate::engine::limits::grace::{self, Grace, Next};
use crate::engine::limits::rota::rota;
use crate::engine::stop::timeout_error;

/// The CPU time is not looked at more often than this.
const LEAST_CPU_LOOK: Duration = Duration::from_micros(500);

/// What the isolate's thread may use of the processor, and what it used before that counts.
pub(super) struct CpuLimit {
    pub(super) before: Duration,
    pub(super) limit: Duration,
}

/// One stretch of guest code on the isolate's thread.
pub(super) struct Turn {
    pub(super) number: u64,
    /// The request that the turn works for; none for what the guest left behind.
    pub(super) owner: Option<CallId>,
    pub(super) stop: Option<Stop>,
    pub(super) deadline: Option<Deadline>,
    /// It was told to stop.
    pub(super) grace: Option<(Grace, Option<Alarm>)>,
    /// Looks at the CPU time when the limit could be reached.
    pub(super) cpu: Option<Alarm>,
}

impl State {
    /// What is left of the CPU limit, if there is one; zero when it is reached.
    fn cpu_left(&self) -> Option<Duration> {
        let CpuLimit { before, limit } = self.cpu_limit.as_ref()?;
        let used = self.cpu().unwrap_or_default().saturating_sub(*before);
        Some(limit.saturating_sub(used))
    }
}

impl Lifecycle {
    /// A stretch of guest code begins. `false` when its request was settled meanwhile, or the
    /// isolate finished: then nothing may run.
    pub(crate) fn begin_turn(&self, owner: Option<CallId>) -> bool {
        rota().begin(&self.place);
        let mut state = self.state();
        if state.finished.is_some() || owner.is_some_and(|owner| !state.pending.contains_key(&owner)) {
            drop(state);
            rota().leave(&self.place);
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
        let cpu = state.cpu_left().and_then(|left| self.cpu_alarm(number, left));
        state.turns.push(Turn { number, owner, stop: None, deadline, grace: None, cpu });
        true
    }

    /// How many turns have begun.
    pub(crate) fn turns_begun(&self) -> u64 {
        self.state().turns_begun
    }

    /// The number of the turn that runs, unique in the isolate; zero when none does.
    pub(crate) fn running_turn(&self) -> u64 {
        self.running.load(Ordering::SeqCst)
    }

    /// The innermost stretch ended. Says whether it was stopped, and takes the termination back, unless
    /// the turn around it was stopped, too.
    pub(crate) fn end_turn(&self) -> Option<Stop> {
        self.running.store(0, Ordering::Relaxed);
        rota().leave(&self.place);
        let mut state = self.state();
        let mut stop = state.turns.pop().and_then(|turn| turn.stop);
        if let Some(around) = state.turns.last() {
            self.running.store(around.number, Ordering::Relaxed);
        }
        let may_go_on = stop.is_none_or(|stop| !stop.is_final());
        if may_go_on && state.cpu_left().is_some_and(|left| left.is_zero()) {
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
        rota().leave(&self.place);
    }

    pub(crate) fn resume(&self) {
        let number = self.state().turns.last().map_or(0, |turn| turn.number);
        self.running.store(number, Ordering::SeqCst);
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
    pub(super) fn stop_turn(&self, state: &mut State, at: usize, stop: Stop) {
        let cpu = state.cpu();
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
            turn.grace = Some((Grace::begin(cpu), self.telling(number)));
        }
        if let Some(isolate) = v8 {
            isolate.terminate_execution();
        }
        // Only now: who comes back from waiting must feel the termination.
        self.thread.ring();
        rota().excuse(&self.place);
        self.port.turn_stops();
    }

    pub(super) fn expire(&self, call: CallId) {
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

    pub(super) fn expire_detached(&self, number: u64, timeout: Duration) {
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
        let Some(left) = state.cpu_left() else { return };
        if left.is_zero() {
            self.stop_turn(&mut state, 0, Stop::CpuLimit);
        } else {
            state.turns[at].cpu = self.cpu_alarm(number, left);
        }
    }

    fn telling(&self, number: u64) -> Option<Alarm> {
        self.alarm(grace::TELLING, move |this| this.tell_again(number))
    }

    /// The turn has not stopped: V8 is told again, or given up.
    fn tell_again(&self, number: u64) {
        let (stopped, stop, next) = {
            let mut state = self.state();
            let cpu = state.cpu();
            let Some(at) = state.turn_numbered(number) else { return };
            let State { turns, v8, .. } = &mut *state;
            let Turn { grace: Some((grace, alarm)), stop: Some(stop), .. } = &mut turns[at] else { return };
            let stop = *stop;
            let next = grace.next(cpu, stop.is_final());
            if !matches!(next, Next::GiveUp(_)) {
                *alarm = self.telling(number);
                if let Some(isolate) = v8 {
                    isolate.terminate_execution();
                }
            }
            if next == Next::TellAgain {
                return;
            }
            let stopped = turns[at..].iter().filter_map(|turn| Some((turn.owner?, turn.stop?)));
            (stopped.collect::<Vec<_>>(), stop, next)
        };
        for (owner, stop) in stopped {
            self.settle(owner, Err(self.stop_error(stop)));
        }
        if let Next::GiveUp(over) = next {
            let lost = || EngineError::IsolateLost { words: over.words() };
            self.finish(&if stop.is_final() { self.stop_error(stop) } else { lost() });
            self.exited();
        }
    }

    /// Whose turns run, and how the innermost was stopped.
    pub(super) fn running_owners(&self) -> (Vec<CallId>, Option<Stop>) {
        let state = self.state();
        let owners = state.turns.iter().filter_map(|turn| turn.owner).collect();
        (owners, state.turns.last().and_then(|turn| turn.stop))
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
}
