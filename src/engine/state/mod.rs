//! The state of a session as bytes that outlive it: canonical, so that equal states are equal bytes.
//!
//! `docs/state-format.md` describes the bytes. `format` has their smallest parts, `scan` reads a document
//! without V8 and finds out whether it is sound, `overview` tells what is in one (`walk`, `preview`, `line`),
//! `write` walks the guest's values, `read` builds them. `code` names functions, prototypes and symbols of the
//! snapshot by their paths (`code_table`), `reached` objects of a document by theirs; `variables` finds the
//! globals that a guest has made, `hidden` those that scripts can't see, `changed` what becomes of the
//! snapshot's own objects; `members` knows private members of the snapshot's classes, which `class_scope`
//! finds; `pristine` holds built-ins that no guest can replace.
//!
//! Everything with a scope runs on the isolate's thread. While values are walked, V8 refuses to run
//! JavaScript: no getter, no trap, no `toString` of the guest's takes part. Only `toState` and `fromState`
//! of the snapshot's own classes are called.

mod changed;
mod class_scope;
mod code;
pub(crate) mod code_table;
mod error;
mod format;
mod ground;
mod hidden;
mod hooks;
mod identity;
mod limits;
mod line;
mod listing;
mod literals;
mod members;
mod overview;
pub(crate) mod own;
mod path;
mod plain;
mod preview;
mod pristine;
mod reached;
mod read;
mod read_properties;
mod read_shells;
mod refusal;
mod scan;
mod session;
mod variables;
mod view;
mod walk;
mod write;
mod write_members;
mod write_objects;
mod write_values;

pub use error::Unkept;
pub use limits::StateLimits;
pub use overview::{Entry, Omitted, Overview, inspect};
pub use session::{Exported, StateRequest};
pub(crate) use session::{StateSlot, export, import, prepare};
