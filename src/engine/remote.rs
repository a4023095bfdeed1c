//! Functions and streams that cross the border as references: the guest's table of both directions.
//!
//! *Exports* are the guest's own, held for the host until it lets go. *Imports* are the host's, as
//! functions of the guest that call across; the guest's garbage collector decides when the host is told to
//! let go. Both sides count how often a reference was sent: it is forgotten when as many were given
//! back, so one that is on its way again is not lost. A stream is the function that takes its steps
//! (`remote.js`). Runs on the isolate's thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::engine::host_call::reference_callback;
use crate::engine::isolate;
use crate::engine::source::{self, Source};
use crate::engine::value::references::{Brought, Nature};

/// The host may hold so many functions and streams of one guest.
const MOST_EXPORTS: usize = 20_000;

/// After so many new imports the guest's garbage is collected: each keeps something of the host, which
/// V8 does not see.
const IMPORTS_BETWEEN_COLLECTIONS: usize = 4096;

/// The guest's code of streams.
const SCRIPT: &str = include_str!("remote.js");

/// What ends a stream early, see `remote.js`.
const RETURN: f64 = 1.0;

struct Export {
    function: v8::Global<v8::Function>,
    hash: i32,
    nature: Nature,
    sent: u32,
}

#[derive(Default)]
struct Exports {
    last: u32,
    by_number: HashMap<u32, Export>,
    /// V8's identity hashes are not unique: each bucket is compared.
    by_hash: HashMap<i32, Vec<u32>>,
}

#[derive(Default)]
struct Import {
    function: Option<v8::Weak<v8::Function>>,
    /// Which of the functions made for this number it is.
    generation: u64,
    is_sync: bool,
    received: u32,
}

/// The references of one isolate.
#[derive(Default)]
pub(crate) struct Remote {
    exports: RefCell<Exports>,
    imports: RefCell<HashMap<u32, Import>>,
    /// Imports to be given back, and how often each was received.
    returned: RefCell<Vec<(u32, u32)>>,
    made: Cell<u64>,
    uncollected: Cell<usize>,
    helper: OnceCell<v8::Global<v8::Object>>,
}

/// Why something can't be exported.
pub(crate) enum NoExport {
    /// The host holds too many already.
    TooMany,
    /// An exception is pending.
    Threw,
}

impl NoExport {
    pub(crate) fn too_many() -> String {
        format!("the host refers to {MOST_EXPORTS} functions and streams of the guest already")
    }
}

impl Remote {
    /// How many references the host holds, and how many the guest does.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.exports.borrow().by_number.len(), self.imports.borrow().len())
    }

    /// Sends a function of the guest once more.
    pub(crate) fn export_function(
        &self,
        scope: &mut v8::PinScope,
        function: v8::Local<v8::Function>,
    ) -> Result<Brought, NoExport> {
        self.export(scope, function, Nature::Function)
    }

    /// Sends an async iterable of the guest.
    pub(crate) fn export_stream(
        &self,
        scope: &mut v8::PinScope,
        iterable: v8::Local<v8::Object>,
    ) -> Result<Brought, NoExport> {
        let helper = self.helper(scope).ok_or(NoExport::Threw)?;
        let is_readable = isolate::call(scope, helper, "isReadable", &[iterable.into()]);
        let is_readable = is_readable.ok_or(NoExport::Threw)?.is_true();
        let steps = isolate::call(scope, helper, "produce", &[iterable.into()]).ok_or(NoExport::Threw)?;
        let steps = v8::Local::<v8::Function>::try_from(steps).map_err(|_| NoExport::Threw)?;
        self.export(scope, steps, if is_readable { Nature::Readable } else { Nature::Iterable })
    }

    fn export(
        &self,
        scope: &mut v8::PinScope,
        function: v8::Local<v8::Function>,
        nature: Nature,
    ) -> Result<Brought, NoExport> {
        let hash = function.get_identity_hash().get();
        let mut exports = self.exports.borrow_mut();
        let Exports { last, by_number, by_hash } = &mut *exports;
        for number in by_hash.get(&hash).into_iter().flatten() {
            if let Some(export) = by_number.get_mut(number).filter(|export| export.function == function) {
                export.sent += 1;
                return Ok(Brought { number: *number, nature });
            }
        }
        let number =
            last.checked_add(1).filter(|_| by_number.len() < MOST_EXPORTS).ok_or(NoExport::TooMany)?;
        *last = number;
        let function = v8::Global::new(scope, function);
        by_number.insert(number, Export { function, hash, nature, sent: 1 });
        by_hash.entry(hash).or_default().push(number);
        Ok(Brought { number, nature })
    }

    /// The guest's own function of that number; none when the host has let go of it.
    pub(crate) fn exported<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        number: u32,
    ) -> Option<v8::Local<'s, v8::Function>> {
        let exports = self.exports.borrow();
        exports.by_number.get(&number).map(|export| v8::Local::new(scope, &export.function))
    }

    /// The host lets go of a reference that it got so many times. What is left to be done with it is to
    /// end the stream that it took the steps of.
    pub(crate) fn release(&self, number: u32, times: u32) -> Option<v8::Global<v8::Function>> {
        let mut exports = self.exports.borrow_mut();
        let export = exports.by_number.get_mut(&number)?;
        export.sent = export.sent.saturating_sub(times);
        if export.sent > 0 {
            return None;
        }
        let export = exports.by_number.remove(&number)?;
        if let Some(bucket) = exports.by_hash.get_mut(&export.hash) {
            bucket.retain(|known| *known != number);
            if bucket.is_empty() {
                exports.by_hash.remove(&export.hash);
            }
        }
        matches!(export.nature, Nature::Iterable | Nature::Readable).then_some(export.function)
    }

    /// What was to be sent was not.
    pub(crate) fn take_back(&self, brought: &[Brought]) {
        for Brought { number, .. } in brought {
            // A stream that nobody got has not begun.
            drop(self.release(*number, 1));
        }
    }

    /// Whether the guest waits for the answer of the host's function.
    pub(crate) fn is_sync(&self, number: u32) -> bool {
        self.imports.borrow().get(&number).is_some_and(|import| import.is_sync)
    }

    /// What stands for the things that a message brings, by their numbers. Not while V8 reads it: a
    /// stream is made by code of the guest's. `None`: an exception is pending.
    pub(crate) fn import<'s>(
        self: &Rc<Self>,
        scope: &mut v8::PinScope<'s, '_>,
        brought: &[Brought],
    ) -> Option<HashMap<u32, v8::Local<'s, v8::Object>>> {
        for Brought { number, nature } in brought {
            let mut imports = self.imports.borrow_mut();
            let import = imports.entry(*number).or_default();
            import.received += 1;
            import.is_sync = *nature == Nature::SyncFunction;
        }
        let mut imported = HashMap::with_capacity(brought.len());
        for Brought { number, nature } in brought {
            let function = self.imported(scope, *number)?;
            let object = match nature {
                Nature::Function | Nature::SyncFunction => function.into(),
                Nature::Iterable | Nature::Readable => {
                    let helper = self.helper(scope)?;
                    let is_readable = v8::Boolean::new(scope, *nature == Nature::Readable);
                    let arguments = [function.into(), is_readable.into()];
                    let stream = isolate::call(scope, helper, "consume", &arguments)?;
                    v8::Local::<v8::Object>::try_from(stream).ok()?
                }
            };
            imported.insert(*number, object);
        }
        Some(imported)
    }

    fn imported<'s>(
        self: &Rc<Self>,
        scope: &mut v8::PinScope<'s, '_>,
        number: u32,
    ) -> Option<v8::Local<'s, v8::Function>> {
        let known =
            self.imports.borrow().get(&number).and_then(|import| import.function.as_ref()?.to_local(scope));
        if known.is_some() {
            return known;
        }
        let data = v8::Integer::new_from_unsigned(scope, number);
        let function = v8::Function::builder_raw(reference_callback())
            .data(data.into())
            .constructor_behavior(v8::ConstructorBehavior::Throw)
            .build(scope)?;
        let key = import_key(scope);
        function.set_private(scope, key, data.into())?;
        let generation = self.made.get() + 1;
        self.made.set(generation);
        self.uncollected.set(self.uncollected.get() + 1);
        let this = Rc::downgrade(self);
        let collected = Box::new(move |_: &mut v8::Isolate| {
            if let Some(this) = this.upgrade() {
                this.collected(number, generation);
            }
        });
        // No table is in use where V8 may collect garbage: a finalizer looks into them.
        let weak = v8::Weak::with_finalizer(scope, function, collected);
        let before = {
            let mut imports = self.imports.borrow_mut();
            let import = imports.entry(number).or_default();
            import.generation = generation;
            import.function.replace(weak)
        };
        drop(before);
        Some(function)
    }

    /// V8 has collected the guest's function.
    fn collected(&self, number: u32, generation: u64) {
        let mut imports = self.imports.borrow_mut();
        if imports.get(&number).is_some_and(|import| import.generation == generation)
            && let Some(import) = imports.remove(&number)
        {
            self.returned.borrow_mut().push((number, import.received));
        }
    }

    /// A message that brings these was read, or could not be: what the guest did not get of it, the host
    /// need not keep.
    pub(crate) fn received(&self, brought: &[Brought]) {
        let mut imports = self.imports.borrow_mut();
        for Brought { number, .. } in brought {
            let is_held = |import: &Import| import.function.as_ref().is_some_and(|weak| !weak.is_empty());
            if imports.get(number).is_some_and(|import| !is_held(import))
                && let Some(import) = imports.remove(number)
            {
                self.returned.borrow_mut().push((*number, import.received));
            }
        }
    }

    /// A message that brings these will never be read.
    pub(crate) fn not_received(&self, brought: &[Brought]) {
        self.returned.borrow_mut().extend(brought.iter().map(|Brought { number, .. }| (*number, 1)));
    }

    /// The host's references that the guest has let go of since.
    pub(crate) fn take_returned(&self) -> Vec<(u32, u32)> {
        self.returned.take()
    }

    /// Whether so many references came that the guest's garbage is to be collected for them.
    pub(crate) fn wants_collection(&self) -> bool {
        let wants = self.uncollected.get() >= IMPORTS_BETWEEN_COLLECTIONS;
        if wants {
            self.uncollected.set(0);
        }
        wants
    }

    fn helper<'s>(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Object>> {
        if let Some(helper) = self.helper.get() {
            return Some(v8::Local::new(scope, helper));
        }
        let make = source::evaluate(scope, &Source::script(SCRIPT, "isoseed:streams"))?;
        let make = v8::Local::<v8::Function>::try_from(make).ok()?;
        let receiver = v8::undefined(scope).into();
        let async_iterator = v8::Symbol::get_async_iterator(scope);
        let helper = make.call(scope, receiver, &[async_iterator.into()])?;
        let helper = v8::Local::<v8::Object>::try_from(helper).ok()?;
        // A getter of the guest's may have had it made meanwhile: the first one stays.
        let _ = self.helper.set(v8::Global::new(scope, helper));
        Some(helper)
    }
}

/// The number of the host's function that a function of the guest stands for.
pub(crate) fn imported_number(scope: &mut v8::PinScope, function: v8::Local<v8::Function>) -> Option<u32> {
    let key = import_key(scope);
    let number = function.get_private(scope, key)?;
    v8::Local::<v8::Number>::try_from(number).ok()?.uint32_value(scope)
}

/// Where a function that stands for one of the host's keeps its number, out of the guest's sight.
fn import_key<'s>(scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Private> {
    let name = v8::String::new(scope, "isoseed:reference");
    v8::Private::for_api(scope, name)
}

/// Ends a stream of the guest that the host has let go of.
pub(crate) fn end_stream(scope: &mut v8::PinScope, steps: &v8::Global<v8::Function>) -> Option<()> {
    let steps = v8::Local::new(scope, steps);
    let receiver = v8::undefined(scope).into();
    let method = v8::Number::new(scope, RETURN);
    let ended = steps.call(scope, receiver, &[method.into()])?;
    // Nobody is there to hear how it went.
    if let Ok(ended) = v8::Local::<v8::Promise>::try_from(ended) {
        ended.mark_as_handled();
    }
    scope.perform_microtask_checkpoint();
    Some(())
}
