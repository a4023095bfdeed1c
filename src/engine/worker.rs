//! The isolate's thread: takes commands one by one and runs guest code in turns.
//!
//! A turn is one stretch of guest code on behalf of one request: a script, a call, the continuation
//! after a host's answer. Each ends with a microtask checkpoint, so a result is reported only after
//! all that it set off has run, under the same deadline.
//!
//! The thread restores its isolate first and then waits for a session: one that asked for it, whose
//! command is in the queue already, or whoever takes it out of a pool.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crate::engine::error::{EngineError, GuestException, Result};
use crate::engine::exception::describe;
use crate::engine::guest::{self, Progress};
use crate::engine::handle::{Seed, SessionOptions};
use crate::engine::heap_snapshot;
use crate::engine::host_call::GuestState;
use crate::engine::inbox::{Outcome, Receiver, Sender};
use crate::engine::inspector::Inspector;
use crate::engine::isolate;
use crate::engine::lifecycle::{CallId, Lifecycle, Reply};
use crate::engine::limits::memory::{MemoryLimit, external_bytes};
use crate::engine::limits::native::Charging;
use crate::engine::limits::{codegen, fatal, sampler};
use crate::engine::modules::{self, Modules};
use crate::engine::observe::{Observer, console};
use crate::engine::platform::TaskRoute;
use crate::engine::position::Positions;
use crate::engine::remote;
use crate::engine::session::{Ground, Session};
use crate::engine::source::Source;
use crate::engine::state::{self, StateRequest, StateSlot};
use crate::engine::stats::{IsolateStats, milliseconds, nanoseconds, thread_cpu_ns};
use crate::engine::system::timers;
use crate::engine::uncaught;
use crate::engine::value::transfer::{Of, Transfers};
use crate::engine::value::{Encoder, references};
use crate::engine::verify::digest;

/// What the isolate's thread can be told.
pub(crate) enum Command {
    /// Tells that the isolate is restored; it waits for its session.
    Hold {
        call: CallId,
    },
    /// Makes it the isolate of one session, which asked for it at this time.
    Prepare {
        call: CallId,
        session: Box<SessionOptions>,
        asked: Instant,
    },
    Eval {
        call: CallId,
        source: Source,
    },
    Call {
        call: CallId,
        path: String,
        arguments: Vec<u8>,
    },
    Answer {
        host_call: u64,
        outcome: Outcome,
    },
    Stats {
        call: CallId,
    },
    Digest {
        call: CallId,
    },
    Task(v8::Task),
    Dispose,
    Import {
        call: CallId,
        specifier: String,
    },
    /// Writes the state down.
    ExportState {
        call: CallId,
        request: StateRequest,
    },
    /// Replaces the state.
    ImportState {
        call: CallId,
        bytes: Vec<u8>,
        request: StateRequest,
    },
    /// Something for the inspector is in the isolate's port.
    Inspect,
    /// Writes the heap to a file.
    HeapSnapshot {
        call: CallId,
        path: PathBuf,
    },
    /// Calls a function that the guest sent, or takes a step of a stream.
    CallReference {
        call: CallId,
        number: u32,
        arguments: Vec<u8>,
    },
    /// Lets go of what the guest sent: numbers, and how often each had come.
    Release {
        references: Vec<(u32, u32)>,
    },
}

/// Why a turn's work ended early.
pub(crate) enum Halt {
    /// An exception is pending in the turn's `TryCatch`, or the guest was terminated.
    Threw,
    /// The work failed otherwise.
    Failed(EngineError),
}

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
    fatal::watch_thread(Arc::clone(lifecycle));
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
    let _charging = Charging::begin(&memory);
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
    sampler::isolate_ended();
    // No task may be routed to an isolate that is being torn down.
    drop(route);
    live.isolate.remove_slot::<Rc<Session>>();
    live.isolate.remove_slot::<Rc<GuestState>>();
    live.isolate.remove_slot::<Rc<Observer>>();
    live.isolate.remove_slot::<Rc<Transfers>>();
    live.isolate.remove_slot::<Rc<StateSlot>>();
    modules::clear(&mut live.isolate);
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
    while let Some(command) = received.receive(None) {
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
        loop {
            let command = self.inbox.receive(self.guest.timers.next_due());
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

    fn follow_up(&mut self) {
        self.finish_loads();
        self.settle_awaited();
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
                    self.lifecycle.settle(call, digest.map(Reply::Digest));
                }
            }
            Command::ExportState { call, request } => {
                let exported = self.turn(Some(call), |scope, _| state::export(scope, &request));
                if let Some(exported) = exported {
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
            Command::HeapSnapshot { call, path } => {
                // Not a turn: nothing of the guest runs, and V8 does not look at terminations meanwhile.
                let session = &self.session;
                let is_wanted = || session.lifecycle.is_pending(call);
                if is_wanted() {
                    let written = self.ground.enter(|scope| heap_snapshot::write(scope, &path, is_wanted));
                    self.lifecycle.settle(call, written.map(|()| Reply::Done));
                }
            }
            // Once for each isolate, and before; or looked at before.
            Command::Hold { .. } | Command::Prepare { .. } | Command::Dispose => {}
        }
    }

    /// Goes on with what a host call was made for.
    fn take_answer(&mut self, host_call: u64, outcome: &Outcome) {
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

    fn report(&mut self, call: CallId, outcome: Option<Result<Progress>>) {
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

    /// Runs one turn. `None` when its request is settled already or the isolate finished.
    fn turn<T>(
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

    fn stats(&mut self) -> IsolateStats {
        let (heap, external_bytes) =
            self.ground.enter(|scope| (scope.get_heap_statistics(), external_bytes(scope)));
        let cpu_ns = thread_cpu_ns();
        let (guest_references, host_references) = self.guest.remote.counts();
        IsolateStats {
            heap_used_bytes: heap.used_heap_size() as u64,
            heap_total_bytes: heap.total_heap_size() as u64,
            heap_limit_bytes: self.memory.bytes() as u64,
            buffer_bytes: self.memory.buffer_bytes() as u64,
            cpu_ms: milliseconds(cpu_ns),
            calls: self.calls.get(),
            host_calls: self.guest.host_calls(),
            guest_references: guest_references as u64,
            host_references: host_references as u64,
            start_ms: self.start_ms.get(),
            pid: std::process::id(),
            external_bytes: external_bytes as u64,
            cpu_ns,
            wall_ns: nanoseconds(self.observer.ran.get()),
            restore_us: nanoseconds(self.restore) / 1000,
            pending_calls: self.lifecycle.pending_requests().saturating_sub(1) as u64,
            pending_host_calls: self.guest.waiting_calls() as u64,
            uncaught_errors: self.observer.uncaught.get(),
            console_entries: self.observer.console_entries(),
        }
    }
}

/// Whether the guest runs in a promise's reaction: V8 begins no other one before that one ends.
pub(crate) fn is_in_microtask(scope: &mut v8::PinScope) -> bool {
    let context = scope.get_current_context();
    context.get_microtask_queue().is_some_and(v8::MicrotaskQueue::is_running_microtasks)
}

/// What becomes of a call that a client of the inspector has terminated; nothing of the guest runs for it.
fn stopped_by_debugger() -> EngineError {
    let (name, message) = ("Error".to_owned(), "terminated by the debugger".to_owned());
    let stack = format!("{name}: {message}");
    EngineError::Guest(Box::new(GuestException { name, message, stack, encoded: Vec::new() }))
}
