//! The state of a session: out of one isolate, into another one, and out again.

mod matrix;
mod support;
