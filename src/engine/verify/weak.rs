//! Entries of what holds its keys weakly. They have no order, and one whose key nothing else leads to is
//! nobody's: so a value counts once its key was met elsewhere.

use std::collections::HashMap;

use crate::engine::verify::records::{Entry, Key, Value};

/// The entries of two weak collections that stand for each other.
#[derive(Default)]
pub(super) struct WeakEntries<'a> {
    ours: HashMap<Value<'a>, Option<Value<'a>>>,
    theirs: HashMap<Value<'a>, Option<Value<'a>>>,
    /// Keys of ours whose values were not compared.
    waiting: Vec<Value<'a>>,
}

/// What the walker calls them.
const KEY: &str = "<weak ";
const VALUE: &str = "<weak value ";

impl<'a> WeakEntries<'a> {
    /// Takes what is held weakly out of an object's entries.
    pub(super) fn split(entries: impl Iterator<Item = Entry<'a>>) -> (Self, Vec<Entry<'a>>) {
        let mut weak = Self::default();
        let mut others = Vec::new();
        for entry in entries {
            match entry.key {
                // A value comes after its key.
                Key::Name(name) if name.starts_with(VALUE) => {
                    if let Some(key) = weak.waiting.last() {
                        weak.ours.insert(*key, Some(entry.value));
                    }
                }
                Key::Name(name) if name.starts_with(KEY) => {
                    weak.ours.insert(entry.value, None);
                    weak.waiting.push(entry.value);
                }
                _ => others.push(entry),
            }
        }
        (weak, others)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ours.is_empty()
    }

    /// With those of the other session.
    pub(super) fn beside(self, theirs: Self) -> Self {
        Self { theirs: theirs.ours, ..self }
    }

    /// The values of both for each key that has got a partner since the last time.
    pub(super) fn met(
        &mut self,
        partner: impl Fn(Value<'a>) -> Option<Value<'a>>,
    ) -> Vec<(Option<Value<'a>>, Option<Value<'a>>)> {
        let mut met = Vec::new();
        let Self { ours, theirs, waiting } = self;
        waiting.retain(|key| {
            let Some(partner) = partner(*key) else { return true };
            if let Some(value) = theirs.get(&partner) {
                met.push((ours[key], *value));
            }
            false
        });
        met
    }

    pub(super) fn ours(&self) -> impl Iterator<Item = Value<'a>> {
        self.ours.keys().copied()
    }

    pub(super) fn theirs(&self) -> impl Iterator<Item = Value<'a>> {
        self.theirs.keys().copied()
    }

    pub(super) fn is_theirs(&self, key: Value<'a>) -> bool {
        self.theirs.contains_key(&key)
    }
}
