//! Pages that V8 maps on an isolate's thread: each large object of the heap is a mapping of its own, and a
//! resizable buffer or WebAssembly memory is address space of which ever more is made usable.
//!
//! Both are refused past what the isolate may have, which V8 takes as the system's own refusal. V8 lets the
//! first large object of its young generation be of any size, and a builtin fills a buffer that has just
//! grown before anybody can look at it. Pages are given back on any thread.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{charged, uncharged};
use crate::engine::limits::memory::MemoryLimit;

unsafe extern "C" {
    fn __real_mmap64(
        address: *mut c_void,
        length: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
    fn __real_munmap(address: *mut c_void, length: usize) -> c_int;
    fn __real_mprotect(address: *mut c_void, length: usize, protection: c_int) -> c_int;
}

/// A smaller mapping is one of the heap's ordinary pages, which V8 has a limit for.
const SMALLEST_LARGE_OBJECT: usize = 1024 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Mapped to be written at once.
    LargeObject,
    /// Address space of which the beginning can be used.
    Growing,
}

/// Bytes that an isolate has mapped and not given back.
#[derive(Default)]
pub(crate) struct Pages {
    large_objects: AtomicUsize,
    growing: AtomicUsize,
}

impl Pages {
    fn count(&self, kind: Kind) -> &AtomicUsize {
        match kind {
            Kind::LargeObject => &self.large_objects,
            Kind::Growing => &self.growing,
        }
    }

    /// Adds to what there is of a kind, unless that would be more than `most`; says whether it did.
    pub(crate) fn take(&self, kind: Kind, bytes: usize, most: usize) -> bool {
        let add = |mapped: usize| mapped.checked_add(bytes).filter(|mapped| *mapped <= most);
        self.count(kind).fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    fn give_back(&self, kind: Kind, bytes: usize) {
        self.count(kind).fetch_sub(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn of(&self, kind: Kind) -> usize {
        self.count(kind).load(Ordering::Relaxed)
    }
}

struct Region {
    length: usize,
    /// So much of it is charged, from its beginning.
    charged: usize,
    kind: Kind,
    owner: Arc<Pages>,
}

impl Region {
    fn give_back(&mut self, left: usize) {
        let bytes = self.charged.saturating_sub(left);
        self.charged -= bytes;
        self.owner.give_back(self.kind, bytes);
    }
}

/// By address. Locked for a moment at a time; nothing is mapped or allocated by V8 meanwhile.
static REGIONS: Mutex<BTreeMap<usize, Region>> = Mutex::new(BTreeMap::new());

fn regions() -> MutexGuard<'static, BTreeMap<usize, Region>> {
    REGIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn insert(address: usize, length: usize, kind: Kind, owner: &MemoryLimit) {
    let charged = if kind == Kind::LargeObject { length } else { 0 };
    regions().insert(address, Region { length, charged, kind, owner: Arc::clone(owner.pages()) });
}

/// The region that holds `address`, and where it begins.
fn find(regions: &mut BTreeMap<usize, Region>, address: usize) -> Option<(usize, &mut Region)> {
    let (&start, region) = regions.range_mut(..=address).next_back()?;
    (address - start < region.length).then_some((start, region))
}

/// From `address` on, the region that holds it is out of use.
fn shrink(address: usize) {
    if let Some((start, region)) = find(&mut regions(), address) {
        region.give_back(address - start);
    }
}

/// Takes a piece out of the table: a whole region, its beginning, or its end.
fn remove(address: usize, length: usize) {
    let mut regions = regions();
    let Some((start, region)) = find(&mut regions, address) else { return };
    if start < address {
        // V8 cuts off what it took for the sake of alignment.
        region.give_back(address - start);
        region.length = address - start;
        return;
    }
    let Some(mut region) = regions.remove(&start) else { return };
    let left = region.length.saturating_sub(length);
    if left == 0 {
        region.give_back(0);
        return;
    }
    let charged = region.charged.min(left);
    region.give_back(charged);
    region.length = left;
    regions.insert(start + length, region);
}

/// Charges what becomes usable of a growing region; `false` when that is more than the isolate may have.
fn grow(limit: &MemoryLimit, address: usize, length: usize) -> bool {
    let mut regions = regions();
    let Some((start, region)) = find(&mut regions, address) else { return true };
    let usable = (address - start + length).min(region.length);
    if region.kind != Kind::Growing || usable <= region.charged {
        return true;
    }
    let bytes = usable - region.charged;
    if !limit.growth_asked(bytes, usable) {
        return false;
    }
    region.charged = usable;
    true
}

fn refuse() {
    // SAFETY: the place is the calling thread's own.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: it is valid for writes for as long as the thread lives.
    unsafe { place.write(libc::ENOMEM) };
}

/// Whether it is memory for data. V8's code has a range of its own, which is small.
fn is_writable(protection: c_int) -> bool {
    protection & (libc::PROT_WRITE | libc::PROT_EXEC) == libc::PROT_WRITE
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_mmap64(
    address: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    file: c_int,
    offset: i64,
) -> *mut c_void {
    let limit = charged().filter(|_| file == -1);
    let is_fixed = flags & libc::MAP_FIXED != 0;
    let is_large = is_writable(protection) && !is_fixed && length >= SMALLEST_LARGE_OBJECT;
    if let Some(limit) = limit
        && is_large
        && !uncharged(|| limit.large_object_asked(length))
    {
        refuse();
        return libc::MAP_FAILED;
    }
    // SAFETY: the caller's own request.
    let mapped = unsafe { __real_mmap64(address, length, protection, flags, file, offset) };
    let Some(limit) = limit else { return mapped };
    let has_failed = mapped == libc::MAP_FAILED;
    uncharged(|| match (is_large, is_fixed, protection) {
        (true, ..) if has_failed => limit.pages().give_back(Kind::LargeObject, length),
        _ if has_failed => {}
        (true, ..) => insert(mapped.addr(), length, Kind::LargeObject, limit),
        (_, true, libc::PROT_NONE) => shrink(mapped.addr()),
        (_, false, libc::PROT_NONE) => insert(mapped.addr(), length, Kind::Growing, limit),
        _ => {}
    });
    mapped
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_munmap(address: *mut c_void, length: usize) -> c_int {
    // Before, because another thread may get the same address at once.
    uncharged(|| remove(address.addr(), length));
    // SAFETY: the caller's own mapping.
    unsafe { __real_munmap(address, length) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_mprotect(address: *mut c_void, length: usize, protection: c_int) -> c_int {
    if let Some(limit) = charged() {
        if is_writable(protection) && !uncharged(|| grow(limit, address.addr(), length)) {
            refuse();
            return -1;
        }
        if protection == libc::PROT_NONE {
            uncharged(|| shrink(address.addr()));
        }
    }
    // SAFETY: the caller's own mapping.
    unsafe { __real_mprotect(address, length, protection) }
}
