//! Isolates in a process of their own: the pipes between a host and that process, and the process's
//! bounds. What the frames say is the affair of `lib/process`, on both sides.
//!
//! The host starts Node.js itself with `isolate-process.js` (`parent`), which loads this addon and
//! speaks to the host over its standard input and output (`child`). Whatever becomes of the process, the
//! host sees its frames end and is told how it ended.
//!
//! A frame is a length (u32, little-endian) and that many bytes.

mod bounds;
pub mod child;
#[cfg(target_os = "linux")]
mod last_words;
pub mod parent;
pub(crate) mod stdio;

/// No frame is longer, so that a length always fits its prefix and V8's largest `ArrayBuffer` of bytes.
pub const LONGEST_FRAME: usize = i32::MAX as usize;
