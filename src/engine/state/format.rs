//! The smallest parts of a document: numbers, strings, tags. No V8. See `docs/state-format.md`.

use sha2::{Digest, Sha256};

use crate::engine::error::{EngineError, Result};

/// How every document begins. The first byte is no text, the last ones show a changed line ending.
pub(super) const MAGIC: &[u8; 9] = b"\x89isost\r\n\n";
/// The version that is written, and the only one that is read.
pub(super) const VERSION: u64 = 1;
/// The length of the SHA-256 at the end.
pub(super) const DIGEST_BYTES: usize = 32;

/// Tags of values.
pub(super) mod tag {
    pub const UNDEFINED: u8 = 0x00;
    pub const NULL: u8 = 0x01;
    pub const FALSE: u8 = 0x02;
    pub const TRUE: u8 = 0x03;
    pub const INTEGER: u8 = 0x04;
    pub const DOUBLE: u8 = 0x05;
    pub const BIGINT: u8 = 0x06;
    pub const LATIN1: u8 = 0x07;
    pub const UTF16: u8 = 0x08;
    pub const NEW: u8 = 0x09;
    pub const REFERENCE: u8 = 0x0a;
    pub const CODE: u8 = 0x0b;
    pub const REGISTERED: u8 = 0x0c;
    pub const WELL_KNOWN: u8 = 0x0d;
    /// A private name of a class, where a shape has a key.
    pub const PRIVATE: u8 = 0x0e;
    /// Latin-1 strings of up to 95 letters: the length is in the tag.
    pub const SHORT: u8 = 0x20;
    pub const LONGEST_SHORT: usize = 0x5f;
    /// Integers from 0 to 127 are in the tag.
    pub const SMALL: u8 = 0x80;
}

/// Kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Object,
    Array,
    Date,
    RegExp,
    Map,
    Set,
    Error,
    BoxedBoolean,
    BoxedNumber,
    BoxedString,
    BoxedBigInt,
    BoxedSymbol,
    Buffer,
    ResizableBuffer,
    View,
    Function,
    Hooked,
}

impl Kind {
    const ALL: [Self; 17] = [
        Self::Object,
        Self::Array,
        Self::Date,
        Self::RegExp,
        Self::Map,
        Self::Set,
        Self::Error,
        Self::BoxedBoolean,
        Self::BoxedNumber,
        Self::BoxedString,
        Self::BoxedBigInt,
        Self::BoxedSymbol,
        Self::Buffer,
        Self::ResizableBuffer,
        Self::View,
        Self::Function,
        Self::Hooked,
    ];

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }
}

/// Flags of an object.
pub(super) mod flag {
    /// No property can be added.
    pub const NOT_EXTENSIBLE: u8 = 1;
    /// Properties with index keys follow.
    pub const HAS_ELEMENTS: u8 = 2;
    /// The prototype is not the one that the kind begins with.
    pub const HAS_PROTOTYPE: u8 = 4;
    /// Of an array: `length` is read-only.
    pub const LENGTH_READ_ONLY: u8 = 8;
    pub const ALL: u8 = 15;
}

/// Attributes of a property, as V8 has them.
pub(super) mod attribute {
    pub const READ_ONLY: u8 = 1;
    pub const DONT_ENUM: u8 = 2;
    pub const DONT_DELETE: u8 = 4;
    pub const ALL: u8 = 7;
}

/// Tags of the steps of a path into code.
pub(super) mod step {
    /// The value of an own property.
    pub const PROPERTY: u8 = 0;
    /// The prototype.
    pub const PROTOTYPE: u8 = 1;
    /// The getter, the setter of an own property.
    pub const GETTER: u8 = 2;
    pub const SETTER: u8 = 3;
    /// A symbol that is a key: its description, and how many keys of the object before it have the same.
    pub const KEY: u8 = 4;
}

/// Where a path into code begins.
pub(super) mod root {
    pub const GLOBAL: u8 = 0;
    /// A top-level `let`, `const` or `class` of a script.
    pub const LEXICAL: u8 = 1;
    pub const MODULE: u8 = 2;
}

/// The views, as V8's structured clone names them.
pub(super) const VIEWS: [(u8, usize); 13] = [
    (b'b', 1),
    (b'B', 1),
    (b'C', 1),
    (b'w', 2),
    (b'W', 2),
    (b'd', 4),
    (b'D', 4),
    (b'h', 2),
    (b'f', 4),
    (b'F', 8),
    (b'q', 8),
    (b'Q', 8),
    (b'?', 1),
];

/// The one NaN.
pub(super) const NAN: u64 = 0x7ff8_0000_0000_0000;

/// Appends a number as a LEB128.
pub(super) fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends an integer, zigzag: the sign is the lowest bit.
pub(super) fn push_integer(out: &mut Vec<u8>, value: i32) {
    if let Ok(small @ 0..=0x7f) = u8::try_from(value) {
        out.push(tag::SMALL | small);
        return;
    }
    out.push(tag::INTEGER);
    let zigzag = (value.cast_unsigned() << 1) ^ (value >> 31).cast_unsigned();
    push_varint(out, u64::from(zigzag));
}

/// Appends a number: an integer where it is one.
pub(super) fn push_number(out: &mut Vec<u8>, value: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "compared with the number itself")]
    let integer = value as i32;
    if f64::from(integer).to_bits() == value.to_bits() {
        return push_integer(out, integer);
    }
    out.push(tag::DOUBLE);
    push_double(out, value);
}

/// Appends the bits of a double; every NaN is the same one.
pub(super) fn push_double(out: &mut Vec<u8>, value: f64) {
    let bits = if value.is_nan() { NAN } else { value.to_bits() };
    out.extend_from_slice(&bits.to_le_bytes());
}

/// Appends text of ours, which has Latin-1 letters only where a short form needs them.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    if text.is_ascii() {
        return push_latin1(out, text.as_bytes());
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    push_units(out, &units);
}

/// Appends a string of Latin-1 letters.
pub(super) fn push_latin1(out: &mut Vec<u8>, letters: &[u8]) {
    push_latin1_length(out, letters.len());
    out.extend_from_slice(letters);
}

pub(super) fn push_latin1_length(out: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short) if length <= tag::LONGEST_SHORT => out.push(tag::SHORT + short),
        _ => {
            out.push(tag::LATIN1);
            push_varint(out, length as u64);
        }
    }
}

/// Appends a string in its shorter form: Latin-1 if every unit fits.
pub(super) fn push_units(out: &mut Vec<u8>, units: &[u16]) {
    if units.iter().all(|unit| *unit < 0x100) {
        push_latin1_length(out, units.len());
        out.extend(units.iter().map(|unit| unit.to_le_bytes()[0]));
        return;
    }
    out.push(tag::UTF16);
    push_varint(out, units.len() as u64);
    out.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
}

/// The digest of a document's content.
pub(super) fn digest(content: &[u8]) -> [u8; DIGEST_BYTES] {
    Sha256::digest(content).into()
}

/// A string of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Text<'a> {
    Latin1(&'a [u8]),
    /// In little-endian pairs.
    Utf16(&'a [u8]),
}

impl Text<'_> {
    pub(super) fn is_empty(self) -> bool {
        let (Self::Latin1(bytes) | Self::Utf16(bytes)) = self;
        bytes.is_empty()
    }

    pub(super) fn first(self) -> Option<u16> {
        match self {
            Self::Latin1(letters) => letters.first().map(|letter| u16::from(*letter)),
            Self::Utf16(pairs) => pairs.first_chunk().map(|pair| u16::from_le_bytes(*pair)),
        }
    }

    pub(super) fn to_text(self) -> String {
        match self {
            Self::Latin1(letters) => letters.iter().map(|letter| char::from(*letter)).collect(),
            Self::Utf16(_) => String::from_utf16_lossy(&self.units()),
        }
    }

    pub(super) fn units(self) -> Vec<u16> {
        match self {
            Self::Latin1(letters) => letters.iter().map(|letter| u16::from(*letter)).collect(),
            Self::Utf16(pairs) => {
                pairs.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
            }
        }
    }
}

/// A value of a document, without what it refers to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Undefined,
    Null,
    Boolean(bool),
    Integer(i32),
    Double(f64),
    BigInt {
        is_negative: bool,
        magnitude: &'a [u8],
    },
    String(Text<'a>),
    /// The next object that nothing before referred to.
    New,
    /// An object before, counted back from the newest, which is 1.
    Reference(u64),
    /// A path into code: one before by its number, or the next one, which follows.
    Code(u64),
    Registered(Text<'a>),
    WellKnown(Text<'a>),
}

/// Reads a document from one place on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What is wrong with a document.
pub(super) fn corrupt(what: &str) -> EngineError {
    EngineError::StateCorrupt { message: format!("the state is damaged: {what}") }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or_else(|| corrupt("it ends too early"))?;
        self.at += 1;
        Ok(byte)
    }

    /// The next byte, which stays the next one.
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or_else(|| corrupt("it ends too early"))?;
        self.at += count;
        Ok(taken)
    }

    pub(super) fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let is_shortest = byte != 0 || shift == 0;
                return if is_shortest {
                    Ok(value)
                } else {
                    Err(corrupt("a number is longer than it need be"))
                };
            }
        }
        Err(corrupt("a number is too large"))
    }

    /// A LEB128 of V8's, which need not be the shortest.
    pub(super) fn any_varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(corrupt("a number is too large"))
    }

    /// How many things follow, of at least `size` bytes each: no more than there is room for.
    pub(super) fn count(&mut self, size: usize) -> Result<usize> {
        let count = self.varint()?;
        let most = self.left() / size.max(1);
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= most)
            .ok_or_else(|| corrupt("it has fewer parts than it says"))
    }

    pub(super) fn double(&mut self) -> Result<f64> {
        let bytes = self.take(8)?;
        let bits = bytes.try_into().map(u64::from_le_bytes).map_err(|_| corrupt("it ends too early"))?;
        let value = f64::from_bits(bits);
        if value.is_nan() && bits != NAN {
            return Err(corrupt("a NaN is not the one"));
        }
        Ok(value)
    }

    pub(super) fn text(&mut self) -> Result<Text<'a>> {
        match self.token()? {
            Token::String(text) => Ok(text),
            _ => Err(corrupt("a string is missing")),
        }
    }

    fn utf16(&mut self) -> Result<Text<'a>> {
        let units = self.count(2)?;
        let pairs = self.take(units * 2)?;
        if pairs.chunks_exact(2).all(|pair| pair[1] == 0) {
            return Err(corrupt("a string is longer than it need be"));
        }
        Ok(Text::Utf16(pairs))
    }

    /// A path's own steps, after `Token::Code` with the next number, are left to the caller.
    pub(super) fn token(&mut self) -> Result<Token<'a>> {
        let tag = self.byte()?;
        Ok(match tag {
            tag::UNDEFINED => Token::Undefined,
            tag::NULL => Token::Null,
            tag::FALSE => Token::Boolean(false),
            tag::TRUE => Token::Boolean(true),
            tag::INTEGER => {
                let zigzag = u32::try_from(self.varint()?).map_err(|_| corrupt("an integer is too large"))?;
                let value = (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed());
                if (0..=0x7f).contains(&value) {
                    return Err(corrupt("an integer is longer than it need be"));
                }
                Token::Integer(value)
            }
            tag::DOUBLE => {
                let value = self.double()?;
                #[expect(clippy::cast_possible_truncation, reason = "compared with the number itself")]
                if f64::from(value as i32).to_bits() == value.to_bits() {
                    return Err(corrupt("an integer is longer than it need be"));
                }
                Token::Double(value)
            }
            tag::BIGINT => {
                let (is_negative, magnitude) = self.bigint()?;
                Token::BigInt { is_negative, magnitude }
            }
            tag::LATIN1 => {
                let length = self.count(1)?;
                if length <= tag::LONGEST_SHORT {
                    return Err(corrupt("a string is longer than it need be"));
                }
                Token::String(Text::Latin1(self.take(length)?))
            }
            tag::UTF16 => Token::String(self.utf16()?),
            tag::NEW => Token::New,
            tag::REFERENCE => Token::Reference(self.varint()?),
            tag::CODE => Token::Code(self.varint()?),
            tag::REGISTERED => Token::Registered(self.text()?),
            tag::WELL_KNOWN => Token::WellKnown(self.text()?),
            tag::SHORT..tag::SMALL => Token::String(Text::Latin1(self.take(usize::from(tag - tag::SHORT))?)),
            tag::SMALL.. => Token::Integer(i32::from(tag & 0x7f)),
            _ => return Err(corrupt("a value is of no kind")),
        })
    }

    /// The sign and the bytes of a bigint, lowest first.
    pub(super) fn bigint(&mut self) -> Result<(bool, &'a [u8])> {
        let head = self.varint()?;
        let length = usize::try_from(head >> 1).map_err(|_| corrupt("a bigint is too long"))?;
        let magnitude = self.take(length)?;
        let is_negative = head & 1 == 1;
        if magnitude.last() == Some(&0) || (magnitude.is_empty() && is_negative) {
            return Err(corrupt("a bigint is longer than it need be"));
        }
        Ok((is_negative, magnitude))
    }
}

#[cfg(test)]
mod tests;
