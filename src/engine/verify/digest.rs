//! Writes down what is reachable in a session. Runs on the isolate's thread.
//!
//! Two ways, because neither sees all. A walk over properties, in a second, pristine context, tells
//! everything of an object that JavaScript can ask: attributes, contents, bytes. V8's heap snapshot tells
//! what holds the objects and JavaScript can't ask: variables of scopes, private fields, promises, bound
//! functions. The objects that only those hold are walked over, too: V8's inspector lists all objects, the
//! heap snapshot has the ways to them.

use std::collections::HashSet;
use std::fmt;

use crate::engine::modules;
use crate::engine::snapshot::build::graph::{Graph, Kind, Link};
use crate::engine::source::{Source, evaluate};
use crate::engine::verify::inspect::Inspector;

/// What was found in one session.
pub struct Digest {
    /// One line for each property: its path, a tab, what it holds.
    pub(super) lines: String,
    /// How many objects no property led to.
    pub(super) hidden: usize,
    /// None when V8 could not make it, as in a session that was destroyed.
    pub(super) heap: Option<Heap>,
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Digest").field("hidden", &self.hidden).finish_non_exhaustive()
    }
}

/// A session's heap, and where its ways begin: the global object and the modules, with their names.
pub(super) struct Heap {
    pub(super) graph: Graph,
    pub(super) roots: Vec<(String, usize)>,
}

/// Of the session in `scope`. `None`: an exception is pending in the caller's `TryCatch`.
pub(crate) fn take(scope: &mut v8::PinScope) -> Option<Digest> {
    let roots = Source::script(include_str!("roots.js"), "isoseed:roots");
    let roots = v8::Local::<v8::Array>::try_from(evaluate(scope, &roots)?).ok()?;
    let modules = modules::current(scope).map(|modules| modules.evaluated(scope)).unwrap_or_default();
    let modules: Vec<_> =
        modules.into_iter().map(|(name, module)| (format!("<module {name}>"), module)).collect();
    let mut elements = Vec::new();
    for index in 0..roots.length() {
        elements.push(roots.get_index(scope, index)?);
    }
    for (name, module) in &modules {
        elements.push(pair(scope, name, (*module).into())?);
    }
    let roots = v8::Array::new_with_elements(scope, &elements);
    let session = scope.get_current_context();
    let pristine = v8::Context::new(scope, v8::ContextOptions::default());
    // Equal tokens let the walker read the session's objects.
    let token = session.get_security_token(scope);
    pristine.set_security_token(token);
    let walker = Walker::new(scope, pristine)?;
    let mut lines = walker.walk(scope, roots)?;
    let found = hidden(scope, &walker, &modules);
    let Some((heap, hidden)) = found else {
        return Some(Digest { lines, hidden: 0, heap: None });
    };
    let count = hidden.len();
    let mut named = Vec::with_capacity(count);
    for (path, object) in hidden {
        named.push(pair(scope, &path, object.into())?);
    }
    let named = v8::Array::new_with_elements(scope, &named);
    lines.push('\n');
    lines.push_str(&walker.walk(scope, named)?);
    Some(Digest { lines, hidden: count, heap: Some(heap) })
}

/// `[name, value]`.
fn pair<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
    value: v8::Local<'s, v8::Value>,
) -> Option<v8::Local<'s, v8::Value>> {
    let name = v8::String::new(scope, name)?;
    Some(v8::Array::new_with_elements(scope, &[name.into(), value]).into())
}

type Named<'s> = Vec<(String, v8::Local<'s, v8::Object>)>;

/// The heap, and what no property leads to, in the order of the paths: objects, and the variables of scopes
/// that V8's heap snapshot does not name.
fn hidden<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    walker: &Walker<'s>,
    modules: &Named<'s>,
) -> Option<(Heap, Named<'s>)> {
    let inspector = Inspector::new(scope);
    let all = inspector.objects(scope)?;
    let unseen = walker.list(scope, "unseen", all)?;
    let unseen = elements(scope, unseen)?;
    let owners = walker.list(scope, "owners", all)?;
    let owners = elements(scope, owners)?;
    let mut roots: Named = vec![("globalThis".to_owned(), scope.get_current_context().global(scope))];
    for (name, module) in modules {
        roots.push((name.clone(), *module));
        roots.extend(exports(scope, name, *module));
    }
    let mut marked: Vec<v8::Local<v8::Value>> = roots.iter().map(|(_, object)| (*object).into()).collect();
    marked.extend(unseen.iter().chain(&owners));
    let graph = Graph::take(scope, &marked)?;
    let nodes = graph.marked();
    if nodes.len() != marked.len() {
        return None;
    }
    let (root_nodes, nodes) = nodes.split_at(roots.len());
    let roots: Vec<(String, usize)> =
        roots.into_iter().map(|(name, _)| name).zip(root_nodes.iter().copied()).collect();
    let mut named = Named::new();
    {
        let ways: Vec<_> = roots.iter().map(|(name, node)| (name, graph.ways_from(*node))).collect();
        // What nothing leads to is the walker's own, or garbage.
        let path = |node: usize| {
            let (name, ways) = ways.iter().find(|(_, ways)| ways.reaches(node))?;
            Some(format!("{name}.{}", ways.path(node)))
        };
        let mut scopes = HashSet::new();
        for (index, (object, node)) in marked[roots.len()..].iter().zip(nodes).enumerate() {
            let Ok(object) = v8::Local::<v8::Object>::try_from(*object) else { continue };
            let Some(path) = path(*node) else { continue };
            let unnamed = unnamed_scope(&graph, *node).is_some_and(|context| scopes.insert(context));
            if unnamed && let Some(variables) = inspector.innermost_scope(scope, object) {
                named.push((format!("{path}.[[Scopes]][0]"), variables));
            }
            if index < unseen.len() {
                named.push((path, object));
            }
        }
    }
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    Some((Heap { graph, roots }, named))
}

/// The scope of a function, or of a generator, whose variables the heap snapshot does not name: of a
/// block. It shows no number and no boolean in such a one.
fn unnamed_scope(graph: &Graph, node: usize) -> Option<usize> {
    if graph.name(node) == "Generator" {
        return Some(node);
    }
    let context = graph.internal(node, "context").filter(|_| graph.node(node).kind == Kind::Closure)?;
    let is_scope = graph.name(context).starts_with("system / Context");
    let is_named = graph.edges(context).any(|edge| edge.link == Link::Variable);
    (is_scope && !is_named).then_some(context)
}

fn elements<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    array: v8::Local<'s, v8::Array>,
) -> Option<Vec<v8::Local<'s, v8::Value>>> {
    (0..array.length()).map(|index| array.get_index(scope, index)).collect()
}

/// The objects that a module exports: V8's heap snapshot has no way to them.
fn exports<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str, module: v8::Local<'s, v8::Object>) -> Named<'s> {
    let keys = module.get_own_property_names(scope, v8::GetPropertyNamesArgs::default());
    let mut exports = Named::new();
    for index in 0..keys.map_or(0, |keys| keys.length()) {
        v8::tc_scope!(let scope, scope);
        // One that is not initialised throws.
        let Some(key) = keys.and_then(|keys| keys.get_index(scope, index)) else { continue };
        let Some(value) = module.get(scope, key) else { continue };
        if let Ok(object) = v8::Local::<v8::Object>::try_from(value) {
            let name = format!("{name}.{}", key.to_rust_string_lossy(scope));
            exports.push((name, object));
        }
    }
    exports
}

/// The walker of `digest.js` in its context.
struct Walker<'s> {
    context: v8::Local<'s, v8::Context>,
    walker: v8::Local<'s, v8::Object>,
}

impl<'s> Walker<'s> {
    fn new(scope: &mut v8::PinScope<'s, '_>, context: v8::Local<'s, v8::Context>) -> Option<Self> {
        let scope = &mut v8::ContextScope::new(scope, context);
        let make = Source::script(include_str!("digest.js"), "isoseed:digest");
        let make = v8::Local::<v8::Function>::try_from(evaluate(scope, &make)?).ok()?;
        let kind_of = v8::Function::new(scope, kind_of)?;
        let receiver = v8::undefined(scope).into();
        let walker = make.call(scope, receiver, &[kind_of.into()])?;
        let walker = v8::Local::<v8::Object>::try_from(walker).ok()?;
        Some(Self { context, walker })
    }

    fn walk(&self, scope: &mut v8::PinScope<'s, '_>, roots: v8::Local<'s, v8::Array>) -> Option<String> {
        let lines = self.call(scope, "walk", roots)?;
        Some(lines.to_rust_string_lossy(scope))
    }

    fn list(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        method: &str,
        objects: v8::Local<'s, v8::Array>,
    ) -> Option<v8::Local<'s, v8::Array>> {
        v8::Local::<v8::Array>::try_from(self.call(scope, method, objects)?).ok()
    }

    fn call(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        method: &str,
        argument: v8::Local<'s, v8::Array>,
    ) -> Option<v8::Local<'s, v8::Value>> {
        let scope = &mut v8::ContextScope::new(scope, self.context);
        let name = v8::String::new(scope, method)?;
        let method = v8::Local::<v8::Function>::try_from(self.walker.get(scope, name.into())?).ok()?;
        method.call(scope, self.walker.into(), &[argument.into()])
    }
}

fn kind_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let kind = match arguments.get(0) {
        value if value.is_proxy() => "proxy",
        value if value.is_function() => "function",
        value if value.is_reg_exp() => "regexp",
        value if value.is_date() => "date",
        value if value.is_map() => "map",
        value if value.is_set() => "set",
        value if value.is_native_error() => "error",
        value if value.is_array() => "array",
        value if value.is_promise() => "promise",
        value if value.is_generator_object() => "generator",
        value if value.is_data_view() => "dataview",
        value if value.is_typed_array() => "view",
        value if value.is_array_buffer() => "buffer",
        value if value.is_boolean_object() => "boolean",
        value if value.is_number_object() => "number",
        value if value.is_string_object() => "string",
        value if value.is_symbol_object() => "symbol",
        value if value.is_big_int_object() => "bigint",
        _ => "object",
    };
    if let Some(kind) = v8::String::new(scope, kind) {
        result.set(kind.into());
    }
}
