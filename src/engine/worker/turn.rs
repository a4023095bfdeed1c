//! One stretch of guest code: begun, watched, and judged by how it ended.

use crate::engine::error::{EngineError, GuestException, Result};
use crate::engine::exception::describe;
use crate::engine::host_call::GuestState;
use crate::engine::lifecycle::CallId;
use crate::engine::limits::sampler;
use crate::engine::modules;
use crate::engine::session::Ground;
use crate::engine::uncaught;
use crate::engine::worker::Worker;

/// Why a turn's work ended early.
pub(crate) enum Halt {
    /// An exception is pending in the turn's `TryCatch`, or the guest was terminated.
    Threw,
    /// The work failed otherwise.
    Failed(EngineError),
}

impl<G: Ground> Worker<'_, G> {
    /// Runs one turn. `None` when its request is settled already or the isolate finished.
    pub(super) fn turn<T>(
        &mut self,
        owner: Option<CallId>,
        work: impl FnOnce(&mut v8::PinScope, &GuestState) -> Result<T, Halt>,
    ) -> Option<Result<T>> {
        if !self.lifecycle.begin_turn(owner) {
            return None;
        }
        sampler::turn_begins(&self.memory);
        let session = &self.session;
        let outer = session.guest.owner.replace(owner);
        session.inspector.set_idle(false);
        let (outcome, stop) = self.ground.enter(|scope| {
            v8::tc_scope!(let scope, scope);
            // See `engine::inspector::exceptions`.
            scope.set_verbose(session.inspector.is_attached());
            if owner.is_some() && session.lifecycle.port().is_held() {
                session.inspector.hold();
            }
            let turn = uncaught::begin_turn(scope, &session.observer);
            let outcome = match work(scope, &session.guest) {
                Ok(value) => Ok(value),
                Err(Halt::Failed(error)) => Err(error),
                Err(Halt::Threw) => {
                    let exception = scope.exception().filter(|_| scope.can_continue());
                    let message = scope.message();
                    scope.reset();
                    Err(match exception {
                        Some(exception) => {
                            let error = describe(scope, exception, message, &session.guest.encoder);
                            modules::name_missing(scope, exception, error)
                        }
                        None if session.inspector.is_attached() => stopped_by_debugger(),
                        None => EngineError::IsolateLost { words: "V8 stopped without a reason".to_owned() },
                    })
                }
            };
            scope.reset();
            uncaught::end_turn(scope, &session.observer, turn);
            session.memory.judge_refusal(scope);
            // Where the termination is caught: it goes on from there otherwise, to the turn around this.
            (outcome, session.lifecycle.end_turn())
        });
        session.guest.owner.set(outer);
        if !G::IS_NESTED {
            session.inspector.set_idle(true);
        }
        let Some(stop) = stop else { return Some(outcome) };
        let error = session.lifecycle.stop_error(stop);
        if stop.is_final() {
            if let Some(owner) = owner {
                session.lifecycle.settle(owner, Err(error.clone()));
            }
            session.lifecycle.finish_running(&error);
        }
        Some(Err(error))
    }
}

/// What becomes of a call that a client of the inspector has terminated; nothing of the guest runs for it.
fn stopped_by_debugger() -> EngineError {
    let (name, message) = ("Error".to_owned(), "terminated by the debugger".to_owned());
    let stack = format!("{name}: {message}");
    EngineError::Guest(Box::new(GuestException { name, message, stack, encoded: Vec::new() }))
}
