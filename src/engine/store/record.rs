//! What stores and their users tell each other, as `lib` sees it in JSON.

use serde::{Deserialize, Serialize};

/// What is known of a revision without its chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevisionMeta {
    /// Counts from 1, and never comes twice in a session.
    pub revision: u64,
    /// When it was made, by its writer's clock: milliseconds since 1970.
    pub created_at: u64,
    /// The version of the state's schema.
    pub schema: u64,
    /// The key of the snapshot that the session ran on; empty if it had none.
    pub snapshot_key: String,
    /// Hex digits; the same for the same state. A digest of the state, keyed if the state is encrypted.
    pub hash: String,
    /// The state's length.
    pub bytes: u64,
    /// What the revision added to the store: its head and the chunks that were new.
    pub stored_bytes: u64,
}

/// A revision with what its state is put together from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// What is known of it.
    pub meta: RevisionMeta,
    /// The keys of its chunks, in order.
    pub chunks: Vec<ChunkKey>,
    /// Made and read by `pack`.
    pub head: Vec<u8>,
}

/// Who may write to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// How the holder calls itself.
    pub holder: String,
    /// Greater than that of every lease before.
    pub epoch: u64,
    /// When it ends, by the store's clock: milliseconds since 1970.
    pub expires_at: u64,
}

/// What a list says of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRecord {
    /// The session's id.
    pub id: String,
    /// When its first lease was taken, by the store's clock: milliseconds since 1970.
    pub created_at: u64,
    /// The newest revision; none if it is not there though the session has had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<RevisionMeta>,
    /// How many revisions are kept.
    pub revisions: u64,
    /// What they take together.
    pub stored_bytes: u64,
    /// The lease, while it has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Revisions.
    pub revisions: u64,
    /// Bytes of their heads, and of chunks that no other revision has.
    pub bytes: u64,
}

/// A chunk's name: a digest of its content, keyed if it is encrypted. Sixteen bytes: who finds two chunks
/// with one name damages his own session, and the state's digest tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkKey(pub [u8; ChunkKey::LENGTH]);

impl ChunkKey {
    /// Its length in bytes.
    pub const LENGTH: usize = 16;

    /// From hex digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut key = [0; Self::LENGTH];
        if text.len() != 2 * Self::LENGTH || !text.is_ascii() {
            return None;
        }
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(key))
    }

    /// As hex digits.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }
}

/// Bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_hex_digits_are_the_same_thing() {
        let key = ChunkKey(std::array::from_fn(|index| u8::try_from(index * 17).expect("small")));
        assert_eq!(key.to_hex(), "00112233445566778899aabbccddeeff");
        assert_eq!(ChunkKey::from_hex(&key.to_hex()), Some(key));
        for wrong in ["", "00", "00112233445566778899aabbccddeefg", "é0112233445566778899aabbccddeef"] {
            assert_eq!(ChunkKey::from_hex(wrong), None, "{wrong}");
        }
    }
}
