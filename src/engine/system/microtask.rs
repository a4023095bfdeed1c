//! Microtasks, and what was thrown where nobody catches it.

use crate::engine::system::session;
use crate::engine::uncaught::report_uncaught;

/// `queueMicrotask(function)`.
pub(super) fn on_queue<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    if let Ok(function) = v8::Local::<v8::Function>::try_from(arguments.get(0)) {
        scope.enqueue_microtask(function);
    }
}

/// `report(exception)`: tells what a callback threw. While a snapshot is built there is nobody to tell.
pub(super) fn on_report<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    let exception = arguments.get(0);
    let message = v8::Exception::create_message(scope, exception);
    if let Some(guest) = session(scope) {
        report_uncaught(scope, &guest, exception, Some(message));
    }
}
