//! Guest exception → plain data.

use crate::engine::error::{EngineError, GuestException};
use crate::engine::value::Encoder;

/// A source line longer than this is shown around the column only.
const LONGEST_SHOWN_LINE: usize = 120;

/// Describes what a `TryCatch` holds. `message` tells the position of a syntax error.
pub(crate) fn describe(
    scope: &mut v8::PinScope,
    exception: v8::Local<v8::Value>,
    message: Option<v8::Local<v8::Message>>,
    encoder: &Encoder,
) -> EngineError {
    v8::tc_scope!(let scope, scope);
    let bytes = encoder.encode(scope, exception, "the thrown value").unwrap_or_default();
    scope.reset();
    let is_error = exception.is_native_error();
    let name =
        if is_error { text(scope, exception, "name") } else { None }.unwrap_or_else(|| "Error".to_owned());
    let text_of_error = if is_error { text(scope, exception, "message") } else { None };
    let text_of_value = text_of_error.unwrap_or_else(|| {
        let text = exception.to_detail_string(scope).map(|text| text.to_rust_string_lossy(scope));
        scope.reset();
        format!("guest threw {}", text.unwrap_or_else(|| "a value without a text".to_owned()))
    });
    let stack = if is_error { text(scope, exception, "stack") } else { None };
    let stack = stack.unwrap_or_else(|| format!("{name}: {text_of_value}"));
    let frame = message.filter(|_| name == "SyntaxError").and_then(|message| code_frame(scope, message));
    let stack = match frame {
        Some(frame) => format!("{frame}\n{stack}"),
        None => stack,
    };
    EngineError::Guest(Box::new(GuestException { name, message: text_of_value, stack, encoded: bytes }))
}

fn text(scope: &mut v8::PinScope, value: v8::Local<v8::Value>, key: &str) -> Option<String> {
    v8::tc_scope!(let scope, scope);
    let object = v8::Local::<v8::Object>::try_from(value).ok()?;
    let key = v8::String::new(scope, key)?;
    let text = object.get(scope, key.into())?;
    text.is_string().then(|| text.to_rust_string_lossy(scope))
}

/// `file:line:column`, the line and a caret, for an error thrown by the parser: such an error has
/// no frame of its own. `None` when it was thrown by running code (`eval`, `JSON.parse`).
fn code_frame(scope: &mut v8::PinScope, message: v8::Local<v8::Message>) -> Option<String> {
    let has_frames = message.get_stack_trace(scope).is_some_and(|trace| trace.get_frame_count() > 0);
    if has_frames {
        return None;
    }
    let file = message.get_script_resource_name(scope)?.to_rust_string_lossy(scope);
    let line_number = message.get_line_number(scope)?;
    let column = message.get_start_column();
    let line = message.get_source_line(scope)?.to_rust_string_lossy(scope);
    let first = if line.chars().count() > LONGEST_SHOWN_LINE {
        column.saturating_sub(LONGEST_SHOWN_LINE / 2)
    } else {
        0
    };
    let shown: String = line.chars().skip(first).take(LONGEST_SHOWN_LINE).collect();
    let caret = " ".repeat(column - first);
    Some(format!("{file}:{line_number}:{}\n{shown}\n{caret}^\n", column + 1))
}
