//! V8's inspector of one isolate, on the isolate's thread: sessions, pauses, waiting for a debugger.
//!
//! V8's part is made when the first client connects and dropped when the last one has gone. Requests
//! come through the `Port` and are taken at three places: by the worker while nothing runs, by an
//! interrupt while the guest runs, and by the loops in which the thread waits for a debugger. So any
//! request may be handled in the middle of another one, when that one runs code of the guest: no cell
//! stays borrowed while V8 is called.
//!
//! Nothing here may panic: V8 is on the stack.

mod client;
mod coverage;
mod envelope;
mod exceptions;
mod optimized_code;
mod outlet;
mod port;
mod sampling_signal;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use v8::inspector::{Channel, StringView, V8Inspector, V8InspectorClientTrustLevel, V8InspectorSession};

use crate::engine::isolate::LiveIsolate;
use crate::engine::lifecycle::Lifecycle;
use crate::engine::limits::memory::MemoryLimit;
use crate::engine::limits::native::uncharged;
use crate::engine::limits::{output, sampler};
use crate::engine::position::Positions;

use client::{Client, Nobody};
use coverage::Coverage;
use envelope::Envelope;
use outlet::Outlet;
pub(crate) use port::Port;
pub use port::{Frontend, SessionId};
use port::{Next, Request};

/// All contexts of an isolate that can be inspected: one.
const GROUP: i32 = 1;

/// What ends all that clients switch on and that goes on without them.
const EVERYTHING: [&str; 4] =
    ["Debugger.disable", "Profiler.disable", "HeapProfiler.disable", "Runtime.disable"];

/// The same, but for what would end the coverage of others.
const WITHOUT_COVERAGE: [&str; 4] =
    ["Debugger.disable", "Profiler.stop", "HeapProfiler.disable", "Runtime.disable"];

/// The methods after which a profile may start: the client starts it, or `console.profile`.
const PROFILING: [&str; 2] = ["Profiler.enable", START_PROFILE];

const START_PROFILE: &str = "Profiler.start";

/// What runs nothing of the guest and may take much memory beside its heap: the host's matter, and not
/// charged to the guest.
const UNCHARGED: [&str; 8] = [
    "Debugger.enable",
    "Debugger.getScriptSource",
    "Debugger.searchInContent",
    "HeapProfiler.getSamplingProfile",
    "HeapProfiler.stopSampling",
    "HeapProfiler.stopTrackingHeapObjects",
    "Profiler.stop",
    TAKE_HEAP_SNAPSHOT,
];

/// While nothing runs, V8 puts it off to a task of its own.
const TAKE_HEAP_SNAPSHOT: &str = "HeapProfiler.takeHeapSnapshot";

/// Whether a client is attached to the current isolate.
pub(crate) fn is_attached(isolate: &v8::Isolate) -> bool {
    isolate
        .get_slot::<Weak<Inspector>>()
        .and_then(Weak::upgrade)
        .is_some_and(|inspector| inspector.is_attached())
}

/// Fields drop in order: V8's sessions before V8's inspector.
pub(crate) struct Inspector {
    sessions: RefCell<HashMap<SessionId, Rc<V8InspectorSession>>>,
    /// Sessions without a client, see `Inspector::end_unneeded`.
    kept: RefCell<Vec<Rc<V8InspectorSession>>>,
    coverage: RefCell<Coverage>,
    v8: RefCell<Option<Rc<V8Inspector>>>,
    /// V8 has told a pause to end.
    quit: Cell<bool>,
    /// V8 is looking at the context: it knows none until it has.
    is_attaching: Cell<bool>,
    /// V8 tells of uncaught exceptions; once for the isolate.
    hears_exceptions: Cell<bool>,
    /// The last request for a heap snapshot that is not answered yet.
    heap_snapshot: Cell<Option<(SessionId, i32)>>,
    isolate: v8::UnsafeRawIsolatePtr,
    context: v8::Global<v8::Context>,
    memory: Arc<MemoryLimit>,
    lifecycle: Arc<Lifecycle>,
    positions: Rc<Positions>,
    this: Weak<Inspector>,
}

impl Inspector {
    /// For a live isolate, which must outlive it.
    pub(crate) fn new(
        live: &mut LiveIsolate,
        memory: Arc<MemoryLimit>,
        lifecycle: Arc<Lifecycle>,
        positions: Rc<Positions>,
    ) -> Rc<Self> {
        // SAFETY: `live` is a live isolate; the pointer is used on its thread, while it lives.
        let isolate = unsafe { live.isolate.as_raw_isolate_ptr() };
        let inspector = Rc::new_cyclic(|this| Self {
            sessions: RefCell::default(),
            kept: RefCell::default(),
            coverage: RefCell::default(),
            v8: RefCell::default(),
            quit: Cell::new(false),
            is_attaching: Cell::new(false),
            hears_exceptions: Cell::new(false),
            heap_snapshot: Cell::new(None),
            isolate,
            context: v8::Global::clone(&live.context),
            memory,
            lifecycle,
            positions,
            this: Weak::clone(this),
        });
        live.isolate.set_slot(Rc::downgrade(&inspector));
        inspector
    }

    /// Whether a client has connected and not yet gone.
    pub(crate) fn is_attached(&self) -> bool {
        self.v8.borrow().is_some()
    }

    /// Handles one request, without waiting for it. Says whether there was one.
    pub(crate) fn step(&self) -> bool {
        let next = self.lifecycle.port().next();
        let Some((session, request)) = next else { return false };
        self.handle(session, request);
        true
    }

    /// Drops V8's inspector if nobody uses it. Only while nothing of V8 is on the stack.
    pub(crate) fn tidy(&self) {
        if self.sessions.borrow().is_empty() {
            let v8 = self.v8.take();
            drop(v8);
        }
    }

    fn end(&self) {
        let sessions = (self.sessions.take(), self.kept.take());
        self.in_scope(|_| drop(sessions));
        self.tidy();
    }

    /// Ends every session when it is dropped: before the isolate, whatever happens.
    pub(crate) fn ending(self: &Rc<Self>) -> Ending {
        Ending(Rc::clone(self))
    }

    /// Tells V8 whether something runs: a CPU profile shows the rest as idle.
    pub(crate) fn set_idle(&self, is_idle: bool) {
        let Some(v8) = self.v8() else { return };
        if is_idle { v8.idle_started() } else { v8.idle_finished() }
    }

    /// Waits for a debugger. What runs afterwards is looked at by the sampler again.
    fn wait<T>(&self, wait: impl FnOnce() -> T) -> T {
        let outcome = self.lifecycle.wait_for_debugger(wait);
        sampler::turn_begins(&self.memory);
        outcome
    }

    /// Waits before a call until a debugger lets it run.
    pub(crate) fn hold(&self) {
        output::without_bound(|| {
            self.lifecycle.stop_clock();
            loop {
                match self.wait(|| self.lifecycle.port().wait_held()) {
                    Next::GoOn => break,
                    Next::Request(session, request) => self.handle(session, request),
                }
            }
            self.lifecycle.start_clock();
        });
    }

    /// The loop of a pause: V8 has called it at a breakpoint, and goes on with the guest when it
    /// returns.
    fn pause(&self) {
        output::without_bound(|| {
            self.quit.set(false);
            self.lifecycle.stop_clock();
            while !self.quit.get() {
                match self.wait(|| self.lifecycle.port().wait_paused()) {
                    Next::GoOn => break,
                    Next::Request(session, request) => self.handle(session, request),
                }
            }
            self.lifecycle.start_clock();
        });
    }

    fn handle(&self, session: SessionId, request: Request) {
        self.in_scope(|scope| {
            match request {
                Request::Connect => self.connect(scope, session),
                Request::Message(message) => self.dispatch(session, &message),
                Request::Disconnect => self.disconnect(session),
            }
            // V8's debugger, when it is switched on, puts a callback of its own near the heap limit.
            self.memory.stay_last(scope);
        });
    }

    fn connect(&self, scope: &mut v8::PinScope<'_, '_, ()>, id: SessionId) {
        let v8 = match self.v8() {
            Some(v8) => v8,
            None => self.attach(scope),
        };
        let channel = Channel::new(Box::new(Outlet { session: id, inspector: Weak::clone(&self.this) }));
        let trust = V8InspectorClientTrustLevel::FullyTrusted;
        let session = Rc::new(v8.connect(GROUP, channel, StringView::empty(), trust));
        self.sessions.borrow_mut().insert(id, session);
    }

    fn v8(&self) -> Option<Rc<V8Inspector>> {
        self.v8.borrow().as_ref().map(Rc::clone)
    }

    fn attach(&self, scope: &mut v8::PinScope<'_, '_, ()>) -> Rc<V8Inspector> {
        let client =
            v8::inspector::V8InspectorClient::new(Box::new(Client { inspector: Weak::clone(&self.this) }));
        let v8 = Rc::new(V8Inspector::create(scope, client));
        if !self.hears_exceptions.replace(true) {
            scope.add_message_listener(exceptions::on_message);
        }
        // Before V8 looks at the context: it reads `console`, which may be a getter of the guest.
        self.v8.replace(Some(Rc::clone(&v8)));
        let context = v8::Local::new(scope, &self.context);
        self.is_attaching.set(true);
        announce(scope, &v8, context);
        self.is_attaching.set(false);
        v8
    }

    fn dispatch(&self, id: SessionId, message: &str) {
        let Some(session) = self.session(id) else { return };
        let port = self.lifecycle.port();
        let Envelope { id: call, method } = match envelope::read(message) {
            Ok(envelope) => envelope,
            Err(refusal) => return port.emit(id, refusal),
        };
        if PROFILING.contains(&method.as_str())
            && let Err(words) = sampling_signal::prepare()
        {
            return port.emit(id, envelope::refusal(call, words));
        }
        if method == TAKE_HEAP_SNAPSHOT {
            self.heap_snapshot.set(Some((id, call)));
        }
        self.coverage.borrow_mut().asked(id, &method);
        if UNCHARGED.contains(&method.as_str()) {
            uncharged(|| dispatch(&session, message));
        } else {
            dispatch(&session, message);
        }
        if method == START_PROFILE {
            optimized_code::drop_all(self.isolate);
        }
        self.end_unneeded();
    }

    /// V8 has answered a request of a session's client.
    fn answered(&self, session: SessionId, call: i32) {
        if self.heap_snapshot.get() == Some((session, call)) {
            self.heap_snapshot.set(None);
        }
    }

    /// Runs a task of V8's, which may be what takes a heap snapshot: neither its memory nor its time is
    /// the guest's, and V8 does not look at terminations meanwhile.
    pub(crate) fn run(&self, task: v8::Task) {
        if self.heap_snapshot.get().is_none() {
            return task.run();
        }
        self.lifecycle.stop_clock();
        uncharged(|| task.run());
        self.lifecycle.start_clock();
    }

    fn session(&self, id: SessionId) -> Option<Rc<V8InspectorSession>> {
        self.sessions.borrow().get(&id).map(Rc::clone)
    }

    fn disconnect(&self, id: SessionId) {
        let session = self.sessions.borrow_mut().remove(&id);
        let Some(session) = session else { return };
        // V8 forgets what it put off for it.
        self.heap_snapshot.set(self.heap_snapshot.get().filter(|(asking, _)| *asking != id));
        let is_kept = self.coverage.borrow().needs(id);
        self.coverage.borrow_mut().disconnected(id, is_kept);
        if is_kept {
            switch_off(&session, &WITHOUT_COVERAGE);
            self.kept.borrow_mut().push(session);
        } else if Rc::strong_count(&session) > 1 {
            // One of its own messages is being handled, further down the stack: it is dropped there.
            switch_off(&session, &EVERYTHING);
        }
        self.end_unneeded();
    }

    /// Drops the sessions that are only there because their end would have ended what another client
    /// collects.
    fn end_unneeded(&self) {
        if !self.coverage.borrow().is_collected() {
            let kept = self.kept.take();
            drop(kept);
        }
    }

    /// Runs `work` in a handle scope of its own.
    fn in_scope<T>(&self, work: impl FnOnce(&mut v8::PinScope<'_, '_, ()>) -> T) -> T {
        // SAFETY: the isolate lives as long as `self` is used, and this is its thread.
        let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(self.isolate) };
        v8::scope!(let scope, &mut isolate);
        work(scope)
    }
}

/// Gives a new context the number that V8's inspector will know it by. V8 writes it to every script that is
/// compiled there, and clients see only scripts with a number: without it, none of those that ran before
/// the first client came.
///
/// V8 numbers contexts when they are announced to an inspector, from 1 in each: so one is made for this
/// moment. It would leave a function at `console`, which is hidden meanwhile.
pub(crate) fn number(scope: &mut v8::PinScope, context: v8::Local<v8::Context>) {
    let global = context.global(scope);
    let Some(key) = v8::String::new(scope, "console") else { return };
    let Some(console) = global.get(scope, key.into()) else { return };
    let nothing = v8::undefined(scope).into();
    if global.set(scope, key.into(), nothing).is_none() {
        return;
    }
    {
        let inspector = V8Inspector::create(scope, v8::inspector::V8InspectorClient::new(Box::new(Nobody)));
        inspector.context_created(context, GROUP, StringView::empty(), StringView::empty());
    }
    global.set(scope, key.into(), console);
}

/// See `Inspector::ending`. Only where nothing of V8 is on the stack.
pub(crate) struct Ending(Rc<Inspector>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Makes a context known to V8's inspector.
fn announce(scope: &mut v8::PinScope<'_, '_, ()>, v8: &V8Inspector, context: v8::Local<v8::Context>) {
    let scope = &mut v8::ContextScope::new(scope, context);
    // What a getter throws there is nobody's.
    v8::tc_scope!(let _scope, scope);
    let name = StringView::from(&b"isolate"[..]);
    // As Node.js says of its own: clients evaluate in the default context.
    v8.context_created(context, GROUP, name, StringView::from(&br#"{"isDefault":true}"#[..]));
}

/// Hands a message to V8. ASCII goes as it is; V8 takes other 8-bit text for Latin-1.
fn dispatch(session: &V8InspectorSession, message: &str) {
    if message.is_ascii() {
        session.dispatch_protocol_message(StringView::from(message.as_bytes()));
    } else {
        let message: Vec<u16> = message.encode_utf16().collect();
        session.dispatch_protocol_message(StringView::from(&message[..]));
    }
}

/// Ends what a session has going on. Its client is gone: nobody hears the answers.
fn switch_off(session: &V8InspectorSession, methods: &[&str]) {
    for (number, method) in methods.iter().enumerate() {
        dispatch(session, &format!(r#"{{"id":{number},"method":"{method}"}}"#));
    }
}

/// Called by V8 in the middle of the guest's code, after the host has asked for it.
pub(crate) unsafe extern "C" fn on_interrupt(mut isolate: v8::UnsafeRawIsolatePtr, _data: *mut c_void) {
    // SAFETY: V8 passes the isolate that it interrupts, on its own thread.
    let isolate = unsafe { v8::Isolate::ref_from_raw_isolate_ptr_mut(&mut isolate) };
    let inspector = isolate.get_slot::<Weak<Inspector>>().and_then(Weak::upgrade);
    let Some(inspector) = inspector else { return };
    // Whoever attaches looks again afterwards.
    output::without_bound(|| while !inspector.is_attaching.get() && inspector.step() {});
    if isolate.is_execution_terminating() {
        // What a client evaluated has felt the termination that was meant for all: V8 takes an interrupt
        // for one that went well, so it has to be told again.
        isolate.cancel_terminate_execution();
        isolate.terminate_execution();
    }
}
