//! The C library's functions, as V8 calls them: the linker sends these calls through the module, too.

use std::ffi::c_void;
use std::hint::black_box;
use std::ptr;
use std::sync::Arc;
use std::thread;

use super::*;
use crate::engine::inbox::inbox;
use crate::engine::lifecycle::Lifecycle;

const MIB: usize = 1024 * 1024;

fn limit(mb: u64) -> Arc<MemoryLimit> {
    MemoryLimit::new(Lifecycle::new(mb, inbox().0))
}

/// Bytes of large objects, and of what grows.
fn pages(limit: &MemoryLimit) -> (usize, usize) {
    (limit.pages().of(Kind::LargeObject), limit.pages().of(Kind::Growing))
}

/// A block that another thread may free.
struct Block(*mut c_void);

// SAFETY: the C library's blocks belong to no thread.
unsafe impl Send for Block {}

impl Block {
    fn allocate(bytes: usize) -> Self {
        // SAFETY: any size may be asked for.
        let block = unsafe { libc::malloc(bytes) };
        assert!(!block.is_null());
        // The compiler may leave out a block that nobody looks at.
        Self(black_box(block))
    }

    fn resize(&mut self, bytes: usize) {
        // SAFETY: the block is alive, and what it becomes takes its place.
        self.0 = black_box(unsafe { libc::realloc(self.0, bytes) });
        assert!(!self.0.is_null());
    }

    fn usable(&self) -> &'static mut [u8] {
        // SAFETY: the block is alive.
        let bytes = unsafe { libc::malloc_usable_size(self.0) };
        // SAFETY: so many bytes may be used; the tests hold one reference at a time.
        unsafe { std::slice::from_raw_parts_mut(self.0.cast(), bytes) }
    }

    fn free(self) {
        // SAFETY: the block is alive, and nobody uses it afterwards.
        unsafe { libc::free(self.0) };
    }

    fn free_elsewhere(self) {
        thread::spawn(move || self.free()).join().expect("no panic");
    }
}

#[test]
fn a_block_is_charged_until_it_is_freed_on_whatever_thread() {
    let limit = limit(64);
    let charging = Charging::begin(&limit);
    let block = Block::allocate(MIB);
    assert!(limit.native().bytes() >= MIB);
    let other = Block::allocate(100);
    drop(charging);
    block.free_elsewhere();
    assert!((100..MIB).contains(&limit.native().bytes()));
    other.free();
    assert_eq!(limit.native().bytes(), 0);
}

#[test]
fn what_may_be_used_of_a_block_does_not_reach_its_mark() {
    let limit = limit(64);
    let _charging = Charging::begin(&limit);
    for asked in [0, 1, 7, 8, 24, 25, 1000, 4096, MIB] {
        let block = Block::allocate(asked);
        let usable = block.usable();
        assert!(usable.len() >= asked);
        usable.fill(0xff);
        block.free();
        assert_eq!(limit.native().bytes(), 0, "after {asked} bytes");
    }
}

#[test]
fn a_block_that_grows_shrinks_and_moves_keeps_its_account() {
    let limit = limit(64);
    let charging = Charging::begin(&limit);
    let mut block = Block::allocate(10);
    block.usable()[..10].copy_from_slice(b"0123456789");
    for bytes in [100, 10, MIB, 4 * MIB, 50] {
        block.resize(bytes);
        // The C library gives whole pages, once a block was large.
        assert!((bytes..bytes + 2 * 4096).contains(&limit.native().bytes()), "{bytes}");
        assert_eq!(&block.usable()[..10], b"0123456789");
    }
    drop(charging);
    // Nobody is charged for what it becomes here.
    block.resize(MIB);
    assert_eq!(limit.native().bytes(), 0);
    block.free();
}

#[test]
fn zeroed_and_aligned_blocks_are_charged_too() {
    let limit = limit(64);
    let _charging = Charging::begin(&limit);
    // SAFETY: any size may be asked for.
    let zeroed = Block(black_box(unsafe { libc::calloc(1000, 3) }));
    assert!(zeroed.usable()[..3000].iter().all(|byte| *byte == 0));
    let mut place = ptr::null_mut();
    // SAFETY: `place` is one for the result.
    assert_eq!(unsafe { libc::posix_memalign(&raw mut place, 4096, 5000) }, 0);
    assert_eq!(place.addr() % 4096, 0);
    // SAFETY: a power of two, and any size may be asked for.
    let aligned = black_box(unsafe { libc::aligned_alloc(64, 640) });
    assert!(!aligned.is_null() && aligned.addr().is_multiple_of(64));
    assert!(limit.native().bytes() >= 3000 + 5000 + 640);
    for block in [zeroed, Block(place), Block(aligned)] {
        block.free();
    }
    assert_eq!(limit.native().bytes(), 0);
}

#[test]
fn more_than_there_is_comes_to_null_and_changes_nothing() {
    let limit = limit(64);
    let _charging = Charging::begin(&limit);
    let block = Block::allocate(100);
    let before = limit.native().bytes();
    // SAFETY: any size may be asked for; the block stays what it was.
    let moved = black_box(unsafe { libc::realloc(block.0, black_box(usize::MAX / 2)) });
    assert!(moved.is_null());
    // SAFETY: any size may be asked for.
    assert!(black_box(unsafe { libc::calloc(black_box(usize::MAX), 2) }).is_null());
    assert_eq!(limit.native().bytes(), before);
    block.free();
    assert_eq!(limit.native().bytes(), 0);
}

#[test]
fn an_isolates_blocks_are_not_taken_off_the_next_ones_account() {
    let first = limit(64);
    let left = {
        let _charging = Charging::begin(&first);
        Block::allocate(MIB)
    };
    drop(first);
    // One of them has the first one's slot.
    let next: Vec<_> = (0..8).map(|_| limit(64)).collect();
    let blocks: Vec<_> = next
        .iter()
        .map(|limit| {
            let _charging = Charging::begin(limit);
            Block::allocate(2 * MIB)
        })
        .collect();
    left.free();
    assert!(next.iter().all(|limit| limit.native().bytes() >= 2 * MIB));
    blocks.into_iter().for_each(Block::free);
}

#[test]
fn rusts_own_allocations_and_those_of_other_threads_are_nobodys() {
    let limit = limit(64);
    let _charging = Charging::begin(&limit);
    let text = vec![1_u8; MIB];
    let elsewhere = thread::spawn(|| Block::allocate(MIB)).join().expect("no panic");
    assert_eq!(limit.native().bytes(), 0);
    drop(text);
    elsewhere.free();
    assert_eq!(limit.native().bytes(), 0);
}

fn map(bytes: usize, protection: i32) -> *mut c_void {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, wherever there is room.
    unsafe { libc::mmap64(ptr::null_mut(), bytes, protection, flags, -1, 0) }
}

fn unmap(address: *mut c_void, bytes: usize) {
    // SAFETY: part of a mapping of the test that nobody uses.
    assert_eq!(unsafe { libc::munmap(address, bytes) }, 0);
}

fn protect(address: *mut c_void, bytes: usize, protection: i32) -> bool {
    // SAFETY: part of a mapping of the test that nobody uses.
    unsafe { libc::mprotect(address, bytes, protection) == 0 }
}

const WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;

#[test]
fn large_mappings_are_charged_and_cut_and_given_back() {
    let limit = limit(16);
    let _charging = Charging::begin(&limit);
    let large = map(4 * MIB, WRITE);
    assert_eq!(pages(&limit), (4 * MIB, 0));
    unmap(large, MIB);
    // SAFETY: within the mapping.
    let end = unsafe { large.byte_add(3 * MIB) };
    unmap(end, MIB);
    assert_eq!(pages(&limit), (2 * MIB, 0));
    // An ordinary page of the heap is not counted, nor is code.
    let page = map(256 * 1024, WRITE);
    let code = map(2 * MIB, WRITE | libc::PROT_EXEC);
    assert_eq!(pages(&limit), (2 * MIB, 0));
    unmap(page, 256 * 1024);
    unmap(code, 2 * MIB);
    // SAFETY: within the mapping.
    let rest = Block(unsafe { large.byte_add(MIB) });
    thread::spawn(move || {
        let rest = rest;
        unmap(rest.0, 2 * MIB);
    })
    .join()
    .expect("no panic");
    assert_eq!(pages(&limit), (0, 0));
}

#[test]
fn a_mapping_past_the_limit_is_refused_as_the_system_would() {
    let limit = limit(16);
    let _charging = Charging::begin(&limit);
    assert_eq!(map(64 * MIB, WRITE), libc::MAP_FAILED);
    assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::ENOMEM));
    let first = map(16 * MIB, WRITE);
    let second = map(15 * MIB, WRITE);
    assert_ne!(second, libc::MAP_FAILED);
    assert_eq!(map(2 * MIB, WRITE), libc::MAP_FAILED);
    unmap(first, 16 * MIB);
    unmap(second, 15 * MIB);
    assert_eq!(pages(&limit), (0, 0));
}

#[test]
fn address_space_is_charged_as_it_becomes_usable() {
    let limit = limit(16);
    let _charging = Charging::begin(&limit);
    let space = map(1024 * MIB, libc::PROT_NONE);
    assert_eq!(pages(&limit), (0, 0));
    for mb in [1, 4, 4, 8] {
        assert!(protect(space, mb * MIB, WRITE));
        assert_eq!(pages(&limit), (0, mb * MIB));
    }
    assert!(!protect(space, 64 * MIB, WRITE));
    assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::ENOMEM));
    assert_eq!(pages(&limit), (0, 8 * MIB));
    // SAFETY: within the mapping.
    let end = unsafe { space.byte_add(2 * MIB) };
    assert!(protect(end, 6 * MIB, libc::PROT_NONE));
    assert_eq!(pages(&limit), (0, 2 * MIB));
    unmap(space, 1024 * MIB);
    assert_eq!(pages(&limit), (0, 0));
}
