//! What an isolate's thread does when it has nothing to do: it gives memory back that it does not need.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::engine::inbox::Receiver;
use crate::engine::limits::native;
use crate::engine::worker::Command;

/// So long without a command, and an isolate is idle. Longer than a busy session waits for its next call.
const IDLE_AFTER: Duration = Duration::from_millis(100);

/// A wait with an end takes half a microsecond longer, so a session that is called again and again
/// waits like that only so often at first, and then once in as many commands.
const OFTEN: u32 = 64;

/// How a thread waits for its commands.
#[derive(Default)]
pub(super) struct Rest {
    waits: Cell<u32>,
}

impl Rest {
    /// The next command, waited for; none when `until` comes first.
    pub(super) fn receive(&self, received: &Receiver, until: Option<Instant>) -> Option<Command> {
        let waits = self.waits.get();
        self.waits.set(waits.wrapping_add(1));
        if native::has_caches() && (waits < OFTEN || waits.is_multiple_of(OFTEN)) {
            let idle = Instant::now() + IDLE_AFTER;
            if until.is_none_or(|until| until > idle) {
                if let Some(command) = received.receive(Some(idle)) {
                    return Some(command);
                }
                native::give_zeros_back();
            }
        }
        received.receive(until)
    }
}
