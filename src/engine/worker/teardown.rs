//! How many isolates are torn down at a time.
//!
//! It takes a good part of a millisecond of a processor. Where thousands are disposed of at once, their threads
//! would leave the host's nothing to run on meanwhile.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::threads::processors;

/// Nobody waits longer for its turn, should those who have it never end: V8 may have given up on their threads.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

static UNDER_WAY: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

fn under_way() -> MutexGuard<'static, usize> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While it lives, one of those that are under way is this thread's.
pub(super) struct Teardown(());

impl Teardown {
    /// Waits until there are fewer than processors.
    pub(super) fn begin() -> Self {
        let is_full = |under_way: &mut usize| *under_way >= processors();
        let waited = ENDED.wait_timeout_while(under_way(), LONGEST_WAIT, is_full);
        *waited.unwrap_or_else(PoisonError::into_inner).0 += 1;
        Self(())
    }
}

impl Drop for Teardown {
    fn drop(&mut self) {
        *under_way() -= 1;
        ENDED.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn no_more_than_processors_are_under_way_and_all_get_there() {
        let now = AtomicUsize::new(0);
        let highest = AtomicUsize::new(0);
        let ended = AtomicUsize::new(0);
        thread::scope(|threads| {
            for _ in 0..processors() * 4 {
                threads.spawn(|| {
                    let teardown = Teardown::begin();
                    highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    drop(teardown);
                    ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(ended.into_inner(), processors() * 4);
        assert!((1..=processors()).contains(&highest.into_inner()));
    }
}
