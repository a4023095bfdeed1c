//! Import attributes: `with { type: 'json' }`, and nothing else.

use crate::engine::text::{LONGEST_NAME, beginning};

/// What an import says about the module that it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// Nothing: code.
    Code,
    /// `type: 'json'`.
    Json,
    /// The host asks, and takes what it gets.
    Any,
}

/// In V8's list, the entries of a static import have a position.
pub(super) const STATIC_ENTRY: usize = 3;
pub(super) const DYNAMIC_ENTRY: usize = 2;

/// Reads V8's list of keys and values.
///
/// # Errors
/// The message of a `TypeError`, for what is not known.
pub(super) fn read(
    scope: &mut v8::PinScope,
    attributes: v8::Local<v8::FixedArray>,
    entry: usize,
) -> Result<Wants, String> {
    let mut wants = Wants::Code;
    for index in (0..attributes.length()).step_by(entry) {
        let key = text(scope, attributes, index);
        let value = text(scope, attributes, index + 1);
        if key != "type" {
            return Err(format!("the import attribute {key:?} is not known, only type: 'json' is"));
        }
        if value != "json" {
            return Err(format!("the import attribute type must be 'json', got {value:?}"));
        }
        wants = Wants::Json;
    }
    Ok(wants)
}

fn text(scope: &mut v8::PinScope, attributes: v8::Local<v8::FixedArray>, index: usize) -> String {
    let text = attributes.get(scope, index).and_then(|data| v8::Local::<v8::Value>::try_from(data).ok());
    let text = text.and_then(|value| v8::Local::<v8::String>::try_from(value).ok());
    text.map(|text| beginning(scope, text, LONGEST_NAME)).unwrap_or_default()
}
