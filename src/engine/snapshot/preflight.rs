//! Looks for heaps that V8 would capture but not restore. See `preflight.js` for the rules.
//!
//! Runs in the snapshot helper.

use serde::Deserialize;

use crate::engine::error::Finding;
use crate::engine::source::{Source, evaluate};

/// What the heap looks like after the last source.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) stack_trace_limit: Option<f64>,
    pub(super) findings: Vec<Finding>,
}

/// The check, prepared while every built-in is V8's own. Holds a handle into the heap: must be used
/// up before the blob is made.
pub(super) struct Preflight(v8::Global<v8::Function>);

impl Preflight {
    /// Prepares the check. `None` when V8 is out of memory.
    pub(super) fn prepare(scope: &mut v8::PinScope) -> Option<Self> {
        let source =
            Source { code: include_str!("preflight.js").to_owned(), name: "isoseed:preflight".to_owned() };
        let check = v8::Local::<v8::Function>::try_from(evaluate(scope, &source)?).ok()?;
        Some(Self(v8::Global::new(scope, check)))
    }

    /// Checks the heap, and takes out what V8 will add again.
    pub(super) fn check(self, scope: &mut v8::PinScope) -> Option<Report> {
        let check = v8::Local::new(scope, self.0);
        let receiver = v8::undefined(scope).into();
        let report = check.call(scope, receiver, &[])?.to_rust_string_lossy(scope);
        serde_json::from_str(&report).ok()
    }
}
