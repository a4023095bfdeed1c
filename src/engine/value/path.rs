//! Finds where in a value something sits, for error messages.

use std::collections::HashMap;

/// A value with more objects than this is not searched further.
const MOST_OBJECTS: usize = 100_000;

/// The path of the first object that `matches`.
pub(super) fn find(
    scope: &mut v8::PinScope,
    root: v8::Local<v8::Value>,
    name: &str,
    matches: impl Fn(v8::Local<v8::Value>) -> bool,
) -> Option<String> {
    search(scope, root, name, |value| matches(value).then_some("")).map(|(path, _)| path)
}

/// The path and the kind of the first value that structured clone refuses.
pub(super) fn find_refused(
    scope: &mut v8::PinScope,
    root: v8::Local<v8::Value>,
    name: &str,
) -> Option<(String, &'static str)> {
    search(scope, root, name, refused_kind)
}

fn refused_kind(value: v8::Local<v8::Value>) -> Option<&'static str> {
    let kind = match value {
        // A Proxy first: a callable one is also a function.
        value if value.is_proxy() => "a Proxy",
        value if value.is_function() => "a function",
        value if value.is_symbol() => "a symbol",
        value if value.is_promise() => "a promise (await it first)",
        value if value.is_weak_map() => "a WeakMap",
        value if value.is_weak_set() => "a WeakSet",
        value if value.is_generator_object() => "a generator",
        value if value.is_map_iterator() || value.is_set_iterator() => "an iterator",
        value if value.is_shared_array_buffer() => "a SharedArrayBuffer",
        value if value.is_wasm_module_object() => "a WebAssembly.Module",
        value if value.is_wasm_memory_object() => "a WebAssembly.Memory",
        value if value.is_module_namespace_object() => "a module namespace",
        _ => return None,
    };
    Some(kind)
}

/// Breadth first, so that the shortest path wins.
fn search<T>(
    scope: &mut v8::PinScope,
    root: v8::Local<v8::Value>,
    name: &str,
    judge: impl Fn(v8::Local<v8::Value>) -> Option<T>,
) -> Option<(String, T)> {
    v8::tc_scope!(let scope, scope);
    let root = v8::Local::new(scope, root);
    let mut queue = std::collections::VecDeque::from([(root, name.to_owned())]);
    // V8's identity hashes are not unique: each bucket compares.
    let mut seen: HashMap<i32, Vec<v8::Local<v8::Object>>> = HashMap::new();
    let mut objects = 0;
    while let Some((value, path)) = queue.pop_front() {
        if let Some(found) = judge(value) {
            return Some((path, found));
        }
        let Ok(object) = v8::Local::<v8::Object>::try_from(value) else { continue };
        let bucket = seen.entry(object.get_identity_hash().get()).or_default();
        if bucket.contains(&object) {
            continue;
        }
        bucket.push(object);
        objects += 1;
        if objects > MOST_OBJECTS || scope.is_execution_terminating() {
            return None;
        }
        push_entries(scope, object, &path, &mut queue);
    }
    None
}

fn push_entries<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    path: &str,
    queue: &mut std::collections::VecDeque<(v8::Local<'s, v8::Value>, String)>,
) {
    if object.is_array_buffer_view() || object.is_array_buffer() || object.is_string_object() {
        return;
    }
    if let Ok(map) = v8::Local::<v8::Map>::try_from(object) {
        let entries = map.as_array(scope);
        for index in 0..entries.length() {
            let Some(value) = entries.get_index(scope, index) else { return };
            let part = if index % 2 == 0 { "key" } else { "value" };
            queue.push_back((value, format!("{path}.<map {part} {}>", index / 2)));
        }
        return;
    }
    if let Ok(set) = v8::Local::<v8::Set>::try_from(object) {
        let entries = set.as_array(scope);
        for index in 0..entries.length() {
            let Some(value) = entries.get_index(scope, index) else { return };
            queue.push_back((value, format!("{path}.<set value {index}>")));
        }
        return;
    }
    let arguments = v8::GetPropertyNamesArgs {
        property_filter: v8::PropertyFilter::ONLY_ENUMERABLE | v8::PropertyFilter::SKIP_SYMBOLS,
        ..Default::default()
    };
    let Some(names) = object.get_own_property_names(scope, arguments) else { return };
    for index in 0..names.length() {
        let Some(key) = names.get_index(scope, index) else { return };
        let Some(value) = object.get(scope, key) else { return };
        queue.push_back((value, format!("{path}{}", property(&key.to_rust_string_lossy(scope)))));
    }
    if object.is_native_error()
        && let Some(key) = v8::String::new(scope, "cause")
    {
        let Some(cause) = object.get(scope, key.into()) else { return };
        queue.push_back((cause, format!("{path}.cause")));
    }
}

/// `.name`, `[3]` or `["odd name"]`.
fn property(key: &str) -> String {
    let is_index = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    let is_identifier =
        key.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_' || first == '$')
            && key.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$');
    match (is_index, is_identifier) {
        (true, _) => format!("[{key}]"),
        (_, true) => format!(".{key}"),
        _ => format!("[{key:?}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::property;

    #[test]
    fn keys_are_written_as_javascript_would() {
        assert_eq!(property("items"), ".items");
        assert_eq!(property("3"), "[3]");
        assert_eq!(property("a b\"c"), "[\"a b\\\"c\"]");
        assert_eq!(property(""), "[\"\"]");
    }
}
