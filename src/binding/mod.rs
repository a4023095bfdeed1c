//! The Node-API layer: requests in, events out. Names no V8 type and runs no guest code.
//!
//! Everything JavaScript sees of it goes through `lib/`, which numbers its requests; each is
//! answered by one event. Nothing here blocks the host's thread.

mod connection;
mod error;
mod event;
mod isolate;
mod lent;
mod options;
mod packed;
mod process;
mod report;
mod snapshot;
mod snapshot_cache;
mod store;

use napi::bindgen_prelude::{ArrayBuffer, Result};
use napi_derive::napi;

/// A count as JavaScript has it. What is counted here stays far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn number(count: u64) -> f64 {
    count as f64
}

/// Does this encoded message hold an `Error`, or a token that the reader does not know?
#[napi]
pub fn contains_error(bytes: &[u8]) -> bool {
    crate::engine::value::wire::scan(bytes).has_error
}

/// How deep the values of an encoded message are nested: 0 for a primitive, 1 for an array of primitives.
#[napi]
pub fn nesting(bytes: &[u8]) -> u32 {
    crate::engine::value::wire::nesting(bytes)
}

/// Detaches a buffer whose content has moved.
#[napi]
pub fn detach(buffer: ArrayBuffer) -> Result<()> {
    buffer.detach()
}

/// The whole life of a snapshot helper process: reads an order from the standard input, builds,
/// answers, and ends the process.
#[napi]
pub fn run_helper() {
    crate::engine::snapshot::build::run_helper()
}
