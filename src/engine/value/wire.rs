//! Reads V8's structured-clone wire format token by token, without V8.
//!
//! Every token carries its own length and containers are just begin and end tokens, so one linear
//! pass finds what the encoder has to treat specially. Format: V8 `src/objects/value-serializer.cc`
//! (`SerializationTag`); host objects are ours (see `engine::value`).

/// What an encoded message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents {
    /// An `Error`, or a token that this reader does not know: both are left to the slow path.
    pub has_error: bool,
    /// A `Float16Array`, which Node.js before 24 can't read.
    pub has_float16: bool,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).ok();
            }
        }
        None
    }

    fn skip_varints(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.varint().map(drop))
    }

    fn skip_counted(&mut self) -> Option<()> {
        let count = self.varint()?;
        self.skip(count)
    }

    /// One token after its tag. `None`: cut short, or unknown.
    fn token(&mut self, tag: u8, contents: &mut Contents) -> Option<()> {
        match tag {
            // Padding, undefined, null, true, false, hole, boxed true and false, the beginnings of
            // objects, maps and sets, and of a boxed string, whose own token follows.
            b'\0' | b'_' | b'0' | b'T' | b'F' | b'-' | b'y' | b'x' | b'o' | b';' | b'\'' | b's' => Some(()),
            // int32, uint32, back reference, the ends of object, map and set, the beginnings of a
            // dense and a sparse array, a buffer that moves beside the message.
            b'I' | b'U' | b'^' | b'{' | b':' | b',' | b'A' | b'a' | b't' => self.skip_varints(1),
            // The ends of a dense and a sparse array.
            b'$' | b'@' => self.skip_varints(2),
            // double, Date, boxed number.
            b'N' | b'D' | b'n' => self.skip(8),
            // BigInt and boxed BigInt: a bit field whose upper bits are the length in bytes.
            b'Z' | b'z' => {
                let bits = self.varint()?;
                self.skip(bits >> 1)
            }
            b'"' | b'c' | b'S' | b'B' => self.skip_counted(),
            // RegExp: the pattern's string token, then its flags.
            b'R' => {
                let pattern = self.byte()?;
                let pattern = if pattern == b'\0' { self.byte()? } else { pattern };
                self.token(pattern, contents)?;
                self.skip_varints(1)
            }
            // Resizable ArrayBuffer: length, maximum, bytes.
            b'~' => {
                let length = self.varint()?;
                self.skip_varints(1)?;
                self.skip(length)
            }
            // View: kind, offset, length, flags.
            b'V' => {
                contents.has_float16 |= self.byte()? == b'h';
                self.skip_varints(3)
            }
            b'\\' => self.host_object(),
            _ => None,
        }
    }

    /// Ours: an error shell (kind 0 and its class), a view (kind 1), whose own tokens follow, or a
    /// reference to a function or a stream (kinds 2 and 3, whose it is, and its number there).
    fn host_object(&mut self) -> Option<()> {
        match self.varint()? {
            0 => self.skip_varints(1),
            1 => Some(()),
            2 | 3 => self.skip_varints(2),
            _ => None,
        }
    }
}

/// How deep the values of an encoded message are nested: 0 for a primitive, 1 for an array of
/// primitives. The details of errors count as values of their own. Stops at a token that this reader
/// does not know.
pub fn nesting(bytes: &[u8]) -> u32 {
    let mut reader = Reader { bytes, at: 0 };
    if reader.byte() != Some(0xff) || reader.varint().is_none() {
        return 0;
    }
    let (mut depth, mut deepest) = (0_i64, 0);
    let mut contents = Contents::default();
    while let Some(tag) = reader.byte() {
        match tag {
            DETAILS => {
                // The list that holds an error's parts is ours.
                depth = -1;
                continue;
            }
            b'o' | b'A' | b'a' | b';' | b'\'' => depth += 1,
            b'{' | b'$' | b'@' | b':' | b',' => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
        if reader.token(tag, &mut contents).is_none() {
            break;
        }
    }
    u32::try_from(deepest).unwrap_or(u32::MAX)
}

/// `DETAILS_FOLLOW`, as it stands between values. No token of V8's.
const DETAILS: u8 = 1;

/// Scans the first value of an encoded message, header included.
pub fn scan(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let mut reader = Reader { bytes, at: 0 };
    let header = (reader.byte(), reader.varint());
    if header.0 != Some(0xff) || header.1.is_none() {
        contents.has_error = true;
        return contents;
    }
    while let Some(tag) = reader.byte() {
        if reader.token(tag, &mut contents).is_none() {
            contents.has_error = true;
            break;
        }
    }
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_error(body: &[u8]) -> bool {
        let mut message = vec![0xff, 0x0f];
        message.extend_from_slice(body);
        scan(&message).has_error
    }

    #[test]
    fn an_error_is_found_behind_every_kind_of_token() {
        let before: [&[u8]; 17] = [
            b"o\"\x01a",
            b"A\x01I\x02",
            b"Z\x10abcdefgh",
            b"N\0\0\0\0\0\0\0\0",
            b"c\x04r\0r\0",
            b"\0c\x02r\0",
            b"R\"\x01r\x05",
            b"B\x02rrVB\0\x02\0",
            b"~\x02\x08rr",
            b"\\\x01B\x01rVB\0\x01\0",
            b";\"\x01rI\x02:\x02",
            b"'\"\x01r,\x01",
            b"s\"\x01r",
            b"a\x05@\x00\x05",
            b"t\x00",
            b"\\\x02\x00\x80\x01",
            b"\\\x03\x01r",
        ];
        for prefix in before {
            assert!(!has_error(prefix), "no error in {prefix:?}");
            assert!(has_error(&[prefix, b"rR"].concat()), "the error after {prefix:?}");
        }
    }

    #[test]
    fn an_unknown_or_cut_token_counts_as_an_error_so_that_the_slow_path_decides() {
        for body in [&b"w"[..], b"\"\x05ab", b"N\0\0", b"V", b"\\"] {
            assert!(has_error(body), "{body:?}");
        }
        assert!(scan(b"").has_error);
        assert!(scan(b"no header").has_error);
    }

    #[test]
    fn nesting_is_counted_and_details_begin_anew() {
        let nesting = |body: &[u8]| nesting(&[b"\xff\x0f", body].concat());
        assert_eq!(nesting(b"I\x02\0"), 0);
        assert_eq!(nesting(b"t\x00V\x42\0\x02\0\0"), 0);
        assert_eq!(nesting(b"A\x02A\0$\0\0o{\0$\0\x02\0"), 2);
        assert_eq!(nesting(b";\"\x01a';\"\x01bI\x02:\x02,\x01:\x02\0"), 3);
        assert_eq!(nesting(b"o\"\x01eo\"\x01e\\\0\0{\x01{\x01\x01A\x04^\x02\"\x05causeTo{\0$\0\x04\0"), 2);
        assert_eq!(super::nesting(b"nonsense"), 0);
    }

    #[test]
    fn a_float16_array_is_found() {
        assert!(scan(b"\xff\x0fB\x02abVh\0\x02\0").has_float16);
        assert!(!scan(b"\xff\x0fB\x02abVb\0\x02\0").has_float16);
    }
}
