//! `structuredClone` within one isolate, through V8's own serializer.
//!
//! Objects of the bridge's classes are JavaScript objects, which V8 would take for plain ones. So their
//! prototypes are marked with a private name, and the bridge is asked what to do with an object that
//! inherits from one of them.

use std::cell::Cell;
use std::collections::HashMap;
use std::num::NonZeroI32;
use std::rc::Rc;

use v8::{ValueDeserializerHelper, ValueDeserializerImpl, ValueSerializerHelper, ValueSerializerImpl};

use crate::engine::exception::throw;
use crate::engine::limits::output::with_largest_allocation;
use crate::engine::system::{elements, memory_limit};
use crate::engine::text::{LONGEST_NAME, beginning};

const MARK: &str = "isoseed:host object";

/// A prototype chain longer than this is no object of the bridge's.
const LONGEST_PROTOTYPE_CHAIN: usize = 16;

/// What V8's serializer asks for beyond twice its buffer (`ValueSerializer::ExpandBuffer`).
const BUFFER_SLACK: usize = 64;

/// `mark(prototype, class)`: objects that inherit from it are the bridge's to clone.
pub(super) fn on_mark<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    let (object, class) = (arguments.get(0), arguments.get(1));
    let (Ok(object), Some(mark)) = (v8::Local::<v8::Object>::try_from(object), mark(scope)) else { return };
    if class.is_string() {
        object.set_private(scope, mark, class);
        // So that nobody looks for marks where there are none.
        let global = scope.get_current_context().global(scope);
        global.set_private(scope, mark, class);
    }
}

/// Tells the bridge's objects from others.
pub(crate) struct Marks(v8::Global<v8::Private>);

impl Marks {
    /// `None` when nothing is marked in this context.
    pub(crate) fn of(scope: &mut v8::PinScope) -> Option<Self> {
        let mark = mark(scope)?;
        let global = scope.get_current_context().global(scope);
        global.has_private(scope, mark)?.then(|| Self(v8::Global::new(scope, mark)))
    }

    /// The class of an object that is the bridge's to clone. `None` for any other object.
    pub(crate) fn class_of(&self, scope: &mut v8::PinScope, object: v8::Local<v8::Object>) -> Option<String> {
        let mark = v8::Local::new(scope, &self.0);
        let mut next = object.get_prototype(scope)?;
        for _ in 0..LONGEST_PROTOTYPE_CHAIN {
            let prototype = v8::Local::<v8::Object>::try_from(next).ok()?;
            // A proxy's traps are the guest's code, and it has no private names.
            if prototype.is_proxy() {
                return None;
            }
            let class = prototype.get_private(scope, mark)?;
            if let Ok(class) = v8::Local::<v8::String>::try_from(class) {
                return Some(beginning(scope, class, LONGEST_NAME));
            }
            next = prototype.get_prototype(scope)?;
        }
        None
    }
}

fn mark<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Private>> {
    let name = v8::String::new(scope, MARK)?;
    Some(v8::Private::for_api(scope, Some(name)))
}

/// `isTransferable(buffer)`: whether it is an `ArrayBuffer` that is not detached and can be.
pub(super) fn on_is_transferable<'s>(
    _: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let buffer = v8::Local::<v8::ArrayBuffer>::try_from(arguments.get(0));
    result.set_bool(buffer.is_ok_and(|buffer| buffer.is_detachable() && !buffer.was_detached()));
}

/// `clone(value, buffers, write, finish, refuse)`: a clone of `value`; the array's buffers are transferred.
///
/// `write(object)` is asked for each object of the bridge's and gives its number; `finish()` is called
/// when all is written and gives an array of what stands for each number in the clone; `refuse(message)`
/// throws when something can't be cloned.
pub(super) fn on_clone<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    // `None`: an exception is pending, or V8 is out of memory and threw one.
    if let Some(clone) = clone(scope, &arguments) {
        result.set(clone);
    }
}

fn clone<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: &v8::FunctionCallbackArguments<'s>,
) -> Option<v8::Local<'s, v8::Value>> {
    let function = |index| v8::Local::<v8::Function>::try_from(arguments.get(index)).ok();
    let (Ok(buffers), Some(write), Some(finish), Some(refuse)) =
        (v8::Local::<v8::Array>::try_from(arguments.get(1)), function(2), function(3), function(4))
    else {
        throw(scope, v8::Exception::type_error, "expected a value, an array and three functions");
        return None;
    };
    let buffers = elements(scope, buffers)?;
    let Some(buffers) = transferable(&buffers) else {
        return refused(scope, refuse, "a buffer to be transferred is no ArrayBuffer, or detached already");
    };
    let limit = memory_limit(scope);
    let bytes = match serialize(scope, arguments.get(0), &buffers, write, limit)? {
        Ok(bytes) => bytes,
        Err(message) => return refused(scope, refuse, &message),
    };
    let receiver = v8::undefined(scope).into();
    let made = finish.call(scope, receiver, &[])?;
    let Ok(made) = v8::Local::<v8::Array>::try_from(made) else {
        throw(scope, v8::Exception::type_error, "expected an array");
        return None;
    };
    let made = elements(scope, made)?;
    // `finish` is JavaScript: it may have detached one.
    if buffers.iter().any(|buffer| !buffer.is_detachable() || buffer.was_detached()) {
        return refused(scope, refuse, "a buffer to be transferred was detached meanwhile");
    }
    let made = made.iter().map(|value| v8::Global::new(scope, *value)).collect();
    let context = scope.get_current_context();
    let deserializer = v8::ValueDeserializer::new(scope, Box::new(Reader(made)), &bytes);
    for (id, buffer) in (0_u32..).zip(&buffers) {
        let store = buffer.get_backing_store();
        buffer.detach(None)?;
        deserializer.transfer_array_buffer(id, v8::ArrayBuffer::with_backing_store(scope, &store));
    }
    deserializer.read_header(context)?;
    deserializer.read_value(context)
}

/// The buffers, if each can be transferred and is there once.
fn transferable<'s>(buffers: &[v8::Local<'s, v8::Value>]) -> Option<Vec<v8::Local<'s, v8::ArrayBuffer>>> {
    let mut same_hash: HashMap<NonZeroI32, Vec<v8::Local<v8::ArrayBuffer>>> = HashMap::new();
    let mut taken = Vec::with_capacity(buffers.len());
    for buffer in buffers {
        let buffer = v8::Local::<v8::ArrayBuffer>::try_from(*buffer).ok()?;
        let others = same_hash.entry(buffer.get_identity_hash()).or_default();
        if !buffer.is_detachable() || buffer.was_detached() || others.contains(&buffer) {
            return None;
        }
        others.push(buffer);
        taken.push(buffer);
    }
    Some(taken)
}

/// Has the bridge throw its error.
fn refused<T>(scope: &mut v8::PinScope, refuse: v8::Local<v8::Function>, message: &str) -> Option<T> {
    let message = v8::String::new(scope, message)?.into();
    let receiver = v8::undefined(scope).into();
    refuse.call(scope, receiver, &[message])?;
    throw(scope, v8::Exception::error, "the value can't be cloned");
    None
}

/// `None`: an exception is pending. `Err`: V8 refuses the value, with these words.
fn serialize<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
    buffers: &[v8::Local<v8::ArrayBuffer>],
    write: v8::Local<v8::Function>,
    limit: usize,
) -> Option<Result<Vec<u8>, String>> {
    v8::tc_scope!(let scope, scope);
    let state = Rc::new(Writing {
        marks: Marks::of(scope),
        write: v8::Global::new(scope, write),
        refusal: Cell::default(),
    });
    let context = scope.get_current_context();
    let serializer = v8::ValueSerializer::new(scope, Box::new(Writer(Rc::clone(&state))));
    serializer.write_header();
    for (id, buffer) in (0_u32..).zip(buffers) {
        serializer.transfer_array_buffer(id, *buffer);
    }
    // The buffer doubles, so its last step may be twice as large as what is in it.
    let largest = limit.saturating_mul(2).saturating_add(BUFFER_SLACK);
    let written = with_largest_allocation(largest, || serializer.write_value(context, value));
    if written == Some(true) {
        let bytes = serializer.release();
        return Some(if bytes.len() > limit {
            Err(format!("the value is larger than {limit} bytes"))
        } else {
            Ok(bytes)
        });
    }
    let Some(refusal) = state.refusal.take().filter(|_| scope.can_continue()) else {
        scope.rethrow();
        return None;
    };
    scope.reset();
    Some(Err(refusal))
}

struct Writing {
    marks: Option<Marks>,
    write: v8::Global<v8::Function>,
    refusal: Cell<Option<String>>,
}

struct Writer(Rc<Writing>);

impl ValueSerializerImpl for Writer {
    fn throw_data_clone_error<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        message: v8::Local<'s, v8::String>,
    ) {
        self.0.refusal.set(Some(beginning(scope, message, LONGEST_NAME)));
        let error = v8::Exception::error(scope, message);
        scope.throw_exception(error);
    }

    fn has_custom_host_object(&self, _isolate: &v8::Isolate) -> bool {
        true
    }

    fn is_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
    ) -> Option<bool> {
        Some(self.0.marks.as_ref().is_some_and(|marks| marks.class_of(scope, object).is_some()))
    }

    fn write_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
        serializer: &dyn ValueSerializerHelper,
    ) -> Option<bool> {
        let write = v8::Local::new(scope, &self.0.write);
        let receiver = v8::undefined(scope).into();
        // What is allocated meanwhile is not the serializer's.
        let number = with_largest_allocation(usize::MAX, || write.call(scope, receiver, &[object.into()]))?;
        serializer.write_uint32(number.uint32_value(scope)?);
        Some(true)
    }

    fn get_shared_array_buffer_id<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        _buffer: v8::Local<'s, v8::SharedArrayBuffer>,
    ) -> Option<u32> {
        self.refuse(scope, "#<SharedArrayBuffer> could not be cloned.")
    }

    fn get_wasm_module_transfer_id(
        &self,
        scope: &mut v8::PinScope<'_, '_>,
        _module: v8::Local<v8::WasmModuleObject>,
    ) -> Option<u32> {
        self.refuse(scope, "#<Module> could not be cloned.")
    }
}

impl Writer {
    fn refuse<T>(&self, scope: &mut v8::PinScope, message: &str) -> Option<T> {
        let message = v8::String::new(scope, message)?;
        self.throw_data_clone_error(scope, message);
        None
    }
}

/// Puts what `finish` made in the places of the bridge's objects.
struct Reader(Vec<v8::Global<v8::Value>>);

impl ValueDeserializerImpl for Reader {
    fn read_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        deserializer: &dyn ValueDeserializerHelper,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let mut number = 0;
        if !deserializer.read_uint32(&mut number) {
            return None;
        }
        let value = v8::Local::new(scope, self.0.get(usize::try_from(number).ok()?)?);
        v8::Local::<v8::Object>::try_from(value).ok()
    }
}
