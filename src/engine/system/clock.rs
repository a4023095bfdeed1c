//! The session's clock: it begins when the session does, not when its isolate was restored or its
//! snapshot built.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::engine::system::session;

/// When a session began.
pub(crate) struct SessionClock {
    began: Instant,
    /// Milliseconds since 1970.
    origin: f64,
}

impl SessionClock {
    pub(crate) fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        Self { began: Instant::now(), origin: since_1970.map_or(0.0, |time| time.as_secs_f64() * 1e3) }
    }
}

/// `now()`: milliseconds since the session began. Zero while a snapshot is built: what captures that
/// captures nothing of the build, and a difference to a session's time is that session's own.
pub(super) fn on_now<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    _: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let now = session(scope).map_or(0.0, |guest| guest.clock.began.elapsed().as_secs_f64() * 1e3);
    result.set_double(now);
}

/// `timeOrigin()`: when the session began, in milliseconds since 1970; undefined while a snapshot is built.
pub(super) fn on_time_origin<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    _: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    if let Some(guest) = session(scope) {
        result.set_double(guest.clock.origin);
    }
}
