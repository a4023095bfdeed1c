//! Host functions that block the guest: its call returns what the host answers.
//!
//! Only the isolate's thread waits, and in V8's eyes the guest is inside of a native function. The wait
//! ends with the answer, or when the turn is told to stop for whatever reason: then the termination
//! goes on from here. A host function may call the isolate again while it is waited for; those requests
//! run here, as turns within the turn that waits. What else was asked of the isolate waits in its queue.

use std::rc::Rc;

use crate::engine::exception::{ErrorClass, throw};
use crate::engine::guest::read_answer;
use crate::engine::host_call::{GuestState, TOO_MANY, Target};
use crate::engine::inbox::{Heard, Outcome};
use crate::engine::limits::output::with_largest_allocation;
use crate::engine::limits::sampler;
use crate::engine::session::{Session, feel_termination};
use crate::engine::value::{Of, references};
use crate::engine::worker::{Worker, is_in_microtask};

/// So many waits for the host may be within one another: each takes a part of the thread's stack.
const MOST_NESTED: usize = 64;

/// The host's answer to a call, as the guest's call returns it. `None`: it throws, or the guest was told
/// to stop.
pub(crate) fn call<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    guest: &GuestState,
    target: Target,
    arguments: Vec<u8>,
) -> Option<v8::Local<'s, v8::Value>> {
    let session = Rc::clone(scope.get_slot::<Rc<Session>>()?);
    let refusal: Option<(ErrorClass, String)> = if !guest.has_room_for(arguments.len()) {
        Some((v8::Exception::type_error, TOO_MANY.to_owned()))
    } else if session.inbox.depth() >= MOST_NESTED {
        let message = format!("more than {MOST_NESTED} calls of sync bindings are within one another");
        Some((v8::Exception::range_error, message))
    } else {
        None
    };
    if let Some((class, message)) = refusal {
        guest.remote.take_back(&references::brought(&arguments));
        throw(scope, class, &message);
        return None;
    }
    let argument_bytes = arguments.len();
    guest.waiting_bytes.set(guest.waiting_bytes.get() + argument_bytes);
    // A getter that a serializer runs may have called; the bound on its buffers is not for this.
    let id = guest.next_call();
    let outcome = with_largest_allocation(usize::MAX, || {
        session.inbox.enter_wait(id);
        guest.send(id, target, arguments);
        let outcome = wait(scope, &session);
        session.inbox.leave_wait();
        outcome
    });
    guest.waiting_bytes.set(guest.waiting_bytes.get() - argument_bytes);
    let Some(outcome) = outcome else {
        session.lifecycle.announced.forget(Of::Answer(id));
        feel_termination(scope);
        return None;
    };
    match read_answer(scope, guest, id, &outcome)? {
        Ok(answer) => Some(answer),
        Err(reason) => {
            scope.throw_exception(reason);
            None
        }
    }
}

/// `None`: the guest was told to stop.
fn wait(scope: &mut v8::PinScope, session: &Rc<Session>) -> Option<Outcome> {
    // Where no promise can be settled, no answer is of use.
    let is_in_microtask = is_in_microtask(scope);
    let mut worker = Worker::new(Rc::clone(session), scope);
    loop {
        if session.lifecycle.is_stopped() {
            return None;
        }
        let goes_on = !is_in_microtask && session.has_nested_waiting();
        let due = if goes_on { session.guest.timers.next_due() } else { None };
        session.lifecycle.pause();
        let heard = session.inbox.hear(goes_on, due);
        session.lifecycle.resume();
        sampler::turn_begins(&session.memory);
        match heard {
            Heard::Answer(outcome) => return Some(outcome),
            Heard::Command(command) => worker.handle_nested(command),
            Heard::Due => worker.fire_due_timer(),
            Heard::Bell => {}
        }
    }
}
