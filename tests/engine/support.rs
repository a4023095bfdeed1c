//! A blocking host for tests: requests one by one, results as text.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use isoseed::engine::error::{EngineError, Result};
use isoseed::engine::handle::{Codegen, IsolateHandle, Seed, SessionOptions};
use isoseed::engine::host_call::{Host, HostCall};
use isoseed::engine::lifecycle::{Reply, Settle};
use isoseed::engine::modules::SessionModules;
use isoseed::engine::snapshot::Snapshot;
use isoseed::engine::snapshot::cache::{self, Keep};
use isoseed::engine::snapshot::helper::{BuildLimits, BuildOrder, HelperProgram};
use isoseed::engine::snapshot::request::BuildRequest;
use isoseed::engine::source::Source;
use isoseed::engine::value::ValueLimits;

pub const SECOND: Duration = Duration::from_secs(1);
/// Far longer than anything takes that ends at all.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn source(code: &str, name: &str) -> Source {
    Source::script(code, name)
}

pub fn request(bundle: &str) -> BuildRequest {
    BuildRequest { bundles: vec![source(bundle, "bundle.js")], ..BuildRequest::default() }
}

pub fn helper() -> HelperProgram {
    HelperProgram {
        program: PathBuf::from(env!("CARGO_BIN_EXE_isoseed-helper")).into(),
        arguments: Vec::new(),
    }
}

pub const LIMITS: BuildLimits = BuildLimits { timeout: PATIENCE, memory_limit_mb: 512 };

pub fn try_build(request: BuildRequest, limits: BuildLimits) -> Result<Arc<Snapshot>> {
    try_build_on(None, request, limits)
}

pub fn try_build_on(
    base: Option<Arc<Snapshot>>,
    mut request: BuildRequest,
    limits: BuildLimits,
) -> Result<Arc<Snapshot>> {
    let (sender, built) = mpsc::channel();
    request.base = base.as_ref().map(|base| base.info().key.clone());
    cache::build(helper(), BuildOrder { request, base, limits }, Keep::Nowhere, None, move |outcome| {
        sender.send(outcome.map(|built| built.snapshot)).expect("the test waits");
    });
    built.recv().expect("every build is answered")
}

pub fn order(request: BuildRequest) -> BuildOrder {
    BuildOrder { request, base: None, limits: LIMITS }
}

pub fn build(bundle: &str) -> Arc<Snapshot> {
    try_build(request(bundle), LIMITS).expect("a sound bundle")
}

/// Keeps host calls until the test answers them.
#[derive(Default)]
pub struct Calls(pub Mutex<Vec<HostCall>>);

impl Host for Calls {
    fn call(&self, call: HostCall) {
        self.0.lock().expect("no test panics with it").push(call);
    }

    fn release(&self, _references: Vec<(u32, u32)>) {}
}

pub fn session_options() -> SessionOptions {
    SessionOptions {
        sources: Vec::new(),
        timeout: Some(SECOND),
        globals: b"\xff\x0fo{\0\0".to_vec(),
        bindings: vec!["host.call".to_owned()],
        sync_bindings: Vec::new(),
        host_has_float16: false,
        host: Arc::new(Calls::default()),
        cpu_limit: None,
        codegen: Codegen::default(),
        modules: SessionModules::default(),
        listener: None,
        value_limits: ValueLimits::default(),
        keeps_state: false,
    }
}

pub struct Session {
    pub handle: IsolateHandle,
    next: AtomicU64,
}

impl Session {
    pub fn open(snapshot: Option<&Arc<Snapshot>>) -> Self {
        Self::with_limit(snapshot, 128)
    }

    pub fn with_limit(snapshot: Option<&Arc<Snapshot>>, memory_limit_mb: u64) -> Self {
        let seed = Seed { snapshot: snapshot.map(Arc::clone), memory_limit_mb };
        Self::started(|settle| IsolateHandle::start(seed, session_options(), 1, settle))
    }

    /// What `start` starts as request 1, when it is ready.
    pub fn started(start: impl FnOnce(Settle) -> Result<IsolateHandle>) -> Self {
        let (settle, started) = channel();
        let handle = start(settle).expect("a large enough limit");
        started.recv_timeout(PATIENCE).expect("every request is answered").expect("an isolate starts");
        Self { handle, next: AtomicU64::new(2) }
    }

    /// The number of the next request.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub fn start_eval(&self, code: &str, timeout: Option<Duration>) -> Receiver<Result<Reply>> {
        let (settle, evaluated) = channel();
        let call = self.number();
        self.handle.eval(call, source(code, "test.js"), timeout, settle);
        evaluated
    }

    pub fn try_eval(&self, code: &str, timeout: Option<Duration>) -> Result<String> {
        match self.start_eval(code, timeout).recv_timeout(PATIENCE).expect("every request is answered")? {
            Reply::Value(bytes) => Ok(text(&bytes)),
            reply => panic!("a value was asked for, not {reply:?}"),
        }
    }

    pub fn eval(&self, code: &str) -> String {
        self.try_eval(&format!("String({code})"), Some(PATIENCE)).expect("a script that does not throw")
    }

    pub fn code_of(&self, code: &str, timeout: Duration) -> &'static str {
        self.try_eval(code, Some(timeout)).map_or_else(|error| EngineError::code(&error), |_| "no error")
    }

    pub fn dispose(self) {
        let (sender, done) = mpsc::channel();
        self.handle.dispose(move || sender.send(()).expect("the test waits"));
        done.recv_timeout(PATIENCE).expect("every dispose is answered");
    }
}

pub fn channel() -> (Settle, Receiver<Result<Reply>>) {
    let (sender, receiver) = mpsc::channel();
    (Box::new(move |reply| drop(sender.send(reply))), receiver)
}

/// A one-byte string as the wire has it, or the bytes as Rust shows them.
pub fn text(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0x0f, b'"', length, rest @ ..] if usize::from(*length) + 1 == rest.len() => {
            rest[..usize::from(*length)].iter().map(|byte| char::from(*byte)).collect()
        }
        other => format!("{other:?}"),
    }
}
