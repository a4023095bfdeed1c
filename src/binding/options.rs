//! Options as `lib/` passes them: validated there, typed here.

use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::engine::modules::SessionModule;
use crate::engine::snapshot::Snapshot;
use crate::engine::snapshot::cache::Keep;
use crate::engine::snapshot::helper::{BuildLimits, BuildOrder};
use crate::engine::snapshot::request::{BuildRequest, Unsafe};
use crate::engine::source::{Source, SourceKind};
use crate::engine::state::{StateLimits, StateRequest};
use crate::engine::value::ValueLimits;

/// Where this environment's helper processes come from, and what its Node.js can read.
#[napi(object, object_to_js = false)]
pub struct NativeConnectOptions {
    /// The program of the helper process: Node.js itself.
    pub exec_path: String,
    /// The helper's script.
    pub helper: String,
    /// Whether this Node.js has a `Float16Array`.
    pub float16: bool,
}

/// A source as `lib/` passes it.
#[napi(object, object_to_js = false)]
pub struct NativeSource {
    /// The code.
    pub code: String,
    /// The file name in stack traces.
    pub name: String,
    /// `commonjs` or `module`; absent for a script.
    pub kind: Option<String>,
    /// Where a module's exports are published: a dotted path.
    pub global: Option<String>,
}

/// A module that the guest can import.
#[napi(object, object_to_js = false)]
pub struct NativeModule {
    /// What it is imported by.
    pub specifier: String,
    /// The code.
    pub code: String,
    /// The file name in stack traces.
    pub name: String,
    /// `module`, `commonjs` or `json`.
    pub kind: String,
}

impl From<NativeModule> for SessionModule {
    fn from(module: NativeModule) -> Self {
        let NativeModule { specifier, code, name, kind } = module;
        let source = Source { code, name, kind: SourceKind::of_module(&kind), global: None };
        Self { specifier, source }
    }
}

impl From<NativeSource> for Source {
    fn from(source: NativeSource) -> Self {
        let kind = match source.kind.as_deref() {
            Some("commonjs") => SourceKind::CommonJs,
            Some("module") => SourceKind::Module,
            _ => SourceKind::Script,
        };
        Self { code: source.code, name: source.name, kind, global: source.global }
    }
}

/// What to build a snapshot from, and within which bounds.
#[napi(object, object_to_js = false)]
pub struct NativeBuildRequest {
    /// Runs first.
    pub bridge: Option<NativeSource>,
    /// Run next, in order.
    pub bundles: Vec<NativeSource>,
    /// Runs last.
    pub warmup: Option<NativeSource>,
    /// Dotted paths of host functions.
    pub bindings: Vec<String>,
    /// Wall-clock limit in milliseconds.
    pub timeout_ms: f64,
    /// Memory limit in MiB.
    pub memory_limit_mb: u32,
    /// Whether code that does not belong into a snapshot becomes a warning instead of an error.
    pub warn_only: bool,
    /// Whether to share builds and keep the result.
    pub cache: bool,
    /// Absolute path of a directory to keep it in, too; only with `cache`.
    pub cache_directory: Option<String>,
    /// Whether to report what the build is doing.
    pub progress: bool,
}

impl NativeBuildRequest {
    pub(super) fn keep(&self) -> Keep {
        match &self.cache_directory {
            _ if !self.cache => Keep::Nowhere,
            Some(path) => Keep::Directory(path.into()),
            None => Keep::Memory,
        }
    }

    pub(super) fn into_order(self, base: Option<Arc<Snapshot>>) -> BuildOrder {
        let limits = BuildLimits {
            timeout: milliseconds(self.timeout_ms),
            memory_limit_mb: u64::from(self.memory_limit_mb),
        };
        let request = BuildRequest {
            bridge: self.bridge.map(Into::into),
            bundles: self.bundles.into_iter().map(Into::into).collect(),
            warmup: self.warmup.map(Into::into),
            bindings: self.bindings,
            base: base.as_ref().map(|base| base.info().key.clone()),
            unsafe_code: if self.warn_only { Unsafe::Warn } else { Unsafe::Error },
        };
        BuildOrder { request, base, limits }
    }
}

/// How an isolate is to be made, apart from its snapshot.
#[napi(object, object_to_js = false)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct NativeIsolateOptions {
    /// Heap and buffers together, in MiB.
    pub memory_limit_mb: u32,
    /// The wall-clock limit of the sources together, and of what the guest does on its own account, in
    /// milliseconds; absent for none.
    pub timeout_ms: Option<f64>,
    /// What the isolate starts from instead of a snapshot, in order of evaluation.
    pub sources: Vec<NativeSource>,
    /// An encoded object whose properties become globals.
    pub globals: Uint8Array,
    /// Dotted paths of host functions.
    pub bindings: Vec<String>,
    /// CPU time of the session's whole life, in milliseconds; absent for no limit.
    pub cpu_limit_ms: Option<f64>,
    /// Whether the guest may make code from strings.
    pub codegen_strings: bool,
    /// Whether the guest may compile WebAssembly.
    pub codegen_wasm: bool,
    /// Those of them that block the guest until the host answers.
    pub sync_bindings: Vec<String>,
    /// What the guest can import.
    pub modules: Vec<NativeModule>,
    /// Whether the host is asked for other modules.
    pub has_loader: bool,
    /// Whether the host wants console entries.
    pub console: bool,
    /// Whether the host wants to know of errors that nobody caught.
    pub uncaught: bool,
    /// Whether the state will be exported or imported; absent for no.
    pub keeps_state: Option<bool>,
    /// The largest encoded message, in bytes; absent for no limit but the memory's.
    pub largest_value: Option<f64>,
    /// How deep values may be nested; absent for no limit but the stack's.
    pub deepest_value: Option<u32>,
}

impl NativeIsolateOptions {
    pub(super) fn value_limits(&self) -> ValueLimits {
        let none = ValueLimits::default();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and positive, checked in `lib/`"
        )]
        let bytes = self.largest_value.map_or(none.bytes, |bytes| bytes as usize);
        ValueLimits { bytes, depth: self.deepest_value.unwrap_or(none.depth) }
    }
}

/// What of a guest's state is exported or imported, and how large it may be.
#[napi(object, object_to_js = false)]
pub struct NativeStateRequest {
    /// The name of the global that is the state.
    pub state: String,
    /// Whether the other globals that the guest has made are kept, too.
    pub keep_globals: bool,
    /// The largest document, in bytes.
    pub payload_bytes: f64,
    /// The largest canonical form, in bytes.
    pub state_bytes: f64,
    /// The most variables.
    pub variables: f64,
    /// The most objects.
    pub nodes: f64,
    /// How far an object may be from its variable.
    pub depth: f64,
}

impl From<NativeStateRequest> for StateRequest {
    fn from(request: NativeStateRequest) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and positive, checked in `lib/`"
        )]
        let count = |value: f64| value as usize;
        let limits = StateLimits {
            payload_bytes: count(request.payload_bytes),
            state_bytes: count(request.state_bytes),
            variables: count(request.variables),
            nodes: count(request.nodes),
            depth: count(request.depth),
        };
        Self { state: request.state, keep_globals: request.keep_globals, limits }
    }
}

/// How to verify isolation.
#[napi(object, object_to_js = false)]
pub struct NativeVerifyOptions {
    /// Each session's heap and buffers together, in MiB.
    pub memory_limit_mb: u32,
    /// Each step's wall-clock limit in milliseconds.
    pub timeout_ms: f64,
    /// What a second hostile session runs.
    pub hostile: Option<NativeSource>,
}

/// A time limit from JavaScript. Longer than a duration can hold means a very long one.
pub(super) fn milliseconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value / 1e3).unwrap_or(Duration::MAX)
}
