//! JSON text out of guest strings, which may hold lone surrogates: no Rust string does.

use std::fmt::Write;

/// JSON text being written.
#[derive(Default)]
pub(super) struct Json(pub(super) String);

impl Json {
    pub(super) fn raw(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// A number that JSON can say; what it can't say is the caller's.
    pub(super) fn number(&mut self, value: f64) {
        // Shortest digits that read back as this number. Writing to a string can't fail.
        let _ = if value.fract() == 0.0 && value.abs() < 1e15 {
            write!(self.0, "{value}")
        } else {
            write!(self.0, "{value:e}")
        };
    }

    pub(super) fn string(&mut self, text: &str) {
        self.0.push('"');
        text.chars().for_each(|letter| self.letter(letter));
        self.0.push('"');
    }

    /// A string in UTF-16; lone surrogates stay what they are.
    pub(super) fn units(&mut self, units: &[u16]) {
        self.0.push('"');
        for letter in char::decode_utf16(units.iter().copied()) {
            match letter {
                Ok(letter) => self.letter(letter),
                Err(lone) => self.escape(u32::from(lone.unpaired_surrogate())),
            }
        }
        self.0.push('"');
    }

    fn letter(&mut self, letter: char) {
        match letter {
            '"' => self.0.push_str("\\\""),
            '\\' => self.0.push_str("\\\\"),
            '\n' => self.0.push_str("\\n"),
            '\u{0}'..='\u{1f}' => self.escape(u32::from(letter)),
            _ => self.0.push(letter),
        }
    }

    fn escape(&mut self, unit: u32) {
        // Writing to a string can't fail.
        let _ = write!(self.0, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn strings_are_read_back_as_they_were() {
        let mut json = Json::default();
        json.string("a\"\\\n\u{1}é😀");
        assert_eq!(json.0, r#""a\"\\\n\u0001é😀""#);
        let mut json = Json::default();
        json.units(&[0x61, 0xd83d, 0xde00, 0xd800, 0x22]);
        assert_eq!(json.0, "\"a😀\\ud800\\\"\"");
    }

    #[test]
    fn numbers_are_read_back_as_they_were() {
        for number in [0.0, 1.0, -1.5, 0.1, 1e300, 5e-324, 1_234_567_890_123_456_789.0, f64::MAX] {
            let mut json = Json::default();
            json.number(number);
            assert_eq!(serde_json::from_str::<f64>(&json.0).ok(), Some(number), "{}", json.0);
        }
    }
}
