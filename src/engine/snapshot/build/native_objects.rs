//! Objects of the user that own something of V8's C++ side: V8 aborts when it is to save them.

use crate::engine::error::Finding;
use crate::engine::snapshot::build::graph::{Graph, Ways};

/// V8 roots every such thing here (`Managed` in `src/objects/managed-inl.h`).
const ROOT: &str = "(Global handles)";

/// The classes of `Intl`. Nearly all of them are made lazy while building; V8's own addition is not.
const INTL: [&str; 12] = [
    "Collator",
    "DateTimeFormat",
    "DisplayNames",
    "DurationFormat",
    "ListFormat",
    "Locale",
    "NumberFormat",
    "PluralRules",
    "RelativeTimeFormat",
    "Segmenter",
    "Segments",
    "v8BreakIterator",
];

/// One finding for each object that the globals reach.
pub(super) fn find(graph: &Graph, ways: &Ways) -> Vec<Finding> {
    let roots = (0..graph.len()).filter(|node| graph.name(*node) == ROOT);
    let handles = roots.flat_map(|root| graph.edges(root).map(|edge| edge.to));
    let native = handles.filter(|node| is_native(graph.name(*node)));
    native.filter_map(|node| ways.parent(node)).map(|owner| finding(graph, ways, owner)).collect()
}

fn is_native(name: &str) -> bool {
    name.starts_with("system / Foreign") || name.starts_with("system / Managed")
}

fn finding(graph: &Graph, ways: &Ways, owner: usize) -> Finding {
    let (class, path) = (graph.name(owner), ways.path(owner));
    if INTL.contains(&class) {
        return Finding {
            rule: "intl-object".to_owned(),
            message: format!("{path} is a live Intl object ({class}), which V8 can't save"),
            path,
            source: None,
            hint: "make it on first use, in a function".to_owned(),
        };
    }
    Finding {
        rule: "native-object".to_owned(),
        message: format!("{path} ({class}) holds something of V8's own that V8 can't save"),
        path,
        source: None,
        hint: "make it on first use, in a function".to_owned(),
    }
}
