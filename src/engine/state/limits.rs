//! How large a state may be.

use crate::engine::error::{EngineError, Result};

/// Limits of one state, checked on export and on import, each before the memory for it is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateLimits {
    /// The largest document that is taken for an import, in bytes. Default 32 MiB.
    pub payload_bytes: usize,
    /// The largest canonical form, in bytes, without header and digest. Default 24 MiB.
    pub state_bytes: usize,
    /// The most top-level variables. Default 2048.
    pub variables: usize,
    /// The most objects. Default 1 000 000.
    pub nodes: usize,
    /// How far an object may be from the variable through which it is first reached: the value of a
    /// variable is 1 deep. Default 10 000.
    pub depth: usize,
}

impl Default for StateLimits {
    fn default() -> Self {
        Self {
            payload_bytes: 32 << 20,
            state_bytes: 24 << 20,
            variables: 2048,
            nodes: 1_000_000,
            depth: 10_000,
        }
    }
}

impl StateLimits {
    pub(super) fn check(name: &'static str, actual: usize, max: usize) -> Result<()> {
        if actual <= max {
            return Ok(());
        }
        Err(EngineError::StateLimit { name: name.to_owned(), actual: actual as u64, max: max as u64 })
    }

    pub(super) fn check_payload(&self, actual: usize) -> Result<()> {
        Self::check("payloadBytes", actual, self.payload_bytes)
    }

    pub(super) fn check_bytes(&self, actual: usize) -> Result<()> {
        Self::check("stateBytes", actual, self.state_bytes)
    }

    pub(super) fn check_variables(&self, actual: usize) -> Result<()> {
        Self::check("variables", actual, self.variables)
    }

    pub(super) fn check_nodes(&self, actual: usize) -> Result<()> {
        Self::check("nodes", actual, self.nodes)
    }

    pub(super) fn check_depth(&self, actual: usize) -> Result<()> {
        Self::check("depth", actual, self.depth)
    }
}
