//! The globals that a guest has made or replaced, and which of them can be kept.

use std::collections::HashMap;

use crate::engine::snapshot::build::script_scopes;
use crate::engine::state::ground::Ground;
use crate::engine::state::own;
use crate::engine::state::write::Value;
use crate::engine::text::beginning;

/// The globals as they were before any code of the session ran.
pub(super) struct Baseline(HashMap<String, Option<v8::Global<v8::Value>>>);

/// A global of the guest's.
pub(super) struct Variable<'s> {
    pub(super) name: v8::Local<'s, v8::String>,
    pub(super) shown: String,
    pub(super) attributes: v8::PropertyAttribute,
    /// None when a getter would have to be asked.
    pub(super) value: Option<Value<'s>>,
}

impl Baseline {
    /// `None`: an exception is pending.
    pub(super) fn take(scope: &mut v8::PinScope) -> Option<Self> {
        let mut all = HashMap::new();
        for Variable { shown, value, .. } in globals(scope)? {
            all.insert(shown, value.map(|value| v8::Global::new(scope, value)));
        }
        Some(Self(all))
    }

    fn has(&self, scope: &mut v8::PinScope, variable: &Variable) -> bool {
        match (self.0.get(&variable.shown), variable.value) {
            (None, _) | (Some(Some(_)), None) => false,
            (Some(None), value) => value.is_none(),
            (Some(Some(before)), Some(value)) => v8::Local::new(scope, before).same_value(value),
        }
    }

    /// What the guest has made or replaced, in the order in which it came to be.
    pub(super) fn variables<'s>(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<Vec<Variable<'s>>> {
        let all = globals(scope)?;
        Some(all.into_iter().filter(|variable| !self.has(scope, variable)).collect())
    }
}

/// All own properties of the global object with a string for a key.
fn globals<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<Vec<Variable<'s>>> {
    let global = scope.get_current_context().global(scope);
    let filter = v8::PropertyFilter::SKIP_SYMBOLS;
    let keys = own::keys(scope, global, filter, v8::IndexFilter::SkipIndices)?;
    let mut all = Vec::with_capacity(keys.length() as usize);
    for index in 0..keys.length() {
        let name = v8::Local::<v8::String>::try_from(keys.get_index(scope, index)?).ok()?;
        let shown = beginning(scope, name, 256);
        let attributes = global.get_property_attributes(scope, name.into())?;
        let value = own::data_at(scope, global, name.into());
        all.push(Variable { name, shown, attributes, value });
    }
    Some(all)
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
