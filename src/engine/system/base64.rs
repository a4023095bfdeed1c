//! `atob` and `btoa`: forgiving base64 (<https://infra.spec.whatwg.org/#forgiving-base64>) between strings
//! whose characters are bytes.

use crate::engine::exception::throw;
use crate::engine::system::is_short;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// The text, its bytes and the result are there at the same time.
const SHARE: usize = 4;

/// What no character of base64 stands for.
const NONE: u8 = 0xff;
const VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut index = 0;
    while index < ALPHABET.len() {
        #[expect(clippy::cast_possible_truncation, reason = "there are 64")]
        let value = index as u8;
        values[ALPHABET[index] as usize] = value;
        index += 1;
    }
    values
}

/// `atob(text)`: undefined when it is no base64.
pub(super) fn on_atob<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Some(bytes) = one_byte(scope, arguments.get(0)) else { return };
    if let Some(decoded) = decode(bytes) {
        give(scope, &decoded, &mut result);
    }
}

/// `btoa(text)`: undefined when a character is no byte.
pub(super) fn on_btoa<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Some(bytes) = one_byte(scope, arguments.get(0)) else { return };
    give(scope, &encode(&bytes), &mut result);
}

/// The characters of a string, if all are bytes. Of one that is too long, an exception is pending.
fn one_byte(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Option<Vec<u8>> {
    let text = v8::Local::<v8::String>::try_from(value).ok()?;
    if !is_short(scope, text, SHARE) || !text.contains_only_onebyte() {
        return None;
    }
    let mut bytes = vec![0; text.length()];
    text.write_one_byte_v2(scope, 0, &mut bytes, v8::WriteFlags::empty());
    Some(bytes)
}

fn give(scope: &mut v8::PinScope, bytes: &[u8], result: &mut v8::ReturnValue<v8::Value>) {
    match v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal) {
        Some(text) => result.set(text.into()),
        None => throw(scope, v8::Exception::range_error, "the text is longer than V8's longest string"),
    }
}

fn decode(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    bytes.retain(|byte| !matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' '));
    if bytes.len().is_multiple_of(4) {
        let padding = bytes.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
        bytes.truncate(bytes.len() - padding);
    }
    if bytes.len() % 4 == 1 {
        return None;
    }
    let mut decoded = Vec::with_capacity(bytes.len() / 4 * 3 + 2);
    for group in bytes.chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            let value = VALUES[usize::from(*byte)];
            if value == NONE {
                return None;
            }
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        let [_, first, second, third] = bits.to_be_bytes();
        decoded.extend(&[first, second, third][..group.len() - 1]);
    }
    Some(decoded)
}

fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| group.get(index).copied().unwrap_or_default();
        let bits = u32::from_be_bytes([0, byte(0), byte(1), byte(2)]);
        for index in 0..4 {
            let value = bits >> (18 - 6 * index) & 63;
            let is_padding = index > group.len();
            encoded.push(if is_padding { b'=' } else { ALPHABET[value as usize] });
        }
    }
    encoded
}
