//! Memory that V8 takes from the system beside its heap: what its parsers, compilers, serializers and ICU
//! allocate, and pages that it maps. V8 asks nobody for it, and no limit of its own covers it.
//!
//! On Linux the linker sends every call of the C library's allocator that is linked into the addon through
//! functions of ours (`build.rs`, `--wrap`), and those of `mmap`, `munmap` and `mprotect` as well. What the
//! thread of an isolate takes is charged to the isolate and given back by whoever frees it:
//! - `blocks`: `malloc` and its relatives. Past the isolate's share the thread is parked, as when V8 gives up;
//! - `pages`: large heap objects, resizable buffers, WebAssembly memories. Past the limit they are refused;
//! - `caches`: what V8 has written only to say that nothing is there is given back by idle isolates;
//! - `ends`: where V8 or a library would end the process, the isolate's thread is parked instead.
//!
//! What V8's helper threads take is charged to nobody. Rust's own allocations aren't either: all that grow
//! with a guest's values have bounds of their own. On other systems nothing here is in force.

#[cfg(target_os = "linux")]
mod blocks;
#[cfg(target_os = "linux")]
mod caches;
#[cfg(target_os = "linux")]
mod ends;
#[cfg(target_os = "linux")]
mod pages;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;

use crate::engine::limits::memory::MemoryLimit;

#[cfg(target_os = "linux")]
pub(crate) use blocks::Account;
#[cfg(target_os = "linux")]
pub(crate) use caches::{give_zeros_back, has_caches};
#[cfg(target_os = "linux")]
pub(crate) use pages::{Kind, Pages};

/// What an isolate has allocated; not known on this system.
#[cfg(not(target_os = "linux"))]
#[derive(Default)]
pub(crate) struct Account;

#[cfg(not(target_os = "linux"))]
impl Account {
    pub(crate) fn bytes(&self) -> usize {
        0
    }
}

/// Nothing is known of V8's caches on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn has_caches() -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn give_zeros_back() {}

thread_local! {
    /// Whom this thread's allocations are charged to. Neither made nor dropped by code, so that an
    /// allocator may look at it at any time.
    static CHARGED: Cell<*const MemoryLimit> = const { Cell::new(ptr::null()) };
}

/// Has this thread's allocations charged to another one, or to nobody. Says to whom they were before.
///
/// The compiler takes `malloc` and its relatives for what they are in C, functions that look at no variable
/// of ours, and does not know that the linker sends their calls to ones that do. It would leave out an
/// ordinary write before such a call that is taken back after it.
fn charge_to(limit: *const MemoryLimit) -> *const MemoryLimit {
    CHARGED.with(|charged| {
        let before = charged.replace(limit);
        // SAFETY: the cell is this thread's own, and no reference to its content exists.
        unsafe { charged.as_ptr().write_volatile(limit) };
        before
    })
}

/// While it lives, what its thread takes is charged to an isolate.
pub(crate) struct Charging {
    _limit: Arc<MemoryLimit>,
}

impl Charging {
    /// Charges the calling thread's allocations to `limit` from now on.
    pub(crate) fn begin(limit: &Arc<MemoryLimit>) -> Self {
        charge_to(Arc::as_ptr(limit));
        Self { _limit: Arc::clone(limit) }
    }
}

impl Drop for Charging {
    fn drop(&mut self) {
        charge_to(ptr::null());
    }
}

/// Does something on this thread that is charged to nobody.
pub(crate) fn uncharged<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(*const MemoryLimit);
    impl Drop for Restore {
        fn drop(&mut self) {
            charge_to(self.0);
        }
    }
    let _restore = Restore(charge_to(ptr::null()));
    work()
}

/// The isolate that this thread's allocations are charged to.
#[cfg(target_os = "linux")]
fn charged() -> Option<&'static MemoryLimit> {
    let limit = CHARGED.get();
    // SAFETY: `Charging` sets it to what it holds a reference to, and takes it back before it lets go of
    // that; it never leaves its thread, and the reference is used on this thread only.
    unsafe { limit.as_ref() }
}
