//! What a turn leads to: answers of the host are taken, imports go on, results are reported.

use std::collections::VecDeque;

use crate::engine::error::{EngineError, Result};
use crate::engine::guest::{self, Progress};
use crate::engine::host_call::GuestState;
use crate::engine::inbox::Outcome;
use crate::engine::lifecycle::{CallId, Reply};
use crate::engine::modules::Modules;
use crate::engine::session::Ground;
use crate::engine::value::references;
use crate::engine::value::transfer::Of;
use crate::engine::worker::Worker;

impl<G: Ground> Worker<'_, G> {
    pub(super) fn follow_up(&mut self) {
        self.finish_loads();
        self.settle_awaited();
    }

    /// Goes on with what a host call was made for.
    pub(super) fn take_answer(&mut self, host_call: u64, outcome: &Outcome) {
        if let Some(modules) = self.modules.clone().filter(|modules| modules.awaits(host_call)) {
            self.answer_load(&modules, host_call, outcome);
            return;
        }
        let Some(waiting) = self.guest.take_waiting(host_call) else {
            // The guest does not wait for it any more.
            self.lifecycle.announced.forget(Of::Answer(host_call));
            let (Ok(answer) | Err(answer)) = outcome;
            self.guest.remote.not_received(&references::brought(answer));
            return;
        };
        let owner = waiting.owner;
        let resume = |scope: &mut v8::PinScope, guest: &GuestState| {
            guest::resume(scope, guest, host_call, &waiting, outcome)
        };
        match (self.turn(owner, resume), owner) {
            (Some(Err(error)), Some(owner)) => self.lifecycle.settle(owner, Err(error)),
            // The request is settled already; what it left behind goes on by itself.
            (None, Some(_)) => drop(self.turn(None, resume)),
            _ => {}
        }
    }

    /// Takes the module that the host was asked for.
    fn answer_load(&mut self, modules: &Modules, host_call: u64, outcome: &Result<Vec<u8>, Vec<u8>>) {
        let owner = modules.owner_of(host_call);
        let take = |scope: &mut v8::PinScope, guest: &GuestState| {
            modules.answer(scope, guest, host_call, outcome);
            Ok(())
        };
        match (self.turn(owner, take), owner) {
            (Some(Err(error)), Some(owner)) => self.lifecycle.settle(owner, Err(error)),
            // The request is settled already, but others may wait for the module.
            (None, Some(_)) => drop(self.turn(None, take)),
            _ => {}
        }
    }

    /// Goes on with imports whose modules have come, each in a turn of its own request.
    fn finish_loads(&mut self) {
        let Some(modules) = self.modules.clone() else { return };
        for _ in 0..modules.ready() {
            let Some((load, owner)) = modules.next_ready() else { return };
            let go_on = |scope: &mut v8::PinScope, _: &GuestState| {
                guest::load(scope, &modules, load);
                Ok(())
            };
            match (self.turn(owner, go_on), owner) {
                (Some(Err(error)), Some(owner)) => self.lifecycle.settle(owner, Err(error)),
                (None, Some(_)) if modules.outlives_request(load) => drop(self.turn(None, go_on)),
                _ => {}
            }
        }
    }

    /// Encodes what promises of earlier turns came to, each in a turn of its own request.
    fn settle_awaited(&mut self) {
        let mut kept = VecDeque::new();
        loop {
            let next = self.guest.settled.borrow_mut().pop_front();
            let Some((call, outcome)) = next else { break };
            // A request whose guest code is on the stack is answered when that is done, so that its
            // deadline holds until then.
            if G::IS_NESTED && self.lifecycle.is_running(call) {
                kept.push_back((call, outcome));
                continue;
            }
            let outcome = self.turn(Some(call), |scope, guest| guest::settled(scope, guest, call, outcome));
            self.report(call, outcome);
        }
        self.guest.settled.borrow_mut().append(&mut kept);
    }

    /// Answers a request with what brings these functions and streams.
    fn answer(&self, call: CallId, brought: &[references::Brought], reply: Reply) {
        if !self.lifecycle.answer(call, Ok(reply)) {
            self.guest.remote.take_back(brought);
        }
    }

    pub(super) fn report(&mut self, call: CallId, outcome: Option<Result<Progress>>) {
        if !matches!(outcome, Some(Ok(Progress::Waiting))) {
            self.lifecycle.announced.forget(Of::Request(call));
        }
        match outcome {
            Some(Ok(Progress::Waiting)) if G::IS_NESTED => self.report_nested_waiting(call),
            None | Some(Ok(Progress::Waiting)) => {}
            Some(Ok(Progress::Moved(bytes, moved))) => {
                self.answer(call, &references::brought(&bytes), Reply::Moved(bytes, moved));
            }
            Some(Ok(Progress::Done(bytes))) => {
                self.answer(call, &references::brought(&bytes), Reply::Value(bytes));
            }
            Some(Err(error)) => self.lifecycle.settle(call, Err(error)),
        }
    }

    /// V8 settles no promise within the reaction of another.
    fn report_nested_waiting(&mut self, call: CallId) {
        if self.ground.enter(is_in_microtask) {
            let message = "the call waits for a promise, which can't be settled while a call of a sync binding \
                           that was made after an await, or in another promise's reaction, waits for it";
            self.lifecycle.settle(call, Err(EngineError::NestedCall { message: message.into() }));
        } else {
            self.nested.borrow_mut().push(call);
        }
    }
}

/// Whether the guest runs in a promise's reaction: V8 begins no other one before that one ends.
pub(crate) fn is_in_microtask(scope: &mut v8::PinScope) -> bool {
    let context = scope.get_current_context();
    context.get_microtask_queue().is_some_and(v8::MicrotaskQueue::is_running_microtasks)
}
