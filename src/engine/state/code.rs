//! What belongs to the code and not to the state: functions, the prototypes of classes, symbols, modules and
//! the namespaces of the language. A state names them by their paths.
//!
//! The table of paths is made before any code of a session runs: by the builder, which puts it into the
//! snapshot as data of the context, or when a session begins that has none. So no guest can fake it. It is
//! a list with three entries for each object: the object, a number that says where it is, and a key there.

use std::collections::HashMap;

use crate::engine::globals::is_identifier;
use crate::engine::source::{Source, evaluate};
use crate::engine::state::format::{push_text, push_units, push_varint, root, step, tag};
use crate::engine::state::own;
use crate::engine::state::path::{LONGEST_PATH, Path, Step};
use crate::engine::state::pristine::Pristine;

/// More objects than this are not looked at: what lies behind them is no code that a state can name.
const MOST_OBJECTS: usize = 4_000_000;
/// The elements of a longer array are data.
const LONGEST_LIST: u32 = 4096;
/// Parents that are no entries: the global object's, a top-level name's, a module's.
const ROOTS: usize = 3;
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
}

/// Makes the table of everything that can be reached by own properties and prototypes, nearest first.
/// `None` when V8 is out of memory.
pub(crate) fn table<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    beginnings: &Beginnings<'s>,
) -> Option<v8::Local<'s, v8::Array>> {
    let mut walk = Walk { met: Vec::new(), seen: HashMap::new() };
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

/// What a script's top-level name stands for; none before it is initialised.
fn lexical<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str) -> Option<Value<'s>> {
    if !is_identifier(name) {
        return None;
    }
    v8::tc_scope!(let scope, scope);
    evaluate(scope, &Source::script(name, "isoseed:state"))
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
        for index in 0..keys.map_or(0, |keys| keys.length()) {
            let Some(key) = keys.and_then(|keys| keys.get_index(scope, index)) else { continue };
            let Ok(name) = v8::Local::<v8::Name>::try_from(key) else { continue };
            if let Ok(symbol) = v8::Local::<v8::Symbol>::try_from(key) {
                let description = description(scope, symbol);
                let before = descriptions.entry(description.clone()).or_insert(0_u32);
                let place = v8::String::new(scope, &format!("{before} {description}"));
                *before += 1;
                self.meet(scope, key, at, step::KEY, place.map(Into::into));
                if !is_registered(scope, symbol) && !is_language_symbol(&description) {
                    continue;
                }
            }
            self.look_at(scope, object, name, at);
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
    ) {
        let value = {
            v8::tc_scope!(let scope, scope);
            v8::disallow_javascript_execution_scope!(let quiet, scope, v8::OnFailure::ThrowOnFailure);
            object.get(quiet, name.into())
        };
        if let Some(value) = value.filter(|value| !value.is_undefined()) {
            return self.meet(scope, value, at, step::PROPERTY, Some(name.into()));
        }
        for (key, step) in [("get", step::GETTER), ("set", step::SETTER)] {
            if let Some(function) = accessor(scope, object, name, key) {
                self.meet(scope, function, at, step, Some(name.into()));
            }
        }
    }

    /// What is code, and what leads there.
    fn list(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Array>> {
        let mut is_needed = vec![false; self.met.len()];
        for (at, met) in self.met.iter().enumerate() {
            let mut next = met.is_code.then_some(at);
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
        Some(v8::Array::new_with_elements(scope, &list))
    }
}

fn hash_of(value: Value) -> i32 {
    if let Ok(object) = Object::try_from(value) {
        return object.get_identity_hash().get();
    }
    v8::Local::<v8::Name>::try_from(value).map_or(0, |name| name.get_identity_hash().get())
}

fn is_text(scope: &mut v8::PinScope, key: Value, text: &str) -> bool {
    is_one_of(scope, key, &[text])
}

fn is_one_of(scope: &mut v8::PinScope, key: Value, texts: &[&str]) -> bool {
    let Ok(key) = v8::Local::<v8::String>::try_from(key) else { return false };
    texts.iter().any(|text| text.len() == key.length() && key.to_rust_string_lossy(scope) == *text)
}

/// The beginning of a symbol's description.
pub(super) fn description(scope: &mut v8::PinScope, symbol: v8::Local<v8::Symbol>) -> String {
    let text = v8::Local::<v8::String>::try_from(symbol.description(scope));
    text.map_or_else(|_| String::new(), |text| crate::engine::text::beginning(scope, text, 80))
}

/// Whether `Symbol.for` gives the symbol.
pub(super) fn is_registered(scope: &mut v8::PinScope, symbol: v8::Local<v8::Symbol>) -> bool {
    let Ok(text) = v8::Local::<v8::String>::try_from(symbol.description(scope)) else { return false };
    v8::Symbol::for_key(scope, text) == symbol
}

fn is_language_symbol(description: &str) -> bool {
    description.starts_with("Symbol.")
}

/// The getter or setter of an own property.
fn accessor<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: Object<'s>,
    name: v8::Local<'s, v8::Name>,
    which: &str,
) -> Option<Value<'s>> {
    v8::tc_scope!(let scope, scope);
    let descriptor = Object::try_from(object.get_own_property_descriptor(scope, name)?).ok()?;
    own::data(scope, descriptor, which).filter(|function| function.is_function())
}

/// The table of one context.
pub(super) struct Code {
    list: v8::Global<v8::Array>,
    /// The entries that are code, by V8's identity hash.
    by_hash: HashMap<i32, Vec<u32>>,
    lexical: Vec<String>,
}

impl Code {
    /// `None` when V8 is out of memory.
    pub(super) fn new(scope: &mut v8::PinScope, list: &v8::Global<v8::Array>) -> Option<Self> {
        let entries = v8::Local::new(scope, list);
        let (mut by_hash, mut lexical) = (HashMap::<i32, Vec<u32>>::new(), Vec::new());
        for entry in 0..entries.length() / 3 {
            v8::scope!(let scope, scope);
            let place = entries.get_index(scope, entry * 3 + 1)?.uint32_value(scope)?;
            if place % 2 == 1 {
                let value = entries.get_index(scope, entry * 3)?;
                by_hash.entry(hash_of(value)).or_default().push(entry);
            }
            if place >> 4 == 1 {
                lexical.push(entries.get_index(scope, entry * 3 + 2)?.to_rust_string_lossy(scope));
            }
        }
        Some(Self { list: list.clone(), by_hash, lexical })
    }

    /// The entry of an object or a symbol, if it is code.
    pub(super) fn find(&self, scope: &mut v8::PinScope, value: Value) -> Option<u32> {
        let same_hash = self.by_hash.get(&hash_of(value))?;
        v8::scope!(let scope, scope);
        let list = v8::Local::new(scope, &self.list);
        same_hash
            .iter()
            .copied()
            .find(|entry| list.get_index(scope, entry * 3).is_some_and(|known| known == value))
    }

    /// The classes in it, with their entries.
    pub(super) fn classes<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        pristine: &Pristine,
    ) -> Option<Vec<(u32, v8::Local<'s, v8::Function>)>> {
        let list = v8::Local::new(scope, &self.list);
        let mut entries: Vec<u32> = self.by_hash.values().flatten().copied().collect();
        entries.sort_unstable();
        let mut functions = Vec::new();
        for entry in entries {
            let value = list.get_index(scope, entry * 3)?;
            if let Ok(function) = v8::Local::<v8::Function>::try_from(value) {
                functions.push((entry, function));
            }
        }
        let objects: Vec<Object> = functions.iter().map(|(_, function)| (*function).into()).collect();
        let are_classes = pristine.are_classes(scope, &objects)?;
        let classes = functions.into_iter().zip(are_classes).filter(|(_, is_class)| *is_class);
        Some(classes.map(|(class, _)| class).collect())
    }

    /// Whether a script of the snapshot has a top-level `let`, `const` or `class` of that name.
    pub(super) fn has_lexical(&self, name: &str) -> bool {
        self.lexical.iter().any(|known| known == name)
    }

    /// Appends the path of an entry.
    pub(super) fn push_path(
        &self,
        scope: &mut v8::PinScope,
        pristine: &Pristine,
        entry: u32,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let list = v8::Local::new(scope, &self.list);
        let (mut steps, mut at) = (Vec::new(), entry);
        let beginning = loop {
            let place = list.get_index(scope, at * 3 + 1)?.uint32_value(scope)?;
            let key = list.get_index(scope, at * 3 + 2)?;
            let Some(parent) = (place >> 4).checked_sub(3) else { break (place >> 4, key) };
            steps.push(((place >> 1) & 7, key));
            at = parent;
        };
        match beginning {
            (0, _) => out.push(root::GLOBAL),
            (1, name) => {
                out.push(root::LEXICAL);
                push_text(out, &name.to_rust_string_lossy(scope));
            }
            (_, name) => {
                out.push(root::MODULE);
                push_text(out, &name.to_rust_string_lossy(scope));
            }
        }
        push_varint(out, steps.len() as u64);
        for (step, key) in steps.into_iter().rev() {
            let step = u8::try_from(step).ok()?;
            out.push(step);
            match step {
                step::PROTOTYPE => {}
                step::KEY => {
                    let place = key.to_rust_string_lossy(scope);
                    let (before, description) = place.split_once(' ')?;
                    push_varint(out, before.parse().ok()?);
                    push_text(out, description);
                }
                _ => push_key(scope, pristine, key, out)?,
            }
        }
        Some(())
    }

    /// What is at a path, if it is code and was there before any code of the session ran. `None` when it is
    /// not.
    pub(super) fn resolve<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        pristine: &Pristine,
        modules: &[(String, Value<'s>)],
        path: &Path,
    ) -> Option<Value<'s>> {
        let mut value: Value = match path.beginning {
            root::GLOBAL => scope.get_current_context().global(scope).into(),
            root::LEXICAL if self.lexical.contains(&path.name) => lexical(scope, &path.name)?,
            root::MODULE => modules.iter().find(|(name, _)| *name == path.name)?.1,
            _ => return None,
        };
        for step in &path.steps {
            let object = Object::try_from(value).ok().filter(|object| !object.is_proxy())?;
            value = match step {
                Step::Prototype => object.get_prototype(scope)?,
                Step::Key(before, description) => key_symbol(scope, object, *before, description)?,
                Step::Own(which, key) => {
                    let key = key.to_name(scope, pristine)?;
                    match *which {
                        step::PROPERTY => own::data_at(scope, object, key)?,
                        step::GETTER => accessor(scope, object, key, "get")?,
                        _ => accessor(scope, object, key, "set")?,
                    }
                }
            };
        }
        self.find(scope, value).map(|_| value)
    }
}

fn push_key(scope: &mut v8::PinScope, pristine: &Pristine, key: Value, out: &mut Vec<u8>) -> Option<()> {
    if let Ok(symbol) = v8::Local::<v8::Symbol>::try_from(key) {
        if let Some(name) = pristine.name_of(symbol) {
            out.push(tag::WELL_KNOWN);
            push_text(out, name);
            return Some(());
        }
        if !is_registered(scope, symbol) {
            return None;
        }
        let description = v8::Local::<v8::String>::try_from(symbol.description(scope)).ok()?;
        out.push(tag::REGISTERED);
        push_string(scope, description, out);
        return Some(());
    }
    push_string(scope, v8::Local::<v8::String>::try_from(key).ok()?, out);
    Some(())
}

fn push_string(scope: &mut v8::PinScope, text: v8::Local<v8::String>, out: &mut Vec<u8>) {
    let mut units = vec![0; text.length()];
    text.write_v2(scope, 0, &mut units, v8::WriteFlags::empty());
    push_units(out, &units);
}

fn key_symbol<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: Object<'s>,
    mut before: u64,
    text: &str,
) -> Option<Value<'s>> {
    let keys = own::keys(scope, object, v8::PropertyFilter::SKIP_STRINGS, v8::IndexFilter::SkipIndices)?;
    for index in 0..keys.length() {
        let key = keys.get_index(scope, index)?;
        let symbol = v8::Local::<v8::Symbol>::try_from(key).ok()?;
        if description(scope, symbol) == text {
            if before == 0 {
                return Some(key);
            }
            before -= 1;
        }
    }
    None
}
