//! What stands for one value in a preview, without what it refers to.

use crate::engine::error::Result;
use crate::engine::state::format::{Text, Token};
use crate::engine::state::line::{Line, bigint, number};
use crate::engine::state::walk::Walk;

/// More than any line has room for.
pub(super) const PREVIEWED_UNITS: usize = 200;

/// Adds a primitive.
pub(super) fn primitive(line: &mut Line, token: Token) {
    match token {
        Token::Undefined => line.push("undefined"),
        Token::Null => line.push("null"),
        Token::Boolean(value) => line.push(if value { "true" } else { "false" }),
        Token::Integer(value) => line.push(&value.to_string()),
        Token::Double(value) => line.push(&number(value)),
        Token::BigInt { is_negative, magnitude } => line.push(&bigint(is_negative, magnitude)),
        Token::String(text) => line.push_quoted(units(text)),
        Token::Registered(text) => {
            line.push("Symbol.for(");
            line.push_quoted(units(text));
            line.push(")");
        }
        Token::WellKnown(text) => {
            line.push("Symbol.");
            line.push_foreign(&beginning(text, PREVIEWED_UNITS));
        }
        Token::New | Token::Reference(_) | Token::Code(_) => {}
    }
}

/// The units of a string, as far as anyone asks.
fn units(text: Text<'_>) -> Box<dyn Iterator<Item = u16> + '_> {
    match text {
        Text::Latin1(letters) => Box::new(letters.iter().map(|letter| u16::from(*letter))),
        Text::Utf16(pairs) => {
            Box::new(pairs.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])))
        }
    }
}

/// The beginning of a string.
pub(super) fn beginning(text: Text, most: usize) -> String {
    let units: Vec<u16> = units(text).take(most).collect();
    String::from_utf16_lossy(&units)
}

/// Adds a regular expression.
pub(super) fn regexp(line: &mut Line, walk: &mut Walk) -> Result<()> {
    const FLAGS: [(u64, &str); 8] =
        [(128, "d"), (1, "g"), (2, "i"), (4, "m"), (32, "s"), (16, "u"), (256, "v"), (8, "y")];
    let source = walk.cursor.text()?;
    let flags = walk.cursor.varint()?;
    line.push("/");
    line.push_foreign(&beginning(source, PREVIEWED_UNITS));
    line.push("/");
    for (bit, letter) in FLAGS {
        if flags & bit != 0 {
            line.push(letter);
        }
    }
    Ok(())
}

/// The name of a declared function.
pub(super) fn function_name(text: Text) -> String {
    let text = beginning(text, PREVIEWED_UNITS);
    let head = text.split('(').next().unwrap_or_default();
    head.rsplit([' ', '*', '\n', '\t', '\r']).find(|word| !word.is_empty()).unwrap_or_default().to_owned()
}

/// Whether a key needs no quotes.
pub(super) fn is_plain(units: &[u16]) -> bool {
    let is_letter = |unit: &u16| {
        u8::try_from(*unit)
            .is_ok_and(|letter| letter.is_ascii_alphanumeric() || letter == b'_' || letter == b'$')
    };
    let starts = units.first().is_some_and(|unit| !(u16::from(b'0')..=u16::from(b'9')).contains(unit));
    starts && units.len() <= PREVIEWED_UNITS && units.iter().all(is_letter)
}

/// The constructor of a view.
pub(super) fn view_name(letter: u8) -> &'static str {
    match letter {
        b'b' => "Int8Array",
        b'B' => "Uint8Array",
        b'C' => "Uint8ClampedArray",
        b'w' => "Int16Array",
        b'W' => "Uint16Array",
        b'd' => "Int32Array",
        b'D' => "Uint32Array",
        b'h' => "Float16Array",
        b'f' => "Float32Array",
        b'F' => "Float64Array",
        b'q' => "BigInt64Array",
        b'Q' => "BigUint64Array",
        _ => "DataView",
    }
}

/// An element of a view; none where its type is rare, and none of Rust's.
pub(super) fn element_text(letter: u8, bytes: &[u8]) -> Option<String> {
    Some(match (letter, bytes) {
        (b'b', &[byte]) => i8::from_le_bytes([byte]).to_string(),
        (b'B' | b'C', &[byte]) => byte.to_string(),
        (b'w', &[a, b]) => i16::from_le_bytes([a, b]).to_string(),
        (b'W', &[a, b]) => u16::from_le_bytes([a, b]).to_string(),
        (b'd', &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]).to_string(),
        (b'D', &[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]).to_string(),
        (b'f', &[a, b, c, d]) => number(f64::from(f32::from_le_bytes([a, b, c, d]))),
        (b'F', _) => number(f64::from_le_bytes(bytes.try_into().ok()?)),
        (b'q', _) => format!("{}n", i64::from_le_bytes(bytes.try_into().ok()?)),
        (b'Q', _) => format!("{}n", u64::from_le_bytes(bytes.try_into().ok()?)),
        _ => return None,
    })
}
