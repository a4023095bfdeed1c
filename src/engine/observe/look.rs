//! Looking at guest values without running guest code: no getter, no trap of a Proxy, no `toString`.
//! Only the stack of an error may ask the guest's own `Error.prepareStackTrace`.

use crate::engine::position::readable_stack;
use crate::engine::text::{LONGEST_ERROR_TEXT, LONGEST_NAME, beginning};
use crate::engine::value::ERROR_CLASSES;

/// Proxies of proxies, and prototypes of prototypes.
const LONGEST_CHAIN: usize = 64;

pub(super) type Value<'s> = v8::Local<'s, v8::Value>;
pub(super) type Object<'s> = v8::Local<'s, v8::Object>;

/// Takes away what reading left pending in a `TryCatch`, unless the guest is being terminated.
macro_rules! forgive {
    ($scope:ident) => {
        if $scope.can_continue() {
            $scope.reset();
        }
    };
}

pub(super) use forgive;

/// A property as it is, without asking a getter.
pub(super) enum Property<'s> {
    Value(Value<'s>),
    /// With the getter, if it has one, and whether it has a setter.
    Accessor(Option<Value<'s>>, bool),
    Missing,
}

/// What V8 says of a value without asking it.
pub(super) fn detail(scope: &mut v8::PinScope, value: Value) -> String {
    let text = value.to_detail_string(scope);
    text.map_or_else(|| "?".to_owned(), |text| beginning(scope, text, LONGEST_NAME))
}

pub(super) fn class_name(scope: &v8::Isolate, object: Object) -> String {
    beginning(scope, object.get_constructor_name(), LONGEST_NAME)
}

/// The object behind its proxies; none for a revoked one.
pub(super) fn without_proxies<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    mut object: Object<'s>,
) -> Option<Object<'s>> {
    for _ in 0..LONGEST_CHAIN {
        let Ok(proxy) = v8::Local::<v8::Proxy>::try_from(v8::Local::<v8::Value>::from(object)) else {
            return Some(object);
        };
        object = v8::Local::<v8::Object>::try_from(proxy.get_target(scope)).ok()?;
    }
    None
}

/// The keys of an object's own enumerable properties, symbols among them.
pub(super) fn keys<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: Object<'s>,
    index_filter: v8::IndexFilter,
) -> Option<v8::Local<'s, v8::Array>> {
    v8::tc_scope!(let scope, scope);
    let arguments = v8::GetPropertyNamesArgs {
        mode: v8::KeyCollectionMode::OwnOnly,
        property_filter: v8::PropertyFilter::ONLY_ENUMERABLE,
        index_filter,
        key_conversion: v8::KeyConversionMode::ConvertToString,
    };
    // `get_own_property_names` knows no index filter.
    let keys = object.get_property_names(scope, arguments);
    if keys.is_none() {
        forgive!(scope);
    }
    keys
}

/// `None`: it can't be read.
pub(super) fn property<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: Object<'s>,
    key: v8::Local<'s, v8::Name>,
) -> Option<Property<'s>> {
    v8::tc_scope!(let scope, scope);
    let found = read_property(scope, object, key);
    if found.is_none() {
        forgive!(scope);
    }
    found
}

fn read_property<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: Object<'s>,
    key: v8::Local<'s, v8::Name>,
) -> Option<Property<'s>> {
    let descriptor = object.get_own_property_descriptor(scope, key)?;
    // V8 makes it: an ordinary object whose own properties are data. What it lacks, the guest may have
    // put on the prototype, so that it must not be asked for.
    let Ok(descriptor) = v8::Local::<v8::Object>::try_from(descriptor) else {
        return Some(Property::Missing);
    };
    if let Some(value) = own(scope, descriptor, "value") {
        return Some(Property::Value(value));
    }
    let get = own(scope, descriptor, "get").filter(|get| get.is_function());
    let set = own(scope, descriptor, "set").is_some_and(|set| set.is_function());
    Some(Property::Accessor(get, set))
}

/// An own property of an object that V8 has made.
fn own<'s>(scope: &mut v8::PinScope<'s, '_>, object: Object<'s>, key: &str) -> Option<Value<'s>> {
    let key = v8::String::new(scope, key)?;
    if object.has_own_property(scope, key.into())? { object.get(scope, key.into()) } else { None }
}

/// The text of an own property that is data.
fn own_text<'s>(scope: &mut v8::PinScope<'s, '_>, object: Object<'s>, key: &str) -> Option<String> {
    let key = v8::String::new(scope, key)?;
    let Some(Property::Value(value)) = property(scope, object, key.into()) else { return None };
    let text = v8::Local::<v8::String>::try_from(value).ok()?;
    Some(beginning(scope, text, LONGEST_NAME))
}

pub(super) fn function_text<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    function: v8::Local<'s, v8::Function>,
) -> String {
    let value: Value = function.into();
    let name = own_text(scope, function.into(), "name").filter(|name| !name.is_empty());
    if is_class(scope, function) {
        let name = name.unwrap_or_else(|| "(anonymous)".to_owned());
        let base = function.get_prototype(scope).map(v8::Local::<v8::Object>::try_from);
        let base = match base {
            Some(Ok(base)) if !base.is_proxy() => {
                own_text(scope, base, "name").filter(|name| !name.is_empty())
            }
            _ => None,
        };
        return match base {
            Some(base) => format!("[class {name} extends {base}]"),
            None => format!("[class {name}]"),
        };
    }
    let kind = match (value.is_async_function(), value.is_generator_function()) {
        (true, true) => "AsyncGeneratorFunction",
        (true, false) => "AsyncFunction",
        (false, true) => "GeneratorFunction",
        (false, false) => "Function",
    };
    match name {
        Some(name) => format!("[{kind}: {name}]"),
        None => format!("[{kind} (anonymous)]"),
    }
}

/// A class is a function of a script whose `prototype` can't be replaced.
fn is_class(scope: &mut v8::PinScope, function: v8::Local<v8::Function>) -> bool {
    let Some(key) = v8::String::new(scope, "prototype") else { return false };
    let is_own = function.has_own_property(scope, key.into()) == Some(true);
    is_own
        && function.get_script_line_number().is_some()
        && !v8::Local::<v8::Value>::from(function).is_generator_function()
        && function
            .get_property_attributes(scope, key.into())
            .is_some_and(|attributes| attributes.is_read_only())
}

/// A description of what shows nothing of its inside.
pub(super) fn closed_kind(scope: &mut v8::PinScope, object: Object) -> Option<String> {
    if let Ok(promise) = v8::Local::<v8::Promise>::try_from(object) {
        let state = match promise.state() {
            v8::PromiseState::Pending => "pending",
            v8::PromiseState::Fulfilled => "fulfilled",
            v8::PromiseState::Rejected => "rejected",
        };
        return Some(format!("Promise {{ <{state}> }}"));
    }
    let is_closed = object.is_weak_map()
        || object.is_weak_set()
        || object.is_map_iterator()
        || object.is_set_iterator()
        || object.is_generator_object()
        || object.is_wasm_memory_object()
        || object.is_wasm_module_object()
        || object.is_shared_array_buffer()
        || object.is_symbol_object();
    is_closed.then(|| match class_name(scope, object).as_str() {
        class @ ("WeakMap" | "WeakSet") => format!("{class} {{ <items unknown> }}"),
        class => format!("[{class}]"),
    })
}

pub(super) fn is_boxed(value: Value) -> bool {
    value.is_number_object()
        || value.is_string_object()
        || value.is_boolean_object()
        || value.is_big_int_object()
}

/// The bytes of a buffer, or of the whole buffer that a view is of; none for other values.
pub(super) fn buffer_bytes(value: Value) -> Option<usize> {
    if let Ok(buffer) = v8::Local::<v8::ArrayBuffer>::try_from(value) {
        return Some(buffer.byte_length());
    }
    let view = v8::Local::<v8::ArrayBufferView>::try_from(value).ok()?;
    Some(view.get_backing_store().map_or(view.byte_length(), |store| store.byte_length()))
}

/// The standard class that an error is of, by the names that V8 knows its prototypes by.
pub(super) fn standard_class(scope: &mut v8::PinScope, error: Object) -> &'static str {
    let mut object = error;
    for _ in 0..LONGEST_CHAIN {
        let name = class_name(scope, object);
        if let Some(class) = ERROR_CLASSES.iter().find(|class| **class == name) {
            return class;
        }
        match object.get_prototype(scope).map(v8::Local::<v8::Object>::try_from) {
            Some(Ok(prototype)) if !prototype.is_proxy() => object = prototype,
            _ => break,
        }
    }
    "Error"
}

/// The stack of an error; none when it has none, or only a getter of the guest's.
pub(super) fn stack<'s>(scope: &mut v8::PinScope<'s, '_>, error: Object<'s>) -> Option<String> {
    v8::tc_scope!(let scope, scope);
    let key = v8::String::new(scope, "stack")?;
    let found = match property(scope, error, key.into())? {
        Property::Value(value) => Some(value),
        // V8's own, which makes the text when it is first asked for.
        Property::Accessor(Some(get), _) if is_native(get) => error.get(scope, key.into()),
        _ => None,
    };
    let Some(found) = found else {
        forgive!(scope);
        return None;
    };
    let text = v8::Local::<v8::String>::try_from(found).ok()?;
    let text = beginning(scope, text, LONGEST_ERROR_TEXT / 4);
    Some(readable_stack(scope, &text))
}

fn is_native(function: Value) -> bool {
    v8::Local::<v8::Function>::try_from(function)
        .is_ok_and(|function| function.get_script_line_number().is_none())
}
