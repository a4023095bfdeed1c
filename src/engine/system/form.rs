//! `application/x-www-form-urlencoded` (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>).

use crate::engine::exception::throw;
use crate::engine::system::url::percent;
use crate::engine::system::{elements, memory_limit, owned_text};

/// `parseForm(text)`: an array of names and values in turn.
pub(super) fn on_parse<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Some(text) = owned_text(scope, arguments.get(0)) else { return };
    let mut parts: Vec<v8::Local<v8::Value>> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if scope.is_execution_terminating() {
            return;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        for part in [name, value] {
            let part = percent::decode(part.replace('+', " ").as_bytes());
            let Some(part) = v8::String::new_from_utf8(scope, &part, v8::NewStringType::Normal) else {
                return;
            };
            parts.push(part.into());
        }
    }
    result.set(v8::Array::new_with_elements(scope, &parts).into());
}

/// `serializeForm(array)`: of names and values in turn.
pub(super) fn on_serialize<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Ok(parts) = v8::Local::<v8::Array>::try_from(arguments.get(0)) else { return };
    let Some(parts) = elements(scope, parts) else { return };
    let longest = memory_limit(scope);
    let mut text = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        let Some(part) = owned_text(scope, part) else { return };
        if text.len() > longest || scope.is_execution_terminating() {
            // The same long string may be there many times.
            throw(scope, v8::Exception::range_error, &format!("the text is longer than {longest} bytes"));
            return;
        }
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
