//! Proves for one snapshot that what a session does stays in that session.
//!
//! A session C is opened and left alone. A hostile session A changes everything it can reach; another
//! one runs the user's own attack. While they live, and again after, a fresh session B is opened. Everything reachable in each B and
//! in C is written down and compared; so are the snapshot's own bytes, before and after. That A's
//! digest did change shows that the comparison sees changes at all.

pub(crate) mod digest;

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::engine::error::{EngineError, Result};
use crate::engine::handle::{Codegen, IsolateHandle, Seed, SessionOptions};
use crate::engine::host_call::{Host, HostCall};
use crate::engine::lifecycle::{Reply, Settle};
use crate::engine::modules::SessionModules;
use crate::engine::snapshot::Snapshot;
use crate::engine::source::Source;
use crate::engine::value::ValueLimits;

/// More leaks than this are not listed.
const MOST_LEAKS: usize = 100;

/// The requests of one session here; each is used once.
const START: u64 = 1;
const RUN: u64 = 2;
const DIGEST: u64 = 3;

/// How to verify.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// The memory limit of each session, in MiB.
    pub memory_limit_mb: u64,
    /// The time limit of each step.
    pub timeout: Duration,
    /// What a second hostile session runs.
    pub hostile: Option<Source>,
}

/// One question and its answer.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was asked.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was seen instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Something of one session that another one sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// Where, from `globalThis`.
    pub path: String,
    /// What the untouched session has there, and the other one.
    pub detail: String,
}

/// The verdict.
#[derive(Debug, Clone, Serialize)]
pub struct IsolationReport {
    /// Whether every check holds.
    pub ok: bool,
    /// Every question asked.
    pub checks: Vec<Check>,
    /// What leaked.
    pub leaks: Vec<Leak>,
}

/// Stands in for a leak in V8 or in us: a script that every session opened after the hostile one
/// runs first. Only tests give one.
pub type Plant<'a> = Option<&'a Source>;

/// Verifies. Blocks for as long as its sessions run: not for a thread that something waits on.
///
/// # Errors
/// Whatever keeps a session from starting or being written down.
pub fn verify(snapshot: &Arc<Snapshot>, options: &VerifyOptions, plant: Plant) -> Result<IsolationReport> {
    let before = Sha256::digest(snapshot.blob());
    let untouched = Session::open(snapshot, options)?;
    let hostile = Session::open(snapshot, options)?;
    // An attack may fail, time out or run out of memory: that is its own affair.
    let _ = hostile.eval(RUN, attack());
    let users = options.hostile.as_ref().map(|attack| {
        let session = Session::open(snapshot, options)?;
        let _ = session.eval(RUN, attack.clone());
        Ok(session)
    });
    let users = users.transpose()?;
    let beside = Session::open_planted(snapshot, options, plant)?.digest();
    let changed = hostile.digest();
    drop((hostile, users));
    let after = Session::open_planted(snapshot, options, plant)?.digest();
    let reference = untouched.digest()?;
    let (beside, after) = (beside?, after?);

    let mut leaks = differences(&reference, &beside);
    let beside_is_equal = leaks.is_empty();
    let leaks_after = differences(&reference, &after);
    let after_is_equal = leaks_after.is_empty();
    leaks.extend(leaks_after);
    leaks.dedup();
    leaks.truncate(MOST_LEAKS);
    let has_changed = match changed {
        Ok(changed) => changed != reference,
        // Destroyed so thoroughly that it can't even be written down.
        Err(EngineError::Guest(_)) => true,
        Err(error) => return Err(error),
    };
    let lines = reference.lines().count();
    let same_lines = || Some(format!("{lines} properties compared"));
    let checks = vec![
        check("a session opened beside a hostile one equals an untouched one", beside_is_equal, same_lines()),
        check("a session opened after a hostile one equals an untouched one", after_is_equal, same_lines()),
        check("the hostile session changed what it could reach", has_changed, None),
        check("the snapshot's bytes are unchanged", before == Sha256::digest(snapshot.blob()), None),
    ];
    Ok(IsolationReport { ok: checks.iter().all(|check| check.ok), checks, leaks })
}

fn attack() -> Source {
    Source::script(include_str!("hostile.js"), "isoseed:hostile")
}

fn check(name: &str, ok: bool, detail: Option<String>) -> Check {
    Check { name: name.to_owned(), ok, detail }
}

fn differences(reference: &str, other: &str) -> Vec<Leak> {
    let parse = |lines: &str| -> BTreeMap<String, String> {
        lines
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(path, what)| (path.into(), what.into()))
            .collect()
    };
    if reference == other {
        return Vec::new();
    }
    let (reference, other) = (parse(reference), parse(other));
    let absent = "nothing".to_owned();
    let paths: std::collections::BTreeSet<&String> = reference.keys().chain(other.keys()).collect();
    paths
        .into_iter()
        .filter_map(|path| {
            let (ours, theirs) = (reference.get(path), other.get(path));
            (ours != theirs).then(|| Leak {
                path: path.clone(),
                detail: format!("{} instead of {}", theirs.unwrap_or(&absent), ours.unwrap_or(&absent)),
            })
        })
        .take(MOST_LEAKS)
        .collect()
}

/// A session whose requests are awaited one by one.
struct Session {
    handle: IsolateHandle,
    timeout: Duration,
}

impl Session {
    fn open(snapshot: &Arc<Snapshot>, options: &VerifyOptions) -> Result<Self> {
        let (settle, started) = channel();
        let seed = Seed { snapshot: Some(Arc::clone(snapshot)), memory_limit_mb: options.memory_limit_mb };
        let session = SessionOptions {
            sources: Vec::new(),
            timeout: Some(options.timeout),
            globals: EMPTY_OBJECT.to_vec(),
            bindings: Vec::new(),
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
        Ok(Self { handle, timeout: options.timeout })
    }

    fn open_planted(snapshot: &Arc<Snapshot>, options: &VerifyOptions, plant: Plant) -> Result<Self> {
        let session = Self::open(snapshot, options)?;
        if let Some(plant) = plant {
            session.eval(RUN, plant.clone())?;
        }
        Ok(session)
    }

    fn eval(&self, request: u64, source: Source) -> Result<Reply> {
        let (settle, evaluated) = channel();
        self.handle.eval(request, source, Some(self.timeout), settle);
        wait(&evaluated)
    }

    fn digest(&self) -> Result<String> {
        let (settle, taken) = channel();
        self.handle.digest(DIGEST, Some(self.timeout), settle);
        match wait(&taken)? {
            Reply::Digest(lines) => Ok(lines),
            reply => Err(EngineError::build(format!("a digest was asked for, not {reply:?}"))),
        }
    }
}

/// `{}`, encoded.
const EMPTY_OBJECT: &[u8] = b"\xff\x0fo{\0\0";

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

    fn release(&self, _references: Vec<(u32, u32)>) {}
}
