//! What a document says of itself: how large it is, what it is made of and what is in it, without an isolate.
//!
//! Takes time and memory in proportion to the document; what it tells is bounded.

use serde::Serialize;

use crate::engine::error::Result;
use crate::engine::snapshot::request::hex;
use crate::engine::state::format::{Kind, digest};
use crate::engine::state::limits::StateLimits;
use crate::engine::state::line::Line;
use crate::engine::state::literals::beginning;
use crate::engine::state::path::Key;
use crate::engine::state::preview::Previews;
use crate::engine::state::scan::{Root, Scan, scan};
use crate::engine::state::walk::{Elements, Item, Name, Names, Walk};

/// So many variables, properties and paths are told of.
const MOST_ENTRIES: usize = 1000;
/// The longest preview, in characters.
const LONGEST_PREVIEW: usize = 120;
/// The longest name, in UTF-16 units.
const LONGEST_NAME: usize = 120;
/// The longest path into the code, in characters.
const LONGEST_PATH: usize = 200;

/// What a document says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// The state's SHA-256, in hexadecimal: equal states have equal ones.
    pub hash: String,
    /// The length of the document, in bytes.
    pub bytes: usize,
    /// How many objects it has.
    pub objects: usize,
    /// The variables, in order: at most 1000.
    pub variables: Vec<Entry>,
    /// The own properties of the state, in order: at most 1000.
    pub properties: Vec<Entry>,
    /// The paths of the code that it needs: at most 1000.
    pub code: Vec<String>,
    /// How many more there are of each.
    pub omitted: Omitted,
}

/// What an overview leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Omitted {
    /// Variables.
    pub variables: usize,
    /// Properties of the state.
    pub properties: usize,
    /// Paths of code.
    pub code: usize,
}

/// A variable, or a property of the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its name, of which a long one is cut; for a symbol, how JavaScript would write it.
    pub name: String,
    /// Whether it is a symbol.
    #[serde(rename = "isSymbol")]
    pub is_symbol: bool,
    /// What its value is, as in `Map` or `string`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many bytes of the document it takes, with the objects that are first met through it.
    pub bytes: usize,
    /// Its value in one line.
    pub preview: String,
}

/// Reads what a document says of itself. `state` is the name of the variable whose properties are told.
///
/// # Errors
/// `StateCorrupt` when it is none, cut short or changed; `StateLimit` when it passes one of the limits.
pub fn inspect(bytes: &[u8], limits: &StateLimits, state: &str) -> Result<Overview> {
    let scan = scan(bytes, limits)?;
    let previews = Previews::new(&scan);
    let told = scan.roots.iter().take(MOST_ENTRIES);
    let variables: Vec<Entry> = told.map(|root| variable(&scan, &previews, root)).collect::<Result<_>>()?;
    let root = scan.roots.iter().find(|root| root.name.to_text() == state);
    let (properties, all) = match root {
        Some(root) => Properties::of(&scan, &previews, root)?,
        None => (Vec::new(), 0),
    };
    let code = scan.paths().take(MOST_ENTRIES).map(|path| {
        let mut line = Line::new(LONGEST_PATH);
        line.push_foreign(&path?.shown_within(LONGEST_PATH));
        Ok(line.finish())
    });
    Ok(Overview {
        hash: hex(&digest(bytes)),
        bytes: bytes.len(),
        objects: scan.objects(),
        code: code.collect::<Result<_>>()?,
        omitted: Omitted {
            variables: scan.roots.len() - variables.len(),
            properties: all - properties.len(),
            code: scan.paths.len().saturating_sub(MOST_ENTRIES),
        },
        variables,
        properties,
    })
}

fn variable<'a>(scan: &Scan<'a>, previews: &Previews<'_, 'a>, root: &Root<'a>) -> Result<Entry> {
    let item = Walk::new(scan, root.at).item()?;
    let name = beginning(root.name, LONGEST_NAME);
    let bytes = root.end.at - root.at.at;
    entry(previews, (name, false), item, bytes)
}

fn entry<'a>(
    previews: &Previews<'_, 'a>,
    (name, is_symbol): (String, bool),
    item: Item<'a>,
    bytes: usize,
) -> Result<Entry> {
    let mut line = Line::new(LONGEST_PREVIEW);
    previews.show(&mut line, item)?;
    Ok(Entry { name, is_symbol, kind: previews.type_of(item)?, bytes, preview: line.finish() })
}

/// The objects that a variable's value leads to, shared out among its properties.
struct Properties {
    entries: Vec<Entry>,
    /// How many properties there are.
    count: usize,
    /// For each object of the variable, the property through which it was first met.
    owners: Vec<u32>,
    /// The number of the first of these objects.
    first: usize,
}

/// Of no property that is told of.
const NOBODY: u32 = u32::MAX;

impl Properties {
    /// The properties of a variable's value, and how many it has.
    fn of<'a>(scan: &Scan<'a>, previews: &Previews<'_, 'a>, root: &Root) -> Result<(Vec<Entry>, usize)> {
        let Item::Object(first) = Walk::new(scan, root.at).item()? else { return Ok((Vec::new(), 0)) };
        // An object of another variable takes its room there.
        let objects = if first == root.at.objects { root.end.objects - first } else { 0 };
        let mut all = Self { entries: Vec::new(), count: 0, owners: vec![NOBODY; objects], first };
        all.list(scan, previews)?;
        all.share(scan, root);
        Ok((all.entries, all.count))
    }

    fn list<'a>(&mut self, scan: &Scan<'a>, previews: &Previews<'_, 'a>) -> Result<()> {
        let Some(record) = scan.records.get(self.first) else { return Ok(()) };
        if record.kind == Kind::Hooked {
            return Ok(());
        }
        let mut walk = Walk::new(scan, record.body);
        walk.skip_body(record.kind)?;
        walk.prototype()?;
        let mut elements = Elements::new(&mut walk, record)?;
        loop {
            let (met, at) = (elements.objects(), elements.at());
            let Some((index, item)) = elements.next()? else { break };
            let (met, bytes) = (met..elements.objects(), elements.at() - at);
            self.add(previews, || (index.to_string(), false), (item, met, bytes))?;
        }
        let mut walk = Walk::new(scan, record.values);
        for key in Names::new(scan, record) {
            let key = key?;
            let (met, at) = (walk.objects, walk.cursor.at());
            let item = walk.item()?;
            let (met, bytes) = (met..walk.objects, walk.cursor.at() - at);
            let name = || match &key {
                Name::Known(Key::Text(units), _) => {
                    let units: Vec<u16> = units.iter().take(LONGEST_NAME).copied().collect();
                    (String::from_utf16_lossy(&units), false)
                }
                Name::Known(key, _) => (key.beginning(LONGEST_NAME).shown(), true),
                Name::Code(path, _) => (format!("[{}]", previews.code(*path)), true),
                Name::Field(text) => (text.chars().take(LONGEST_NAME).collect(), false),
            };
            self.add(previews, name, (item, met, bytes))?;
        }
        Ok(())
    }

    fn add<'a>(
        &mut self,
        previews: &Previews<'_, 'a>,
        name: impl FnOnce() -> (String, bool),
        (item, met, bytes): (Item<'a>, std::ops::Range<usize>, usize),
    ) -> Result<()> {
        self.count += 1;
        if self.entries.len() >= MOST_ENTRIES {
            return Ok(());
        }
        let owner = u32::try_from(self.entries.len()).unwrap_or(NOBODY);
        self.entries.push(entry(previews, name(), item, bytes)?);
        self.give(met, owner);
        Ok(())
    }

    fn give(&mut self, objects: std::ops::Range<usize>, owner: u32) {
        for object in objects {
            if let Some(place) = object.checked_sub(self.first).and_then(|at| self.owners.get_mut(at)) {
                *place = owner;
            }
        }
    }

    /// Objects are described nearest first, so whoever an object was met through is known before it.
    fn share(&mut self, scan: &Scan, root: &Root) {
        let last = self.first + self.owners.len();
        for index in self.first + 1..last {
            let owner = self.owners[index - self.first];
            let (Some(record), Some(entry)) = (scan.records.get(index), self.entries.get_mut(owner as usize))
            else {
                continue;
            };
            let next = scan.records.get(index + 1).filter(|_| index + 1 < last);
            // A record begins with its kind, one byte before its body.
            let (end, objects) =
                next.map_or((root.end.at, root.end.objects), |next| (next.body.at - 1, next.body.objects));
            entry.bytes += end - (record.body.at - 1);
            self.give(record.body.objects..objects, owner);
        }
    }
}
