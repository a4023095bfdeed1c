//! One line of text about what a guest has left: bounded, and without anything that a terminal would obey.

/// Text that stops growing at its bound, with an ellipsis.
#[derive(Debug)]
pub(super) struct Line {
    text: String,
    /// Characters that there is still room for.
    room: usize,
    is_cut: bool,
}

impl Line {
    /// A line of at most so many characters, the ellipsis included.
    pub(super) fn new(most: usize) -> Self {
        Self { text: String::new(), room: most.saturating_sub(1), is_cut: false }
    }

    /// Whether nothing can be added any more: whoever makes long text can stop.
    pub(super) fn is_full(&self) -> bool {
        self.is_cut
    }

    /// Adds text of ours.
    pub(super) fn push(&mut self, text: &str) {
        for letter in text.chars() {
            self.piece(letter.encode_utf8(&mut [0; 4]));
        }
    }

    /// Adds text of the guest's: what is not to be seen, or changes how other letters look, is escaped.
    pub(super) fn push_foreign(&mut self, text: &str) {
        for letter in text.chars() {
            self.letter(letter);
        }
    }

    /// Adds a string as JavaScript would write it.
    pub(super) fn push_quoted(&mut self, units: impl Iterator<Item = u16>) {
        self.push("'");
        for unit in char::decode_utf16(units) {
            match unit {
                Ok('\'') => self.piece("\\'"),
                Ok('\\') => self.piece("\\\\"),
                Ok(letter) => self.letter(letter),
                Err(error) => self.piece(&format!("\\u{:04x}", error.unpaired_surrogate())),
            }
            if self.is_cut {
                return;
            }
        }
        self.push("'");
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn letter(&mut self, letter: char) {
        if self.is_cut {
            return;
        }
        match letter {
            '\'' | '"' | '\\' => self.piece(letter.encode_utf8(&mut [0; 4])),
            _ => self.piece(&letter.escape_debug().to_string()),
        }
    }

    /// Whole, or not at all: half an escape would be another one.
    fn piece(&mut self, piece: &str) {
        if self.is_cut {
            return;
        }
        let length = piece.chars().count();
        if length > self.room {
            self.text.push('…');
            self.is_cut = true;
            return;
        }
        self.room -= length;
        self.text.push_str(piece);
    }
}

/// A number as JavaScript writes it.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}Infinity");
    }
    let scientific = shortest(value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // How many digits stand before the point.
    let before = exponent + 1;
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let text = if (count..=21).contains(&before) {
        format!("{digits}{}", zeros(before - count))
    } else if (1..=21).contains(&before) {
        let (whole, rest) = digits.split_at(usize::try_from(before).unwrap_or(0));
        format!("{whole}.{rest}")
    } else if (-5..=0).contains(&before) {
        format!("0.{}{digits}", zeros(-before))
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let plus = if exponent < 0 { "" } else { "+" };
        format!("{first}{point}{rest}e{plus}{exponent}")
    };
    format!("{sign}{text}")
}

/// The shortest digits that are a number and nearest to it, and of two that are as near the even ones: as
/// JavaScript takes them. Rust takes the larger ones.
fn shortest(value: f64) -> String {
    let text = format!("{value:e}");
    // Only a number that lies in the middle of two has that few digits and a 5 as the last one.
    let all = format!("{value:.60e}");
    let Some(((mantissa, exponent), (exact, _))) = text.split_once('e').zip(all.split_once('e')) else {
        return text;
    };
    let Some((lower, rest)) = exact.split_at_checked(mantissa.len()) else { return text };
    let is_even = matches!(lower.bytes().last(), Some(b'0' | b'2' | b'4' | b'6' | b'8'));
    let is_middle = rest.strip_prefix('5').is_some_and(|zeros| zeros.bytes().all(|digit| digit == b'0'));
    let lower = format!("{lower}e{exponent}");
    if is_even && is_middle && lower.parse() == Ok(value) { lower } else { text }
}

/// A big integer from its magnitude, lowest byte first: all of its digits, or that it has many.
pub(super) fn bigint(is_negative: bool, magnitude: &[u8]) -> String {
    let sign = if is_negative { "-" } else { "" };
    let mut bytes = [0; 16];
    match bytes.get_mut(..magnitude.len()) {
        Some(low) => {
            low.copy_from_slice(magnitude);
            format!("{sign}{}n", u128::from_le_bytes(bytes))
        }
        None => format!("{sign}<bigint of {} bytes>", magnitude.len()),
    }
}

/// A time in milliseconds since 1970 as `Date.prototype.toISOString` writes it.
pub(super) fn date(time: f64) -> String {
    const LAST: f64 = 8.64e15;
    const DAY: i64 = 86_400_000;
    if time.is_nan() || time.abs() > LAST {
        return "Invalid Date".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 2^53")]
    let time = time as i64;
    let (days, ms) = (time.div_euclid(DAY), time.rem_euclid(DAY));
    // Eras of 400 years, each of 146097 days, with years that begin in March: the leap day comes last.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    let year = match year {
        0..=9999 => format!("{year:04}"),
        _ => format!("{}{:06}", if year < 0 { '-' } else { '+' }, year.abs()),
    };
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        let cases: [(f64, &str); 18] = [
            // In the middle of two.
            (1_888_570_120_608_320.0 + 0.25, "1888570120608320.2"),
            (1_888_570_120_608_320.0 + 0.75, "1888570120608320.8"),
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (123_456.789, "123456.789"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1.25e-7, "1.25e-7"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (9_007_199_254_740_993.0, "9007199254740992"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn times_are_written_as_javascript_writes_them() {
        let cases: [(f64, &str); 8] = [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (-1.0, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000.0, "2000-02-29T00:00:00.000Z"),
            (1_709_164_799_999.0, "2024-02-28T23:59:59.999Z"),
            (8.64e15, "+275760-09-13T00:00:00.000Z"),
            (-8.64e15, "-271821-04-20T00:00:00.000Z"),
            (8.640_000_000_000_001e15, "Invalid Date"),
            (f64::NAN, "Invalid Date"),
        ];
        for (time, text) in cases {
            assert_eq!(date(time), text);
        }
    }

    #[test]
    fn bigints_have_their_digits_unless_they_have_many() {
        assert_eq!(bigint(false, &[]), "0n");
        assert_eq!(bigint(true, &[255]), "-255n");
        assert_eq!(bigint(false, &[0xff; 16]), "340282366920938463463374607431768211455n");
        assert_eq!(bigint(true, &[1; 17]), "-<bigint of 17 bytes>");
    }

    #[test]
    fn a_line_is_bounded_and_nothing_in_it_steers_a_terminal() {
        let mut line = Line::new(40);
        line.push_quoted("\u{1b}[2J\u{9b}'\\\u{202e}\n日本".encode_utf16().chain([0xd800]));
        assert_eq!(line.finish(), "'\\u{1b}[2J\\u{9b}\\'\\\\\\u{202e}\\n日本\\ud800'");
        let mut line = Line::new(8);
        line.push_foreign("abc\u{1b}\u{1b}");
        assert!(line.is_full());
        assert_eq!(line.finish(), "abc…");
    }
}
