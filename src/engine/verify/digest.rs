//! Writes down what is reachable in a session. Runs on the isolate's thread.
//!
//! Two ways, because neither sees all. A walk over properties, in a second, pristine context, tells
//! everything of an object that JavaScript can ask: attributes, contents, bytes. V8's heap snapshot tells
//! what holds the objects and JavaScript can't ask: variables of scopes, private fields, bound functions.
//! Nothing gets a name here: objects have numbers and nodes, and who compares two sessions goes along both.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::engine::exception::throw;
use crate::engine::limits::native::uncharged;
use crate::engine::limits::output;
use crate::engine::modules;
use crate::engine::snapshot::build::graph::{Graph, Kind, Link};
use crate::engine::source::{Source, evaluate};
use crate::engine::verify::heap;
use crate::engine::verify::inspect::{Inspector, Scope};
use crate::engine::verify::records::Records;
use crate::engine::verify::walker::Walker;

/// V8's heap snapshot cuts longer strings.
const LONGEST_STRING: usize = 1024;

/// So often it is looked for objects that only the heap snapshot knows. Each may lead to others.
const ROUNDS: usize = 4;

/// So many of them are asked for: V8 looks through the whole heap for each.
const MOST_ASKED_FOR: usize = 256;

/// What was found in one session.
pub struct Digest {
    pub(super) records: Records,
    /// Where ways begin: the number of a record for each name.
    pub(super) roots: Vec<(String, usize)>,
    pub(super) graph: Graph,
    /// The node of each record's object.
    pub(super) nodes: Vec<usize>,
    /// By a scope's node, or a suspended generator's, the record of the object with its variables.
    pub(super) scopes: HashMap<usize, usize>,
    /// By a generator's node: whether it is suspended, and where.
    pub(super) states: HashMap<usize, String>,
    /// How many objects properties lead to; the others come after them.
    pub(super) visible: usize,
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Digest").field("objects", &self.records.len()).finish_non_exhaustive()
    }
}

/// Of the session in `scope`. `None`: an exception is pending in the caller's `TryCatch`.
///
/// What it takes beside V8's heap is the host's matter.
pub(crate) fn take(scope: &mut v8::PinScope) -> Option<Digest> {
    let digest = uncharged(|| output::without_bound(|| look(scope)));
    if digest.is_none() {
        throw(scope, v8::Exception::error, "the session can't be written down");
    }
    digest
}

fn look(scope: &mut v8::PinScope) -> Option<Digest> {
    let (named, scripts) = roots(scope)?;
    let walker = Walker::new(scope)?;
    let mut records = Records::default();
    let mut roots = Vec::with_capacity(named.len());
    for (name, object) in named {
        roots.push((name, walker.add(scope, object)?));
    }
    walker.walk(scope, &mut records)?;
    let visible = records.len();
    let inspector = Inspector::new(scope);
    // Variables of scripts are no properties of the global object.
    let lexical = inspector.surroundings(scope, scripts).and_then(|around| around.scope);
    if let Some(Scope { variables, .. }) = lexical.filter(|scope| scope.description.starts_with("Script")) {
        roots.push((String::new(), walker.add(scope, variables)?));
    }
    let all = inspector.objects(scope)?;
    walker.add_all(scope, all)?;
    walker.walk(scope, &mut records)?;

    let mut around = Around::default();
    let mut rounds = 0;
    let (graph, mut nodes) = loop {
        let objects = walker.objects(scope)?;
        let graph = Graph::take_marking(scope, objects)?;
        let nodes = graph.marked();
        if nodes.len() != records.len() {
            return None;
        }
        rounds += 1;
        if rounds > ROUNDS {
            break (graph, nodes);
        }
        let known = records.len();
        around.look(scope, &walker, &inspector, (&graph, &nodes))?;
        let is_asked = around.ask(scope, &walker, &inspector, (&graph, &nodes), &roots)?;
        walker.walk(scope, &mut records)?;
        if records.len() == known + around.found && !is_asked {
            break (graph, nodes);
        }
    };
    // The objects with the variables of the last scopes: V8 made them for the question.
    nodes.resize(records.len(), usize::MAX);
    records.symbols = walker.symbols(scope)?;
    let mut scopes = HashMap::new();
    let mut states = HashMap::new();
    for (owner, variables) in around.scopes {
        scopes.insert(heap::scope_of(&graph, nodes[owner]).unwrap_or(nodes[owner]), variables);
    }
    for (owner, state) in around.states {
        states.insert(nodes[owner], state);
    }
    Some(Digest { records, roots, graph, nodes, scopes, states, visible })
}

type Named<'s> = Vec<(String, v8::Local<'s, v8::Object>)>;

/// Where ways begin, and a function that sees what all scripts of the session declared.
fn roots<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<(Named<'s>, v8::Local<'s, v8::Object>)> {
    let pairs = Source::script(include_str!("roots.js"), "isoseed:roots");
    let pairs = v8::Local::<v8::Array>::try_from(evaluate(scope, &pairs)?).ok()?;
    let mut roots = Named::new();
    for index in 0..pairs.length() {
        let pair = v8::Local::<v8::Array>::try_from(pairs.get_index(scope, index)?).ok()?;
        let name = pair.get_index(scope, 0)?.to_rust_string_lossy(scope);
        roots.push((name, v8::Local::<v8::Object>::try_from(pair.get_index(scope, 1)?).ok()?));
    }
    let modules = modules::current(scope).map(|modules| modules.evaluated(scope)).unwrap_or_default();
    roots.extend(modules.into_iter().map(|(name, module)| (format!("<module {name}>"), module)));
    let scripts = Source::script("() => 0", "isoseed:scripts");
    let scripts = v8::Local::<v8::Object>::try_from(evaluate(scope, &scripts)?).ok()?;
    Some((roots, scripts))
}

/// What functions and generators see that the heap snapshot does not show.
#[derive(Default)]
struct Around {
    /// By the record of a function or a generator, the record of what it sees first.
    scopes: Vec<(usize, usize)>,
    states: Vec<(usize, String)>,
    /// Scopes that were looked at, by V8's numbers.
    looked: HashSet<u64>,
    /// How many in the last look.
    found: usize,
    /// Objects that were asked for, by V8's numbers.
    asked: HashSet<u64>,
}

impl Around {
    fn look<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        walker: &Walker<'s>,
        inspector: &Inspector<'s>,
        (graph, nodes): (&Graph, &[usize]),
    ) -> Option<()> {
        self.found = 0;
        let has_record: HashSet<usize> = nodes.iter().copied().collect();
        for (record, node) in nodes.iter().enumerate() {
            let is_generator = graph.name(*node) == "Generator" || graph.name(*node) == "AsyncGenerator";
            let place = match heap::scope_of(graph, *node) {
                Some(place) if !is_generator && shows_all(graph, place, &has_record) => continue,
                Some(place) => if is_generator { *node } else { place },
                None if is_generator => *node,
                None => continue,
            };
            if !self.looked.insert(graph.node(place).id) {
                continue;
            }
            let object = walker.object(scope, record)?;
            let Some(around) = inspector.surroundings(scope, object) else { continue };
            if let Some(Scope { variables, description }) = around.scope
                && !description.starts_with("Global")
                && !description.starts_with("Script")
            {
                let variables = walker.add(scope, variables)?;
                self.scopes.push((record, variables));
                self.found += 1;
            }
            if is_generator {
                self.states.push((record, around.state));
            }
        }
        Some(())
    }

    /// Takes in objects that neither properties lead to nor V8 lists: without a prototype, held by a scope or a
    /// private field. Says whether there were any.
    fn ask<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        walker: &Walker<'s>,
        inspector: &Inspector<'s>,
        (graph, nodes): (&Graph, &[usize]),
        roots: &[(String, usize)],
    ) -> Option<bool> {
        let known: HashSet<usize> = nodes.iter().copied().collect();
        let roots: Vec<usize> = roots.iter().map(|(_, record)| nodes[*record]).collect();
        let mut is_asked = false;
        let missing = heap::reachable(graph, &roots).into_iter().filter(|node| {
            graph.node(*node).is_object && !known.contains(node)
        });
        for node in missing.take(MOST_ASKED_FOR) {
            if !self.asked.insert(graph.node(node).id) {
                continue;
            }
            if std::env::var_os("ISO_DEBUG").is_some() { eprintln!("ASK {} {:?}", graph.name(node), graph.node(node).kind); }
            if let Some(object) = inspector.object(scope, graph.node(node).id) {
                let before = walker.add(scope, object)?;
                is_asked |= before >= nodes.len();
            }
        }
        Some(is_asked)
    }
}

/// Whether the heap snapshot shows everything that a scope holds. Of the scope of a block it shows no
/// primitives, of a string the beginning, and nothing of numbers in V8's cells for variables.
fn shows_all(graph: &Graph, scope: usize, has_record: &HashSet<usize>) -> bool {
    let mut variables = graph.edges(scope).filter(|edge| edge.link == Link::Variable).peekable();
    variables.peek().is_some()
        && variables.all(|edge| {
            let is_cut = graph.node(edge.to).kind == Kind::String
                && (graph.name(edge.to).len() >= LONGEST_STRING
                    || graph.internal(edge.to, "first").is_some());
            let is_cell = matches!(graph.name(edge.to), "system / ContextCell" | "bigint");
            let is_unknown = graph.node(edge.to).is_object && !has_record.contains(&edge.to);
            !is_cut && !is_cell && !is_unknown
        })
}
