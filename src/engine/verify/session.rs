//! The sessions that are compared: what is asked of them is awaited, step by step.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::engine::error::{EngineError, Result};
use crate::engine::handle::{Codegen, IsolateHandle, Seed, SessionOptions};
use crate::engine::host_call::{Host, HostCall};
use crate::engine::lifecycle::{Reply, Settle};
use crate::engine::modules::SessionModules;
use crate::engine::snapshot::Snapshot;
use crate::engine::source::Source;
use crate::engine::value::{EMPTY_OBJECT, ValueLimits};
use crate::engine::verify::digest::Digest;
use crate::engine::verify::{Plant, VerifyOptions};

/// How long it may take to write a session down, at least: it runs nothing of the guest, and a large heap
/// takes its time.
const DIGEST_PATIENCE: Duration = Duration::from_secs(300);

/// The requests of one session that are made once.
const START: u64 = 1;
const DIGEST: u64 = 2;
/// The first of the others.
const RUN: u64 = 3;

pub(super) struct Session {
    handle: IsolateHandle,
    timeout: Duration,
    next: std::cell::Cell<u64>,
}

impl Session {
    /// Has the snapshot's host functions, which nobody answers.
    pub(super) fn open(snapshot: &Arc<Snapshot>, options: &VerifyOptions) -> Result<Self> {
        let (settle, started) = channel();
        let seed = Seed { snapshot: Some(Arc::clone(snapshot)), memory_limit_mb: options.memory_limit_mb };
        let session = SessionOptions {
            sources: Vec::new(),
            timeout: Some(options.timeout),
            globals: EMPTY_OBJECT.to_vec(),
            bindings: snapshot.info().bindings.clone(),
            sync_bindings: Vec::new(),
            host_has_float16: false,
            host: Arc::new(NoHost),
            cpu_limit: None,
            codegen: Codegen::default(),
            modules: SessionModules::default(),
            listener: None,
            value_limits: ValueLimits::default(),
            keeps_state: false,
        };
        let handle = IsolateHandle::start(seed, session, START, settle)?;
        wait(&started)?;
        Ok(Self { handle, timeout: options.timeout, next: std::cell::Cell::new(RUN) })
    }

    pub(super) fn open_planted(
        snapshot: &Arc<Snapshot>,
        options: &VerifyOptions,
        plant: Plant,
    ) -> Result<Self> {
        let session = Self::open(snapshot, options)?;
        if let Some(plant) = plant {
            session.eval(plant.clone(), options.timeout)?;
        }
        Ok(session)
    }

    /// What a source comes to, within its time.
    pub(super) fn eval(&self, source: Source, timeout: Duration) -> Result<Reply> {
        let request = self.next.get();
        self.next.set(request + 1);
        let (settle, evaluated) = channel();
        self.handle.eval(request, source, Some(timeout), settle);
        wait(&evaluated)
    }

    /// The numbers that a script answers with, as text.
    pub(super) fn numbers(&self, source: Source, timeout: Duration) -> Result<Vec<u64>> {
        let Reply::Value(bytes) = self.eval(source, timeout)? else { return Ok(Vec::new()) };
        // A string of ASCII: header, tag, length, text, end.
        let text = bytes.get(4..bytes.len().saturating_sub(1)).unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        Ok(text.split(' ').map_while(|number| number.parse().ok()).collect())
    }

    pub(super) fn digest(&self) -> Result<Digest> {
        let (settle, taken) = channel();
        self.handle.digest(DIGEST, Some(self.timeout.max(DIGEST_PATIENCE)), settle);
        match wait(&taken)? {
            Reply::Digest(digest) => Ok(*digest),
            reply => Err(EngineError::build(format!("a digest was asked for, not {reply:?}"))),
        }
    }
}

fn channel() -> (Settle, mpsc::Receiver<Result<Reply>>) {
    let (sender, receiver) = mpsc::channel();
    // A receiver that is gone does not wait any more.
    (Box::new(move |reply| drop(sender.send(reply))), receiver)
}

fn wait(receiver: &mpsc::Receiver<Result<Reply>>) -> Result<Reply> {
    receiver.recv().unwrap_or(Err(EngineError::Disposed { cause: None }))
}

struct NoHost;

impl Host for NoHost {
    fn call(&self, _call: HostCall) {}

    fn release(&self, _: Vec<(u32, u32)>) {}
}
