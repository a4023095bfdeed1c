//! The memory limit of one isolate: JavaScript heap and `ArrayBuffer`s together.
//!
//! Four hooks:
//! - *near the heap limit* V8 asks for more: the guest is terminated, and V8 gets a raise so that it
//!   reaches the point where it sees the termination: once as much again, for a table that doubles,
//!   then small ones. Without bound one long builtin would eat gigabytes; when the raises are used up
//!   V8 calls its out-of-memory handler (`limits::fatal`).
//! - *an `ArrayBuffer`* that would pass the limit is refused. V8 then collects garbage and tries
//!   again; when it still fails, the interrupt requested by the refusal terminates the guest.
//! - *after a full collection* heap and buffers are added up;
//! - *every few milliseconds of a long turn* heap and all external memory are added up, for what V8
//!   maps without asking: resizable buffers and WebAssembly memories (`limits::sampler`).
//!
//! Runs on the isolate's thread, except `free`, which V8 also calls from its own threads.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::engine::lifecycle::{Lifecycle, Stop};
use crate::engine::limits::fatal;
use crate::engine::limits::native::{Account, uncharged};
#[cfg(target_os = "linux")]
use crate::engine::limits::native::{Kind, Pages};
use crate::engine::limits::rota::{Place, rota};

/// A raise past the heap limit, after the first one, which is the limit itself.
const LATER_RAISE_BYTES: usize = 16 * 1024 * 1024;
/// All raises together, as a multiple of the limit.
const MOST_RAISED: usize = 2;

type Interrupt = unsafe extern "C" fn(v8::UnsafeRawIsolatePtr, *mut c_void);

/// An isolate at a tick of the sampler.
pub(crate) enum Look {
    /// No turn runs.
    Idle,
    /// The turn that runs was not there at the last look.
    Began,
    GoesOn,
}

/// The limit and what counts against it. Outlives the isolate that it was installed in.
pub(crate) struct MemoryLimit {
    limit: usize,
    buffers: AtomicUsize,
    /// Of those, what has moved to the host: it counts no more, and is freed whenever the host lets go.
    moved_out: AtomicUsize,
    heap: AtomicUsize,
    raised: AtomicUsize,
    /// Off while a snapshot is restored: V8 aborts when a buffer of the blob is refused.
    enforced: AtomicBool,
    /// What was last asked for and refused, in bytes; zero when it was had after all.
    refused: AtomicUsize,
    /// The turn that ran when the sampler last looked.
    sampled_turn: AtomicU64,
    /// Whether the sampler looks at it.
    is_listed: AtomicBool,
    isolate: OnceLock<v8::IsolateHandle>,
    lifecycle: Arc<Lifecycle>,
    native: Account,
    #[cfg(target_os = "linux")]
    pages: Arc<Pages>,
}

impl MemoryLimit {
    pub(crate) fn new(lifecycle: Arc<Lifecycle>) -> Arc<Self> {
        Arc::new(Self {
            limit: lifecycle.memory_limit_bytes(),
            buffers: AtomicUsize::new(0),
            moved_out: AtomicUsize::new(0),
            heap: AtomicUsize::new(0),
            raised: AtomicUsize::new(0),
            enforced: AtomicBool::new(false),
            refused: AtomicUsize::new(0),
            sampled_turn: AtomicU64::new(0),
            is_listed: AtomicBool::new(false),
            isolate: OnceLock::new(),
            lifecycle,
            native: Account::default(),
            #[cfg(target_os = "linux")]
            pages: Arc::default(),
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.limit
    }

    /// Bytes of all living `ArrayBuffer`s.
    pub(crate) fn buffer_bytes(&self) -> usize {
        let moved_out = self.moved_out.load(Ordering::Relaxed);
        self.buffers.load(Ordering::Relaxed).saturating_sub(moved_out)
    }

    /// Counts a buffer that the host moves into the isolate. Refused without a word to the guest when it
    /// does not fit: it is not the guest's doing.
    pub(crate) fn move_in(&self, bytes: usize) -> bool {
        self.count(bytes)
    }

    /// A buffer that came from the host is freed.
    pub(crate) fn free_moved_in(&self, bytes: usize) {
        self.release(bytes);
    }

    /// Counts a buffer no more: its memory belongs to the host now. Freeing it comes later, and must be
    /// followed by `free_moved_out`.
    pub(crate) fn move_out(&self, bytes: usize) {
        self.moved_out.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A buffer that was moved out has been freed, by way of the allocator.
    pub(crate) fn free_moved_out(&self, bytes: usize) {
        self.moved_out.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The allocator for `CreateParams`; it holds a reference to `self` until V8 drops it.
    pub(crate) fn allocator(self: &Arc<Self>) -> v8::UniqueRef<v8::Allocator> {
        let handle = Arc::into_raw(Arc::clone(self));
        // SAFETY: `handle` is a strong reference that `ALLOCATOR.drop` gives back, and the vtable's
        // functions take exactly this type.
        unsafe { v8::new_rust_allocator(handle, &ALLOCATOR) }
    }

    /// Hooks into a new isolate and counts from its present heap on. The isolate must be dropped
    /// before the last reference to `self` is.
    pub(crate) fn enforce(self: &Arc<Self>, isolate: &mut v8::OwnedIsolate) {
        // The cell is filled once, here.
        let _ = self.isolate.set(isolate.thread_safe_handle());
        let data = Arc::as_ptr(self).cast_mut().cast::<c_void>();
        isolate.set_oom_error_handler(fatal::on_out_of_memory);
        isolate.add_near_heap_limit_callback(on_near_heap_limit, data);
        isolate.add_gc_epilogue_callback(on_collected, data, v8::GCType::kGCTypeAll);
        self.heap.store(isolate.get_heap_statistics().used_heap_size(), Ordering::Relaxed);
        self.enforced.store(true, Ordering::Relaxed);
    }

    /// Notes that the sampler looks at it from now on; `false` when it does already.
    pub(crate) fn list(&self) -> bool {
        !self.is_listed.load(Ordering::SeqCst) && !self.is_listed.swap(true, Ordering::SeqCst)
    }

    /// Takes an idle isolate off the sampler's list, unless a turn has begun again.
    pub(crate) fn stays_listed(&self) -> bool {
        self.is_listed.store(false, Ordering::SeqCst);
        // A turn that began before this found itself listed; one that begins later lists itself.
        self.lifecycle.running_turn() != 0 && self.list()
    }

    /// V8 asks the callback that was added last: this one again, whoever came after it.
    pub(crate) fn stay_last(self: &Arc<Self>, isolate: &mut v8::Isolate) {
        let data = Arc::as_ptr(self).cast_mut().cast::<c_void>();
        isolate.remove_near_heap_limit_callback(on_near_heap_limit, 0);
        isolate.add_near_heap_limit_callback(on_near_heap_limit, data);
    }

    /// What the sampler sees.
    pub(crate) fn look(&self) -> Look {
        let turn = self.lifecycle.running_turn();
        match self.sampled_turn.swap(turn, Ordering::Relaxed) {
            _ if turn == 0 => Look::Idle,
            seen if seen == turn => Look::GoesOn,
            _ => Look::Began,
        }
    }

    /// Has the isolate add up its memory, and wait if it is others' turn.
    pub(crate) fn sample(&self) {
        if !self.place().is_parked() {
            self.interrupt(on_sample);
        }
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        self.lifecycle.place()
    }

    fn is_passed(&self, isolate: &mut v8::Isolate) -> bool {
        total_bytes(isolate) > self.limit || self.native.bytes() > self.limit
    }

    fn interrupt(&self, callback: Interrupt) {
        if let Some(isolate) = self.isolate.get() {
            isolate.request_interrupt(callback, ptr::from_ref(self).cast_mut().cast::<c_void>());
        }
    }

    /// Counts bytes if they fit.
    fn count(&self, bytes: usize) -> bool {
        let heap = self.heap.load(Ordering::Relaxed);
        let moved_out = self.moved_out.load(Ordering::Relaxed);
        let counted = self.buffers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |buffers| {
            let buffers = buffers.checked_add(bytes)?;
            let total = buffers.saturating_sub(moved_out).checked_add(heap)?;
            (total <= self.limit || !self.enforced.load(Ordering::Relaxed)).then_some(buffers)
        });
        counted.is_ok()
    }

    fn reserve(&self, bytes: usize) -> bool {
        if self.count(bytes) {
            self.refused.store(0, Ordering::Relaxed);
            return true;
        }
        self.refused.store(bytes, Ordering::Relaxed);
        self.interrupt(on_refused);
        false
    }

    fn release(&self, bytes: usize) {
        self.buffers.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// What V8 has allocated beside heap and buffers.
    #[cfg(target_os = "linux")]
    pub(crate) fn native(&self) -> &Account {
        &self.native
    }

    /// The pages that V8 has mapped for the isolate.
    #[cfg(target_os = "linux")]
    pub(crate) fn pages(&self) -> &Arc<Pages> {
        &self.pages
    }

    /// Past this the thread is parked, though V8 might be done soon: it can't be stopped where it is.
    #[cfg(target_os = "linux")]
    pub(crate) fn most_native_bytes(&self) -> usize {
        self.limit / 2 * 3
    }

    /// V8 wants to map a large object; says whether it may. A table that doubles has to fit once more, so that
    /// the guest is stopped rather than parked.
    #[cfg(target_os = "linux")]
    pub(crate) fn large_object_asked(&self, bytes: usize) -> bool {
        self.pages.take(Kind::LargeObject, bytes, self.limit * 2)
    }

    /// V8 wants to make so many more bytes usable, of a buffer or memory that then has `whole`; says whether
    /// it may. Garbage counts until it is collected, so there is some room past the limit.
    #[cfg(target_os = "linux")]
    pub(crate) fn growth_asked(&self, bytes: usize, whole: usize) -> bool {
        let beside = self.heap.load(Ordering::Relaxed).saturating_add(self.buffer_bytes());
        let fits = self.pages.take(Kind::Growing, bytes, (self.limit / 2 * 3).saturating_sub(beside));
        if !fits {
            // What grows is alive: if all of it is too much, then not because of garbage.
            let refused = if whole > self.limit { whole } else { bytes };
            self.refused.store(refused, Ordering::Relaxed);
            self.interrupt(on_refused);
        }
        fits
    }

    /// V8 is in a place where nothing stops it, and takes too much: its thread ends here.
    pub(crate) fn give_up(&self) -> ! {
        if fatal::process_may_end() {
            crate::engine::snapshot::build::end_out_of_memory();
        }
        self.passed();
        fatal::lose_thread("out of memory", true)
    }

    /// Stops what runs when something was refused and there is no room for it. Also called at the end of a
    /// turn, because V8 runs no interrupt once the guest's code has ended, with the refusal's own error.
    pub(crate) fn judge_refusal(&self, isolate: &mut v8::Isolate) {
        let refused = self.refused.swap(0, Ordering::Relaxed);
        if refused == 0 {
            return;
        }
        // It may have been for garbage only: then the guest saw an error, and goes on.
        isolate.low_memory_notification();
        if total_bytes(isolate).saturating_add(refused) > self.limit {
            self.passed();
        }
    }

    fn passed(&self) {
        self.lifecycle.stop_running(Stop::MemoryLimit);
    }
}

unsafe extern "C" fn on_near_heap_limit(data: *mut c_void, current: usize, _initial: usize) -> usize {
    // SAFETY: `data` is the `MemoryLimit` given to `enforce`, which outlives the isolate.
    let limit = unsafe { &*data.cast::<MemoryLimit>() };
    limit.passed();
    let raised = limit.raised.load(Ordering::Relaxed);
    let raise = match raised {
        0 => limit.limit,
        raised if raised < limit.limit * MOST_RAISED => LATER_RAISE_BYTES,
        // V8 would print what it knows and call its out-of-memory handler.
        _ => limit.give_up(),
    };
    limit.raised.store(raised + raise, Ordering::Relaxed);
    current + raise
}

unsafe extern "C" fn on_collected(
    mut isolate: v8::UnsafeRawIsolatePtr,
    collection: v8::GCType,
    _flags: v8::GCCallbackFlags,
    data: *mut c_void,
) {
    // SAFETY: `data` is the `MemoryLimit` given to `enforce`, which outlives the isolate.
    let limit = unsafe { &*data.cast::<MemoryLimit>() };
    // SAFETY: V8 passes the isolate whose collection ended, on its own thread.
    let isolate = unsafe { v8::Isolate::ref_from_raw_isolate_ptr_mut(&mut isolate) };
    let heap = isolate.get_heap_statistics().used_heap_size();
    limit.heap.store(heap, Ordering::Relaxed);
    let is_full = collection == v8::GCType::kGCTypeMarkSweepCompact;
    if is_full && heap.saturating_add(limit.buffer_bytes()) > limit.limit {
        limit.passed();
    }
}

unsafe extern "C" fn on_refused(mut isolate: v8::UnsafeRawIsolatePtr, data: *mut c_void) {
    // SAFETY: `data` is the `MemoryLimit` of this isolate; interrupts only run while it lives.
    let limit = unsafe { &*data.cast::<MemoryLimit>() };
    // SAFETY: V8 passes the isolate that it interrupts, on its own thread.
    let isolate = unsafe { v8::Isolate::ref_from_raw_isolate_ptr_mut(&mut isolate) };
    limit.judge_refusal(isolate);
}

unsafe extern "C" fn on_sample(mut isolate: v8::UnsafeRawIsolatePtr, data: *mut c_void) {
    // SAFETY: `data` is the `MemoryLimit` of this isolate; interrupts only run while it lives.
    let limit = unsafe { &*data.cast::<MemoryLimit>() };
    // SAFETY: V8 passes the isolate that it interrupts, on its own thread.
    let isolate = unsafe { v8::Isolate::ref_from_raw_isolate_ptr_mut(&mut isolate) };
    if limit.is_passed(isolate) {
        // What counts may be garbage.
        isolate.low_memory_notification();
        if limit.is_passed(isolate) {
            limit.passed();
        }
    }
    rota().wait(limit.place());
}

fn total_bytes(isolate: &mut v8::Isolate) -> usize {
    isolate.get_heap_statistics().used_heap_size().saturating_add(external_bytes(isolate))
}

/// Buffers and WebAssembly memories, living or not yet collected.
pub(crate) fn external_bytes(isolate: &mut v8::Isolate) -> usize {
    // The statistics' own figure of external memory leaves WebAssembly's out; this one does not.
    let external = isolate.adjust_amount_of_external_allocated_memory(0);
    usize::try_from(external).unwrap_or_default()
}

static ALLOCATOR: v8::RustAllocatorVtable<MemoryLimit> = v8::RustAllocatorVtable {
    allocate: allocate_zeroed,
    allocate_uninitialized: allocate,
    free,
    drop: drop_handle,
};

unsafe extern "C" fn allocate_zeroed(limit: &MemoryLimit, bytes: usize) -> *mut c_void {
    if !limit.reserve(bytes) {
        return ptr::null_mut();
    }
    // SAFETY: `calloc` takes any size; at least one byte is asked for, so null means failure.
    let block = uncharged(|| unsafe { libc::calloc(1, bytes.max(1)) });
    if block.is_null() {
        limit.release(bytes);
    }
    block
}

unsafe extern "C" fn allocate(limit: &MemoryLimit, bytes: usize) -> *mut c_void {
    if !limit.reserve(bytes) {
        return ptr::null_mut();
    }
    // SAFETY: `malloc` takes any size; at least one byte is asked for, so null means failure.
    let block = uncharged(|| unsafe { libc::malloc(bytes.max(1)) });
    if block.is_null() {
        limit.release(bytes);
    }
    block
}

unsafe extern "C" fn free(limit: &MemoryLimit, block: *mut c_void, bytes: usize) {
    limit.release(bytes);
    // SAFETY: V8 frees each block once, and it came from `calloc` or `malloc` above.
    unsafe { libc::free(block) };
}

unsafe extern "C" fn drop_handle(limit: *const MemoryLimit) {
    // SAFETY: V8 calls this once, with the pointer that `MemoryLimit::allocator` made from an `Arc`.
    drop(unsafe { Arc::from_raw(limit) });
}
