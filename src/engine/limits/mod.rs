//! What keeps a guest within its bounds: time, memory, output size, and what happens when V8 gives up.

pub(crate) mod alarm;
pub(crate) mod deadline;
pub(crate) mod fatal;
pub(crate) mod memory;
pub(crate) mod output;
pub(crate) mod sampler;
