//! Writes down everything reachable in a session, one line for each property. Runs on the isolate's
//! thread, in a second, pristine context.

use crate::engine::source::{Source, evaluate};

/// The lines of the session in `scope`. `None`: an exception is pending in the caller's `TryCatch`.
pub(crate) fn take(scope: &mut v8::PinScope) -> Option<String> {
    let roots = Source::script(include_str!("roots.js"), "isoseed:roots");
    let roots = evaluate(scope, &roots)?;
    let session = scope.get_current_context();
    let pristine = v8::Context::new(scope, v8::ContextOptions::default());
    // Equal tokens let the walker read the session's objects.
    let token = session.get_security_token(scope);
    pristine.set_security_token(token);
    let scope = &mut v8::ContextScope::new(scope, pristine);
    let walker = Source::script(include_str!("digest.js"), "isoseed:digest");
    let walker = v8::Local::<v8::Function>::try_from(evaluate(scope, &walker)?).ok()?;
    let kind_of = v8::Function::new(scope, kind_of)?;
    let receiver = v8::undefined(scope).into();
    let lines = walker.call(scope, receiver, &[kind_of.into(), roots])?;
    Some(lines.to_rust_string_lossy(scope))
}

fn kind_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let kind = match arguments.get(0) {
        value if value.is_proxy() => "proxy",
        value if value.is_function() => "function",
        value if value.is_reg_exp() => "regexp",
        value if value.is_date() => "date",
        value if value.is_map() => "map",
        value if value.is_set() => "set",
        value if value.is_native_error() => "error",
        value if value.is_array() => "array",
        value if value.is_promise() => "promise",
        value if value.is_boolean_object() => "boolean",
        value if value.is_number_object() => "number",
        value if value.is_string_object() => "string",
        value if value.is_symbol_object() => "symbol",
        value if value.is_big_int_object() => "bigint",
        _ => "object",
    };
    if let Some(kind) = v8::String::new(scope, kind) {
        result.set(kind.into());
    }
}
