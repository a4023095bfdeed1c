//! What V8 calls: `import()`, the imports of a module that it links, and `import.meta`.

use std::rc::Rc;
use std::sync::OnceLock;

use v8::MapFnTo;

use crate::engine::exception::throw;
use crate::engine::host_call::GuestState;
use crate::engine::modules::attributes::{DYNAMIC_ENTRY, read};
use crate::engine::modules::failure::{Class, Site};
use crate::engine::modules::load::{Goal, Load, specifier_text};
use crate::engine::modules::wrapper::EXPORTS;
use crate::engine::modules::{Modules, current, name};
use crate::engine::text::{LONGEST_NAME, beginning};

/// Where there is no guest's limit, because a snapshot is built.
const LARGEST_SHARE: usize = 64 << 20;

/// Lets the isolate's code import. Once for each isolate.
pub(crate) fn allow_imports(isolate: &mut v8::Isolate) {
    isolate.set_host_import_module_dynamically_callback(on_import);
    isolate.set_host_initialize_import_meta_object_callback(on_import_meta);
}

/// One address for the callback, whatever the compiler makes of its generic wrapper.
pub(crate) fn on_started() -> v8::FunctionCallback {
    static CALLBACK: OnceLock<v8::FunctionCallback> = OnceLock::new();
    *CALLBACK.get_or_init(|| started.map_fn_to())
}

/// `import()` returns a promise at once. The module is looked for in a microtask, as in ECMAScript:
/// nothing of it runs before the code that imports it goes on.
fn on_import<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    _: v8::Local<'s, v8::Data>,
    referrer: v8::Local<'s, v8::Value>,
    specifier: v8::Local<'s, v8::String>,
    attributes: v8::Local<'s, v8::FixedArray>,
) -> Option<v8::Local<'s, v8::Promise>> {
    let resolver = v8::PromiseResolver::new(scope)?;
    let promise = resolver.get_promise(scope);
    v8::tc_scope!(let scope, scope);
    if begin(scope, resolver, referrer, specifier, attributes).is_none() {
        let exception = scope.exception().filter(|_| scope.can_continue())?;
        scope.reset();
        resolver.reject(scope, exception);
    }
    Some(promise)
}

/// `None`: an exception is pending.
fn begin(
    scope: &mut v8::PinScope,
    resolver: v8::Local<v8::PromiseResolver>,
    referrer: v8::Local<v8::Value>,
    specifier: v8::Local<v8::String>,
    attributes: v8::Local<v8::FixedArray>,
) -> Option<()> {
    let modules = current(scope)?;
    let mut site = Site {
        specifier: beginning(scope, specifier, LONGEST_NAME),
        // The name of a source of ours, or none: code that a microtask began.
        referrer: v8::Local::<v8::String>::try_from(referrer)
            .map(|referrer| referrer.to_rust_string_lossy(scope))
            .unwrap_or_default(),
        place: place(scope),
        is_host: false,
    };
    let wants = match read(scope, attributes, DYNAMIC_ENTRY) {
        Ok(wants) => wants,
        Err(message) => {
            site.throw(scope, Class::Type, &message);
            return None;
        }
    };
    let Some(text) = specifier_text(scope, specifier) else {
        site.throw_missing(scope, "");
        return None;
    };
    site.specifier = text;
    let guest = scope.get_slot::<Rc<GuestState>>().map(Rc::clone);
    let share = guest.as_ref().map_or(LARGEST_SHARE, |guest| guest.largest_source());
    if !modules.loads.has_room_for(site.specifier.len(), share) {
        throw(scope, v8::Exception::range_error, "too many imports wait for their modules");
        return None;
    }
    let go_on = v8::Function::builder_raw(on_started()).build(scope)?;
    let owner = guest.and_then(|guest| guest.owner.get());
    let goal = Goal::Promise(v8::Global::new(scope, resolver));
    let load = modules.loads.add(Load::new(goal, owner, wants, site));
    modules.loads.start(load);
    scope.enqueue_microtask(go_on);
    Some(())
}

/// Where the running code is in its source.
fn place(scope: &mut v8::PinScope) -> Option<String> {
    let frame = v8::StackTrace::current_stack_trace(scope, 1)?.get_frame(scope, 0)?;
    Some(format!("{}:{}", frame.get_line_number(), frame.get_column()))
}

/// Goes on with the oldest `import()` of the running turn.
fn started(scope: &mut v8::PinScope, _: v8::FunctionCallbackArguments, _: v8::ReturnValue<v8::Value>) {
    let Some(modules) = current(scope) else { return };
    if let Some(load) = modules.loads.next_started() {
        modules.proceed(scope, load);
    }
}

/// The graph is complete: each import is a name that is known. Nothing of the guest runs here.
pub(super) fn on_static_import<'s>(
    context: v8::Local<'s, v8::Context>,
    specifier: v8::Local<'s, v8::String>,
    _: v8::Local<'s, v8::FixedArray>,
    referrer: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Module>> {
    v8::callback_scope!(unsafe scope, context);
    let modules = current(scope)?;
    let found = modules.imported(scope, specifier, referrer);
    if found.is_none() {
        let site = Site { specifier: beginning(scope, specifier, LONGEST_NAME), ..Site::default() };
        site.throw_missing(scope, "");
    }
    found
}

impl Modules {
    fn imported<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        specifier: v8::Local<v8::String>,
        referrer: v8::Local<v8::Module>,
    ) -> Option<v8::Local<'s, v8::Module>> {
        let referrer = self.record_of(referrer)?;
        let specifier = specifier_text(scope, specifier)?;
        let record = self.find(&name::resolve(&specifier, &referrer.name))?;
        Some(v8::Local::new(scope, record.module()?))
    }
}

unsafe extern "C" fn on_import_meta(
    context: v8::Local<v8::Context>,
    module: v8::Local<v8::Module>,
    meta: v8::Local<v8::Object>,
) {
    v8::callback_scope!(unsafe scope, context);
    let Some(modules) = current(scope) else { return };
    let exports = modules.exports.borrow_mut().take();
    let (key, value) = match exports {
        Some(exports) => (EXPORTS, v8::Local::new(scope, exports)),
        None => ("url", url(scope, &modules, module)),
    };
    if let Some(key) = v8::String::new(scope, key) {
        meta.create_data_property(scope, key.into(), value);
    }
}

/// The name of a module. One that `eval` was given is known by its running code alone.
fn url<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    modules: &Modules,
    module: v8::Local<v8::Module>,
) -> v8::Local<'s, v8::Value> {
    let known = modules.record_of(module).and_then(|record| v8::String::new(scope, &record.name));
    let name = known.or_else(|| v8::StackTrace::current_script_name_or_source_url(scope));
    match name {
        Some(name) => name.into(),
        None => v8::String::empty(scope).into(),
    }
}
