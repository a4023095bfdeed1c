//! Hosts: domains, IPv4 and IPv6 addresses, and what a scheme of its own calls a host.

use std::net::{Ipv4Addr, Ipv6Addr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::percent;

/// The host's text as it is written in the URL.
pub(super) fn parse(input: &str, is_opaque: bool) -> Option<String> {
    if let Some(rest) = input.strip_prefix('[') {
        return Some(format!("[{}]", ipv6_text(ipv6(rest.strip_suffix(']')?)?)));
    }
    if is_opaque {
        let is_forbidden = input.bytes().any(is_forbidden_in_host);
        return (!is_forbidden).then(|| percent::encode(input, percent::is_control));
    }
    let domain = percent::decode(input.as_bytes());
    let domain = String::from_utf8_lossy(&domain);
    let ascii = if domain.is_ascii() {
        // Whatever Punycode it has: names in use would not be found otherwise.
        domain.to_ascii_lowercase()
    } else {
        let ascii =
            Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore);
        ascii.ok()?.into_owned()
    };
    if ascii.is_empty() || ascii.bytes().any(is_forbidden_in_domain) {
        return None;
    }
    if ends_in_number(&ascii) { Some(ipv4(&ascii)?.to_string()) } else { Some(ascii) }
}

fn is_forbidden_in_host(byte: u8) -> bool {
    b"\0\t\n\r #/:<>?@[\\]^|".contains(&byte)
}

fn is_forbidden_in_domain(byte: u8) -> bool {
    is_forbidden_in_host(byte) || byte <= 0x1f || byte == b'%' || byte == 0x7f
}

fn ends_in_number(host: &str) -> bool {
    let mut parts = host.rsplit('.');
    let last = match (parts.next(), parts.next()) {
        (Some(""), None) | (None, _) => return false,
        (Some(""), Some(last)) | (Some(last), _) => last,
    };
    (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())) || ipv4_number(last).is_some()
}

/// A part of an IPv4 address, in one of three notations. One that is too large is as large as can be.
fn ipv4_number(part: &str) -> Option<u64> {
    if part.is_empty() {
        return None;
    }
    let lower = part.to_ascii_lowercase();
    let (digits, radix) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix('0').filter(|digits| !digits.is_empty()) {
        (digits, 8)
    } else {
        (&*lower, 10)
    };
    digits.chars().try_fold(0_u64, |number, digit| {
        Some(number.saturating_mul(radix.into()).saturating_add(digit.to_digit(radix)?.into()))
    })
}

fn ipv4(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    if parts.len() > 4 {
        return None;
    }
    let numbers: Option<Vec<u64>> = parts.iter().map(|part| ipv4_number(part)).collect();
    let numbers = numbers?;
    let (last, first) = numbers.split_last()?;
    let room = 256_u64.pow(u32::try_from(5 - numbers.len()).ok()?);
    if *last >= room || first.iter().any(|number| *number > 255) {
        return None;
    }
    let address =
        first.iter().zip([24, 16, 8]).fold(*last, |address, (number, shift)| address + (number << shift));
    u32::try_from(address).ok().map(Ipv4Addr::from)
}

/// The standard's own steps: Rust's parser takes other texts.
fn ipv6(input: &str) -> Option<Ipv6Addr> {
    let letters: Vec<char> = input.chars().collect();
    let at = |index: usize| letters.get(index).copied();
    let mut pieces = [0_u16; 8];
    let mut piece = 0;
    let mut compress = None;
    let mut pointer = 0;
    if at(0) == Some(':') {
        if at(1) != Some(':') {
            return None;
        }
        pointer = 2;
        piece = 1;
        compress = Some(1);
    }
    while let Some(letter) = at(pointer) {
        if piece == 8 {
            return None;
        }
        if letter == ':' {
            if compress.is_some() {
                return None;
            }
            pointer += 1;
            piece += 1;
            compress = Some(piece);
            continue;
        }
        let (mut value, mut length) = (0_u32, 0);
        while let Some(digit) = at(pointer).and_then(|letter| letter.to_digit(16)).filter(|_| length < 4) {
            value = value << 4 | digit;
            pointer += 1;
            length += 1;
        }
        match at(pointer) {
            Some('.') => {
                if length == 0 || piece > 6 {
                    return None;
                }
                let [high, low] = ipv4_in_ipv6(&letters[pointer - length..])?;
                pieces[piece] = high;
                pieces[piece + 1] = low;
                piece += 2;
                break;
            }
            Some(':') => {
                pointer += 1;
                at(pointer)?;
            }
            Some(_) => return None,
            None => {}
        }
        pieces[piece] = u16::try_from(value).ok()?;
        piece += 1;
    }
    match compress {
        Some(compress) => {
            let after = piece - compress;
            pieces.copy_within(compress..piece, 8 - after);
            pieces[compress..8 - after].fill(0);
        }
        None if piece != 8 => return None,
        None => {}
    }
    Some(Ipv6Addr::from(pieces))
}

/// Four decimal numbers without leading zeros, to the end.
fn ipv4_in_ipv6(letters: &[char]) -> Option<[u16; 2]> {
    let text: String = letters.iter().collect();
    let parts: Vec<&str> = text.split('.').collect();
    let mut bytes = [0_u8; 4];
    if parts.len() != bytes.len() {
        return None;
    }
    for (byte, part) in bytes.iter_mut().zip(parts) {
        let is_number = part.bytes().all(|digit| digit.is_ascii_digit());
        let has_zero = part.len() > 1 && part.starts_with('0');
        if !is_number || has_zero {
            return None;
        }
        *byte = part.parse().ok()?;
    }
    let [first, second, third, fourth] = bytes.map(u16::from);
    Some([first << 8 | second, third << 8 | fourth])
}

/// The first longest run of zeros is shortened; Rust writes some addresses with dots.
fn ipv6_text(address: Ipv6Addr) -> String {
    let pieces = address.segments();
    let mut longest = 0..0;
    let mut start = 0;
    while start < pieces.len() {
        let length = pieces[start..].iter().take_while(|piece| **piece == 0).count();
        if length > longest.len() && length > 1 {
            longest = start..start + length;
        }
        start += length.max(1);
    }
    let text = |pieces: &[u16]| pieces.iter().map(|piece| format!("{piece:x}")).collect::<Vec<_>>().join(":");
    if longest.is_empty() {
        return text(&pieces);
    }
    format!("{}::{}", text(&pieces[..longest.start]), text(&pieces[longest.end..]))
}
