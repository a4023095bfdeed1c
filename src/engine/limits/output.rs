//! Bounds what one encoded value may take.
//!
//! V8's serializer asks Rust's allocator for its buffer and turns a refusal into a `DataCloneError`.
//! A value can be far larger encoded than in the heap (one string referenced a million times), so
//! the refusal has to come from here: the heap limit never sees that buffer.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use crate::engine::limits::native;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The system's allocator, which refuses single allocations above the thread's current bound. What it gives
/// is charged to no isolate (`limits::native`).
struct BoundedAllocator;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

fn allowed(bytes: usize) -> bool {
    LARGEST.try_with(Cell::get).is_ok_and(|largest| bytes <= largest)
}

// SAFETY: every method hands its arguments unchanged to the system's allocator, or returns null,
// which the trait allows.
unsafe impl GlobalAlloc for BoundedAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !allowed(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller upholds `GlobalAlloc::alloc`'s contract for `layout`.
        native::uncharged(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds `GlobalAlloc::dealloc`'s contract; the block came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !allowed(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller upholds `GlobalAlloc::alloc_zeroed`'s contract for `layout`.
        native::uncharged(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if !allowed(new_size) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller upholds `GlobalAlloc::realloc`'s contract; the block came from `System`.
        native::uncharged(|| unsafe { System.realloc(pointer, layout, new_size) })
    }
}

/// Runs `work` while no single Rust allocation of this thread may pass `bytes`.
///
/// Only for work whose large allocations are the serializer's: elsewhere a refusal aborts.
pub(crate) fn with_largest_allocation<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            LARGEST.with(|largest| largest.set(self.0));
        }
    }
    let _restore = Restore(LARGEST.with(|largest| largest.replace(bytes)));
    work()
}

/// Runs `work` without the bound that may be in force: it is not what the bound is for.
pub(crate) fn without_bound<T>(work: impl FnOnce() -> T) -> T {
    with_largest_allocation(usize::MAX, work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_allocation_is_null_and_the_bound_ends_with_the_work() {
        let layout = Layout::from_size_align(1 << 20, 1).expect("a valid layout");
        let refused = with_largest_allocation(1 << 10, || {
            // SAFETY: the layout has a size above zero.
            unsafe { ALLOCATOR.alloc(layout) }
        });
        assert!(refused.is_null());
        assert_eq!(Vec::<u8>::with_capacity(1 << 20).capacity(), 1 << 20);
    }
}
