//! Numbers, strings and their forms.

use super::*;

#[test]
fn numbers_have_one_form_each_and_are_read_back() {
    let numbers = [
        0.0,
        -0.0,
        1.0,
        127.0,
        128.0,
        -1.0,
        -64.0,
        2_147_483_647.0,
        -2_147_483_648.0,
        2_147_483_648.0,
        0.5,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        -f64::NAN,
    ];
    for number in numbers {
        let mut bytes = Vec::new();
        push_number(&mut bytes, number);
        let mut cursor = Cursor::new(&bytes, 0);
        let read = match cursor.token().expect("a number") {
            Token::Integer(value) => f64::from(value),
            Token::Double(value) => value,
            token => panic!("{token:?}"),
        };
        assert_eq!(cursor.left(), 0);
        assert!(read.to_bits() == number.to_bits() || (read.is_nan() && number.is_nan()), "{number}");
    }
}

#[test]
fn a_longer_form_than_need_be_is_refused() {
    let longer: [&[u8]; 9] = [
        b"\x04\x02",
        b"\x04\x80\x00",
        b"\x05\0\0\0\0\0\0\xf0\x3f",
        b"\x05\x01\0\0\0\0\0\xf8\x7f",
        b"\x07\x01a",
        b"\x08\x01a\0",
        b"\x06\x02\0",
        b"\x06\x01",
        b"\x0e",
    ];
    for bytes in longer {
        assert!(Cursor::new(bytes, 0).token().is_err(), "{bytes:?}");
    }
}
