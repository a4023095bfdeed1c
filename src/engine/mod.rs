//! The engine: V8, snapshots, isolates, limits. Plain Rust, without Node-API.

pub mod error;
mod exception;
mod globals;
mod guest;
pub mod handle;
pub mod host_call;
mod inbox;
pub mod isolate;
pub mod lifecycle;
mod limits;
pub mod modules;
pub mod platform;
pub mod pool;
mod position;
pub(crate) mod runtime;
mod session;
pub mod snapshot;
pub mod source;
pub mod source_map;
pub mod stats;
mod sync_call;
mod system;
mod text;
mod uncaught;
pub mod value;
pub mod verify;
mod worker;
