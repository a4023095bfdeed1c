//! One JavaScript environment (the main thread or a Worker) and what it has under way.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use napi::bindgen_prelude::{
    Either, Env, Function, Result, Uint8Array, retain_current_module_for_unload_safety,
};
use napi_derive::napi;

use super::error::throw;
use super::event::{Answer, DispatchArgs, Events};
use super::isolate::{NativeIsolate, call_id, isolate_weight, json, settle};
use super::lent::{Lender, NativeReturned};
use super::number;
use super::options::{
    NativeBuildRequest, NativeConnectOptions, NativeIsolateOptions, NativeStateRequest, NativeVerifyOptions,
    milliseconds,
};
use super::process::{NativeProcess, NativeProcessProgram};
use super::snapshot::{NativeSnapshot, info_json};
use super::store::{self, NativeStoreOptions};
use crate::engine::error::EngineError;
use crate::engine::handle::{Codegen, IsolateHandle, Seed, SessionOptions};
use crate::engine::host_call::{Host, HostCall};
use crate::engine::modules::SessionModules;
use crate::engine::observe::Listener;
use crate::engine::observe::outbox::Outbox;
use crate::engine::pool::Pool;
use crate::engine::process::parent::ChildProcess;
use crate::engine::runtime::runtime;
use crate::engine::snapshot::cache::{self, Built, OnProgress, Ticket};
use crate::engine::snapshot::helper::HelperProgram;
use crate::engine::snapshot::{self, Compression, Snapshot, container};
use crate::engine::state::{self, StateRequest};
use crate::engine::verify::{self, VerifyOptions};

/// What ends with the environment.
#[derive(Default)]
struct UnderWay {
    builds: HashMap<u64, Ticket>,
    isolates: Vec<Weak<IsolateHandle>>,
    pools: Vec<Weak<Pool>>,
    processes: Vec<Weak<ChildProcess>>,
}

/// A connection of one JavaScript environment to the engine.
#[napi]
pub struct Connection {
    events: Events,
    helper: HelperProgram,
    float16: bool,
    under_way: Arc<Mutex<UnderWay>>,
    lender: Lender,
}

fn lock(under_way: &Mutex<UnderWay>) -> MutexGuard<'_, UnderWay> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connects a JavaScript environment: its events arrive at `dispatch`, never from within a native
/// call. A small answer of an isolate comes without an object: as the request's number, the encoded value
/// as text with a character for each byte, and the isolate's number.
#[napi(
    ts_args_type = "options: NativeConnectOptions, dispatch: (event: NativeEvent | number, packed: string | null, isolate: number | null) => void"
)]
pub fn connect(
    env: Env,
    options: NativeConnectOptions,
    dispatch: Function<DispatchArgs, ()>,
) -> Result<Connection> {
    // Isolate threads outlive the environment that loaded the addon.
    retain_current_module_for_unload_safety();
    let under_way = Arc::new(Mutex::new(UnderWay::default()));
    let lender = Lender::default();
    env.add_env_cleanup_hook((Arc::clone(&under_way), lender.clone()), |(under_way, lender)| {
        lender.close();
        let UnderWay { builds, isolates, pools, processes } = std::mem::take(&mut *lock(&under_way));
        builds.into_values().for_each(Ticket::cancel);
        pools.iter().filter_map(Weak::upgrade).for_each(|pool| pool.close());
        isolates.iter().filter_map(Weak::upgrade).for_each(|isolate| isolate.dispose(|| ()));
        processes.iter().filter_map(Weak::upgrade).for_each(|process| process.kill());
    })?;
    let helper = HelperProgram { program: options.exec_path.into(), arguments: vec![options.helper.into()] };
    Ok(Connection { events: Events::new(&dispatch)?, helper, float16: options.float16, under_way, lender })
}

#[napi]
impl Connection {
    /// Keeps the event loop alive, while requests are pending.
    #[napi(js_name = "ref")]
    pub fn hold(&self, env: Env) {
        self.events.hold_loop(env);
    }

    /// Lets the event loop end. The initial state.
    #[napi(js_name = "unref")]
    pub fn release(&self, env: Env) {
        self.events.release_loop(env);
    }

    /// Takes back what was lent and has been copied since.
    #[napi]
    pub fn take_back(&self) -> NativeReturned {
        self.lender.take_back()
    }

    /// Builds a snapshot, on top of `base`; answered with it, after `progress` events when asked for.
    #[napi]
    pub fn build_snapshot(&self, id: f64, request: NativeBuildRequest, base: Option<&NativeSnapshot>) {
        let keep = request.keep();
        let on_progress = request.progress.then(|| {
            let events = self.events.clone();
            let tell: OnProgress = Arc::new(move |progress| events.progress(id, progress));
            tell
        });
        let order = request.into_order(base.map(|base| Arc::clone(&base.snapshot)));
        let events = self.events.clone();
        let under_way = Arc::clone(&self.under_way);
        // Held until the ticket is in the table, so that an answer can't come before it.
        let mut table = lock(&self.under_way);
        let ticket = cache::build(self.helper.clone(), order, keep, on_progress, move |outcome| {
            lock(&under_way).builds.remove(&call_id(id));
            events.done(
                id,
                outcome
                    .map(|Built { snapshot, warning }| Answer::Built(NativeSnapshot::new(snapshot), warning)),
            );
        });
        table.builds.insert(call_id(id), ticket);
    }

    /// Leaves a build; no event follows. It ends when nobody waits for it any more.
    #[napi]
    pub fn cancel(&self, id: f64) {
        let ticket = lock(&self.under_way).builds.remove(&call_id(id));
        if let Some(ticket) = ticket {
            ticket.cancel();
        }
    }

    /// Reads and verifies a snapshot, whose SHA-256 must be the given one if any; answered with it.
    #[napi]
    pub fn load_snapshot(&self, id: f64, from: Either<String, &[u8]>, sha256: Option<String>) {
        let from = Origin::from(from);
        self.answer_later(id, move || {
            let snapshot = match (from, sha256.as_deref()) {
                (Origin::Path(path), sha256) => Snapshot::load(Path::new(&path), sha256),
                (Origin::Bytes(bytes), Some(sha256)) => Snapshot::from_pinned_bytes(bytes, sha256),
                (Origin::Bytes(bytes), None) => Snapshot::from_bytes(bytes),
            }?;
            Ok(Answer::Snapshot(NativeSnapshot::new(snapshot)))
        });
    }

    /// Reads a snapshot's header; answered with it as JSON.
    #[napi]
    pub fn inspect_snapshot(&self, id: f64, from: Either<String, &[u8]>) {
        let from = Origin::from(from);
        self.answer_later(id, move || {
            let inspected = match from {
                Origin::Path(path) => snapshot::inspect_file(Path::new(&path)),
                Origin::Bytes(bytes) => container::inspect(&bytes),
            }?;
            Ok(Answer::Json(info_json(&inspected)))
        });
    }

    /// Writes a snapshot to a file, all or nothing, by zstd when it is to be compressed.
    #[napi]
    pub fn save_snapshot(&self, id: f64, snapshot: &NativeSnapshot, path: String, compressed: bool) {
        let snapshot = Arc::clone(&snapshot.snapshot);
        let compression = if compressed { Compression::Zstd } else { Compression::None };
        self.answer_later(id, move || {
            snapshot.write(Path::new(&path), compression).map(|()| Answer::Nothing)
        });
    }

    /// Holds so many isolates of a snapshot ready from now on; answered when they are.
    ///
    /// # Errors
    /// A `TypeError` with code `ERR_INVALID_ARG` when the memory limit is too small for the snapshot.
    #[napi]
    pub fn prewarm(
        &self,
        env: Env,
        id: f64,
        snapshot: &NativeSnapshot,
        count: u32,
        memory_limit_mb: u32,
    ) -> Result<()> {
        let events = self.events.clone();
        let done = Box::new(move |outcome: std::result::Result<(), EngineError>| {
            events.done(id, outcome.map(|()| Answer::Nothing));
        });
        {
            let mut under_way = lock(&self.under_way);
            under_way.pools.retain(|pool| pool.strong_count() > 0);
            under_way.pools.push(Arc::downgrade(&snapshot.pool));
        }
        let held = snapshot.pool.hold(count as usize, u64::from(memory_limit_mb), done);
        held.map_err(|error| throw(env, &error))?;
        snapshot.weigh_pool(env, count)
    }

    /// Starts an isolate, or takes one that is held ready. Returned at once; request `id` is answered
    /// when it is ready.
    ///
    /// # Errors
    /// A `TypeError` with code `ERR_INVALID_ARG` when the memory limit is too small for the snapshot.
    #[napi]
    pub fn create_isolate(
        &self,
        env: Env,
        id: f64,
        options: NativeIsolateOptions,
        snapshot: Option<&NativeSnapshot>,
    ) -> Result<NativeIsolate> {
        let weight = isolate_weight(snapshot.map(|snapshot| &*snapshot.snapshot));
        let address = Arc::new(Address { events: self.events.clone(), isolate: std::sync::OnceLock::new() });
        let memory_limit_mb = u64::from(options.memory_limit_mb);
        let outbox = (options.console || options.uncaught).then(|| {
            let address = Arc::downgrade(&address);
            Outbox::new(move |outbox| {
                if let Some(address) = address.upgrade() {
                    address.reports(outbox);
                }
            })
        });
        let value_limits = options.value_limits();
        let session = SessionOptions {
            sources: options.sources.into_iter().map(Into::into).collect(),
            timeout: options.timeout_ms.map(milliseconds),
            globals: options.globals.to_vec(),
            bindings: options.bindings,
            sync_bindings: options.sync_bindings,
            host_has_float16: self.float16,
            host: Arc::clone(&address) as Arc<dyn Host>,
            cpu_limit: options.cpu_limit_ms.map(milliseconds),
            codegen: Codegen { strings: options.codegen_strings, wasm: options.codegen_wasm },
            modules: SessionModules {
                given: options.modules.into_iter().map(Into::into).collect(),
                asks_host: options.has_loader,
            },
            listener: outbox.clone().map(|outbox| Listener {
                outbox,
                console: options.console,
                uncaught: options.uncaught,
            }),
            value_limits,
            keeps_state: options.keeps_state.unwrap_or(false),
        };
        let started = settle(self.events.clone(), None, id);
        let handle = if let Some(snapshot) = snapshot {
            snapshot.pool.start(memory_limit_mb, session, call_id(id), started)
        } else {
            let seed = Seed { snapshot: None, memory_limit_mb };
            IsolateHandle::start(seed, session, call_id(id), started)
        };
        let handle = Arc::new(handle.map_err(|error| throw(env, &error))?);
        // Filled once, here. No guest code calls the host before the host was told that the isolate is
        // ready; what reports earlier waits for this.
        let _ = address.isolate.set(handle.id());
        {
            let mut under_way = lock(&self.under_way);
            if under_way.isolates.len() == under_way.isolates.capacity() {
                // Only where the table would have to grow, so that one of thousands costs what the first did.
                under_way.isolates.retain(|isolate| isolate.strong_count() > 0);
            }
            under_way.isolates.push(Arc::downgrade(&handle));
        }
        env.adjust_external_memory(weight)?;
        let lender = self.lender.clone();
        Ok(NativeIsolate { handle, events: self.events.clone(), outbox, weight: Cell::new(weight), lender })
    }

    /// Starts a process for isolates. What it says, and its end, arrive as events under its number.
    #[napi]
    pub fn start_process(&self, program: NativeProcessProgram) -> NativeProcess {
        let process = NativeProcess::start(program, self.events.clone());
        let mut under_way = lock(&self.under_way);
        under_way.processes.retain(|process| process.strong_count() > 0);
        under_way.processes.push(process.downgrade());
        process
    }

    /// Verifies a snapshot's isolation; answered with the report as JSON.
    #[napi]
    pub fn verify_isolation(&self, id: f64, snapshot: &NativeSnapshot, options: NativeVerifyOptions) {
        let snapshot = Arc::clone(&snapshot.snapshot);
        let options = VerifyOptions {
            memory_limit_mb: u64::from(options.memory_limit_mb),
            timeout: milliseconds(options.timeout_ms),
            hostile: options.hostile.map(Into::into),
        };
        self.answer_later(id, move || json(&verify::verify(&snapshot, &options, None)?).map(Answer::Json));
    }

    /// Opens a store; answered with it.
    #[napi]
    pub fn open_store(&self, id: f64, options: NativeStoreOptions) {
        store::open(self.events.clone(), id, options);
    }

    /// Packs a session's state for a store; answered with JSON, and the revision's head and new chunks.
    #[napi]
    pub fn pack_state(&self, id: f64, state: &[u8], request: String, key: Option<&[u8]>) {
        let (state, key) = (state.to_vec(), key.map(<[u8]>::to_vec));
        self.answer_later(id, move || store::pack(&state, &request, key.as_deref()));
    }

    /// Puts a session's state together from its head followed by its chunks; answered with JSON and it.
    #[napi]
    pub fn unpack_state(&self, id: f64, request: String, parts: Vec<Uint8Array>, keys: Vec<Uint8Array>) {
        let (parts, keys) = (store::copies(&parts), store::copies(&keys));
        self.answer_later(id, move || store::unpack(&request, parts, &keys));
    }

    /// Reads what a state's document says of itself, without an isolate; answered with it as JSON. Of the
    /// request, `keepGlobals` means nothing.
    #[napi]
    pub fn inspect_state(&self, id: f64, bytes: &[u8], request: NativeStateRequest) {
        let bytes = bytes.to_vec();
        let StateRequest { state, limits, .. } = request.into();
        self.answer_later(id, move || json(&state::inspect(&bytes, &limits, &state)?).map(Answer::Json));
    }

    /// Runs `work` off the host's thread and answers with what it comes to.
    fn answer_later(
        &self,
        id: f64,
        work: impl FnOnce() -> std::result::Result<Answer, EngineError> + Send + 'static,
    ) {
        let events = self.events.clone();
        runtime().spawn_blocking(move || {
            let outcome = catch_unwind(AssertUnwindSafe(work))
                .unwrap_or_else(|_| Err(EngineError::build("isoseed panicked, which is a bug")));
            events.done(id, outcome);
        });
    }
}

/// Where an isolate's host calls go.
struct Address {
    events: Events,
    isolate: std::sync::OnceLock<u64>,
}

impl Host for Address {
    fn call(&self, call: HostCall) {
        if let Some(isolate) = self.isolate.get() {
            self.events.host_call(number(*isolate), call);
        }
    }

    fn release(&self, references: Vec<(u32, u32)>) {
        if let Some(isolate) = self.isolate.get() {
            self.events.release(number(*isolate), references);
        }
    }
}

impl Address {
    /// The sources of a fallback may report before `create_isolate` has written down who they are: it
    /// is about to.
    fn reports(&self, outbox: Arc<Outbox>) {
        self.events.reports(number(*self.isolate.wait()), outbox);
    }
}

/// A snapshot's path or bytes. The bytes are copied: JavaScript may change them meanwhile.
enum Origin {
    Path(String),
    Bytes(Vec<u8>),
}

impl From<Either<String, &[u8]>> for Origin {
    fn from(from: Either<String, &[u8]>) -> Self {
        match from {
            Either::A(path) => Self::Path(path),
            Either::B(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }
}
