//! Message digests.

use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha384, Sha512};

use crate::engine::exception::throw;
use crate::engine::system::bytes::with_bytes;

/// `digest(bits, bytes, into)`: writes the digest of `bytes` into a view of the right size. 160 bits are
/// SHA-1's.
pub(super) fn on_digest<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    let bits = arguments.get(0).uint32_value(scope).unwrap_or_default();
    let digest = with_bytes(scope, arguments.get(1), |_, bytes| match bits {
        160 => Sha1::digest(&*bytes).to_vec(),
        256 => Sha256::digest(&*bytes).to_vec(),
        384 => Sha384::digest(&*bytes).to_vec(),
        512 => Sha512::digest(&*bytes).to_vec(),
        _ => Vec::new(),
    });
    let written = digest.filter(|digest| !digest.is_empty()).and_then(|digest| {
        with_bytes(scope, arguments.get(2), |_, into| {
            let fits = into.len() == digest.len();
            if fits {
                into.copy_from_slice(&digest);
            }
            fits
        })
    });
    if written != Some(true) {
        throw(scope, v8::Exception::type_error, "expected a digest's bits, bytes, and a view for it");
    }
}
