//! The walker of `digest.js`, in a pristine context beside the session's own. Runs on the isolate's thread.

use crate::engine::source::{Source, evaluate};
use crate::engine::verify::inside::{hash, inside};
use crate::engine::verify::records::Records;

pub(super) struct Walker<'s> {
    context: v8::Local<'s, v8::Context>,
    walker: v8::Local<'s, v8::Object>,
}

impl<'s> Walker<'s> {
    /// For the objects of the current context.
    pub(super) fn new(scope: &mut v8::PinScope<'s, '_>) -> Option<Self> {
        let session = scope.get_current_context();
        let context = v8::Context::new(scope, v8::ContextOptions::default());
        // Equal tokens let the walker read the session's objects.
        let token = session.get_security_token(scope);
        context.set_security_token(token);
        let scope = &mut v8::ContextScope::new(scope, context);
        let make = Source::script(include_str!("digest.js"), "isoseed:digest");
        let make = v8::Local::<v8::Function>::try_from(evaluate(scope, &make)?).ok()?;
        let inside = v8::Function::new(scope, inside)?;
        let hash = v8::Function::new(scope, hash)?;
        let receiver = v8::undefined(scope).into();
        let walker = make.call(scope, receiver, &[inside.into(), hash.into()])?;
        let walker = v8::Local::<v8::Object>::try_from(walker).ok()?;
        Some(Self { context, walker })
    }

    /// Takes an object in. Its number, which it may have had before.
    pub(super) fn add(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
    ) -> Option<usize> {
        let objects = v8::Array::new_with_elements(scope, &[object.into()]);
        self.add_all(scope, objects)?;
        let number = self.call(scope, "numberOf", &[object.into()])?;
        usize::try_from(number.integer_value(scope)?).ok()
    }

    pub(super) fn add_all(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        objects: v8::Local<'s, v8::Array>,
    ) -> Option<()> {
        self.call(scope, "add", &[objects.into()]).map(drop)
    }

    /// Writes the records of all objects that are reached from those taken in.
    pub(super) fn walk(&self, scope: &mut v8::PinScope<'s, '_>, records: &mut Records) -> Option<()> {
        loop {
            v8::scope!(let scope, scope);
            let written = self.call_in(scope, "next")?;
            if written.is_empty() {
                return Some(());
            }
            records.push(&written);
        }
    }

    /// All objects, by their numbers.
    pub(super) fn objects(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Array>> {
        v8::Local::<v8::Array>::try_from(self.call(scope, "objects", &[])?).ok()
    }

    pub(super) fn object(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        number: usize,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let object = self.objects(scope)?.get_index(scope, u32::try_from(number).ok()?)?;
        v8::Local::<v8::Object>::try_from(object).ok()
    }

    /// What each symbol is, by its number.
    pub(super) fn symbols(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<Vec<String>> {
        let symbols = self.call(scope, "symbols", &[])?.to_rust_string_lossy(scope);
        Some(symbols.lines().map(str::to_owned).collect())
    }

    fn call_in(&self, scope: &mut v8::PinScope<'_, '_>, method: &str) -> Option<String> {
        let context = v8::Local::new(scope, self.context);
        let scope = &mut v8::ContextScope::new(scope, context);
        let name = v8::String::new(scope, method)?;
        let walker = v8::Local::new(scope, self.walker);
        let method = v8::Local::<v8::Function>::try_from(walker.get(scope, name.into())?).ok()?;
        let written = method.call(scope, walker.into(), &[])?;
        Some(written.to_rust_string_lossy(scope))
    }

    fn call(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        method: &str,
        arguments: &[v8::Local<'s, v8::Value>],
    ) -> Option<v8::Local<'s, v8::Value>> {
        let scope = &mut v8::ContextScope::new(scope, self.context);
        let name = v8::String::new(scope, method)?;
        let method = v8::Local::<v8::Function>::try_from(self.walker.get(scope, name.into())?).ok()?;
        method.call(scope, self.walker.into(), arguments)
    }
}
