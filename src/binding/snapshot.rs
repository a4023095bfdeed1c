//! A snapshot in JavaScript's hands.

use std::cell::Cell;
use std::sync::Arc;

use napi::bindgen_prelude::{Env, ObjectFinalize, Result, Uint8Array};
use napi_derive::napi;

use super::isolate::isolate_weight;
use super::number;
use crate::engine::handle::smallest_memory_limit_mb;
use crate::engine::pool::Pool;
use crate::engine::snapshot::Snapshot;
use crate::engine::snapshot::container::Inspected;

/// A verified snapshot, and the isolates of it that are held ready.
#[napi(custom_finalize)]
pub struct NativeSnapshot {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) pool: Arc<Pool>,
    /// What Node.js's garbage collector was told that the pool weighs.
    pool_weight: Cell<i64>,
}

impl NativeSnapshot {
    pub(super) fn new(snapshot: Arc<Snapshot>) -> Self {
        let pool = Pool::new(Some(Arc::clone(&snapshot)));
        Self { snapshot, pool, pool_weight: Cell::new(0) }
    }

    /// Tells Node.js's garbage collector what so many isolates weigh, which go with this object.
    pub(super) fn weigh_pool(&self, env: Env, isolates: u32) -> Result<()> {
        let weight = isolate_weight(Some(&self.snapshot)).saturating_mul(i64::from(isolates));
        let before = self.pool_weight.replace(weight);
        env.adjust_external_memory(weight - before).map(drop)
    }
}

impl ObjectFinalize for NativeSnapshot {
    fn finalize(self, env: Env) -> Result<()> {
        env.adjust_external_memory(-self.pool_weight.get()).map(drop)
    }
}

#[napi]
impl NativeSnapshot {
    /// SHA-256 over everything that shapes the heap, in hexadecimal.
    #[napi(getter)]
    pub fn key(&self) -> String {
        self.snapshot.info().key.clone()
    }

    /// The header as JSON, with the lengths of the file.
    #[napi(getter)]
    pub fn info(&self) -> String {
        info_json(self.snapshot.inspected())
    }

    /// What tells it from every other snapshot: a SHA-256 that covers all of its bytes.
    #[napi(getter)]
    pub fn digest(&self) -> String {
        self.snapshot.digest()
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

/// The header as JSON, with the lengths of the file.
pub(super) fn info_json(inspected: &Inspected) -> String {
    // A plain struct of strings and numbers: serializing it can't fail, and an empty object would
    // show in every test.
    let mut json = serde_json::to_value(&inspected.info).unwrap_or_default();
    if let Some(object) = json.as_object_mut() {
        // How it lies in the file and in the context is the engine's affair.
        object.remove("data");
        object.remove("texts");
        object.insert(
            "modules".to_owned(),
            inspected.info.data.modules.iter().map(|module| module.name.as_str()).collect(),
        );
        object.insert("bytes".to_owned(), inspected.bytes.into());
        if let Some(bytes) = inspected.compressed_bytes {
            object.insert("compressedBytes".to_owned(), bytes.into());
        }
    }
    json.to_string()
}
