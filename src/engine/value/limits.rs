//! What a host lets cross, beyond what fits: how large a message, how deep a value.

/// Limits of the values of one isolate, both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueLimits {
    /// The largest encoded message with the buffers that move along, in bytes.
    pub bytes: usize,
    /// How deep a value may be nested: an array of primitives is 1 deep.
    pub depth: u32,
}

impl Default for ValueLimits {
    /// No limits but those of the isolate's memory and of V8's stack.
    fn default() -> Self {
        Self { bytes: usize::MAX, depth: u32::MAX }
    }
}

/// Whether V8 may have run out of stack over a message: far less than that is no reason to.
pub(crate) const DEEP: u32 = 500;
