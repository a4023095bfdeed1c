//! Two sessions side by side: where they differ.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::Serialize;

use crate::engine::error::{EngineError, Result};
use crate::engine::snapshot::build::graph::{Edge, Graph, Kind, Link};
use crate::engine::verify::digest::{Digest, Heap};

/// More leaks than this are not listed.
pub(super) const MOST_LEAKS: usize = 100;

/// A value in a message is shown up to this many characters.
const LONGEST_VALUE: usize = 200;

/// A concatenated string is compared up to this many bytes; V8 itself cuts the others of its heap snapshot.
const LONGEST_TEXT: usize = 16 * 1024;

/// Something of one session that another one sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// Where, from `globalThis`.
    pub path: String,
    /// What the untouched session has there, and the other one.
    pub detail: String,
}

impl Leak {
    fn new(path: String, ours: Option<&str>, theirs: Option<&str>) -> Self {
        let show = |value: Option<&str>| match value {
            Some(value) if value.chars().count() > LONGEST_VALUE => {
                format!("{}…", value.chars().take(LONGEST_VALUE).collect::<String>())
            }
            Some(value) => value.to_owned(),
            None => "nothing".to_owned(),
        };
        Self { path, detail: format!("{} instead of {}", show(theirs), show(ours)) }
    }
}

/// Where `other` differs from `reference`, first by properties, then by what holds the objects.
///
/// # Errors
/// When V8 could not list one of the heaps.
pub(super) fn differences(reference: &Digest, other: &Digest) -> Result<Vec<Leak>> {
    let mut leaks = lines(&reference.lines, &other.lines);
    let heaps = reference.heap.as_ref().zip(other.heap.as_ref());
    let (ours, theirs) = heaps.ok_or_else(|| EngineError::build("V8 could not list a session's heap"))?;
    for leak in self::heaps(ours, theirs) {
        if !leaks.iter().any(|known| known.path == leak.path) {
            leaks.push(leak);
        }
    }
    leaks.truncate(MOST_LEAKS);
    Ok(leaks)
}

fn lines(reference: &str, other: &str) -> Vec<Leak> {
    if reference == other {
        return Vec::new();
    }
    let (reference, other) = (parse(reference), parse(other));
    let paths: BTreeSet<&&str> = reference.keys().chain(other.keys()).collect();
    let differ = paths.into_iter().filter_map(|path| {
        let (ours, theirs) = (reference.get(path), other.get(path));
        (ours != theirs)
            .then(|| Leak::new((*path).to_owned(), ours.map(String::as_str), theirs.map(String::as_str)))
    });
    differ.take(MOST_LEAKS).collect()
}

/// Lines by their paths. Objects go by number in them, in the order in which they were met: one more, and
/// all that come later have others. So each number becomes the path where its object was met first.
fn parse(lines: &str) -> BTreeMap<&str, String> {
    let pairs = || lines.lines().filter_map(|line| line.split_once('\t'));
    let number = |word: &str| word.strip_prefix('#').and_then(|number| number.parse::<u64>().ok());
    let mut met: HashMap<u64, &str> = HashMap::new();
    let mut parsed = BTreeMap::new();
    for (path, what) in pairs() {
        if let Some((first, rest)) = what.split_once(' ')
            && let Some(number) = number(first)
            && is_object(rest)
        {
            met.insert(number, path);
        }
    }
    for (path, what) in pairs() {
        let is_own = |word: &str| number(word).is_some_and(|number| met.get(&number) == Some(&path));
        let words = what.split(' ').filter(|word| !is_own(word)).map(|word| {
            let place = number(word).and_then(|number| met.get(&number));
            place.map_or(Cow::Borrowed(word), |place| Cow::Owned(format!("<{place}>")))
        });
        let what = words.collect::<Vec<_>>().join(" ");
        parsed
            .entry(path)
            .and_modify(|known: &mut String| *known = format!("{known} {what}"))
            .or_insert(what);
    }
    parsed
}

/// Whether a line's words after a number are an object's own, and not another reference.
fn is_object(words: &str) -> bool {
    words.starts_with(|letter: char| letter.is_ascii_lowercase()) && !words.starts_with("set ")
}

/// A difference before it has a path: the node of ours that it is at, and the edge from there.
struct Difference<'a> {
    root: usize,
    node: usize,
    edge: Option<&'a Edge>,
    /// For an edge that only the other heap has.
    label: String,
    ours: Option<String>,
    theirs: Option<String>,
}

fn heaps(ours: &Heap, theirs: &Heap) -> Vec<Leak> {
    let mut found = Vec::new();
    let mut pairs = Pairs::default();
    for (root, (name, node)) in ours.roots.iter().enumerate() {
        let Some((_, other)) = theirs.roots.iter().find(|(other, _)| other == name) else {
            found.push(Difference {
                root,
                node: *node,
                edge: None,
                label: String::new(),
                ours: Some("a module".to_owned()),
                theirs: None,
            });
            continue;
        };
        pairs.root = root;
        pairs.meet(*node, *other);
        while let Some((root, our_node, their_node)) = pairs.waiting.pop_front() {
            pairs.root = root;
            compare_nodes(&mut pairs, (&ours.graph, our_node), (&theirs.graph, their_node), &mut found);
            if found.len() > MOST_LEAKS {
                break;
            }
        }
    }
    let mut ways = HashMap::new();
    let leaks = found.into_iter().map(|difference| {
        let (name, node) = &ours.roots[difference.root];
        let ways = ways.entry(difference.root).or_insert_with(|| ours.graph.ways_from(*node));
        let path = match difference.edge {
            Some(edge) => ways.path_along(difference.node, edge),
            None => ways.path(difference.node),
        };
        let path = if path == "globalThis" { name.clone() } else { format!("{name}.{path}") };
        let path = path + &difference.label;
        Leak::new(path, difference.ours.as_deref(), difference.theirs.as_deref())
    });
    leaks.collect()
}

/// Which node of theirs stands where a node of ours does.
#[derive(Default)]
struct Pairs {
    root: usize,
    partner: HashMap<usize, usize>,
    waiting: VecDeque<(usize, usize, usize)>,
}

impl Pairs {
    /// `false`: the node of ours stands for another one of theirs already.
    fn meet(&mut self, ours: usize, theirs: usize) -> bool {
        if let Some(known) = self.partner.get(&ours) {
            return *known == theirs;
        }
        self.partner.insert(ours, theirs);
        self.waiting.push_back((self.root, ours, theirs));
        true
    }
}

type Place<'a> = (&'a Graph, usize);

fn compare_nodes<'a>(
    pairs: &mut Pairs,
    (ours, our_node): Place<'a>,
    (theirs, their_node): Place,
    found: &mut Vec<Difference<'a>>,
) {
    let mut their_edges: BTreeMap<Key, usize> = BTreeMap::new();
    for (key, edge) in keyed(theirs, their_node) {
        their_edges.insert(key, edge.to);
    }
    for (key, edge) in keyed(ours, our_node) {
        let other = their_edges.remove(&key);
        let our_text = told(ours, edge.to);
        let their_text = other.map(|other| told(theirs, other));
        let is_same = their_text.as_ref() == Some(&our_text);
        let is_met = match other {
            Some(other) if is_same && !is_leaf(ours, edge.to) => pairs.meet(edge.to, other),
            _ => is_same,
        };
        if !is_met {
            let theirs = if is_same { Some("another object".into()) } else { their_text };
            found.push(Difference {
                root: pairs.root,
                node: our_node,
                edge: Some(edge),
                label: String::new(),
                ours: Some(our_text.into_owned()),
                theirs: theirs.map(Cow::into_owned),
            });
        }
    }
    for (key, other) in their_edges {
        found.push(Difference {
            root: pairs.root,
            node: our_node,
            edge: None,
            label: key.shown(),
            ours: None,
            theirs: Some(told(theirs, other).into_owned()),
        });
    }
}

/// What tells an edge from the others of its node.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    link: u8,
    label: String,
    number: u32,
    /// Among those that are otherwise the same: getter and setter of a symbol, values in weak maps.
    order: u32,
}

impl Key {
    fn shown(&self) -> String {
        if self.label.is_empty() { format!("[{}]", self.number) } else { format!(".{}", self.label) }
    }
}

/// The edges that say something of the session. Not prototypes, which the walk over properties looks at,
/// nor what V8 notes for itself. Values in a `WeakMap` come as edges of their keys, with addresses in the
/// label.
fn keyed(graph: &Graph, node: usize) -> impl Iterator<Item = (Key, &Edge)> {
    let mut orders: HashMap<(u8, &str, u32), u32> = HashMap::new();
    let is_weak = matches!(graph.name(node), "WeakMap" | "WeakSet" | "WeakRef");
    let told = graph.edges(node).filter_map(move |edge| {
        let label = graph.label(edge);
        let is_note = label == "<symbol>" && graph.node(edge.to).kind == Kind::Number;
        if is_weak || label == "__proto__" || is_note {
            return None;
        }
        if label.contains("part of key") {
            // The table has one, too.
            if graph.node(node).kind == Kind::Internal {
                return None;
            }
            return Some((edge, link_number(edge.link), "[[WeakMapValue]]", 0));
        }
        let is_value = is_leaf(graph, edge.to) && is_of_the_user(edge.link);
        if !is_value && graph.step(node, edge).is_none() {
            return None;
        }
        let (link, label, number) = graph.key(edge);
        Some((edge, link_number(link), label, number))
    });
    told.map(move |(edge, link, label, number)| {
        let next = orders.entry((link, label, number)).or_default();
        let order = *next;
        *next += 1;
        (Key { link, label: label.to_owned(), number, order }, edge)
    })
}

fn is_of_the_user(link: Link) -> bool {
    matches!(link, Link::Property | Link::Element | Link::Variable | Link::Shortcut)
}

fn link_number(link: Link) -> u8 {
    match link {
        Link::Property => 0,
        Link::Element => 1,
        Link::Variable => 2,
        Link::Internal => 3,
        Link::Hidden => 4,
        Link::Shortcut => 5,
        Link::Weak => 6,
    }
}

/// Whether a node is a primitive.
fn is_leaf(graph: &Graph, node: usize) -> bool {
    matches!(graph.node(node).kind, Kind::Number | Kind::String) || is_oddball(graph, node)
}

fn is_oddball(graph: &Graph, node: usize) -> bool {
    let is_named = matches!(graph.name(node), "undefined" | "null" | "true" | "false");
    is_named && graph.node(node).kind == Kind::Internal
}

/// What a node is, as text: a primitive's value, a function's name and place in its source, an object's
/// class.
fn told(graph: &Graph, node: usize) -> Cow<'_, str> {
    match graph.node(node).kind {
        Kind::Number => match graph.internal(node, "value") {
            Some(value) => graph.name(value).into(),
            None => graph.name(node).into(),
        },
        Kind::String => text(graph, node).into(),
        Kind::Closure => match graph.location(node) {
            Some((script, line, column)) => {
                format!("function {} ({script}:{line}:{column})", graph.name(node)).into()
            }
            None => format!("function {}", graph.name(node)).into(),
        },
        Kind::Object | Kind::Internal => without_number(graph.name(node)).into(),
    }
}

/// V8 numbers scopes and shapes as it meets them: `system / Context / scope @7937`.
fn without_number(name: &str) -> &str {
    match name.rsplit_once(" @") {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

/// A concatenated string is in its parts.
fn text(graph: &Graph, node: usize) -> String {
    let mut text = String::new();
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        match (graph.internal(node, "first"), graph.internal(node, "second")) {
            (Some(first), Some(second)) => waiting.extend([second, first]),
            _ => text.push_str(graph.name(node)),
        }
        if text.len() > LONGEST_TEXT {
            break;
        }
    }
    text
}
