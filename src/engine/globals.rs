//! The host's names in the guest: the session's values and functions become properties of the global
//! object. Runs on the isolate's thread, before any code of the session.

use crate::engine::error::EngineError;
use crate::engine::source::{Source, evaluate};
use crate::engine::value;
use crate::engine::worker::Halt;

/// Defines the properties of an encoded object as globals.
pub(crate) fn define_values(scope: &mut v8::PinScope, encoded: &[u8]) -> Result<(), Halt> {
    let values = value::decode(scope, encoded).ok_or(Halt::Threw)?;
    let values = v8::Local::<v8::Object>::try_from(values).map_err(|_| Halt::Threw)?;
    let names =
        values.get_own_property_names(scope, v8::GetPropertyNamesArgs::default()).ok_or(Halt::Threw)?;
    for index in 0..names.length() {
        let key = names.get_index(scope, index).ok_or(Halt::Threw)?;
        let value = values.get(scope, key).ok_or(Halt::Threw)?;
        let key = key.to_string(scope).ok_or(Halt::Threw)?;
        define_global(scope, key, value, "globals")?;
    }
    Ok(())
}

/// Defines one global. `option` is where the host gave it.
///
/// # Errors
/// `InvalidArg` when the guest would not see it: the global is read-only, or a top-level `let`,
/// `const` or `class` of the snapshot's sources hides it.
pub(crate) fn define_global(
    scope: &mut v8::PinScope,
    key: v8::Local<v8::String>,
    value: v8::Local<v8::Value>,
    option: &str,
) -> Result<(), Halt> {
    let global = scope.get_current_context().global(scope);
    // A `var` or function of a script can't be deleted, but its value can be changed.
    let keeps_attributes = v8::PropertyDescriptor::new_from_value(value);
    let is_defined = global.create_data_property(scope, key.into(), value).ok_or(Halt::Threw)?
        || global.define_property(scope, key.into(), &keeps_attributes).ok_or(Halt::Threw)?;
    if is_defined && is_visible(scope, key, value) {
        return Ok(());
    }
    let name = key.to_rust_string_lossy(scope);
    let message = format!(
        "{option}.{name} can't be defined: the global is read-only, or a top-level let, const or class of the \
         snapshot's sources hides it"
    );
    Err(Halt::Failed(EngineError::InvalidArg { message }))
}

/// Whether code that says `key` gets `value`. A key that is no identifier is only reached as a
/// property.
fn is_visible(scope: &mut v8::PinScope, key: v8::Local<v8::String>, value: v8::Local<v8::Value>) -> bool {
    let code = key.to_rust_string_lossy(scope);
    if !is_identifier(&code) {
        return true;
    }
    v8::tc_scope!(let scope, scope);
    match evaluate(scope, &Source::script(code, "isoseed:globals")) {
        Some(seen) => seen.same_value(value),
        // A reserved word.
        None => true,
    }
}

/// Whether a script can say `name`, apart from reserved words.
pub(crate) fn is_identifier(name: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    name.chars().all(is_part) && name.chars().next().is_some_and(|first| !first.is_numeric())
}
