//! Promises that nothing can settle any more, though somebody may still wait for them.
//!
//! V8's hook tells of every promise that is made. It stays switched on for the isolate's life and slows
//! promises down in all that is made of its heap, so only the rehearsal has it.

use std::cell::RefCell;

use crate::engine::error::Finding;
use crate::engine::position::current_position;
use crate::engine::snapshot::build::graph::{Graph, Kind, Link, Ways};

/// Promises that are made while a source runs are many; of those that stay pending, the first tell enough.
const MOST_PROMISES: usize = 100_000;

thread_local! {
    static MADE: RefCell<Vec<(v8::Weak<v8::Promise>, Option<String>)>> = const { RefCell::new(Vec::new()) };
}

/// Begins to note the promises of this thread's isolate.
pub(super) fn watch(isolate: &mut v8::Isolate) {
    isolate.set_promise_hook(on_promise);
}

unsafe extern "C" fn on_promise(
    kind: v8::PromiseHookType,
    promise: v8::Local<v8::Promise>,
    _: v8::Local<v8::Value>,
) {
    if kind != v8::PromiseHookType::Init || MADE.with_borrow(Vec::len) == MOST_PROMISES {
        return;
    }
    v8::callback_scope!(unsafe scope, promise);
    let position = current_position(scope);
    let promise = v8::Weak::new(scope, promise);
    MADE.with_borrow_mut(|made| made.push((promise, position)));
}

/// The promises that live and are pending, with where they were made. Ends the notes.
pub(super) fn pending<'s>(
    scope: &mut v8::PinScope<'s, '_>,
) -> (Vec<v8::Local<'s, v8::Value>>, Vec<Option<String>>) {
    let made = MADE.take();
    made.into_iter()
        .filter_map(|(promise, position)| {
            let promise = promise.to_local(scope)?;
            (promise.state() == v8::PromiseState::Pending)
                .then(|| (v8::Local::<v8::Value>::from(promise), position))
        })
        .unzip()
}

/// Of the pending promises, given as nodes, those that the globals reach and that nothing will settle.
pub(super) fn forgotten(
    graph: &Graph,
    ways: &Ways,
    pending: &[usize],
    positions: &[Option<String>],
) -> Vec<Finding> {
    let mut can_settle = vec![false; graph.len()];
    for node in (0..graph.len()).filter(|node| ways.reaches(*node)) {
        // Its resolving functions, an async function that runs on, or a promise that it follows.
        let name = graph.name(node);
        let settles =
            name.starts_with("system / Context") || name == "system / PromiseReaction" || name == "Generator";
        if settles && graph.node(node).kind != Kind::Closure {
            for edge in graph.edges(node).filter(|edge| edge.link == Link::Hidden) {
                can_settle[edge.to] = true;
            }
        }
    }
    let reachable =
        pending.iter().zip(positions).filter(|(node, _)| ways.reaches(**node) && !can_settle[**node]);
    reachable
        .map(|(node, position)| {
            let path = ways.path(*node);
            Finding {
                rule: "pending-promise".to_owned(),
                message: format!("the promise {path} is pending, and nothing is left that could settle it"),
                path,
                source: position.clone(),
                hint: "settle it before the source ends, or make it in each session: in a function, not at the top level"
                    .to_owned(),
            }
        })
        .collect()
}
