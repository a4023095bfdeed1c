//! Whether V8 takes bytes for a WebAssembly module. Asked in an ordinary isolate: a snapshot creator
//! has no WebAssembly, and must not hold a compiled module.

use std::sync::mpsc;

use crate::engine::threads;

/// A function that takes a `Uint8Array`, and returns why it is no module, or `undefined` when it is one.
/// Must not be in the heap when the blob is made.
pub(super) fn validator<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Function>> {
    v8::Function::new(scope, validate)
}

fn validate(
    scope: &mut v8::PinScope,
    arguments: v8::FunctionCallbackArguments,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Ok(view) = v8::Local::<v8::Uint8Array>::try_from(arguments.get(0)) else { return };
    let mut bytes = vec![0; view.byte_length()];
    view.copy_contents(&mut bytes);
    let reason = refusal(bytes);
    if let Some(reason) = reason.and_then(|reason| v8::String::new(scope, &reason)) {
        result.set(reason.into());
    }
}

/// V8's words, if it does not compile the bytes.
fn refusal(bytes: Vec<u8>) -> Option<String> {
    let (answer, answered) = mpsc::channel();
    let refused = answer.clone();
    threads::spawn_isolate_thread(
        "isoseed-wasm".to_owned(),
        move || {
            // The build waits for this and nothing else.
            let _ = answer.send(compile(&bytes));
        },
        move |error| {
            let _ = refused.send(Some(format!("the system refuses a thread: {error}")));
        },
    );
    answered.recv().unwrap_or_else(|_| Some("the thread that compiles it panicked".to_owned()))
}

fn compile(bytes: &[u8]) -> Option<String> {
    let mut isolate = v8::Isolate::new(v8::CreateParams::default());
    v8::scope!(let scope, &mut isolate);
    let context = v8::Context::new(scope, v8::ContextOptions::default());
    let scope = &mut v8::ContextScope::new(scope, context);
    v8::tc_scope!(let scope, scope);
    if v8::WasmModuleObject::compile(scope, bytes).is_some() {
        return None;
    }
    let message = scope.message()?.get(scope).to_rust_string_lossy(scope);
    // "Uncaught CompileError: WasmModuleObject::Compile(): the reason"
    Some(message.split_once("(): ").map_or(message.clone(), |(_, reason)| reason.to_owned()))
}
