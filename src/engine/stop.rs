//! Why a running turn is told to stop, and what its request is told then.

use std::time::Duration;

use crate::engine::error::EngineError;

/// Why a running turn was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Timeout(Duration),
    Aborted,
    MemoryLimit,
    Disposed,
    /// The turn within which it runs was stopped.
    Enclosing,
    CpuLimit,
}

impl Stop {
    /// Whether it ends the isolate, and outranks what leaves it usable.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::MemoryLimit | Self::CpuLimit | Self::Disposed)
    }

    /// What the request is told.
    pub(crate) fn error(self, limit_mb: u64, cpu_limit: Duration) -> EngineError {
        match self {
            Stop::Timeout(timeout) => timeout_error(timeout),
            Stop::MemoryLimit => EngineError::MemoryLimit { limit_mb },
            Stop::CpuLimit => {
                EngineError::CpuLimit { limit_ms: u64::try_from(cpu_limit.as_millis()).unwrap_or(u64::MAX) }
            }
            Stop::Aborted | Stop::Disposed => EngineError::Disposed { cause: None },
            Stop::Enclosing => {
                let message =
                    "the call was stopped, because the call of a sync binding within which it was made was";
                EngineError::NestedCall { message: message.to_owned() }
            }
        }
    }
}

pub(crate) fn timeout_error(timeout: Duration) -> EngineError {
    EngineError::Timeout { timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX) }
}
