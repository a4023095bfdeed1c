//! The engine as a Rust host uses it, without Node.js. One program, because V8 starts once in a
//! process; what can end a process is tested in `__test__/process`, in processes of its own.

mod files;
mod isolates;
mod isolation;
mod observe;
mod pool;
mod snapshots;
mod state;
mod support;
mod texts;
