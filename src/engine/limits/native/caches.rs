//! V8's lookup caches, which an idle isolate does not keep in memory as long as they are empty.
//!
//! V8 writes "empty" into each entry of three stub caches, of one for WebAssembly's code and of one for all
//! other code when it makes an isolate: 472 KiB, more than half of what an idle one has beside its heap. Most
//! sessions use few entries, and entries of zeros are as empty: no name and no code is at address zero, a stub
//! cache keeps nothing of an entry whose map is a small integer, and the others fill an entry anew when the
//! position differs (V8 `src/ic/stub-cache.cc`, `AccessorAssembler::TryProbeStubCacheTable`,
//! `WasmCodeLookupCache::GetCacheEntry`). So zeros are written, and when the isolate's thread has had nothing
//! to do for a moment, pages that are all zeros are given back to the system: it hands out zeros when they are
//! next touched. Not before: a session that comes and goes would pay for pages that the next one touches again.
//!
//! Whether a stub cache is laid out as expected is found out from the first one, which V8 empties itself.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::slice;
use std::sync::OnceLock;

unsafe extern "C" {
    #[link_name = "__real__ZN2v88internal9StubCache10InitializeEv"]
    fn real_initialize(cache: *mut c_void);
    #[link_name = "__real__ZN2v88internal9StubCache5ClearEv"]
    fn real_clear(cache: *mut c_void);
    #[link_name = "__real__ZN2v88internal4wasm19WasmCodeLookupCache5FlushEv"]
    fn real_flush(cache: *mut c_void);
    fn __real_malloc_usable_size(block: *mut c_void) -> usize;
}

/// Key, value and map of an entry.
type Entry = [usize; 3];

/// The primary and the secondary table, with which a stub cache begins.
const ENTRIES: usize = 4096 + 1024;
const TABLES_BYTES: usize = ENTRIES * size_of::<Entry>();
/// The account of a charged block is at its end (`blocks`).
const MARK_BYTES: usize = 8;

/// V8's cache of the code at a position, `InnerPointerToCodeCache`: its isolate, and 1024 entries.
const POSITIONS_BYTES: usize = 8 + 1024 * 64;

/// How many caches an isolate has.
const CACHES: usize = 5;

/// A cache, and how long it is.
type Block = (*mut c_void, usize);

const NOTHING: Block = (ptr::null_mut(), 0);

thread_local! {
    /// The caches of this thread's isolate of which no page was given back yet. Neither made nor dropped by
    /// code: the allocator looks at it.
    static CACHED: Cell<[Block; CACHES]> = const { Cell::new([NOTHING; CACHES]) };
    /// The block of `POSITIONS_BYTES` that this thread allocated last and has not freed.
    static POSITIONS: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
}

fn note(block: *mut c_void, bytes: usize) {
    let mut cached = CACHED.get();
    if let Some(free) = cached.iter_mut().find(|cache| cache.0.is_null()) {
        *free = (block, bytes);
        CACHED.set(cached);
    }
}

/// Looks at a block that was just allocated. It is charged to nobody, so an isolate may be in the making.
pub(super) fn allocated(block: *mut c_void, bytes: usize) {
    if bytes == POSITIONS_BYTES {
        POSITIONS.set(block);
    }
}

/// Looks at a block that is about to be freed. V8 frees an isolate's caches on the isolate's thread.
pub(super) fn freed(block: *mut c_void) {
    if POSITIONS.get() == block {
        POSITIONS.set(ptr::null_mut());
    }
    let mut cached = CACHED.get();
    if let Some(cache) = cached.iter_mut().find(|cache| cache.0 == block) {
        *cache = NOTHING;
        CACHED.set(cached);
    }
}

/// Whether `give_zeros_back` has something to look at.
pub(crate) fn has_caches() -> bool {
    CACHED.get().iter().any(|cache| !cache.0.is_null())
}

/// Gives back the pages of this thread's caches that are all zeros. Once for each isolate: what is used later
/// stays, and full collections give back all. Nothing of the isolate may run meanwhile.
pub(crate) fn give_zeros_back() {
    for (block, bytes) in CACHED.replace([NOTHING; CACHES]) {
        if !block.is_null() {
            give_zeros_of(block, bytes);
        }
    }
}

fn give_zeros_of(block: *mut c_void, bytes: usize) {
    let (before, pages) = whole_pages(block, bytes);
    // SAFETY: within the block.
    let first = unsafe { block.byte_add(before) };
    // SAFETY: whole pages of a living block, which its maker has written; nothing of the isolate runs.
    let content = unsafe { slice::from_raw_parts(first.cast::<u8>(), pages) };
    let mut run = 0;
    for (index, page) in content.chunks_exact(page_bytes()).enumerate() {
        if page.iter().all(|byte| *byte == 0) {
            run += page.len();
        } else {
            give_back(block, before + index * page.len() - run, run);
            run = 0;
        }
    }
    give_back(block, before + pages - run, run);
}

/// Whether the first stub cache, which V8 has emptied, looks as it should.
static IS_KNOWN: OnceLock<bool> = OnceLock::new();

/// `v8::internal::StubCache::Initialize()`, which V8 calls for each new isolate.
#[unsafe(export_name = "__wrap__ZN2v88internal9StubCache10InitializeEv")]
unsafe extern "C" fn initialize(cache: *mut c_void) {
    match IS_KNOWN.get() {
        Some(true) => {
            // SAFETY: the tables, of a new cache that nobody uses yet.
            unsafe { ptr::write_bytes(cache.cast::<u8>(), 0, TABLES_BYTES) };
            note(cache, TABLES_BYTES);
            return;
        }
        // SAFETY: the caller's own.
        Some(false) => return unsafe { real_initialize(cache) },
        None => {}
    }
    // SAFETY: the caller's own.
    unsafe { real_initialize(cache) };
    // SAFETY: V8 passes a living block of the allocator's, of its own.
    let block_bytes = unsafe { __real_malloc_usable_size(cache) };
    // SAFETY: so much of the block may be read, and V8 has just written all of it, unless the tables are
    // smaller than they were; nobody writes to it meanwhile.
    let is_known = block_bytes >= TABLES_BYTES
        && looks_empty(unsafe { slice::from_raw_parts(cache.cast::<Entry>(), ENTRIES) });
    // Two threads may have found out the same.
    let _ = IS_KNOWN.set(is_known);
}

/// All entries alike, with a name that is there and a map that is not.
fn looks_empty(entries: &[Entry]) -> bool {
    let [key, _, map] = entries[0];
    key != 0 && map == 0 && entries.iter().all(|entry| *entry == entries[0])
}

/// `v8::internal::StubCache::Clear()`, which V8 calls in full collections, when nobody looks anything up.
#[unsafe(export_name = "__wrap__ZN2v88internal9StubCache5ClearEv")]
unsafe extern "C" fn clear(cache: *mut c_void) {
    if IS_KNOWN.get() != Some(&true) {
        // SAFETY: the caller's own.
        return unsafe { real_clear(cache) };
    }
    let (before, mut pages) = whole_pages(cache, TABLES_BYTES);
    if !give_back(cache, before, pages) {
        pages = 0;
    }
    // SAFETY: within the tables, of which no entry is used any more.
    unsafe { ptr::write_bytes(cache.cast::<u8>(), 0, before) };
    let behind = before + pages;
    // SAFETY: within the tables.
    let rest = unsafe { cache.byte_add(behind) };
    // SAFETY: as above, to the end of the tables.
    unsafe { ptr::write_bytes(rest.cast::<u8>(), 0, TABLES_BYTES - behind) };
}

/// `v8::internal::wasm::WasmCodeLookupCache::Flush()`, called for a new one. V8 calls it otherwise from the
/// file that has it, which the linker leaves as it is.
#[unsafe(export_name = "__wrap__ZN2v88internal4wasm19WasmCodeLookupCache5FlushEv")]
unsafe extern "C" fn flush(cache: *mut c_void) {
    // SAFETY: the caller's own.
    unsafe { real_flush(cache) };
    // SAFETY: V8 passes a living block of the allocator's, which holds nothing else.
    let block_bytes = unsafe { __real_malloc_usable_size(cache) };
    let (before, pages) = whole_pages(cache, block_bytes.saturating_sub(MARK_BYTES));
    // SAFETY: within the block.
    let first = unsafe { cache.byte_add(before) };
    // SAFETY: within the block, of a new cache that nobody uses yet; V8 has just emptied it.
    unsafe { ptr::write_bytes(first.cast::<u8>(), 0, pages) };
    note(cache, before + pages);
    // V8 has made that of positions just before this one, and filled it with zeros.
    let positions = POSITIONS.replace(ptr::null_mut());
    if !positions.is_null() {
        note(positions, POSITIONS_BYTES);
    }
}

/// How many bytes of a block come before its first whole page, and how many are whole pages.
fn whole_pages(block: *mut c_void, bytes: usize) -> (usize, usize) {
    let page = page_bytes();
    let before = block.addr().next_multiple_of(page) - block.addr();
    let pages = bytes.saturating_sub(before) / page * page;
    (before.min(bytes), pages)
}

/// Gives pages back, so that they read as zeros; says whether it did.
fn give_back(block: *mut c_void, before: usize, pages: usize) -> bool {
    if pages == 0 {
        return true;
    }
    // SAFETY: within the block.
    let first = unsafe { block.byte_add(before) };
    // SAFETY: whole pages of anonymous memory that belong to one object, whose content is not wanted.
    let status = unsafe { libc::madvise(first, pages, libc::MADV_DONTNEED) };
    status == 0
}

fn page_bytes() -> usize {
    static PAGE: OnceLock<usize> = OnceLock::new();
    *PAGE.get_or_init(|| {
        // SAFETY: it takes a number and returns one.
        let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(bytes).unwrap_or(4096)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::platform;

    #[test]
    fn v8s_stub_caches_are_laid_out_as_expected() {
        platform::version_tag();
        // The keeper isolate is made after V8 has started.
        assert!(*IS_KNOWN.wait(), "V8's StubCache is another one: look at this file again");
    }

    #[test]
    fn only_whole_pages_within_a_block_are_given_back() {
        let page = page_bytes();
        let at = |address: usize, bytes: usize| whole_pages(ptr::without_provenance_mut(address), bytes);
        assert_eq!(at(page, 3 * page), (0, 3 * page));
        assert_eq!(at(page + 16, 3 * page), (page - 16, 2 * page));
        assert_eq!(at(page + 16, page), (page - 16, 0));
        assert_eq!(at(page + 16, 8), (8, 0));
    }

    #[test]
    fn an_emptied_cache_is_told_from_others() {
        let empty: Entry = [9, 7, 0];
        assert!(looks_empty(&[empty; 4]));
        assert!(!looks_empty(&[empty, [9, 7, 1]]));
        assert!(!looks_empty(&[[9, 0, 7]; 4]));
        assert!(!looks_empty(&[[0, 0, 0]; 4]));
    }
}
