//! isoseed: V8 isolates that start already loaded.
//!
//! `engine` is plain Rust around its own V8; `binding` is the thin Node-API layer on top of it.

#[cfg(feature = "napi")]
mod binding;
pub mod engine;
