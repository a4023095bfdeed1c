//! The rehearsal: the sources run once in an isolate that is never saved, at another time, in another
//! time zone and with other random numbers. What the kept heap has in common with this one is no
//! accident of the build; and here the builder may look where looking leaves traces.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::error::{EngineError, Finding, Result};
use crate::engine::isolate;
use crate::engine::limits::memory::MemoryLimit;
use crate::engine::snapshot::build::creator::{Room, collect, new_isolate, refused_calls, run_sources};
use crate::engine::snapshot::build::graph::Graph;
use crate::engine::snapshot::build::promises;
use crate::engine::snapshot::build::surroundings::{self, Read};
use crate::engine::snapshot::build::{Site, out_of_memory};
use crate::engine::snapshot::protocol::Phase;
use crate::engine::snapshot::request::Unsafe;
use crate::engine::system::DrawnBytes;

/// Of a build that is repeated a year later, and half an hour off.
const ONE_YEAR_MS: f64 = 365.0 * 24.0 * 3_600_000.0;
const FAR_TIME_ZONE: &str = "Pacific/Chatham";
const OTHER_FAR_TIME_ZONE: &str = "Asia/Kathmandu";

/// Where and when a rehearsal takes place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    /// Milliseconds since 1970.
    pub(super) now: f64,
    /// What the random numbers come from.
    pub(super) seed: i32,
    /// Whether the time zone is another one than the host's.
    pub(super) is_away: bool,
}

impl Surroundings {
    /// Nothing as in the run that counts.
    pub(super) fn elsewhere() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64() * 1e3);
        Self { now: (now + ONE_YEAR_MS).floor(), seed: 1, is_away: true }
    }
}

/// What a rehearsal showed.
pub(super) struct Rehearsal {
    pub(super) graph: Graph,
    pub(super) global: usize,
    /// What the sources read of their surroundings.
    pub(super) reads: Vec<Read>,
    /// Promises that were left behind.
    pub(super) findings: Vec<Finding>,
    /// Dates and random bytes of the build.
    pub(super) warnings: Vec<Finding>,
}

/// Runs the sources. The isolate is not torn down: the process ends soon, and a snapshot creator can't
/// be without making a blob.
pub(super) fn rehearse(site: &Site, surroundings: Surroundings) -> Result<Rehearsal> {
    let home = v8::icu::get_default_time_zone();
    let away = if home == FAR_TIME_ZONE { OTHER_FAR_TIME_ZONE } else { FAR_TIME_ZONE };
    // A host whose time zone is unknown could not be put back.
    let is_away = surroundings.is_away && home != "Etc/Unknown" && v8::icu::set_default_time_zone(away);
    let (memory, lifecycle) = site.limits();
    let mut isolate = new_isolate(site, &memory);
    lifecycle.isolate_created(isolate.thread_safe_handle());
    promises::watch(&mut isolate);
    isolate.set_slot(Rc::new(DrawnBytes::default()));
    lifecycle.begin_turn(None);
    let outcome = look(&mut isolate, site, surroundings, &memory);
    let stop = lifecycle.end_turn();
    std::mem::forget(isolate);
    if is_away && !v8::icu::set_default_time_zone(&home) {
        return Err(EngineError::build(format!("the time zone can't be set back to {home}")));
    }
    match stop {
        Some(_) => Err(out_of_memory(site.order.memory_limit_mb)),
        None => outcome,
    }
}

fn look(
    isolate: &mut v8::OwnedIsolate,
    site: &Site,
    surroundings: Surroundings,
    memory: &Arc<MemoryLimit>,
) -> Result<Rehearsal> {
    v8::scope!(let scope, isolate);
    let room = Room::enter(scope, site)?;
    let scope = &mut v8::ContextScope::new(scope, room.context);
    let watcher = room.parts.rehearse(scope, surroundings.now, surroundings.seed).ok_or_else(no_memory)?;
    let ran = run_sources(scope, site.order.request.kept_sources(), Phase::Rehearse, memory);
    if let Err(error) = ran {
        return Err(explained(scope, &room, site, error));
    }
    let reads =
        isolate::call(scope, watcher, "reads", &[]).ok_or_else(no_memory)?.to_rust_string_lossy(scope);
    let reads = serde_json::from_str(&reads).map_err(|error| EngineError::build(error.to_string()))?;
    room.parts.suspend(scope).ok_or_else(no_memory)?;
    collect(scope);
    let (report, _) = room.parts.settle(scope).ok_or_else(no_memory)?;
    if !report.found.refused.is_empty() {
        // Only here is it known where it was done.
        return Err(EngineError::SnapshotUnsafe { findings: report.found.refused });
    }
    let (pending, promise_positions) = promises::pending(scope);
    let (dates, date_positions) = dates(scope, watcher).ok_or_else(no_memory)?;
    let drawn = scope.get_slot::<Rc<DrawnBytes>>().map(Rc::clone).unwrap_or_default();
    let (drawn, drawn_positions) = drawn.take(scope);
    let mut marked = vec![room.context.global(scope).into()];
    marked.extend(&pending);
    marked.extend(&dates);
    marked.extend(&drawn);
    let graph = Graph::take(scope, &marked).ok_or_else(no_memory)?;
    let marked = graph.marked();
    let Some((global, marked)) =
        marked.split_first().filter(|(_, rest)| rest.len() == pending.len() + dates.len() + drawn.len())
    else {
        return Err(EngineError::build("the heap can't be read"));
    };
    let (pending, marked) = marked.split_at(pending.len());
    let (dates, drawn) = marked.split_at(dates.len());
    let (findings, warnings) = {
        let ways = graph.ways_from(*global);
        let findings = promises::forgotten(&graph, &ways, pending, &promise_positions);
        let mut warnings = surroundings::captured_dates(&ways, dates, &date_positions);
        warnings.extend(surroundings::captured_bytes(&ways, drawn, &drawn_positions));
        (findings, warnings)
    };
    Ok(Rehearsal { global: *global, graph, reads, findings, warnings })
}

/// What the sources did that can't be done while building explains best why they threw.
fn explained(scope: &mut v8::PinScope, room: &Room, site: &Site, error: EngineError) -> EngineError {
    if site.order.request.unsafe_code == Unsafe::Warn
        || !matches!(error, EngineError::SnapshotBuild { cause: Some(_), .. })
    {
        return error;
    }
    v8::tc_scope!(let scope, scope);
    let found = room.parts.report(scope).map(|report| report.found);
    let mut findings = found.map_or_else(Vec::new, |found| found.waivable);
    findings.extend(refused_calls(scope));
    if findings.is_empty() { error } else { EngineError::SnapshotUnsafe { findings } }
}

type Positioned<'s> = (Vec<v8::Local<'s, v8::Value>>, Vec<Option<String>>);

/// The dates that were made of the clock and still live.
fn dates<'s>(scope: &mut v8::PinScope<'s, '_>, watcher: v8::Local<v8::Object>) -> Option<Positioned<'s>> {
    let alive = v8::Local::<v8::Array>::try_from(isolate::call(scope, watcher, "dates", &[])?).ok()?;
    let mut dates = (Vec::new(), Vec::new());
    for index in 0..alive.length() {
        let pair = v8::Local::<v8::Array>::try_from(alive.get_index(scope, index)?).ok()?;
        let source = pair.get_index(scope, 1)?;
        dates.0.push(pair.get_index(scope, 0)?);
        dates.1.push(source.is_string().then(|| source.to_rust_string_lossy(scope)));
    }
    Some(dates)
}

fn no_memory() -> EngineError {
    EngineError::build("V8 found no memory")
}
