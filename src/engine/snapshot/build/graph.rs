//! The heap as a graph, from V8's own heap snapshot: who refers to what, and under which name.
//!
//! A walk over properties sees no closures, no entries of maps and no private fields; this does. Names
//! of nodes and edges are V8's (`src/profiler/heap-snapshot-generator.cc`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use serde::Deserialize;

/// The fields of a node and of an edge, and what their first one can be.
#[derive(Deserialize)]
struct Meta {
    node_fields: Vec<String>,
    node_types: Vec<serde_json::Value>,
    edge_fields: Vec<String>,
    edge_types: Vec<serde_json::Value>,
    location_fields: Vec<String>,
}

#[derive(Deserialize)]
struct Header {
    meta: Meta,
}

#[derive(Deserialize)]
struct Document {
    snapshot: Header,
    nodes: Vec<u64>,
    edges: Vec<u32>,
    /// Where functions are in their sources.
    locations: Vec<u32>,
    strings: Vec<String>,
}

/// What a node is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Kind {
    /// A function.
    Closure,
    /// Any other object, and V8's own structures that hold the user's values.
    Object,
    /// Text; that of a concatenated one lies in its parts.
    String,
    Number,
    /// V8's own: code, shapes of objects, roots.
    Internal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::engine) enum Link {
    Property,
    Element,
    /// A variable of a function's scope.
    Variable,
    /// A field of V8's own with a name.
    Internal,
    /// A field of V8's own without one.
    Hidden,
    Shortcut,
    Weak,
}

pub(in crate::engine) struct Node {
    pub(in crate::engine) kind: Kind,
    /// What V8's inspector finds it by.
    pub(in crate::engine) id: u64,
    /// Whether JavaScript could hold it, as an object.
    pub(in crate::engine) is_object: bool,
    name: u32,
    bytes: u64,
    first_edge: usize,
    end: usize,
}

pub(in crate::engine) struct Edge {
    pub(in crate::engine) link: Link,
    /// A string's index, or a number.
    name: u32,
    pub(in crate::engine) to: usize,
}

/// How the entries of a `Map` or `Set` lie in its table.
struct Table {
    first: u32,
    size: u32,
}

/// One heap.
pub(in crate::engine) struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    strings: Vec<String>,
    tables: HashMap<usize, Table>,
    locations: HashMap<usize, (u32, u32, u32)>,
}

/// What marks the object whose elements are the nodes that a caller wants to find.
const MARK: &str = "isoseed:marked";

/// V8's `FixedArray`: a map and a length, then the elements.
const ARRAY_HEADER_BYTES: u64 = 16;
const POINTER_BYTES: u64 = 8;
/// V8's `OrderedHashTable`: three counts, the buckets, then entries of keys, values and a link, twice
/// as many as buckets.
const TABLE_HEADER: u64 = 3;

impl Graph {
    /// Takes the heap snapshot of an isolate, after a collection. `marked` are found again by `marked`.
    pub(in crate::engine) fn take(scope: &mut v8::PinScope, marked: &[v8::Local<v8::Value>]) -> Option<Self> {
        let marked = v8::Array::new_with_elements(scope, marked);
        Self::take_marking(scope, marked)
    }

    /// As `take`, for those who have what is marked in an array.
    pub(in crate::engine) fn take_marking(
        scope: &mut v8::PinScope,
        marked: v8::Local<v8::Array>,
    ) -> Option<Self> {
        let holder = v8::Object::new(scope);
        let mark = v8::String::new(scope, MARK)?;
        holder.create_data_property(scope, mark.into(), marked.into())?;
        let mut json = Vec::new();
        scope.take_heap_snapshot(|chunk| {
            json.extend_from_slice(chunk);
            true
        });
        Self::parse(&json)
    }

    fn parse(json: &[u8]) -> Option<Self> {
        let Document { snapshot, nodes: fields, edges: edge_fields, locations, strings } =
            serde_json::from_slice(json).ok()?;
        let Meta { node_fields, node_types, edge_fields: edge_names, edge_types, location_fields } =
            snapshot.meta;
        let node_kinds: Vec<String> = serde_json::from_value(node_types.into_iter().next()?).ok()?;
        let links: Vec<String> = serde_json::from_value(edge_types.into_iter().next()?).ok()?;
        let at = |names: &[String], name: &str| names.iter().position(|field| field == name);
        let (kind_at, name_at) = (at(&node_fields, "type")?, at(&node_fields, "name")?);
        let id_at = at(&node_fields, "id")?;
        let (bytes_at, count_at) = (at(&node_fields, "self_size")?, at(&node_fields, "edge_count")?);
        let (link_at, label_at, to_at) =
            (at(&edge_names, "type")?, at(&edge_names, "name_or_index")?, at(&edge_names, "to_node")?);
        let mut nodes = Vec::with_capacity(fields.len() / node_fields.len());
        let mut first_edge = 0;
        for node in fields.chunks_exact(node_fields.len()) {
            let name = u32::try_from(node[name_at]).ok()?;
            let end = first_edge + usize::try_from(node[count_at]).ok()?;
            let kind_name = node_kinds.get(usize::try_from(node[kind_at]).ok()?)?;
            let kind = kind(kind_name, strings.get(name as usize)?);
            let is_object = matches!(kind, Kind::Closure | Kind::Object) && kind_name != "array";
            let (id, bytes) = (node[id_at], node[bytes_at]);
            nodes.push(Node { kind, id, is_object, name, bytes, first_edge, end });
            first_edge = end;
        }
        let edges = edge_fields.chunks_exact(edge_names.len()).map(|edge| {
            let link = link(links.get(edge[link_at] as usize)?)?;
            Some(Edge { link, name: edge[label_at], to: edge[to_at] as usize / node_fields.len() })
        });
        let edges = edges.collect::<Option<Vec<_>>>()?;
        let place = |name| at(&location_fields, name);
        let (of, script, line, column) =
            (place("object_index")?, place("script_id")?, place("line")?, place("column")?);
        let places = locations.chunks_exact(location_fields.len()).map(|place| {
            let node = place[of] as usize / node_fields.len();
            (node, (place[script], place[line], place[column]))
        });
        let locations = places.collect();
        let mut graph = Self { nodes, edges, strings, tables: HashMap::new(), locations };
        graph.find_tables();
        Some(graph)
    }

    fn find_tables(&mut self) {
        for node in 0..self.nodes.len() {
            let cells = match self.name(node) {
                "Map" => 3,
                "Set" => 2,
                _ => continue,
            };
            let Some(table) = self.internal(node, "table") else { continue };
            let length = self.nodes[table].bytes.saturating_sub(ARRAY_HEADER_BYTES) / POINTER_BYTES;
            let buckets = length.saturating_sub(TABLE_HEADER) / (1 + 2 * cells);
            let first = u32::try_from(TABLE_HEADER + buckets).unwrap_or(u32::MAX);
            self.tables.insert(table, Table { first, size: u32::try_from(cells).unwrap_or(1) });
        }
    }

    /// The nodes that were marked, in their order.
    pub(in crate::engine) fn marked(&self) -> Vec<usize> {
        let mark = self.edges.iter().find(|edge| edge.link == Link::Property && self.label(edge) == MARK);
        let Some(mark) = mark else { return Vec::new() };
        let elements = self.edges(mark.to).filter(|edge| edge.link == Link::Element);
        let mut found: Vec<_> = elements.map(|edge| (edge.name, edge.to)).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, node)| node).collect()
    }

    pub(in crate::engine) fn node(&self, node: usize) -> &Node {
        &self.nodes[node]
    }

    pub(in crate::engine) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(in crate::engine) fn name(&self, node: usize) -> &str {
        &self.strings[self.nodes[node].name as usize]
    }

    pub(in crate::engine) fn edges(&self, node: usize) -> impl Iterator<Item = &Edge> {
        let Node { first_edge, end, .. } = self.nodes[node];
        self.edges[first_edge..end].iter()
    }

    /// The edge's name; a number for elements and fields without a name.
    pub(in crate::engine) fn label(&self, edge: &Edge) -> &str {
        match edge.link {
            Link::Element | Link::Hidden => "",
            _ => &self.strings[edge.name as usize],
        }
    }

    /// What tells the edge from the others of its node.
    pub(in crate::engine) fn key<'a>(&'a self, edge: &Edge) -> (Link, &'a str, u32) {
        match edge.link {
            Link::Element | Link::Hidden => (edge.link, "", edge.name),
            _ => (edge.link, self.label(edge), 0),
        }
    }

    /// Where a function is in its source: script, line and column, as V8 counts them.
    pub(in crate::engine) fn location(&self, node: usize) -> Option<(u32, u32, u32)> {
        self.locations.get(&node).copied()
    }

    /// The target of an internal edge.
    pub(in crate::engine) fn internal(&self, node: usize, name: &str) -> Option<usize> {
        self.edges(node)
            .find(|edge| edge.link == Link::Internal && self.label(edge) == name)
            .map(|edge| edge.to)
    }

    /// How a user gets from one object to another along an edge, and how far that is; none for what only
    /// V8 follows.
    pub(in crate::engine) fn step(&self, from: usize, edge: &Edge) -> Option<(u32, String)> {
        let to = &self.nodes[edge.to];
        if to.kind == Kind::Internal && !self.leads_on(edge.to) {
            return None;
        }
        let label = self.label(edge);
        match edge.link {
            Link::Property if label == "__proto__" => Some((15, ".__proto__".to_owned())),
            Link::Property if self.name(edge.to) == "system / AccessorPair" => None,
            Link::Property => Some((10, property(label))),
            Link::Element => Some((10, format!("[{}]", edge.name))),
            Link::Variable => Some((10, format!(".{label}"))),
            Link::Internal => self.internal_step(from, edge, label),
            Link::Hidden if self.name(from) == "system / ScriptContextTable" => Some((0, String::new())),
            Link::Hidden if self.name(from) == "system / ContextCell" => Some((0, String::new())),
            Link::Hidden if self.name(from) == "system / PromiseReaction" => {
                Some((5, ".[[Reaction]]".to_owned()))
            }
            Link::Hidden => Some((40, format!(".[[{}]]", edge.name))),
            Link::Shortcut if label.starts_with("bound_argument_") => {
                Some((10, format!(".[[BoundArgs]][{}]", &label["bound_argument_".len()..])))
            }
            Link::Shortcut if label == "global_object" || label == "native_context" => {
                Some((0, String::new()))
            }
            Link::Shortcut | Link::Weak => None,
        }
    }

    fn internal_step(&self, from: usize, edge: &Edge, label: &str) -> Option<(u32, String)> {
        if let Some(table) = self.tables.get(&from) {
            return self.entry(from, table, label.parse().ok()?);
        }
        let name = self.name(from);
        if name.starts_with("system / NativeContext") {
            return (label == "script_context_table").then(|| (0, String::new()));
        }
        match label {
            "context" if self.nodes[from].kind == Kind::Closure => Some((5, ".[[Scope]]".to_owned())),
            "table" | "previous" | "extension" | "script_context_table" => Some((1, String::new())),
            "bound_this" => Some((10, ".[[BoundThis]]".to_owned())),
            "bound_function" => Some((10, ".[[TargetFunction]]".to_owned())),
            "reactions_or_result" if self.name(edge.to) == "system / PromiseReaction" => {
                Some((5, String::new()))
            }
            "reactions_or_result" => Some((10, ".[[PromiseResult]]".to_owned())),
            "context" | "parameters_and_registers" => Some((10, ".[[Locals]]".to_owned())),
            // The elements of V8's own arrays.
            _ if label.parse::<u32>().is_ok() => Some((5, String::new())),
            _ if label.contains("part of key") => Some((20, ".[[WeakMapValue]]".to_owned())),
            "map" | "shared" | "feedback_cell" | "code" | "properties" | "elements" | "bindings"
            | "constructor" | "initial_map" | "dependent_code" | "scope_info" | "length"
            | "name_or_scope_info" => None,
            _ => Some((40, format!(".[[{label}]]"))),
        }
    }

    fn entry(&self, table: usize, layout: &Table, index: u32) -> Option<(u32, String)> {
        let at = index.checked_sub(layout.first)?;
        let (entry, cell) = (at / layout.size, at % layout.size);
        let text = match (layout.size, cell) {
            (2, 0) => format!(".[[Entries]][{entry}]"),
            (3, 0) => format!(".[[Entries]][{entry}].key"),
            (3, 1) => {
                let key = self.internal(table, &(index - 1).to_string());
                match key.filter(|key| self.nodes[*key].kind == Kind::String) {
                    Some(key) => format!(".get({:?})", self.name(key)),
                    None => format!(".[[Entries]][{entry}].value"),
                }
            }
            _ => return None,
        };
        Some((10, text))
    }

    /// Whether the user's values lie behind one of V8's own structures.
    fn leads_on(&self, node: usize) -> bool {
        let name = self.name(node);
        name.starts_with("system / Context")
            || name.starts_with("system / NativeContext")
            || name == "system / ContextCell"
            || name == "system / PromiseReaction"
            || name == "system / ScriptContextTable"
            || name == "system / Foreign"
            || name.starts_with("system / Managed")
            || name.is_empty()
    }

    /// The shortest way from `root` to every node that a user can reach.
    pub(in crate::engine) fn ways_from(&self, root: usize) -> Ways<'_> {
        let mut ways = Ways { graph: self, root, steps: HashMap::new() };
        let mut queue = BinaryHeap::from([Reverse((0, root))]);
        let mut distances = HashMap::from([(root, 0)]);
        while let Some(Reverse((distance, node))) = queue.pop() {
            if distances.get(&node).is_some_and(|best| *best < distance) {
                continue;
            }
            let Node { first_edge, end, .. } = self.nodes[node];
            for at in first_edge..end {
                let edge = &self.edges[at];
                let Some((length, _)) = self.step(node, edge) else { continue };
                let there = distance + length + 1;
                if distances.get(&edge.to).is_none_or(|best| there < *best) {
                    distances.insert(edge.to, there);
                    ways.steps.insert(edge.to, (node, at));
                    queue.push(Reverse((there, edge.to)));
                }
            }
        }
        ways
    }
}

/// Ways from one node.
pub(in crate::engine) struct Ways<'a> {
    graph: &'a Graph,
    root: usize,
    /// How each node is reached: from which one, along which edge.
    steps: HashMap<usize, (usize, usize)>,
}

impl Ways<'_> {
    pub(in crate::engine) fn reaches(&self, node: usize) -> bool {
        node == self.root || self.steps.contains_key(&node)
    }

    /// The node that `node` is reached from.
    pub(in crate::engine) fn parent(&self, node: usize) -> Option<usize> {
        self.steps.get(&node).map(|(from, _)| *from)
    }

    /// The path as the user would write it, from the global object.
    pub(in crate::engine) fn path(&self, node: usize) -> String {
        let mut parts = Vec::new();
        let mut at = node;
        while let Some((from, edge)) = self.steps.get(&at) {
            if let Some((_, part)) = self.graph.step(*from, &self.graph.edges[*edge]) {
                parts.push(part);
            }
            at = *from;
        }
        parts.reverse();
        let path = parts.concat();
        let path = path.strip_prefix('.').unwrap_or(&path);
        if path.is_empty() { "globalThis".to_owned() } else { path.to_owned() }
    }

    /// The path of what `edge` of `node` leads to.
    pub(in crate::engine) fn path_along(&self, node: usize, edge: &Edge) -> String {
        let part = self.graph.step(node, edge).map_or(String::new(), |(_, part)| part);
        let path = self.path(node);
        if path == "globalThis" { part.strip_prefix('.').unwrap_or(&part).to_owned() } else { path + &part }
    }
}

fn property(label: &str) -> String {
    if let Some(symbol) = label.strip_prefix("<symbol ").and_then(|label| label.strip_suffix('>')) {
        return format!("[{symbol}]");
    }
    if let Some(name) = label.strip_prefix("get ") {
        return format!(".{name} (getter)");
    }
    let name = label.strip_prefix('#').unwrap_or(label);
    if crate::engine::globals::is_identifier(name) { format!(".{label}") } else { format!("[{label:?}]") }
}

fn kind(kind: &str, name: &str) -> Kind {
    match kind {
        "closure" => Kind::Closure,
        "object" if name.starts_with("system /") => Kind::Internal,
        "object" | "regexp" | "array" => Kind::Object,
        "string" | "concatenated string" | "sliced string" => Kind::String,
        "number" | "bigint" => Kind::Number,
        _ if name == "system / JSProxy" => Kind::Object,
        _ => Kind::Internal,
    }
}

fn link(link: &str) -> Option<Link> {
    Some(match link {
        "property" => Link::Property,
        "element" => Link::Element,
        "context" => Link::Variable,
        "internal" => Link::Internal,
        "hidden" => Link::Hidden,
        "shortcut" => Link::Shortcut,
        "weak" => Link::Weak,
        _ => return None,
    })
}
