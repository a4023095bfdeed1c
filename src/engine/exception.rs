//! Guest exception → plain data.

use crate::engine::error::{EngineError, GuestException};
use crate::engine::position::readable_stack;
use crate::engine::text::{LONGEST_ERROR_TEXT, LONGEST_NAME, beginning};
use crate::engine::value::Encoder;

/// A source line longer than this is shown around the column only.
const LONGEST_SHOWN_LINE: usize = 120;

/// A prototype chain longer than this has no error within reach.
const LONGEST_PROTOTYPE_CHAIN: usize = 64;

/// One of V8's standard classes of errors, for example `v8::Exception::type_error`.
pub(crate) type ErrorClass =
    for<'s, 'i, 'm> fn(&v8::PinScope<'s, 'i>, v8::Local<'m, v8::String>) -> v8::Local<'s, v8::Value>;

/// Throws at the guest. The message is ours or names what the host gave: no guest makes it too long.
pub(crate) fn throw(scope: &mut v8::PinScope, class: ErrorClass, message: &str) {
    if let Some(message) = v8::String::new(scope, message) {
        let error = class(scope, message);
        scope.throw_exception(error);
    }
}

/// Describes what a `TryCatch` holds. `message` tells the position of a syntax error.
///
/// Getters of the guest may run, and may be terminated: then the description is cut short, and the
/// end of the turn replaces it by the reason of the termination.
pub(crate) fn describe(
    scope: &mut v8::PinScope,
    exception: v8::Local<v8::Value>,
    message: Option<v8::Local<v8::Message>>,
    encoder: &Encoder,
) -> EngineError {
    v8::tc_scope!(let scope, scope);
    let is_error = exception.is_native_error() || inherits_from_error(scope, exception);
    let mut read = |key| if is_error { text(scope, exception, key) } else { None };
    let (name, text_of_error, stack) = (read("name"), read("message"), read("stack"));
    let name = name.unwrap_or_else(|| "Error".to_owned());
    let text_of_value = text_of_error.unwrap_or_else(|| {
        let text = exception.to_detail_string(scope).map(|text| beginning(scope, text, LONGEST_ERROR_TEXT));
        format!("guest threw {}", text.unwrap_or_else(|| "a value without a text".to_owned()))
    });
    let stack = stack.unwrap_or_else(|| format!("{name}: {text_of_value}"));
    let frame = message.filter(|_| name == "SyntaxError").and_then(|message| code_frame(scope, message));
    let stack = match frame {
        Some(frame) => format!("{frame}\n{stack}"),
        None => stack,
    };
    let bytes = if scope.is_execution_terminating() {
        Vec::new()
    } else {
        encoder.encode_thrown(scope, exception).unwrap_or_default()
    };
    let stack = readable_stack(scope, &stack);
    EngineError::Guest(Box::new(GuestException { name, message: text_of_value, stack, encoded: bytes }))
}

/// Whether an object is made to be an error without being one to V8: its prototype chain has a native
/// error's prototype, as that of a `DOMException` made in JavaScript. Runs no guest code.
fn inherits_from_error(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> bool {
    if value.is_proxy() {
        return false;
    }
    let Ok(mut object) = v8::Local::<v8::Object>::try_from(value) else { return false };
    let probe = v8::Exception::error(scope, v8::String::empty(scope));
    let Ok(probe) = v8::Local::<v8::Object>::try_from(probe) else { return false };
    let Some(wanted) = probe.get_prototype(scope) else { return false };
    for _ in 0..LONGEST_PROTOTYPE_CHAIN {
        let Some(prototype) = object.get_prototype(scope) else { return false };
        if prototype.strict_equals(wanted) {
            return true;
        }
        match v8::Local::<v8::Object>::try_from(prototype) {
            Ok(prototype) if !prototype.is_proxy() => object = prototype,
            _ => return false,
        }
    }
    false
}

fn text(scope: &mut v8::PinScope, value: v8::Local<v8::Value>, key: &str) -> Option<String> {
    if scope.is_execution_terminating() {
        return None;
    }
    v8::tc_scope!(let scope, scope);
    let object = v8::Local::<v8::Object>::try_from(value).ok()?;
    let key = v8::String::new(scope, key)?;
    let text = object.get(scope, key.into())?;
    let text = v8::Local::<v8::String>::try_from(text).ok()?;
    Some(beginning(scope, text, LONGEST_ERROR_TEXT))
}

/// `file:line:column`, the line and a caret, for an error thrown by the parser: such an error has
/// no frame of its own. `None` when it was thrown by running code (`eval`, `JSON.parse`).
fn code_frame(scope: &mut v8::PinScope, message: v8::Local<v8::Message>) -> Option<String> {
    let has_frames = message.get_stack_trace(scope).is_some_and(|trace| trace.get_frame_count() > 0);
    if has_frames {
        return None;
    }
    let file = message.get_script_resource_name(scope)?.to_string(scope)?;
    let file = beginning(scope, file, LONGEST_NAME);
    let line_number = message.get_line_number(scope)?;
    let column = message.get_start_column();
    let line = message.get_source_line(scope)?;
    // An error that was made without a place has none here either.
    if column > line.length() {
        return None;
    }
    let first =
        if line.length() > LONGEST_SHOWN_LINE { column.saturating_sub(LONGEST_SHOWN_LINE / 2) } else { 0 };
    let mut shown = vec![0; line.length().saturating_sub(first).min(LONGEST_SHOWN_LINE)];
    line.write_v2(scope, u32::try_from(first).ok()?, &mut shown, v8::WriteFlags::empty());
    let shown = String::from_utf16_lossy(&shown);
    let caret = " ".repeat(column - first);
    Some(format!("{file}:{line_number}:{}\n{shown}\n{caret}^\n", column + 1))
}
