//! Values of the build's surroundings that a heap has captured: the time, a random number, the time
//! zone. Two heaps of the same sources, built in different surroundings, are compared.

use std::collections::{HashMap, HashSet, VecDeque};

use serde::Deserialize;

use crate::engine::error::{Finding, Result};
use crate::engine::snapshot::build::graph::{Edge, Graph, Kind, Link, Ways};
use crate::engine::snapshot::build::rehearsal::{Rehearsal, Surroundings};

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

impl<'a> From<&'a Rehearsal> for Heap<'a> {
    fn from(rehearsal: &'a Rehearsal) -> Self {
        Self { graph: &rehearsal.graph, global: rehearsal.global }
    }
}

struct Difference {
    path: String,
    /// The same in every heap of these sources: the object's path where the property's name differs.
    anchor: String,
    rehearsed: String,
    kept: String,
}

/// What the kept heap holds of its surroundings. `again` rehearses once more, in surroundings that differ
/// from those of the first time in one thing.
pub(super) fn captured(
    rehearsal: &Rehearsal,
    kept: Heap,
    elsewhere: Surroundings,
    again: impl Fn(Surroundings) -> Result<Rehearsal>,
) -> Result<Vec<Finding>> {
    let mut differences = differences(rehearsal.into(), kept);
    differences.truncate(MOST_FINDINGS);
    let reads = &rehearsal.reads;
    let anchors = |surroundings| -> Result<HashSet<String>> {
        let other = again(surroundings)?;
        let found = self::differences((&other).into(), rehearsal.into());
        Ok(found.into_iter().map(|difference| difference.anchor).collect())
    };
    let is_said = |difference: &Difference| said(difference, reads).is_some();
    let (of_zone, of_random) = if differences.iter().all(is_said) {
        (HashSet::new(), HashSet::new())
    } else {
        let at_home = anchors(Surroundings { is_away: false, ..elsewhere })?;
        let other_seed = anchors(Surroundings { seed: elsewhere.seed + 1, ..elsewhere })?;
        (at_home, other_seed)
    };
    let first =
        |kind| reads.iter().find(|read| read.kind == kind).map(|read| (read.kind, read.source.clone()));
    let explained = differences.into_iter().filter_map(|difference| {
        let origin = said(&difference, reads).map(|read| (read.kind, read.source.clone())).or_else(|| {
            if of_zone.contains(&difference.anchor) {
                Some((Source::Environment, None))
            } else if of_random.contains(&difference.anchor) {
                first(Source::Random)
            } else {
                first(Source::Clock)
            }
        });
        // What no surroundings explain is V8's own affair.
        origin.map(|(source, position)| warning(source, &difference.path, position, &difference.kept))
    });
    Ok(explained.collect())
}

/// The read whose answer shows in the rehearsed value.
fn said<'a>(difference: &Difference, reads: &'a [Read]) -> Option<&'a Read> {
    let shows = |read: &&Read| read.value.len() > 4 && difference.rehearsed.contains(&read.value);
    reads.iter().find(shows)
}

fn warning(source: Source, path: &str, position: Option<String>, value: &str) -> Finding {
    let (rule, what, hint) = match source {
        Source::Clock => ("clock-value", "the time of the build", "read the clock in each session"),
        Source::Random => ("random-value", "a random number of the build", "make it in each session"),
        Source::Environment => {
            ("environment-value", "the time zone of the build", "ask for it in each session")
        }
    };
    let shown: String = value.chars().take(LONGEST_VALUE).collect();
    let shown = if shown.is_empty() { shown } else { format!(": {shown}") };
    Finding {
        rule: rule.to_owned(),
        path: path.to_owned(),
        source: position,
        message: format!("{path} holds {what}, the same in every session{shown}"),
        hint: format!("{hint}: in a function, not at the top level"),
    }
}

/// Dates that hold the time of the build.
pub(super) fn captured_dates(ways: &Ways, dates: &[usize], positions: &[Option<String>]) -> Vec<Finding> {
    captured_objects(Source::Clock, ways, dates, positions)
}

/// Typed arrays that were filled with random numbers while building.
pub(super) fn captured_bytes(ways: &Ways, views: &[usize], positions: &[Option<String>]) -> Vec<Finding> {
    captured_objects(Source::Random, ways, views, positions)
}

fn captured_objects(
    source: Source,
    ways: &Ways,
    objects: &[usize],
    positions: &[Option<String>],
) -> Vec<Finding> {
    let reachable = objects.iter().zip(positions).filter(|(object, _)| ways.reaches(**object));
    let found =
        reachable.map(|(object, position)| warning(source, &ways.path(*object), position.clone(), ""));
    found.take(MOST_FINDINGS).collect()
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
                        anchor: ways.path(ours),
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
                    let anchor = path.clone();
                    found.push(Difference { path, anchor, rehearsed: their_text, kept: our_text });
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

/// Not followed: prototypes, whose objects have ways of their own; weak tables, whose order is random;
/// numbers under a symbol without a name, by which V8 finds a tagged template's strings again.
fn is_followed(graph: &Graph, node: usize, edge: &Edge) -> bool {
    let (label, is_number) = (graph.label(edge), graph.node(edge.to).kind == Kind::Number);
    let is_note = label == "<symbol>" && is_number;
    let is_weak = matches!(graph.name(node), "WeakMap" | "WeakSet" | "WeakRef");
    let is_skipped = label == "__proto__" || label.contains("part of key") || is_note || is_weak;
    !is_skipped && (graph.step(node, edge).is_some() || is_number)
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
