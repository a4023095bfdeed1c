//! What was used last stays, up to a bound in bytes.

struct Entry<T> {
    key: String,
    bytes: u64,
    value: T,
}

/// Values by key; the least recently used go first when all together pass the limit.
pub(super) struct Lru<T> {
    /// The most recently used last.
    entries: Vec<Entry<T>>,
    bytes: u64,
    limit: u64,
}

impl<T: Clone> Lru<T> {
    pub(super) fn new(limit: u64) -> Self {
        Self { entries: Vec::new(), bytes: 0, limit }
    }

    /// Takes out a copy, and counts as a use.
    pub(super) fn get(&mut self, key: &str) -> Option<T> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        self.entries[at..].rotate_left(1);
        self.entries.last().map(|entry| entry.value.clone())
    }

    /// Keeps a value, in place of the one that has this key. One that is larger than the limit by
    /// itself is not kept, and does not drive out the others.
    pub(super) fn insert(&mut self, key: &str, bytes: u64, value: T) {
        self.remove(key);
        if bytes <= self.limit {
            self.entries.push(Entry { key: key.to_owned(), bytes, value });
            self.bytes += bytes;
            self.shrink();
        }
    }

    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
        self.shrink();
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    fn remove(&mut self, key: &str) {
        if let Some(at) = self.entries.iter().position(|entry| entry.key == key) {
            self.bytes -= self.entries.remove(at).bytes;
        }
    }

    fn shrink(&mut self) {
        while self.bytes > self.limit {
            self.bytes -= self.entries.remove(0).bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lru;

    fn filled(limit: u64) -> Lru<char> {
        let mut lru = Lru::new(limit);
        for (key, value) in [("a", 'A'), ("b", 'B'), ("c", 'C')] {
            lru.insert(key, 10, value);
        }
        lru
    }

    #[test]
    fn the_least_recently_used_goes_first_by_bytes() {
        let mut lru = filled(30);
        assert_eq!(lru.get("a"), Some('A'));
        lru.insert("d", 15, 'D');
        assert_eq!(
            (lru.get("b"), lru.get("c"), lru.get("a"), lru.get("d")),
            (None, None, Some('A'), Some('D'))
        );
        assert_eq!((lru.len(), lru.bytes()), (2, 25));
    }

    #[test]
    fn exactly_the_limit_fits_and_one_byte_more_does_not() {
        assert_eq!(filled(30).len(), 3);
        assert_eq!(filled(29).len(), 2);
    }

    #[test]
    fn what_is_larger_than_the_limit_drives_nothing_out() {
        let mut lru = filled(30);
        lru.insert("huge", 31, 'H');
        assert_eq!((lru.get("huge"), lru.len(), lru.bytes()), (None, 3, 30));
    }

    #[test]
    fn a_key_is_kept_once() {
        let mut lru = filled(30);
        lru.insert("a", 5, 'Z');
        assert_eq!((lru.get("a"), lru.len(), lru.bytes()), (Some('Z'), 3, 25));
    }

    #[test]
    fn a_smaller_limit_holds_at_once() {
        let mut lru = filled(30);
        lru.set_limit(15);
        assert_eq!((lru.get("c"), lru.len(), lru.bytes()), (Some('C'), 1, 10));
        lru.set_limit(0);
        assert_eq!((lru.len(), lru.bytes()), (0, 0));
    }

    #[test]
    fn nothing_is_left_after_clear() {
        let mut lru = filled(30);
        lru.clear();
        assert_eq!((lru.get("a"), lru.len(), lru.bytes(), lru.limit()), (None, 0, 0, 30));
    }
}
