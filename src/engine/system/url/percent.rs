//! Percent-encoding and the sets of characters that it is for.

/// Appends `%XX`.
pub(in crate::engine::system) fn push_byte(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.push('%');
    text.push(DIGITS[usize::from(byte >> 4)].into());
    text.push(DIGITS[usize::from(byte & 15)].into());
}

/// Bytes with what is percent-encoded in them decoded.
pub(in crate::engine::system) fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.first().copied().and_then(hex).zip(after.get(1).copied().and_then(hex));
        if let Some((high, low)) = digits.filter(|_| *byte == b'%') {
            decoded.push(high << 4 | low);
            rest = &after[2..];
        } else {
            decoded.push(*byte);
            rest = after;
        }
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Appends a character, percent-encoded if its bytes are in the set.
pub(super) fn push(text: &mut String, letter: char, set: fn(u8) -> bool) {
    if letter.is_ascii() && !set(letter as u8) {
        text.push(letter);
        return;
    }
    for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
        push_byte(text, byte);
    }
}

pub(super) fn encode(text: &str, set: fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for letter in text.chars() {
        push(&mut encoded, letter, set);
    }
    encoded
}

pub(super) fn is_control(byte: u8) -> bool {
    !(0x20..=0x7e).contains(&byte)
}

pub(super) fn is_fragment(byte: u8) -> bool {
    is_control(byte) || b" \"<>`".contains(&byte)
}

pub(super) fn is_query(byte: u8) -> bool {
    is_control(byte) || b" \"#<>".contains(&byte)
}

pub(super) fn is_special_query(byte: u8) -> bool {
    is_query(byte) || byte == b'\''
}

pub(super) fn is_path(byte: u8) -> bool {
    is_query(byte) || b"?^`{}".contains(&byte)
}

pub(super) fn is_userinfo(byte: u8) -> bool {
    is_path(byte) || b"/:;=@[\\]|".contains(&byte)
}
