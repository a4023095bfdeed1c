//! The engine: V8, snapshots, isolates, limits. Plain Rust, without Node-API.

pub mod error;
mod exception;
mod globals;
mod guest;
pub mod handle;
mod heap_snapshot;
pub mod host_call;
pub mod inspector;
pub mod isolate;
pub mod lifecycle;
mod limits;
mod modules;
pub mod platform;
pub mod pool;
mod position;
pub(crate) mod runtime;
pub mod snapshot;
pub mod source;
pub mod source_map;
pub mod stats;
mod text;
pub mod value;
pub mod verify;
mod worker;
