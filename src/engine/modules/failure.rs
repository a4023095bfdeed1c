//! Why a module can't be had, as an error of the guest that names who asked, and where.

use std::rc::Rc;

use crate::engine::error::EngineError;
use crate::engine::modules::Modules;
use crate::engine::modules::load::{Load, request, specifier_text};
use crate::engine::modules::name;
use crate::engine::modules::record::{Body, Record};
use crate::engine::text::{LONGEST_NAME, beginning};

/// Marks the errors of missing modules. No guest can set it.
const MARK: &str = "isoseed:missing module";

/// An import, or a `require`.
#[derive(Debug, Clone, Default)]
pub(super) struct Site {
    pub(super) specifier: String,
    /// The name of the source that asks.
    pub(super) referrer: String,
    /// `line:column` in it.
    pub(super) place: Option<String>,
    /// The host asks, and no source.
    pub(super) is_host: bool,
}

/// The class of an error.
#[derive(Debug, Clone, Copy)]
pub(super) enum Class {
    Error,
    Type,
}

/// Why a load can't go on.
#[derive(Clone)]
pub(super) enum Failure {
    Missing(Rc<str>),
    /// The module loader threw this at who asked for the name.
    Loader(Rc<str>, v8::Global<v8::Value>),
    /// What came of the source.
    Thrown(v8::Global<v8::Value>),
}

/// A name as messages show it.
pub(super) fn shown(name: &str) -> String {
    let mut letters = name.chars();
    let beginning: String = letters.by_ref().take(LONGEST_NAME).collect();
    let rest = if letters.next().is_some() { "…" } else { "" };
    format!("{:?}", format!("{beginning}{rest}"))
}

impl Site {
    pub(super) fn of_request(
        scope: &v8::Isolate,
        record: &Record,
        module: v8::Local<v8::Module>,
        request: v8::Local<v8::ModuleRequest>,
    ) -> Self {
        let location = module.source_offset_to_location(request.get_source_offset());
        let place = format!("{}:{}", location.get_line_number() + 1, location.get_column_number() + 1);
        Self {
            specifier: beginning(scope, request.get_specifier(), LONGEST_NAME),
            referrer: record.name.to_string(),
            place: Some(place),
            is_host: false,
        }
    }

    fn asker(&self) -> String {
        let beginning: String = self.referrer.chars().take(LONGEST_NAME).collect();
        match beginning.as_str() {
            _ if self.is_host => "isolate.import".to_owned(),
            "" => "code without a name".to_owned(),
            _ => beginning,
        }
    }

    /// Throws an error that says where it comes from.
    pub(super) fn throw(&self, scope: &mut v8::PinScope, class: Class, message: &str) {
        if let Some(error) = self.error(scope, class, message) {
            scope.throw_exception(error.into());
        }
    }

    /// Says that there is no such module. `hint` tells more.
    pub(super) fn throw_missing(&self, scope: &mut v8::PinScope, hint: &str) {
        let message = format!("no module {} ({} asks for it{hint})", shown(&self.specifier), self.asker());
        let Some(error) = self.error(scope, Class::Error, &message) else { return };
        let code = v8::String::new(scope, "ERR_MODULE_NOT_FOUND");
        if let (Some(key), Some(code)) = (v8::String::new(scope, "code"), code) {
            error.create_data_property(scope, key.into(), code.into());
        }
        let mark = v8::String::new(scope, MARK);
        let mark = v8::Private::for_api(scope, mark);
        let yes = v8::Boolean::new(scope, true);
        error.set_private(scope, mark, yes.into());
        scope.throw_exception(error.into());
    }

    fn throw_loader_failure(&self, scope: &mut v8::PinScope, cause: v8::Local<v8::Value>) {
        let message = format!("can't load module {} ({} asks for it)", shown(&self.specifier), self.asker());
        let Some(error) = self.error(scope, Class::Error, &message) else { return };
        if let Some(key) = v8::String::new(scope, "cause") {
            error.define_own_property(scope, key.into(), cause, v8::PropertyAttribute::DONT_ENUM);
        }
        scope.throw_exception(error.into());
    }

    fn error<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        class: Class,
        message: &str,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let text = v8::String::new(scope, message)?;
        let (name, error) = match class {
            Class::Error => ("Error", v8::Exception::error(scope, text)),
            Class::Type => ("TypeError", v8::Exception::type_error(scope, text)),
        };
        let error = v8::Local::<v8::Object>::try_from(error).ok()?;
        if let Some(place) = self.place.as_ref().filter(|_| !self.referrer.is_empty()) {
            let stack = format!("{name}: {message}\n    at {}:{place}", self.referrer);
            let (key, stack) = (v8::String::new(scope, "stack")?, v8::String::new(scope, &stack)?);
            error.define_own_property(scope, key.into(), stack.into(), v8::PropertyAttribute::DONT_ENUM);
        }
        Some(error)
    }
}

/// Throws why a load can't go on, as those see it who wait for this one.
pub(super) fn throw_failure(scope: &mut v8::PinScope, modules: &Modules, load: &Load, failure: &Failure) {
    match failure {
        Failure::Missing(key) => site_of(scope, modules, load, key).throw_missing(scope, ""),
        Failure::Loader(key, cause) => {
            let cause = v8::Local::new(scope, cause);
            site_of(scope, modules, load, key).throw_loader_failure(scope, cause);
        }
        Failure::Thrown(reason) => {
            let reason = v8::Local::new(scope, reason);
            scope.throw_exception(reason);
        }
    }
}

/// What the guest threw, under a name of its own if it is the error of a missing module, and not one
/// that only looks like it.
pub(crate) fn name_missing(
    scope: &mut v8::PinScope,
    exception: v8::Local<v8::Value>,
    described: EngineError,
) -> EngineError {
    let Ok(error) = v8::Local::<v8::Object>::try_from(exception) else { return described };
    let mark = v8::String::new(scope, MARK);
    let mark = v8::Private::for_api(scope, mark);
    match described {
        EngineError::Guest(exception) if error.has_private(scope, mark) == Some(true) => {
            EngineError::ModuleNotFound { exception }
        }
        other => other,
    }
}

/// Who asks for `key` in the graph of a load.
fn site_of(scope: &mut v8::PinScope, modules: &Modules, load: &Load, key: &str) -> Site {
    let of_root = load.own_record().and_then(|record| site_in(scope, &record, key));
    let records = load.names().filter_map(|name| modules.find(name));
    of_root
        .or_else(|| records.into_iter().find_map(|record| site_in(scope, &record, key)))
        .unwrap_or_else(|| load.site.clone())
}

/// The first import of `key` in a module.
pub(super) fn site_in(scope: &mut v8::PinScope, record: &Record, key: &str) -> Option<Site> {
    let Body::Es(module) = &record.body else { return None };
    let module = v8::Local::new(scope, module);
    let requests = module.get_module_requests();
    (0..requests.length()).find_map(|index| {
        v8::scope!(let scope, scope);
        let request = request(scope, requests, index)?;
        let meant = specifier_text(scope, request.get_specifier());
        let meant = meant.map(|specifier| name::resolve(&specifier, &record.name)).unwrap_or_default();
        (meant == key).then(|| Site::of_request(scope, record, module, request))
    })
}
