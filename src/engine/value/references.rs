//! Functions and streams in a message: what its end tells about those that the sender brings.
//!
//! A reference is a host object: its kind (2 for a function, 3 for a stream), whose it is (0 the guest's,
//! 1 the host's) and its number there. Who gets one that is its own takes what it has under that
//! number. Who gets the other's makes something that calls across, and must account for it: for that a
//! message that brings references ends with a list of them, after the details of its errors:
//!
//! ```text
//! ...  2  ( number: 4 bytes, nature: 1 byte )*  count: 4 bytes  2
//! ```
//!
//! All little-endian. A message without ends with a zero.

/// The kind of a host object that stands for a function.
pub(crate) const FUNCTION: u32 = 2;

/// The kind of a host object that stands for a stream.
pub(crate) const STREAM: u32 = 3;

/// Whose a reference is.
pub(crate) const GUEST: u32 = 0;
pub(crate) const HOST: u32 = 1;

const REFERENCES_FOLLOW: u8 = 2;
const ENTRY_BYTES: usize = 5;
const COUNT_BYTES: usize = 4;

/// What a reference stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    Function,
    /// A function whose answer the guest waits for.
    SyncFunction,
    /// An async iterable.
    Iterable,
    /// A `ReadableStream`.
    Readable,
}

impl Nature {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Function,
            1 => Self::SyncFunction,
            2 => Self::Iterable,
            3 => Self::Readable,
            _ => return None,
        })
    }

    fn byte(self) -> u8 {
        match self {
            Self::Function => 0,
            Self::SyncFunction => 1,
            Self::Iterable => 2,
            Self::Readable => 3,
        }
    }
}

/// One reference that the sender of a message brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Brought {
    pub(crate) number: u32,
    pub(crate) nature: Nature,
}

/// Ends a message whose details are complete.
pub(crate) fn finish(message: &mut Vec<u8>, brought: &[Brought]) {
    let count = u32::try_from(brought.len()).unwrap_or(u32::MAX);
    if count == 0 {
        message.push(0);
        return;
    }
    message.push(REFERENCES_FOLLOW);
    for Brought { number, nature } in brought {
        message.extend_from_slice(&number.to_le_bytes());
        message.push(nature.byte());
    }
    message.extend_from_slice(&count.to_le_bytes());
    message.push(REFERENCES_FOLLOW);
}

/// What a message brings; nothing if it is not one of ours.
pub(crate) fn brought(message: &[u8]) -> Vec<Brought> {
    read(message).unwrap_or_default()
}

fn read(message: &[u8]) -> Option<Vec<Brought>> {
    let (&REFERENCES_FOLLOW, rest) = message.split_last()? else { return None };
    let (rest, count) = rest.split_last_chunk::<COUNT_BYTES>()?;
    let bytes = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(ENTRY_BYTES)?;
    let entries = rest.get(rest.len().checked_sub(bytes)?..)?;
    entries
        .chunks_exact(ENTRY_BYTES)
        .map(|entry| {
            let (number, nature) = entry.split_first_chunk::<4>()?;
            Some(Brought { number: u32::from_le_bytes(*number), nature: Nature::of(*nature.first()?)? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_brings_is_read_from_its_end() {
        let list = [
            Brought { number: 1, nature: Nature::Function },
            Brought { number: u32::MAX, nature: Nature::SyncFunction },
            Brought { number: 300, nature: Nature::Iterable },
            Brought { number: 7, nature: Nature::Readable },
        ];
        for count in 0..=list.len() {
            let mut message = b"\xff\x0f_".to_vec();
            finish(&mut message, &list[..count]);
            assert_eq!(brought(&message), list[..count], "{message:?}");
        }
    }

    #[test]
    fn what_is_no_such_end_brings_nothing() {
        for message in [&b""[..], b"\x02", b"\xff\x0f_\x02", b"\xff\xff\xff\xff\x02", b"\x01\x00\x00\x00\x02"]
        {
            assert!(brought(message).is_empty(), "{message:?}");
        }
        assert!(brought(b"\x02\x01\x00\x00\x00\x09\x01\x00\x00\x00\x02").is_empty(), "an unknown nature");
    }
}
