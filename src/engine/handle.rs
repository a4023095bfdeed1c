//! What the host holds of an isolate: `Send + Sync`, never blocks, settles every request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::error::{EngineError, Result};
use crate::engine::host_call::Host;
use crate::engine::inbox::{Receiver, Sender, inbox};
use crate::engine::inspector::{self, Frontend, SessionId};
use crate::engine::lifecycle::{CallId, Lifecycle, Settle};
pub use crate::engine::limits::codegen::Codegen;
use crate::engine::modules::SessionModules;
use crate::engine::observe::Listener;
use crate::engine::snapshot::Snapshot;
use crate::engine::source::Source;
use crate::engine::state::StateRequest;
use crate::engine::threads::spawn_isolate_thread;
use crate::engine::value::{EMPTY_OBJECT, Moves, Of, ValueLimits};
use crate::engine::worker::{self, Command};

/// An isolate needs this much beyond what its snapshot brings.
const SMALLEST_HEADROOM_MB: u64 = 4;

/// The smallest memory limit of an isolate without a snapshot, in MiB.
pub const SMALLEST_MEMORY_LIMIT_MB: u64 = 8;

/// What an isolate is made of, before it is anyone's session.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The heap image to start from; none for a blank isolate.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The limit for heap and buffers together, in MiB.
    pub memory_limit_mb: u64,
}

/// What one session brings to its isolate.
pub struct SessionOptions {
    /// Evaluated first, in order, as when a snapshot is built: what a session starts from that has no
    /// snapshot.
    pub sources: Vec<Source>,
    /// The time limit of the sources together, and of what the guest does on its own account, after
    /// its call was answered.
    pub timeout: Option<Duration>,
    /// An encoded object whose properties become globals.
    pub globals: Vec<u8>,
    /// Dotted paths of the host functions.
    pub bindings: Vec<String>,
    /// Those of them that block the guest until the host answers.
    pub sync_bindings: Vec<String>,
    /// Whether the host can read a `Float16Array`.
    pub host_has_float16: bool,
    /// Answers host calls.
    pub host: Arc<dyn Host>,
    /// CPU time of the isolate's thread, from the session's start on; none for no limit.
    pub cpu_limit: Option<Duration>,
    /// Whether the guest may make code from text.
    pub codegen: Codegen,
    /// What it can import.
    pub modules: SessionModules,
    /// Hears of the console and of errors that nobody caught; none when nobody wants to.
    pub listener: Option<Listener>,
    /// How large and how deep the session's values may be.
    pub value_limits: ValueLimits,
    /// Whether its state will be exported or imported.
    pub keeps_state: bool,
}

impl SessionOptions {
    /// Whether an isolate that is restored can't refuse the session: nothing is evaluated or defined in it.
    pub(crate) fn is_plain(&self) -> bool {
        self.sources.is_empty()
            && self.bindings.is_empty()
            && self.globals == EMPTY_OBJECT
            && !self.keeps_state
    }
}

/// The smallest memory limit with which `snapshot` can be restored, in MiB.
pub fn smallest_memory_limit_mb(snapshot: Option<&Snapshot>) -> u64 {
    let Some(snapshot) = snapshot else { return SMALLEST_MEMORY_LIMIT_MB };
    let info = snapshot.info();
    let brought = (info.heap_bytes + info.buffer_bytes).div_ceil(1024 * 1024);
    (brought + SMALLEST_HEADROOM_MB).max(SMALLEST_MEMORY_LIMIT_MB)
}

/// Whether an isolate of this seed can be made.
///
/// # Errors
/// `InvalidArg` when the memory limit is too small for the snapshot.
pub fn check_memory_limit(seed: &Seed) -> Result<()> {
    let smallest = smallest_memory_limit_mb(seed.snapshot.as_deref());
    if seed.memory_limit_mb >= smallest {
        return Ok(());
    }
    let given = seed.memory_limit_mb;
    let message = format!("memoryLimitMb must be at least {smallest} for this snapshot, got {given}");
    Err(EngineError::InvalidArg { message })
}

/// A number that no other isolate of this process has.
pub fn reserve_id() -> u64 {
    static NEXT_ID: AtomicU64 = AtomicU64::new(1);
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// One isolate. Dropping the handle disposes it.
pub struct IsolateHandle {
    id: u64,
    lifecycle: Arc<Lifecycle>,
    commands: Sender,
    nested: Mutex<Option<Nested>>,
}

/// The next request, when the host makes it in order to answer host calls.
struct Nested {
    call: CallId,
    /// The innermost first.
    host_calls: Vec<u64>,
}

/// The request that restores an isolate which no session has asked for yet.
const RESTORE: CallId = 0;

impl IsolateHandle {
    /// Starts an isolate on a thread of its own, for one session. `started` is settled as request
    /// `call` when it is ready, or when it can't be.
    ///
    /// # Errors
    /// `InvalidArg` when the memory limit is too small for the snapshot.
    pub fn start(seed: Seed, session: SessionOptions, call: CallId, started: Settle) -> Result<Self> {
        let (handle, thread) = Self::new(seed)?;
        handle.prepare(session, call, started);
        thread.spawn(call);
        Ok(handle)
    }

    /// Restores an isolate on a thread of its own, where it waits for its session. `restored` gets it,
    /// or the reason why it can't be; it is called on that thread.
    ///
    /// # Errors
    /// `InvalidArg` when the memory limit is too small for the snapshot.
    pub fn restore(seed: Seed, restored: impl FnOnce(Result<Self>) + Send + 'static) -> Result<()> {
        let (handle, thread) = Self::new(seed)?;
        handle.send(Command::Hold { call: RESTORE });
        // The request keeps the handle: an isolate that nobody can get any more is disposed.
        thread.lifecycle.submit(RESTORE, None, Box::new(move |reply| restored(reply.map(|_| handle))));
        thread.spawn(RESTORE);
        Ok(())
    }

    /// Makes a restored isolate the isolate of one session. Once for each isolate.
    pub fn prepare(&self, session: SessionOptions, call: CallId, started: Settle) {
        let timeout = session.timeout;
        self.lifecycle.limit_detached(timeout);
        let timeout = timeout.filter(|_| !session.sources.is_empty());
        let command = Command::Prepare { call, session: Box::new(session), asked: Instant::now() };
        self.request(call, timeout, started, command);
    }

    fn new(seed: Seed) -> Result<(Self, Thread)> {
        check_memory_limit(&seed)?;
        let (commands, received) = inbox();
        let id = reserve_id();
        let lifecycle = Lifecycle::new(seed.memory_limit_mb, commands.clone());
        let handle = Self {
            id,
            lifecycle: Arc::clone(&lifecycle),
            commands: commands.clone(),
            nested: Mutex::default(),
        };
        Ok((handle, Thread { seed, id, lifecycle, commands, received }))
    }

    /// Whether the isolate has ended, or is about to.
    pub fn is_finished(&self) -> bool {
        self.lifecycle.is_finished()
    }

    /// Unique in the process.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Evaluates a script; a promise it results in is awaited.
    pub fn eval(&self, call: CallId, source: Source, timeout: Option<Duration>, settle: Settle) {
        self.request(call, timeout, settle, Command::Eval { call, source });
    }

    /// Calls the function at a dotted path of the guest's globals with an encoded array of
    /// arguments; a promise it returns is awaited.
    pub fn call(
        &self,
        call: CallId,
        path: String,
        arguments: Vec<u8>,
        timeout: Option<Duration>,
        settle: Settle,
    ) {
        self.request(call, timeout, settle, Command::Call { call, path, arguments });
    }

    /// Imports a module; answered with its exports, encoded as an object.
    pub fn import(&self, call: CallId, specifier: String, timeout: Option<Duration>, settle: Settle) {
        self.request(call, timeout, settle, Command::Import { call, specifier });
    }

    /// Before a request, or an answer: tells what moves with it. Nothing is kept for an isolate that is
    /// finished.
    pub fn announce(&self, of: Of, moves: Moves) {
        self.lifecycle.announced.add(of, moves, || self.lifecycle.is_finished());
    }

    /// Calls a function that the guest sent, by its number, with an encoded array of arguments; a promise
    /// it returns is awaited. A stream's steps are taken in the same way.
    pub fn call_reference(
        &self,
        call: CallId,
        number: u32,
        arguments: Vec<u8>,
        timeout: Option<Duration>,
        settle: Settle,
    ) {
        self.request(call, timeout, settle, Command::CallReference { call, number, arguments });
    }

    /// Lets go of functions and streams that the guest sent: their numbers, and how often each had come.
    pub fn release(&self, references: Vec<(u32, u32)>) {
        self.send(Command::Release { references });
    }

    /// Reports the isolate's figures, once it is idle.
    pub fn stats(&self, call: CallId, settle: Settle) {
        self.request(call, None, settle, Command::Stats { call });
    }

    pub(crate) fn digest(&self, call: CallId, timeout: Option<Duration>, settle: Settle) {
        self.request(call, timeout, settle, Command::Digest { call });
    }

    /// Opens a session of the inspector, which the host has numbered; `frontend` gets its messages, and
    /// `None` when the isolate is finished.
    ///
    /// # Errors
    /// `Disposed` when the isolate is finished already.
    pub fn inspector_connect(&self, session: SessionId, frontend: Frontend) -> Result<()> {
        let connected = self.lifecycle.port().connect(session, frontend);
        self.inspect(connected.ok_or_else(|| self.lifecycle.refusal())?);
        Ok(())
    }

    /// Hands a message of the Chrome `DevTools` Protocol to the inspector.
    pub fn inspector_send(&self, session: SessionId, message: String) {
        let is_news = self.lifecycle.port().send(session, message);
        self.inspect(is_news);
    }

    /// Closes a session of the inspector.
    pub fn inspector_disconnect(&self, session: SessionId) {
        let is_news = self.lifecycle.port().disconnect(session);
        self.inspect(is_news);
    }

    /// A session's oldest message has reached its client. The isolate waits while too many have not.
    pub fn inspector_read(&self, session: SessionId) {
        self.lifecycle.port().read(session);
    }

    /// Whether evaluations and calls are to wait until a client sends `Runtime.runIfWaitingForDebugger`.
    pub fn inspector_hold(&self, is_held: bool) {
        self.lifecycle.port().hold(is_held);
    }

    /// Has the isolate's thread look into its port: while it runs the guest, while it is idle, or, by the
    /// port itself, while it waits for a debugger.
    fn inspect(&self, is_news: bool) {
        if is_news {
            self.lifecycle.interrupt(inspector::on_interrupt);
            self.send(Command::Inspect);
        }
    }

    /// Writes the guest's state down as a document (`engine::state`); answered with `Reply::State`.
    /// `if_changed`: with `Reply::Done`, without a look, if no code of the guest has run since the last time.
    pub fn export_state(
        &self,
        call: CallId,
        request: StateRequest,
        if_changed: bool,
        timeout: Option<Duration>,
        settle: Settle,
    ) {
        self.request(call, timeout, settle, Command::ExportState { call, request, if_changed });
    }

    /// Replaces the guest's state by that of a document, all of it or nothing.
    pub fn import_state(
        &self,
        call: CallId,
        bytes: Vec<u8>,
        request: StateRequest,
        timeout: Option<Duration>,
        settle: Settle,
    ) {
        self.request(call, timeout, settle, Command::ImportState { call, bytes, request });
    }

    /// Answers a host call with an encoded value, or an encoded error.
    pub fn answer(&self, host_call: u64, outcome: Result<Vec<u8>, Vec<u8>>) {
        self.send(Command::Answer { host_call, outcome });
    }

    /// Says of the next request, by its number, that the host makes it in order to answer one of these
    /// host calls, the innermost first: the thread, if it waits for one of them, takes it while it does.
    pub fn nest(&self, call: CallId, host_calls: Vec<u64>) {
        *self.nested.lock().unwrap_or_else(PoisonError::into_inner) = Some(Nested { call, host_calls });
    }

    /// Forgets a request, and stops it when it runs. It is not settled any more.
    pub fn abort(&self, call: CallId) {
        self.lifecycle.abort(call);
    }

    /// Ends the isolate: what runs is stopped, pending requests are refused. `done` is called when
    /// its memory is given back, or after a grace when V8 does not stop.
    pub fn dispose(&self, done: impl FnOnce() + Send + 'static) {
        self.lifecycle.dispose(Box::new(done));
        self.send(Command::Dispose);
    }

    fn request(&self, call: CallId, timeout: Option<Duration>, settle: Settle, command: Command) {
        let nested = self.nested.lock().unwrap_or_else(PoisonError::into_inner).take();
        if self.lifecycle.submit(call, timeout, settle) {
            match nested.filter(|nested| nested.call == call) {
                Some(nested) => self.commands.send_within(&nested.host_calls, command),
                None => self.send(command),
            }
        }
    }

    /// A finished isolate's thread may be gone; its requests are settled already.
    fn send(&self, command: Command) {
        self.commands.send(command);
    }
}

/// An isolate's thread before it starts.
struct Thread {
    seed: Seed,
    id: u64,
    lifecycle: Arc<Lifecycle>,
    commands: Sender,
    received: Receiver,
}

impl Thread {
    /// Starts it. `first` is the request that waits for the isolate.
    fn spawn(self, first: CallId) {
        let Self { seed, id, lifecycle, commands, received } = self;
        let refused = Arc::clone(&lifecycle);
        spawn_isolate_thread(
            format!("isoseed-{id}"),
            move || worker::run(seed, first, &lifecycle, commands, received),
            move |error| {
                let words = format!("the system refuses a thread: {error}");
                let why = EngineError::IsolateLost { words };
                refused.settle(first, Err(why.clone()));
                refused.finish(&why);
                refused.exited();
            },
        );
    }
}

impl Drop for IsolateHandle {
    fn drop(&mut self) {
        self.dispose(|| ());
    }
}
