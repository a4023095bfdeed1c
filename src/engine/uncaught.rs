//! What the guest threw where nobody could catch it: in a timer, a queued microtask, a listener. It
//! ends nothing and fails no call. Runs on the isolate's thread, within a turn.

use crate::engine::host_call::GuestState;

/// Told of every exception that no call is waiting for. `message` says where it was thrown, if V8 knows.
pub(crate) fn report_uncaught(
    _scope: &mut v8::PinScope,
    _guest: &GuestState,
    _exception: v8::Local<v8::Value>,
    _message: Option<v8::Local<v8::Message>>,
) {
    // Nobody listens yet.
}
