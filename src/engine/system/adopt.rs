//! Host functions that a source of the snapshot wants to wrap: the web bridge makes `fetch` of the plain
//! function that a host gives under that name.
//!
//! The wrappers are kept on the global object under a private name, so a snapshot carries them.

use crate::engine::exception::throw;

const WRAPPERS: &str = "isoseed:wrappers";

/// `adopt(name, wrap)`: from now on a binding `name` of the host becomes the global `wrap(binding)`.
pub(super) fn on_adopt<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    let (name, wrap) = (arguments.get(0), arguments.get(1));
    if !name.is_string() || !wrap.is_function() {
        throw(scope, v8::Exception::type_error, "expected a name and a function");
        return;
    }
    let Some(key) = key(scope) else { return };
    let global = scope.get_current_context().global(scope);
    let wrappers = wrappers(scope, key).unwrap_or_else(|| {
        let null = v8::null(scope).into();
        let wrappers = v8::Object::with_prototype_and_properties(scope, null, &[], &[]);
        global.set_private(scope, key, wrappers.into());
        wrappers
    });
    wrappers.set(scope, name, wrap);
}

/// What becomes the global `name` when the host gives `function`. `None`: the wrapper threw.
pub(crate) fn adopted<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: v8::Local<'s, v8::String>,
    function: v8::Local<'s, v8::Value>,
) -> Option<v8::Local<'s, v8::Value>> {
    let Some(wrappers) = key(scope).and_then(|key| wrappers(scope, key)) else { return Some(function) };
    let wrap = wrappers.get(scope, name.into())?;
    match v8::Local::<v8::Function>::try_from(wrap) {
        Ok(wrap) => {
            let receiver = v8::undefined(scope).into();
            wrap.call(scope, receiver, &[function])
        }
        Err(_) => Some(function),
    }
}

fn key<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Private>> {
    let name = v8::String::new(scope, WRAPPERS)?;
    Some(v8::Private::for_api(scope, Some(name)))
}

fn wrappers<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    key: v8::Local<v8::Private>,
) -> Option<v8::Local<'s, v8::Object>> {
    let global = scope.get_current_context().global(scope);
    v8::Local::<v8::Object>::try_from(global.get_private(scope, key)?).ok()
}
