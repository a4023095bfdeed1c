//! The process's cache of built snapshots, in JavaScript's hands.

use napi_derive::napi;

use crate::engine::snapshot::cache;

const MIB: u64 = 1024 * 1024;

/// What the cache holds and does, as JSON.
#[napi]
pub fn snapshot_cache_stats() -> String {
    // A plain struct of numbers: serializing it can't fail, and nothing would show in every test.
    serde_json::to_string(&cache::stats()).unwrap_or_default()
}

/// Forgets the snapshots in memory and the failures.
#[napi]
pub fn clear_snapshot_cache() {
    cache::clear();
}

/// Sets what is given: the limit of the memory, and of each directory, in MiB.
#[napi]
pub fn limit_snapshot_cache(memory_mb: Option<u32>, directory_mb: Option<u32>) {
    let bytes = |mb: Option<u32>| mb.map(|mb| u64::from(mb) * MIB);
    cache::set_limits(bytes(memory_mb), bytes(directory_mb));
}
