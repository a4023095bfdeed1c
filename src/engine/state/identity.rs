//! Which objects were met, and in which document: the one that is written, or the form of one of its
//! objects.

use std::collections::HashMap;

/// No entry.
const NONE: u32 = u32::MAX;

struct Entry {
    object: v8::Global<v8::Object>,
    /// The number of the document, and the object's in it.
    document: u32,
    index: u32,
    hash: i32,
    /// The entry before with the same hash: V8's are not unique.
    next: u32,
}

/// The objects of a document and its forms.
#[derive(Default)]
pub(super) struct Identity {
    entries: Vec<Entry>,
    last: HashMap<i32, u32>,
    documents: u32,
}

impl Identity {
    /// A number for another document.
    pub(super) fn document(&mut self) -> u32 {
        self.documents += 1;
        self.documents
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The document of an object, and its number there.
    pub(super) fn find(&self, object: v8::Local<v8::Object>, hash: i32) -> Option<(u32, u32)> {
        let mut at = *self.last.get(&hash)?;
        while let Some(entry) = self.entries.get(at as usize) {
            if entry.object == object {
                return Some((entry.document, entry.index));
            }
            at = entry.next;
        }
        None
    }

    pub(super) fn add(
        &mut self,
        object: v8::Global<v8::Object>,
        hash: i32,
        document: u32,
        index: u32,
    ) -> u32 {
        let at = u32::try_from(self.entries.len()).unwrap_or(NONE);
        let next = self.last.insert(hash, at).unwrap_or(NONE);
        self.entries.push(Entry { object, document, index, hash, next });
        at
    }

    pub(super) fn object(&self, at: u32) -> &v8::Global<v8::Object> {
        &self.entries[at as usize].object
    }

    /// Forgets what came after the first `length` objects.
    pub(super) fn truncate(&mut self, length: usize) {
        while self.entries.len() > length {
            let Some(entry) = self.entries.pop() else { return };
            if entry.next == NONE {
                self.last.remove(&entry.hash);
            } else {
                self.last.insert(entry.hash, entry.next);
            }
        }
    }
}
