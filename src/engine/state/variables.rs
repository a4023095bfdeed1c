//! The globals that a guest has made or replaced, and which of them can be kept.

use std::collections::{HashMap, HashSet};

use crate::engine::snapshot::build::script_scopes;
use crate::engine::state::code::description;
use crate::engine::state::ground::Ground;
use crate::engine::state::own;
use crate::engine::state::write::Value;
use crate::engine::text::beginning;

/// The globals as they were before any code of the session ran.
pub(super) struct Baseline {
    named: HashMap<String, Before>,
    symbols: Vec<(v8::Global<v8::Name>, Before)>,
}

/// The value of a global; none when a getter would have to be asked.
type Before = Option<v8::Global<v8::Value>>;

/// A global of the guest's.
pub(super) struct Variable<'s> {
    /// A string or a symbol.
    pub(super) name: v8::Local<'s, v8::Name>,
    pub(super) shown: String,
    pub(super) attributes: v8::PropertyAttribute,
    /// None when a getter would have to be asked.
    pub(super) value: Option<Value<'s>>,
}

impl Baseline {
    /// `None`: an exception is pending.
    pub(super) fn take(scope: &mut v8::PinScope) -> Option<Self> {
        let mut taken = Self { named: HashMap::new(), symbols: Vec::new() };
        for Variable { name, shown, value, .. } in globals(scope)? {
            let value = value.map(|value| v8::Global::new(scope, value));
            if name.is_symbol() {
                taken.symbols.push((v8::Global::new(scope, name), value));
            } else {
                taken.named.insert(shown, value);
            }
        }
        Some(taken)
    }

    fn has(&self, scope: &mut v8::PinScope, variable: &Variable) -> bool {
        let before = if variable.name.is_symbol() {
            let known = self.symbols.iter().find(|(name, _)| *name == variable.name);
            known.map(|(_, before)| before)
        } else {
            self.named.get(&variable.shown)
        };
        match (before, variable.value) {
            (None, _) | (Some(Some(_)), None) => false,
            (Some(None), value) => value.is_none(),
            (Some(Some(before)), Some(value)) => v8::Local::new(scope, before).same_value(value),
        }
    }

    /// What the guest has made or replaced, in the order in which it came to be, and the names of what it has
    /// deleted.
    pub(super) fn changes<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Option<(Vec<Variable<'s>>, Vec<String>)> {
        let mut all = globals(scope)?;
        let there: HashSet<&str> = all.iter().map(|variable| variable.shown.as_str()).collect();
        let symbols: Vec<String> =
            self.symbols.iter().map(|(name, _)| shown(scope, v8::Local::new(scope, name))).collect();
        let known = self.named.keys().chain(&symbols);
        let mut deleted: Vec<String> = known.filter(|name| !there.contains(name.as_str())).cloned().collect();
        deleted.sort();
        all.retain(|variable| !self.has(scope, variable));
        Some((all, deleted))
    }
}

/// All own properties of the global object.
fn globals<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<Vec<Variable<'s>>> {
    let global = scope.get_current_context().global(scope);
    let filter = v8::PropertyFilter::ALL_PROPERTIES;
    let keys = own::keys(scope, global, filter, v8::IndexFilter::IncludeIndices)?;
    let mut all = Vec::with_capacity(keys.length() as usize);
    for index in 0..keys.length() {
        let key = keys.get_index(scope, index)?;
        let name = own::name_of(scope, key)?;
        let shown = shown(scope, name);
        let attributes = global.get_property_attributes(scope, name.into())?;
        let value = own::data_at(scope, global, name);
        all.push(Variable { name, shown, attributes, value });
    }
    Some(all)
}

fn shown(scope: &mut v8::PinScope, name: v8::Local<v8::Name>) -> String {
    if let Ok(symbol) = v8::Local::<v8::Symbol>::try_from(name) {
        return format!("[Symbol({})]", description(scope, symbol));
    }
    v8::Local::<v8::String>::try_from(name).map_or_else(|_| String::new(), |name| beginning(scope, name, 256))
}

/// Which of the functions can be kept by their text: declarations at the top level of a script that name
/// no top-level `let`, `const` or `class` of the guest's. For the others, why not.
pub(super) fn stand_alone(
    scope: &mut v8::PinScope,
    ground: &Ground,
    functions: &[v8::Local<v8::Function>],
) -> Option<Vec<Result<(), String>>> {
    if functions.is_empty() {
        return Some(Vec::new());
    }
    let values: Vec<Value> = functions.iter().map(|function| (*function).into()).collect();
    let scopes = script_scopes::look(scope, &values)?;
    let lexical: Vec<&String> = scopes.names.iter().filter(|name| !ground.code.has_lexical(name)).collect();
    let mut verdicts = Vec::new();
    for (function, is_top_level) in functions.iter().zip(scopes.are_top_level) {
        verdicts.push(verdict(scope, ground, *function, is_top_level, &lexical)?);
    }
    Some(verdicts)
}

fn verdict(
    scope: &mut v8::PinScope,
    ground: &Ground,
    function: v8::Local<v8::Function>,
    is_top_level: bool,
    lexical: &[&String],
) -> Option<Result<(), String>> {
    let value: Value = function.into();
    let name = function.get_name(scope);
    let name = name.to_rust_string_lossy(scope);
    let text = ground.pristine.text(scope, function)?.to_rust_string_lossy(scope);
    let rest = text.strip_prefix("function").map(str::trim_start).and_then(|rest| rest.strip_prefix(&*name));
    let is_declaration = !name.is_empty()
        && rest.is_some_and(|rest| rest.trim_start().starts_with('('))
        && !value.is_async_function()
        && !value.is_generator_function();
    if !is_declaration {
        return Some(Err("a function that is no plain function declaration of a script".to_owned()));
    }
    if !is_top_level {
        return Some(Err(
            "a function that may be a closure: it is not declared at a script's top level".to_owned()
        ));
    }
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    let mut words = text.split(|letter| !is_part(letter));
    Some(match words.find(|word| lexical.iter().any(|name| name == word)) {
        Some(name) => Err(format!("a function that names {name}, a let, const or class, which is not kept")),
        None => Ok(()),
    })
}
