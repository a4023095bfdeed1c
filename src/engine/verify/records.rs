//! What the walker of `digest.js` wrote: a record for each object of one session.

use std::borrow::Cow;

/// The records of a session, by the numbers of their objects.
#[derive(Default)]
pub(super) struct Records {
    text: String,
    /// Where each record begins.
    starts: Vec<usize>,
    /// What each symbol is.
    pub(super) symbols: Vec<String>,
}

/// One object.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    /// `function`, `array`, `map`.
    pub(super) kind: &'a str,
    /// Of a function: its text and where that is. Objects that differ in it are not the same object.
    pub(super) what: &'a str,
    /// What can change of it without a property.
    pub(super) state: &'a str,
    lines: &'a str,
}

/// A property, or something else that the object has.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) key: Key<'a>,
    pub(super) attributes: &'a str,
    pub(super) value: Value<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    /// `.name` of a property, `<prototype>` and the like.
    Name(&'a str),
    /// A property whose key is the symbol with this number.
    Symbol(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Value<'a> {
    /// The number of its record.
    Object(usize),
    /// The symbol's number.
    Symbol(usize),
    /// Any other, as text.
    Primitive(&'a str),
}

impl Records {
    /// Takes in what the walker wrote, which begins with a record.
    pub(super) fn push(&mut self, written: &str) {
        let mut at = self.text.len();
        for line in written.split_inclusive('\n') {
            if line.starts_with('=') {
                self.starts.push(at);
            }
            at += line.len();
        }
        self.text.push_str(written);
        self.text.push('\n');
    }

    /// How many objects there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// How many properties, and other things that objects have.
    pub(super) fn entries(&self) -> usize {
        let lines = self.text.bytes().filter(|byte| *byte == b'\n').count();
        lines - self.len()
    }

    pub(super) fn record(&self, number: usize) -> Record<'_> {
        let start = self.starts[number];
        let end = self.starts.get(number + 1).copied().unwrap_or(self.text.len());
        let record = &self.text[start + 1..end];
        let (header, lines) = record.split_once('\n').unwrap_or((record, ""));
        let (kind, header) = header.split_once('\t').unwrap_or((header, ""));
        let (what, state) = header.split_once('\t').unwrap_or((header, ""));
        Record { kind, what, state, lines }
    }
}

impl<'a> Record<'a> {
    /// What the object keeps being, for people to read: of a function its text and place.
    pub(super) fn shown(self) -> Cow<'a, str> {
        match unquoted(self.what) {
            Some((text, place)) => format!("{text}{place}").into(),
            None => self.kind.into(),
        }
    }

    pub(super) fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        self.lines.lines().filter_map(|line| {
            let (key, line) = line.split_once('\t')?;
            let (attributes, value) = line.split_once('\t')?;
            let key = numbered(key, '@').map_or(Key::Name(key), Key::Symbol);
            let value = match (numbered(value, '#'), numbered(value, '@')) {
                (Some(object), _) => Value::Object(object),
                (None, Some(symbol)) => Value::Symbol(symbol),
                (None, None) => Value::Primitive(value),
            };
            Some(Entry { key, attributes, value })
        })
    }
}

/// A function's text as the walker writes it, and then more.
fn unquoted(what: &str) -> Option<(String, &str)> {
    let mut texts = serde_json::Deserializer::from_str(what).into_iter::<String>();
    let text = texts.next()?.ok()?;
    Some((text, &what[texts.byte_offset()..]))
}

fn numbered(text: &str, mark: char) -> Option<usize> {
    text.strip_prefix(mark)?.parse().ok()
}
