//! JavaScript to evaluate, and compiling it.

use serde::{Deserialize, Serialize};

use crate::engine::exception::throw;

/// A classic script and the name that stack traces show for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The code.
    pub code: String,
    /// The file name in stack traces.
    pub name: String,
}

/// Compiles and runs `source`. `None`: an exception is pending in the caller's `TryCatch`.
pub(crate) fn evaluate<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    source: &Source,
) -> Option<v8::Local<'s, v8::Value>> {
    let Some(code) = v8::String::new(scope, &source.code) else {
        throw(scope, v8::Exception::range_error, "the source is longer than V8's longest string");
        return None;
    };
    let name = v8::String::new(scope, &source.name)?;
    let origin = v8::ScriptOrigin::new(scope, name.into(), 0, 0, false, -1, None, false, false, false, None);
    v8::Script::compile(scope, code, Some(&origin))?.run(scope)
}
