//! The builder's parts in one context: stand-ins for what V8 leaves out of a snapshot creator, and lazy
//! forms of what it can't save. They are JavaScript (`../parts`), so that a snapshot can keep them.

use serde::Deserialize;

use crate::engine::error::Finding;
use crate::engine::isolate;
use crate::engine::snapshot::build::wasm;
use crate::engine::source::{Source, evaluate};

macro_rules! part {
    ($name:literal) => {
        Source::script(include_str!(concat!("../parts/", $name, ".js")), concat!("isoseed:", $name))
    };
}

/// What the parts found.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The sources' own `Error.stackTraceLimit`; none when they deleted it.
    pub(super) stack_trace_limit: Option<f64>,
    pub(super) found: Found,
}

/// Findings by what they mean for the build.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Found {
    /// They stand against the snapshot, unless the user waives them.
    pub(super) waivable: Vec<Finding>,
    /// V8 would abort.
    pub(super) refused: Vec<Finding>,
    pub(super) warnings: Vec<Finding>,
}

/// The parts of the context that they were prepared in.
#[derive(Clone, Copy)]
pub(super) struct Parts<'s>(v8::Local<'s, v8::Object>);

impl<'s> Parts<'s> {
    /// Makes the parts work in a fresh context. `None` when V8 is out of memory.
    pub(super) fn prepare(scope: &mut v8::PinScope<'s, '_>, manifest: &str) -> Option<Self> {
        let makers = makers(scope)?.into();
        let manifest = v8::String::new(scope, manifest)?;
        let assemble = v8::Local::<v8::Function>::try_from(evaluate(scope, &part!("main"))?).ok()?;
        let position = evaluate(scope, &part!("position"))?;
        let receiver = v8::undefined(scope).into();
        let validate = wasm::validator(scope)?;
        let parts = assemble.call(scope, receiver, &[makers, manifest.into(), position, validate.into()])?;
        Some(Self(v8::Local::<v8::Object>::try_from(parts).ok()?))
    }

    /// Makes the parts work again that a base snapshot's context has kept.
    pub(super) fn resume(
        scope: &mut v8::PinScope<'s, '_>,
        kept: v8::Local<'s, v8::Object>,
        stack_trace_limit: Option<f64>,
    ) -> Option<Self> {
        let limit = match stack_trace_limit {
            Some(limit) => v8::Number::new(scope, limit).into(),
            None => v8::null(scope).into(),
        };
        let validate = wasm::validator(scope)?.into();
        let makers = makers(scope)?.into();
        isolate::call(scope, kept, "resume", &[limit, validate, makers])?;
        Some(Self(kept))
    }

    /// After the last source: takes away what the sources must not leave in the heap.
    pub(super) fn suspend(self, scope: &mut v8::PinScope) -> Option<()> {
        isolate::call(scope, self.0, "suspend", &[]).map(drop)
    }

    /// After collections: what was found, and the parts if they have work in every session.
    pub(super) fn settle(
        self,
        scope: &mut v8::PinScope,
    ) -> Option<(Report, Option<v8::Local<'s, v8::Object>>)> {
        let stays = isolate::call(scope, self.0, "settle", &[])?.is_true();
        Some((self.report(scope)?, stays.then_some(self.0)))
    }

    /// What was found since the last time.
    pub(super) fn report(self, scope: &mut v8::PinScope) -> Option<Report> {
        let report = isolate::call(scope, self.0, "report", &[])?.to_rust_string_lossy(scope);
        serde_json::from_str(&report).ok()
    }

    /// Gives the context another clock and other random numbers. What it returns tells who asked for them.
    pub(super) fn rehearse(
        self,
        scope: &mut v8::PinScope<'s, '_>,
        now: f64,
        seed: i32,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let make = v8::Local::<v8::Function>::try_from(evaluate(scope, &part!("rehearse"))?).ok()?;
        let position = evaluate(scope, &part!("position"))?;
        let receiver = v8::undefined(scope).into();
        let now = v8::Number::new(scope, now).into();
        let seed = v8::Integer::new(scope, seed).into();
        v8::Local::<v8::Object>::try_from(make.call(
            scope,
            receiver,
            &[now, seed, position, self.0.into()],
        )?)
        .ok()
    }
}

/// What makes each part. Late built-ins come after Intl's own, so that nothing wraps their stand-ins.
fn makers<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Array>> {
    let lazy_intl = evaluate(scope, &part!("lazy_intl"))?;
    let makers = [lazy_intl, late(scope)?, evaluate(scope, &part!("finalization"))?];
    Some(v8::Array::new_with_elements(scope, &makers))
}

/// The maker of the part for late built-ins, which is in pieces.
fn late<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Value>> {
    let pieces = v8::Object::new(scope);
    for (name, source) in [
        ("standIns", part!("late_stand_ins")),
        ("functions", part!("late_functions")),
        ("float16", part!("late_float16")),
        ("base64", part!("late_base64")),
        ("disposal", part!("late_disposal")),
        ("wasm", part!("late_wasm")),
        ("wasmModule", part!("late_wasm_module")),
    ] {
        let name = v8::String::new(scope, name)?;
        let piece = evaluate(scope, &source)?;
        pieces.create_data_property(scope, name.into(), piece)?;
    }
    let assemble = evaluate(scope, &part!("late_assembly"))?;
    let assemble = v8::Local::<v8::Function>::try_from(assemble).ok()?;
    let (base, late) = (evaluate(scope, &part!("late_base"))?, evaluate(scope, &part!("late"))?);
    let receiver = v8::undefined(scope).into();
    assemble.call(scope, receiver, &[base, late, pieces.into()])
}

/// V8's own description of what it adds late, as JSON, from an ordinary isolate.
pub(super) fn manifest() -> Option<String> {
    let mut isolate = v8::Isolate::new(v8::CreateParams::default());
    v8::scope!(let scope, &mut isolate);
    let context = v8::Context::new(scope, v8::ContextOptions::default());
    let scope = &mut v8::ContextScope::new(scope, context);
    Some(evaluate(scope, &part!("manifest"))?.to_rust_string_lossy(scope))
}
