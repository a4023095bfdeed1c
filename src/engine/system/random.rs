//! Random numbers of the operating system.

use crate::engine::exception::throw;
use crate::engine::system::bytes::with_bytes;
use crate::engine::system::session;

/// `fillRandom(view)`: fills it, and says so. `false` while a snapshot is built: what is drawn there is in
/// every session, so it must come from a source that the builder watches.
pub(super) fn on_fill<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    if session(scope).is_none() {
        result.set_bool(false);
        return;
    }
    match with_bytes(scope, arguments.get(0), |bytes| getrandom::fill(bytes)) {
        Some(Ok(())) => result.set_bool(true),
        Some(Err(error)) => {
            throw(scope, v8::Exception::error, &format!("the system has no random numbers: {error}"));
        }
        None => throw(scope, v8::Exception::type_error, "expected a view of an ArrayBuffer"),
    }
}
