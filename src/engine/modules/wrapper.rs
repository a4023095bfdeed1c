//! ES modules in front of what is none: CommonJS modules and JSON.
//!
//! A wrapper is a few lines of JavaScript that export what its `import.meta` has. So a snapshot can
//! carry it as it carries every ES module, which it could not with V8's synthetic modules: those refer
//! to a native function. It is evaluated as soon as it is made: nobody sees it half-way.

use std::fmt::Write;
use std::rc::Rc;

use crate::engine::exception::throw;
use crate::engine::modules::failure::shown;
use crate::engine::modules::record::{Body, Record};
use crate::engine::modules::{Modules, commonjs, link};
use crate::engine::source::{Source, code_string};
use crate::engine::text::{LONGEST_NAME, beginning};

/// An object with more keys exports only itself: each key is a line of code.
const MOST_NAMES: u32 = 1 << 16;

/// A longer key is no name to be imported.
const LONGEST_KEY: usize = 1 << 10;

/// The property of `import.meta` that has what is exported.
pub(super) const EXPORTS: &str = "exports";

/// Parses JSON. `None`: a `SyntaxError` is pending that names the source.
pub(super) fn parse(scope: &mut v8::PinScope, source: &Source) -> Option<v8::Global<v8::Value>> {
    let text = code_string(scope, &source.code)?;
    v8::tc_scope!(let scope, scope);
    if let Some(value) = v8::json::parse(scope, text) {
        return Some(v8::Global::new(scope, value));
    }
    let Some(exception) = scope.exception().filter(|_| scope.can_continue()) else {
        scope.rethrow();
        return None;
    };
    scope.reset();
    let why = v8::Exception::create_message(scope, exception).get(scope);
    let why = beginning(scope, why, LONGEST_NAME);
    let why = why.strip_prefix("Uncaught SyntaxError: ").unwrap_or(&why);
    throw(scope, v8::Exception::syntax_error, &format!("{}: {why}", shown(&source.name)));
    scope.rethrow();
    None
}

/// Makes the wrapper of a module that is no ES module, if it has none yet. A CommonJS module was
/// evaluated before. `None`: an exception is pending.
pub(super) fn ensure(scope: &mut v8::PinScope, modules: &Modules, record: &Rc<Record>) -> Option<()> {
    let wrapper = match &record.body {
        Body::Es(_) => return Some(()),
        Body::Json { wrapper, .. } | Body::CommonJs { wrapper, .. } => wrapper,
    };
    if wrapper.borrow().is_some() {
        return Some(());
    }
    let (value, names) = if let Body::Json { value, .. } = &record.body {
        (v8::Local::new(scope, value), Vec::new())
    } else {
        let value = commonjs::exports_of(scope, record)?;
        (value, names_of(scope, value)?)
    };
    let (code, exports) = write(scope, value, &names)?;
    let exports: v8::Local<v8::Value> = exports.into();
    let module = link::compile(scope, &code, &record.name)?;
    let global = v8::Global::new(scope, module);
    *wrapper.borrow_mut() = Some(global.clone());
    modules.remember(scope, record, &global);
    link::link(scope, module)?;
    *modules.exports.borrow_mut() = Some(v8::Global::new(scope, exports));
    let evaluated = modules.evaluate(scope, record, module);
    modules.exports.borrow_mut().take();
    evaluated.map(drop)
}

/// The enumerable keys that can be names. `None`: an exception is pending.
fn names_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
) -> Option<Vec<v8::Local<'s, v8::String>>> {
    let Ok(object) = v8::Local::<v8::Object>::try_from(value) else { return Some(Vec::new()) };
    let only_strings = v8::GetPropertyNamesArgsBuilder::new()
        .property_filter(v8::PropertyFilter::ONLY_ENUMERABLE | v8::PropertyFilter::SKIP_SYMBOLS)
        .key_conversion(v8::KeyConversionMode::ConvertToString)
        .build();
    let keys = object.get_own_property_names(scope, only_strings)?;
    if keys.length() > MOST_NAMES {
        return Some(Vec::new());
    }
    let mut names = Vec::new();
    for index in 0..keys.length() {
        let key = keys.get_index(scope, index)?;
        let Ok(key) = v8::Local::<v8::String>::try_from(key) else { continue };
        if key.length() <= LONGEST_KEY {
            names.push(key);
        }
    }
    Some(names)
}

/// The wrapper's code, and the array that its `import.meta` gets. A getter that throws leaves its
/// export undefined. `None`: the guest was stopped.
fn write<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
    names: &[v8::Local<'s, v8::String>],
) -> Option<(String, v8::Local<'s, v8::Array>)> {
    let mut code = format!("const all = import.meta.{EXPORTS}\nexport default all[0]\n");
    let mut exports = vec![value];
    for name in names {
        let mut units = vec![0; name.length()];
        name.write_v2(scope, 0, &mut units, v8::WriteFlags::empty());
        let Ok(text) = String::from_utf16(&units) else { continue };
        if text == "default" {
            continue;
        }
        let index = exports.len();
        // JSON's strings are JavaScript's, too.
        let quoted = serde_json::to_string(&text).ok()?;
        writeln!(code, "const e{index} = all[{index}]; export {{ e{index} as {quoted} }}").ok()?;
        exports.push(read(scope, value, *name)?);
    }
    Some((code, v8::Array::new_with_elements(scope, &exports)))
}

fn read<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
    key: v8::Local<'s, v8::String>,
) -> Option<v8::Local<'s, v8::Value>> {
    let object = v8::Local::<v8::Object>::try_from(value).ok()?;
    v8::tc_scope!(let scope, scope);
    if let Some(value) = object.get(scope, key.into()) {
        return Some(value);
    }
    if !scope.can_continue() {
        scope.rethrow();
        return None;
    }
    Some(v8::undefined(scope).into())
}
