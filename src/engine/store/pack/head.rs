//! A revision's head: the state's digest and the chunks' lengths, and proof of everything else that is
//! known of the revision.
//!
//! ```text
//! 01                       version
//! 00 | 01                  whether it is sealed
//! manifest                 plain, or: key's name (8), nonce (12), sealed manifest with tag
//! checksum (16)            SHA-256 over what the head covers and all of the above
//! manifest = SHA-256 of the state (32), then a length for each chunk (4 each, little-endian)
//! ```
//!
//! What it covers, in clear: session, revision, time, schema, snapshot, hash, length, chunk names. The
//! checksum finds accidents before a key is asked for: so a wrong key is told from a damaged head.

use sha2::{Digest, Sha256};

use crate::engine::error::{EngineError, Result};
use crate::engine::store::pack::keys::{ID_BYTES, Keys};
use crate::engine::store::pack::{LARGEST_CHUNK, damaged};
use crate::engine::store::record::Revision;

const VERSION: u8 = 1;
const CHECKSUM: usize = 16;

/// What the head has that nothing else tells.
pub(super) struct Manifest {
    pub(super) sha256: [u8; 32],
    pub(super) lengths: Vec<u32>,
}

pub(super) fn write(
    session: &str,
    revision: &Revision,
    manifest: &Manifest,
    keys: Option<&Keys>,
) -> Result<Vec<u8>> {
    let covered = covered(session, revision);
    let mut plain = manifest.sha256.to_vec();
    manifest.lengths.iter().for_each(|length| plain.extend_from_slice(&length.to_le_bytes()));
    let mut head = vec![VERSION, u8::from(keys.is_some())];
    match keys {
        None => head.append(&mut plain),
        Some(keys) => {
            head.extend_from_slice(&keys.id());
            keys.seal(&plain, &covered, &mut head)?;
        }
    }
    let checksum = checksum(&covered, &head);
    head.extend_from_slice(&checksum);
    Ok(head)
}

/// The manifest, and which of the keys opened it.
pub(super) fn read(session: &str, revision: &Revision, keys: &[Keys]) -> Result<(Manifest, Option<usize>)> {
    let changed = |what: &str| damaged(revision, what);
    let covered = covered(session, revision);
    let (head, found) =
        revision.head.split_last_chunk::<CHECKSUM>().ok_or_else(|| changed("its head is cut short"))?;
    if checksum(&covered, head) != *found {
        return Err(changed("its checksum does not fit"));
    }
    let [version, sealed, manifest @ ..] = head else { return Err(changed("its head is cut short")) };
    if *version != VERSION {
        // Not damaged: the checksum fits.
        let message = format!(
            "revision {} has a head of version {version}, this isoseed reads {VERSION}",
            revision.meta.revision
        );
        return Err(EngineError::store(message));
    }
    if *sealed == 0 {
        // Taking it would let anyone who can write to the store replace an encrypted state by a plain one.
        if !keys.is_empty() {
            let message = format!(
                "revision {} is not encrypted, and an encryptionKey was given",
                revision.meta.revision
            );
            return Err(EngineError::SessionKey { message });
        }
        return Ok((parse(manifest, revision)?, None));
    }
    let wrong_key = |what: &str| EngineError::SessionKey {
        message: format!("revision {} is encrypted with {what}", revision.meta.revision),
    };
    if keys.is_empty() {
        return Err(wrong_key("a key, and no encryptionKey was given"));
    }
    let (id, content) =
        manifest.split_first_chunk::<ID_BYTES>().ok_or_else(|| changed("its head is cut short"))?;
    let index = keys
        .iter()
        .position(|keys| keys.id() == *id)
        .ok_or_else(|| wrong_key("another key than the one that was given"))?;
    let plain = keys[index].open(content, &covered).ok_or_else(|| changed("its head was changed"))?;
    Ok((parse(&plain, revision)?, Some(index)))
}

/// The lengths are checked here, so that nobody takes memory for lengths that can't be.
fn parse(plain: &[u8], revision: &Revision) -> Result<Manifest> {
    let wrong = || damaged(revision, "its head does not fit its chunks");
    let (sha256, lengths) = plain.split_first_chunk::<32>().ok_or_else(wrong)?;
    let (lengths, rest) = lengths.as_chunks::<4>();
    let lengths: Vec<u32> = lengths.iter().map(|length| u32::from_le_bytes(*length)).collect();
    let total: u64 = lengths.iter().copied().map(u64::from).sum();
    let fits = rest.is_empty()
        && lengths.len() == revision.chunks.len()
        && lengths.iter().all(|length| *length as usize <= LARGEST_CHUNK)
        && total == revision.meta.bytes;
    if fits { Ok(Manifest { sha256: *sha256, lengths }) } else { Err(wrong()) }
}

/// Everything that is known of the revision in clear, but for what it takes in the store.
fn covered(session: &str, revision: &Revision) -> Vec<u8> {
    let meta = &revision.meta;
    let mut bytes = b"isoseed revision 1".to_vec();
    for text in [session, &meta.snapshot_key, &meta.hash] {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    for number in [meta.revision, meta.created_at, meta.schema, meta.bytes] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    revision.chunks.iter().for_each(|key| bytes.extend_from_slice(&key.0));
    bytes
}

fn checksum(covered: &[u8], head: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::new().chain_update(covered).chain_update(head).finalize();
    let mut checksum = [0; CHECKSUM];
    checksum.copy_from_slice(&digest[..CHECKSUM]);
    checksum
}
