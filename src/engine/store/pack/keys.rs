//! What is derived from a user's key for one session.
//!
//! Each use has a key of its own, and each session: random nonces of one never meet those of another, and
//! what was sealed for one session opens in no other. Everything is `ring`'s: HKDF, HMAC and AES-256-GCM.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, hmac};

use crate::engine::error::{EngineError, Result};

/// The length of a user's key.
pub const KEY_BYTES: usize = 32;
/// The length of a key's name.
pub(super) const ID_BYTES: usize = 8;

/// The keys of one session.
pub struct Keys {
    id: [u8; ID_BYTES],
    seal: LessSafeKey,
    names: hmac::Key,
    cut_seed: u64,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// Derives them.
    ///
    /// # Errors
    /// `SessionKey` when the key is not of 32 bytes.
    pub fn derive(key: &[u8], session: &str) -> Result<Self> {
        if key.len() != KEY_BYTES {
            let message = format!("encryptionKey must be of {KEY_BYTES} bytes, got {}", key.len());
            return Err(EngineError::SessionKey { message });
        }
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"isoseed session 1").extract(key);
        let unusable = |_| EngineError::store("the key can't be used".to_owned());
        Ok(Self {
            id: expand(&root, b"id", session)?,
            seal: LessSafeKey::new(
                UnboundKey::new(&AES_256_GCM, &expand::<KEY_BYTES>(&root, b"seal", session)?)
                    .map_err(unusable)?,
            ),
            names: hmac::Key::new(hmac::HMAC_SHA256, &expand::<KEY_BYTES>(&root, b"names", session)?),
            cut_seed: u64::from_le_bytes(expand(&root, b"cut", session)?),
        })
    }

    /// Names the key without telling it.
    pub(super) fn id(&self) -> [u8; ID_BYTES] {
        self.id
    }

    /// Moves the cuts between chunks.
    pub(super) fn cut_seed(&self) -> u64 {
        self.cut_seed
    }

    /// A chunk's name, which tells nothing of its content.
    pub(super) fn name_chunk(&self, piece: &[u8]) -> [u8; 32] {
        self.name(b"chunk", piece)
    }

    /// A state's name, from its digest.
    pub(super) fn name_state(&self, sha256: &[u8; 32]) -> [u8; 32] {
        self.name(b"state", sha256)
    }

    fn name(&self, what: &[u8], content: &[u8]) -> [u8; 32] {
        let mut signing = hmac::Context::with_key(&self.names);
        signing.update(what);
        signing.update(content);
        let mut name = [0; 32];
        name.copy_from_slice(signing.sign().as_ref());
        name
    }

    /// Appends a random nonce and the sealed content.
    ///
    /// # Errors
    /// `Store` when the system has no random numbers.
    pub(super) fn seal(&self, content: &[u8], covered: &[u8], into: &mut Vec<u8>) -> Result<()> {
        let failed = |_| EngineError::store("the system has no random numbers for encryption".to_owned());
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(failed)?;
        into.extend_from_slice(&nonce);
        let mut content = content.to_vec();
        self.seal
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(covered), &mut content)
            .map_err(failed)?;
        into.append(&mut content);
        Ok(())
    }

    /// What `seal` was given, if nothing was changed.
    pub(super) fn open(&self, sealed: &[u8], covered: &[u8]) -> Option<Vec<u8>> {
        let (nonce, content) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut content = content.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.seal.open_in_place(nonce, Aad::from(covered), &mut content).ok()?.len();
        content.truncate(length);
        Some(content)
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const LENGTH: usize>(root: &hkdf::Prk, what: &[u8], session: &str) -> Result<[u8; LENGTH]> {
    let mut key = [0; LENGTH];
    root.expand(&[what, b"\0", session.as_bytes()], Length(LENGTH))
        .and_then(|okm| okm.fill(&mut key))
        .map_err(|_| EngineError::store("the key can't be used".to_owned()))?;
    Ok(key)
}
