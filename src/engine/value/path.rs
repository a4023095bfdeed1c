//! Finds where in a value something sits, for error messages. Runs the guest's getters.

use std::collections::HashMap;

use crate::engine::text::{LONGEST_NAME, beginning};

/// A value with more entries than this is not searched further.
const MOST_ENTRIES: usize = 100_000;

/// A path with more steps than this is told without its middle.
const LONGEST_SHOWN_PATH: usize = 50;

/// What is thought of one value.
pub(super) enum Verdict {
    /// It is looked for, and this is what it is.
    Found(String),
    /// Nothing in it is looked for.
    Passed,
    /// What it holds is to be looked at.
    Open,
}

/// The path of the first object that `judge` finds, and what it is. Breadth first, so that the shortest
/// path wins. `judge` is told whether the value is a part of an error.
pub(super) fn find(
    scope: &mut v8::PinScope,
    root: v8::Local<v8::Value>,
    name: &str,
    judge: impl Fn(&mut v8::PinScope, v8::Local<v8::Value>, bool) -> Verdict,
) -> Option<(String, String)> {
    v8::tc_scope!(let scope, scope);
    let mut search = Search::new(v8::Local::new(scope, root));
    let mut at = 0;
    while at < search.entries.len() {
        if scope.is_execution_terminating() {
            return None;
        }
        let Entry { value, is_part_of_error, .. } = search.entries[at];
        if search.is_new(value) {
            match judge(scope, value, is_part_of_error) {
                Verdict::Found(found) => return Some((search.path(name, at), found)),
                Verdict::Passed => {}
                Verdict::Open => drop(search.push_children(scope, at)),
            }
            // A getter that threw hides what is behind it, and no more.
            if !scope.is_execution_terminating() {
                scope.reset();
            }
        }
        at += 1;
    }
    None
}

/// The path of the first object that lies deeper than `depth`, in the order in which V8 encodes. What an
/// error refers to is a value of its own.
pub(super) fn find_deeper(
    scope: &mut v8::PinScope,
    root: v8::Local<v8::Value>,
    name: &str,
    depth: u32,
) -> Option<String> {
    v8::tc_scope!(let scope, scope);
    let mut search = Search::new(v8::Local::new(scope, root));
    let mut waiting = vec![(0, 1)];
    while let Some((at, level)) = waiting.pop() {
        if scope.is_execution_terminating() {
            return None;
        }
        let value = search.entries[at].value;
        if !is_container(value) || !search.is_new(value) {
            continue;
        }
        if level > depth && !value.is_native_error() {
            return Some(search.path(name, at));
        }
        let first = search.entries.len();
        search.push_children(scope, at);
        if !scope.is_execution_terminating() {
            scope.reset();
        }
        let level = if value.is_native_error() { 1 } else { level + 1 };
        waiting.extend((first..search.entries.len()).rev().map(|child| (child, level)));
    }
    None
}

/// Whether a value nests others, for structured clone.
fn is_container(value: v8::Local<v8::Value>) -> bool {
    let is_leaf = value.is_array_buffer_view()
        || value.is_array_buffer()
        || value.is_date()
        || value.is_reg_exp()
        || value.is_boolean_object()
        || value.is_number_object()
        || value.is_string_object()
        || value.is_big_int_object();
    value.is_object() && !is_leaf
}

/// The keys that structured clone looks at.
pub(super) fn own_keys<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<v8::Object>,
) -> Option<v8::Local<'s, v8::Array>> {
    let arguments = v8::GetPropertyNamesArgs {
        property_filter: v8::PropertyFilter::ONLY_ENUMERABLE | v8::PropertyFilter::SKIP_SYMBOLS,
        ..Default::default()
    };
    object.get_own_property_names(scope, arguments)
}

/// What structured clone has no words for beyond "could not be cloned".
pub(crate) fn refused_kind(value: v8::Local<v8::Value>) -> Option<&'static str> {
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

/// One value met, and how it was reached. Paths are put together at the end only: a value may have
/// many entries with long keys.
struct Entry<'s> {
    value: v8::Local<'s, v8::Value>,
    parent: usize,
    step: Step,
    is_part_of_error: bool,
}

#[derive(Clone)]
enum Step {
    Property(String),
    MapKey(u32),
    MapValue(u32),
    SetValue(u32),
}

struct Search<'s> {
    entries: Vec<Entry<'s>>,
    /// V8's identity hashes are not unique: each bucket compares.
    seen: HashMap<i32, Vec<v8::Local<'s, v8::Object>>>,
}

impl<'s> Search<'s> {
    fn new(root: v8::Local<'s, v8::Value>) -> Self {
        let step = Step::Property(String::new());
        let root = Entry { value: root, parent: 0, step, is_part_of_error: false };
        Self { entries: vec![root], seen: HashMap::new() }
    }

    fn is_new(&mut self, value: v8::Local<'s, v8::Value>) -> bool {
        let Ok(object) = v8::Local::<v8::Object>::try_from(value) else { return true };
        let bucket = self.seen.entry(object.get_identity_hash().get()).or_default();
        let is_new = !bucket.contains(&object);
        if is_new {
            bucket.push(object);
        }
        is_new
    }

    fn push(&mut self, value: v8::Local<'s, v8::Value>, parent: usize, step: Step) -> Option<()> {
        let above = &self.entries[parent];
        let is_part_of_error = above.is_part_of_error || above.value.is_native_error();
        let has_room = self.entries.len() < MOST_ENTRIES;
        has_room.then(|| self.entries.push(Entry { value, parent, step, is_part_of_error }))
    }

    /// `None`: a getter threw, or there is no room for more.
    fn push_children(&mut self, scope: &mut v8::PinScope<'s, '_>, at: usize) -> Option<()> {
        let object = v8::Local::<v8::Object>::try_from(self.entries[at].value).ok()?;
        if object.is_array_buffer_view() || object.is_array_buffer() || object.is_string_object() {
            return Some(());
        }
        if let Ok(map) = v8::Local::<v8::Map>::try_from(object) {
            let entries = map.as_array(scope);
            for index in 0..entries.length() {
                let value = entries.get_index(scope, index)?;
                let step = if index % 2 == 0 { Step::MapKey(index / 2) } else { Step::MapValue(index / 2) };
                self.push(value, at, step)?;
            }
            return Some(());
        }
        if let Ok(set) = v8::Local::<v8::Set>::try_from(object) {
            let entries = set.as_array(scope);
            for index in 0..entries.length() {
                let value = entries.get_index(scope, index)?;
                self.push(value, at, Step::SetValue(index))?;
            }
            return Some(());
        }
        let names = own_keys(scope, object)?;
        for index in 0..names.length() {
            let key = names.get_index(scope, index)?;
            let value = object.get(scope, key)?;
            let key = key.to_string(scope)?;
            let key = beginning(scope, key, LONGEST_NAME);
            self.push(value, at, Step::Property(property(&key)))?;
        }
        if object.is_native_error() {
            for key in ["cause", "errors"] {
                let name = v8::String::new(scope, key)?;
                let value = object.get(scope, name.into())?;
                self.push(value, at, Step::Property(property(key)))?;
            }
        }
        Some(())
    }

    fn path(&self, name: &str, mut at: usize) -> String {
        let mut steps = Vec::new();
        while at != 0 {
            steps.push(match &self.entries[at].step {
                Step::Property(text) => text.clone(),
                Step::MapKey(index) => format!(".<map key {index}>"),
                Step::MapValue(index) => format!(".<map value {index}>"),
                Step::SetValue(index) => format!(".<set value {index}>"),
            });
            at = self.entries[at].parent;
        }
        steps.push(name.to_owned());
        steps.reverse();
        if steps.len() > LONGEST_SHOWN_PATH {
            let half = LONGEST_SHOWN_PATH / 2;
            steps.splice(half..steps.len() - half, ["…".to_owned()]);
        }
        steps.concat()
    }
}

/// `.name`, `[3]` or `["odd name"]`.
pub(crate) fn property(key: &str) -> String {
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
