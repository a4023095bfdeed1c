//! A state ↔ chunks and a head: what lies above every store.
//!
//! A state is cut where its content says (so a change moves few cuts), each chunk is named by a digest,
//! compressed and, with a key, sealed; a chunk that the store has is not written again. The head has the
//! state's digest and the chunks' lengths, and covers everything else that is known of the revision: a
//! head or a chunk that was changed, or that belongs to another session or revision, is found.
//!
//! Runs on any thread that may work for some milliseconds.

mod chunk;
mod head;
mod keys;

use std::collections::{HashMap, HashSet};

use fastcdc::v2020::{FastCDC, Normalization};
use sha2::{Digest, Sha256};

use self::head::Manifest;
pub use self::keys::{KEY_BYTES, Keys};
use crate::engine::error::{EngineError, Result};
use crate::engine::store::record::{ChunkKey, Revision, RevisionMeta, hex};

/// Chunks are about so long. Smaller ones make longer heads, larger ones more to write for a small change;
/// at ten megabytes the two are in balance here.
const AVERAGE_CHUNK: usize = 32 * 1024;
const SMALLEST_CHUNK: usize = 8 * 1024;
/// The longest chunk; a longer one is refused before memory is taken for it.
pub(super) const LARGEST_CHUNK: usize = 128 * 1024;

/// How chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// By zstd, where that makes them smaller.
    Zstd,
    /// Not at all.
    None,
}

/// A revision that is to be made.
#[derive(Debug)]
pub struct Order<'a> {
    /// The session's id.
    pub session: &'a str,
    /// The revision's number.
    pub revision: u64,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// The version of the state's schema.
    pub schema: u64,
    /// The key of the session's snapshot.
    pub snapshot_key: &'a str,
    /// Chunks that the store is known to have, from a revision that was read or written.
    pub known: &'a HashSet<ChunkKey>,
    /// The state's SHA-256, where somebody has made it already.
    pub sha256: Option<[u8; 32]>,
    /// Nothing is made if the state still has this digest.
    pub unless: Option<[u8; 32]>,
    /// How chunks are compressed.
    pub compression: Compression,
}

/// A revision and the chunks that the store does not have.
#[derive(Debug)]
pub struct Packed {
    /// The revision.
    pub revision: Revision,
    /// The state's SHA-256.
    pub sha256: [u8; 32],
    /// New chunks, each once.
    pub fresh: Vec<(ChunkKey, Vec<u8>)>,
}

/// Packs a state; nothing if it is the one that `order` names.
///
/// # Errors
/// `Store` when there is no memory for zstd or no random number.
pub fn pack(state: &[u8], order: &Order, keys: Option<&Keys>) -> Result<Option<Packed>> {
    let sha256 = order.sha256.unwrap_or_else(|| Sha256::digest(state).into());
    if order.unless == Some(sha256) {
        return Ok(None);
    }
    let mut compressor = chunk::Compressor::new(order.compression)?;
    let mut chunks = Vec::new();
    let mut lengths = Vec::new();
    let mut fresh = Vec::new();
    let mut made = HashSet::new();
    for piece in cut(state, keys) {
        let key = name(piece, keys);
        chunks.push(key);
        // A piece is at most `LARGEST_CHUNK` long.
        lengths.push(u32::try_from(piece.len()).unwrap_or(u32::MAX));
        if !order.known.contains(&key) && made.insert(key) {
            fresh.push((key, compressor.pack(piece, key, keys)?));
        }
    }
    let mut revision = Revision {
        meta: RevisionMeta {
            revision: order.revision,
            created_at: order.created_at,
            schema: order.schema,
            snapshot_key: order.snapshot_key.to_owned(),
            hash: keys.map_or_else(|| hex(&sha256), |keys| hex(&keys.name_state(&sha256))),
            bytes: state.len() as u64,
            stored_bytes: 0,
        },
        chunks,
        head: Vec::new(),
    };
    revision.head = head::write(order.session, &revision, &Manifest { sha256, lengths }, keys)?;
    let bytes = fresh.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() + revision.head.len();
    revision.meta.stored_bytes = bytes as u64;
    Ok(Some(Packed { revision, sha256, fresh }))
}

/// A state that was put together again.
#[derive(Debug)]
pub struct Unpacked {
    /// The state.
    pub state: Vec<u8>,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Whether the oldest of several keys opened it, so that it should be written anew.
    pub under_old_key: bool,
}

/// Puts a state together from a revision and its chunks, in the order of the revision's list without
/// repetitions. `keys` has the current key first, then those before it; none for a state that is not encrypted.
///
/// # Errors
/// `SessionKey` when the revision is sealed with none of the keys, or is not sealed though there are keys;
/// `SessionDamaged` when anything is not as it was written.
pub fn unpack(session: &str, revision: &Revision, chunks: &[Vec<u8>], keys: &[Keys]) -> Result<Unpacked> {
    let (manifest, used) = head::read(session, revision, keys)?;
    let keys = used.map(|index| &keys[index]);
    let names = distinct(&revision.chunks);
    if names.len() != chunks.len() {
        return Err(damaged(revision, &format!("it has {} chunks, and {} came", names.len(), chunks.len())));
    }
    let stored: HashMap<ChunkKey, &[u8]> = names.into_iter().zip(chunks.iter().map(Vec::as_slice)).collect();
    // The head was verified, so this is the length that was written, and no more than its chunks' together.
    let total = usize::try_from(revision.meta.bytes).unwrap_or(usize::MAX);
    let mut state = Vec::new();
    state
        .try_reserve_exact(total)
        .map_err(|_| EngineError::store(format!("no memory for a state of {total} bytes")))?;
    let mut opener = chunk::Opener::new()?;
    for (key, length) in revision.chunks.iter().zip(&manifest.lengths) {
        let bytes = stored.get(key).copied().unwrap_or_default();
        opener
            .unpack(bytes, *key, *length as usize, keys, &mut state)
            .map_err(|what| damaged(revision, &format!("chunk {} {what}", key.to_hex())))?;
    }
    let sha256: [u8; 32] = Sha256::digest(&state).into();
    if sha256 != manifest.sha256 {
        return Err(damaged(revision, "its chunks are not the ones that were written"));
    }
    Ok(Unpacked { state, sha256, under_old_key: used.is_some_and(|index| index > 0) })
}

/// The names of a list, each once, in the order of their first places.
pub fn distinct(chunks: &[ChunkKey]) -> Vec<ChunkKey> {
    let mut seen = HashSet::new();
    chunks.iter().copied().filter(|key| seen.insert(*key)).collect()
}

fn damaged(revision: &Revision, what: &str) -> EngineError {
    EngineError::SessionDamaged { message: format!("revision {} is damaged: {what}", revision.meta.revision) }
}

/// The pieces of a state. With a key, where it is cut depends on that: lengths would tell a known content.
fn cut<'a>(state: &'a [u8], keys: Option<&Keys>) -> impl Iterator<Item = &'a [u8]> {
    let seed = keys.map_or(0, Keys::cut_seed);
    FastCDC::with_level_and_seed(
        state,
        SMALLEST_CHUNK,
        AVERAGE_CHUNK,
        LARGEST_CHUNK,
        Normalization::Level1,
        seed,
    )
    .map(|piece| &state[piece.offset..piece.offset + piece.length])
}

fn name(piece: &[u8], keys: Option<&Keys>) -> ChunkKey {
    let digest: [u8; 32] = match keys {
        Some(keys) => keys.name_chunk(piece),
        None => Sha256::digest(piece).into(),
    };
    let mut key = [0; ChunkKey::LENGTH];
    key.copy_from_slice(&digest[..ChunkKey::LENGTH]);
    ChunkKey(key)
}

#[cfg(test)]
mod tests;
