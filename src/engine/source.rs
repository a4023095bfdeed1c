//! JavaScript to evaluate, and compiling it as a classic script.

use serde::{Deserialize, Serialize};

use crate::engine::exception::throw;
use crate::engine::snapshot::texts::{Texts, without_mark};

/// How a source is evaluated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceKind {
    /// A classic script in the global scope.
    #[default]
    Script,
    /// A CommonJS module: finds `module`, `exports` and `require`.
    CommonJs,
    /// An ES module.
    Module,
    /// JSON, which a session's `modules` can hold.
    Json,
}

impl SourceKind {
    /// The kind of a module, by the word that `lib/` has for it; one that it does not know is an ES module.
    pub fn of_module(word: &str) -> Self {
        match word {
            "commonjs" => Self::CommonJs,
            "json" => Self::Json,
            _ => Self::Module,
        }
    }
}

/// A source and the name that stack traces show for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The code.
    pub code: String,
    /// The file name in stack traces, and what `require` and `import` find a module by.
    pub name: String,
    /// How to evaluate it.
    pub kind: SourceKind,
    /// The global, as a dotted path, under which a module's exports are published.
    pub global: Option<String>,
}

impl Source {
    /// A classic script.
    pub fn script(code: impl Into<String>, name: impl Into<String>) -> Self {
        Self { code: code.into(), name: name.into(), kind: SourceKind::Script, global: None }
    }
}

/// Compiles and runs a classic script. `None`: an exception is pending in the caller's `TryCatch`.
pub(crate) fn evaluate<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    source: &Source,
) -> Option<v8::Local<'s, v8::Value>> {
    let code = code_string(scope, &source.code)?;
    let origin = origin(scope, &source.name, false)?;
    v8::Script::compile(scope, code, Some(&origin))?.run(scope)
}

/// The code as a string of the guest's; one that is too long throws.
pub(crate) fn code_string<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    code: &str,
) -> Option<v8::Local<'s, v8::String>> {
    let code = without_mark(code);
    // Where a snapshot is built.
    let texts = scope.get_slot::<&'static Texts>().copied();
    let shared = texts.and_then(|texts| texts.find(scope, code));
    let string = shared.or_else(|| v8::String::new(scope, code));
    if string.is_none() {
        throw(scope, v8::Exception::range_error, "the source is longer than V8's longest string");
    }
    string
}

/// Where code comes from, for stack traces and imports.
pub(crate) fn origin<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
    is_module: bool,
) -> Option<v8::ScriptOrigin<'s>> {
    let name = v8::String::new(scope, name)?;
    // Its exceptions may be told to whoever debugs: V8's inspector hides those of other origins.
    let is_shared = true;
    Some(v8::ScriptOrigin::new(scope, name.into(), 0, 0, is_shared, -1, None, false, false, is_module, None))
}
