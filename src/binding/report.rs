//! What an isolate tells its host beside answers, as plain data.

use napi_derive::napi;

use super::error::NativeError;
use super::number;
use crate::engine::observe::outbox::{Report, Uncaught};

/// A call of a `console` method, an error that nobody caught, or a mark where such are missing.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct NativeReport {
    /// `console`, `rejection`, `exception` or `dropped`.
    pub kind: &'static str,
    /// For `console`: the entry as JSON, see `src/engine/observe`.
    pub json: Option<String>,
    /// For `rejection` and `exception`: what was thrown.
    pub error: Option<NativeError>,
    /// What caused it: `eval`, `call`, `import`, `start` or `detached`.
    pub origin: Option<String>,
    /// The source's name, or the path that was called, if known.
    pub name: Option<String>,
    /// For `rejection`: so many more are not told of one by one. For `dropped`: missing errors.
    pub more: Option<f64>,
    /// For `dropped`: missing console entries.
    pub entries: Option<f64>,
}

impl From<Report> for NativeReport {
    fn from(report: Report) -> Self {
        match report {
            Report::Console(json) => Self { kind: "console", json: Some(json), ..Self::default() },
            Report::Uncaught(Uncaught { kind, error, origin, name, more }) => Self {
                kind,
                error: Some(error.into()),
                origin: Some(origin.to_owned()),
                name,
                more: Some(number(more)),
                ..Self::default()
            },
            Report::Dropped { entries, errors } => Self {
                kind: "dropped",
                more: Some(number(errors)),
                entries: Some(number(entries)),
                ..Self::default()
            },
        }
    }
}
