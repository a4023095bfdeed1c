//! An isolate in JavaScript's hands. Disposed when it is garbage-collected.

use std::cell::Cell;
use std::sync::Arc;

use napi::bindgen_prelude::{Env, ObjectFinalize, Result, Uint8Array};
use napi_derive::napi;

use super::event::{Answer, Events};
use super::lent::Lender;
use super::number;
use super::options::{NativeSource, NativeStateRequest, milliseconds};
use crate::engine::error::EngineError;
use crate::engine::handle::IsolateHandle;
use crate::engine::lifecycle::{Reply, Settle};
use crate::engine::observe::outbox::Outbox;
use crate::engine::snapshot::Snapshot;
use crate::engine::value::{Incoming, Moves, Of};

/// A blank isolate takes about this much outside Node.js's heap; a snapshot's heap comes on top.
const BLANK_ISOLATE_BYTES: i64 = 1024 * 1024;

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
    /// What the isolate tells beside answers; none when nobody wants to hear it.
    pub(super) outbox: Option<Arc<Outbox>>,
    /// What Node.js's garbage collector was told that this object weighs.
    pub(super) weight: Cell<i64>,
    /// Of the environment.
    pub(super) lender: Lender,
}

impl ObjectFinalize for NativeIsolate {
    fn finalize(self, env: Env) -> Result<()> {
        self.weigh_nothing(env)
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

    /// Imports a module; answered with its exports, encoded as an object.
    #[napi]
    pub fn import(&self, request: f64, specifier: String, timeout_ms: Option<f64>) {
        self.handle.import(call_id(request), specifier, timeout_ms.map(milliseconds), self.settle(request));
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

    /// Before the request itself: tells what moves with it. The buffers are the guest's, by their number
    /// in the encoded arguments. Those which `lent` lists by number nobody else refers to any more: they
    /// are copied later, on the isolate's thread, see `takeBack`; the others are copied here. `result`
    /// moves the buffers of the result to the host.
    #[napi]
    pub fn announce_moves(&self, request: f64, buffers: Vec<Uint8Array>, lent: Vec<u32>, result: bool) {
        let buffers = self.incoming(buffers, &lent);
        self.handle.announce(Of::Request(call_id(request)), Moves { buffers, result });
    }

    /// Answers a host call with an encoded value and buffers, as `announce_moves` takes them.
    #[napi]
    pub fn answer_moving(&self, host_call: f64, value: &[u8], buffers: Vec<Uint8Array>, lent: Vec<u32>) {
        let moves = Moves { buffers: self.incoming(buffers, &lent), result: false };
        self.handle.announce(Of::Answer(call_id(host_call)), moves);
        self.handle.answer(call_id(host_call), Ok(value.to_vec()));
    }

    /// Reports the isolate's figures as JSON.
    #[napi]
    pub fn stats(&self, request: f64) {
        self.handle.stats(call_id(request), self.settle(request));
    }

    /// Writes the guest's state down; answered with the document's bytes, and as JSON with what it is and
    /// what is not in it. `if_changed`: answered with nothing if no code of the guest has run since the last
    /// time.
    #[napi]
    pub fn export_state(
        &self,
        request: f64,
        what: NativeStateRequest,
        if_changed: bool,
        timeout_ms: Option<f64>,
    ) {
        let timeout = timeout_ms.map(milliseconds);
        let settle = self.settle(request);
        self.handle.export_state(call_id(request), what.into(), if_changed, timeout, settle);
    }

    /// Replaces the guest's state by that of a document.
    #[napi]
    pub fn import_state(
        &self,
        request: f64,
        bytes: &[u8],
        what: NativeStateRequest,
        timeout_ms: Option<f64>,
    ) {
        let timeout = timeout_ms.map(milliseconds);
        self.handle.import_state(
            call_id(request),
            bytes.to_vec(),
            what.into(),
            timeout,
            self.settle(request),
        );
    }

    /// Says of the next request, by its number, that it is made in order to answer one of these host
    /// calls, the innermost first: an isolate that waits for one of them takes it meanwhile.
    #[napi]
    pub fn nest(&self, request: f64, host_calls: Vec<f64>) {
        self.handle.nest(call_id(request), host_calls.into_iter().map(call_id).collect());
    }

    /// The host is done with so many reports of a `reports` event, of that weight together.
    #[napi]
    pub fn reported(&self, reports: f64, bytes: f64) {
        if let Some(outbox) = &self.outbox {
            outbox.done(count(reports), count(bytes));
        }
    }

    /// Opens a session of the inspector. Its messages are `inspector` events; one without a message says
    /// that the isolate is finished.
    #[napi]
    pub fn inspector_connect(&self, request: f64, session: f64) {
        let (events, isolate) = (self.events.clone(), self.id());
        let frontend = Arc::new(move |message| events.inspector(isolate, session, message));
        let connected = self.handle.inspector_connect(call_id(session), frontend);
        self.events.done(request, connected.map(|()| Answer::Nothing));
    }

    /// Hands a message to a session of the inspector.
    #[napi]
    pub fn inspector_send(&self, session: f64, message: String) {
        self.handle.inspector_send(call_id(session), message);
    }

    /// Closes a session of the inspector. No event of it follows but those on their way.
    #[napi]
    pub fn inspector_disconnect(&self, session: f64) {
        self.handle.inspector_disconnect(call_id(session));
    }

    /// The oldest unread message of a session was read.
    #[napi]
    pub fn inspector_read(&self, session: f64) {
        self.handle.inspector_read(call_id(session));
    }

    /// Whether evaluations and calls wait until a client lets them run.
    #[napi]
    pub fn inspector_hold(&self, is_held: bool) {
        self.handle.inspector_hold(is_held);
    }

    /// Stops what runs for a request. No event follows.
    #[napi]
    pub fn abort(&self, request: f64) {
        self.handle.abort(call_id(request));
    }

    /// Ends the isolate; answered when its memory is given back.
    #[napi]
    pub fn dispose(&self, env: Env, request: f64) -> Result<()> {
        let events = self.events.clone();
        self.handle.dispose(move || events.done(request, Ok(Answer::Nothing)));
        self.weigh_nothing(env)
    }

    /// Node.js looks for garbage when it hears of ever more memory that objects hold: not for what is
    /// disposed.
    fn weigh_nothing(&self, env: Env) -> Result<()> {
        env.adjust_external_memory(-self.weight.take()).map(drop)
    }

    fn incoming(&self, buffers: Vec<Uint8Array>, lent: &[u32]) -> Vec<Incoming> {
        let incoming = (0..).zip(buffers).map(|(number, buffer)| {
            if lent.contains(&number) {
                Incoming::Lent(self.lender.lend(buffer))
            } else {
                Incoming::copied(&buffer)
            }
        });
        incoming.collect()
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

/// What the host gives back of what it was given.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and positive by construction"
)]
fn count(value: f64) -> usize {
    value as usize
}

/// Turns the engine's reply into an event of an isolate.
pub(super) fn settle(events: Events, isolate: Option<f64>, request: f64) -> Settle {
    Box::new(move |reply| events.answered(isolate, request, reply.and_then(answer)))
}

fn answer(reply: Reply) -> std::result::Result<Answer, EngineError> {
    Ok(match reply {
        Reply::Value(bytes) => Answer::Bytes(bytes),
        Reply::Stats(stats) => Answer::Json(json(&stats)?),
        // For a digest only the engine itself asks.
        Reply::Started | Reply::Done | Reply::Digest(_) => Answer::Nothing,
        Reply::Moved(bytes, moved) => Answer::Moved(bytes, moved),
        Reply::State(mut state) => {
            let bytes = std::mem::take(&mut state.bytes);
            Answer::State(bytes, json(&state)?)
        }
    })
}

pub(super) fn json(value: &impl serde::Serialize) -> std::result::Result<String, EngineError> {
    serde_json::to_string(value).map_err(|error| EngineError::DataClone { message: error.to_string() })
}
