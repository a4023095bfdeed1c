//! Linking and evaluating a graph that is complete. What V8 demands of its host is checked here,
//! because it ends the process where it finds it missing.

use std::rc::Rc;

use crate::engine::exception::throw;
use crate::engine::modules::attributes::Wants;
use crate::engine::modules::failure::{Class, Failure, Site, shown, throw_failure};
use crate::engine::modules::load::{Goal, Load, Progress, Root};
use crate::engine::modules::record::{Body, Record};
use crate::engine::modules::{Modules, commonjs, current, graph, import, name, outcome, wrapper};
use crate::engine::source::{Source, code_string, origin};

/// Compiles the text of an ES module. `None`: an exception is pending.
pub(super) fn compile<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    code: &str,
    name: &str,
) -> Option<v8::Local<'s, v8::Module>> {
    let code = code_string(scope, code)?;
    let origin = origin(scope, name, true)?;
    let mut code = v8::script_compiler::Source::new(code, Some(&origin));
    v8::script_compiler::compile_module(scope, &mut code)
}

/// Evaluates an ES module whose source was announced, or another, where there is no host to load
/// anything. The promise of its evaluation. `None`: an exception is pending.
pub(super) fn evaluate_announced<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    source: &Source,
) -> Option<v8::Local<'s, v8::Promise>> {
    let modules = current(scope)?;
    let key: Rc<str> = name::key(&source.name).into();
    modules.turns.borrow_mut().remove(&key);
    let site = Site { specifier: source.name.clone(), ..Site::default() };
    let mut load = Load::new(Goal::Nobody, None, Wants::Any, site);
    if let Root::Named { key: meant, .. } = &mut load.root {
        *meant = key;
    }
    match modules.advance(scope, 0, &mut load)? {
        Progress::Evaluated(module, promise) => {
            outcome::publish(scope, source.global.as_deref(), module.get_module_namespace())?;
            Some(promise)
        }
        Progress::Waits | Progress::Later => {
            throw(scope, v8::Exception::error, "a module can't be loaded here");
            None
        }
    }
}

impl Modules {
    /// Links and evaluates a graph whose modules are all there. `None`: an exception is pending.
    pub(super) fn finish<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        load: &mut Load,
    ) -> Option<Progress<'s>> {
        let (root, wants) = match &load.root {
            Root::Own(record) => (Rc::clone(record), Wants::Any),
            Root::Named { key, wants } => {
                let Some(record) = self.find(key) else {
                    throw_failure(scope, self, load, &Failure::Missing(Rc::clone(key)));
                    return None;
                };
                (record, *wants)
            }
        };
        if let Err(message) = check_kind(&root, wants) {
            load.site.throw(scope, Class::Type, &message);
            return None;
        }
        if self.is_evaluating.get() {
            return later(scope, &load.goal);
        }
        for record in graph::in_order(scope, self, &root)? {
            if let Body::CommonJs { .. } = &record.body
                && !commonjs::ensure_evaluated(scope, &record)?
            {
                return later(scope, &load.goal);
            }
            wrapper::ensure(scope, self, &record)?;
        }
        let module = v8::Local::new(scope, root.module()?);
        link(scope, module)?;
        let promise = self.evaluate(scope, &root, module)?;
        if let Goal::Default { global, .. } = &load.goal {
            outcome::publish(scope, global.as_deref(), module.get_module_namespace())?;
        }
        Some(Progress::Evaluated(module, promise))
    }

    /// Evaluates a module that is linked. The promise settles when it and all it imports are
    /// evaluated. `None`: an exception is pending.
    pub(super) fn evaluate<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        record: &Record,
        module: v8::Local<v8::Module>,
    ) -> Option<v8::Local<'s, v8::Promise>> {
        refuse_stopped(scope, record)?;
        match module.get_status() {
            v8::ModuleStatus::Instantiated | v8::ModuleStatus::Evaluated | v8::ModuleStatus::Errored => {}
            _ => {
                throw(scope, v8::Exception::error, "the module is being linked or evaluated right now");
                return None;
            }
        }
        self.is_evaluating.set(true);
        let promise = module.evaluate(scope);
        self.is_evaluating.set(false);
        v8::Local::<v8::Promise>::try_from(promise?).ok()
    }
}

/// The guest's code waits for the host inside of a module, and the host calls back: `import()` goes on
/// when that module is through, but a request of the host would wait for itself.
fn later<'s>(scope: &mut v8::PinScope, goal: &Goal) -> Option<Progress<'s>> {
    if let Goal::Promise(_) = goal {
        return Some(Progress::Later);
    }
    let message = "a module can't be evaluated while another one waits for the host";
    throw(scope, v8::Exception::error, message);
    None
}

/// Lets V8 link a module with all that it imports. `None`: an exception is pending.
pub(super) fn link(scope: &mut v8::PinScope, module: v8::Local<v8::Module>) -> Option<()> {
    if module.get_status() == v8::ModuleStatus::Uninstantiated {
        module.instantiate_module(scope, import::on_static_import)?;
    }
    Some(())
}

/// V8 leaves a module that a termination stopped with an error that is null, and with a promise that
/// never settles.
pub(super) fn refuse_stopped(scope: &mut v8::PinScope, record: &Record) -> Option<()> {
    let Body::Es(module) = &record.body else { return Some(()) };
    let module = v8::Local::new(scope, module);
    if module.get_status() == v8::ModuleStatus::Errored && module.get_exception().is_null() {
        let message =
            format!("module {} was stopped while it was evaluated, or threw null", shown(&record.key));
        throw(scope, v8::Exception::error, &message);
        return None;
    }
    Some(())
}

/// # Errors
/// The message of a `TypeError`, when the import asks for another kind of module.
pub(super) fn check_kind(record: &Record, wants: Wants) -> Result<(), String> {
    match (wants, record.is_json()) {
        (Wants::Code, true) => {
            Err(format!("module {} is JSON, which is imported with {{ type: 'json' }}", shown(&record.key)))
        }
        (Wants::Json, false) => Err(format!(
            "module {} is code, which is not imported with {{ type: 'json' }}",
            shown(&record.key)
        )),
        _ => Ok(()),
    }
}
