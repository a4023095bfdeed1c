//! Objects without what they refer to: made first, so that anything can refer to any of them.

use crate::engine::error::Result;
use crate::engine::source::{Source, evaluate};
use crate::engine::state::format::{Cursor, Kind, Text, Token, corrupt, push_varint};
use crate::engine::state::ground::Ground;
use crate::engine::state::read::{Failure, Object, Reader, Value};
use crate::engine::state::scan::Record;

/// Tags of V8's structured clone, format version 15.
const HEADER: [u8; 2] = [0xff, 0x0f];

impl<'s> Reader<'_, 's> {
    /// Makes an object of a kind that needs no other.
    pub(super) fn shell(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        record: &Record,
    ) -> std::result::Result<Object<'s>, Failure> {
        let mut cursor = Cursor::new(self.scan.bytes, record.body.at);
        let made: Option<Value> = match record.kind {
            Kind::Object => Some(v8::Object::new(scope).into()),
            Kind::Array => Some(v8::Array::new(scope, 0).into()),
            Kind::Date => {
                let time = cursor.double()?;
                v8::Date::new(scope, time).map(Into::into)
            }
            Kind::RegExp => {
                let source = string(scope, cursor.text()?)?;
                let flags = i32::try_from(cursor.varint()?).unwrap_or(-1);
                let flags =
                    v8::RegExpCreationFlags::from_bits(flags).ok_or_else(|| corrupt("unknown flags"))?;
                v8::RegExp::new(scope, source, flags).map(Into::into)
            }
            Kind::Map => Some(v8::Map::new(scope).into()),
            Kind::Set => Some(v8::Set::new(scope).into()),
            Kind::Error => Some(v8::Exception::error(scope, v8::String::empty(scope))),
            Kind::BoxedBoolean => {
                let value = v8::Boolean::new(scope, cursor.byte()? == 1);
                value.to_object(scope).map(Into::into)
            }
            Kind::BoxedNumber => {
                let value = v8::Number::new(scope, cursor.double()?);
                value.to_object(scope).map(Into::into)
            }
            Kind::BoxedString => {
                let value = string(scope, cursor.text()?)?;
                value.to_object(scope).map(Into::into)
            }
            Kind::BoxedBigInt => {
                let (is_negative, magnitude) = cursor.bigint()?;
                bigint(scope, is_negative, magnitude)?.to_object(scope).map(Into::into)
            }
            Kind::BoxedSymbol => {
                let mut walk = self.walk(record.body);
                self.value(scope, &mut walk)?.to_object(scope).map(Into::into)
            }
            Kind::Buffer => {
                let length = cursor.count(1)?;
                let bytes = cursor.take(length)?;
                buffer(scope, bytes, None)
            }
            Kind::ResizableBuffer => {
                let largest = cursor.varint()?;
                let length = cursor.count(1)?;
                let bytes = cursor.take(length)?;
                buffer(scope, bytes, Some(largest))
            }
            Kind::Function => {
                let is_strict = cursor.byte()? == 1;
                let text = cursor.text()?.to_text();
                function(scope, is_strict, &text)
            }
            Kind::View | Kind::Hooked => None,
        };
        made.and_then(|made| Object::try_from(made).ok())
            .ok_or_else(|| Failure::of(scope, "an object can't be made"))
    }

    /// Makes a view of a buffer that is made already.
    pub(super) fn view(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        record: &Record,
    ) -> std::result::Result<Object<'s>, Failure> {
        let mut walk = self.walk(record.body);
        let kind = walk.cursor.byte()?;
        let is_tracking = walk.cursor.byte()? == 1;
        let place = (walk.cursor.varint()?, walk.cursor.varint()?);
        let value = self.value(scope, &mut walk)?;
        let buffer =
            v8::Local::<v8::ArrayBuffer>::try_from(value).map_err(|_| corrupt("a view is of no buffer"))?;
        let is_resizable = buffer.get_backing_store().is_resizable_by_user_javascript();
        let made = view(scope, buffer, kind, place, is_tracking, is_resizable);
        made.ok_or_else(|| Failure::of(scope, "a view lies outside of its buffer"))
    }
}

/// A string of a document.
pub(super) fn string<'s>(scope: &mut v8::PinScope<'s, '_>, text: Text) -> Result<v8::Local<'s, v8::String>> {
    let made = match text {
        Text::Latin1(letters) => v8::String::new_from_one_byte(scope, letters, v8::NewStringType::Normal),
        Text::Utf16(_) => v8::String::new_from_two_byte(scope, &text.units(), v8::NewStringType::Normal),
    };
    made.ok_or_else(|| corrupt("a string is too long"))
}

/// A bigint of a document.
pub(super) fn bigint<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    is_negative: bool,
    magnitude: &[u8],
) -> Result<v8::Local<'s, v8::BigInt>> {
    let words: Vec<u64> = magnitude
        .chunks(8)
        .map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        })
        .collect();
    v8::tc_scope!(let scope, scope);
    v8::BigInt::new_from_words(scope, is_negative, &words).ok_or_else(|| corrupt("a bigint is too long"))
}

/// A buffer, made by V8's deserializer: it asks before it takes memory, and says no instead of ending the
/// process.
fn buffer<'s>(scope: &mut v8::PinScope<'s, '_>, bytes: &[u8], largest: Option<u64>) -> Option<Value<'s>> {
    let mut message = Vec::with_capacity(bytes.len() + 24);
    message.extend(HEADER);
    message.push(if largest.is_some() { b'~' } else { b'B' });
    push_varint(&mut message, bytes.len() as u64);
    if let Some(largest) = largest {
        push_varint(&mut message, largest);
    }
    message.extend_from_slice(bytes);
    deserialize(scope, &message, None)
}

/// A view, made by V8's deserializer, which checks where it is.
pub(super) fn view<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    buffer: v8::Local<'s, v8::ArrayBuffer>,
    kind: u8,
    (offset, length): (u64, u64),
    is_tracking: bool,
    is_resizable: bool,
) -> Option<Object<'s>> {
    let mut message = HEADER.to_vec();
    message.extend([b't', 0, b'V', kind]);
    push_varint(&mut message, offset);
    push_varint(&mut message, length);
    push_varint(&mut message, u64::from(is_tracking) | u64::from(is_resizable) << 1);
    Object::try_from(deserialize(scope, &message, Some(buffer))?).ok()
}

struct Plain;

impl v8::ValueDeserializerImpl for Plain {}

fn deserialize<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    message: &[u8],
    buffer: Option<v8::Local<'s, v8::ArrayBuffer>>,
) -> Option<Value<'s>> {
    use v8::ValueDeserializerHelper as _;
    v8::tc_scope!(let scope, scope);
    let context = scope.get_current_context();
    let deserializer = v8::ValueDeserializer::new(scope, Box::new(Plain), message);
    if let Some(buffer) = buffer {
        deserializer.transfer_array_buffer(0, buffer);
    }
    deserializer.read_header(context)?;
    let value = deserializer.read_value(context);
    if value.is_none() && !scope.can_continue() {
        scope.rethrow();
    }
    value
}

/// A function by its text. What is no function's text alone is refused by V8's parser.
fn function<'s>(scope: &mut v8::PinScope<'s, '_>, is_strict: bool, text: &str) -> Option<Value<'s>> {
    let directive = if is_strict { "'use strict';" } else { "" };
    let value = evaluate(scope, &Source::script(format!("{directive}({text}\n)"), "isoseed:state"))?;
    value.is_function().then_some(value)
}

/// A symbol that the language or its registry knows.
pub(super) fn symbol<'s>(
    ground: &Ground,
    scope: &mut v8::PinScope<'s, '_>,
    token: Token,
) -> Result<Value<'s>> {
    match token {
        Token::Registered(text) => {
            let text = string(scope, text)?;
            Ok(v8::Symbol::for_key(scope, text).into())
        }
        Token::WellKnown(text) => {
            let symbol = ground.pristine.symbol(scope, &text.to_text());
            symbol.map(Into::into).ok_or_else(|| corrupt("a symbol is unknown"))
        }
        _ => Err(corrupt("a symbol is none")),
    }
}
