//! What the guest may make code from: text (`eval`, `new Function`) and WebAssembly's bytes.
//!
//! V8 asks these two callbacks of the isolate at every door to its compilers, however the guest came by
//! the function that it calls. They answer for the session, and nothing of them is in a snapshot. Before the
//! session only our own code runs, which is allowed everything.

use std::rc::Rc;

use crate::engine::host_call::GuestState;
use crate::engine::isolate::LiveIsolate;

/// What a session allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codegen {
    /// `eval`, `new Function` and what is like them.
    pub strings: bool,
    /// Compiling WebAssembly.
    pub wasm: bool,
}

impl Default for Codegen {
    fn default() -> Self {
        Self { strings: true, wasm: true }
    }
}

/// Has V8 ask before it compiles: whether the session allows it, and for text whether it is short enough.
pub(crate) fn check(live: &mut LiveIsolate) {
    live.isolate.set_modify_code_generation_from_strings_callback(|scope, source, _| {
        let (is_allowed, longest) = scope
            .get_slot::<Rc<GuestState>>()
            .map_or((true, usize::MAX), |guest| (guest.codegen.strings, guest.largest_source()));
        let is_short =
            v8::Local::<v8::String>::try_from(source).map_or(true, |source| source.length() <= longest);
        v8::ModifyCodeGenerationFromStringsResult {
            codegen_allowed: is_allowed && is_short,
            modified_source: None,
        }
    });
    live.isolate.set_allow_wasm_code_generation_callback(allows_wasm);
    v8::scope!(let scope, &mut live.isolate);
    // V8 asks the callback about every string only where the context does not allow them all.
    v8::Local::new(scope, &live.context).set_allow_generation_from_strings(false);
}

unsafe extern "C" fn allows_wasm(context: v8::Local<v8::Context>, _: v8::Local<v8::String>) -> bool {
    v8::callback_scope!(unsafe scope, context);
    scope.get_slot::<Rc<GuestState>>().is_none_or(|guest| guest.codegen.wasm)
}
