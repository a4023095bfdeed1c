//! The isolate's thread: takes commands one by one and runs guest code in turns.
//!
//! A turn is one stretch of guest code on behalf of one request: a script, a call, the continuation
//! after a host's answer. Each ends with a microtask checkpoint, so a result is reported only after
//! all that it set off has run, under the same deadline.
//!
//! The thread restores its isolate first and then waits for a session: one that asked for it, whose
//! command is in the queue already, or whoever takes it out of a pool.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use crate::engine::error::{EngineError, GuestException, Result};
use crate::engine::exception::describe;
use crate::engine::guest::{self, Progress};
use crate::engine::handle::{Seed, SessionOptions};
use crate::engine::heap_snapshot;
use crate::engine::host_call::{GuestState, Waiting};
use crate::engine::inspector::{Inspector, Maps};
use crate::engine::isolate::{self, LiveIsolate};
use crate::engine::lifecycle::{CallId, Lifecycle, Reply, Stop};
use crate::engine::limits::memory::MemoryLimit;
use crate::engine::limits::{fatal, sampler};
use crate::engine::modules;
use crate::engine::platform::TaskRoute;
use crate::engine::source::Source;
use crate::engine::source_map::SourceMaps;
use crate::engine::stats::{IsolateStats, thread_cpu_ms};
use crate::engine::value::Encoder;
use crate::engine::verify::digest;

/// What the isolate's thread can be told. The queue is unbounded: its writers are the host, whose
/// own memory it is, and V8's few foreground tasks.
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
        outcome: Result<Vec<u8>, Vec<u8>>,
    },
    Stats {
        call: CallId,
    },
    Digest {
        call: CallId,
    },
    Task(v8::Task),
    Dispose,
    /// Something for the inspector is in the isolate's port.
    Inspect,
    /// Writes the heap to a file.
    HeapSnapshot {
        call: CallId,
        path: PathBuf,
    },
}

/// Why a turn's work ended early.
pub(crate) enum Halt {
    /// An exception is pending in the turn's `TryCatch`, or the guest was terminated.
    Threw,
    /// The work failed otherwise.
    Failed(EngineError),
}

struct Worker<'a> {
    guest: Rc<GuestState>,
    live: &'a mut LiveIsolate,
    memory: Arc<MemoryLimit>,
    lifecycle: Arc<Lifecycle>,
    /// Of the sources that the session evaluates; the snapshot has those of its own.
    source_maps: Rc<RefCell<SourceMaps>>,
    inspector: Rc<Inspector>,
    calls: u64,
    start_ms: f64,
}

/// The body of an isolate's thread.
pub(crate) fn run(
    seed: Seed,
    first: CallId,
    lifecycle: &Arc<Lifecycle>,
    commands: Sender<Command>,
    received: &Receiver<Command>,
) {
    fatal::watch_thread(Arc::clone(lifecycle));
    // The request that is told when the isolate can't be had.
    let asking = Cell::new(first);
    let serve = AssertUnwindSafe(|| serve(seed, &asking, lifecycle, commands, received));
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
    commands: Sender<Command>,
    received: &Receiver<Command>,
) -> Result<()> {
    if lifecycle.is_finished() {
        return Ok(());
    }
    let memory = MemoryLimit::new(Arc::clone(lifecycle));
    let mut live = isolate::create(seed.snapshot, &memory)?;
    memory.enforce(&mut live.isolate);
    lifecycle.isolate_created(live.isolate.thread_safe_handle());
    let route = TaskRoute::new(&live.isolate, move |task| {
        // The receiver lives as long as the isolate does.
        let _ = commands.send(Command::Task(task));
    });
    isolate::check_generated_code(&mut live);
    let outcome = match wait_for_session(lifecycle, received) {
        None => Ok(()),
        Some(Wanted { call, session, asked, tasks }) => {
            asking.set(call);
            let encoder = Encoder { limit: memory.bytes(), host_has_float16: session.host_has_float16 };
            let guest = GuestState::new(encoder, Arc::clone(&session.host));
            live.isolate.set_slot(Rc::clone(&guest));
            let lifecycle = Arc::clone(lifecycle);
            let source_maps = Rc::<RefCell<SourceMaps>>::default();
            let maps = Maps { session: Rc::clone(&source_maps), snapshot: live.snapshot().map(Arc::clone) };
            let inspector = Inspector::new(&mut live, Arc::clone(&memory), Arc::clone(&lifecycle), maps);
            let mut worker = Worker {
                guest,
                live: &mut live,
                memory,
                lifecycle,
                source_maps,
                inspector,
                calls: 0,
                start_ms: 0.0,
            };
            let prepared = worker.prepare(call, *session, asked);
            if prepared.is_ok() {
                for task in tasks {
                    worker.handle(Command::Task(task));
                }
                worker.serve(received);
            }
            worker.inspector.end();
            prepared
        }
    };
    sampler::isolate_ended();
    // No task may be routed to an isolate that is being torn down.
    drop(route);
    live.isolate.remove_slot::<Rc<GuestState>>();
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
fn wait_for_session(lifecycle: &Lifecycle, received: &Receiver<Command>) -> Option<Wanted> {
    let mut tasks = Vec::new();
    while let Ok(command) = received.recv() {
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

impl Worker<'_> {
    fn prepare(&mut self, call: CallId, mut session: SessionOptions, asked: Instant) -> Result<()> {
        session.sources.iter_mut().for_each(|source| self.source_maps.borrow_mut().take(source));
        let prepared = self.turn(Some(call), |scope, guest| guest::prepare(scope, guest, &session));
        // Without a turn the request is settled already: its time is over, or the isolate disposed.
        prepared.unwrap_or(Err(EngineError::Disposed { cause: None }))?;
        self.start_ms = asked.elapsed().as_secs_f64() * 1e3;
        self.lifecycle.settle(call, Ok(Reply::Started));
        Ok(())
    }

    fn serve(&mut self, received: &Receiver<Command>) {
        while let Ok(command) = received.recv() {
            if matches!(command, Command::Dispose) || self.lifecycle.is_finished() {
                return;
            }
            self.handle(command);
            self.settle_awaited();
            if self.lifecycle.is_finished() {
                return;
            }
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Eval { call, mut source } => {
                self.calls += 1;
                self.source_maps.borrow_mut().take(&mut source);
                let outcome = self.turn(Some(call), |scope, guest| guest::eval(scope, guest, call, &source));
                self.report(call, outcome);
            }
            Command::Call { call, path, arguments } => {
                self.calls += 1;
                let outcome =
                    self.turn(Some(call), |scope, guest| guest::call(scope, guest, call, &path, &arguments));
                self.report(call, outcome);
            }
            Command::Answer { host_call, outcome } => {
                let Some(Waiting { resolver, owner, .. }) = self.guest.take_waiting(host_call) else {
                    return;
                };
                let resume = |scope: &mut v8::PinScope, guest: &GuestState| {
                    guest::resume(scope, guest, &resolver, &outcome)
                };
                match (self.turn(owner, resume), owner) {
                    (Some(Err(error)), Some(owner)) => self.lifecycle.settle(owner, Err(error)),
                    // The request is settled already; what it left behind goes on by itself.
                    (None, Some(_)) => drop(self.turn(None, resume)),
                    _ => {}
                }
            }
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
            Command::Task(task) => {
                self.turn(None, |scope, _| {
                    task.run();
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
                inspector.tidy();
            }
            Command::HeapSnapshot { call, path } => {
                // Not a turn: nothing of the guest runs, and V8 does not look at terminations meanwhile.
                let is_wanted = || self.lifecycle.is_pending(call);
                if is_wanted() {
                    let written = heap_snapshot::write(&mut self.live.isolate, &path, is_wanted);
                    self.lifecycle.settle(call, written.map(|()| Reply::Done));
                }
            }
            // Once for each isolate, and before; or looked at before.
            Command::Hold { .. } | Command::Prepare { .. } | Command::Dispose => {}
        }
    }

    /// Encodes what promises of earlier turns came to, each in a turn of its own request.
    fn settle_awaited(&mut self) {
        loop {
            let next = self.guest.settled.borrow_mut().pop_front();
            let Some((call, outcome)) = next else { return };
            let outcome = self.turn(Some(call), |scope, guest| guest::settled(scope, guest, outcome));
            self.report(call, outcome);
        }
    }

    fn report(&self, call: CallId, outcome: Option<Result<Progress>>) {
        match outcome {
            None | Some(Ok(Progress::Waiting)) => {}
            Some(Ok(Progress::Done(bytes))) => self.lifecycle.settle(call, Ok(Reply::Value(bytes))),
            Some(Err(error)) => self.lifecycle.settle(call, Err(error)),
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
        self.guest.owner.set(owner);
        self.inspector.set_idle(false);
        let outcome = {
            v8::scope_with_context!(let scope, &mut self.live.isolate, &self.live.context);
            v8::tc_scope!(let scope, scope);
            // See `engine::inspector::exceptions`.
            scope.set_verbose(self.inspector.is_attached());
            if owner.is_some() && self.lifecycle.port().is_held() {
                self.inspector.hold();
            }
            match work(scope, &self.guest) {
                Ok(value) => Ok(value),
                Err(Halt::Failed(error)) => Err(error),
                Err(Halt::Threw) => {
                    let exception = scope.exception().filter(|_| scope.can_continue());
                    let message = scope.message();
                    scope.reset();
                    Err(match exception {
                        Some(exception) => describe(scope, exception, message, &self.guest.encoder),
                        None if self.inspector.is_attached() => stopped_by_debugger(),
                        None => EngineError::IsolateLost { words: "V8 stopped without a reason".to_owned() },
                    })
                }
            }
        };
        let outcome =
            outcome.map_err(|error| self.live.map_error(self.source_maps.borrow().map_error(error)));
        self.guest.owner.set(None);
        self.inspector.set_idle(true);
        let Some(stop) = self.lifecycle.end_turn() else { return Some(outcome) };
        let error = self.lifecycle.stop_error(stop);
        if stop == Stop::MemoryLimit {
            if let Some(owner) = owner {
                self.lifecycle.settle(owner, Err(error.clone()));
            }
            self.lifecycle.finish(&error);
        }
        Some(Err(error))
    }

    fn stats(&mut self) -> IsolateStats {
        let heap = self.live.isolate.get_heap_statistics();
        IsolateStats {
            heap_used_bytes: heap.used_heap_size() as u64,
            heap_total_bytes: heap.total_heap_size() as u64,
            heap_limit_bytes: self.memory.bytes() as u64,
            buffer_bytes: self.memory.buffer_bytes() as u64,
            cpu_ms: thread_cpu_ms(),
            calls: self.calls,
            host_calls: self.guest.host_calls(),
            start_ms: self.start_ms,
        }
    }
}

/// What becomes of a call that a client of the inspector has terminated; nothing of the guest runs for it.
fn stopped_by_debugger() -> EngineError {
    let (name, message) = ("Error".to_owned(), "terminated by the debugger".to_owned());
    let stack = format!("{name}: {message}");
    EngineError::Guest(Box::new(GuestException { name, message, stack, encoded: Vec::new() }))
}
