//! What of V8's heap snapshot says something of a session, and what is V8's own affair.
//!
//! Counted are objects, scopes and their variables, private fields, what promises and bound functions hold.
//! Not counted is what V8 makes as it goes: code, feedback, caches, shapes, hash tables, forms of strings and
//! numbers. Two sessions differ in those and nobody can tell.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use crate::engine::snapshot::build::graph::{Edge, Graph, Kind, Link};

/// A concatenated string is compared up to this many bytes; V8 itself cuts the others of its heap snapshot.
const LONGEST_TEXT: usize = 16 * 1024;

/// What tells an edge from the others of its node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'a> {
    link: u8,
    label: &'a str,
    number: u32,
    /// Among those that are otherwise the same.
    order: u32,
}

impl Key<'_> {
    /// The edge as a part of a path.
    pub(super) fn shown(&self) -> String {
        if self.label.is_empty() { format!("[{}]", self.number) } else { format!(".{}", self.label) }
    }
}

/// What the walker has told of a node already.
#[derive(Clone, Copy)]
pub(super) struct Told {
    /// Its properties and contents.
    pub(super) as_object: bool,
    /// Its variables. Slots without names are the same ones.
    pub(super) as_scope: bool,
}

/// The edges of a node that count, without those that are told already.
pub(super) fn edges(graph: &Graph, node: usize, told: Told) -> Vec<(Key<'_>, &Edge)> {
    let mut orders: HashMap<(u8, &str, u32), u32> = HashMap::new();
    let mut found = Vec::new();
    for edge in graph.edges(node) {
        let label = graph.label(edge);
        if !counts(graph, node, edge, told) {
            continue;
        }
        let (link, number) = match edge.link {
            Link::Property => (0, 0),
            Link::Element => (1, edge_number(graph, edge)),
            Link::Variable => (2, 0),
            Link::Internal => (3, 0),
            Link::Hidden => (4, edge_number(graph, edge)),
            Link::Shortcut => (5, 0),
            Link::Weak => continue,
        };
        let next = orders.entry((link, label, number)).or_default();
        found.push((Key { link, label, number, order: *next }, edge));
        *next += 1;
    }
    found
}

fn edge_number(graph: &Graph, edge: &Edge) -> u32 {
    graph.key(edge).2
}

fn counts(graph: &Graph, node: usize, edge: &Edge, told: Told) -> bool {
    let (label, name) = (graph.label(edge), graph.name(node));
    // What scripts declared is a root of its own, and the global object is the walker's.
    if name.starts_with("system / NativeContext")
        || name.ends_with("[JSGlobalObject]")
        || name.ends_with("[JSGlobalProxy]")
    {
        return false;
    }
    // Entries of weak maps, with addresses in the label, are the walker's.
    if label == "__proto__" || label.contains("part of key") {
        return false;
    }
    let is_told = match edge.link {
        // Private names begin like this, and the walker does not see them.
        Link::Property => told.as_object && !label.starts_with('#'),
        Link::Element => told.as_object,
        Link::Variable => false,
        Link::Hidden if told.as_scope => is_leaf(graph, edge.to),
        _ => told.as_object && matches!(label, "table" | "reactions_or_result") && !is_pending(graph, edge),
    };
    if is_told || matches!(name, "WeakMap" | "WeakSet" | "WeakRef" | "FinalizationRegistry") {
        return false;
    }
    let is_value = is_leaf(graph, edge.to)
        && matches!(edge.link, Link::Property | Link::Element | Link::Variable | Link::Shortcut);
    is_value || graph.step(node, edge).is_some()
}

/// What a pending promise will go on with.
fn is_pending(graph: &Graph, edge: &Edge) -> bool {
    graph.name(edge.to) == "system / PromiseReaction"
}

/// The scopes that a function sees, the innermost first; none for one of V8's own.
pub(super) fn scopes_of(graph: &Graph, function: usize) -> Vec<usize> {
    let mut scopes = Vec::new();
    let is_function = graph.node(function).kind == Kind::Closure;
    let mut next = graph.internal(function, "context").filter(|_| is_function);
    while let Some(scope) = next.filter(|scope| is_scope(graph, *scope)) {
        scopes.push(scope);
        next = graph.internal(scope, "previous");
    }
    scopes
}

/// An object that the walker does not know and that something counts of.
pub(super) struct Unknown {
    pub(super) node: usize,
    /// The scope that holds it; none if another object does, in a private field.
    pub(super) scope: Option<usize>,
}

/// The objects that the walker does not know, the nearest first.
pub(super) fn unknown(graph: &Graph, known: &[usize]) -> Vec<Unknown> {
    let records: HashSet<usize> = known.iter().copied().collect();
    let mut holders = HashMap::new();
    let mut queue: VecDeque<usize> = known.iter().copied().collect();
    let mut unknown = Vec::new();
    while let Some(node) = queue.pop_front() {
        let told = Told { as_object: records.contains(&node), as_scope: false };
        for (_, edge) in edges(graph, node, told) {
            if is_leaf(graph, edge.to) || records.contains(&edge.to) || holders.contains_key(&edge.to) {
                continue;
            }
            holders.insert(edge.to, node);
            queue.push_back(edge.to);
            if graph.node(edge.to).is_object {
                // A variable may be in a cell of its own.
                let holder = if graph.name(node) == CELL { holders.get(&node).copied() } else { Some(node) };
                let scope = holder.filter(|holder| is_scope(graph, *holder));
                unknown.push(Unknown { node: edge.to, scope });
            }
        }
    }
    unknown
}

/// V8's form of a variable that may change.
pub(super) const CELL: &str = "system / ContextCell";

fn is_scope(graph: &Graph, node: usize) -> bool {
    graph.name(node).starts_with("system / Context") && graph.name(node) != CELL
}

/// Whether a node is a primitive.
pub(super) fn is_leaf(graph: &Graph, node: usize) -> bool {
    matches!(graph.node(node).kind, Kind::Number | Kind::String) || is_oddball(graph, node)
}

fn is_oddball(graph: &Graph, node: usize) -> bool {
    let is_named = matches!(graph.name(node), "undefined" | "null" | "true" | "false");
    is_named && graph.node(node).kind == Kind::Internal
}

/// What a node is, as text: a primitive's value, a function's name and place in its source, an object's
/// class.
pub(super) fn told(graph: &Graph, node: usize) -> Cow<'_, str> {
    match graph.node(node).kind {
        Kind::Number => match graph.internal(node, "value") {
            Some(value) => graph.name(value).into(),
            None => graph.name(node).into(),
        },
        Kind::String => format!("{:?}", text(graph, node)).into(),
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
