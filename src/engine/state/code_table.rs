//! The table of paths into the code, which is made before any code of a session runs: by the builder, which puts it
//! into the snapshot as data of the context, or when a session begins that has none. So no guest can fake it.
//!
//! It is a list with three entries for each object: the object, a number that says where it is, and a key there. Its
//! last element is another list of three entries for each: what the objects that `changed` watches began with.

use std::collections::HashMap;

use crate::engine::state::changed::{can_be_watched, count_of, entries_of, is_of_function, is_of_scripts};
use crate::engine::state::code::{accessor, description, hash_of, leads_on, lexical};
use crate::engine::state::format::step;
use crate::engine::state::path::LONGEST_PATH;

/// More objects than this are not looked at: what lies behind them is no code that a state can name.
const MOST_OBJECTS: usize = 4_000_000;
/// The elements of a longer array are data.
const LONGEST_LIST: u32 = 4096;
/// Parents that are no entries: the global object's, a top-level name's, a module's.
pub(super) const ROOTS: usize = 3;
/// Objects of the language that are neither functions nor prototypes.
const NAMESPACES: [&str; 7] = ["Math", "JSON", "Reflect", "Atomics", "Intl", "WebAssembly", "console"];

type Value<'s> = v8::Local<'s, v8::Value>;
type Object<'s> = v8::Local<'s, v8::Object>;

/// Where paths begin, beside the global object.
pub(crate) struct Beginnings<'s> {
    /// Top-level `let`, `const` and `class` of scripts.
    pub(crate) lexical: Vec<String>,
    /// Modules by their names: the namespace of an ES module, what a CommonJS module exports.
    pub(crate) modules: Vec<(String, Value<'s>)>,
}

struct Met<'s> {
    value: Value<'s>,
    /// The entry that it was found in, after the roots.
    parent: usize,
    step: u8,
    key: Option<Value<'s>>,
    is_code: bool,
    /// How many steps lead there.
    depth: usize,
}

/// The walk that makes a table.
struct Walk<'s> {
    met: Vec<Met<'s>>,
    seen: HashMap<i32, Vec<usize>>,
    /// Properties of watched objects: in which they are, their keys and values. Without a key, what follows is said
    /// of data, and not of code.
    began: Vec<(usize, Option<Value<'s>>, Value<'s>)>,
}

/// Makes the table of everything that can be reached by own properties and prototypes, nearest first.
/// `None` when V8 is out of memory.
pub(crate) fn table<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    beginnings: &Beginnings<'s>,
) -> Option<v8::Local<'s, v8::Array>> {
    let mut walk = Walk { met: Vec::new(), seen: HashMap::new(), began: Vec::new() };
    let global = scope.get_current_context().global(scope);
    walk.meet(scope, global.into(), 0, step::PROPERTY, None);
    for name in &beginnings.lexical {
        let Some(value) = lexical(scope, name) else { continue };
        let name = v8::String::new(scope, name)?;
        walk.meet(scope, value, 1, step::PROPERTY, Some(name.into()));
    }
    for (name, value) in &beginnings.modules {
        let name = v8::String::new(scope, name)?;
        walk.meet(scope, *value, 2, step::PROPERTY, Some(name.into()));
    }
    let mut at = 0;
    while at < walk.met.len() && walk.met.len() < MOST_OBJECTS {
        let met = &walk.met[at];
        if met.depth < LONGEST_PATH
            && let Ok(object) = Object::try_from(met.value)
        {
            walk.look_into(scope, object, at + ROOTS);
        }
        at += 1;
    }
    walk.list(scope)
}

impl<'s> Walk<'s> {
    fn meet(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        value: Value<'s>,
        parent: usize,
        step: u8,
        key: Option<Value<'s>>,
    ) {
        let is_symbol = value.is_symbol();
        if !(value.is_object() || is_symbol) || value.is_proxy() || value.is_array_buffer_view() {
            return;
        }
        let hash = hash_of(value);
        let same_hash = self.seen.entry(hash).or_default();
        let is_prototype = step == step::PROTOTYPE
            || (key.is_some_and(|key| is_text(scope, key, "prototype"))
                && parent.checked_sub(ROOTS).is_some_and(|at| self.met[at].value.is_function()));
        let known = same_hash.iter().find(|at| self.met[**at].value == value);
        if let Some(known) = known {
            self.met[*known].is_code |= is_prototype;
            return;
        }
        same_hash.push(self.met.len());
        let is_namespace = (parent == ROOTS && key.is_some_and(|key| is_one_of(scope, key, &NAMESPACES)))
            || value.is_module_namespace_object()
            || (parent == 0 && key.is_none());
        let is_code = value.is_function() || is_symbol || is_prototype || is_namespace;
        let depth = parent.checked_sub(ROOTS).map_or(0, |parent| self.met[parent].depth + 1);
        self.met.push(Met { value, parent, step, key, is_code, depth });
    }

    /// Exceptions of what can't be read are left alone: it leads nowhere then.
    fn look_into(&mut self, scope: &mut v8::PinScope<'s, '_>, object: Object<'s>, at: usize) {
        let is_long = v8::Local::<v8::Array>::try_from(object).is_ok_and(|list| list.length() > LONGEST_LIST);
        let without_indexes = is_long || object.is_string_object() || object.is_array_buffer();
        let index_filter =
            if without_indexes { v8::IndexFilter::SkipIndices } else { v8::IndexFilter::IncludeIndices };
        let mut descriptions = HashMap::new();
        let keys = {
            v8::tc_scope!(let scope, scope);
            let arguments = v8::GetPropertyNamesArgs {
                mode: v8::KeyCollectionMode::OwnOnly,
                property_filter: v8::PropertyFilter::ALL_PROPERTIES,
                index_filter,
                key_conversion: v8::KeyConversionMode::ConvertToString,
            };
            object.get_property_names(scope, arguments)
        };
        let is_watched = keys.is_some_and(|keys| self.watches(scope, at - ROOTS, keys.length()));
        for index in 0..keys.map_or(0, |keys| keys.length()) {
            let Some(key) = keys.and_then(|keys| keys.get_index(scope, index)) else { continue };
            let Ok(name) = v8::Local::<v8::Name>::try_from(key) else { continue };
            if let Ok(symbol) = v8::Local::<v8::Symbol>::try_from(key) {
                let description = description(scope, symbol);
                let before = descriptions.entry(description.clone()).or_insert(0_u32);
                let place = v8::String::new(scope, &format!("{before} {description}"));
                *before += 1;
                self.meet(scope, key, at, step::KEY, place.map(Into::into));
                if !leads_on(scope, symbol) {
                    continue;
                }
            }
            self.look_at(scope, object, name, at, is_watched);
        }
        if let Some(prototype) = object.get_prototype(scope) {
            self.meet(scope, prototype, at, step::PROTOTYPE, None);
        }
    }

    fn look_at(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        object: Object<'s>,
        name: v8::Local<'s, v8::Name>,
        at: usize,
        is_watched: bool,
    ) {
        let value = {
            v8::tc_scope!(let scope, scope);
            v8::disallow_javascript_execution_scope!(let quiet, scope, v8::OnFailure::ThrowOnFailure);
            object.get(quiet, name.into())
        };
        if let Some(value) = value.filter(|value| !value.is_undefined()) {
            let is_code = value.is_function() || value.is_symbol();
            if is_watched
                && !(self.met[at - ROOTS].is_code && (is_code || is_of_function(scope, object, name.into())))
            {
                self.began.push((at - ROOTS, Some(name.into()), value));
            }
            return self.meet(scope, value, at, step::PROPERTY, Some(name.into()));
        }
        for (key, step) in [("get", step::GETTER), ("set", step::SETTER)] {
            if let Some(function) = accessor(scope, object, name, key) {
                self.meet(scope, function, at, step, Some(name.into()));
            }
        }
    }

    /// Whether it is to be known later what an object began with: that of code, and of data that a global or a
    /// top-level name stands for.
    fn watches(&mut self, scope: &mut v8::PinScope<'s, '_>, at: usize, keys: u32) -> bool {
        let Met { value, parent, step, is_code, .. } = self.met[at];
        if at == 0 || !can_be_watched(keys as usize) || value.is_module_namespace_object() {
            return false;
        }
        if is_code {
            return Object::try_from(value).is_ok_and(|object| is_of_scripts(scope, object));
        }
        let is_top_level = (parent == ROOTS && step == step::PROPERTY) || parent == 1;
        let Ok(object) = Object::try_from(value) else { return false };
        if !is_top_level || !count_of(object).is_none_or(can_be_watched) {
            return false;
        }
        let entries = entries_of(scope, object);
        let count = entries.map_or(0, |entries| entries.length());
        self.began.push((at, None, value));
        for place in 0..count {
            let Some(entry) = entries.and_then(|entries| entries.get_index(scope, place)) else { continue };
            let place = v8::Integer::new_from_unsigned(scope, place);
            self.began.push((at, Some(place.into()), entry));
        }
        // Of a `Map` and a `Set`, the entries are what it is about.
        entries.is_none()
    }

    /// What is code or watched, and what leads there.
    fn list(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Array>> {
        let mut is_needed = vec![false; self.met.len()];
        let watched = self.began.iter().map(|(at, ..)| *at);
        let code = self.met.iter().enumerate().filter(|(_, met)| met.is_code).map(|(at, _)| at);
        for at in code.chain(watched) {
            let mut next = Some(at);
            while let Some(at) = next.filter(|at| !is_needed[*at]) {
                is_needed[at] = true;
                next = self.met[at].parent.checked_sub(ROOTS);
            }
        }
        let mut numbers = vec![0; self.met.len()];
        let mut list = Vec::new();
        for (at, met) in self.met.iter().enumerate().filter(|(at, _)| is_needed[*at]) {
            numbers[at] = list.len() / 3;
            let parent = met.parent.checked_sub(ROOTS).map_or(met.parent, |parent| numbers[parent] + ROOTS);
            let place = (parent * 8 + usize::from(met.step)) * 2 + usize::from(met.is_code);
            let place = v8::Integer::new_from_unsigned(scope, u32::try_from(place).ok()?);
            let key = met.key.unwrap_or_else(|| v8::undefined(scope).into());
            list.extend([met.value, place.into(), key]);
        }
        let mut began = Vec::new();
        for (at, key, value) in &self.began {
            let number = v8::Integer::new_from_unsigned(scope, u32::try_from(numbers[*at]).ok()?);
            let key = key.unwrap_or_else(|| v8::undefined(scope).into());
            began.extend([number.into(), key, *value]);
        }
        list.push(v8::Array::new_with_elements(scope, &began).into());
        Some(v8::Array::new_with_elements(scope, &list))
    }
}

fn is_text(scope: &mut v8::PinScope, key: Value, text: &str) -> bool {
    is_one_of(scope, key, &[text])
}

fn is_one_of(scope: &mut v8::PinScope, key: Value, texts: &[&str]) -> bool {
    let Ok(key) = v8::Local::<v8::String>::try_from(key) else { return false };
    texts.iter().any(|text| text.len() == key.length() && key.to_rust_string_lossy(scope) == *text)
}
