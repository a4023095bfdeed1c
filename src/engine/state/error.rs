//! What can't be kept.

use serde::{Deserialize, Serialize};

/// A global that can't be kept, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unkept {
    /// The name of the global.
    pub name: String,
    /// The path of what can't be kept, beginning with that name.
    pub path: String,
    /// Why, as in `a promise`.
    pub why: String,
}
