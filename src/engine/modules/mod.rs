//! The modules of one context: ES modules, CommonJS modules and JSON, each found by its name.
//!
//! `name` (what a specifier means) → `load` (a graph is brought together, turn by turn, with the host
//! asked in `host`) → `link` (V8 links and evaluates it) → `outcome` (whoever asked is told). `import`
//! and `commonjs` are what the guest's code calls; `wrapper` makes ES modules of what is none. Runs on
//! the isolate's thread, in sessions and in the snapshot builder, which has no host.
//!
//! Invariants:
//! - V8 links only what is complete: while it links, nothing of the guest runs and nobody is asked;
//! - one evaluation is never begun inside another: V8 ends the process otherwise;
//! - a name means one module for the life of its context, once that was compiled.
//!
//! A snapshot carries the modules as data of the context, in the order of `Kept`.

mod attributes;
mod commonjs;
mod evaluated;
mod failure;
mod graph;
mod host;
mod import;
mod link;
mod load;
mod name;
mod outcome;
mod record;
mod wrapper;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::engine::exception::throw;
use crate::engine::host_call::GuestState;
use crate::engine::lifecycle::CallId;
use crate::engine::position::Positions;
use crate::engine::source::{Source, SourceKind, evaluate};
use crate::engine::uncaught;

pub(crate) use failure::name_missing;
pub use host::{LOADER_PATH, SessionModule, SessionModules};
pub(crate) use import::allow_imports;

use failure::shown;
use load::{Goal, Load, Loads};
use record::{Body, Record, Run};

/// A module that a snapshot carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What it is imported by.
    pub name: String,
    /// Whether the context carries a CommonJS module's `module`.
    pub commonjs: bool,
    /// Whether the context carries, next, an ES module: itself, or its wrapper.
    pub module: bool,
    /// How many modules a way through its imports can have.
    pub way: u32,
}

/// The modules of the current context, in the isolate's slot.
#[derive(Default)]
pub(crate) struct Modules {
    table: RefCell<HashMap<Rc<str>, Rc<Record>>>,
    /// All that V8 may ask about, by V8's hash: those of the table, and what `eval` was given.
    by_hash: RefCell<HashMap<i32, Vec<Rc<Record>>>>,
    /// What can be imported and was not yet.
    sources: RefCell<HashMap<Rc<str>, Source>>,
    /// Those of them whose own turn to be evaluated comes, though another may import them before.
    turns: RefCell<HashSet<Rc<str>>>,
    loads: Loads,
    host: RefCell<Option<host::Loader>>,
    /// What a wrapper that is evaluated right now exports.
    exports: RefCell<Option<v8::Global<v8::Value>>>,
    is_evaluating: Cell<bool>,
}

/// The native functions that a snapshot may refer to, in an order that does not change.
pub(crate) fn callbacks() -> [v8::FunctionCallback; 4] {
    [commonjs::on_require(), import::on_started(), outcome::on_evaluated(), outcome::on_failed()]
}

/// Begins a new context: nothing is known in it.
pub(crate) fn reset(isolate: &mut v8::Isolate) -> Rc<Modules> {
    let modules = Rc::new(Modules::default());
    isolate.set_slot(Rc::clone(&modules));
    modules
}

/// Lets go of all handles into the heap, as a snapshot or the isolate's end demands.
pub(crate) fn clear(isolate: &mut v8::Isolate) {
    isolate.remove_slot::<Rc<Modules>>();
}

/// The modules of the current context.
pub(crate) fn current(scope: &v8::Isolate) -> Option<Rc<Modules>> {
    scope.get_slot::<Rc<Modules>>().map(Rc::clone)
}

impl Modules {
    /// Takes over what a snapshot's context carries. `at` is the place of the first in its data.
    pub(crate) fn restore(&self, scope: &mut v8::PinScope, kept: &[Kept], mut at: usize) -> Option<()> {
        for Kept { name, commonjs, module, way } in kept {
            let key: Rc<str> = name::key(name).into();
            let run = if *commonjs {
                let object = scope.get_context_data_from_snapshot_once::<v8::Object>(at).ok()?;
                at += 1;
                Some(Run::Done(v8::Global::new(scope, object)))
            } else {
                None
            };
            let module = if *module {
                let module = scope.get_context_data_from_snapshot_once::<v8::Module>(at).ok()?;
                at += 1;
                Some(v8::Global::new(scope, module))
            } else {
                None
            };
            let body = match (run, module) {
                (Some(run), wrapper) => {
                    Body::CommonJs { run: RefCell::new(run), wrapper: RefCell::new(wrapper) }
                }
                (None, Some(module)) => Body::Es(module),
                (None, None) => return None,
            };
            let record = Record::new(key, name, body);
            record.way.set(*way);
            self.add(scope, &record);
        }
        Some(())
    }

    /// Hands everything to V8 as data of `context`. What it carries, by name.
    pub(crate) fn save(
        &self,
        scope: &mut v8::PinScope<'_, '_, ()>,
        context: v8::Local<v8::Context>,
    ) -> Vec<Kept> {
        let mut records: Vec<_> = self.table.borrow().values().cloned().collect();
        records.sort_by(|one, other| one.key.cmp(&other.key));
        let mut kept = Vec::new();
        for record in records {
            let object = record.exported();
            if let Some(object) = &object {
                let object = v8::Local::new(scope, object);
                scope.add_context_data(context, object);
            }
            let module = record.module();
            if let Some(module) = &module {
                let module = v8::Local::new(scope, module);
                scope.add_context_data(context, module);
            }
            if object.is_some() || module.is_some() {
                kept.push(Kept {
                    name: record.name.to_string(),
                    commonjs: object.is_some(),
                    module: module.is_some(),
                    way: record.way.get(),
                });
            }
        }
        kept
    }

    /// What the modules that were evaluated give others, by their names: the namespace of an ES module, the
    /// exports of a CommonJS one.
    pub(crate) fn values<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Vec<(String, v8::Local<'s, v8::Value>)> {
        let mut records: Vec<_> = self.table.borrow().values().cloned().collect();
        records.sort_by(|one, other| one.key.cmp(&other.key));
        let mut values = Vec::new();
        for record in records {
            if let Some(module) = record.exported() {
                let module = v8::Local::new(scope, module);
                let exports = v8::String::new(scope, "exports").and_then(|key| module.get(scope, key.into()));
                values.extend(exports.map(|exports| (record.name.to_string(), exports)));
            } else if let Some(module) = record.module() {
                let module = v8::Local::new(scope, module);
                if module.get_status() == v8::ModuleStatus::Evaluated {
                    values.push((record.name.to_string(), module.get_module_namespace()));
                }
            }
        }
        values
    }

    /// Makes sources known before any of them is evaluated, so that they may import one another in any
    /// order. Scripts have no name to be imported by.
    pub(crate) fn announce<'a>(&self, sources: impl Iterator<Item = &'a Source>) {
        for source in sources.filter(|source| source.kind != SourceKind::Script) {
            let key: Rc<str> = name::key(&source.name).into();
            self.turns.borrow_mut().insert(Rc::clone(&key));
            self.sources.borrow_mut().insert(key, source.clone());
        }
    }

    fn find(&self, key: &str) -> Option<Rc<Record>> {
        self.table.borrow().get(key).map(Rc::clone)
    }

    fn add(&self, scope: &mut v8::PinScope, record: &Rc<Record>) {
        self.table.borrow_mut().insert(Rc::clone(&record.key), Rc::clone(record));
        if let Some(module) = record.module() {
            self.remember(scope, record, &module);
        }
    }

    /// Lets V8's callbacks find the record of `module`.
    fn remember(&self, scope: &mut v8::PinScope, record: &Rc<Record>, module: &v8::Global<v8::Module>) {
        let hash = v8::Local::new(scope, module).get_identity_hash().get();
        self.by_hash.borrow_mut().entry(hash).or_default().push(Rc::clone(record));
    }

    /// The record is nobody's module: only the request that brought it ran it.
    fn forget(&self, record: &Rc<Record>) {
        self.by_hash.borrow_mut().retain(|_, records| {
            records.retain(|known| !Rc::ptr_eq(known, record));
            !records.is_empty()
        });
    }

    fn record_of(&self, module: v8::Local<v8::Module>) -> Option<Rc<Record>> {
        let by_hash = self.by_hash.borrow();
        let records = by_hash.get(&module.get_identity_hash().get())?;
        records.iter().find(|record| record.module().is_some_and(|known| known == module)).map(Rc::clone)
    }

    /// The record of `key`, made of the source that is there for it. Inside: none when there is no
    /// source. `None`: an exception is pending.
    #[expect(clippy::option_option, reason = "an exception is not an absence")]
    fn find_or_compile(&self, scope: &mut v8::PinScope, key: &Rc<str>) -> Option<Option<Rc<Record>>> {
        if let Some(record) = self.find(key) {
            return Some(Some(record));
        }
        let source = self.sources.borrow_mut().remove(key);
        let Some(mut source) = source else { return Some(None) };
        let Some(record) = compile(scope, key, &mut source) else {
            // What failed is not remembered.
            self.sources.borrow_mut().insert(Rc::clone(key), source);
            return None;
        };
        self.add(scope, &record);
        Some(Some(record))
    }
}

/// Makes a record of a source, and takes what it needs of that. `None`: an exception is pending.
fn compile(scope: &mut v8::PinScope, key: &Rc<str>, source: &mut Source) -> Option<Rc<Record>> {
    if let Some(guest) = scope.get_slot::<Rc<GuestState>>().map(Rc::clone)
        && source.code.len() > guest.largest_source()
    {
        let message = format!("module {} is longer than {} bytes", shown(key), guest.largest_source());
        throw(scope, v8::Exception::range_error, &message);
        return None;
    }
    if let Some(positions) = scope.get_slot::<Rc<Positions>>() {
        // What an isolate starts from instead of a snapshot has been relieved of its map already.
        positions.take_new(source);
    }
    let name = source.name.clone();
    let body = match source.kind {
        SourceKind::Json => Body::Json { value: wrapper::parse(scope, source)?, wrapper: RefCell::default() },
        SourceKind::CommonJs => Body::CommonJs {
            run: RefCell::new(Run::New(Rc::new(std::mem::take(source)))),
            wrapper: RefCell::default(),
        },
        SourceKind::Module | SourceKind::Script => {
            let module = link::compile(scope, &source.code, &source.name)?;
            Body::Es(v8::Global::new(scope, module))
        }
    };
    Some(Record::new(Rc::clone(key), &name, body))
}

/// Evaluates a source that is no ES module. A script's value is its last expression's, a CommonJS
/// module's is its exports. `None`: an exception is pending.
pub(crate) fn evaluate_now<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    source: &Source,
) -> Option<v8::Local<'s, v8::Value>> {
    match source.kind {
        SourceKind::CommonJs => commonjs::evaluate(scope, source),
        SourceKind::Json => wrapper::parse(scope, source).map(|value| v8::Local::new(scope, value)),
        SourceKind::Script | SourceKind::Module => evaluate(scope, source),
    }
}

/// Begins to evaluate an ES module for a request of the host, which is told what its default export
/// comes to. `None`: an exception is pending.
pub(crate) fn begin_module(scope: &mut v8::PinScope, call: CallId, source: &Source) -> Option<()> {
    let modules = current(scope)?;
    let key: Rc<str> = name::key(&source.name).into();
    let module = link::compile(scope, &source.code, &source.name)?;
    let body = Body::Es(v8::Global::new(scope, module));
    let record = Record::new(key, &source.name, body);
    if let Body::Es(module) = &record.body {
        modules.remember(scope, &record, module);
    }
    let goal = Goal::Default { call, global: source.global.clone() };
    let load = modules.loads.add(Load::of_record(goal, Some(call), record));
    modules.proceed(scope, load);
    Some(())
}

/// Begins to import a module for a request of the host, which is told what it exports. `None`: an
/// exception is pending.
pub(crate) fn begin_import(scope: &mut v8::PinScope, call: CallId, specifier: &str) -> Option<()> {
    let modules = current(scope)?;
    let load = modules.loads.add(Load::for_host(call, specifier));
    modules.proceed(scope, load);
    Some(())
}

/// How far a source came with all that it set off.
pub(crate) enum End {
    Done,
    /// A module waits in a top-level `await`, and nothing is left to run.
    Waiting,
}

/// Evaluates a source and what it sets off, where there is no host to load anything. `None`: an
/// exception is pending. `put_off` is told when the source itself is through.
pub(crate) fn run_to_end(scope: &mut v8::PinScope, source: &Source, put_off: impl FnOnce()) -> Option<End> {
    // What the source came to must not seem to be held by anyone.
    v8::scope!(let scope, scope);
    let promise = if source.kind == SourceKind::Module {
        Some(link::evaluate_announced(scope, source)?)
    } else {
        evaluate_now(scope, source)?;
        None
    };
    put_off();
    scope.perform_microtask_checkpoint();
    let Some(promise) = promise else { return Some(End::Done) };
    match promise.state() {
        v8::PromiseState::Fulfilled => Some(End::Done),
        v8::PromiseState::Pending => Some(End::Waiting),
        v8::PromiseState::Rejected => {
            uncaught::expect(scope, promise);
            let reason = promise.result(scope);
            scope.throw_exception(reason);
            None
        }
    }
}
