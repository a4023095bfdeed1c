//! Values of the build's surroundings that a heap has captured: the time, a random number, the time
//! zone. Two heaps of the same sources, built in different surroundings, are compared.

use std::collections::{HashMap, HashSet, VecDeque};

use serde::Deserialize;

use crate::engine::error::Finding;
use crate::engine::snapshot::build::graph::{Edge, Graph, Kind, Link};

/// More warnings than this help nobody.
const MOST_FINDINGS: usize = 20;
/// A value in a message is shown up to this many characters.
const LONGEST_VALUE: usize = 60;

/// One time that a source asked for the clock or for a random number.
#[derive(Debug, Deserialize)]
pub(super) struct Read {
    kind: Source,
    /// What it was told, as text.
    value: String,
    source: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Clock,
    Random,
    /// The time zone: nobody records who asks for it.
    Environment,
}

/// A heap and its global object.
#[derive(Clone, Copy)]
pub(super) struct Heap<'a> {
    pub(super) graph: &'a Graph,
    pub(super) global: usize,
}

struct Difference {
    path: String,
    rehearsed: String,
    kept: String,
}

/// What the kept heap holds of its surroundings.
pub(super) fn captured(rehearsed: Heap, kept: Heap, reads: &[Read]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for difference in differences(rehearsed, kept) {
        let (source, position) = origin(&difference, reads);
        let (rule, what, hint) = match source {
            Source::Clock => (
                "clock-value",
                "the time of the build",
                "read the clock in each session: in a function, not at the top level",
            ),
            Source::Random => (
                "random-value",
                "a random number of the build",
                "make it in each session: in a function, not at the top level",
            ),
            Source::Environment => (
                "environment-value",
                "the time zone of the build",
                "ask for it in each session: in a function, not at the top level",
            ),
        };
        let Difference { path, kept, .. } = difference;
        let kept: String = kept.chars().take(LONGEST_VALUE).collect();
        let message = format!("{path} holds {what}, and every session will see the same: {kept}");
        findings.push(Finding {
            rule: rule.to_owned(),
            path,
            source: position,
            message,
            hint: hint.to_owned(),
        });
        if findings.len() == MOST_FINDINGS {
            break;
        }
    }
    findings
}

/// Which of the surroundings a difference comes from, and who asked for it.
fn origin(difference: &Difference, reads: &[Read]) -> (Source, Option<String>) {
    let said =
        |read: &&Read| difference.rehearsed == read.value || difference.rehearsed.contains(&read.value);
    if let Some(read) = reads.iter().find(said) {
        return (read.kind, read.source.clone());
    }
    // Something made of it. What was never asked for it can't be made of.
    let first = |kind| reads.iter().find(|read| read.kind == kind);
    match (first(Source::Clock), first(Source::Random)) {
        (Some(read), None) | (None, Some(read)) => (read.kind, read.source.clone()),
        // Text of a number in another base, or a part of it, is most often an identifier.
        (Some(clock), Some(random)) => {
            let read =
                if difference.kept.parse::<f64>().is_ok_and(|value| value > 1e9) { clock } else { random };
            (read.kind, read.source.clone())
        }
        (None, None) => (Source::Environment, None),
    }
}

/// The strings, numbers and names of properties that differ, each where it is reached first.
fn differences(rehearsed: Heap, kept: Heap) -> Vec<Difference> {
    let ways = kept.graph.ways_from(kept.global);
    let mut found = Vec::new();
    let mut seen = HashSet::from([kept.global]);
    let mut queue = VecDeque::from([(rehearsed.global, kept.global)]);
    while let Some((theirs, ours)) = queue.pop_front() {
        let edges = followed(rehearsed.graph, theirs);
        for edge in kept.graph.edges(ours).filter(|edge| is_followed(kept.graph, ours, edge)) {
            let Some(other) = edges.get(&kept.graph.key(edge)) else {
                if edge.link == Link::Property
                    && kept.graph.node(ours).kind == Kind::Object
                    && !edges.is_empty()
                {
                    found.push(Difference {
                        path: ways.path_along(ours, edge),
                        rehearsed: new_names(&edges, kept.graph, ours),
                        kept: kept.graph.label(edge).to_owned(),
                    });
                }
                continue;
            };
            let (ours_kind, theirs_kind) = (kept.graph.node(edge.to).kind, rehearsed.graph.node(*other).kind);
            if ours_kind != theirs_kind {
                continue;
            }
            let (our_text, their_text) = (leaf(kept.graph, edge.to), leaf(rehearsed.graph, *other));
            if let (Some(our_text), Some(their_text)) = (our_text, their_text) {
                if our_text != their_text {
                    let path = ways.path_along(ours, edge);
                    found.push(Difference { path, rehearsed: their_text, kept: our_text });
                }
            } else if seen.insert(edge.to) {
                queue.push_back((*other, edge.to));
            }
        }
    }
    let mut paths = HashSet::new();
    found.retain(|difference| paths.insert(difference.path.clone()));
    found
}

/// The names that only the rehearsed object has, for comparing with what was read.
fn new_names(edges: &HashMap<(Link, &str, u32), usize>, kept: &Graph, ours: usize) -> String {
    let known: HashSet<&str> = kept.edges(ours).map(|edge| kept.label(edge)).collect();
    let names = edges.keys().filter(|(link, name, _)| *link == Link::Property && !known.contains(name));
    names.map(|(_, name, _)| *name).collect::<Vec<_>>().join(" ")
}

fn followed(graph: &Graph, node: usize) -> HashMap<(Link, &str, u32), usize> {
    let edges = graph.edges(node).filter(|edge| is_followed(graph, node, edge));
    edges.map(|edge| (graph.key(edge), edge.to)).collect()
}

/// Not followed: prototypes, whose objects have ways of their own; weak tables, whose order is random.
fn is_followed(graph: &Graph, node: usize, edge: &Edge) -> bool {
    let label = graph.label(edge);
    label != "__proto__"
        && !label.starts_with("part of key")
        && !matches!(graph.name(node), "WeakMap" | "WeakSet" | "WeakRef")
        && (graph.step(node, edge).is_some() || graph.node(edge.to).kind == Kind::Number)
}

/// The text of a string or number; none for anything else.
fn leaf(graph: &Graph, node: usize) -> Option<String> {
    match graph.node(node).kind {
        Kind::Number => {
            Some(graph.internal(node, "value").map_or(String::new(), |value| graph.name(value).to_owned()))
        }
        Kind::String => {
            let mut text = String::new();
            append(graph, node, &mut text);
            Some(text)
        }
        _ => None,
    }
}

/// A concatenated string is in its parts.
fn append(graph: &Graph, node: usize, text: &mut String) {
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        match (graph.internal(node, "first"), graph.internal(node, "second")) {
            (Some(first), Some(second)) => waiting.extend([second, first]),
            _ => text.push_str(graph.name(node)),
        }
        if text.len() > 16 * LONGEST_VALUE {
            return;
        }
    }
}
