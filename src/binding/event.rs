//! What the native side tells JavaScript: one event type through one threadsafe function.

use std::sync::Arc;

use napi::Status;
use napi::bindgen_prelude::{Either, Env, FnArgs, Function, Result, Uint8Array, sys};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

use super::error::NativeError;
use super::number;
use super::packed::{LARGEST_PACKED, Packed};
use super::process::end_json;
use super::report::NativeReport;
use super::snapshot::NativeSnapshot;
use super::store::NativeStore;
use crate::engine::error::EngineError;
use crate::engine::host_call::{HostCall, Target};
use crate::engine::observe::outbox::Outbox;
use crate::engine::process::parent::{Frame, ProcessEnd};
use crate::engine::snapshot::helper::Progress;
use crate::engine::value::Moved;

/// The answer to a request, or a guest's call of a host function.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct NativeEvent {
    /// `done`, `hostCall`, `progress`, `release`, `reports`, `inspector`, or of a process: `frame` or
    /// `ended`.
    pub kind: &'static str,
    /// The request's number, the host call's, the inspector session's, or the process's; for `reports`
    /// their weight in bytes.
    pub id: f64,
    /// The isolate's number: for `hostCall`, `release`, `reports` and `inspector`, and for the answer to
    /// its request.
    pub isolate: Option<f64>,
    /// For `hostCall`: the binding's dotted path.
    pub path: Option<String>,
    /// For `hostCall`: the number of the function that the host sent, instead of a path.
    pub reference: Option<u32>,
    /// For `release`: numbers of functions and streams that the host sent, each with how often it had come.
    pub references: Option<Vec<u32>>,
    /// For `hostCall`: the request that the guest works for.
    pub owner: Option<f64>,
    /// An encoded value.
    pub bytes: Option<Uint8Array>,
    /// An answer as JSON; for `inspector` a message of the session, absent when the isolate is finished.
    pub json: Option<String>,
    /// A snapshot that was built or loaded.
    pub snapshot: Option<NativeSnapshot>,
    /// A store that was opened.
    pub store: Option<NativeStore>,
    /// What did not work though the request succeeded.
    pub warning: Option<String>,
    /// Why the request failed.
    pub error: Option<NativeError>,
    /// For `reports`: what the isolate tells beside answers, in order.
    pub reports: Option<Vec<NativeReport>>,
    /// What moved with the encoded value: buffers by their number in it, each its own. Of a store: what
    /// belongs to `json`.
    pub buffers: Option<Vec<Uint8Array>>,
}

/// What answers a request.
pub(super) enum Answer {
    Nothing,
    Bytes(Vec<u8>),
    Json(String),
    Snapshot(NativeSnapshot),
    Store(NativeStore),
    /// JSON, and bytes that it speaks of.
    Parts(String, Vec<Vec<u8>>),
    /// With what did not work on the way.
    Built(NativeSnapshot, Option<String>),
    /// A state, and what is said of it as JSON.
    State(Vec<u8>, String),
    /// With the buffers that moved.
    Moved(Vec<u8>, Vec<Moved>),
}

/// JavaScript's own from here on. Where buffers can't lie outside of Node.js's memory (Electron), it is
/// a copy.
fn into_array(moved: Moved) -> Uint8Array {
    if moved.is_empty() {
        return Uint8Array::new(Vec::new());
    }
    let (data, length) = (moved.data(), moved.len());
    // SAFETY: `data` points to `length` bytes that `moved` keeps, and that nobody else reaches; it is
    // dropped when JavaScript's buffer is freed.
    unsafe { Uint8Array::with_external_data(data, length, move |_, _| drop(moved)) }
}

type Outcome = std::result::Result<Answer, EngineError>;

enum Event {
    Done { isolate: Option<f64>, request: f64, outcome: Outcome },
    HostCall { isolate: f64, call: HostCall },
    Release { isolate: f64, references: Vec<(u32, u32)> },
    Progress { request: f64, progress: Progress },
    Frame { process: f64, frame: Frame },
    ProcessEnded { process: f64, end: ProcessEnd },
    Reports { isolate: f64, outbox: Arc<Outbox> },
    Inspector { isolate: f64, session: f64, message: Option<String> },
}

impl From<Event> for NativeEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::HostCall { isolate, call } => {
                let (path, reference) = match call.target {
                    Target::Path(path) => (Some(path), None),
                    Target::Reference(number) => (None, Some(number)),
                };
                Self {
                    kind: "hostCall",
                    id: number(call.id),
                    isolate: Some(isolate),
                    path,
                    reference,
                    owner: call.owner.map(number),
                    bytes: Some(call.arguments.into()),
                    ..Self::default()
                }
            }
            Event::Release { isolate, references } => Self {
                kind: "release",
                isolate: Some(isolate),
                references: Some(
                    references.into_iter().flat_map(|(number, times)| [number, times]).collect(),
                ),
                ..Self::default()
            },
            Event::Progress { request, progress } => Self {
                kind: "progress",
                id: request,
                json: serde_json::to_string(&progress).ok(),
                ..Self::default()
            },
            Event::Frame { process, frame } => {
                Self { kind: "frame", id: process, bytes: Some(frame.bytes.into()), ..Self::default() }
            }
            Event::ProcessEnded { process, end } => {
                Self { kind: "ended", id: process, json: Some(end_json(&end)), ..Self::default() }
            }
            Event::Reports { isolate, outbox } => {
                let (reports, bytes) = outbox.take();
                Self {
                    kind: "reports",
                    id: number(bytes as u64),
                    isolate: Some(isolate),
                    reports: Some(reports.into_iter().map(Into::into).collect()),
                    ..Self::default()
                }
            }
            Event::Inspector { isolate, session, message } => Self {
                kind: "inspector",
                id: session,
                isolate: Some(isolate),
                json: message,
                ..Self::default()
            },
            Event::Done { isolate, request, outcome } => {
                let mut event = Self { kind: "done", id: request, isolate, ..Self::default() };
                match outcome {
                    Ok(Answer::Nothing) => {}
                    Ok(Answer::Bytes(bytes)) => event.bytes = Some(bytes.into()),
                    Ok(Answer::State(bytes, json)) => {
                        event.bytes = Some(bytes.into());
                        event.json = Some(json);
                    }
                    Ok(Answer::Json(json)) => event.json = Some(json),
                    Ok(Answer::Snapshot(snapshot)) => event.snapshot = Some(snapshot),
                    Ok(Answer::Store(store)) => event.store = Some(store),
                    Ok(Answer::Parts(json, parts)) => {
                        event.json = Some(json);
                        event.buffers = Some(parts.into_iter().map(Into::into).collect());
                    }
                    Ok(Answer::Built(snapshot, warning)) => {
                        event.snapshot = Some(snapshot);
                        event.warning = warning;
                    }
                    Ok(Answer::Moved(bytes, moved)) => {
                        event.bytes = Some(bytes.into());
                        event.buffers = Some(moved.into_iter().map(into_array).collect());
                    }
                    Err(error) => event.error = Some(error.into()),
                }
                event
            }
        }
    }
}

/// What `dispatch` is called with: an event; or, for nearly every answer of an isolate, the request's number
/// with the small encoded value and the isolate's number. An object and its properties would take longer to
/// make than all the rest of the call.
pub(super) type DispatchArgs = FnArgs<(Either<NativeEvent, f64>, Option<Packed>, Option<f64>)>;
type Dispatch = ThreadsafeFunction<Event, (), DispatchArgs, Status, false, true>;

fn arguments(event: Event) -> DispatchArgs {
    let arguments = match event {
        Event::Done { isolate, request, outcome: Ok(Answer::Bytes(bytes)) }
            if bytes.len() <= LARGEST_PACKED =>
        {
            (Either::B(request), Some(Packed(bytes)), isolate)
        }
        event => (Either::A(event.into()), None, None),
    };
    FnArgs::from(arguments)
}

/// Sends events to one JavaScript environment, from any thread. After the environment's end it does
/// nothing.
#[derive(Clone)]
pub(super) struct Events(Arc<Dispatch>);

impl Events {
    /// Events will arrive at `dispatch`, one call each. Unreferenced at first.
    pub(super) fn new(dispatch: &Function<DispatchArgs, ()>) -> Result<Self> {
        let dispatch = dispatch
            .build_threadsafe_function::<Event>()
            .weak::<true>()
            .build_callback(|context| Ok(arguments(context.value)))?;
        Ok(Self(Arc::new(dispatch)))
    }

    /// Answers a request.
    pub(super) fn done(&self, request: f64, outcome: Outcome) {
        self.answered(None, request, outcome);
    }

    /// Answers a request of an isolate.
    pub(super) fn answered(&self, isolate: Option<f64>, request: f64, outcome: Outcome) {
        self.send(Event::Done { isolate, request, outcome });
    }

    /// The guest has let go of what the host sent.
    pub(super) fn release(&self, isolate: f64, references: Vec<(u32, u32)>) {
        self.send(Event::Release { isolate, references });
    }

    pub(super) fn host_call(&self, isolate: f64, call: HostCall) {
        self.send(Event::HostCall { isolate, call });
    }

    pub(super) fn progress(&self, request: f64, progress: &Progress) {
        self.send(Event::Progress { request, progress: progress.clone() });
    }

    pub(super) fn frame(&self, process: f64, frame: Frame) {
        self.send(Event::Frame { process, frame });
    }

    pub(super) fn process_ended(&self, process: f64, end: ProcessEnd) {
        self.send(Event::ProcessEnded { process, end });
    }

    /// One batch of an isolate's reports; taken when the event arrives.
    pub(super) fn reports(&self, isolate: f64, outbox: Arc<Outbox>) {
        self.send(Event::Reports { isolate, outbox });
    }

    pub(super) fn inspector(&self, isolate: f64, session: f64, message: Option<String>) {
        self.send(Event::Inspector { isolate, session, message });
    }

    /// The queue is unbounded: requests are the host's own; an isolate's waiting host calls, reports and
    /// unread inspector messages are bounded by the engine, and a process's frames by their reader. A
    /// closing environment answers nobody, so its status is no news.
    fn send(&self, event: Event) {
        let _ = self.0.call(event, ThreadsafeFunctionCallMode::NonBlocking);
    }

    /// Keeps the event loop alive.
    pub(super) fn hold_loop(&self, env: Env) {
        // SAFETY: called on the environment's own thread, and `self` holds the function alive.
        unsafe { sys::napi_ref_threadsafe_function(env.raw(), self.0.raw()) };
    }

    /// Lets the event loop end.
    pub(super) fn release_loop(&self, env: Env) {
        // SAFETY: called on the environment's own thread, and `self` holds the function alive.
        unsafe { sys::napi_unref_threadsafe_function(env.raw(), self.0.raw()) };
    }
}
