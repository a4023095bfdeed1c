//! CommonJS modules: evaluating them, and `require`.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;

use v8::MapFnTo;

use crate::engine::exception::throw;
use crate::engine::modules::failure::{Site, shown};
use crate::engine::modules::load::specifier_text;
use crate::engine::modules::record::{Body, Record, Run};
use crate::engine::modules::{current, name, outcome};
use crate::engine::source::{Source, SourceKind, code_string, origin};
use crate::engine::system;
use crate::engine::text::{LONGEST_NAME, beginning};

/// One address for the callback, whatever the compiler makes of its generic wrapper.
pub(crate) fn on_require() -> v8::FunctionCallback {
    static CALLBACK: OnceLock<v8::FunctionCallback> = OnceLock::new();
    *CALLBACK.get_or_init(|| require.map_fn_to())
}

/// Evaluates a source for its own sake: its exports. One that was announced is evaluated once, however
/// many ask. `None`: an exception is pending.
pub(super) fn evaluate<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    source: &Source,
) -> Option<v8::Local<'s, v8::Value>> {
    let modules = current(scope)?;
    let key: Rc<str> = name::key(&source.name).into();
    let record = if modules.turns.borrow_mut().remove(&key) {
        modules.find_or_compile(scope, &key)??
    } else {
        let run = RefCell::new(Run::New(Rc::new(source.clone())));
        let body = Body::CommonJs { run, wrapper: RefCell::default() };
        let record = Record::new(Rc::clone(&key), &source.name, body);
        // Later modules find it by its name, unless that is an ES module's or JSON's.
        let is_free = modules.find(&key).is_none_or(|known| matches!(known.body, Body::CommonJs { .. }));
        if is_free {
            modules.add(scope, &record);
        }
        record
    };
    let is_through = ensure_evaluated(scope, &record);
    if is_through.is_none() {
        // The host may evaluate another of that name.
        modules.table.borrow_mut().retain(|_, known| !Rc::ptr_eq(known, &record));
    }
    is_through?;
    exports_of(scope, &record)
}

/// Evaluates a CommonJS module that was not yet. Inside: whether it is through, and not in the middle
/// of it. `None`: an exception is pending, its own or that of an earlier time.
pub(super) fn ensure_evaluated(scope: &mut v8::PinScope, record: &Record) -> Option<bool> {
    let Body::CommonJs { run, .. } = &record.body else { return Some(true) };
    let source = match &*run.borrow() {
        Run::Done(_) => return Some(true),
        Run::Running(_) => return Some(false),
        Run::Failed(reason) => {
            let reason = v8::Local::new(scope, reason);
            scope.throw_exception(reason);
            return None;
        }
        Run::Stopped => {
            let message = format!("module {} was stopped while it was evaluated", shown(&record.key));
            throw(scope, v8::Exception::error, &message);
            return None;
        }
        Run::New(source) => Rc::clone(source),
    };
    let body = compile(scope, &source)?;
    let module = module_object(scope, &source.name)?;
    *run.borrow_mut() = Run::Running(v8::Global::new(scope, module));
    v8::tc_scope!(let scope, scope);
    if call(scope, body, module, record).is_some() {
        *run.borrow_mut() = Run::Done(v8::Global::new(scope, module));
        let exports = exports_of(scope, record)?;
        if outcome::publish(scope, source.global.as_deref(), exports).is_some() {
            return Some(true);
        }
    } else {
        let reason = scope.exception().filter(|_| scope.can_continue());
        *run.borrow_mut() = match reason {
            Some(reason) => Run::Failed(v8::Global::new(scope, reason)),
            None => Run::Stopped,
        };
    }
    scope.rethrow();
    None
}

/// What the module exports so far. `None`: an exception is pending.
pub(super) fn exports_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    record: &Record,
) -> Option<v8::Local<'s, v8::Value>> {
    let Body::CommonJs { run, .. } = &record.body else { return None };
    let module = match &*run.borrow() {
        Run::Running(module) | Run::Done(module) => v8::Local::new(scope, module),
        Run::New(_) | Run::Failed(_) | Run::Stopped => return None,
    };
    let key = v8::String::new(scope, "exports")?;
    module.get(scope, key.into())
}

/// The source as the body of a function.
fn compile<'s>(scope: &mut v8::PinScope<'s, '_>, source: &Source) -> Option<v8::Local<'s, v8::Function>> {
    let code = code_without_hashbang(scope, &source.code)?;
    let origin = origin(scope, &source.name, false)?;
    let mut code = v8::script_compiler::Source::new(code, Some(&origin));
    let parameters = [
        v8::String::new(scope, "exports")?,
        v8::String::new(scope, "require")?,
        v8::String::new(scope, "module")?,
    ];
    v8::script_compiler::compile_function(
        scope,
        &mut code,
        &parameters,
        &[],
        v8::script_compiler::CompileOptions::NoCompileOptions,
        v8::script_compiler::NoCacheReason::NoReason,
    )
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

/// What the code sees as `module`.
fn module_object<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str) -> Option<v8::Local<'s, v8::Object>> {
    let module = v8::Object::new(scope);
    let name = v8::String::new(scope, name)?;
    let exports = v8::Object::new(scope);
    let loaded = v8::Boolean::new(scope, false);
    let properties: [(&str, v8::Local<v8::Value>); 4] = [
        ("exports", exports.into()),
        ("id", name.into()),
        ("filename", name.into()),
        ("loaded", loaded.into()),
    ];
    for (key, value) in properties {
        let key = v8::String::new(scope, key)?;
        module.create_data_property(scope, key.into(), value)?;
    }
    Some(module)
}

fn call(
    scope: &mut v8::PinScope,
    body: v8::Local<v8::Function>,
    module: v8::Local<v8::Object>,
    record: &Record,
) -> Option<()> {
    let name = v8::String::new(scope, &record.name)?;
    let require = v8::Function::builder_raw(on_require())
        .data(name.into())
        .constructor_behavior(v8::ConstructorBehavior::Throw)
        .build(scope)?;
    require.set_name(v8::String::new(scope, "require")?);
    let key = v8::String::new(scope, "exports")?;
    let exports = module.get(scope, key.into())?;
    body.call(scope, exports, &[exports, require.into(), module.into()])?;
    let (key, yes) = (v8::String::new(scope, "loaded")?, v8::Boolean::new(scope, true));
    module.set(scope, key.into(), yes.into()).map(drop)
}

fn require<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    if let Some(exports) = required(scope, &arguments) {
        result.set(exports);
    }
}

/// What `require` returns. `None`: an exception is pending.
fn required<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: &v8::FunctionCallbackArguments<'s>,
) -> Option<v8::Local<'s, v8::Value>> {
    let specifier = arguments.get(0).to_string(scope)?;
    let modules = current(scope)?;
    let referrer = arguments.data().to_rust_string_lossy(scope);
    let site = Site { specifier: beginning(scope, specifier, LONGEST_NAME), referrer, ..Site::default() };
    let specifier = specifier_text(scope, specifier);
    if specifier.as_deref() == Some(system::NAME) {
        return system::object(scope).map(Into::into);
    }
    let key: Rc<str> = specifier.map(|text| name::resolve(&text, &site.referrer)).unwrap_or_default().into();
    if let Some(SourceKind::Module) = modules.kind_of_source(&key) {
        let message = format!("module {} is an ES module: require() needs it imported before", shown(&key));
        throw(scope, v8::Exception::error, &message);
        return None;
    }
    let Some(record) = modules.find_or_compile(scope, &key)? else {
        let hint =
            if modules.asks_host() { "; require() can't wait for the host: import it before" } else { "" };
        site.throw_missing(scope, hint);
        return None;
    };
    match &record.body {
        Body::Json { value, .. } => Some(v8::Local::new(scope, value)),
        Body::CommonJs { .. } => {
            ensure_evaluated(scope, &record)?;
            exports_of(scope, &record)
        }
        Body::Es(module) => {
            let module = v8::Local::new(scope, module);
            match module.get_status() {
                v8::ModuleStatus::Evaluated => return Some(module.get_module_namespace()),
                v8::ModuleStatus::Errored => {
                    scope.throw_exception(module.get_exception());
                }
                _ => {
                    let message =
                        format!("module {} is an ES module: require() needs it imported before", shown(&key));
                    throw(scope, v8::Exception::error, &message);
                }
            }
            None
        }
    }
}
