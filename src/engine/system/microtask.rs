//! Microtasks, and what was thrown where nobody catches it.

use crate::engine::system::session;
use crate::engine::uncaught::report_uncaught;

/// `queueMicrotask(function)`. As a promise's reaction: what a bare microtask throws V8 prints to the host's
/// standard output.
pub(super) fn on_queue<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    if let Ok(function) = v8::Local::<v8::Function>::try_from(arguments.get(0)) {
        let undefined = v8::undefined(scope).into();
        let Some(resolver) = v8::PromiseResolver::new(scope) else { return };
        resolver.resolve(scope, undefined);
        resolver.get_promise(scope).then(scope, function);
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
