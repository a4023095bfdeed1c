//! The one error type of the engine. The binding turns it into JavaScript in one place.
//!
//! Codes are API and never change; messages may.

use serde::{Deserialize, Serialize};

/// What the guest threw, as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestException {
    /// The error's `name`, `Error` when the guest threw something else.
    pub name: String,
    /// The error's `message`, or the thrown value as text.
    pub message: String,
    /// The guest's own stack. For a syntax error it begins with the position, the line and a caret.
    pub stack: String,
    /// The thrown value, encoded as every value is (see `engine::value`).
    pub encoded: Vec<u8>,
}

/// One reason why a heap can't be captured, with the place where the user finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable id of the rule, for example `late-builtin`.
    pub rule: String,
    /// Path of the object, from `globalThis`.
    pub path: String,
    /// `file:line:column` where it was created, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// Everything that can go wrong in the engine.
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EngineError {
    /// The guest threw, or its promise rejected.
    #[error("{}: {}", .0.name, .0.message)]
    Guest(Box<GuestException>),
    /// A call passed its time limit.
    #[error("the call passed its timeoutMs of {timeout_ms}")]
    Timeout {
        /// The limit, in milliseconds.
        timeout_ms: u64,
    },
    /// The isolate used up its CPU time.
    #[error("the isolate used up its cpuLimitMs of {limit_ms}")]
    CpuLimit {
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// The isolate's heap and buffers together passed the limit.
    #[error("the isolate passed its memoryLimitMb of {limit_mb}")]
    MemoryLimit {
        /// The limit, in MiB.
        limit_mb: u64,
    },
    /// A call on, or pending in, an isolate that is disposed or finished.
    #[error("{}", match .cause { Some(cause) => format!("the isolate is finished: {cause}"), None => "the isolate is disposed".to_owned() })]
    Disposed {
        /// Why the isolate finished, when it was not disposed.
        cause: Option<Box<EngineError>>,
    },
    /// V8 reported a fatal error in this isolate, or it did not stop when told to.
    #[error("the isolate is lost: {words}")]
    IsolateLost {
        /// V8's own words, or what it did not do.
        words: String,
    },
    /// A value can't cross between host and guest.
    #[error("{message}")]
    DataClone {
        /// Names the value's path.
        message: String,
    },
    /// The heap can't be captured.
    #[error("the heap can't be captured: {}", .findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; "))]
    SnapshotUnsafe {
        /// Each reason.
        findings: Vec<Finding>,
    },
    /// The build failed otherwise.
    #[error("{message}")]
    SnapshotBuild {
        /// What happened, with V8's words where V8 died.
        message: String,
        /// The guest's exception, when a source threw.
        cause: Option<Box<EngineError>>,
    },
    /// The bytes are no snapshot, cut short or changed.
    #[error("{message}")]
    SnapshotCorrupt {
        /// What does not fit.
        message: String,
    },
    /// A sound snapshot of another V8, platform or format version.
    #[error("{message}")]
    SnapshotMismatch {
        /// Names what the snapshot is of, and what this process has.
        message: String,
    },
    /// The snapshot's file can't be read or written.
    #[error("{message}")]
    SnapshotIo {
        /// Names the path and the system's reason.
        message: String,
    },
    /// An option or argument is wrong.
    #[error("{message}")]
    InvalidArg {
        /// Names the option and the value.
        message: String,
    },
    /// A request that the host made in order to answer a blocking host call can't go on.
    #[error("{message}")]
    NestedCall {
        /// What is in its way.
        message: String,
    },
    /// A store can't be reached, or can't do what it is asked for.
    #[error("{message}")]
    Store {
        /// Names the store, what it was asked for, and its reason.
        message: String,
    },
    /// A session's state is encrypted with another key, or not at all though a key was given.
    #[error("{message}")]
    SessionKey {
        /// Names the revision.
        message: String,
    },
    /// What is stored of a session is not what was written.
    #[error("{message}")]
    SessionDamaged {
        /// Names the revision and what does not fit.
        message: String,
    },
    /// A value of a session's state can't be kept.
    #[error("{path} can't be kept: {why}")]
    StateValue {
        /// The path of the value, beginning with the name of its global.
        path: String,
        /// What it is.
        why: String,
    },
    /// A class of the snapshot's does not make an instance of what is kept of it. The state is sound.
    #[error("{path} can't be taken: {why}")]
    StateRefused {
        /// The path of the instance, beginning with the name of its global.
        path: String,
        /// What the class does instead.
        why: String,
        /// What it has thrown.
        cause: Option<Box<EngineError>>,
    },
    /// A session's state passed one of its limits.
    #[error("the state passed its limit {name} of {max}: {actual}")]
    StateLimit {
        /// The limit's name.
        name: String,
        /// What the state has, as far as it was looked at.
        actual: u64,
        /// The limit.
        max: u64,
    },
    /// The bytes are no state, cut short or changed.
    #[error("{message}")]
    StateCorrupt {
        /// What does not fit.
        message: String,
    },
    /// A state needs code that the snapshot does not have.
    #[error("the state needs what the snapshot does not have: {}", .missing.join(", "))]
    SessionCodeChanged {
        /// The paths of what is missing.
        missing: Vec<String>,
    },
    /// There is no such module.
    #[error("{}", .exception.message)]
    ModuleNotFound {
        /// The guest's error, which names who asked.
        exception: Box<GuestException>,
    },
}

impl EngineError {
    /// The stable code that the host sees as `error.code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Guest(_) => "ERR_GUEST",
            Self::Timeout { .. } => "ERR_TIMEOUT",
            Self::CpuLimit { .. } => "ERR_CPU_LIMIT",
            Self::MemoryLimit { .. } => "ERR_MEMORY_LIMIT",
            Self::Disposed { .. } => "ERR_DISPOSED",
            Self::IsolateLost { .. } => "ERR_ISOLATE_LOST",
            Self::DataClone { .. } => "ERR_DATA_CLONE",
            Self::SnapshotUnsafe { .. } => "ERR_SNAPSHOT_UNSAFE",
            Self::SnapshotBuild { .. } => "ERR_SNAPSHOT_BUILD",
            Self::SnapshotCorrupt { .. } => "ERR_SNAPSHOT_CORRUPT",
            Self::SnapshotMismatch { .. } => "ERR_SNAPSHOT_MISMATCH",
            Self::SnapshotIo { .. } => "ERR_SNAPSHOT_IO",
            Self::InvalidArg { .. } => "ERR_INVALID_ARG",
            Self::NestedCall { .. } => "ERR_NESTED_CALL",
            Self::Store { .. } => "ERR_STORE",
            Self::SessionKey { .. } => "ERR_SESSION_KEY",
            Self::SessionDamaged { .. } => "ERR_SESSION_DAMAGED",
            Self::StateValue { .. } | Self::StateRefused { .. } => "ERR_STATE_VALUE",
            Self::StateLimit { .. } => "ERR_STATE_LIMIT",
            Self::StateCorrupt { .. } => "ERR_STATE_CORRUPT",
            Self::SessionCodeChanged { .. } => "ERR_SESSION_CODE_CHANGED",
            Self::ModuleNotFound { .. } => "ERR_MODULE_NOT_FOUND",
        }
    }

    pub(crate) fn disposed_because(cause: &EngineError) -> Self {
        match cause {
            Self::Disposed { .. } => cause.clone(),
            _ => Self::Disposed { cause: Some(Box::new(cause.clone())) },
        }
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::SnapshotCorrupt { message: message.into() }
    }

    pub(crate) fn store(message: impl Into<String>) -> Self {
        Self::Store { message: message.into() }
    }

    pub(crate) fn build(message: impl Into<String>) -> Self {
        Self::SnapshotBuild { message: message.into(), cause: None }
    }
}

/// The engine's result.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_isolate_says_why_and_a_disposed_one_does_not_nest() {
        let limit = EngineError::MemoryLimit { limit_mb: 64 };
        let disposed = EngineError::disposed_because(&limit);
        assert_eq!(disposed.code(), "ERR_DISPOSED");
        assert_eq!(
            disposed.to_string(),
            "the isolate is finished: the isolate passed its memoryLimitMb of 64"
        );
        let again = EngineError::disposed_because(&disposed);
        assert_eq!(again.to_string(), disposed.to_string());
    }
}
