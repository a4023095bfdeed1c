//! An isolate in JavaScript's hands. Disposed when it is garbage-collected.

use std::sync::Arc;

use napi::bindgen_prelude::{Env, ObjectFinalize, Result};
use napi_derive::napi;

use super::event::{Answer, Events};
use super::number;
use super::options::{NativeSource, milliseconds};
use crate::engine::error::EngineError;
use crate::engine::handle::IsolateHandle;
use crate::engine::lifecycle::{Reply, Settle};
use crate::engine::snapshot::Snapshot;

/// A blank isolate takes about this much outside Node.js's heap; a snapshot's heap comes on top.
const BLANK_ISOLATE_BYTES: i64 = 2 * 1024 * 1024;

/// What one isolate weighs outside Node.js's heap, in bytes.
pub(super) fn isolate_weight(snapshot: Option<&Snapshot>) -> i64 {
    let heap_bytes = snapshot.map_or(0, |snapshot| snapshot.info().heap_bytes);
    BLANK_ISOLATE_BYTES.saturating_add(i64::try_from(heap_bytes).unwrap_or(i64::MAX))
}

/// One isolate. Every request is answered by one `done` event, unless it is aborted.
#[napi(custom_finalize)]
pub struct NativeIsolate {
    pub(super) handle: Arc<IsolateHandle>,
    pub(super) events: Events,
    /// What Node.js's garbage collector was told that this object weighs.
    pub(super) weight: i64,
}

impl ObjectFinalize for NativeIsolate {
    fn finalize(self, env: Env) -> Result<()> {
        env.adjust_external_memory(-self.weight).map(drop)
    }
}

#[napi]
impl NativeIsolate {
    /// Unique in the process.
    #[napi(getter)]
    pub fn id(&self) -> f64 {
        number(self.handle.id())
    }

    /// Evaluates a script. Without `timeout_ms` there is no limit.
    #[napi]
    pub fn eval(&self, request: f64, source: NativeSource, timeout_ms: Option<f64>) {
        self.handle.eval(call_id(request), source.into(), timeout_ms.map(milliseconds), self.settle(request));
    }

    /// Calls the function at a dotted path with an encoded array of arguments.
    #[napi]
    pub fn call(&self, request: f64, path: String, arguments: &[u8], timeout_ms: Option<f64>) {
        let timeout = timeout_ms.map(milliseconds);
        self.handle.call(call_id(request), path, arguments.to_vec(), timeout, self.settle(request));
    }

    /// Calls a function that the guest sent, by its number, with an encoded array of arguments.
    #[napi]
    pub fn call_reference(&self, request: f64, number: u32, arguments: &[u8], timeout_ms: Option<f64>) {
        let timeout = timeout_ms.map(milliseconds);
        let settle = self.settle(request);
        self.handle.call_reference(call_id(request), number, arguments.to_vec(), timeout, settle);
    }

    /// Lets go of functions and streams that the guest sent: for each its number, and how often it had
    /// come.
    #[napi]
    pub fn release(&self, references: Vec<u32>) {
        let pairs = references.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        self.handle.release(pairs.collect());
    }

    /// Answers a host call with an encoded value, or an encoded error.
    #[napi]
    pub fn answer(&self, host_call: f64, ok: bool, value: &[u8]) {
        let value = value.to_vec();
        self.handle.answer(call_id(host_call), if ok { Ok(value) } else { Err(value) });
    }

    /// Reports the isolate's figures as JSON.
    #[napi]
    pub fn stats(&self, request: f64) {
        self.handle.stats(call_id(request), self.settle(request));
    }

    /// Says of the next request, by its number, that it is made in order to answer one of these host
    /// calls, the innermost first: an isolate that waits for one of them takes it meanwhile.
    #[napi]
    pub fn nest(&self, request: f64, host_calls: Vec<f64>) {
        self.handle.nest(call_id(request), host_calls.into_iter().map(call_id).collect());
    }

    /// Stops what runs for a request. No event follows.
    #[napi]
    pub fn abort(&self, request: f64) {
        self.handle.abort(call_id(request));
    }

    /// Ends the isolate; answered when its memory is given back.
    #[napi]
    pub fn dispose(&self, request: f64) {
        let events = self.events.clone();
        self.handle.dispose(move || events.done(request, Ok(Answer::Nothing)));
    }

    fn settle(&self, request: f64) -> Settle {
        settle(self.events.clone(), Some(number(self.handle.id())), request)
    }
}

/// Requests are counted from 1 in `lib/`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and positive by construction"
)]
pub(super) fn call_id(request: f64) -> u64 {
    request as u64
}

/// Turns the engine's reply into an event of an isolate.
pub(super) fn settle(events: Events, isolate: Option<f64>, request: f64) -> Settle {
    Box::new(move |reply| events.answered(isolate, request, reply.and_then(answer)))
}

fn answer(reply: Reply) -> std::result::Result<Answer, EngineError> {
    Ok(match reply {
        Reply::Started => Answer::Nothing,
        Reply::Value(bytes) => Answer::Bytes(bytes),
        Reply::Stats(stats) => Answer::Json(json(&stats)?),
        Reply::Digest(lines) => Answer::Json(json(&lines)?),
    })
}

pub(super) fn json(value: &impl serde::Serialize) -> std::result::Result<String, EngineError> {
    serde_json::to_string(value).map_err(|error| EngineError::DataClone { message: error.to_string() })
}
