//! Buffers that move with a message instead of being copied into it.
//!
//! *Into a guest* comes memory of ours: a copy, made once, of what the host gives away. Node.js's own
//! memory goes with its environment, which an isolate may outlive. Large ones are copied here, so that
//! the host's thread need not. The guest owns the copy from then on, and it counts against its memory
//! limit. *Out of a guest* goes the guest's own memory, without a copy: its
//! `ArrayBuffer` is detached, and whoever holds the `Moved` keeps the memory, also past the isolate's
//! end. In the message stands V8's own tag of a transferred buffer with the buffer's number.
//!
//! Everything runs on the isolate's thread, but a `Moved` may be read and dropped on any.

use std::collections::HashMap;
use std::ffi::c_void;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::lifecycle::{CallId, Lifecycle};
use crate::engine::limits::memory::MemoryLimit;
use crate::engine::value::path::own_keys;
use crate::engine::value::{Encoder, Failure, spare};

/// A buffer below this is copied into the message, and detached all the same: to hand over memory takes
/// longer than to copy so little.
const SMALLEST_MOVED: usize = 16 * 1024;

/// What buffers move with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    /// A request of the host.
    Request(CallId),
    /// The answer to a host call, by its number.
    Answer(u64),
}

/// Memory of the host that the isolate's thread copies, once.
pub trait Lent: Send {
    /// In bytes.
    fn len(&self) -> usize;

    /// Whether there is nothing in it.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends all of it, for which there is room. `false`: its owner is gone, and so is the memory.
    fn copy_to(&self, target: &mut Vec<u8>) -> bool;
}

/// A buffer on its way to a guest.
pub enum Incoming {
    /// Copied by the host.
    Own(Vec<u8>),
    /// To be copied.
    Lent(Box<dyn Lent>),
}

impl Incoming {
    /// Copies it.
    pub fn copied(bytes: &[u8]) -> Self {
        let mut copy = spare::with_capacity(bytes.len()).unwrap_or_default();
        copy.extend_from_slice(bytes);
        Self::Own(copy)
    }

    fn len(&self) -> usize {
        match self {
            Self::Own(bytes) => bytes.len(),
            Self::Lent(bytes) => bytes.len(),
        }
    }

    /// `None`: there is no memory for it, or its owner is gone.
    fn into_own(self) -> Option<Vec<u8>> {
        match self {
            Self::Own(bytes) => Some(bytes),
            Self::Lent(lent) => {
                let mut bytes = spare::with_capacity(lent.len())?;
                lent.copy_to(&mut bytes).then_some(bytes)
            }
        }
    }
}

/// What moves with one request or answer.
#[derive(Default)]
pub struct Moves {
    /// What becomes the guest's buffers, by their number in the message.
    pub buffers: Vec<Incoming>,
    /// Whether the buffers in the result move to the host.
    pub result: bool,
}

/// The moves that the host has announced, each before what it belongs to.
#[derive(Default)]
pub(crate) struct Announced(Mutex<HashMap<Of, Moves>>);

impl Announced {
    fn table(&self) -> MutexGuard<'_, HashMap<Of, Moves>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is kept when `is_finished`, which is asked under the lock: `clear` comes after that is so.
    pub(crate) fn add(&self, of: Of, moves: Moves, is_finished: impl FnOnce() -> bool) {
        let mut table = self.table();
        if !is_finished() {
            table.insert(of, moves);
        }
    }

    fn take_buffers(&self, of: Of) -> Vec<Incoming> {
        let mut table = self.table();
        table.get_mut(&of).map(|moves| std::mem::take(&mut moves.buffers)).unwrap_or_default()
    }

    fn moves_result(&self, call: CallId) -> bool {
        self.table().get(&Of::Request(call)).is_some_and(|moves| moves.result)
    }

    /// The request is answered, or never will be.
    pub(crate) fn forget(&self, of: Of) {
        self.table().remove(&of);
    }

    pub(crate) fn clear(&self) {
        let gone = std::mem::take(&mut *self.table());
        drop(gone);
    }
}

/// What is known of the moves of one isolate; in its slot.
pub(crate) struct Transfers {
    memory: Arc<MemoryLimit>,
    lifecycle: Arc<Lifecycle>,
}

impl Transfers {
    pub(crate) fn install(isolate: &mut v8::Isolate, memory: &Arc<MemoryLimit>, lifecycle: &Arc<Lifecycle>) {
        let (memory, lifecycle) = (Arc::clone(memory), Arc::clone(lifecycle));
        isolate.set_slot(Rc::new(Self { memory, lifecycle }));
    }
}

fn transfers(isolate: &v8::Isolate) -> Option<Rc<Transfers>> {
    isolate.get_slot::<Rc<Transfers>>().map(Rc::clone)
}

/// The buffers that were announced for a request or an answer, now the guest's.
///
/// # Errors
/// The message for the host when one does not fit into the guest's memory.
pub(crate) fn received<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    of: Of,
) -> Result<Vec<v8::Local<'s, v8::ArrayBuffer>>, String> {
    let Some(transfers) = transfers(scope) else { return Ok(Vec::new()) };
    let buffers = transfers.lifecycle.announced.take_buffers(of);
    if let Of::Answer(_) = of {
        transfers.lifecycle.announced.forget(of);
    }
    let mut adopted = Vec::with_capacity(buffers.len());
    for buffer in buffers {
        let length = buffer.len();
        let buffer = adopt(scope, &transfers.memory, buffer).ok_or_else(|| {
            format!("a buffer of {length} bytes does not fit into the isolate's memory limit")
        })?;
        adopted.push(buffer);
    }
    Ok(adopted)
}

/// What V8 gives back when it frees a buffer that came from the host.
struct Adopted {
    memory: Arc<MemoryLimit>,
    bytes: Vec<u8>,
}

fn adopt<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    memory: &Arc<MemoryLimit>,
    buffer: Incoming,
) -> Option<v8::Local<'s, v8::ArrayBuffer>> {
    let length = buffer.len();
    if length == 0 {
        return Some(v8::ArrayBuffer::new(scope, 0));
    }
    if !memory.move_in(length) {
        // What counts may be garbage.
        scope.low_memory_notification();
        if !memory.move_in(length) {
            return None;
        }
    }
    let Some(bytes) = buffer.into_own().filter(|bytes| bytes.len() == length) else {
        memory.free_moved_in(length);
        return None;
    };
    let adopted = Box::into_raw(Box::new(Adopted { memory: Arc::clone(memory), bytes }));
    // SAFETY: the pointer came from `Box::into_raw` just now, and nobody else has it yet.
    let data = unsafe { (*adopted).bytes.as_mut_ptr() };
    // SAFETY: `data` points to `length` bytes that live until `free_adopted` is called with `adopted`,
    // which V8 does once.
    let store = unsafe {
        v8::ArrayBuffer::new_backing_store_from_ptr(data.cast(), length, free_adopted, adopted.cast())
    };
    Some(v8::ArrayBuffer::with_backing_store(scope, &store.make_shared()))
}

/// Called on whatever thread V8 frees buffers on.
unsafe extern "C" fn free_adopted(_: *mut c_void, length: usize, adopted: *mut c_void) {
    // SAFETY: V8 calls this once, with the pointer that `adopt` made of a box.
    let adopted = unsafe { Box::from_raw(adopted.cast::<Adopted>()) };
    adopted.memory.free_moved_in(length);
    spare::keep(adopted.bytes);
}

/// Memory that has left its guest: its buffer is detached there, so nobody but the holder reaches it.
pub struct Moved {
    /// Taken when it is dropped.
    store: Option<v8::SharedRef<v8::BackingStore>>,
    memory: Arc<MemoryLimit>,
    length: usize,
}

// SAFETY: the only reference to the store left is this one. V8 counts references atomically and frees
// stores on threads of its own; the allocator that they hold is `MemoryLimit`, which is `Sync`.
unsafe impl Send for Moved {}

impl Moved {
    /// The first byte; valid, and nobody else's, for as long as this lives. Null when it is empty.
    pub fn data(&self) -> *mut u8 {
        let data = self.store.as_ref().and_then(|store| store.data());
        data.map_or(std::ptr::null_mut(), |data| data.as_ptr().cast())
    }

    /// In bytes.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn new(buffer: v8::Local<v8::ArrayBuffer>, memory: &Arc<MemoryLimit>) -> Self {
        let store = buffer.get_backing_store();
        let length = store.byte_length();
        memory.move_out(length);
        // Without a key nothing can refuse it, and nothing of the guest's runs.
        buffer.detach(None);
        Self { store: Some(store), memory: Arc::clone(memory), length }
    }
}

impl fmt::Debug for Moved {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Moved").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        drop(self.store.take());
        self.memory.free_moved_out(self.length);
    }
}

/// Encodes the result of a request, moving its buffers if that was asked for.
///
/// The caller holds a `TryCatch` around it.
pub(crate) fn encode_result(
    scope: &mut v8::PinScope,
    encoder: &Encoder,
    call: CallId,
    value: v8::Local<v8::Value>,
) -> Result<(Vec<u8>, Vec<Moved>), Failure> {
    let transfers = transfers(scope).filter(|transfers| transfers.lifecycle.announced.moves_result(call));
    match transfers {
        Some(transfers) => encode_moving(scope, encoder, &transfers.memory, value, "result"),
        None => Ok((encoder.encode(scope, value, "result")?, Vec::new())),
    }
}

fn encode_moving(
    scope: &mut v8::PinScope,
    encoder: &Encoder,
    memory: &Arc<MemoryLimit>,
    value: v8::Local<v8::Value>,
    name: &str,
) -> Result<(Vec<u8>, Vec<Moved>), Failure> {
    let buffers = reachable(scope, value).ok_or(Failure::Threw)?;
    // A resizable one keeps its room to grow only as a copy.
    let (moved, copied): (Vec<_>, Vec<_>) = buffers.into_iter().partition(|buffer| {
        let is_resizable = buffer.get_backing_store().is_resizable_by_user_javascript();
        !is_resizable && buffer.byte_length() >= SMALLEST_MOVED
    });
    let bytes = encoder.encode_with(scope, value, name, &moved)?;
    // Getters that ran meanwhile may have detached one: then it has moved away empty, as in the message.
    let total = moved.iter().fold(bytes.len(), |sum, buffer| sum.saturating_add(buffer.byte_length()));
    if total > encoder.largest_message() {
        return Err(Failure::NotCloneable(encoder.too_large(name)));
    }
    for buffer in copied {
        buffer.detach(None);
    }
    Ok((bytes, moved.into_iter().map(|buffer| Moved::new(buffer, memory)).collect()))
}

/// The buffers that structured clone would meet in a value and that can be detached, each once. `None`:
/// a getter of the guest threw, or the guest was terminated.
///
/// What is still to be looked at lies in the guest's heap: so however much it is, it counts against the
/// guest's limit.
fn reachable<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    root: v8::Local<v8::Value>,
) -> Option<Vec<v8::Local<'s, v8::ArrayBuffer>>> {
    let walk = Walk { seen: v8::Set::new(scope), waiting: v8::Map::new(scope) };
    let mut found = Vec::new();
    walk.meet(scope, root)?;
    let mut at = 0;
    while at < walk.waiting.size() {
        let object = {
            v8::scope!(let scope, scope);
            let number = number(scope, at);
            let object = walk.waiting.get(scope, number)?;
            let object = v8::Local::<v8::Object>::try_from(object).ok()?;
            walk.open(scope, object)?.then(|| v8::Global::new(scope, object))
        };
        if let Some(object) = object {
            found.extend(v8::Local::<v8::ArrayBuffer>::try_from(v8::Local::new(scope, object)));
        }
        at += 1;
    }
    Some(found)
}

struct Walk<'s> {
    seen: v8::Local<'s, v8::Set>,
    /// By number. Not an array: the guest may have put setters on what arrays inherit from.
    waiting: v8::Local<'s, v8::Map>,
}

fn number<'s>(scope: &mut v8::PinScope<'s, '_>, number: usize) -> v8::Local<'s, v8::Value> {
    #[expect(clippy::cast_precision_loss, reason = "V8 holds far fewer objects")]
    let number = number as f64;
    v8::Number::new(scope, number).into()
}

impl Walk<'_> {
    fn meet(&self, scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Option<()> {
        // What is a function or a Proxy can't cross, and is found out later.
        if value.is_object() && !value.is_function() && !value.is_proxy() && !self.seen.has(scope, value)? {
            self.seen.add(scope, value)?;
            let number = number(scope, self.waiting.size());
            self.waiting.set(scope, number, value)?;
        }
        Some(())
    }

    /// Looks into an object. Says whether it is a buffer that can be detached.
    fn open(&self, scope: &mut v8::PinScope, object: v8::Local<v8::Object>) -> Option<bool> {
        if scope.is_execution_terminating() {
            return None;
        }
        if let Ok(buffer) = v8::Local::<v8::ArrayBuffer>::try_from(object) {
            return Some(buffer.is_detachable() && !buffer.was_detached());
        }
        if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(object) {
            if let Some(buffer) = view.buffer(scope) {
                self.meet(scope, buffer.into())?;
            }
            return Some(false);
        }
        if let Ok(map) = v8::Local::<v8::Map>::try_from(object) {
            self.meet_all(scope, map.as_array(scope))?;
        } else if let Ok(set) = v8::Local::<v8::Set>::try_from(object) {
            self.meet_all(scope, set.as_array(scope))?;
        } else if object.is_native_error() {
            for key in ["cause", "errors"] {
                let key = v8::String::new(scope, key)?;
                let value = object.get(scope, key.into())?;
                self.meet(scope, value)?;
            }
        } else if !object.is_string_object() {
            let keys = own_keys(scope, object)?;
            for index in 0..keys.length() {
                v8::scope!(let scope, scope);
                let key = keys.get_index(scope, index)?;
                let value = object.get(scope, key)?;
                self.meet(scope, value)?;
            }
        }
        Some(false)
    }

    fn meet_all(&self, scope: &mut v8::PinScope, values: v8::Local<v8::Array>) -> Option<()> {
        for index in 0..values.length() {
            v8::scope!(let scope, scope);
            let value = values.get_index(scope, index)?;
            self.meet(scope, value)?;
        }
        Some(())
    }
}
