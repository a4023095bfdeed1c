//! The run that counts: the sources in the creator isolate, the checks, and V8's heap image.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::engine::error::{EngineError, Finding, Result};
use crate::engine::exception::describe;
use crate::engine::host_call::{self, RefusedCalls};
use crate::engine::inspector;
use crate::engine::isolate::{self, USER_CONTEXT, create_params};
use crate::engine::limits::memory::MemoryLimit;
use crate::engine::modules::{self, End, Modules};
use crate::engine::observe::console;
use crate::engine::snapshot::ContextData;
use crate::engine::snapshot::build::graph::Graph;
use crate::engine::snapshot::build::native_objects;
use crate::engine::snapshot::build::parts::{Found, Parts};
use crate::engine::snapshot::build::rehearsal::Rehearsal;
use crate::engine::snapshot::build::{Site, out_of_memory, script_scopes, send_phase};
use crate::engine::snapshot::protocol::Phase;
use crate::engine::snapshot::request::Unsafe;
use crate::engine::source::Source;
use crate::engine::state::code_table;
use crate::engine::value::{Encoder, ValueLimits};

/// Collections before the blob: weak callbacks of one may free what the next one finds.
const COLLECTIONS: usize = 2;

/// A heap image and what goes into its header.
pub(super) struct Image {
    pub(super) blob: Vec<u8>,
    pub(super) stack_trace_limit: Option<f64>,
    pub(super) data: ContextData,
    pub(super) warnings: Vec<Finding>,
    /// The heap that was saved.
    pub(super) graph: Graph,
    pub(super) global: usize,
}

/// Runs the sources and makes the heap image.
pub(super) fn create(site: &Site, rehearsal: &Rehearsal) -> Result<Image> {
    let (memory, lifecycle) = site.limits();
    let mut creator = new_isolate(site, &memory);
    lifecycle.isolate_created(creator.thread_safe_handle());
    lifecycle.begin_turn(None);
    let outcome = fill(&mut creator, site, rehearsal, &memory);
    let stop = lifecycle.end_turn();
    modules::clear(&mut creator);
    let (data, kept) = match (outcome, stop) {
        (Ok(filled), None) => filled,
        // A creator must not be dropped without its blob; this process ends without unwinding it.
        (outcome, stop) => {
            std::mem::forget(creator);
            let limit = site.order.memory_limit_mb;
            return Err(stop.map_or_else(
                || outcome.err().unwrap_or_else(|| EngineError::build("the build stopped")),
                |_| out_of_memory(limit),
            ));
        }
    };
    collect(&mut creator);
    send_phase(Phase::Serialize, None);
    let blob = creator.create_blob(v8::FunctionCodeHandling::Keep);
    let blob = blob.ok_or_else(|| EngineError::build("V8 made no heap image"))?;
    let Kept { stack_trace_limit, warnings, graph, global } = kept;
    Ok(Image { blob: blob.to_vec(), stack_trace_limit, data, warnings, graph, global })
}

struct Kept {
    stack_trace_limit: Option<f64>,
    warnings: Vec<Finding>,
    graph: Graph,
    global: usize,
}

/// A creator isolate: empty, or with the base snapshot's heap.
pub(super) fn new_isolate(site: &Site, memory: &Arc<MemoryLimit>) -> v8::OwnedIsolate {
    let params = Some(create_params(memory, site.texts));
    let mut creator = match site.base {
        Some(blob) => {
            let blob = v8::StartupData::from(Cow::Borrowed(blob));
            v8::Isolate::snapshot_creator_from_existing_snapshot(blob, None, params)
        }
        None => v8::Isolate::snapshot_creator(None, params),
    };
    creator.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
    creator.set_slot(Rc::new(RefusedCalls::default()));
    creator.set_slot(Rc::clone(&site.positions));
    creator.set_slot(site.texts);
    modules::allow_imports(&mut creator);
    memory.enforce(&mut creator);
    creator
}

/// Frees what nobody refers to.
pub(super) fn collect(isolate: &mut v8::Isolate) {
    for _ in 0..COLLECTIONS {
        isolate.clear_kept_objects();
        isolate.low_memory_notification();
    }
}

/// A context in which the sources can run.
pub(super) struct Room<'s> {
    pub(super) context: v8::Local<'s, v8::Context>,
    pub(super) parts: Parts<'s>,
    modules: Rc<Modules>,
}

impl<'s> Room<'s> {
    /// Makes a context, with the parts and the host functions in it.
    pub(super) fn enter(scope: &mut v8::PinScope<'s, '_, ()>, site: &Site) -> Result<Self> {
        let no_memory = || EngineError::build("V8 found no memory to begin with");
        let modules = modules::reset(scope);
        let options = v8::ContextOptions::default();
        let Some(base) = &site.order.base else {
            let context = v8::Context::new(scope, options);
            let scope = &mut v8::ContextScope::new(scope, context);
            inspector::number(scope, context);
            let parts = Parts::prepare(scope, &site.manifest).ok_or_else(no_memory)?;
            console::install(scope).ok_or_else(no_memory)?;
            host_call::install(scope, &site.order.request.bindings).map_err(|_| no_memory())?;
            return Ok(Self { context, parts, modules });
        };
        let context = v8::Context::from_snapshot(scope, USER_CONTEXT, options);
        let context = context.ok_or_else(|| EngineError::build("the base snapshot holds no context"))?;
        let scope = &mut v8::ContextScope::new(scope, context);
        let parts = if base.data.parts {
            let kept = isolate::parts(scope).ok_or_else(no_memory)?;
            Parts::resume(scope, kept, base.stack_trace_limit)
        } else {
            let parts = Parts::prepare(scope, &site.manifest);
            isolate::set_stack_trace_limit(scope, base.stack_trace_limit);
            parts
        };
        modules.restore(scope, &base.data.modules, base.data.modules_at()).ok_or_else(no_memory)?;
        host_call::install(scope, &site.order.request.bindings).map_err(|_| no_memory())?;
        Ok(Self { context, parts: parts.ok_or_else(no_memory)?, modules })
    }
}

fn fill(
    creator: &mut v8::OwnedIsolate,
    site: &Site,
    rehearsal: &Rehearsal,
    memory: &Arc<MemoryLimit>,
) -> Result<(ContextData, Kept)> {
    let request = &site.order.request;
    v8::scope!(let scope, creator);
    let untouched = v8::Context::new(scope, v8::ContextOptions::default());
    scope.set_default_context(untouched);
    let _warm = match &request.warmup {
        Some(warmup) => Some(warm_up(scope, site, warmup, memory)?),
        None => None,
    };
    let room = Room::enter(scope, site)?;
    let (Checked { parts, found, stack_trace_limit, graph, global }, code) = {
        let scope = &mut v8::ContextScope::new(scope, room.context);
        run_sources(scope, request.kept_sources(), Phase::Evaluate, memory)?;
        send_phase(Phase::Check, None);
        let checked = check(scope, &room, rehearsal)?;
        let lexical = script_scopes::names(&checked.graph, checked.global);
        let modules = room.modules.values(scope);
        let code = code_table::table(scope, &code_table::Beginnings { lexical, modules });
        (checked, code.ok_or_else(|| EngineError::build("V8 found no memory for the paths of functions"))?)
    };
    let warnings = judge(found, request.unsafe_code)?;
    let mut data = ContextData::default();
    if let Some(parts) = parts {
        scope.add_context_data(room.context, parts);
        data.parts = true;
    }
    data.modules = room.modules.save(scope, room.context);
    scope.add_context_data(room.context, code);
    data.code = true;
    let index = scope.add_context(room.context);
    debug_assert_eq!(index, USER_CONTEXT);
    Ok((data, Kept { stack_trace_limit, warnings, graph, global }))
}

/// Runs everything in a context that is thrown away. V8 compiles a function when it is first called, and
/// what it compiles belongs to the source, not to the context: the context that is kept finds it.
fn warm_up<'s>(
    scope: &mut v8::PinScope<'s, '_, ()>,
    site: &Site,
    warmup: &Source,
    memory: &Arc<MemoryLimit>,
) -> Result<v8::Local<'s, v8::Context>> {
    let room = Room::enter(scope, site)?;
    let scope = &mut v8::ContextScope::new(scope, room.context);
    run_sources(scope, site.order.request.kept_sources(), Phase::Warmup, memory)?;
    run_sources(scope, std::iter::once(("warmup", warmup)), Phase::Warmup, memory)?;
    // Refused calls and the like are judged where they stay.
    drop(refused_calls(scope));
    Ok(room.context)
}

/// Evaluates sources in order, each with the microtasks that it sets off.
pub(super) fn run_sources<'a>(
    scope: &mut v8::PinScope,
    sources: impl Iterator<Item = (&'static str, &'a Source)> + Clone,
    phase: Phase,
    memory: &MemoryLimit,
) -> Result<()> {
    let encoder = Encoder {
        limit: memory.bytes(),
        host_has_float16: false,
        limits: ValueLimits::default(),
        own_levels: 0,
    };
    v8::tc_scope!(let scope, scope);
    if let Some(modules) = modules::current(scope) {
        modules.announce(sources.clone().map(|(_, source)| source));
    }
    for (role, source) in sources {
        send_phase(phase, Some(&source.name));
        let put_off = || send_phase(Phase::Microtasks, Some(&source.name));
        match modules::run_to_end(scope, source, put_off) {
            Some(End::Done) => {
                send_phase(Phase::Between, None);
                continue;
            }
            Some(End::Waiting) => return Err(still_waiting(role, source)),
            None => {}
        }
        let Some(exception) = scope.exception().filter(|_| scope.can_continue()) else {
            return Err(EngineError::build(format!("the {role} was stopped")));
        };
        let message = scope.message();
        scope.reset();
        let cause = describe(scope, exception, message, &encoder);
        let message = format!("the {role} ({}) threw while the snapshot was built: {cause}", source.name);
        return Err(EngineError::SnapshotBuild { message, cause: Some(Box::new(cause)) });
    }
    Ok(())
}

fn still_waiting(role: &str, source: &Source) -> EngineError {
    let name = &source.name;
    EngineError::SnapshotUnsafe {
        findings: vec![Finding {
            rule: "pending-promise".to_owned(),
            path: source.global.clone().unwrap_or_else(|| "globalThis".to_owned()),
            source: Some(name.clone()),
            message: format!("the {role} ({name}) waits in a top-level await, and nothing is left to run"),
            hint: "await only what settles without a host and without timers".to_owned(),
        }],
    }
}

struct Checked<'s> {
    /// The parts, if they have work in every session.
    parts: Option<v8::Local<'s, v8::Object>>,
    found: Found,
    stack_trace_limit: Option<f64>,
    graph: Graph,
    global: usize,
}

fn check<'s>(scope: &mut v8::PinScope, room: &Room<'s>, rehearsal: &Rehearsal) -> Result<Checked<'s>> {
    let no_memory = || EngineError::build("V8 found no memory to check the heap");
    v8::tc_scope!(let scope, scope);
    room.parts.suspend(scope).ok_or_else(no_memory)?;
    collect(scope);
    let (report, parts) = room.parts.settle(scope).ok_or_else(no_memory)?;
    let mut found = report.found;
    found.waivable.extend(refused_calls(scope));
    found.waivable.extend(rehearsal.findings.iter().cloned());
    let global = room.context.global(scope).into();
    let graph = Graph::take(scope, &[global]).ok_or_else(no_memory)?;
    let global = graph.marked().first().copied().ok_or_else(no_memory)?;
    found.refused.extend(native_objects::find(&graph, &graph.ways_from(global)));
    Ok(Checked { parts, found, stack_trace_limit: report.stack_trace_limit, graph, global })
}

/// The calls of host functions since this was asked last.
pub(super) fn refused_calls(isolate: &v8::Isolate) -> Vec<Finding> {
    let calls = isolate.get_slot::<Rc<RefusedCalls>>().map(|calls| calls.take());
    calls.unwrap_or_default().into_iter().map(host_call_finding).collect()
}

/// Names of functions that start a timer in every environment that has them, and of the web bridge's
/// that deliver something later.
const TIMERS: [&str; 6] =
    ["setTimeout", "setInterval", "setImmediate", "requestAnimationFrame", "timeout", "postMessage"];

fn host_call_finding((path, source): (String, Option<String>)) -> Finding {
    let is_timer = TIMERS.contains(&path.rsplit('.').next().unwrap_or_default());
    let (rule, message, hint) = if is_timer {
        (
            "open-timer",
            format!(
                "a timer was started with {path} while the snapshot was built: no session would ever see it fire"
            ),
            "start timers in each session: in a function, not at the top level",
        )
    } else {
        (
            "host-call",
            format!("the host function {path} was called while the snapshot was built: there is no host yet"),
            "call host functions in each session: in a function, not at the top level",
        )
    };
    Finding { rule: rule.to_owned(), path, source, message, hint: hint.to_owned() }
}

/// What is found either stands against the snapshot or becomes a warning.
fn judge(found: Found, unsafe_code: Unsafe) -> Result<Vec<Finding>> {
    let Found { waivable, mut refused, mut warnings } = found;
    match unsafe_code {
        Unsafe::Error => refused.extend(waivable),
        Unsafe::Warn => warnings.extend(waivable),
    }
    if refused.is_empty() { Ok(warnings) } else { Err(EngineError::SnapshotUnsafe { findings: refused }) }
}
