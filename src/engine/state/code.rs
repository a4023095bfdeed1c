//! What belongs to the code and not to the state: functions, the prototypes of classes, symbols, modules and
//! the namespaces of the language. A state names them by their paths, which `code_table` finds.

use std::collections::HashMap;

use crate::engine::globals::is_identifier;
use crate::engine::source::{Source, evaluate};
use crate::engine::state::code_table::ROOTS;
use crate::engine::state::format::{push_text, push_units, push_varint, root, step, tag};
use crate::engine::state::own;
use crate::engine::state::path::{Path, Step};
use crate::engine::state::pristine::Pristine;

type Value<'s> = v8::Local<'s, v8::Value>;
type Object<'s> = v8::Local<'s, v8::Object>;

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

/// Whether paths lead over a symbol as a key: no document could name others.
pub(super) fn leads_on(scope: &mut v8::PinScope, symbol: v8::Local<v8::Symbol>) -> bool {
    is_registered(scope, symbol) || description(scope, symbol).starts_with("Symbol.")
}

/// The getter or setter of an own property.
pub(super) fn accessor<'s>(
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

    /// The object or symbol of an entry.
    pub(super) fn value<'s>(&self, scope: &mut v8::PinScope<'s, '_>, entry: u32) -> Option<Value<'s>> {
        v8::Local::new(scope, &self.list).get_index(scope, entry * 3)
    }

    /// The name of the global that an entry was found as.
    pub(super) fn global_name<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        entry: u32,
    ) -> Option<v8::Local<'s, v8::Name>> {
        let list = v8::Local::new(scope, &self.list);
        let parent = list.get_index(scope, entry * 3 + 1)?.uint32_value(scope)? >> 4;
        let key = list.get_index(scope, entry * 3 + 2)?;
        v8::Local::<v8::Name>::try_from(key).ok().filter(|_| parent as usize == ROOTS)
    }

    /// The entry and, of a prototype, that of its class; of a class, that of its prototype.
    pub(super) fn with_class(&self, scope: &mut v8::PinScope, entry: u32) -> Vec<u32> {
        v8::scope!(let scope, scope);
        let object = self.value(scope, entry).and_then(|value| Object::try_from(value).ok());
        let Some(object) = object.filter(|object| !object.is_proxy()) else { return vec![entry] };
        let other = if object.is_function() { "prototype" } else { "constructor" };
        let other = own::data(scope, object, other).and_then(|other| self.find(scope, other));
        std::iter::once(entry).chain(other).collect()
    }

    /// What the watched objects began with.
    pub(super) fn beginning<'s>(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Array>> {
        let list = v8::Local::new(scope, &self.list);
        let beginning = list.get_index(scope, list.length() / 3 * 3)?;
        v8::Local::<v8::Array>::try_from(beginning).ok()
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

/// What a script's top-level name stands for; none before it is initialised.
pub(super) fn lexical<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str) -> Option<Value<'s>> {
    if !is_identifier(name) {
        return None;
    }
    v8::tc_scope!(let scope, scope);
    evaluate(scope, &Source::script(name, "isoseed:state"))
}

pub(super) fn hash_of(value: Value) -> i32 {
    if let Ok(object) = Object::try_from(value) {
        return object.get_identity_hash().get();
    }
    v8::Local::<v8::Name>::try_from(value).map_or(0, |name| name.get_identity_hash().get())
}
