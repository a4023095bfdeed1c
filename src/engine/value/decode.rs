//! Bytes → guest value.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use v8::{ValueDeserializerHelper, ValueDeserializerImpl};

use crate::engine::host_call::GuestState;
use crate::engine::value::references::{self, FUNCTION, HOST, STREAM};
use crate::engine::value::{DETAILS_FOLLOW, ERROR_CLASSES, ERROR_SHELL, VIEW};

/// Decodes a message of the host. `None`: it does not fit (out of memory, or not ours), and an
/// exception is pending in the caller's `TryCatch`.
pub(crate) fn decode<'s>(scope: &mut v8::PinScope<'s, '_>, bytes: &[u8]) -> Option<v8::Local<'s, v8::Value>> {
    decode_with(scope, bytes, &[])
}

/// As `decode`, of a message that `buffers` move with.
pub(crate) fn decode_with<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
    buffers: &[v8::Local<v8::ArrayBuffer>],
) -> Option<v8::Local<'s, v8::Value>> {
    let brought = references::brought(bytes);
    if brought.is_empty() {
        return read(scope, bytes, buffers, HashMap::new());
    }
    let remote = Rc::clone(&scope.get_slot::<Rc<GuestState>>()?.remote);
    let imported = remote.import(scope, &brought);
    let value = imported.and_then(|imported| {
        let imported = imported.into_iter().map(|(number, object)| (number, v8::Global::new(scope, object)));
        let imported = imported.collect();
        read(scope, bytes, buffers, imported)
    });
    remote.received(&brought);
    value
}

/// What stands for the host's functions and streams, by their numbers.
type Imported = HashMap<u32, v8::Global<v8::Object>>;

fn read<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
    buffers: &[v8::Local<v8::ArrayBuffer>],
    imported: Imported,
) -> Option<v8::Local<'s, v8::Value>> {
    let context = scope.get_current_context();
    let shells = Shells::default();
    let delegate = Delegate { shells: Rc::clone(&shells), imported };
    let deserializer = v8::ValueDeserializer::new(scope, Box::new(delegate), bytes);
    for (number, buffer) in (0..).zip(buffers) {
        deserializer.transfer_array_buffer(number, *buffer);
    }
    deserializer.read_header(context)?;
    let value = deserializer.read_value(context)?;
    let mut follows = 0;
    while deserializer.read_uint32(&mut follows) && follows == DETAILS_FOLLOW {
        let details = deserializer.read_value(context)?;
        apply_details(scope, details)?;
    }
    for (error, class) in shells.take() {
        let error = v8::Local::new(scope, error);
        inherit(scope, error, class)?;
        complete_stack(scope, error)?;
    }
    Some(value)
}

/// The errors of a message, each with the class it is to have.
type Shells = Rc<RefCell<Vec<(v8::Global<v8::Object>, &'static str)>>>;

fn apply_details(scope: &mut v8::PinScope, details: v8::Local<v8::Value>) -> Option<()> {
    let details = v8::Local::<v8::Array>::try_from(details).ok()?;
    let error = v8::Local::<v8::Object>::try_from(details.get_index(scope, 0)?).ok()?;
    for index in (1..details.length()).step_by(3) {
        let key = v8::Local::<v8::Name>::try_from(details.get_index(scope, index)?).ok()?;
        let is_enumerable = details.get_index(scope, index + 1)?.is_true();
        let value = details.get_index(scope, index + 2)?;
        define(scope, error, key, value, is_enumerable)?;
    }
    Some(())
}

/// Gives an error the prototype of its class, as the guest's global of that name has it. Not while
/// V8 reads the message: looking a global up may run guest code.
fn inherit(scope: &mut v8::PinScope, error: v8::Local<v8::Object>, class: &str) -> Option<()> {
    if class == "Error" {
        return Some(());
    }
    let global = scope.get_current_context().global(scope);
    let class_key = v8::String::new(scope, class)?;
    let prototype_key = v8::String::new(scope, "prototype")?;
    let constructor = v8::Local::<v8::Object>::try_from(global.get(scope, class_key.into())?);
    // A guest without that class gets a plain error.
    let Ok(constructor) = constructor else { return Some(()) };
    let prototype = constructor.get(scope, prototype_key.into())?;
    if prototype.is_object() {
        error.set_prototype(scope, prototype)?;
    }
    Some(())
}

/// The host's stacks stay with the host, and the frames of this reader are of no use.
fn complete_stack(scope: &mut v8::PinScope, error: v8::Local<v8::Object>) -> Option<()> {
    let key = v8::String::new(scope, "stack")?;
    if error.has_own_property(scope, key.into())? && !error.get(scope, key.into())?.is_undefined() {
        return Some(());
    }
    let text = error.to_string(scope)?;
    define(scope, error, key.into(), text.into(), false)
}

fn define(
    scope: &mut v8::PinScope,
    error: v8::Local<v8::Object>,
    key: v8::Local<v8::Name>,
    value: v8::Local<v8::Value>,
    is_enumerable: bool,
) -> Option<()> {
    let attributes =
        if is_enumerable { v8::PropertyAttribute::NONE } else { v8::PropertyAttribute::DONT_ENUM };
    error.define_own_property(scope, key, value, attributes).map(drop)
}

struct Delegate {
    shells: Shells,
    imported: Imported,
}

impl ValueDeserializerImpl for Delegate {
    fn read_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        deserializer: &dyn ValueDeserializerHelper,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let mut kind = 0;
        if !deserializer.read_uint32(&mut kind) {
            return None;
        }
        match kind {
            ERROR_SHELL => self.read_error_shell(scope, deserializer),
            VIEW => {
                let context = scope.get_current_context();
                v8::Local::<v8::Object>::try_from(deserializer.read_value(context)?).ok()
            }
            FUNCTION | STREAM => self.read_reference(scope, deserializer),
            _ => None,
        }
    }
}

impl Delegate {
    fn read_reference<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        deserializer: &dyn ValueDeserializerHelper,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let (mut owner, mut number) = (0, 0);
        if !deserializer.read_uint32(&mut owner) || !deserializer.read_uint32(&mut number) {
            return None;
        }
        if owner == HOST {
            return self.imported.get(&number).map(|object| v8::Local::new(scope, object));
        }
        let remote = Rc::clone(&scope.get_slot::<Rc<GuestState>>()?.remote);
        remote.exported(scope, number).map(Into::into)
    }

    /// A bare error; V8 runs no JavaScript here, so its class comes later.
    fn read_error_shell<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        deserializer: &dyn ValueDeserializerHelper,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let mut class = 0;
        if !deserializer.read_uint32(&mut class) {
            return None;
        }
        let class = ERROR_CLASSES.get(usize::try_from(class).ok()?)?;
        let error = v8::Exception::error(scope, v8::String::empty(scope));
        let error = v8::Local::<v8::Object>::try_from(error).ok()?;
        // Made with an empty message, it has one of its own; whether the host's had one is told by
        // its details. So is its stack.
        for key in ["message", "stack"] {
            let key = v8::String::new(scope, key)?;
            error.delete(scope, key.into())?;
        }
        self.shells.borrow_mut().push((v8::Global::new(scope, error), class));
        Some(error)
    }
}
