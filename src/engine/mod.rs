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
mod modules;
pub mod platform;
pub mod pool;
mod position;
mod remote;
pub(crate) mod runtime;
mod session;
pub mod snapshot;
pub mod source;
pub mod source_map;
pub mod stats;
mod stop;
mod sync_call;
mod text;
pub mod value;
pub mod verify;
mod worker;
