//! One chunk: `form`, then its content, compressed and sealed as the form says.

use crate::engine::error::{EngineError, Result};
use crate::engine::store::pack::Compression;
use crate::engine::store::pack::keys::Keys;
use crate::engine::store::record::ChunkKey;

/// A step waits for this: speed before size.
const LEVEL: i32 = 3;

/// Bits of a chunk's first byte.
const ZSTD: u8 = 1;
const SEALED: u8 = 2;

pub(super) struct Compressor(Option<zstd::bulk::Compressor<'static>>);

impl Compressor {
    pub(super) fn new(compression: Compression) -> Result<Self> {
        match compression {
            Compression::None => Ok(Self(None)),
            Compression::Zstd => zstd::bulk::Compressor::new(LEVEL)
                .map(|compressor| Self(Some(compressor)))
                .map_err(|error| EngineError::store(format!("zstd can't start: {error}"))),
        }
    }

    pub(super) fn pack(&mut self, piece: &[u8], key: ChunkKey, keys: Option<&Keys>) -> Result<Vec<u8>> {
        let compressed = self.0.as_mut().map(|compressor| compressor.compress(piece));
        let compressed = compressed
            .transpose()
            .map_err(|error| EngineError::store(format!("a state can't be compressed: {error}")))?
            .filter(|compressed| compressed.len() < piece.len());
        let mut form = if compressed.is_some() { ZSTD } else { 0 };
        let content = compressed.as_deref().unwrap_or(piece);
        let mut bytes = Vec::with_capacity(content.len() + 32);
        match keys {
            None => {
                bytes.push(form);
                bytes.extend_from_slice(content);
            }
            Some(keys) => {
                form |= SEALED;
                bytes.push(form);
                keys.seal(content, &covered(form, key), &mut bytes)?;
            }
        }
        Ok(bytes)
    }
}

pub(super) struct Opener(zstd::bulk::Decompressor<'static>);

impl Opener {
    pub(super) fn new() -> Result<Self> {
        zstd::bulk::Decompressor::new()
            .map(Self)
            .map_err(|error| EngineError::store(format!("zstd can't start: {error}")))
    }

    /// Appends a chunk's content, which must be of this length; says what is wrong otherwise.
    pub(super) fn unpack(
        &mut self,
        bytes: &[u8],
        key: ChunkKey,
        length: usize,
        keys: Option<&Keys>,
        into: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let Some((&form, content)) = bytes.split_first() else { return Err("is missing") };
        let opened;
        let content = match keys {
            Some(keys) if form & SEALED != 0 => {
                opened = keys.open(content, &covered(form, key)).ok_or("was changed")?;
                &opened
            }
            None if form & SEALED == 0 => content,
            _ => return Err("was changed"),
        };
        if form & ZSTD == 0 {
            into.extend_from_slice(content);
            return if content.len() == length { Ok(()) } else { Err("has another length") };
        }
        // The head's word for it, which was verified and is bounded; the frame is not asked.
        let start = into.len();
        into.resize(start + length, 0);
        match self.0.decompress_to_buffer(content, &mut into[start..]) {
            Ok(written) if written == length => Ok(()),
            _ => Err("can't be decompressed"),
        }
    }
}

fn covered(form: u8, key: ChunkKey) -> Vec<u8> {
    [b"isoseed chunk 1".as_slice(), &[form], &key.0].concat()
}
