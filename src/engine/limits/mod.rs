//! What keeps a guest within its bounds: time, CPU time, memory, output size, code from text, and
//! what happens when V8 gives up.

pub(crate) mod alarm;
pub(crate) mod codegen;
pub(crate) mod cpu;
pub(crate) mod deadline;
pub(crate) mod fatal;
pub(crate) mod grace;
pub(crate) mod memory;
pub(crate) mod native;
pub(crate) mod output;
pub(crate) mod rota;
pub(crate) mod sampler;
