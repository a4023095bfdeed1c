//! Classes that have a form of their own for what is kept of their instances:
//!
//! ```js
//! class Money {
//!   static [Symbol.for('isoseed.state')] = {
//!     toState: (money) => money.toString(),
//!     fromState: (text) => Money.parse(text),
//!   }
//! }
//! ```
//!
//! The class and both functions are the snapshot's own: a guest can't put others there.

use std::rc::Rc;

use crate::engine::error::EngineError;
use crate::engine::exception::describe;
use crate::engine::session::Session;
use crate::engine::state::ground::Ground;
use crate::engine::state::own;
use crate::engine::text::beginning;

/// The key under which a class has its hooks.
pub(super) const SYMBOL: &str = "isoseed.state";

/// The hooks of one class.
pub(super) struct Hook {
    class: v8::Global<v8::Function>,
    to_state: v8::Global<v8::Function>,
    from_state: v8::Global<v8::Function>,
}

/// The hooks of the class that a prototype belongs to.
pub(super) fn find<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    ground: &Ground,
    prototype: v8::Local<'s, v8::Value>,
) -> Option<Hook> {
    let prototype = v8::Local::<v8::Object>::try_from(prototype).ok().filter(|object| !object.is_proxy())?;
    let class = own::data(scope, prototype, "constructor")?;
    of_class(scope, ground, class)
}

/// The hooks of a class.
pub(super) fn of_class<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    ground: &Ground,
    class: v8::Local<'s, v8::Value>,
) -> Option<Hook> {
    let class = v8::Local::<v8::Function>::try_from(class).ok().filter(|class| !class.is_proxy())?;
    let is_code = |scope: &mut v8::PinScope, value| ground.code.find(scope, value).is_some();
    if !is_code(scope, class.into()) {
        return None;
    }
    let key = v8::String::new(scope, SYMBOL)?;
    let key = v8::Symbol::for_key(scope, key).into();
    let hooks = own::data_at(scope, class.into(), key)?;
    let hooks = v8::Local::<v8::Object>::try_from(hooks).ok().filter(|hooks| !hooks.is_proxy())?;
    let mut function = |name| {
        let function = v8::Local::<v8::Function>::try_from(own::data(scope, hooks, name)?).ok()?;
        is_code(scope, function.into()).then(|| v8::Global::new(scope, function))
    };
    let (to_state, from_state) = (function("toState")?, function("fromState")?);
    Some(Hook { class: v8::Global::new(scope, class), to_state, from_state })
}

/// What a hook threw.
pub(super) struct Thrown {
    /// In short, as in `Error: no`.
    pub(super) text: String,
    /// As the host gets it.
    pub(super) error: Option<EngineError>,
}

impl Hook {
    pub(super) fn class<'s>(&self, scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Value> {
        v8::Local::new(scope, &self.class).into()
    }

    /// What `toState` gives for an instance. `Err(None)`: the guest was told to stop.
    pub(super) fn form<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        instance: v8::Local<v8::Object>,
    ) -> Result<v8::Local<'s, v8::Value>, Option<Thrown>> {
        self.call(scope, &self.to_state, instance.into())
    }

    /// What `fromState` makes of a form.
    pub(super) fn instance<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        form: v8::Local<v8::Value>,
    ) -> Result<v8::Local<'s, v8::Value>, Option<Thrown>> {
        self.call(scope, &self.from_state, form)
    }

    fn call<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        function: &v8::Global<v8::Function>,
        argument: v8::Local<v8::Value>,
    ) -> Result<v8::Local<'s, v8::Value>, Option<Thrown>> {
        v8::tc_scope!(let scope, scope);
        let function = v8::Local::new(scope, function);
        let receiver = v8::Local::new(scope, &self.class).into();
        if let Some(value) = function.call(scope, receiver, &[argument]) {
            return Ok(value);
        }
        if !scope.can_continue() {
            scope.rethrow();
            return Err(None);
        }
        let (thrown, message) = (scope.exception(), scope.message());
        let text = thrown.and_then(|thrown| thrown.to_detail_string(scope));
        let text = text.map_or_else(String::new, |text| beginning(scope, text, 200));
        scope.reset();
        let session = scope.get_slot::<Rc<Session>>().map(Rc::clone);
        let error = session
            .zip(thrown)
            .map(|(session, thrown)| describe(scope, thrown, message, &session.guest.encoder));
        Err(Some(Thrown { text, error }))
    }
}
