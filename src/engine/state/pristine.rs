//! Built-ins that no guest can replace: those of a context of our own beside the guest's, where they read
//! what V8's API for Rust does not show.

use crate::engine::source::{Source, evaluate};

/// The functions of `pristine.js`.
pub(super) struct Pristine {
    functions: v8::Global<v8::Object>,
    /// The symbols that `Symbol` has as properties, with their names there.
    well_known: Vec<(String, v8::Global<v8::Symbol>)>,
}

impl Pristine {
    /// Makes the context. `None` when V8 is out of memory, or the guest was told to stop.
    pub(super) fn new(scope: &mut v8::PinScope) -> Option<Self> {
        let guest = scope.get_current_context();
        let context = v8::Context::new(scope, v8::ContextOptions::default());
        // Equal tokens let its functions see the guest's objects.
        let token = guest.get_security_token(scope);
        context.set_security_token(token);
        let scope = &mut v8::ContextScope::new(scope, context);
        let source = Source::script(include_str!("pristine.js"), "isoseed:pristine");
        let functions = v8::Local::<v8::Object>::try_from(evaluate(scope, &source)?).ok()?;
        let functions = v8::Global::new(scope, functions);
        let mut pristine = Self { functions, well_known: Vec::new() };
        let list = v8::Local::<v8::Array>::try_from(pristine.call(scope, "symbols", &[])?).ok()?;
        for at in (0..list.length()).step_by(2) {
            let name = list.get_index(scope, at)?.to_rust_string_lossy(scope);
            let symbol = v8::Local::<v8::Symbol>::try_from(list.get_index(scope, at + 1)?).ok()?;
            pristine.well_known.push((name, v8::Global::new(scope, symbol)));
        }
        Some(pristine)
    }

    fn call<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        name: &str,
        arguments: &[v8::Local<v8::Value>],
    ) -> Option<v8::Local<'s, v8::Value>> {
        let functions = v8::Local::new(scope, &self.functions);
        let name = v8::String::new(scope, name)?;
        let function = v8::Local::<v8::Function>::try_from(functions.get(scope, name.into())?).ok()?;
        function.call(scope, functions.into(), arguments)
    }

    /// Whether properties can be added, for each of the objects, none of which is a Proxy.
    pub(super) fn extensible(
        &self,
        scope: &mut v8::PinScope,
        objects: &[v8::Local<v8::Object>],
    ) -> Option<Vec<bool>> {
        self.letters(scope, "extensible", objects)
    }

    /// Whether it is a class, for each of the functions, none of which is a Proxy.
    pub(super) fn are_classes(
        &self,
        scope: &mut v8::PinScope,
        functions: &[v8::Local<v8::Object>],
    ) -> Option<Vec<bool>> {
        self.letters(scope, "classes", functions)
    }

    fn letters(
        &self,
        scope: &mut v8::PinScope,
        name: &str,
        objects: &[v8::Local<v8::Object>],
    ) -> Option<Vec<bool>> {
        let list = list_of(scope, objects);
        let text = v8::Local::<v8::String>::try_from(self.call(scope, name, &[list])?).ok()?;
        let mut letters = vec![0; text.length()];
        text.write_one_byte_v2(scope, 0, &mut letters, v8::WriteFlags::empty());
        Some(letters.into_iter().map(|letter| letter == b'1').collect())
    }

    /// Takes care that nothing can be added to any of the objects, none of which is a Proxy.
    pub(super) fn seal(&self, scope: &mut v8::PinScope, objects: &[v8::Local<v8::Object>]) -> Option<()> {
        let list = list_of(scope, objects);
        self.call(scope, "seal", &[list]).map(drop)
    }

    /// The primitive in its box. `kind` counts booleans, numbers, strings, bigints, symbols.
    pub(super) fn unbox<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        kind: i32,
        object: v8::Local<v8::Object>,
    ) -> Option<v8::Local<'s, v8::Value>> {
        let kind = v8::Integer::new(scope, kind).into();
        self.call(scope, "unbox", &[kind, object.into()])
    }

    /// The flags of a regular expression, in V8's bits.
    pub(super) fn reg_exp_flags(
        &self,
        scope: &mut v8::PinScope,
        object: v8::Local<v8::Object>,
    ) -> Option<u32> {
        self.call(scope, "regExpFlags", &[object.into()])?.uint32_value(scope)
    }

    /// How large a buffer can become; below zero for one that can't be resized.
    pub(super) fn largest(&self, scope: &mut v8::PinScope, buffer: v8::Local<v8::Object>) -> Option<f64> {
        self.call(scope, "largest", &[buffer.into()])?.number_value(scope)
    }

    /// Whether a plain function is strict.
    pub(super) fn is_strict(
        &self,
        scope: &mut v8::PinScope,
        function: v8::Local<v8::Function>,
    ) -> Option<bool> {
        self.call(scope, "strict", &[function.into()]).map(|answer| answer.is_true())
    }

    /// The source text of a function.
    pub(super) fn text<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        function: v8::Local<v8::Function>,
    ) -> Option<v8::Local<'s, v8::String>> {
        v8::Local::<v8::String>::try_from(self.call(scope, "text", &[function.into()])?).ok()
    }

    /// The name that a symbol has on `Symbol`.
    pub(super) fn name_of(&self, symbol: v8::Local<v8::Symbol>) -> Option<&str> {
        self.well_known.iter().find(|(_, known)| *known == symbol).map(|(name, _)| name.as_str())
    }

    /// The symbol that `Symbol` has under a name.
    pub(super) fn symbol<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        name: &str,
    ) -> Option<v8::Local<'s, v8::Symbol>> {
        let found = self.well_known.iter().find(|(known, _)| known == name);
        found.map(|(_, symbol)| v8::Local::new(scope, symbol))
    }
}

fn list_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    objects: &[v8::Local<v8::Object>],
) -> v8::Local<'s, v8::Value> {
    let values: Vec<v8::Local<v8::Value>> = objects.iter().map(|object| (*object).into()).collect();
    v8::Array::new_with_elements(scope, &values).into()
}
