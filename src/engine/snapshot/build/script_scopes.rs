//! The scopes of scripts: what their top-level `let`, `const` and `class` are called, and which functions
//! see nothing but them and the globals. V8's API tells neither; its heap snapshot does.

use crate::engine::snapshot::build::graph::{Graph, Link};

/// What was found.
pub(crate) struct ScriptScopes {
    /// The names of all top-level `let`, `const` and `class`.
    pub(crate) names: Vec<String>,
    /// For each of the functions, whether it was made at the top level of a script.
    pub(crate) are_top_level: Vec<bool>,
}

/// Looks at the heap. It costs as much as a full garbage collection and more. `None` when V8 is out of
/// memory.
pub(crate) fn look(scope: &mut v8::PinScope, functions: &[v8::Local<v8::Value>]) -> Option<ScriptScopes> {
    v8::scope!(let scope, scope);
    let global = scope.get_current_context().global(scope);
    let mut marked = vec![v8::Local::<v8::Value>::from(global)];
    marked.extend(functions.iter().map(|function| v8::Local::new(scope, *function)));
    let graph = Graph::take(scope, &marked)?;
    let nodes = graph.marked();
    let (global, functions) = nodes.split_first()?;
    let contexts = contexts(&graph, *global);
    let mut names: Vec<String> = contexts.iter().flat_map(|context| variables(&graph, *context)).collect();
    names.sort();
    names.dedup();
    let is_top_level = |function: &usize| {
        let context = graph.internal(*function, "context");
        context.is_some_and(|context| {
            contexts.contains(&context) || graph.name(context).starts_with("system / NativeContext")
        })
    };
    Some(ScriptScopes { names, are_top_level: functions.iter().map(is_top_level).collect() })
}

/// The names of the scripts' scopes in a graph.
pub(super) fn names(graph: &Graph, global: usize) -> Vec<String> {
    let mut names: Vec<String> =
        contexts(graph, global).iter().flat_map(|context| variables(graph, *context)).collect();
    names.sort();
    names.dedup();
    names
}

/// The scopes of the scripts of the context that a global object belongs to.
fn contexts(graph: &Graph, global: usize) -> Vec<usize> {
    let natives = graph.edges(global).map(|edge| edge.to).chain([global]);
    let natives: Vec<usize> = natives
        .flat_map(|node| graph.edges(node))
        .filter(|edge| {
            graph.label(edge) == "native_context" || graph.name(edge.to).starts_with("system / NativeContext")
        })
        .map(|edge| edge.to)
        .collect();
    let mut found = Vec::new();
    for native in natives {
        let Some(table) = graph.internal(native, "script_context_table") else { continue };
        for edge in graph.edges(table) {
            if graph.name(edge.to).starts_with("system / Context") && !found.contains(&edge.to) {
                found.push(edge.to);
            }
        }
    }
    found
}

fn variables(graph: &Graph, context: usize) -> Vec<String> {
    let variables = graph.edges(context).filter(|edge| edge.link == Link::Variable);
    // V8 keeps the script's `this` there, too.
    let names = variables.map(|edge| graph.label(edge)).filter(|name| *name != "this");
    names.map(ToOwned::to_owned).collect()
}
