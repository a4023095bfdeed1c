//! A snapshot in JavaScript's hands.

use std::sync::Arc;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use super::number;
use crate::engine::handle::smallest_memory_limit_mb;
use crate::engine::snapshot::{Snapshot, SnapshotInfo};

/// A verified snapshot.
#[napi]
pub struct NativeSnapshot {
    pub(super) snapshot: Arc<Snapshot>,
}

#[napi]
impl NativeSnapshot {
    /// SHA-256 over everything that shapes the heap, in hexadecimal.
    #[napi(getter)]
    pub fn key(&self) -> String {
        self.snapshot.info().key.clone()
    }

    /// The header as JSON, with the file's length.
    #[napi(getter)]
    pub fn info(&self) -> String {
        info_json(self.snapshot.info(), self.snapshot.bytes().len())
    }

    /// The smallest memory limit with which this snapshot can be restored, in MiB.
    #[napi(getter)]
    pub fn smallest_memory_limit_mb(&self) -> f64 {
        number(smallest_memory_limit_mb(Some(&self.snapshot)))
    }

    /// A copy of the snapshot file's bytes.
    #[napi]
    pub fn bytes(&self) -> Uint8Array {
        self.snapshot.bytes().to_vec().into()
    }
}

/// The header as JSON, with the length of the whole file.
pub(super) fn info_json(info: &SnapshotInfo, file_bytes: usize) -> String {
    // A plain struct of strings and numbers: serializing it can't fail, and an empty object would
    // show in every test.
    let mut json = serde_json::to_value(info).unwrap_or_default();
    if let Some(object) = json.as_object_mut() {
        object.insert("bytes".to_owned(), file_bytes.into());
    }
    json.to_string()
}
