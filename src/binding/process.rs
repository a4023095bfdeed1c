//! Processes for isolates in JavaScript's hands: a host's (`NativeProcess`), and the process's own way
//! to its host (`NativeParent`). What the frames say is known in `lib/process` alone.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use napi::Status;
use napi::bindgen_prelude::{Env, FnArgs, Function, ObjectFinalize, Result, Uint8Array};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use serde_json::json;

use super::event::Events;
use super::number;
use super::snapshot::NativeSnapshot;
use crate::engine::handle::reserve_id;
use crate::engine::process::child::{self, Parent, SessionBound};
use crate::engine::process::parent::{
    ChildProcess, Frame, Killed, Outgoing, ProcessEnd, ProcessListener, ProcessProgram,
};

/// A program that serves its parent.
#[napi(object, object_to_js = false)]
pub struct NativeProcessProgram {
    /// Its executable: Node.js itself.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment: names and values in turn.
    pub environment: Vec<String>,
    /// Its working directory.
    pub directory: String,
}

impl From<NativeProcessProgram> for ProcessProgram {
    fn from(program: NativeProcessProgram) -> Self {
        let (pairs, _) = program.environment.as_chunks::<2>();
        Self {
            program: program.program.into(),
            arguments: program.arguments.into_iter().map(Into::into).collect(),
            environment: pairs.iter().map(|[name, value]| (name.clone(), value.clone())).collect(),
            directory: program.directory.into(),
        }
    }
}

/// A process for isolates. It ends when this object is collected.
#[napi(custom_finalize)]
pub struct NativeProcess {
    id: f64,
    process: Arc<ChildProcess>,
    /// What Node.js's garbage collector was told that the process weighs.
    weight: Cell<i64>,
}

impl NativeProcess {
    pub(super) fn start(program: NativeProcessProgram, events: Events) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let id = number(NEXT_ID.fetch_add(1, Ordering::Relaxed));
        let process = ChildProcess::start(program.into(), Arc::new(Listener { id, events }));
        Self { id, process: Arc::new(process), weight: Cell::new(0) }
    }

    pub(super) fn downgrade(&self) -> Weak<ChildProcess> {
        Arc::downgrade(&self.process)
    }
}

impl ObjectFinalize for NativeProcess {
    fn finalize(self, env: Env) -> Result<()> {
        self.process.kill();
        env.adjust_external_memory(-self.weight.get()).map(drop)
    }
}

#[napi]
impl NativeProcess {
    /// Unique in this process.
    #[napi(getter)]
    pub fn id(&self) -> f64 {
        self.id
    }

    /// Sends a frame: the head, and the parts after it.
    #[napi]
    pub fn send(&self, head: &[u8], parts: Vec<Uint8Array>) {
        let length = head.len() + parts.iter().map(|part| part.len()).sum::<usize>();
        let mut frame = Vec::with_capacity(length);
        frame.extend_from_slice(head);
        for part in &parts {
            frame.extend_from_slice(part);
        }
        self.process.send(Outgoing::Bytes(frame));
    }

    /// Sends a frame: the head, and the snapshot's bytes after it. They are not copied.
    #[napi]
    pub fn send_snapshot(&self, head: &[u8], snapshot: &NativeSnapshot) {
        self.process.send(Outgoing::Snapshot(head.to_vec(), Arc::clone(&snapshot.snapshot)));
    }

    /// Ends the process when its resident memory has grown by more than so many bytes since the last time
    /// that there was no bound; absent for none. Only on Linux.
    #[napi]
    pub fn watch(&self, bytes: Option<f64>) {
        self.process.watch(bytes.map(whole));
    }

    /// Tells Node.js's garbage collector what the process weighs from now on, in bytes.
    #[napi]
    pub fn weigh(&self, env: Env, bytes: f64) -> Result<()> {
        let weight = i64::try_from(whole(bytes)).unwrap_or(i64::MAX);
        let before = self.weight.replace(weight);
        env.adjust_external_memory(weight - before).map(drop)
    }

    /// Ends the process at once; its `ended` event follows.
    #[napi]
    pub fn kill(&self) {
        self.process.kill();
    }
}

struct Listener {
    id: f64,
    events: Events,
}

impl ProcessListener for Listener {
    fn frame(&self, frame: Frame) {
        self.events.frame(self.id, frame);
    }

    fn ended(&self, end: ProcessEnd) {
        self.events.process_ended(self.id, end);
    }
}

/// How a process ended, as JSON: `code`, `signal`, `killed`, `grownBytes`, `words`.
pub(super) fn end_json(end: &ProcessEnd) -> String {
    let killed = end.killed.map(|killed| match killed {
        Killed::ByHost => "host",
        Killed::ForMemory(_) => "memory",
        Killed::ForFrame => "frame",
    });
    let grown_bytes = match end.killed {
        Some(Killed::ForMemory(bytes)) => Some(bytes),
        _ => None,
    };
    #[cfg(unix)]
    let signal = end.status.and_then(|status| std::os::unix::process::ExitStatusExt::signal(&status));
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    json!({
        "started": end.status.is_some(),
        "code": end.status.and_then(|status| status.code()),
        "signal": signal,
        "killed": killed,
        "grownBytes": grown_bytes,
        "words": end.words,
    })
    .to_string()
}

/// The way of an isolate's process to its host.
#[napi]
pub struct NativeParent {
    parent: Parent,
}

/// Makes this process one that serves the given parent process: `on_frame` gets what that sends. Keeps
/// the event loop alive; the process ends with its parent.
#[napi]
pub fn serve_parent(pid: u32, on_frame: Function<FnArgs<(Uint8Array,)>, ()>) -> Result<NativeParent> {
    let frames = on_frame
        .build_threadsafe_function::<Vec<u8>>()
        .build_callback(|context| Ok(FnArgs::from((Uint8Array::from(context.value),))))?;
    let parent = child::serve(pid, move |frame| {
        // Refused by an environment that is closing: then the process ends anyway.
        let _: Status = frames.call(frame, ThreadsafeFunctionCallMode::NonBlocking);
    })?;
    Ok(NativeParent { parent })
}

#[napi]
impl NativeParent {
    /// Sends a frame: the head, and the parts after it. Returns when it is written.
    #[napi]
    pub fn send(&self, head: &[u8], parts: Vec<Uint8Array>) {
        let mut frame: Vec<&[u8]> = vec![head];
        frame.extend(parts.iter().map(|part| &**part));
        self.parent.send(&frame);
    }
}

/// Starts V8, and returns when it has started. For a process that serves a parent: V8 starts by itself,
/// with the first isolate, where nobody may wait.
#[napi]
pub fn start_v8() {
    child::start_v8();
}

/// Bounds the private writable memory of this process from now on: it may grow by so many bytes beyond what
/// an isolate with that memory limit takes when it is made; absent to take the bound back. Says whether the
/// bound holds. For a process that serves a parent.
#[napi]
pub fn limit_data(memory_limit_mb: Option<u32>, bytes: Option<f64>) -> bool {
    let session = memory_limit_mb.zip(bytes);
    child::limit_data(session.map(|(memory_limit_mb, bytes)| SessionBound {
        memory_limit_mb: u64::from(memory_limit_mb),
        bytes: whole(bytes),
    }))
}

/// How many isolate threads there are in this process, among them those that will never end.
#[napi]
pub fn isolate_threads() -> f64 {
    number(child::isolate_threads() as u64)
}

/// A number that no other isolate of this process has: for one that lives in another process.
#[napi]
pub fn reserve_isolate_id() -> f64 {
    number(reserve_id())
}

/// A count of bytes from JavaScript.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is whole")]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}
