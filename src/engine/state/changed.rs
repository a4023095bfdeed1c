//! What a guest has changed in the snapshot's own objects: it is no part of the state, and is gone with the isolate.
//!
//! The table of code has, at its end, the data that these objects began with: those that globals and top-level names
//! stand for, and functions, classes and prototypes. What lies deeper is not looked at.

use std::collections::HashMap;

use crate::engine::state::code::{Code, description, leads_on};
use crate::engine::state::error::Unkept;
use crate::engine::state::format::{Cursor, root};
use crate::engine::state::ground::Ground;
use crate::engine::state::own::{self, Quiet};
use crate::engine::state::path::Path;
use crate::engine::value::path::property;

/// Objects with more properties or entries than this are not watched.
const MOST_WATCHED: usize = 1000;

/// Properties of functions that are no data.
const OF_FUNCTIONS: [&str; 5] = ["length", "name", "prototype", "arguments", "caller"];

/// V8's number for what is no script's.
const NO_SCRIPT: i32 = 0;

const CHANGED: &str = "it was changed in an object of the snapshot's, which begins as it was built";

type Value<'s> = v8::Local<'s, v8::Value>;
type Object<'s> = v8::Local<'s, v8::Object>;

/// What the watched objects began with, by their entries in the table of code.
pub(super) struct Beginning {
    /// Those that are data of globals and top-level names; of the globals with their names.
    data: Vec<(u32, Option<v8::Global<v8::Name>>)>,
    /// Where the triples of an entry are in the list.
    places: HashMap<u32, Vec<u32>>,
    list: Option<v8::Global<v8::Array>>,
}

impl Beginning {
    /// `None` when V8 is out of memory.
    pub(super) fn of(scope: &mut v8::PinScope, code: &Code) -> Option<Self> {
        v8::scope!(let scope, scope);
        let mut beginning = Self { data: Vec::new(), places: HashMap::new(), list: None };
        let Some(list) = code.beginning(scope) else { return Some(beginning) };
        for at in (0..list.length()).step_by(3) {
            let entry = list.get_index(scope, at)?.uint32_value(scope)?;
            if list.get_index(scope, at + 1)?.is_undefined() {
                let name = code.global_name(scope, entry).map(|name| v8::Global::new(scope, name));
                beginning.data.push((entry, name));
            } else {
                beginning.places.entry(entry).or_default().push(at);
            }
        }
        beginning.list = Some(v8::Global::new(scope, list));
        Some(beginning)
    }

    /// What was changed in the data that globals and top-level names stand for, and in the code that a state refers
    /// to. `state` is the name of the state itself.
    pub(super) fn changes(
        &self,
        scope: &mut v8::PinScope,
        ground: &Ground,
        referred: impl Iterator<Item = u32>,
        state: &str,
    ) -> Option<Vec<Unkept>> {
        let mut found = Vec::new();
        let state = v8::String::new(scope, state)?;
        for (entry, name) in &self.data {
            if is_there(scope, ground, *entry, name.as_ref(), state)? {
                self.compare(scope, ground, *entry, false, &mut found)?;
            }
        }
        let mut referred: Vec<u32> =
            referred.flat_map(|entry| ground.code.with_class(scope, entry)).collect();
        referred.sort_unstable();
        referred.dedup();
        for entry in referred {
            self.compare(scope, ground, entry, true, &mut found)?;
        }
        Some(found)
    }

    fn compare(
        &self,
        scope: &mut v8::PinScope,
        ground: &Ground,
        entry: u32,
        is_code: bool,
        found: &mut Vec<Unkept>,
    ) -> Option<()> {
        v8::scope!(let scope, scope);
        let Ok(object) = Object::try_from(ground.code.value(scope, entry)?) else { return Some(()) };
        let global = scope.get_current_context().global(scope);
        let is_namespace = object == global || object.is_module_namespace_object();
        if is_code && (is_namespace || !is_of_scripts(scope, object)) {
            return Some(());
        }
        let mut steps = Vec::new();
        let mut before: Vec<_> = self.before(scope, entry)?.into_iter().map(Some).collect();
        match data_of(scope, object) {
            None => steps.push(String::new()),
            Some(now) => {
                for (at, (key, value)) in now.into_iter().enumerate() {
                    let is_same = match take(&mut before, at, key) {
                        Some(known) => known.same_value(value),
                        // Methods are replaced, not lost.
                        None => {
                            is_code
                                && (is_of_function(scope, object, key)
                                    || ground.code.find(scope, value).is_some())
                        }
                    };
                    if !is_same {
                        steps.push(shown(scope, object, key));
                    }
                }
                for (key, _) in before.into_iter().flatten() {
                    steps.push(shown(scope, object, key));
                }
            }
        }
        if steps.is_empty() {
            return Some(());
        }
        let path = path_of(scope, ground, entry)?;
        // A `Map` has changed once, whatever has become of its entries.
        steps.dedup();
        let first = Path { steps: path.steps.iter().take(1).cloned().collect(), ..path.clone() };
        let name = if path.beginning == root::GLOBAL { first.shown() } else { path.name.clone() };
        found.extend(steps.into_iter().map(|step| Unkept {
            name: name.clone(),
            path: format!("{}{step}", path.shown()),
            why: CHANGED.to_owned(),
        }));
        Some(())
    }

    /// The keys and values that an object began with.
    fn before<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        entry: u32,
    ) -> Option<Vec<(Value<'s>, Value<'s>)>> {
        let (Some(places), Some(list)) = (self.places.get(&entry), &self.list) else {
            return Some(Vec::new());
        };
        let list = v8::Local::new(scope, list);
        places
            .iter()
            .map(|at| Some((list.get_index(scope, at + 1)?, list.get_index(scope, at + 2)?)))
            .collect()
    }
}

/// The entries of a `Map` or a `Set`, by their places; of another object its own properties that are data, undefined
/// ones aside. `None` when there are too many.
fn data_of<'s>(scope: &mut v8::PinScope<'s, '_>, object: Object<'s>) -> Option<Vec<(Value<'s>, Value<'s>)>> {
    if let Some(count) = count_of(object) {
        // A list of all of them would take the guest's memory.
        let entries = if can_be_watched(count) { entries_of(scope, object)? } else { return None };
        let places = 0..entries.length();
        let pair =
            |at| Some((v8::Integer::new_from_unsigned(scope, at).into(), entries.get_index(scope, at)?));
        return places.map(pair).collect();
    }
    let filter = v8::PropertyFilter::ALL_PROPERTIES;
    let keys = own::keys(scope, object, filter, v8::IndexFilter::IncludeIndices)?;
    if !can_be_watched(keys.length() as usize) {
        return None;
    }
    v8::tc_scope!(let scope, scope);
    v8::disallow_javascript_execution_scope!(let quiet, scope, v8::OnFailure::ThrowOnFailure);
    let _quiet = Quiet::begin();
    let mut pairs = Vec::with_capacity(keys.length() as usize);
    for at in 0..keys.length() {
        let key = keys.get_index(quiet, at)?;
        let name = own::name_of(quiet, key)?;
        if v8::Local::<v8::Symbol>::try_from(key).is_ok_and(|symbol| !leads_on(quiet, symbol)) {
            continue;
        }
        if let Some(value) = object.get(quiet, name.into()).filter(|value| !value.is_undefined()) {
            pairs.push((name.into(), value));
        }
    }
    Some(pairs)
}

/// How many entries a `Map` or a `Set` has; none of another object.
pub(super) fn count_of(object: Object) -> Option<usize> {
    let value: Value = object.into();
    let map = v8::Local::<v8::Map>::try_from(value).ok().map(|map| map.size());
    map.or_else(|| v8::Local::<v8::Set>::try_from(value).ok().map(|set| set.size()))
}

/// Whether an object of so many properties or entries is watched.
pub(super) fn can_be_watched(count: usize) -> bool {
    count <= MOST_WATCHED
}

/// What is in a `Map`, keys and values in turn, or in a `Set`.
pub(super) fn entries_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: Object<'s>,
) -> Option<v8::Local<'s, v8::Array>> {
    let value: Value = object.into();
    if let Ok(map) = v8::Local::<v8::Map>::try_from(value) {
        return Some(map.as_array(scope));
    }
    v8::Local::<v8::Set>::try_from(value).ok().map(|set| set.as_array(scope))
}

/// Whether it is a function or a prototype that scripts have made: those of the language are not watched.
pub(super) fn is_of_scripts<'s>(scope: &mut v8::PinScope<'s, '_>, object: Object<'s>) -> bool {
    let function = v8::Local::<v8::Function>::try_from(object).ok().or_else(|| {
        let class = own::data(scope, object, "constructor").filter(|class| !class.is_proxy())?;
        v8::Local::<v8::Function>::try_from(class).ok()
    });
    function.is_some_and(|function| function.script_id() != NO_SCRIPT)
}

/// Whether it is one of those properties.
pub(super) fn is_of_function(scope: &mut v8::PinScope, object: Object, key: Value) -> bool {
    let Ok(key) = v8::Local::<v8::String>::try_from(key) else { return false };
    object.is_function() && OF_FUNCTIONS.contains(&key.to_rust_string_lossy(scope).as_str())
}

/// Takes what was known of a key: mostly it is where it was.
fn take<'s>(before: &mut [Option<(Value<'s>, Value<'s>)>], at: usize, key: Value<'s>) -> Option<Value<'s>> {
    let is_key =
        |known: &Option<(Value<'s>, Value<'s>)>| known.is_some_and(|(known, _)| known.same_value(key));
    let found = if before.get(at).is_some_and(is_key) { Some(at) } else { before.iter().position(is_key) };
    before.get_mut(found?)?.take().map(|(_, value)| value)
}

/// Whether what had the name still has it, and is not the state: what a global of that name is now is looked at as
/// such.
fn is_there<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    ground: &Ground,
    entry: u32,
    name: Option<&v8::Global<v8::Name>>,
    state: v8::Local<'s, v8::String>,
) -> Option<bool> {
    v8::scope!(let scope, scope);
    let Some(name) = name else { return Some(true) };
    let name = v8::Local::new(scope, name);
    if v8::Local::<v8::Value>::from(name).strict_equals(state.into()) {
        return Some(false);
    }
    let global = scope.get_current_context().global(scope);
    let value = ground.code.value(scope, entry)?;
    Some(own::data_at(scope, global, name).is_some_and(|now| now == value))
}

/// A step from an object, as JavaScript would write it.
fn shown<'s>(scope: &mut v8::PinScope<'s, '_>, object: Object<'s>, key: Value<'s>) -> String {
    if count_of(object).is_some() {
        return ".<entries>".to_owned();
    }
    if let Ok(symbol) = v8::Local::<v8::Symbol>::try_from(key) {
        return format!("[Symbol({})]", description(scope, symbol));
    }
    property(&key.to_rust_string_lossy(scope))
}

fn path_of(scope: &mut v8::PinScope, ground: &Ground, entry: u32) -> Option<Path> {
    let mut bytes = Vec::new();
    ground.code.push_path(scope, &ground.pristine, entry, &mut bytes)?;
    Path::read(&mut Cursor::new(&bytes, 0)).ok()
}
