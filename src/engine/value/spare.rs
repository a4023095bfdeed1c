//! Memory of buffers that guests have let go of, kept for the next ones that come from the host.
//!
//! The C library gives large blocks back to the system and takes new ones from it, zeroed, page by page. For a
//! buffer that is written once that takes longer than to write it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::engine::limits::sampler;

/// Smaller blocks the C library keeps itself.
const SMALLEST: usize = 64 * 1024;
/// All that is kept.
const MOST: usize = 64 * 1024 * 1024;
/// A block may be larger than what is asked for by this part of it.
const SLACK: usize = 8;

#[derive(Default)]
struct Spare {
    /// Who came last is taken first: the processor's caches may still know it.
    blocks: Vec<Vec<u8>>,
    bytes: usize,
}

static SPARE: Mutex<Spare> = Mutex::new(Spare { blocks: Vec::new(), bytes: 0 });

fn spare() -> MutexGuard<'static, Spare> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spare {
    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        let fits = |block: &Vec<u8>| (length..=length + length / SLACK).contains(&block.capacity());
        let at = self.blocks.iter().rposition(fits)?;
        let block = self.blocks.remove(at);
        self.bytes -= block.capacity();
        Some(block)
    }

    /// Gives it back if there is no room for it.
    fn keep(&mut self, mut block: Vec<u8>) -> Option<Vec<u8>> {
        if block.capacity() < SMALLEST || self.bytes + block.capacity() > MOST {
            return Some(block);
        }
        block.clear();
        self.bytes += block.capacity();
        self.blocks.push(block);
        None
    }
}

/// An empty vector with room for so many bytes; `None`: there is no memory for it.
pub(super) fn with_capacity(length: usize) -> Option<Vec<u8>> {
    // The host's thread waits for nobody here.
    let kept =
        if length < SMALLEST { None } else { SPARE.try_lock().ok().and_then(|mut spare| spare.take(length)) };
    kept.or_else(|| {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).ok()?;
        Some(bytes)
    })
}

/// Nobody needs it any more.
pub(super) fn keep(block: Vec<u8>) {
    // What there is no room for is freed outside the lock.
    let left = spare().keep(block);
    if left.is_none() {
        sampler::memory_freed();
    }
}

/// Frees all that is kept.
pub(crate) fn give_back() {
    let all = std::mem::take(&mut *spare());
    drop(all);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(capacities: &[usize]) -> Spare {
        let mut spare = Spare::default();
        for capacity in capacities {
            assert!(spare.keep(vec![1; *capacity]).is_none());
        }
        spare
    }

    #[test]
    fn a_block_that_was_kept_is_taken_again_and_empty() {
        let mut spare = with(&[SMALLEST, SMALLEST * 4]);
        let block = spare.take(SMALLEST * 4 - 100).expect("it fits");
        assert_eq!((block.len(), block.capacity()), (0, SMALLEST * 4));
        assert_eq!(spare.bytes, SMALLEST);
        assert!(spare.take(SMALLEST * 4 - 100).is_none());
    }

    #[test]
    fn no_block_is_taken_for_much_less_than_it_has_or_for_more() {
        let mut spare = with(&[SMALLEST * 4]);
        assert!(spare.take(SMALLEST * 3).is_none());
        assert!(spare.take(SMALLEST * 4 + 1).is_none());
    }

    #[test]
    fn what_is_small_or_too_much_is_not_kept() {
        let mut spare = with(&[MOST / 2, MOST / 2]);
        assert!(spare.keep(vec![1; SMALLEST]).is_some());
        spare.take(MOST / 2).expect("it was kept");
        assert!(spare.keep(vec![1; SMALLEST - 1]).is_some());
        assert!(spare.keep(vec![1; SMALLEST]).is_none());
    }
}
