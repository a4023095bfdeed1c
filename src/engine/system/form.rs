//! `application/x-www-form-urlencoded` (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>).

use crate::engine::system::owned_text;
use crate::engine::system::url::percent;

/// `parseForm(text)`: an array of names and values in turn.
pub(super) fn on_parse<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Some(text) = owned_text(scope, arguments.get(0)) else { return };
    let mut elements: Vec<v8::Local<v8::Value>> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        for part in [name, value] {
            let part = percent::decode(part.replace('+', " ").as_bytes());
            let Some(part) = v8::String::new_from_utf8(scope, &part, v8::NewStringType::Normal) else {
                return;
            };
            elements.push(part.into());
        }
    }
    result.set(v8::Array::new_with_elements(scope, &elements).into());
}

/// `serializeForm(array)`: of names and values in turn.
pub(super) fn on_serialize<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Ok(parts) = v8::Local::<v8::Array>::try_from(arguments.get(0)) else { return };
    let mut text = String::new();
    for index in 0..parts.length() {
        let Some(part) = parts.get_index(scope, index) else { return };
        let Some(part) = owned_text(scope, part) else { return };
        if index > 0 {
            text.push(if index % 2 == 0 { '&' } else { '=' });
        }
        for byte in part.bytes() {
            match byte {
                b' ' => text.push('+'),
                byte if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) => text.push(byte.into()),
                byte => percent::push_byte(&mut text, byte),
            }
        }
    }
    if let Some(text) = v8::String::new(scope, &text) {
        result.set(text.into());
    }
}
