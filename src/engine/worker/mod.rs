//! The isolate's thread: takes commands one by one and runs guest code in turns.
//!
//! A turn is one stretch of guest code on behalf of one request: a script, a call, the continuation
//! after a host's answer. Each ends with a microtask checkpoint, so a result is reported only after
//! all that it set off has run, under the same deadline.
//!
//! The thread restores its isolate first and then waits for a session: one that asked for it, whose
//! command is in the queue already, or whoever takes it out of a pool.

mod command;
mod follow_up;
mod rest;
mod stats;
mod teardown;
mod turn;

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crate::engine::error::{EngineError, Result};
use crate::engine::guest;
use crate::engine::handle::{Seed, SessionOptions};
use crate::engine::host_call::GuestState;
use crate::engine::inbox::{Receiver, Sender};
use crate::engine::inspector::Inspector;
use crate::engine::isolate;
use crate::engine::lifecycle::{CallId, Lifecycle, Reply};
use crate::engine::limits::memory::MemoryLimit;
use crate::engine::limits::native::Charging;
use crate::engine::limits::{codegen, fatal, sampler};
use crate::engine::modules;
use crate::engine::observe::{Observer, console};
use crate::engine::platform::TaskRoute;
use crate::engine::position::Positions;
use crate::engine::remote;
use crate::engine::session::{Ground, Session};
use crate::engine::state::{self, StateSlot};
use crate::engine::system::timers;
use crate::engine::uncaught;
use crate::engine::value::transfer::Transfers;
use crate::engine::value::{Encoder, references};
use crate::engine::verify::digest;

pub(crate) use self::command::Command;
pub(crate) use self::follow_up::is_in_microtask;
use self::rest::Rest;
use self::teardown::Teardown;
pub(crate) use self::turn::Halt;

/// Does what a session is told, on some ground.
pub(crate) struct Worker<'a, G> {
    session: Rc<Session>,
    ground: &'a mut G,
}

impl<G> Deref for Worker<'_, G> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

/// The body of an isolate's thread.
pub(crate) fn run(
    seed: Seed,
    first: CallId,
    lifecycle: &Arc<Lifecycle>,
    commands: Sender,
    received: Receiver,
) {
    let _watched = fatal::watch_thread(Arc::clone(lifecycle));
    lifecycle.thread_began();
    // The request that is told when the isolate can't be had.
    let asking = Cell::new(first);
    let serve = AssertUnwindSafe(|| serve(seed, &asking, lifecycle, commands, Rc::new(received)));
    // A bug of ours must not leave a request unanswered; nothing of the isolate is used afterwards.
    let ended = catch_unwind(serve).unwrap_or_else(|_| {
        let words = "its thread panicked, which is a bug in isoseed".to_owned();
        Err(EngineError::IsolateLost { words })
    });
    if let Err(error) = ended {
        lifecycle.settle(asking.get(), Err(error.clone()));
        lifecycle.finish(&error);
    }
    lifecycle.exited();
}

fn serve(
    seed: Seed,
    asking: &Cell<CallId>,
    lifecycle: &Arc<Lifecycle>,
    commands: Sender,
    received: Rc<Receiver>,
) -> Result<()> {
    if lifecycle.is_finished() {
        return Ok(());
    }
    let memory = MemoryLimit::new(Arc::clone(lifecycle));
    let began = Instant::now();
    let mut live = isolate::create(seed.snapshot, &memory)?;
    let restore = began.elapsed();
    memory.enforce(&mut live.isolate);
    let charging = Charging::begin(&memory);
    lifecycle.isolate_created(live.isolate.thread_safe_handle());
    let route = TaskRoute::new(&live.isolate, move |task| commands.send(Command::Task(task)));
    codegen::check(&mut live);
    let outcome = match wait_for_session(lifecycle, &received) {
        None => Ok(()),
        Some(Wanted { call, session, asked, tasks }) => {
            asking.set(call);
            if let Some(limit) = session.cpu_limit {
                lifecycle.limit_cpu(limit);
            }
            let encoder = Encoder {
                limit: memory.bytes(),
                host_has_float16: session.host_has_float16,
                limits: session.value_limits,
                own_levels: 0,
            };
            Transfers::install(&mut live.isolate, &memory, lifecycle);
            let guest = GuestState::new(encoder, session.codegen, Arc::clone(&session.host));
            live.isolate.set_slot(Rc::clone(&guest));
            let observer = Observer::new(encoder, Arc::clone(lifecycle), session.listener.clone());
            live.isolate.set_slot(Rc::clone(&observer));
            uncaught::watch(&mut live.isolate);
            let positions = live.isolate.get_slot::<Rc<Positions>>().map_or_else(Rc::default, Rc::clone);
            let inspector =
                Inspector::new(&mut live, Arc::clone(&memory), Arc::clone(lifecycle), Rc::clone(&positions));
            let _ending = inspector.ending();
            let session_state = Rc::new(Session {
                guest,
                memory,
                lifecycle: Arc::clone(lifecycle),
                inbox: received,
                modules: modules::current(&live.isolate),
                positions,
                observer,
                inspector,
                nested: RefCell::default(),
                calls: Cell::new(0),
                start_ms: Cell::new(0.0),
                exported_at: Cell::default(),
                restore,
            });
            live.isolate.set_slot(Rc::clone(&session_state));
            let is_blank = !live.is_restored();
            let mut worker = Worker::new(session_state, &mut live);
            let prepared = worker.prepare(call, *session, asked, is_blank);
            if prepared.is_ok() {
                for task in tasks {
                    worker.handle(Command::Task(task));
                }
                worker.serve();
            }
            prepared
        }
    };
    sampler::memory_freed();
    // No task may be routed to an isolate that is being torn down.
    drop(route);
    live.isolate.remove_slot::<Rc<Session>>();
    live.isolate.remove_slot::<Rc<GuestState>>();
    live.isolate.remove_slot::<Rc<Observer>>();
    live.isolate.remove_slot::<Rc<Transfers>>();
    live.isolate.remove_slot::<Rc<StateSlot>>();
    modules::clear(&mut live.isolate);
    drop(charging);
    let teardown = Teardown::begin();
    drop(live);
    drop(teardown);
    outcome
}

/// A session's request for the isolate.
struct Wanted {
    call: CallId,
    session: Box<SessionOptions>,
    asked: Instant,
    /// What V8 wants done, from before the session.
    tasks: Vec<v8::Task>,
}

/// `None` when the isolate is disposed before a session asks for it.
fn wait_for_session(lifecycle: &Lifecycle, received: &Receiver) -> Option<Wanted> {
    let mut tasks = Vec::new();
    let rest = Rest::default();
    while let Some(command) = rest.receive(received, None) {
        if lifecycle.is_finished() {
            return None;
        }
        match command {
            Command::Hold { call } => lifecycle.settle(call, Ok(Reply::Started)),
            Command::Prepare { call, session, asked } => return Some(Wanted { call, session, asked, tasks }),
            Command::Task(task) => tasks.push(task),
            // Requests come from the session, which has the isolate only then.
            _ => {}
        }
    }
    None
}

impl<'a, G: Ground> Worker<'a, G> {
    pub(crate) fn new(session: Rc<Session>, ground: &'a mut G) -> Self {
        Self { session, ground }
    }

    fn prepare(
        &mut self,
        call: CallId,
        mut session: SessionOptions,
        asked: Instant,
        is_blank: bool,
    ) -> Result<()> {
        session.sources.iter_mut().for_each(|source| self.positions.take(source));
        // A heap image has it; where nothing ran before and nobody listens, V8's own is as silent.
        let needs_console = is_blank && self.observer.wants_console();
        let prepared = self.turn(Some(call), |scope, guest| {
            if needs_console {
                console::install(scope).ok_or(Halt::Threw)?;
            }
            guest::prepare(scope, guest, call, &session)
        });
        // Without a turn the request is settled already: its time is over, or the isolate disposed.
        prepared.unwrap_or(Err(EngineError::Disposed { cause: None }))?;
        if let Some(known) = &self.modules {
            known.open(session.modules, &self.lifecycle, session.timeout);
        }
        self.start_ms.set(asked.elapsed().as_secs_f64() * 1e3);
        self.lifecycle.settle(call, Ok(Reply::Started));
        Ok(())
    }

    fn serve(&mut self) {
        let rest = Rest::default();
        loop {
            let command = rest.receive(&self.inbox, self.guest.timers.next_due());
            if matches!(command, Some(Command::Dispose)) || self.lifecycle.is_finished() {
                return;
            }
            if let Some(command) = command {
                self.handle(command);
                self.follow_up();
            }
            // One timer between two commands: neither keeps the other waiting.
            self.fire_due_timer();
            self.give_back();
            if self.lifecycle.is_finished() {
                return;
            }
        }
    }

    /// Does one thing, and what follows from it at once.
    pub(crate) fn handle_nested(&mut self, command: Command) {
        self.handle(command);
        self.follow_up();
    }

    /// Fires the timer that is due first, if any is.
    pub(crate) fn fire_due_timer(&mut self) {
        let Some(timer) = self.guest.timers.take_due(Instant::now()) else { return };
        let fire = |scope: &mut v8::PinScope, guest: &GuestState| timers::fire(scope, guest, &timer);
        let outcome = match (self.turn(timer.owner, fire), timer.owner) {
            // The request is settled already; what it left behind goes on by itself.
            (None, Some(_)) => self.turn(None, fire),
            (Some(Err(error)), Some(owner)) => {
                self.lifecycle.settle(owner, Err(error.clone()));
                Some(Err(error))
            }
            (outcome, _) => outcome,
        };
        let was_terminated = !matches!(outcome, Some(Ok(())));
        let guest = Rc::clone(&self.guest);
        guest.timers.ran(timer, was_terminated);
        self.follow_up();
    }

    /// Whether no code of the guest has begun to run since the state was last written down.
    fn is_exported(&self) -> bool {
        self.exported_at.get() == Some(self.lifecycle.turns_begun())
    }

    /// Tells the host which of its functions the guest has no more use for.
    fn give_back(&mut self) {
        if self.guest.remote.wants_collection() {
            self.ground.enter(|scope| scope.low_memory_notification());
        }
        self.guest.give_back();
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Eval { call, mut source } => {
                self.calls.set(self.calls.get() + 1);
                self.positions.take(&mut source);
                let outcome = self.turn(Some(call), |scope, guest| guest::eval(scope, guest, call, &source));
                self.report(call, outcome);
            }
            Command::Call { call, path, arguments } => {
                self.calls.set(self.calls.get() + 1);
                let outcome =
                    self.turn(Some(call), |scope, guest| guest::call(scope, guest, call, &path, &arguments));
                if outcome.is_none() {
                    self.guest.remote.not_received(&references::brought(&arguments));
                }
                self.report(call, outcome);
            }
            Command::Import { call, specifier } => {
                self.calls.set(self.calls.get() + 1);
                let outcome = self.turn(Some(call), |scope, _| guest::import(scope, call, &specifier));
                self.report(call, outcome);
            }
            Command::CallReference { call, number, arguments } => {
                self.calls.set(self.calls.get() + 1);
                let outcome = self.turn(Some(call), |scope, guest| {
                    guest::call_reference(scope, guest, call, number, &arguments)
                });
                if outcome.is_none() {
                    self.guest.remote.not_received(&references::brought(&arguments));
                }
                self.report(call, outcome);
            }
            Command::Release { references } => {
                for (number, times) in references {
                    if let Some(steps) = self.guest.remote.release(number, times) {
                        self.turn(None, |scope, _| remote::end_stream(scope, &steps).ok_or(Halt::Threw));
                    }
                }
            }
            Command::Answer { host_call, outcome } => self.take_answer(host_call, &outcome),
            Command::Stats { call } => {
                let stats = Box::new(self.stats());
                self.lifecycle.settle(call, Ok(Reply::Stats(stats)));
            }
            Command::Digest { call } => {
                let digest = self.turn(Some(call), |scope, _| digest::take(scope).ok_or(Halt::Threw));
                if let Some(digest) = digest {
                    self.lifecycle.settle(call, digest.map(|digest| Reply::Digest(Box::new(digest))));
                }
            }
            Command::ExportState { call, if_changed: true, .. } if self.is_exported() => {
                self.lifecycle.settle(call, Ok(Reply::Done));
            }
            Command::ExportState { call, request, .. } => {
                let exported = self.turn(Some(call), |scope, _| state::export(scope, &request));
                if let Some(exported) = exported {
                    self.exported_at.set(exported.is_ok().then(|| self.lifecycle.turns_begun()));
                    self.lifecycle.settle(call, exported.map(|exported| Reply::State(Box::new(exported))));
                }
            }
            Command::ImportState { call, bytes, request } => {
                let imported = self.turn(Some(call), |scope, _| state::import(scope, &bytes, &request));
                if let Some(imported) = imported {
                    self.lifecycle.settle(call, imported.map(|()| Reply::Done));
                }
            }
            Command::Task(task) => {
                let inspector = Rc::clone(&self.inspector);
                self.turn(None, |scope, _| {
                    inspector.run(task);
                    scope.perform_microtask_checkpoint();
                    Ok(())
                });
            }
            Command::Inspect => {
                let inspector = Rc::clone(&self.inspector);
                // Each in a turn of its own: what one evaluates without end is not the next one's fault.
                let mut is_through = false;
                while !is_through {
                    let handled = self.turn(None, |scope, _| {
                        let was_there = inspector.step();
                        // A client may wait for a promise.
                        scope.perform_microtask_checkpoint();
                        Ok(was_there)
                    });
                    is_through = matches!(handled, None | Some(Ok(false)));
                }
                if !G::IS_NESTED {
                    inspector.tidy();
                }
            }
            // Once for each isolate, and before; or looked at before.
            Command::Hold { .. } | Command::Prepare { .. } | Command::Dispose => {}
        }
    }
}
