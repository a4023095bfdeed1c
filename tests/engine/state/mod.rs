//! The state of a session: out of one isolate, into another one, and out again.

mod changed;
mod code;
mod golden;
mod graphs;
mod hidden;
mod hostile;
mod limits;
mod matrix;
mod members;
mod mutated;
mod overview;
mod refusals;
mod support;
mod variables;
