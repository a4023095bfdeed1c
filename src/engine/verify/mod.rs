//! Proves for one snapshot that what a session does stays in that session.
//!
//! A session is written down before anything else happens, and another one is opened and left alone. Then
//! hostile sessions change everything they can reach, call everything they find, and run the user's own
//! attack. While they live, and again after, a fresh session is opened. Each of these is compared with the
//! first: everything reachable by properties, and everything that V8's heap snapshot shows behind them
//! (`digest`). So are the snapshot's own bytes, before and after. That the hostile session's digest did
//! change shows that the comparison sees changes at all.

mod compare;
pub(crate) mod digest;
mod heap;
mod inside;
mod inspect;
mod records;
mod session;
mod walker;
mod weak;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::engine::error::{EngineError, Result};
use crate::engine::snapshot::Snapshot;
use crate::engine::source::Source;
pub use crate::engine::verify::compare::Leak;
use crate::engine::verify::compare::{MOST_LEAKS, differences};
use crate::engine::verify::digest::Digest;
use crate::engine::verify::session::Session;

/// How long the session that calls everything may run at a time: a function that never returns takes the
/// others' place no longer than that.
const CALLS_SLICE: Duration = Duration::from_millis(500);

/// How to verify.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// The memory limit of each session, in MiB.
    pub memory_limit_mb: u64,
    /// The time limit of each step.
    pub timeout: Duration,
    /// What a third hostile session runs.
    pub hostile: Option<Source>,
}

/// One question and its answer.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was asked.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was seen instead, or how much was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What the hostile sessions did, and how much was compared.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Coverage {
    /// Objects that the attack reached, functions among them.
    pub objects: u64,
    /// How many of them are functions.
    pub functions: u64,
    /// Properties that it added, overwrote, deleted or redefined.
    pub properties: u64,
    /// Objects whose prototype it took away.
    pub prototypes: u64,
    /// Maps, sets, buffers, dates and regular expressions that it changed, each way counted.
    pub contents: u64,
    /// Objects that it froze.
    pub frozen: u64,
    /// Modules that it imported and changed.
    pub modules: u64,
    /// Functions of the snapshot's sources that were found to be called.
    pub callable: u64,
    /// Calls of them.
    pub calls: u64,
    /// Host functions that were called.
    pub bindings: u64,
    /// Of each session, what was compared.
    pub compared: Compared,
}

/// How much of a session was compared.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Compared {
    /// Properties, and whatever else JavaScript can ask of an object.
    pub properties: usize,
    /// Objects, strings and variables in V8's heap snapshot, its own structures among them.
    #[serde(rename = "heapNodes")]
    pub heap_nodes: usize,
    /// Objects that no property leads to: held by scopes, private fields, promises.
    #[serde(rename = "hiddenObjects")]
    pub hidden_objects: usize,
    /// Scopes and objects that were too many to be read in full: only what the heap snapshot shows of them
    /// was compared.
    pub unread: usize,
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
    /// What the probe did.
    pub coverage: Coverage,
}

/// Stands in for a leak in V8 or in us: a script that every session opened after the hostile ones runs
/// first; a promise that it answers with is awaited. Only tests give one.
pub type Plant<'a> = Option<&'a Source>;

/// Verifies. Blocks for as long as its sessions run: not for a thread that something waits on.
///
/// # Errors
/// Whatever keeps a session from starting or being written down.
pub fn verify(snapshot: &Arc<Snapshot>, options: &VerifyOptions, plant: Plant) -> Result<IsolationReport> {
    let before = Sha256::digest(snapshot.blob());
    let reference = Session::open(snapshot, options)?.digest()?;
    let untouched = Session::open(snapshot, options)?;
    let mut coverage = Coverage { compared: compared(&reference), ..Coverage::default() };
    let hostile = Session::open(snapshot, options)?;
    attack(&hostile, snapshot, options, &mut coverage);
    let caller = Session::open(snapshot, options)?;
    call_all(&caller, snapshot, options, &mut coverage);
    let users = options.hostile.as_ref().map(|attack| {
        let session = Session::open(snapshot, options)?;
        // It may fail, time out or run out of memory: that is its own affair.
        let _ = session.eval(attack.clone(), options.timeout);
        Ok(session)
    });
    let users = users.transpose()?;
    let leaks_in = |session: &Session| -> Result<Vec<Leak>> {
        let other = session.digest()?;
        Ok(differences(&reference, &other))
    };
    let beside = leaks_in(&Session::open_planted(snapshot, options, plant)?)?;
    let has_changed = match hostile.digest() {
        Ok(changed) => !differences(&reference, &changed).is_empty(),
        // Destroyed so thoroughly that it can't even be written down.
        Err(EngineError::Guest(_)) => true,
        Err(error) => return Err(error),
    };
    drop((hostile, caller, users));
    let after = leaks_in(&Session::open_planted(snapshot, options, plant)?)?;
    let alongside = leaks_in(&untouched)?;
    let is_intact = before == Sha256::digest(snapshot.blob());

    let compared = coverage.compared;
    let same = || {
        let Compared { properties, heap_nodes, hidden_objects, .. } = compared;
        Some(format!(
            "{properties} properties compared, {heap_nodes} nodes of the heap, {hidden_objects} hidden objects"
        ))
    };
    let checks = vec![
        check(
            "a session that lived beside hostile ones equals one from before them",
            alongside.is_empty(),
            same(),
        ),
        check("a session opened beside a hostile one equals an untouched one", beside.is_empty(), same()),
        check("a session opened after a hostile one equals an untouched one", after.is_empty(), same()),
        check("the hostile session changed what it could reach", has_changed, None),
        check("the snapshot's bytes are unchanged", is_intact, None),
    ];
    let mut leaks = beside;
    for leak in after.into_iter().chain(alongside) {
        if !leaks.contains(&leak) {
            leaks.push(leak);
        }
    }
    leaks.truncate(MOST_LEAKS);
    Ok(IsolationReport { ok: checks.iter().all(|check| check.ok), checks, leaks, coverage })
}

fn compared(digest: &Digest) -> Compared {
    Compared {
        properties: digest.records.entries(),
        heap_nodes: digest.graph.len(),
        hidden_objects: digest.records.len() - digest.visible,
        unread: digest.unread,
    }
}

/// Changes everything that it reaches. It may run out of time or memory; what it did until then counts.
fn attack(session: &Session, snapshot: &Snapshot, options: &VerifyOptions, coverage: &mut Coverage) {
    let code = format!("({})({})", include_str!("hostile.js"), module_names(snapshot));
    let numbers = session.numbers(Source::script(code, "isoseed:hostile"), options.timeout);
    if let [objects, functions, properties, prototypes, contents, frozen, modules] =
        numbers.as_deref().unwrap_or_default()
    {
        coverage.objects = *objects;
        coverage.functions = *functions;
        coverage.properties = *properties;
        coverage.prototypes = *prototypes;
        coverage.contents = *contents;
        coverage.frozen = *frozen;
        coverage.modules = *modules;
    }
}

/// Calls everything that it finds, again from where a call did not return.
fn call_all(session: &Session, snapshot: &Snapshot, options: &VerifyOptions, coverage: &mut Coverage) {
    let bindings = json(&snapshot.info().bindings);
    let code = format!("({})({}, {bindings})", include_str!("calls.js"), module_names(snapshot));
    if session.eval(Source::script(code, "isoseed:calls"), options.timeout).is_err() {
        return;
    }
    let until = Instant::now() + options.timeout;
    while Instant::now() < until {
        let code = "globalThis['isoseed:calls']()";
        let numbers =
            session.numbers(Source::script(code, "isoseed:calls"), CALLS_SLICE.min(options.timeout));
        match numbers {
            Err(EngineError::Timeout { .. }) => {}
            Ok(numbers) => {
                if let [callable, calls, bindings] = numbers[..] {
                    coverage.callable = callable;
                    coverage.calls = calls;
                    coverage.bindings = bindings;
                }
                return;
            }
            Err(_) => return,
        }
    }
}

fn module_names(snapshot: &Snapshot) -> String {
    let modules = &snapshot.info().data.modules;
    let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
    json(&names)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "[]".to_owned())
}

fn check(name: &str, ok: bool, detail: Option<String>) -> Check {
    Check { name: name.to_owned(), ok, detail }
}
