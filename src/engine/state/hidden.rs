//! Globals that scripts can't see, because a top-level `let`, `const` or `class` of the same name hides them.
//!
//! V8's API does not tell, but V8 refuses a `var` of such a name before any of the script runs. One of a global
//! that is there already changes nothing.

use crate::engine::source::{code_string, origin};

/// Why such a global is not kept: what scripts say by its name is another variable, which is gone tomorrow.
pub(super) const HIDDEN: &str =
    "a top-level let, const or class of that name hides it: use var or an assignment instead";
/// Why such a state is refused.
pub(super) const HIDDEN_STATE: &str = "a top-level let, const or class of that name hides it: use var or an \
                                       assignment instead, or keep another global by the option state";

/// Which of the names are hidden. `None`: the guest was told to stop, or V8 is out of memory.
pub(super) fn hidden<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    names: &[v8::Local<'s, v8::Name>],
) -> Option<Vec<String>> {
    v8::scope!(let scope, scope);
    let global = scope.get_current_context().global(scope);
    let (mut sayable, mut made) = (Vec::new(), Vec::new());
    for name in names {
        let Ok(text) = v8::Local::<v8::String>::try_from(*name) else { continue };
        let text = text.to_rust_string_lossy(scope);
        if !is_sayable(&text) {
            continue;
        }
        // A `var` would make what is not there, and for good. Where nothing can be made, it can't, either.
        if !global.has_own_property(scope, *name)? {
            let undefined = v8::undefined(scope).into();
            if global.create_data_property(scope, *name, undefined)? {
                made.push(*name);
            }
        }
        sayable.push(text);
    }
    let mut found = Vec::new();
    let is_done = look(scope, &sayable, &mut found);
    for name in made {
        global.delete(scope, name.into())?;
    }
    is_done.map(|()| found)
}

/// Asks for all of them at once, and for halves of them if one is hidden.
fn look(scope: &mut v8::PinScope, names: &[String], found: &mut Vec<String>) -> Option<()> {
    if names.is_empty() {
        return Some(());
    }
    let answer = declare(scope, &names.join(","))?;
    if answer == Answer::Declared {
        return Some(());
    }
    if let [name] = names {
        if answer == Answer::Hidden {
            found.push(name.clone());
        }
        return Some(());
    }
    let (first, second) = names.split_at(names.len() / 2);
    look(scope, first, found)?;
    look(scope, second, found)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Declared,
    Hidden,
    /// It is a reserved word or the like, or no global can be made.
    Impossible,
}

fn declare(scope: &mut v8::PinScope, names: &str) -> Option<Answer> {
    v8::tc_scope!(let scope, scope);
    let code = code_string(scope, &format!("var {names}"))?;
    let origin = origin(scope, "isoseed:state", false)?;
    let Some(script) = v8::Script::compile(scope, code, Some(&origin)) else {
        return scope.can_continue().then_some(Answer::Impossible);
    };
    if script.run(scope).is_some() {
        return Some(Answer::Declared);
    }
    if !scope.can_continue() {
        scope.rethrow();
        return None;
    }
    let thrown = scope.exception().and_then(|thrown| v8::Local::<v8::Object>::try_from(thrown).ok())?;
    // Not a `TypeError`, as where the global object can't be extended. No guest can change what this tells.
    let class = thrown.get_constructor_name().to_rust_string_lossy(scope);
    Some(if class == "SyntaxError" { Answer::Hidden } else { Answer::Impossible })
}

/// Whether it may be an identifier, and can be nothing else in a script: all that means something else to
/// JavaScript is ASCII or white space.
fn is_sayable(name: &str) -> bool {
    let is_part = |letter: char| {
        letter.is_ascii_alphanumeric()
            || letter == '_'
            || letter == '$'
            || !(letter.is_ascii() || letter.is_whitespace())
    };
    name.chars().all(is_part) && name.chars().next().is_some_and(|first| !first.is_ascii_digit())
}
