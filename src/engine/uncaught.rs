//! Errors that nobody caught: rejected promises without a handler, and exceptions of callbacks that no
//! guest code called (timers, `FinalizationRegistry`). Runs on the isolate's thread.
//!
//! V8 tells when a promise is rejected without a handler, and when it gets one after all. What is left
//! when a turn ends, with its microtasks, is reported. Which request caused a rejection is not told by
//! the turn: one call may resume what another one left behind. So each turn has a *cause*, which V8
//! hands on to whatever the turn sets off, as Node's `AsyncLocalStorage` does
//! (`ContinuationPreservedEmbedderData`): an array in the guest's heap that the guest can't reach.

use std::rc::Rc;
use std::time::Instant;

use crate::engine::error::{EngineError, GuestException};
use crate::engine::exception::describe;
use crate::engine::host_call::GuestState;
use crate::engine::inspector;
use crate::engine::lifecycle::{CallId, Stop};
use crate::engine::observe::outbox::{Report, Uncaught};
use crate::engine::observe::{self, Observer};
use crate::engine::text::{LONGEST_ERROR_TEXT, LONGEST_NAME, beginning};
use crate::engine::value::Encoder;

/// Rejections of one turn that are told of one by one; the others are counted.
const MOST_TOLD: usize = 10;
/// What an error may bring with it (its cause, its errors), in bytes.
const LARGEST_ERROR: usize = 256 * 1024;
/// Telling of an error may run guest code, which may reject more.
const ROUNDS: usize = 3;

/// What a request asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Eval,
    Call,
    Import,
    Start,
}

const ORIGINS: [(Origin, &str); 4] =
    [(Origin::Eval, "eval"), (Origin::Call, "call"), (Origin::Import, "import"), (Origin::Start, "start")];

/// Has V8 tell of errors that nobody catches. The isolate's slot has its `Observer`.
pub(crate) fn watch(isolate: &mut v8::Isolate) {
    isolate.set_promise_reject_callback(on_reject);
    isolate.add_message_listener(on_message);
}

/// Names the cause of all that this turn sets off from now on: a request, and what it is about, the
/// source's name or the path that is called.
pub(crate) fn set_cause(scope: &mut v8::PinScope, origin: Origin, name: &str, call: CallId) {
    // Without memory for it the cause stays unknown.
    let Some(name) = v8::String::new(scope, name) else { return };
    let origin = ORIGINS.iter().position(|(known, _)| *known == origin).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "the host counts requests in a double")]
    let call = call as f64;
    #[expect(clippy::cast_precision_loss, reason = "an index below four")]
    let origin = v8::Number::new(scope, origin as f64).into();
    let call = v8::Number::new(scope, call).into();
    let cause = v8::Array::new_with_elements(scope, &[origin, name.into(), call]);
    scope.set_continuation_preserved_embedder_data(cause.into());
}

/// The cause of what runs now, to go on with later.
pub(crate) fn current_cause(scope: &mut v8::PinScope) -> v8::Global<v8::Value> {
    let cause = scope.get_continuation_preserved_embedder_data();
    v8::Global::new(scope, cause)
}

/// This turn goes on with what an earlier one began.
pub(crate) fn resume_cause(scope: &mut v8::PinScope, cause: &v8::Global<v8::Value>) {
    let cause = v8::Local::new(scope, cause);
    scope.set_continuation_preserved_embedder_data(cause);
}

/// A turn that has begun.
pub(crate) struct Turn {
    /// The cause of what ran before: a turn may begin within another one.
    outer_cause: v8::Global<v8::Value>,
    began: Instant,
}

/// A turn begins: what it does has no cause yet.
pub(crate) fn begin_turn(scope: &mut v8::PinScope, observer: &Observer) -> Turn {
    observer.rejected.borrow_mut().push(None);
    let turn = Turn { outer_cause: current_cause(scope), began: Instant::now() };
    let none = v8::undefined(scope).into();
    scope.set_continuation_preserved_embedder_data(none);
    turn
}

/// The request waits for this promise: its rejection is the request's own failure.
pub(crate) fn expect(scope: &mut v8::PinScope, promise: v8::Local<v8::Promise>) {
    promise.mark_as_handled();
    if let Some(observer) = observe::current(scope) {
        forget(scope, &observer, promise);
    }
}

fn forget(scope: &mut v8::PinScope, observer: &Observer, promise: v8::Local<v8::Promise>) {
    for rejected in observer.rejected.borrow().iter().flatten() {
        v8::Local::new(scope, rejected).delete(scope, promise.into());
    }
}

unsafe extern "C" fn on_reject(message: v8::PromiseRejectMessage) {
    v8::callback_scope!(unsafe scope, &message);
    let Some(observer) = observe::current(scope) else { return };
    let promise = message.get_promise();
    match message.get_event() {
        v8::PromiseRejectEvent::PromiseRejectWithNoHandler => {
            let cause = scope.get_continuation_preserved_embedder_data();
            let mut rejected = observer.rejected.borrow_mut();
            // Outside of turns no guest code runs.
            let Some(rejected) = rejected.last_mut() else { return };
            let rejected = rejected.get_or_insert_with(|| {
                let map = v8::Map::new(scope);
                v8::Global::new(scope, map)
            });
            v8::Local::new(scope, &*rejected).set(scope, promise.into(), cause);
        }
        v8::PromiseRejectEvent::PromiseHandlerAddedAfterReject => forget(scope, &observer, promise),
        // Settled twice: the first time counts.
        v8::PromiseRejectEvent::PromiseRejectAfterResolved
        | v8::PromiseRejectEvent::PromiseResolveAfterResolved => {}
    }
}

/// V8 called guest code by itself (a cleanup of a `FinalizationRegistry`, a microtask), and that threw.
unsafe extern "C" fn on_message(message: v8::Local<v8::Message>, exception: v8::Local<v8::Value>) {
    v8::callback_scope!(unsafe scope, message);
    let guest = scope.get_slot::<Rc<GuestState>>().map(Rc::clone);
    // With a debugger V8 also tells of what a request's own turn catches (`engine::inspector::exceptions`).
    let is_caught =
        guest.as_ref().is_some_and(|guest| guest.owner.get().is_some()) && inspector::is_attached(scope);
    if let Some(guest) = guest.filter(|_| !is_caught) {
        report_uncaught(scope, &guest, exception, Some(message));
    }
}

/// Reports what a callback threw that no guest code called. Within a turn; the exception is not pending
/// any more.
pub(crate) fn report_uncaught(
    scope: &mut v8::PinScope,
    guest: &GuestState,
    exception: v8::Local<v8::Value>,
    message: Option<v8::Local<v8::Message>>,
) {
    let Some(observer) = observe::current(scope) else { return };
    observer.count_uncaught(1);
    if observer.wants_uncaught() {
        let cause = scope.get_continuation_preserved_embedder_data();
        let error = describe(scope, exception, message, &bounded(guest.encoder));
        tell(scope, &observer, "exception", error, cause, 0);
    }
}

/// The end of a turn: what it set off runs, also when its work threw, and what is left of its rejections
/// is reported. Nothing is pending in the caller's `TryCatch`.
///
/// What a turn set off that was stopped does not run any more: nothing of it may reach the next turn. V8
/// does the same when it is stopped while it runs microtasks.
pub(crate) fn end_turn(scope: &mut v8::PinScope, observer: &Observer, turn: Turn) {
    finish_turn(scope, observer);
    let untold = observer.rejected.borrow_mut().pop().flatten();
    if let Some(untold) = untold {
        observer.count_uncaught(v8::Local::new(scope, untold).size());
    }
    if observer.rejected.borrow().is_empty() {
        observer.ran.set(observer.ran.get() + turn.began.elapsed());
    }
    resume_cause(scope, &turn.outer_cause);
}

fn finish_turn(scope: &mut v8::PinScope, observer: &Observer) {
    if observer.lifecycle.stopping().is_none() {
        scope.perform_microtask_checkpoint();
        for _ in 0..ROUNDS {
            if observer.lifecycle.stopping().is_some() || !report_rejections(scope, observer, describe_fully)
            {
                break;
            }
            // Reading an error may have run guest code.
            scope.perform_microtask_checkpoint();
        }
    }
    // After other stops the isolate is finished, and its heap may be full.
    if let Some(Stop::Timeout(_) | Stop::Aborted) = observer.lifecycle.stopping() {
        // V8 throws its queue away when it finds itself terminated; the turn's end takes this back. What a
        // turn around this one has put in goes on.
        if observer.rejected.borrow().len() == 1 {
            scope.terminate_execution();
            scope.perform_microtask_checkpoint();
        }
        report_rejections(scope, observer, describe_briefly);
    }
}

type Describe = fn(&mut v8::PinScope, v8::Local<v8::Value>, &Observer) -> EngineError;

fn describe_fully(
    scope: &mut v8::PinScope,
    reason: v8::Local<v8::Value>,
    observer: &Observer,
) -> EngineError {
    describe(scope, reason, None, &bounded(observer.encoder))
}

/// Without any guest code.
fn describe_briefly(scope: &mut v8::PinScope, reason: v8::Local<v8::Value>, _: &Observer) -> EngineError {
    let text = reason.to_detail_string(scope).map(|text| beginning(scope, text, LONGEST_ERROR_TEXT));
    let text = text.unwrap_or_else(|| "a value without a text".to_owned());
    let (name, message) = match text.split_once(": ") {
        Some((name, message)) if reason.is_native_error() => (name.to_owned(), message.to_owned()),
        _ if reason.is_native_error() => (text.clone(), String::new()),
        _ => ("Error".to_owned(), format!("guest threw {text}")),
    };
    EngineError::Guest(Box::new(GuestException { name, message, stack: text, encoded: Vec::new() }))
}

/// Says whether there were any.
fn report_rejections(scope: &mut v8::PinScope, observer: &Observer, describe: Describe) -> bool {
    let rejected = observer.rejected.borrow_mut().last_mut().and_then(Option::take);
    let Some(rejected) = rejected else { return false };
    v8::tc_scope!(let scope, scope);
    let rejected = v8::Local::new(scope, rejected);
    let count = rejected.size();
    observer.count_uncaught(count);
    if count == 0 || !observer.wants_uncaught() {
        return count > 0;
    }
    let entries = rejected.as_array(scope);
    let told = count.min(MOST_TOLD);
    for index in 0..told {
        let at = u32::try_from(index * 2).unwrap_or_default();
        let (promise, cause) = (entries.get_index(scope, at), entries.get_index(scope, at + 1));
        let promise = promise.map(v8::Local::<v8::Promise>::try_from);
        let (Some(Ok(promise)), Some(cause)) = (promise, cause) else { continue };
        let reason = promise.result(scope);
        let error = describe(scope, reason, observer);
        let more = if index + 1 == told { (count - told) as u64 } else { 0 };
        tell(scope, observer, "rejection", error, cause, more);
    }
    true
}

fn bounded(encoder: Encoder) -> Encoder {
    Encoder { limit: LARGEST_ERROR.min(encoder.limit), ..encoder }
}

fn tell(
    scope: &mut v8::PinScope,
    observer: &Observer,
    kind: &'static str,
    error: EngineError,
    cause: v8::Local<v8::Value>,
    more: u64,
) {
    let (origin, name) = read_cause(scope, observer, cause);
    observer.tell(Report::Uncaught(Uncaught { kind, error, origin, name, more }));
}

fn read_cause(
    scope: &mut v8::PinScope,
    observer: &Observer,
    cause: v8::Local<v8::Value>,
) -> (&'static str, Option<String>) {
    const DETACHED: &str = "detached";
    let Ok(cause) = v8::Local::<v8::Array>::try_from(cause) else { return (DETACHED, None) };
    let number = |index| {
        let value = cause.get_index(scope, index).and_then(|value| value.number_value(scope));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole, from `set_cause`"
        )]
        let number = value.unwrap_or_default() as u64;
        number
    };
    let (origin, call) = (number(0), number(2));
    let name = cause.get_index(scope, 1).map(v8::Local::<v8::String>::try_from);
    let name = match name {
        Some(Ok(name)) => Some(beginning(scope, name, LONGEST_NAME)),
        _ => None,
    };
    let origin = usize::try_from(origin).ok().and_then(|origin| ORIGINS.get(origin));
    match origin {
        Some((_, origin)) if observer.lifecycle.is_pending(call) => (origin, name),
        _ => (DETACHED, name),
    }
}
