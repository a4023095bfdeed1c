//! Timers of the guest. They run on the isolate's own thread: the worker sleeps on its queue until the
//! earliest of them is due, and each that is due gets a turn of its own.
//!
//! A timer works for the request that set it as long as that is pending; afterwards it is a turn of its
//! own, under the isolate's time limit. Timers keep nothing alive, and go with their isolate.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::engine::exception::throw;
use crate::engine::host_call::{self, GuestState};
use crate::engine::lifecycle::CallId;
use crate::engine::system::session;
use crate::engine::text::{LONGEST_NAME, beginning};
use crate::engine::uncaught::{self, report_uncaught};
use crate::engine::worker::Halt;

/// Timers live outside of the heap: there may be one for so many bytes of the memory limit.
const BYTES_FOR_A_TIMER: usize = 1024;

/// The longest delay, as in browsers and Node: about 25 days.
const LONGEST_MS: f64 = 2_147_483_647.0;

/// When a timer is due, and the order in which they were set.
type Place = (Instant, u64);

/// A timer that waits, or one that runs right now.
pub(crate) struct Timer {
    id: u64,
    callback: v8::Global<v8::Function>,
    repeat: Option<Duration>,
    /// The request that set it.
    pub(crate) owner: Option<CallId>,
    /// What its errors are attributed to.
    cause: v8::Global<v8::Value>,
}

/// The timers of one session.
pub(crate) struct Timers {
    most: usize,
    last_id: Cell<u64>,
    last_set: Cell<u64>,
    queue: RefCell<BTreeMap<Place, Timer>>,
    places: RefCell<HashMap<u64, Place>>,
    /// The interval whose callback runs, unless it was stopped meanwhile.
    running: Cell<Option<u64>>,
}

impl Timers {
    /// `limit` is the memory limit of the isolate, in bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            most: limit / BYTES_FOR_A_TIMER,
            last_id: Cell::new(0),
            last_set: Cell::new(0),
            queue: RefCell::default(),
            places: RefCell::default(),
            running: Cell::new(None),
        }
    }

    /// When the earliest timer is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.queue.borrow().first_key_value().map(|((at, _), _)| *at)
    }

    /// The earliest timer, if its time has come.
    pub(crate) fn take_due(&self, now: Instant) -> Option<Timer> {
        let mut queue = self.queue.borrow_mut();
        let entry = queue.first_entry().filter(|entry| entry.key().0 <= now)?;
        let timer = entry.remove();
        self.places.borrow_mut().remove(&timer.id);
        if timer.repeat.is_some() {
            self.running.set(Some(timer.id));
        }
        Some(timer)
    }

    /// An interval whose callback has run waits again, unless it was stopped. One that had to be
    /// terminated does not: it would take all of the isolate's time.
    pub(crate) fn ran(&self, timer: Timer, was_terminated: bool) {
        let is_wanted = self.running.take() == Some(timer.id) && !was_terminated;
        if let (Some(repeat), true) = (timer.repeat, is_wanted) {
            self.insert(timer, repeat);
        }
    }

    fn start(
        &self,
        callback: v8::Global<v8::Function>,
        delay: Duration,
        repeats: bool,
        owner: Option<CallId>,
        cause: v8::Global<v8::Value>,
    ) -> Option<u64> {
        if self.queue.borrow().len() >= self.most {
            return None;
        }
        let id = self.last_id.get() + 1;
        self.last_id.set(id);
        self.insert(Timer { id, callback, repeat: repeats.then_some(delay), owner, cause }, delay);
        Some(id)
    }

    fn insert(&self, timer: Timer, delay: Duration) {
        let set = self.last_set.get() + 1;
        self.last_set.set(set);
        let place = (Instant::now() + delay, set);
        self.places.borrow_mut().insert(timer.id, place);
        self.queue.borrow_mut().insert(place, timer);
    }

    fn stop(&self, id: u64) {
        if self.running.get() == Some(id) {
            self.running.set(None);
        }
        let place = self.places.borrow_mut().remove(&id);
        let timer = place.and_then(|place| self.queue.borrow_mut().remove(&place));
        drop(timer);
    }
}

/// What one turn of a timer does.
pub(crate) fn fire(scope: &mut v8::PinScope, guest: &GuestState, timer: &Timer) -> Result<(), Halt> {
    uncaught::resume_cause(scope, &timer.cause);
    let callback = v8::Local::new(scope, &timer.callback);
    let receiver = scope.get_current_context().global(scope).into();
    {
        v8::tc_scope!(let scope, scope);
        if callback.call(scope, receiver, &[]).is_none() {
            let Some(exception) = scope.exception().filter(|_| scope.can_continue()) else {
                scope.rethrow();
                return Err(Halt::Threw);
            };
            let message = scope.message();
            scope.reset();
            report_uncaught(scope, guest, exception, message);
        }
    }
    scope.perform_microtask_checkpoint();
    Ok(())
}

/// `startTimer(callback, ms, repeats, name)`: a positive integer. `name` is what the guest called, for the
/// refusal while a snapshot is built.
pub(super) fn on_start<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Some(guest) = session(scope).filter(|guest| guest.host_listens()) else {
        let name = v8::Local::<v8::String>::try_from(arguments.get(3));
        let name = name.map_or_else(|_| "startTimer".to_owned(), |name| beginning(scope, name, LONGEST_NAME));
        let message = format!("{name} can't start a timer while a snapshot is built");
        throw(scope, v8::Exception::error, &message);
        host_call::note_refused(scope, name);
        return;
    };
    let Ok(callback) = v8::Local::<v8::Function>::try_from(arguments.get(0)) else {
        throw(scope, v8::Exception::type_error, "expected a function");
        return;
    };
    let ms = arguments.get(1).number_value(scope).unwrap_or_default();
    let ms = if ms > 0.0 { ms.min(LONGEST_MS) } else { 0.0 };
    let callback = v8::Global::new(scope, callback);
    let repeats = arguments.get(2).is_true();
    let delay = Duration::from_secs_f64(ms / 1e3);
    let cause = uncaught::current_cause(scope);
    let Some(id) = guest.timers.start(callback, delay, repeats, guest.owner.get(), cause) else {
        let message = format!("more than {} timers wait in this isolate", guest.timers.most);
        throw(scope, v8::Exception::range_error, &message);
        return;
    };
    #[expect(clippy::cast_precision_loss, reason = "no session sets 2^53 timers")]
    result.set_double(id as f64);
}

/// `stopTimer(id)`: a number that names no timer is ignored.
pub(super) fn on_stop<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    let id = arguments.get(0).number_value(scope).unwrap_or_default();
    if let Some(guest) = session(scope).filter(|_| id >= 1.0) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is at least one")]
        guest.timers.stop(id as u64);
    }
}
