//! Memory of Node.js's that an isolate's thread copies, so that the host's thread need not.
//!
//! `lib/` hands over buffers that nobody else refers to any more. A reference keeps each alive until its
//! copy is made, and a lock keeps its environment from ending meanwhile: after the end of an environment
//! its memory is gone. What was copied is taken back, so that its memory serves again at once, and not
//! when Node.js collects it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::engine::value::Lent;

/// What an environment had lent.
#[napi(object, object_from_js = false)]
pub struct NativeReturned {
    /// The buffers that have been copied, each once: nobody else refers to them.
    pub copied: Vec<Uint8Array>,
    /// How many are still lent.
    pub lent: u32,
}

#[derive(Default)]
enum Slot {
    Lent(Uint8Array),
    Copied(Uint8Array),
    /// Not needed any more, or taken back.
    #[default]
    Empty,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one environment has lent.
#[derive(Default, Clone)]
pub(super) struct Lender(Arc<Mutex<Vec<Arc<Mutex<Slot>>>>>);

impl Lender {
    pub(super) fn lend(&self, bytes: Uint8Array) -> Box<dyn Lent> {
        let length = bytes.len();
        let slot = Arc::new(Mutex::new(Slot::Lent(bytes)));
        lock(&self.0).push(Arc::clone(&slot));
        Box::new(LentBytes { slot, length })
    }

    /// On the environment's own thread.
    pub(super) fn take_back(&self) -> NativeReturned {
        let mut copied = Vec::new();
        let mut slots = lock(&self.0);
        slots.retain(|slot| {
            // It is being copied: that may take a while, and the host's thread does not wait.
            let Ok(mut slot) = slot.try_lock() else { return true };
            match std::mem::take(&mut *slot) {
                Slot::Copied(bytes) => copied.push(bytes),
                still => *slot = still,
            }
            matches!(*slot, Slot::Lent(_))
        });
        NativeReturned { copied, lent: u32::try_from(slots.len()).unwrap_or(u32::MAX) }
    }

    /// Takes all back, on the environment's own thread, before its memory is freed. Waits for copies that
    /// are being made.
    pub(super) fn close(&self) {
        for slot in std::mem::take(&mut *lock(&self.0)) {
            drop(std::mem::take(&mut *lock(&slot)));
        }
    }
}

struct LentBytes {
    slot: Arc<Mutex<Slot>>,
    length: usize,
}

impl Lent for LentBytes {
    fn len(&self) -> usize {
        self.length
    }

    fn copy_to(&self, target: &mut Vec<u8>) -> bool {
        let mut slot = lock(&self.slot);
        match std::mem::take(&mut *slot) {
            Slot::Lent(bytes) => {
                target.extend_from_slice(&bytes);
                *slot = Slot::Copied(bytes);
                true
            }
            other => {
                *slot = other;
                false
            }
        }
    }
}

impl Drop for LentBytes {
    /// Nobody wanted it: Node.js may collect it.
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        if matches!(*slot, Slot::Lent(_)) {
            *slot = Slot::Empty;
        }
    }
}
