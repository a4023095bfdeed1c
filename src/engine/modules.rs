//! CommonJS and ES modules of one context: evaluating them, and finding them by name.
//!
//! `modules.js` is the registry; here is what only V8's API can do. Runs on the isolate's thread, in
//! sessions and in the snapshot builder. A snapshot carries the registry and its ES modules as data of
//! the context, in the order of `Modules::names`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::engine::exception::throw;
use crate::engine::isolate;
use crate::engine::source::{Source, SourceKind, code_string, evaluate, origin};
use crate::engine::system;
use crate::engine::text::{LONGEST_NAME, beginning};

/// An ES module that can be imported by its name.
struct Entry {
    name: String,
    module: v8::Global<v8::Module>,
    turn: Turn,
}

/// When the source of a module is evaluated for its own sake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Later: another module imports it before.
    ToCome,
    /// Now, or before.
    Come,
    /// Now, and it is nobody's module: what `eval` was given.
    Passing,
}

/// The modules of the current context, in the isolate's slot.
#[derive(Default)]
pub(crate) struct Modules {
    registry: RefCell<Option<v8::Global<v8::Object>>>,
    compiled: RefCell<Vec<Entry>>,
    /// Sources that may be imported before their turn to be evaluated comes.
    waiting: RefCell<HashMap<String, Source>>,
}

/// Lets the isolate's code import. Once for each isolate.
pub(crate) fn allow_imports(isolate: &mut v8::Isolate) {
    isolate.set_host_import_module_dynamically_callback(on_import);
    isolate.set_host_initialize_import_meta_object_callback(on_import_meta);
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

impl Modules {
    /// Takes over what a snapshot's context carries. `first` is the place of the registry in its data.
    pub(crate) fn restore(&self, scope: &mut v8::PinScope, names: &[String], first: usize) -> Option<()> {
        let registry = scope.get_context_data_from_snapshot_once::<v8::Object>(first).ok()?;
        *self.registry.borrow_mut() = Some(v8::Global::new(scope, registry));
        for (index, name) in names.iter().enumerate() {
            let module = scope.get_context_data_from_snapshot_once::<v8::Module>(first + 1 + index).ok()?;
            let module = v8::Global::new(scope, module);
            self.compiled.borrow_mut().push(Entry { name: name.clone(), module, turn: Turn::Come });
        }
        Some(())
    }

    /// Hands everything to V8 as data of `context`. The names of the ES modules, or none when the
    /// context has no registry.
    pub(crate) fn save(
        &self,
        scope: &mut v8::PinScope<'_, '_, ()>,
        context: v8::Local<v8::Context>,
    ) -> Option<Vec<String>> {
        let registry = self.registry.borrow();
        let registry = v8::Local::new(scope, registry.as_ref()?);
        scope.add_context_data(context, registry);
        let compiled = self.compiled.borrow();
        for entry in compiled.iter() {
            let module = v8::Local::new(scope, &entry.module);
            scope.add_context_data(context, module);
        }
        Some(compiled.iter().map(|entry| entry.name.clone()).collect())
    }

    /// Makes the names of ES modules known before any of them is evaluated, so that they may import one
    /// another in any order.
    pub(crate) fn announce<'a>(
        &self,
        scope: &mut v8::PinScope,
        sources: impl Iterator<Item = &'a Source>,
    ) -> Option<()> {
        for source in sources.filter(|source| source.kind == SourceKind::Module) {
            self.declare(scope, &source.name)?;
            self.waiting.borrow_mut().insert(source.name.clone(), source.clone());
        }
        Some(())
    }

    fn declare(&self, scope: &mut v8::PinScope, name: &str) -> Option<()> {
        let name = v8::String::new(scope, name)?.into();
        self.call(scope, "declare", &[name]).map(drop)
    }

    /// Calls a function of the registry.
    fn call<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        function: &str,
        arguments: &[v8::Local<v8::Value>],
    ) -> Option<v8::Local<'s, v8::Value>> {
        let registry = self.registry(scope)?;
        isolate::call(scope, registry, function, arguments)
    }

    fn registry<'s>(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Object>> {
        if let Some(registry) = &*self.registry.borrow() {
            return Some(v8::Local::new(scope, registry));
        }
        let source = Source::script(include_str!("modules.js"), "isoseed:modules");
        let registry = v8::Local::<v8::Object>::try_from(evaluate(scope, &source)?).ok()?;
        let (name, maker) = (v8::String::new(scope, "system")?, system::maker(scope)?);
        registry.create_data_property(scope, name.into(), maker.into())?;
        *self.registry.borrow_mut() = Some(v8::Global::new(scope, registry));
        Some(registry)
    }

    /// The ES module that `specifier` means to `referrer`, compiled when it has to be. `None`: an
    /// exception is pending.
    fn find<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        specifier: v8::Local<v8::String>,
        referrer: v8::Local<v8::Value>,
    ) -> Option<v8::Local<'s, v8::Module>> {
        let arguments = [specifier.into(), referrer];
        let name = self.call(scope, "resolve", &arguments)?;
        if name.is_string() {
            let name = name.to_rust_string_lossy(scope);
            if let Some(module) = self.by_name(scope, &name) {
                return Some(module);
            }
            let source = self.waiting.borrow_mut().remove(&name);
            if let Some(source) = source {
                return self.compile(scope, &source, Turn::ToCome);
            }
        }
        throw_missing(scope, specifier, referrer);
        None
    }

    fn by_name<'s>(&self, scope: &mut v8::PinScope<'s, '_>, name: &str) -> Option<v8::Local<'s, v8::Module>> {
        let compiled = self.compiled.borrow();
        let entry = compiled.iter().rev().find(|entry| entry.name == name && entry.turn != Turn::Passing)?;
        Some(v8::Local::new(scope, &entry.module))
    }

    fn compile<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        source: &Source,
        turn: Turn,
    ) -> Option<v8::Local<'s, v8::Module>> {
        let code = code_string(scope, &source.code)?;
        let origin = origin(scope, &source.name, true)?;
        let mut code = v8::script_compiler::Source::new(code, Some(&origin));
        let module = v8::script_compiler::compile_module(scope, &mut code)?;
        let entry = Entry { name: source.name.clone(), module: v8::Global::new(scope, module), turn };
        self.compiled.borrow_mut().push(entry);
        Some(module)
    }

    /// Links and evaluates a module that does neither right now: V8 ends the process otherwise. The
    /// promise settles when it and all it imports are evaluated.
    fn run<'s>(
        scope: &mut v8::PinScope<'s, '_>,
        module: v8::Local<'s, v8::Module>,
    ) -> Option<v8::Local<'s, v8::Value>> {
        if module.get_status() == v8::ModuleStatus::Uninstantiated {
            module.instantiate_module(scope, on_static_import)?;
        }
        match module.get_status() {
            v8::ModuleStatus::Instantiated | v8::ModuleStatus::Evaluated | v8::ModuleStatus::Errored => {
                module.evaluate(scope)
            }
            _ => {
                throw(scope, v8::Exception::error, "the module is being linked or evaluated right now");
                None
            }
        }
    }

    /// The module of an announced source whose turn has come; another one imported it before.
    fn take_imported<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        name: &str,
    ) -> Option<v8::Local<'s, v8::Module>> {
        let mut compiled = self.compiled.borrow_mut();
        let entry = compiled.iter_mut().find(|entry| entry.name == name && entry.turn == Turn::ToCome)?;
        entry.turn = Turn::Come;
        Some(v8::Local::new(scope, &entry.module))
    }

    fn name_of(&self, module: v8::Local<v8::Module>) -> Option<String> {
        let compiled = self.compiled.borrow();
        compiled.iter().find(|entry| entry.module == module).map(|entry| entry.name.clone())
    }
}

/// Evaluates a source of any kind. A script's value is its last expression's, a CommonJS module's is
/// its exports, an ES module's a promise for its default export. `None`: an exception is pending.
pub(crate) fn evaluate_any<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    source: &Source,
) -> Option<v8::Local<'s, v8::Value>> {
    match source.kind {
        SourceKind::Script => evaluate(scope, source),
        SourceKind::CommonJs => evaluate_commonjs(scope, source),
        SourceKind::Module => evaluate_module(scope, source),
    }
}

/// How far a source came with all that it set off.
pub(crate) enum End {
    Done,
    /// A module waits in a top-level `await`, and nothing is left to run.
    Waiting,
}

/// Evaluates a source and what it sets off. `None`: an exception is pending. `put_off` is told when the
/// source itself is through.
pub(crate) fn run_to_end(scope: &mut v8::PinScope, source: &Source, put_off: impl FnOnce()) -> Option<End> {
    // What the source came to must not seem to be held by anyone.
    v8::scope!(let scope, scope);
    let value = evaluate_any(scope, source)?;
    put_off();
    scope.perform_microtask_checkpoint();
    if source.kind != SourceKind::Module {
        return Some(End::Done);
    }
    let promise = v8::Local::<v8::Promise>::try_from(value).ok()?;
    match promise.state() {
        v8::PromiseState::Fulfilled => Some(End::Done),
        v8::PromiseState::Pending => Some(End::Waiting),
        v8::PromiseState::Rejected => {
            promise.mark_as_handled();
            let reason = promise.result(scope);
            scope.throw_exception(reason);
            None
        }
    }
}

fn evaluate_commonjs<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    source: &Source,
) -> Option<v8::Local<'s, v8::Value>> {
    let modules = current(scope)?;
    let code = code_without_hashbang(scope, &source.code)?;
    let origin = origin(scope, &source.name, false)?;
    let mut code = v8::script_compiler::Source::new(code, Some(&origin));
    let parameters = [
        v8::String::new(scope, "exports")?,
        v8::String::new(scope, "require")?,
        v8::String::new(scope, "module")?,
    ];
    let body = v8::script_compiler::compile_function(
        scope,
        &mut code,
        &parameters,
        &[],
        v8::script_compiler::CompileOptions::NoCompileOptions,
        v8::script_compiler::NoCacheReason::NoReason,
    )?;
    let name = v8::String::new(scope, &source.name)?.into();
    let global = optional_string(scope, source.global.as_deref())?;
    modules.call(scope, "commonjs", &[name, global, body.into()])
}

/// V8 knows hashbangs in scripts and modules, but not in the body of a function.
fn code_without_hashbang<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    code: &str,
) -> Option<v8::Local<'s, v8::String>> {
    let code = code.strip_prefix('\u{feff}').unwrap_or(code);
    match code.strip_prefix("#!") {
        Some(rest) => code_string(scope, &format!("//{rest}")),
        None => code_string(scope, code),
    }
}

fn evaluate_module<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    source: &Source,
) -> Option<v8::Local<'s, v8::Value>> {
    let modules = current(scope)?;
    let is_announced = modules.waiting.borrow_mut().remove(&source.name).is_some();
    let imported = modules.take_imported(scope, &source.name);
    let is_kept = is_announced || imported.is_some();
    let module = match imported {
        Some(module) => module,
        None => modules.compile(scope, source, if is_kept { Turn::Come } else { Turn::Passing })?,
    };
    let evaluated = Modules::run(scope, module);
    if !is_kept {
        // Nobody can import it: nothing refers to it any more once it has run.
        modules.compiled.borrow_mut().retain(|entry| entry.module != module);
    }
    let evaluated = evaluated?;
    let name = v8::String::new(scope, &source.name)?.into();
    let global = optional_string(scope, source.global.as_deref())?;
    let namespace = module.get_module_namespace();
    modules.call(scope, "evaluated", &[name, global, namespace, evaluated])
}

fn throw_missing(scope: &mut v8::PinScope, specifier: v8::Local<v8::String>, referrer: v8::Local<v8::Value>) {
    let shown = |text| beginning(scope, text, LONGEST_NAME);
    let specifier = shown(specifier);
    let referrer = v8::Local::<v8::String>::try_from(referrer).map(shown).unwrap_or_default();
    let message = v8::String::new(scope, &format!("no module {specifier:?} ({referrer} asks for it)"));
    let (key, code) = (v8::String::new(scope, "code"), v8::String::new(scope, "ERR_MODULE_NOT_FOUND"));
    let (Some(message), Some(key), Some(code)) = (message, key, code) else { return };
    let error = v8::Exception::error(scope, message);
    if let Ok(object) = v8::Local::<v8::Object>::try_from(error) {
        object.create_data_property(scope, key.into(), code.into());
    }
    scope.throw_exception(error);
}

/// The modules of the current context.
pub(crate) fn current(scope: &v8::Isolate) -> Option<Rc<Modules>> {
    scope.get_slot::<Rc<Modules>>().map(Rc::clone)
}

fn optional_string<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    text: Option<&str>,
) -> Option<v8::Local<'s, v8::Value>> {
    match text {
        Some(text) => v8::String::new(scope, text).map(Into::into),
        None => Some(v8::undefined(scope).into()),
    }
}

fn on_static_import<'s>(
    context: v8::Local<'s, v8::Context>,
    specifier: v8::Local<'s, v8::String>,
    _: v8::Local<'s, v8::FixedArray>,
    referrer: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Module>> {
    v8::callback_scope!(unsafe scope, context);
    let modules = current(scope)?;
    let referrer = modules.name_of(referrer).unwrap_or_default();
    let referrer = v8::String::new(scope, &referrer)?.into();
    modules.find(scope, specifier, referrer)
}

fn on_import<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    _: v8::Local<'s, v8::Data>,
    referrer: v8::Local<'s, v8::Value>,
    specifier: v8::Local<'s, v8::String>,
    _: v8::Local<'s, v8::FixedArray>,
) -> Option<v8::Local<'s, v8::Promise>> {
    v8::tc_scope!(let scope, scope);
    if let Some(promise) = import(scope, referrer, specifier) {
        return Some(promise);
    }
    let exception = scope.exception().filter(|_| scope.can_continue())?;
    scope.reset();
    let resolver = v8::PromiseResolver::new(scope)?;
    resolver.reject(scope, exception);
    Some(resolver.get_promise(scope))
}

fn import<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    referrer: v8::Local<v8::Value>,
    specifier: v8::Local<v8::String>,
) -> Option<v8::Local<'s, v8::Promise>> {
    let modules = current(scope)?;
    let module = modules.find(scope, specifier, referrer)?;
    if module.get_status() == v8::ModuleStatus::Evaluating {
        let name = modules.name_of(module)?;
        let name = v8::String::new(scope, &name)?.into();
        let promise = modules.call(scope, "later", &[name])?;
        return v8::Local::<v8::Promise>::try_from(promise).ok();
    }
    let evaluated = Modules::run(scope, module)?;
    let namespace = module.get_module_namespace();
    let promise = modules.call(scope, "imported", &[namespace, evaluated])?;
    v8::Local::<v8::Promise>::try_from(promise).ok()
}

unsafe extern "C" fn on_import_meta(
    context: v8::Local<v8::Context>,
    module: v8::Local<v8::Module>,
    meta: v8::Local<v8::Object>,
) {
    v8::callback_scope!(unsafe scope, context);
    let name = current(scope).and_then(|modules| modules.name_of(module)).unwrap_or_default();
    if let (Some(key), Some(name)) = (v8::String::new(scope, "url"), v8::String::new(scope, &name)) {
        meta.create_data_property(scope, key.into(), name.into());
    }
}
