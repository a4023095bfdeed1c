//! Bytes → guest value.

use v8::{ValueDeserializerHelper, ValueDeserializerImpl};

use crate::engine::value::{DETAILS_FOLLOW, ERROR_CLASSES, ERROR_SHELL};

/// The views' constructors; the index is one below the kind that is written.
const VIEW_CLASSES: [&str; 13] = [
    "Int8Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "Float32Array",
    "Float64Array",
    "DataView",
    "BigInt64Array",
    "BigUint64Array",
    "Float16Array",
];

/// Decodes a message of the host. `None`: it does not fit (out of memory, or not ours), and an
/// exception is pending in the caller's `TryCatch`.
pub(crate) fn decode<'s>(scope: &mut v8::PinScope<'s, '_>, bytes: &[u8]) -> Option<v8::Local<'s, v8::Value>> {
    let context = scope.get_current_context();
    let deserializer = v8::ValueDeserializer::new(scope, Box::new(Delegate), bytes);
    deserializer.read_header(context)?;
    let value = deserializer.read_value(context)?;
    let mut follows = 0;
    while deserializer.read_uint32(&mut follows) && follows == DETAILS_FOLLOW {
        let details = deserializer.read_value(context)?;
        apply_details(scope, details)?;
    }
    Some(value)
}

fn apply_details(scope: &mut v8::PinScope, details: v8::Local<v8::Value>) -> Option<()> {
    let details = v8::Local::<v8::Array>::try_from(details).ok()?;
    let error = v8::Local::<v8::Object>::try_from(details.get_index(scope, 0)?).ok()?;
    let mut has_stack = false;
    for index in (1..details.length()).step_by(3) {
        let key = v8::Local::<v8::Name>::try_from(details.get_index(scope, index)?).ok()?;
        let is_enumerable = details.get_index(scope, index + 1)?.is_true();
        let value = details.get_index(scope, index + 2)?;
        has_stack |= key.to_rust_string_lossy(scope) == "stack";
        define(scope, error, key, value, is_enumerable)?;
    }
    if !has_stack {
        // The host's stacks stay with the host, and the frames of this reader are of no use.
        let text = error.to_string(scope)?;
        let key = v8::String::new(scope, "stack")?;
        define(scope, error, key.into(), text.into(), false)?;
    }
    Some(())
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

struct Delegate;

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
        if kind == ERROR_SHELL {
            read_error_shell(scope, deserializer)
        } else {
            read_view(scope, deserializer, kind)
        }
    }
}

fn read_error_shell<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    deserializer: &dyn ValueDeserializerHelper,
) -> Option<v8::Local<'s, v8::Object>> {
    let mut class = 0;
    if !deserializer.read_uint32(&mut class) {
        return None;
    }
    let empty = v8::String::empty(scope);
    let error = match ERROR_CLASSES.get(class as usize).copied() {
        Some("RangeError") => v8::Exception::range_error(scope, empty),
        Some("ReferenceError") => v8::Exception::reference_error(scope, empty),
        Some("SyntaxError") => v8::Exception::syntax_error(scope, empty),
        Some("TypeError") => v8::Exception::type_error(scope, empty),
        Some(class @ ("EvalError" | "URIError" | "AggregateError")) => construct(scope, class, &[])?.into(),
        _ => v8::Exception::error(scope, empty),
    };
    let error = v8::Local::<v8::Object>::try_from(error).ok()?;
    // An error made with an empty message has an own `message`; whether the host's had one is told
    // by its details.
    let message = v8::String::new(scope, "message")?;
    error.delete(scope, message.into())?;
    Some(error)
}

fn read_view<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    deserializer: &dyn ValueDeserializerHelper,
    kind: u32,
) -> Option<v8::Local<'s, v8::Object>> {
    let class = VIEW_CLASSES.get(usize::try_from(kind).ok()?.checked_sub(1)?)?;
    let (mut offset, mut length) = (0.0, 0.0);
    if !deserializer.read_double(&mut offset) || !deserializer.read_double(&mut length) {
        return None;
    }
    let context = scope.get_current_context();
    let buffer = deserializer.read_value(context)?;
    let offset_value = v8::Number::new(scope, offset).into();
    if length < 0.0 {
        return construct(scope, class, &[buffer, offset_value]);
    }
    if *class == "Uint8Array"
        && let Ok(buffer) = v8::Local::<v8::ArrayBuffer>::try_from(buffer)
    {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "V8's own offsets and lengths"
        )]
        let (offset, length) = (offset as usize, length as usize);
        return v8::Uint8Array::new(scope, buffer, offset, length).map(Into::into);
    }
    let length_value = v8::Number::new(scope, length).into();
    construct(scope, class, &[buffer, offset_value, length_value])
}

/// An instance of one of the guest's globals. A guest that replaced it gets what it put there.
fn construct<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    class: &str,
    arguments: &[v8::Local<v8::Value>],
) -> Option<v8::Local<'s, v8::Object>> {
    let key = v8::String::new(scope, class)?;
    let global = scope.get_current_context().global(scope);
    let constructor = global.get(scope, key.into())?;
    let constructor = v8::Local::<v8::Function>::try_from(constructor).ok()?;
    constructor.new_instance(scope, arguments)
}
