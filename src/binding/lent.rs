//! Memory of Node.js's that an isolate's thread copies, so that the host's thread need not.
//!
//! `lib/` hands over buffers that nobody else refers to any more. A reference keeps each alive until its
//! copy is made, and a lock keeps its environment from ending meanwhile: after the end of an environment
//! its memory is gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use napi::bindgen_prelude::Uint8Array;

use crate::engine::value::Lent;

type Slot = Mutex<Option<Uint8Array>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one environment has lent.
#[derive(Default, Clone)]
pub(super) struct Lender(Arc<Mutex<Vec<Weak<Slot>>>>);

impl Lender {
    pub(super) fn lend(&self, bytes: Uint8Array) -> Box<dyn Lent> {
        let length = bytes.len();
        let slot = Arc::new(Mutex::new(Some(bytes)));
        let mut lent = lock(&self.0);
        lent.retain(|slot| slot.strong_count() > 0);
        lent.push(Arc::downgrade(&slot));
        Box::new(LentBytes { slot, length })
    }

    /// Takes back what is still lent, on the environment's own thread, before its memory is freed. Waits
    /// for copies that are being made.
    pub(super) fn close(&self) {
        let lent = std::mem::take(&mut *lock(&self.0));
        for slot in lent.iter().filter_map(Weak::upgrade) {
            drop(lock(&slot).take());
        }
    }
}

struct LentBytes {
    slot: Arc<Slot>,
    length: usize,
}

impl Lent for LentBytes {
    fn len(&self) -> usize {
        self.length
    }

    fn copy_to(&self, target: &mut Vec<u8>) -> bool {
        let mut slot = lock(&self.slot);
        let Some(bytes) = slot.as_deref() else { return false };
        target.extend_from_slice(bytes);
        *slot = None;
        true
    }
}
