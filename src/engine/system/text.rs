//! Text encodings. A decoder's state is in the guest: nothing native outlives a call, so a snapshot can be
//! built in the middle of a stream.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, Encoding, ISO_2022_JP, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};

use crate::engine::exception::throw;
use crate::engine::system::bytes::with_bytes;
use crate::engine::text::{LONGEST_NAME, beginning};

/// No encoding but ISO-2022-JP has characters that take more bytes.
const LONGEST_CHARACTER: usize = 4;

/// `encodingOf(label)`: the encoding's name, in small letters; undefined for an unknown label.
pub(super) fn on_encoding_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Ok(label) = v8::Local::<v8::String>::try_from(arguments.get(0)) else { return };
    let label = beginning(scope, label, LONGEST_NAME);
    let encoding = Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != REPLACEMENT);
    let name = encoding.and_then(|encoding| v8::String::new(scope, &encoding.name().to_ascii_lowercase()));
    if let Some(name) = name {
        result.set(name.into());
    }
}

fn encoding(scope: &mut v8::PinScope, name: v8::Local<v8::Value>) -> &'static Encoding {
    let name = v8::Local::<v8::String>::try_from(name).map(|name| beginning(scope, name, LONGEST_NAME));
    name.ok().and_then(|name| Encoding::for_label(name.as_bytes())).unwrap_or(UTF_8)
}

/// Decoded text.
enum Text<'a> {
    /// UTF-8, of which V8 replaces what is wrong as the standard says.
    Utf8(&'a [u8]),
    Units(Vec<u16>),
}

impl Text<'_> {
    fn to_string<'s>(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::String>> {
        let normal = v8::NewStringType::Normal;
        let string = match self {
            Self::Utf8(bytes) => v8::String::new_from_utf8(scope, bytes, normal),
            Self::Units(units) => v8::String::new_from_two_byte(scope, units, normal),
        };
        if string.is_none() {
            throw(scope, v8::Exception::range_error, "the text is longer than V8's longest string");
        }
        string
    }
}

/// The bytes are wrong, and the decoder is strict.
struct Malformed;

/// `decode(encoding, bytes, fatal, ignoreBOM)`: all of a text at once.
pub(super) fn on_decode<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let encoding = encoding(scope, arguments.get(0));
    let (is_fatal, keeps_mark) = (arguments.get(2).is_true(), arguments.get(3).is_true());
    let decoded = with_bytes(scope, arguments.get(1), |scope, bytes| {
        let bytes = if keeps_mark { bytes } else { without_mark(encoding, bytes) };
        match decode(encoding, bytes, is_fatal) {
            Ok(text) => text.to_string(scope),
            Err(Malformed) => malformed(scope, encoding),
        }
    });
    match decoded {
        Some(Some(text)) => result.set(text.into()),
        Some(None) => {}
        None => not_bytes(scope),
    }
}

/// `decodeChunk(encoding, bytes, fatal, ignoreBOM, state, isLast)`: the next part of a text. `state` is an
/// array of the guest's: the bytes to look at again, as a string; how many UTF-16 units of what they
/// stand for were given already; whether the beginning was seen.
pub(super) fn on_decode_chunk<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let encoding = encoding(scope, arguments.get(0));
    let (is_fatal, keeps_mark) = (arguments.get(2).is_true(), arguments.get(3).is_true());
    let Ok(state) = v8::Local::<v8::Array>::try_from(arguments.get(4)) else { return };
    let Some(mut state_now) = State::read(scope, state) else { return };
    let is_last = arguments.get(5).is_true();
    let mut bytes = std::mem::take(&mut state_now.carried);
    let added = with_bytes(scope, arguments.get(1), |_, added| bytes.extend_from_slice(added));
    if added.is_none() {
        not_bytes(scope);
        return;
    }
    let mut from = 0;
    if !keeps_mark && !state_now.began {
        from = bytes.len() - without_mark(encoding, &bytes).len();
    }
    let given = state_now.given;
    match decode_chunk(encoding, &bytes[from..], is_fatal, is_last, given) {
        Ok(chunk) => {
            // Nothing but a mark, or its beginning: what comes next may still be the text's beginning.
            state_now.began |= from > 0 || chunk.carried.len() < bytes.len();
            state_now.given = chunk.given;
            state_now.carried = chunk.carried.to_vec();
            if let (Some(text), Some(())) = (chunk.text.to_string(scope), state_now.write(scope, state)) {
                result.set(text.into());
            }
        }
        Err(Malformed) => drop(malformed(scope, encoding)),
    }
}

/// What a stream of bytes needs to remember between its chunks.
struct State {
    carried: Vec<u8>,
    given: usize,
    began: bool,
}

impl State {
    fn read(scope: &mut v8::PinScope, state: v8::Local<v8::Array>) -> Option<Self> {
        let carried = v8::Local::<v8::String>::try_from(state.get_index(scope, 0)?).ok()?;
        let mut bytes = vec![0; carried.length()];
        carried.write_one_byte_v2(scope, 0, &mut bytes, v8::WriteFlags::empty());
        let given = state.get_index(scope, 1)?.uint32_value(scope)? as usize;
        let began = state.get_index(scope, 2)?.is_true();
        Some(Self { carried: bytes, given, began })
    }

    fn write(&self, scope: &mut v8::PinScope, state: v8::Local<v8::Array>) -> Option<()> {
        let carried = v8::String::new_from_one_byte(scope, &self.carried, v8::NewStringType::Normal)?;
        #[expect(clippy::cast_precision_loss, reason = "no string has that many units")]
        let given = v8::Number::new(scope, self.given as f64);
        let began = v8::Boolean::new(scope, self.began);
        state.set_index(scope, 0, carried.into())?;
        state.set_index(scope, 1, given.into())?;
        state.set_index(scope, 2, began.into()).map(drop)
    }
}

fn not_bytes(scope: &mut v8::PinScope) {
    throw(scope, v8::Exception::type_error, "expected an ArrayBuffer or a view of one");
}

fn malformed<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    encoding: &'static Encoding,
) -> Option<v8::Local<'s, v8::String>> {
    let name = encoding.name().to_ascii_lowercase();
    throw(scope, v8::Exception::type_error, &format!("The encoded data was not valid for encoding {name}"));
    None
}

/// The bytes after the encoding's own byte order mark.
fn without_mark<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> &'a [u8] {
    let mark: &[u8] = if encoding == UTF_8 {
        b"\xef\xbb\xbf"
    } else if encoding == UTF_16LE {
        b"\xff\xfe"
    } else if encoding == UTF_16BE {
        b"\xfe\xff"
    } else {
        b""
    };
    bytes.strip_prefix(mark).unwrap_or(bytes)
}

fn decode<'a>(encoding: &'static Encoding, bytes: &'a [u8], is_fatal: bool) -> Result<Text<'a>, Malformed> {
    if encoding == UTF_8 {
        return if is_fatal && std::str::from_utf8(bytes).is_err() {
            Err(Malformed)
        } else {
            Ok(Text::Utf8(bytes))
        };
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder.max_utf16_buffer_length(bytes.len()).unwrap_or_default();
    let mut units = vec![0; room];
    let written = if is_fatal {
        let (end, _, written) = decoder.decode_to_utf16_without_replacement(bytes, &mut units, true);
        if let DecoderResult::Malformed(..) = end {
            return Err(Malformed);
        }
        written
    } else {
        decoder.decode_to_utf16(bytes, &mut units, true).2
    };
    units.truncate(written);
    Ok(Text::Units(units))
}

struct Chunk<'a> {
    text: Text<'a>,
    /// Bytes at the end that have to be looked at again with those that follow.
    carried: Cow<'a, [u8]>,
    /// How many units of what the carried bytes stand for are in `text` already.
    given: usize,
}

/// `given` is of the chunk before.
fn decode_chunk<'a>(
    encoding: &'static Encoding,
    bytes: &'a [u8],
    is_fatal: bool,
    is_last: bool,
    given: usize,
) -> Result<Chunk<'a>, Malformed> {
    if is_last {
        let text = decode(encoding, bytes, is_fatal)?;
        return Ok(Chunk { text: without_first(text, given), carried: Cow::default(), given: 0 });
    }
    if encoding == ISO_2022_JP {
        return decode_shifted(bytes, is_fatal, given);
    }
    let (whole, carried) = bytes.split_at(bytes.len() - incomplete(encoding, bytes));
    Ok(Chunk { text: decode(encoding, whole, is_fatal)?, carried: Cow::Borrowed(carried), given: 0 })
}

fn without_first(text: Text, units: usize) -> Text {
    match text {
        Text::Units(mut all) if units > 0 => {
            all.drain(..units.min(all.len()));
            Text::Units(all)
        }
        text => text,
    }
}

/// How many bytes at the end are the beginning of a character.
fn incomplete(encoding: &'static Encoding, bytes: &[u8]) -> usize {
    if encoding == UTF_8 {
        let is_beginning = |length: &usize| {
            let tail = &bytes[bytes.len() - length..];
            std::str::from_utf8(tail)
                .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        };
        return (1..LONGEST_CHARACTER.min(bytes.len() + 1)).find(is_beginning).unwrap_or_default();
    }
    if encoding == UTF_16LE || encoding == UTF_16BE {
        let odd = bytes.len() % 2;
        // The place of a unit's high byte, from the unit's end.
        let high = if encoding == UTF_16LE { 1 } else { 2 };
        let whole = bytes.len() - odd;
        let is_lead = whole >= 2 && bytes[whole - high] & 0xfc == 0xd8;
        return if is_lead { odd + 2 } else { odd };
    }
    // Every other encoding is in step again soon: after at most so many bytes, one by one.
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let single = bytes.len().saturating_sub(2 * LONGEST_CHARACTER);
    // From the beginning, because a byte alone does not tell what it is part of.
    let mut units = vec![0; decoder.max_utf16_buffer_length(bytes.len()).unwrap_or_default()];
    let _ = decoder.decode_to_utf16(&bytes[..single], &mut units, false);
    let mut in_step = single;
    for index in single..bytes.len() {
        let _ = decoder.decode_to_utf16(&bytes[index..=index], &mut units, false);
        if decoder.latin1_byte_compatible_up_to(b"").is_some() {
            in_step = index + 1;
        }
    }
    bytes.len() - in_step
}

/// ISO-2022-JP says by escape sequences what the bytes that follow mean: all since the last time that it was
/// plain ASCII is carried on.
fn decode_shifted(bytes: &[u8], is_fatal: bool, given: usize) -> Result<Chunk<'static>, Malformed> {
    let mut decoder = ISO_2022_JP.new_decoder_without_bom_handling();
    let mut units = Vec::new();
    let (mut in_step, mut units_in_step) = (0, 0);
    for (index, byte) in bytes.iter().enumerate() {
        let mut unit = [0; 8];
        let written = if is_fatal {
            let (end, _, written) = decoder.decode_to_utf16_without_replacement(&[*byte], &mut unit, false);
            if let DecoderResult::Malformed(..) = end {
                return Err(Malformed);
            }
            written
        } else {
            decoder.decode_to_utf16(&[*byte], &mut unit, false).2
        };
        units.extend_from_slice(&unit[..written]);
        if decoder.latin1_byte_compatible_up_to(b"").is_some() {
            (in_step, units_in_step) = (index + 1, units.len());
        }
    }
    let carried = Cow::Owned(bytes[in_step..].to_vec());
    let next_given = units.len() - units_in_step;
    let text = without_first(Text::Units(units), given);
    Ok(Chunk { text, carried, given: next_given })
}

/// `utf8Length(text)`: how many bytes the text takes.
pub(super) fn on_utf8_length<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    if let Ok(text) = v8::Local::<v8::String>::try_from(arguments.get(0)) {
        #[expect(clippy::cast_precision_loss, reason = "no string is that long")]
        result.set_double(text.utf8_length(scope) as f64);
    }
}

/// `utf8Write(text, into)`: writes as many whole characters as fit; how many bytes that took. Of the text it
/// took so many UTF-16 units as a second view of 32 bits is told, if there is one.
pub(super) fn on_utf8_write<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Ok(text) = v8::Local::<v8::String>::try_from(arguments.get(0)) else { return };
    let mut read = 0;
    let flags = v8::WriteFlags::kReplaceInvalidUtf8;
    let written = with_bytes(scope, arguments.get(1), |scope, into| {
        text.write_utf8_v2(scope, into, flags, Some(&mut read))
    });
    let Some(written) = written else {
        not_bytes(scope);
        return;
    };
    if arguments.length() > 2 {
        let read = u32::try_from(read).unwrap_or(u32::MAX).to_ne_bytes();
        with_bytes(scope, arguments.get(2), |_, into| {
            if into.len() == read.len() {
                into.copy_from_slice(&read);
            }
        });
    }
    #[expect(clippy::cast_precision_loss, reason = "no string is that long")]
    result.set_double(written as f64);
}
