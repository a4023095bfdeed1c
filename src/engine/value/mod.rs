//! How values cross between host and guest.
//!
//! A message is V8's structured-clone format with header `ff 0f` (version 15, which every supported
//! Node.js reads), then the root value, then the details of each `Error` in it, then a zero:
//!
//! ```text
//! ff 0f  root  ( 1  [shell, key, enumerable, value, ...] )*  0
//! ```
//!
//! V8's own form of an `Error` loses `name` and `code`, and Node.js 20 writes one that our V8 can't
//! read. So an `Error` is a host object, its *shell* (kind 0, then its class), and everything else
//! follows in the details, where back references keep cycles and identity. A view that the host
//! sends is a host object as well (kind 1, then V8's own form of a view), so that a pooled `Buffer`
//! never ships its neighbours. Functions and streams cross as references (`references`), which
//! `rewrite` puts in their places.
//!
//! Everything here runs on the isolate's thread. Getters of the guest may run while encoding.

mod decode;
mod delegate;
mod encode;
pub(crate) mod limits;
pub(crate) mod path;
pub(crate) mod references;
mod rewrite;
pub(crate) mod spare;
pub(crate) mod transfer;
pub mod wire;

pub(crate) use decode::{decode, decode_with};
pub(crate) use encode::{Encoder, Failure};
pub use limits::ValueLimits;
pub use transfer::{Incoming, Lent, Moved, Moves, Of};

/// The classes an error shell can have; the index is what is written.
pub(crate) const ERROR_CLASSES: [&str; 8] = [
    "Error",
    "EvalError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
    "AggregateError",
];

/// `{}`, encoded.
pub(crate) const EMPTY_OBJECT: &[u8] = b"\xff\x0fo{\0\0";

/// The kind of a host object that is an error shell.
pub(crate) const ERROR_SHELL: u32 = 0;

/// The kind of a host object that is a view.
pub(crate) const VIEW: u32 = 1;

/// Says that details follow.
pub(crate) const DETAILS_FOLLOW: u32 = 1;
