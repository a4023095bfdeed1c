//! A V8 isolate and its context: blank, or restored from a snapshot. Runs on the isolate's thread.

use std::sync::Arc;

use crate::engine::error::{EngineError, Result};
use crate::engine::inspector;
use crate::engine::limits::memory::MemoryLimit;
use crate::engine::modules;
use crate::engine::position::Positions;
use crate::engine::snapshot::texts::Texts;
use crate::engine::snapshot::{ContextData, Snapshot};
use crate::engine::state::StateSlot;

/// The index of the user's context in a blob; the default context beside it is V8's own, untouched.
pub const USER_CONTEXT: usize = 0;

/// V8 installs this many frames unless the snapshot's sources chose another number.
const DEFAULT_STACK_TRACE_LIMIT: f64 = 10.0;

/// An isolate with its context. Fields drop in order: the context's handle, the isolate, and only
/// then the blob and the texts that the isolate reads from for its whole life.
pub(crate) struct LiveIsolate {
    pub(crate) context: v8::Global<v8::Context>,
    pub(crate) isolate: v8::OwnedIsolate,
    snapshot: Option<Arc<Snapshot>>,
}

impl LiveIsolate {
    /// Whether it was restored, and not made blank.
    pub(crate) fn is_restored(&self) -> bool {
        self.snapshot.is_some()
    }
}

/// What every isolate of ours is created with, builder and runner alike.
pub(crate) fn create_params(memory: &Arc<MemoryLimit>, texts: &Texts) -> v8::CreateParams {
    v8::CreateParams::default()
        .heap_limits(0, memory.bytes())
        .array_buffer_allocator(memory.allocator())
        .external_references(texts.references())
        // A guest that waits on an `Atomics` cell blocks its thread where no termination reaches it.
        .allow_atomics_wait(false)
}

/// Creates an isolate and its context, without limits in force yet.
///
/// # Errors
/// `SnapshotCorrupt` when the blob holds no user context.
pub(crate) fn create(snapshot: Option<Arc<Snapshot>>, memory: &Arc<MemoryLimit>) -> Result<LiveIsolate> {
    let params = match &snapshot {
        Some(snapshot) => create_params(memory, snapshot.texts()).snapshot_blob(borrow_blob(snapshot)),
        None => create_params(memory, &Texts::default()),
    };
    let mut isolate = v8::Isolate::new(params);
    isolate.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
    modules::allow_imports(&mut isolate);
    modules::reset(&mut isolate);
    isolate.set_slot(Positions::new(snapshot.clone()));
    isolate.set_slot(StateSlot::of(snapshot.as_ref().map(|snapshot| &snapshot.info().data)));
    let context = {
        v8::scope!(let scope, &mut isolate);
        let context = match &snapshot {
            Some(_) => v8::Context::from_snapshot(scope, USER_CONTEXT, v8::ContextOptions::default()),
            None => Some(v8::Context::new(scope, v8::ContextOptions::default())),
        };
        let context = context.ok_or_else(|| EngineError::corrupt("the snapshot holds no context"))?;
        let scope = &mut v8::ContextScope::new(scope, context);
        take_shared_memory_away(scope);
        if snapshot.is_none() {
            // A snapshot's context has its number.
            inspector::number(scope, context);
        }
        if let Some(snapshot) = &snapshot {
            restore_stack_trace_limit(scope, snapshot.info().stack_trace_limit);
            restore_data(scope, &snapshot.info().data)?;
        }
        v8::Global::new(scope, context)
    };
    Ok(LiveIsolate { context, isolate, snapshot })
}

/// Takes over what the snapshot's context carries beside its globals, and lets the builder's parts
/// finish what only a session can do.
///
/// # Errors
/// `SnapshotCorrupt` when the data is not what the header says.
pub(crate) fn restore_data(scope: &mut v8::PinScope, data: &ContextData) -> Result<()> {
    let wrong = || EngineError::corrupt("the snapshot's context does not carry what its header says");
    if !data.modules.is_empty() {
        let modules = modules::current(scope).ok_or_else(wrong)?;
        modules.restore(scope, &data.modules, data.modules_at()).ok_or_else(wrong)?;
    }
    if data.parts {
        let parts = parts(scope).ok_or_else(wrong)?;
        call(scope, parts, "restore", &[]).ok_or_else(wrong)?;
    }
    Ok(())
}

/// The builder's parts that stayed in the snapshot. Once for each context.
pub(crate) fn parts<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Object>> {
    scope.get_context_data_from_snapshot_once::<v8::Object>(0).ok()
}

/// Calls a method of ours.
pub(crate) fn call<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<v8::Object>,
    method: &str,
    arguments: &[v8::Local<v8::Value>],
) -> Option<v8::Local<'s, v8::Value>> {
    let name = v8::String::new(scope, method)?;
    let method = v8::Local::<v8::Function>::try_from(object.get(scope, name.into())?).ok()?;
    method.call(scope, object.into(), arguments)
}

/// The blob without a copy.
fn borrow_blob(snapshot: &Arc<Snapshot>) -> v8::StartupData {
    let blob: &[u8] = snapshot.blob();
    // SAFETY: the bytes are immutable and owned by `snapshot`; `LiveIsolate` keeps a reference to it
    // and drops that only after the isolate, the last reader.
    let blob: &'static [u8] = unsafe { std::slice::from_raw_parts(blob.as_ptr(), blob.len()) };
    v8::StartupData::from(blob)
}

/// Leaves no way to a `SharedArrayBuffer` of the guest's own making. The global is missing (see
/// `platform::FLAGS`), but a shared WebAssembly memory's buffer has the same prototype, and with it the
/// constructor; V8 does not count what that one's buffers grow to.
fn take_shared_memory_away(scope: &mut v8::PinScope) {
    let store = v8::SharedArrayBuffer::new_backing_store_from_vec(Vec::new()).make_shared();
    let buffer = v8::SharedArrayBuffer::with_backing_store(scope, &store);
    let prototype = buffer.get_prototype(scope).map(v8::Local::<v8::Object>::try_from);
    let Some(Ok(prototype)) = prototype else { return };
    for name in ["constructor", "grow"] {
        if let Some(name) = v8::String::new(scope, name) {
            prototype.delete(scope, name.into());
        }
    }
}

/// V8 adds `Error.stackTraceLimit` to every restored context and trusts that it is not there yet,
/// so the builder takes the sources' own choice out of the heap and it is put back here.
fn restore_stack_trace_limit(scope: &mut v8::PinScope, limit: Option<f64>) {
    if limit != Some(DEFAULT_STACK_TRACE_LIMIT) {
        set_stack_trace_limit(scope, limit);
    }
}

/// Sets the property of V8's own `Error`, whatever the global says; none deletes it.
pub(crate) fn set_stack_trace_limit(scope: &mut v8::PinScope, limit: Option<f64>) {
    v8::tc_scope!(let scope, scope);
    let probe = v8::Exception::error(scope, v8::String::empty(scope));
    let intrinsic = v8::Local::<v8::Object>::try_from(probe).ok().and_then(|error| {
        let key = v8::String::new(scope, "constructor")?;
        v8::Local::<v8::Object>::try_from(error.get(scope, key.into())?).ok()
    });
    let (Some(error_class), Some(key)) = (intrinsic, v8::String::new(scope, "stackTraceLimit")) else {
        return;
    };
    match limit {
        Some(limit) => {
            let limit = v8::Number::new(scope, limit);
            error_class.set(scope, key.into(), limit.into());
        }
        None => {
            error_class.delete(scope, key.into());
        }
    }
}
