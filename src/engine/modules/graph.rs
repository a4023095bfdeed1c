//! A graph of modules that is complete: what of it is no ES module, in order, and how deep it is.
//!
//! V8 walks along imports by recursion, and in some walks (the names behind `export *`, the modules
//! that wait for one that fails) it does not look at the stack's end. It looks while it links, but a
//! chain may be linked piece by piece. So each module knows how long a way through its imports can be.

use std::collections::HashMap;
use std::rc::Rc;
use std::vec::IntoIter;

use crate::engine::exception::throw;
use crate::engine::modules::Modules;
use crate::engine::modules::failure::Class;
use crate::engine::modules::failure::{shown, site_in};
use crate::engine::modules::link::{check_kind, refuse_stopped};
use crate::engine::modules::load::{Import, imports};
use crate::engine::modules::record::{Body, Record};

/// V8 takes less than 300 bytes of stack for each module on a way, and has 3 MiB and more.
const LONGEST_WAY: u32 = 4000;

/// A module on the way, by Tarjan's algorithm: modules that import one another in a circle are found
/// together, and count as a way through all of them.
struct Node {
    record: Rc<Record>,
    /// The earliest module that is known to be in the same circle.
    low: usize,
    /// The longest way from here through what is in no circle with it.
    longest: u32,
    /// Not put into a circle yet.
    is_open: bool,
}

struct Walk {
    nodes: Vec<Node>,
    known: HashMap<*const Record, usize>,
    open: Vec<usize>,
}

/// The modules of a graph that are not ES modules, each before those that import it. `None`: an
/// exception is pending.
pub(super) fn in_order(
    scope: &mut v8::PinScope,
    modules: &Modules,
    root: &Rc<Record>,
) -> Option<Vec<Rc<Record>>> {
    let mut ordered = Vec::new();
    let mut walk = Walk { nodes: Vec::new(), known: HashMap::new(), open: Vec::new() };
    let mut path: Vec<(usize, IntoIter<Import>)> = Vec::new();
    if let Some(first) = walk.enter(scope, root)? {
        path.push(first);
    } else {
        ordered.push(Rc::clone(root));
    }
    while let Some((at, rest)) = path.last_mut() {
        let at = *at;
        let Some(Import { key, wants }) = rest.next() else {
            path.pop();
            let outer = path.last().map(|(outer, _)| *outer);
            if walk.leave(at, outer) > LONGEST_WAY {
                let name = shown(&walk.nodes[at].record.key);
                let message = format!("module {name} imports modules more than {LONGEST_WAY} deep");
                throw(scope, v8::Exception::range_error, &message);
                return None;
            }
            continue;
        };
        let asking = Rc::clone(&walk.nodes[at].record);
        let Some(imported) = modules.find(&key) else {
            site_in(scope, &asking, &key).unwrap_or_default().throw_missing(scope, "");
            return None;
        };
        if let Err(message) = check_kind(&imported, wants) {
            let site = site_in(scope, &asking, &key).unwrap_or_default();
            site.throw(scope, Class::Type, &message);
            return None;
        }
        refuse_stopped(scope, &imported)?;
        if let Some(known) = walk.known.get(&Rc::as_ptr(&imported)) {
            walk.meet(at, *known);
        } else if let Some(next) = walk.enter(scope, &imported)? {
            path.push(next);
        } else {
            if !matches!(imported.body, Body::Es(_)) {
                ordered.push(Rc::clone(&imported));
            }
            walk.pass(at, imported.way.get().max(1));
        }
    }
    Some(ordered)
}

impl Walk {
    /// Begins with an ES module that V8 has not linked. Inside: none for any other, which is at its
    /// end already. `None`: an exception is pending.
    #[expect(clippy::option_option, reason = "an exception is not an absence")]
    fn enter(
        &mut self,
        scope: &mut v8::PinScope,
        record: &Rc<Record>,
    ) -> Option<Option<(usize, IntoIter<Import>)>> {
        let at = self.nodes.len();
        self.known.insert(Rc::as_ptr(record), at);
        let is_unlinked = record.is_unlinked(scope);
        let longest = if is_unlinked { 0 } else { record.way.get().max(1) };
        self.nodes.push(Node { record: Rc::clone(record), low: at, longest, is_open: is_unlinked });
        if !is_unlinked {
            return Some(None);
        }
        self.open.push(at);
        Some(Some((at, imports(scope, record)?.into_iter())))
    }

    /// Another import of a module that was met before.
    fn meet(&mut self, at: usize, known: usize) {
        let Node { is_open, longest, .. } = self.nodes[known];
        if is_open {
            self.nodes[at].low = self.nodes[at].low.min(known);
        } else {
            self.pass(at, longest);
        }
    }

    fn pass(&mut self, at: usize, way: u32) {
        let node = &mut self.nodes[at];
        node.longest = node.longest.max(way);
    }

    /// All imports of a module were looked at. The longest way from it, as far as it is known.
    fn leave(&mut self, at: usize, outer: Option<usize>) -> u32 {
        let low = self.nodes[at].low;
        if low < at {
            if let Some(outer) = outer {
                self.nodes[outer].low = self.nodes[outer].low.min(low);
            }
            return self.nodes[at].longest;
        }
        // The first of its circle: the others were met after it.
        let from = self.open.iter().rposition(|open| *open == at).unwrap_or_default();
        let circle = self.open.split_off(from);
        let longest = circle.iter().map(|member| self.nodes[*member].longest).max().unwrap_or_default();
        let way = longest.saturating_add(u32::try_from(circle.len()).unwrap_or(u32::MAX));
        for member in circle {
            let node = &mut self.nodes[member];
            node.is_open = false;
            node.longest = way;
            node.record.way.set(way);
        }
        if let Some(outer) = outer {
            self.pass(outer, way);
        }
        way
    }
}
