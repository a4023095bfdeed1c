//! Two sessions of one snapshot side by side, in lock step: from the same roots along the same edges, an
//! object of one with the object of the other that is at the same place. They differ where two that meet are
//! not alike, where one has what the other has not, and where an object is met that stands for another one
//! already. No object needs a name or a number that both sessions agree on, and nothing depends on the order
//! in which V8 lists what it has.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use serde::Serialize;

use crate::engine::verify::digest::Digest;
use crate::engine::verify::heap::{self, Told};
use crate::engine::verify::records::{Entry, Key, Record, Value};
use crate::engine::verify::weak::WeakEntries;

/// More leaks than this are not listed.
pub(super) const MOST_LEAKS: usize = 100;

/// A value in a message is shown up to this many characters.
const LONGEST_VALUE: usize = 200;

/// A path in a message is shown up to this many bytes from its end.
const LONGEST_PATH: usize = 2000;

/// Something of one session that another one sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// Where, from `globalThis`.
    pub path: String,
    /// What the other session has there, and the untouched one.
    pub detail: String,
}

/// Where `theirs` differs from `ours`.
pub(super) fn differences(ours: &Digest, theirs: &Digest) -> Vec<Leak> {
    let mut comparison = Comparison::new(ours, theirs);
    comparison.roots();
    loop {
        comparison.go_on();
        if !comparison.weak_values() {
            break;
        }
    }
    comparison.weak_keys();
    comparison.found
}

/// What stands for nothing.
const NONE: usize = usize::MAX;

/// One session, and what its objects stand for in the other one.
struct Side<'a> {
    digest: &'a Digest,
    /// By node.
    records: HashMap<usize, usize>,
    /// By node.
    partners: HashMap<usize, usize>,
    /// By number.
    symbols: HashMap<usize, usize>,
}

impl<'a> Side<'a> {
    fn new(digest: &'a Digest) -> Self {
        let records = digest.nodes.iter().enumerate().map(|(record, node)| (*node, record));
        let records = records.filter(|(node, _)| *node != NONE).collect();
        Self { digest, records, partners: HashMap::new(), symbols: HashMap::new() }
    }

    fn record(&self, node: usize) -> Option<Record<'a>> {
        self.records.get(&node).map(|record| self.digest.records.record(*record))
    }

    /// The records with a scope's variables.
    fn scopes(&self, node: usize) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let records = self.digest.scopes.get(&node).map_or(&[][..], Vec::as_slice);
        let digest = self.digest;
        records.iter().map(|record| digest.records.record(*record))
    }

    fn symbol(&self, number: usize) -> &'a str {
        self.digest.records.symbols.get(number).map_or("", String::as_str)
    }

    /// What an object keeps being: two that differ in it are different objects.
    fn what(&self, node: usize) -> Cow<'a, str> {
        match self.record(node) {
            Some(record) => record.shown(),
            None => heap::told(&self.digest.graph, node),
        }
    }

    fn show(&self, value: Value<'a>) -> Cow<'a, str> {
        match value {
            Value::Object(record) => self.digest.records.record(record).shown(),
            Value::Symbol(symbol) => self.symbol(symbol).into(),
            Value::Primitive(text) => text.into(),
        }
    }

    fn show_entry(&self, entry: Entry<'a>) -> String {
        let value = self.show(entry.value);
        if entry.attributes.is_empty() { value.into_owned() } else { format!("{} {value}", entry.attributes) }
    }

    /// A key that both sessions agree on, but for symbols of the same description.
    fn key(&self, key: Key<'a>) -> Cow<'a, str> {
        match key {
            Key::Name(name) if name.starts_with('<') => format!(".{name}").into(),
            Key::Name(name) => name.into(),
            Key::Symbol(symbol) => format!("[{}]", self.symbol(symbol)).into(),
        }
    }
}

/// Two objects at the same place, and the way there.
#[derive(Clone)]
struct Pair<'a> {
    ours: usize,
    theirs: usize,
    from: usize,
    part: Cow<'a, str>,
}

pub(super) struct Comparison<'a> {
    ours: Side<'a>,
    theirs: Side<'a>,
    pairs: Vec<Pair<'a>>,
    /// Reached by properties, which are better to read in a path than the others.
    near: VecDeque<usize>,
    far: VecDeque<usize>,
    weak: Vec<(usize, WeakEntries<'a>)>,
    found: Vec<Leak>,
}

impl<'a> Comparison<'a> {
    fn new(ours: &'a Digest, theirs: &'a Digest) -> Self {
        Self {
            ours: Side::new(ours),
            theirs: Side::new(theirs),
            pairs: Vec::new(),
            near: VecDeque::new(),
            far: VecDeque::new(),
            weak: Vec::new(),
            found: Vec::new(),
        }
    }

    fn roots(&mut self) {
        let (ours, theirs) = (self.ours.digest, self.theirs.digest);
        for (name, record) in &ours.roots {
            let other = theirs.roots.iter().find(|(other, _)| other == name);
            let Some((_, other)) = other else {
                self.report(NONE, name.into(), Some("a root".into()), None);
                continue;
            };
            // What V8 made for the question has no node.
            match (ours.nodes[*record], theirs.nodes[*other]) {
                (NONE, _) | (_, NONE) => {
                    let pair = self.pairs.len();
                    self.pairs.push(Pair { ours: NONE, theirs: NONE, from: NONE, part: name.into() });
                    self.properties(pair, ours.records.record(*record), theirs.records.record(*other));
                }
                (our_node, their_node) => self.meet(NONE, name.into(), (our_node, their_node), true),
            }
        }
        for (name, _) in &theirs.roots {
            if !ours.roots.iter().any(|(other, _)| other == name) {
                self.report(NONE, name.into(), None, Some("a root".into()));
            }
        }
    }

    fn is_full(&self) -> bool {
        self.found.len() >= MOST_LEAKS
    }

    fn go_on(&mut self) {
        while let Some(pair) = self.near.pop_front().or_else(|| self.far.pop_front()) {
            if self.is_full() {
                return;
            }
            self.visit(pair);
        }
    }

    fn path(&self, pair: usize, part: &str) -> String {
        let mut parts = vec![part];
        let mut at = pair;
        while let Some(Pair { from, part, .. }) = self.pairs.get(at) {
            parts.push(part);
            at = *from;
        }
        parts.reverse();
        let path = parts.concat();
        let path = path.strip_prefix('.').map_or(path.clone(), str::to_owned);
        match path.len().checked_sub(LONGEST_PATH) {
            Some(from) if from > 0 => {
                let from = (from..path.len()).find(|at| path.is_char_boundary(*at)).unwrap_or_default();
                format!("…{}", &path[from..])
            }
            _ => path,
        }
    }

    /// `part` of what a pair stands for is not the same.
    fn report(&mut self, pair: usize, part: Cow<'a, str>, ours: Option<Cow<str>>, theirs: Option<Cow<str>>) {
        if self.is_full() {
            return;
        }
        let path = self.path(pair, &part);
        if self.found.iter().any(|leak| leak.path == path) {
            return;
        }
        let show = |value: Option<Cow<str>>| match value {
            Some(value) if value.chars().count() > LONGEST_VALUE => {
                format!("{}…", value.chars().take(LONGEST_VALUE).collect::<String>())
            }
            Some(value) => value.into_owned(),
            None => "nothing".to_owned(),
        };
        self.found.push(Leak { path, detail: format!("{} instead of {}", show(theirs), show(ours)) });
    }

    /// Two nodes are at the same place: do they stand for each other?
    fn meet(&mut self, from: usize, part: Cow<'a, str>, (ours, theirs): (usize, usize), is_near: bool) {
        let known = (self.ours.partners.get(&ours).copied(), self.theirs.partners.get(&theirs).copied());
        if known == (Some(theirs), Some(ours)) {
            return;
        }
        let (our_text, their_text) = (self.ours.what(ours), self.theirs.what(theirs));
        if our_text != their_text {
            self.report(from, part, Some(our_text), Some(their_text));
        } else if known == (None, None) {
            self.ours.partners.insert(ours, theirs);
            self.theirs.partners.insert(theirs, ours);
            let pair = self.pairs.len();
            self.pairs.push(Pair { ours, theirs, from, part });
            if is_near { self.near.push_back(pair) } else { self.far.push_back(pair) }
        } else {
            let text = format!("another {their_text}");
            self.report(from, part, Some(our_text), Some(text.into()));
        }
    }

    fn visit(&mut self, pair: usize) {
        let Pair { ours, theirs, .. } = self.pairs[pair];
        let records = self.ours.record(ours).zip(self.theirs.record(theirs));
        if let Some((our_record, their_record)) = records {
            if our_record.state != their_record.state {
                self.report(pair, "".into(), Some(stated(our_record)), Some(stated(their_record)));
            }
            self.properties(pair, our_record, their_record);
        }
        let state = |side: &Side<'a>, node| side.digest.states.get(&node).map(|state| state.as_str().into());
        let (our_state, their_state) = (state(&self.ours, ours), state(&self.theirs, theirs));
        if our_state != their_state {
            self.report(pair, "".into(), our_state, their_state);
        }
        let scopes: Vec<_> = self.ours.scopes(ours).zip(self.theirs.scopes(theirs)).collect();
        let told = Told { as_object: records.is_some(), as_scope: !scopes.is_empty() };
        for (our_scope, their_scope) in scopes {
            self.properties(pair, our_scope, their_scope);
        }
        self.heap(pair, told);
    }

    /// What the heap snapshot shows of both and the records do not.
    fn heap(&mut self, pair: usize, told: Told) {
        let Pair { ours, theirs, .. } = self.pairs[pair];
        let (our_graph, their_graph) = (&self.ours.digest.graph, &self.theirs.digest.graph);
        let mut others: Vec<_> = heap::edges(their_graph, theirs, told);
        let mut next = 0;
        for (key, edge) in heap::edges(our_graph, ours, told) {
            let step = our_graph.step(ours, edge).map_or_else(|| key.shown(), |(_, step)| step);
            // Most often they are in the same order.
            let at = (next..others.len()).chain(0..next).find(|at| others[*at].0 == key);
            let Some(at) = at else {
                self.report(pair, step.into(), Some(heap::told(our_graph, edge.to)), None);
                continue;
            };
            let (_, other) = others.remove(at);
            next = at;
            if !heap::is_leaf(our_graph, edge.to) && !heap::is_leaf(their_graph, other.to) {
                self.meet(pair, step.into(), (edge.to, other.to), false);
                continue;
            }
            let (ours, theirs) = (heap::told(our_graph, edge.to), heap::told(their_graph, other.to));
            if ours != theirs {
                self.report(pair, step.into(), Some(ours), Some(theirs));
            }
        }
        for (key, other) in others {
            self.report(pair, key.shown().into(), None, Some(heap::told(their_graph, other.to)));
        }
    }

    fn properties(&mut self, pair: usize, ours: Record<'a>, theirs: Record<'a>) {
        let (our_weak, our_entries) = WeakEntries::split(ours.entries());
        let (their_weak, their_entries) = WeakEntries::split(theirs.entries());
        if !our_weak.is_empty() || !their_weak.is_empty() {
            self.weak.push((pair, our_weak.beside(their_weak)));
        }
        let is_parallel = our_entries.len() == their_entries.len()
            && our_entries
                .iter()
                .zip(&their_entries)
                .all(|(ours, theirs)| self.ours.key(ours.key) == self.theirs.key(theirs.key));
        if is_parallel {
            for (ours, theirs) in our_entries.into_iter().zip(their_entries) {
                self.entry(pair, ours, theirs);
            }
            return;
        }
        let mut others: HashMap<_, VecDeque<Entry>> = HashMap::new();
        for entry in &their_entries {
            others.entry(self.theirs.key(entry.key)).or_default().push_back(*entry);
        }
        let mut is_same_set = our_entries.len() == their_entries.len();
        for entry in our_entries {
            let key = self.ours.key(entry.key);
            if let Some(other) = others.get_mut(&key).and_then(VecDeque::pop_front) {
                self.entry(pair, entry, other);
            } else {
                is_same_set = false;
                let ours = self.ours.show_entry(entry);
                self.report(pair, key, Some(ours.into()), None);
            }
        }
        // In their order.
        for entry in their_entries {
            let key = self.theirs.key(entry.key);
            let is_left = others.get(&key).is_some_and(|left| left.iter().any(|left| left.key == entry.key));
            if is_left {
                let theirs = self.theirs.show_entry(entry);
                self.report(pair, key, None, Some(theirs.into()));
            }
        }
        if is_same_set {
            self.report(
                pair,
                "".into(),
                Some("properties as they were added".into()),
                Some("properties in another order".into()),
            );
        }
    }

    fn entry(&mut self, pair: usize, ours: Entry<'a>, theirs: Entry<'a>) {
        let part = self.ours.key(ours.key);
        if let (Key::Symbol(ours), Key::Symbol(theirs)) = (ours.key, theirs.key)
            && !self.meet_symbols(ours, theirs)
        {
            self.report(pair, part.clone(), Some("a symbol".into()), Some("another symbol".into()));
        }
        if ours.attributes != theirs.attributes {
            let (ours, theirs) = (self.ours.show_entry(ours), self.theirs.show_entry(theirs));
            self.report(pair, part.clone(), Some(ours.into()), Some(theirs.into()));
        }
        self.values(pair, part, ours.value, theirs.value);
    }

    fn values(&mut self, pair: usize, part: Cow<'a, str>, ours: Value<'a>, theirs: Value<'a>) {
        match (ours, theirs) {
            (Value::Object(our_record), Value::Object(their_record)) => {
                let nodes = (self.ours.digest.nodes[our_record], self.theirs.digest.nodes[their_record]);
                match nodes {
                    // Found last, when no further heap snapshot was taken.
                    (NONE, _) | (_, NONE) => {}
                    nodes => self.meet(pair, part, nodes, true),
                }
            }
            (Value::Primitive(our_text), Value::Primitive(their_text)) if our_text == their_text => {}
            (Value::Symbol(our_symbol), Value::Symbol(their_symbol))
                if self.meet_symbols(our_symbol, their_symbol) => {}
            _ => {
                let (ours, theirs) = (self.ours.show(ours), self.theirs.show(theirs));
                self.report(pair, part, Some(ours), Some(theirs));
            }
        }
    }

    /// Whether two symbols stand for each other.
    fn meet_symbols(&mut self, ours: usize, theirs: usize) -> bool {
        if self.ours.symbol(ours) != self.theirs.symbol(theirs) {
            return false;
        }
        let partner = *self.ours.symbols.entry(ours).or_insert(theirs);
        let back = *self.theirs.symbols.entry(theirs).or_insert(ours);
        partner == theirs && back == ours
    }

    /// The key of theirs that stands for one of ours; none while nothing else has led to it.
    fn partner(&self, key: Value<'a>) -> Option<Value<'a>> {
        match key {
            Value::Object(record) => {
                let partner = self.ours.partners.get(&self.ours.digest.nodes[record])?;
                self.theirs.records.get(partner).map(|record| Value::Object(*record))
            }
            Value::Symbol(symbol) => self.ours.symbols.get(&symbol).map(|symbol| Value::Symbol(*symbol)),
            Value::Primitive(_) => None,
        }
    }

    /// Goes on to the values of keys that were met by now. Says whether there were any.
    fn weak_values(&mut self) -> bool {
        let mut is_any = false;
        let mut weak = std::mem::take(&mut self.weak);
        for (pair, entries) in &mut weak {
            for (ours, theirs) in entries.met(|key| self.partner(key)) {
                is_any = true;
                if let Some((ours, theirs)) = ours.zip(theirs) {
                    self.values(*pair, ".[[WeakMapValue]]".into(), ours, theirs);
                }
            }
        }
        self.weak.append(&mut weak);
        is_any && !self.is_full()
    }

    /// Keys that only one session has, of those that something else leads to.
    fn weak_keys(&mut self) {
        for (pair, entries) in std::mem::take(&mut self.weak) {
            let mut partners = HashSet::new();
            for key in entries.ours() {
                let Some(partner) = self.partner(key) else { continue };
                partners.insert(partner);
                if !entries.is_theirs(partner) {
                    let ours = self.ours.show(key);
                    self.report(pair, ".[[WeakKey]]".into(), Some(ours), None);
                }
            }
            for key in entries.theirs() {
                let is_met = match key {
                    Value::Object(record) => {
                        self.theirs.partners.contains_key(&self.theirs.digest.nodes[record])
                    }
                    Value::Symbol(symbol) => self.theirs.symbols.contains_key(&symbol),
                    Value::Primitive(_) => false,
                };
                if is_met && !partners.contains(&key) {
                    let theirs = self.theirs.show(key);
                    self.report(pair, ".[[WeakKey]]".into(), None, Some(theirs));
                }
            }
        }
    }
}

/// An object's kind and state.
fn stated(record: Record<'_>) -> Cow<'_, str> {
    let Record { kind, state, .. } = record;
    if state.is_empty() { kind.into() } else { format!("{kind} {state}").into() }
}
