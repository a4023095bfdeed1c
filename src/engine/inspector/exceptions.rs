//! Tells clients of exceptions that nothing in the guest catches, as Node.js does.
//!
//! The worker catches them all. While a client is attached it catches them verbosely: V8's debugger then
//! takes them for uncaught, and V8 reports them to the listener here.

use std::rc::{Rc, Weak};

use v8::inspector::{StringView, V8Inspector};

use crate::engine::inspector::Inspector;
use crate::engine::text::{LONGEST_ERROR_TEXT, LONGEST_NAME, beginning};

/// For `Isolate::add_message_listener`. Without a listener V8 would write to the standard output.
pub(super) unsafe extern "C" fn on_message(message: v8::Local<v8::Message>, exception: v8::Local<v8::Value>) {
    // SAFETY: V8 passes a live message and has a handle scope open.
    v8::callback_scope!(unsafe scope, message);
    let inspector = scope.get_slot::<Weak<Inspector>>().and_then(Weak::upgrade);
    if let Some(v8) = inspector.and_then(|inspector| inspector.v8()) {
        report(scope, &v8, message, exception);
    }
}

fn report(
    scope: &mut v8::PinScope,
    v8: &Rc<V8Inspector>,
    message: v8::Local<v8::Message>,
    exception: v8::Local<v8::Value>,
) {
    let text = message.get(scope);
    let text = beginning(scope, text, LONGEST_ERROR_TEXT);
    let url = message
        .get_script_resource_name(scope)
        .and_then(|name| v8::Local::<v8::String>::try_from(name).ok())
        .map(|name| beginning(scope, name, LONGEST_NAME))
        .unwrap_or_default();
    let line = message.get_line_number(scope).and_then(|line| u32::try_from(line).ok()).unwrap_or(0);
    let column = u32::try_from(message.get_start_column() + 1).unwrap_or(0);
    let trace = message.get_stack_trace(scope);
    let top = trace.filter(|trace| trace.get_frame_count() > 0).and_then(|trace| trace.get_frame(scope, 0));
    let script = top.map_or(0, |frame| frame.get_script_id());
    let script = i32::try_from(script).unwrap_or(0);
    let trace = v8.create_stack_trace(trace);
    let (text, url) = (units(&text), units(&url));
    v8.exception_thrown(
        scope.get_current_context(),
        // Before the exception itself, which clients show; or instead of it, when its script is unknown.
        StringView::from(&b"Uncaught"[..]),
        exception,
        StringView::from(&text[..]),
        StringView::from(&url[..]),
        line,
        column,
        trace,
        script,
    );
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}
