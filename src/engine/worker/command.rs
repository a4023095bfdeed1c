//! What the isolate's thread can be told.

use std::time::Instant;

use crate::engine::handle::SessionOptions;
use crate::engine::inbox::Outcome;
use crate::engine::lifecycle::CallId;
use crate::engine::source::Source;
use crate::engine::state::StateRequest;

/// What the isolate's thread can be told.
pub(crate) enum Command {
    /// Tells that the isolate is restored; it waits for its session.
    Hold {
        call: CallId,
    },
    /// Makes it the isolate of one session, which asked for it at this time.
    Prepare {
        call: CallId,
        session: Box<SessionOptions>,
        asked: Instant,
    },
    Eval {
        call: CallId,
        source: Source,
    },
    Call {
        call: CallId,
        path: String,
        arguments: Vec<u8>,
    },
    Answer {
        host_call: u64,
        outcome: Outcome,
    },
    Stats {
        call: CallId,
    },
    Digest {
        call: CallId,
    },
    Task(v8::Task),
    Dispose,
    Import {
        call: CallId,
        specifier: String,
    },
    /// Writes the state down.
    ExportState {
        call: CallId,
        request: StateRequest,
        if_changed: bool,
    },
    /// Replaces the state.
    ImportState {
        call: CallId,
        bytes: Vec<u8>,
        request: StateRequest,
    },
    /// Something for the inspector is in the isolate's port.
    Inspect,
    /// Calls a function that the guest sent, or takes a step of a stream.
    CallReference {
        call: CallId,
        number: u32,
        arguments: Vec<u8>,
    },
    /// Lets go of what the guest sent: numbers, and how often each had come.
    Release {
        references: Vec<(u32, u32)>,
    },
}
