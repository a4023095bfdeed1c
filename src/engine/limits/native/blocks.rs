//! The C library's allocator, with an account for each isolate.
//!
//! A block that is charged carries its account at its very end, in eight bytes that nobody asked for. So
//! whoever frees it, on any thread, knows whose it was; a block from elsewhere has no such mark. Accounts
//! live for ever and are used again under another generation, so that a mark never points to nothing.

use std::collections::hash_map::RandomState;
use std::ffi::{c_int, c_void};
use std::hash::BuildHasher;
use std::ptr;
use std::sync::atomic::{AtomicIsize, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::{caches, charged, uncharged};
use crate::engine::limits::memory::MemoryLimit;

unsafe extern "C" {
    fn __real_malloc(size: usize) -> *mut c_void;
    fn __real_calloc(count: usize, size: usize) -> *mut c_void;
    fn __real_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __real_free(block: *mut c_void);
    fn __real_posix_memalign(block: *mut *mut c_void, alignment: usize, size: usize) -> c_int;
    fn __real_aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    fn __real_malloc_usable_size(block: *mut c_void) -> usize;
}

/// A smaller block is never the reason to park a thread: V8 and ICU may hold a lock of the whole process
/// while they allocate one. What grows without a look at V8's interrupts (parsers' zones, builders of text)
/// grows by larger ones.
const SMALLEST_LAST_BLOCK: usize = 8 * 1024;

const SLOTS_IN_CHUNK: usize = 256;
const CHUNKS: usize = 4096;

#[derive(Default)]
struct Slot {
    generation: AtomicU32,
    bytes: AtomicIsize,
}

/// Chunks of slots, made when they are first needed and never freed.
static SLOTS: [OnceLock<Box<[Slot]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];
static FREE: Mutex<Free> = Mutex::new(Free { given_back: Vec::new(), unused: 0 });

struct Free {
    given_back: Vec<u32>,
    unused: u32,
}

impl Free {
    fn take(&mut self) -> Option<u32> {
        if let Some(index) = self.given_back.pop() {
            return Some(index);
        }
        let index = self.unused;
        if (index as usize) >= CHUNKS * SLOTS_IN_CHUNK {
            return None;
        }
        self.unused += 1;
        Some(index)
    }
}

fn slot(index: u32) -> Option<&'static Slot> {
    let index = index as usize;
    SLOTS.get(index / SLOTS_IN_CHUNK)?.get()?.get(index % SLOTS_IN_CHUNK)
}

/// What one isolate has allocated and nobody has freed yet.
pub(crate) struct Account {
    /// None when there are more isolates than slots: then nothing is charged.
    slot: Option<(&'static Slot, Mark)>,
}

impl Default for Account {
    fn default() -> Self {
        let index = FREE.lock().unwrap_or_else(PoisonError::into_inner).take();
        let slot = index.and_then(|index| {
            SLOTS[index as usize / SLOTS_IN_CHUNK]
                .get_or_init(|| (0..SLOTS_IN_CHUNK).map(|_| Slot::default()).collect());
            let slot = slot(index)?;
            slot.bytes.store(0, Ordering::Relaxed);
            Some((slot, Mark { index, generation: slot.generation.load(Ordering::Relaxed) }))
        });
        Self { slot }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some((slot, mark)) = self.slot {
            slot.generation.store((mark.generation + 1) & Mark::GENERATIONS, Ordering::Relaxed);
            FREE.lock().unwrap_or_else(PoisonError::into_inner).given_back.push(mark.index);
        }
    }
}

impl Account {
    pub(crate) fn bytes(&self) -> usize {
        let bytes = self.slot.map_or(0, |(slot, _)| slot.bytes.load(Ordering::Relaxed));
        // Below zero when a block is freed that an earlier isolate of this slot was charged for.
        usize::try_from(bytes).unwrap_or_default()
    }
}

/// Names an account at the end of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    index: u32,
    generation: u32,
}

impl Mark {
    const BYTES: usize = size_of::<u64>();
    /// Twenty bits each for index and generation; the others say that it is a mark at all.
    const GENERATIONS: u32 = 0xf_ffff;
    const SIGN: u64 = 0xa7_3c51;

    fn encode(self, block: *mut c_void) -> u64 {
        let plain = Self::SIGN << 40 | u64::from(self.index) << 20 | u64::from(self.generation);
        plain ^ key(block)
    }

    fn decode(encoded: u64, block: *mut c_void) -> Option<Self> {
        let plain = encoded ^ key(block);
        let part = |shift: u32| u32::try_from(plain >> shift & u64::from(Self::GENERATIONS)).ok();
        if plain >> 40 != Self::SIGN {
            return None;
        }
        Some(Self { index: part(20)?, generation: part(0)? })
    }
}

/// What a block holds by chance, or by a guest's will, is no mark: nobody knows the key.
fn key(block: *mut c_void) -> u64 {
    static SECRET: OnceLock<u64> = OnceLock::new();
    let secret = *SECRET.get_or_init(|| RandomState::new().hash_one("blocks"));
    (block.addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ secret
}

/// Where a block's mark would be, and all that can be used of the block.
fn end_of(block: *mut c_void) -> Option<(*mut u64, usize)> {
    // SAFETY: the caller of the wrapped function passes a living block of the C library's allocator.
    let usable = unsafe { __real_malloc_usable_size(block) };
    let at = usable.checked_sub(Mark::BYTES)?;
    // SAFETY: it lies within the block.
    let end = unsafe { block.byte_add(at) };
    Some((end.cast(), usable))
}

/// The mark of a block, and the number of bytes that were charged.
fn mark_of(block: *mut c_void) -> Option<(&'static Slot, Mark, usize)> {
    let (end, usable) = end_of(block)?;
    // SAFETY: the last bytes of a living block; what they hold is looked at as a number.
    let encoded = unsafe { end.read_unaligned() };
    let mark = Mark::decode(encoded, block)?;
    let slot = slot(mark.index)?;
    (slot.generation.load(Ordering::Relaxed) == mark.generation).then_some((slot, mark, usable))
}

/// Marks a new block, which has room for it, and adds it to the isolate's account.
fn charge(limit: &MemoryLimit, block: *mut c_void) -> *mut c_void {
    if block.is_null() {
        return block;
    }
    let (Some((slot, mark)), Some((end, usable))) = (limit.native().slot, end_of(block)) else {
        return block;
    };
    // SAFETY: the block was allocated with so many bytes more than were asked for.
    unsafe { end.write_unaligned(mark.encode(block)) };
    slot.bytes.fetch_add(usable.cast_signed(), Ordering::Relaxed);
    if usable >= SMALLEST_LAST_BLOCK && limit.native().bytes() > limit.most_native_bytes() {
        uncharge(block);
        // SAFETY: nobody else knows the block yet.
        unsafe { __real_free(block) };
        uncharged(|| limit.give_up());
    }
    block
}

/// Takes a block off the account that its mark names. Whoever gets its memory next must not find the mark.
fn uncharge(block: *mut c_void) {
    if let Some((slot, _, usable)) = mark_of(block)
        && let Some((end, _)) = end_of(block)
    {
        // SAFETY: the last bytes of a living block, which are ours.
        unsafe { end.write_unaligned(0) };
        slot.bytes.fetch_sub(usable.cast_signed(), Ordering::Relaxed);
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_malloc(size: usize) -> *mut c_void {
    let Some(limit) = charged() else {
        // SAFETY: the caller's own request.
        let block = unsafe { __real_malloc(size) };
        caches::allocated(block, size);
        return block;
    };
    // SAFETY: any size may be asked for; more than there is comes to null.
    charge(limit, unsafe { __real_malloc(size.saturating_add(Mark::BYTES)) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_calloc(count: usize, size: usize) -> *mut c_void {
    let Some(limit) = charged() else {
        // SAFETY: the caller's own request.
        return unsafe { __real_calloc(count, size) };
    };
    let bytes = count.saturating_mul(size).saturating_add(Mark::BYTES);
    // SAFETY: any size may be asked for; more than there is comes to null.
    charge(limit, unsafe { __real_calloc(1, bytes) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_realloc(block: *mut c_void, size: usize) -> *mut c_void {
    let marked = (!block.is_null()).then(|| mark_of(block)).flatten();
    let limit = charged();
    let room = if limit.is_some() { Mark::BYTES } else { 0 };
    if !block.is_null() {
        uncharge(block);
    }
    // SAFETY: the caller's own block, and any size may be asked for.
    let moved = unsafe { __real_realloc(block, size.saturating_add(room)) };
    if moved.is_null() && size > 0 {
        // Nothing happened: the block is what it was.
        if let (Some((slot, mark, usable)), Some((end, _))) = (marked, marked.and_then(|_| end_of(block))) {
            // SAFETY: the block is still alive, and had this mark before.
            unsafe { end.write_unaligned(mark.encode(block)) };
            slot.bytes.fetch_add(usable.cast_signed(), Ordering::Relaxed);
        }
        return moved;
    }
    match limit {
        Some(limit) => charge(limit, moved),
        None => moved,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_free(block: *mut c_void) {
    if !block.is_null() {
        caches::freed(block);
        uncharge(block);
    }
    // SAFETY: the caller's own block.
    unsafe { __real_free(block) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_posix_memalign(place: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    let limit = charged();
    let room = if limit.is_some() { Mark::BYTES } else { 0 };
    let mut block = ptr::null_mut();
    // SAFETY: `block` is a place for the result; the other arguments are the caller's.
    let status = unsafe { __real_posix_memalign(&raw mut block, alignment, size.saturating_add(room)) };
    if status == 0 {
        let block = limit.map_or(block, |limit| charge(limit, block));
        // SAFETY: the caller passes a place for the result.
        unsafe { place.write(block) };
    }
    status
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    let Some(limit) = charged() else {
        // SAFETY: the caller's own request.
        return unsafe { __real_aligned_alloc(alignment, size) };
    };
    // C wants a multiple of the alignment.
    let bytes = size.saturating_add(Mark::BYTES).checked_next_multiple_of(alignment).unwrap_or(usize::MAX);
    // SAFETY: any size may be asked for; more than there is comes to null.
    charge(limit, unsafe { __real_aligned_alloc(alignment, bytes) })
}

/// Leaves the mark out: V8 uses all that it is told it may.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_malloc_usable_size(block: *mut c_void) -> usize {
    if block.is_null() {
        return 0;
    }
    match mark_of(block) {
        Some((_, _, usable)) => usable - Mark::BYTES,
        // SAFETY: the caller's own block.
        None => unsafe { __real_malloc_usable_size(block) },
    }
}
