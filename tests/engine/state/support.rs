//! A session whose state is exported and imported.

use std::sync::Arc;

use isoseed::engine::error::Result;
use isoseed::engine::handle::{IsolateHandle, Seed};
use isoseed::engine::lifecycle::Reply;
use isoseed::engine::snapshot::Snapshot;
use isoseed::engine::state::{Exported, StateLimits, StateRequest};

use crate::support::{PATIENCE, Session, build, channel, session_options};

pub const SAME: &str = include_str!("same.js");

pub fn request() -> StateRequest {
    StateRequest { state: "state".to_owned(), keep_globals: false, limits: StateLimits::default() }
}

pub fn keeping_globals() -> StateRequest {
    StateRequest { keep_globals: true, ..request() }
}

pub fn open(snapshot: Option<&Arc<Snapshot>>) -> Session {
    open_with(snapshot, 256, &[])
}

pub fn open_with(snapshot: Option<&Arc<Snapshot>>, memory_limit_mb: u64, sources: &[&str]) -> Session {
    let mut options = session_options();
    options.keeps_state = true;
    options.timeout = Some(PATIENCE);
    options.sources = sources.iter().map(|code| crate::support::source(code, "fallback.js")).collect();
    let seed = Seed { snapshot: snapshot.map(Arc::clone), memory_limit_mb };
    Session::started(|settle| IsolateHandle::start(seed, options, 1, settle))
}

impl Session {
    pub fn try_export(&self, request: &StateRequest) -> Result<Exported> {
        let (settle, done) = channel();
        self.handle.export_state(self.number(), request.clone(), false, Some(PATIENCE), settle);
        match done.recv_timeout(PATIENCE).expect("every request is answered")? {
            Reply::State(exported) => Ok(*exported),
            reply => panic!("a state was asked for, not {reply:?}"),
        }
    }

    pub fn export(&self) -> Exported {
        self.try_export(&request()).expect("a state that can be kept")
    }

    pub fn try_import(&self, bytes: &[u8], request: &StateRequest) -> Result<()> {
        let (settle, done) = channel();
        self.handle.import_state(self.number(), bytes.to_vec(), request.clone(), Some(PATIENCE), settle);
        done.recv_timeout(PATIENCE).expect("every request is answered").map(drop)
    }

    pub fn import(&self, bytes: &[u8]) {
        self.try_import(bytes, &request()).expect("a sound state");
    }

    /// Runs a script for its effect.
    pub fn run(&self, code: &str) {
        self.try_eval(&format!("{code}\n;0"), Some(PATIENCE)).expect("a script that does not throw");
    }
}

/// What a state can be of.
pub fn classes() -> Arc<Snapshot> {
    build(include_str!("classes.js"))
}
