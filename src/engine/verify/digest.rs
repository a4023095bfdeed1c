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
use crate::engine::verify::heap::{self, Unknown};
use crate::engine::verify::inspect::{Inspector, Scope, Surroundings};
use crate::engine::verify::records::Records;
use crate::engine::verify::walker::Walker;

/// V8's heap snapshot cuts longer strings.
const LONGEST_STRING: usize = 1024;

/// So often it is looked for objects that only the heap snapshot knows. Each may lead to others.
const ROUNDS: usize = 4;

/// So many of them are asked for: V8 looks through the whole heap for each.
const MOST_ASKED_FOR: usize = 256;

/// V8 copies all variables that a function sees when it is asked for some: so many are copied, which takes
/// seconds. Counted and not timed, so that all sessions of a snapshot are read alike.
const MOST_VARIABLES: usize = 4_000_000;

/// What V8's inspector calls the scope with the variables of all scripts.
const OF_SCRIPTS: &str = "Script";

/// What was found in one session.
pub struct Digest {
    pub(super) records: Records,
    /// Where ways begin: the number of a record for each name.
    pub(super) roots: Vec<(String, usize)>,
    pub(super) graph: Graph,
    /// The node of each record's object.
    pub(super) nodes: Vec<usize>,
    /// By a scope's node, or a suspended generator's, the records of the objects with its variables.
    pub(super) scopes: HashMap<usize, Vec<usize>>,
    /// By a generator's node: whether it is suspended, and where.
    pub(super) states: HashMap<usize, String>,
    /// How many objects properties lead to; the others come after them.
    pub(super) visible: usize,
    /// Scopes and objects that were too many: of them there is what the heap snapshot shows.
    pub(super) unread: usize,
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
    uncharged(|| {
        output::without_bound(|| {
            v8::tc_scope!(let scope, scope);
            let digest = look(scope);
            if scope.has_caught() {
                scope.rethrow();
            } else if digest.is_none() {
                throw(scope, v8::Exception::error, "V8 could not list what is in the session");
            }
            digest
        })
    })
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
    let around = inspector.surroundings(scope, scripts);
    for Scope { description, variables } in around.into_iter().flat_map(|around| around.scopes) {
        if description.starts_with(OF_SCRIPTS) {
            roots.push((String::new(), walker.add(scope, variables)?));
        }
    }
    let all = inspector.objects(scope)?;
    walker.add_all(scope, all)?;
    walker.walk(scope, &mut records)?;

    let mut around = Around::new(&walker, &inspector);
    let mut rounds = 0;
    let (graph, mut nodes) = loop {
        let objects = walker.objects(scope)?;
        let graph = Graph::take_marking(scope, objects)?;
        let nodes = graph.marked();
        rounds += 1;
        if nodes.len() != records.len() {
            return None;
        }
        let known = records.len();
        if rounds < ROUNDS && around.find(scope, &graph, &nodes)? {
            walker.walk(scope, &mut records)?;
            continue;
        }
        let made = around.look(scope, &graph, &nodes, |place| !shows_all(&graph, place))?;
        walker.walk(scope, &mut records)?;
        if rounds >= ROUNDS || records.len() == known + made {
            break (graph, nodes);
        }
    };
    // V8 made the last of them for the question: they are in no heap snapshot.
    nodes.resize(records.len(), usize::MAX);
    records.symbols = walker.symbols(scope)?;
    let mut scopes: HashMap<usize, Vec<usize>> = HashMap::new();
    for Variables { owner, depth, record } in around.variables {
        let chain = heap::scopes_of(&graph, nodes[owner]);
        scopes.entry(chain.get(depth).copied().unwrap_or(nodes[owner])).or_default().push(record);
    }
    let unread = around.unread_scopes + around.unread_objects;
    let states = around.states.into_iter().map(|(owner, state)| (nodes[owner], state)).collect();
    Some(Digest { records, roots, graph, nodes, scopes, states, visible, unread })
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

/// The variables of a scope, as far as the heap snapshot does not show them.
struct Variables {
    /// The record of a function that sees it, or of a suspended generator.
    owner: usize,
    /// How far out it is from there. A generator's are all its own.
    depth: usize,
    /// Of the object that has them as properties.
    record: usize,
}

/// A generator's scopes are looked at as if they were all its own.
const OWN: usize = usize::MAX;

/// What only V8's inspector shows.
struct Around<'a, 's> {
    walker: &'a Walker<'s>,
    inspector: &'a Inspector<'s>,
    variables: Vec<Variables>,
    states: Vec<(usize, String)>,
    /// Scopes and generators that were looked at, by V8's numbers.
    looked: HashSet<u64>,
    /// Objects that were asked for, by V8's numbers.
    asked: HashSet<u64>,
    /// How many variables may still be copied.
    left: usize,
    unread_scopes: usize,
    unread_objects: usize,
}

impl<'a, 's> Around<'a, 's> {
    fn new(walker: &'a Walker<'s>, inspector: &'a Inspector<'s>) -> Self {
        Self {
            walker,
            inspector,
            variables: Vec::new(),
            states: Vec::new(),
            looked: HashSet::new(),
            asked: HashSet::new(),
            left: MOST_VARIABLES,
            unread_scopes: 0,
            unread_objects: 0,
        }
    }

    /// Takes in the variables of the scopes that functions see, as far as they are wanted, and what generators
    /// see. Answers how many objects V8 made for them.
    fn look(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        graph: &Graph,
        nodes: &[usize],
        is_wanted: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let known = nodes.len();
        let mut most = known;
        for (owner, node) in nodes.iter().enumerate() {
            let is_generator = matches!(graph.name(*node), "Generator" | "AsyncGenerator");
            let chain = if is_generator { vec![*node] } else { heap::scopes_of(graph, *node) };
            let mut wanted = Vec::new();
            for (depth, place) in chain.iter().enumerate() {
                if (is_generator || is_wanted(*place)) && self.looked.insert(graph.node(*place).id) {
                    wanted.push(depth);
                }
            }
            if wanted.is_empty() {
                continue;
            }
            let copied = chain.iter().map(|place| graph.edges(*place).count()).sum();
            let Some(left) = self.left.checked_sub(copied) else {
                self.unread_scopes += wanted.len();
                continue;
            };
            self.left = left;
            let object = self.walker.object(scope, owner)?;
            let Some(Surroundings { scopes, state }) = self.inspector.surroundings(scope, object) else {
                continue;
            };
            if is_generator {
                self.states.push((owner, state));
            }
            for (depth, Scope { description, variables }) in scopes.into_iter().enumerate() {
                let is_common = description.starts_with("Global") || description.starts_with(OF_SCRIPTS);
                if is_common || !(is_generator || wanted.contains(&depth)) {
                    continue;
                }
                let record = self.walker.add(scope, variables)?;
                // Of a `with` it is an object that is known.
                most = most.max(record + 1);
                let depth = if is_generator { OWN } else { depth };
                self.variables.push(Variables { owner, depth, record });
            }
        }
        Some(most - known)
    }

    /// Takes in objects that neither properties lead to nor V8 lists, such as those without a prototype. Says
    /// whether there were any.
    fn find(&mut self, scope: &mut v8::PinScope<'s, '_>, graph: &Graph, nodes: &[usize]) -> Option<bool> {
        let unknown = heap::unknown(graph, nodes);
        // Scopes tell them with less effort.
        let scopes: HashSet<usize> = unknown.iter().filter_map(|unknown| unknown.scope).collect();
        if !scopes.is_empty() && self.look(scope, graph, nodes, |place| scopes.contains(&place))? > 0 {
            return Some(true);
        }
        let mut is_any = false;
        self.unread_objects = 0;
        for Unknown { node, .. } in unknown {
            if self.asked.len() >= MOST_ASKED_FOR {
                self.unread_objects += 1;
            } else if self.asked.insert(graph.node(node).id)
                && let Some(object) = self.inspector.object(scope, graph.node(node).id)
            {
                is_any |= self.walker.add(scope, object)? >= nodes.len();
            }
        }
        Some(is_any)
    }
}

/// Whether the heap snapshot shows everything that a scope holds. Of the scope of a block it shows no
/// primitives, of a long string the beginning, of V8's cells for variables no numbers, and no `BigInt`.
fn shows_all(graph: &Graph, scope: usize) -> bool {
    let mut variables = graph.edges(scope).filter(|edge| edge.link == Link::Variable).peekable();
    variables.peek().is_some()
        && variables.all(|edge| {
            let is_long = graph.node(edge.to).kind == Kind::String
                && (graph.name(edge.to).len() >= LONGEST_STRING
                    || graph.internal(edge.to, "first").is_some());
            !is_long && !matches!(graph.name(edge.to), heap::CELL | "bigint")
        })
}
