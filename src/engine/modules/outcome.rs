//! Telling those who wait for a module what it came to.
//!
//! The native functions here may be in a snapshot, in the reactions of a promise that was pending when
//! it was built: what they need lies in the heap, and they are listed in `host_call::references`.

use std::rc::Rc;
use std::sync::OnceLock;

use v8::MapFnTo;

use crate::engine::exception::throw;
use crate::engine::guest;
use crate::engine::host_call::GuestState;
use crate::engine::lifecycle::CallId;
use crate::engine::modules::load::Goal;
use crate::engine::uncaught;

/// Who waits, as it lies in the heap: `[namespace, promise of import()]` or
/// `[namespace, number of the request, whether it is for the default export]`.
enum Waiter<'s> {
    Import(v8::Local<'s, v8::PromiseResolver>),
    Request { call: CallId, wants_default: bool },
}

/// One address for each callback, whatever the compiler makes of its generic wrapper.
pub(crate) fn on_evaluated() -> v8::FunctionCallback {
    static CALLBACK: OnceLock<v8::FunctionCallback> = OnceLock::new();
    *CALLBACK.get_or_init(|| evaluated.map_fn_to())
}

/// See `on_evaluated`.
pub(crate) fn on_failed() -> v8::FunctionCallback {
    static CALLBACK: OnceLock<v8::FunctionCallback> = OnceLock::new();
    *CALLBACK.get_or_init(|| failed.map_fn_to())
}

/// Waits for the promise of a module's evaluation. An exception may be pending afterwards only if the
/// guest was stopped.
pub(super) fn follow<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    goal: &Goal,
    module: v8::Local<'s, v8::Module>,
    promise: v8::Local<'s, v8::Promise>,
) {
    let Some(waiter) = Waiter::of(scope, goal) else { return };
    let namespace = module.get_module_namespace();
    match promise.state() {
        v8::PromiseState::Fulfilled => waiter.fulfil(scope, namespace),
        v8::PromiseState::Rejected => {
            uncaught::expect(scope, promise);
            let reason = promise.result(scope);
            waiter.reject(scope, reason);
        }
        v8::PromiseState::Pending => {
            let data = waiter.into_data(scope, namespace);
            let evaluated = v8::Function::builder_raw(on_evaluated()).data(data.into()).build(scope);
            let failed = v8::Function::builder_raw(on_failed()).data(data.into()).build(scope);
            if let (Some(evaluated), Some(failed)) = (evaluated, failed) {
                // Empty only when the guest was stopped.
                let _ = promise.then2(scope, evaluated, failed);
            }
        }
    }
}

/// Tells that there is no module.
pub(super) fn reject<'s>(scope: &mut v8::PinScope<'s, '_>, goal: &Goal, reason: v8::Local<'s, v8::Value>) {
    if let Some(waiter) = Waiter::of(scope, goal) {
        waiter.reject(scope, reason);
    }
}

impl<'s> Waiter<'s> {
    fn of(scope: &mut v8::PinScope<'s, '_>, goal: &Goal) -> Option<Self> {
        match goal {
            Goal::Promise(resolver) => Some(Self::Import(v8::Local::new(scope, resolver))),
            Goal::Exports(call) => Some(Self::Request { call: *call, wants_default: false }),
            Goal::Default { call, .. } => Some(Self::Request { call: *call, wants_default: true }),
            Goal::Nobody => None,
        }
    }

    fn into_data(
        self,
        scope: &mut v8::PinScope<'s, '_>,
        namespace: v8::Local<'s, v8::Value>,
    ) -> v8::Local<'s, v8::Array> {
        match self {
            Self::Import(resolver) => v8::Array::new_with_elements(scope, &[namespace, resolver.into()]),
            Self::Request { call, wants_default } => {
                #[expect(clippy::cast_precision_loss, reason = "the host counts requests in a double")]
                let call = v8::Number::new(scope, call as f64).into();
                let wants_default = v8::Boolean::new(scope, wants_default).into();
                v8::Array::new_with_elements(scope, &[namespace, call, wants_default])
            }
        }
    }

    /// The namespace and the waiter that `into_data` put away. No guest has seen the array.
    fn from_data(
        scope: &mut v8::PinScope<'s, '_>,
        data: v8::Local<'s, v8::Value>,
    ) -> Option<(v8::Local<'s, v8::Value>, Self)> {
        let data = v8::Local::<v8::Array>::try_from(data).ok()?;
        let namespace = data.get_index(scope, 0)?;
        let second = data.get_index(scope, 1)?;
        if second.is_promise() {
            // SAFETY: a resolver is its promise, and `into_data` puts resolvers there alone.
            let resolver = unsafe { v8::Local::<v8::PromiseResolver>::cast_unchecked(second) };
            return Some((namespace, Self::Import(resolver)));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it was made from a request's number"
        )]
        let call = second.number_value(scope)? as CallId;
        let wants_default = data.get_index(scope, 2)?.is_true();
        Some((namespace, Self::Request { call, wants_default }))
    }

    fn fulfil(self, scope: &mut v8::PinScope<'s, '_>, namespace: v8::Local<'s, v8::Value>) {
        let (call, wants_default) = match self {
            Self::Import(resolver) => {
                // Empty only when the guest was stopped.
                let _ = resolver.resolve(scope, namespace);
                return;
            }
            Self::Request { call, wants_default } => (call, wants_default),
        };
        v8::tc_scope!(let scope, scope);
        let told = match v8::Local::<v8::Object>::try_from(namespace) {
            Ok(namespace) if wants_default => tell_default(scope, call, namespace),
            Ok(namespace) => exports_of(scope, namespace).and_then(|exports| tell(scope, call, Ok(exports))),
            Err(_) => None,
        };
        if told.is_none()
            && let Some(reason) = scope.exception().filter(|_| scope.can_continue())
        {
            scope.reset();
            tell(scope, call, Err(reason));
        }
    }

    fn reject(self, scope: &mut v8::PinScope<'s, '_>, reason: v8::Local<'s, v8::Value>) {
        match self {
            Self::Import(resolver) => {
                resolver.reject(scope, reason);
            }
            Self::Request { call, .. } => {
                tell(scope, call, Err(reason));
            }
        }
    }
}

/// Hands a request its value, or what was thrown.
fn tell<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    call: CallId,
    outcome: Result<v8::Local<'s, v8::Value>, v8::Local<'s, v8::Value>>,
) -> Option<()> {
    let guest = scope.get_slot::<Rc<GuestState>>().map(Rc::clone)?;
    let outcome = match outcome {
        Ok(value) => Ok(v8::Global::new(scope, value)),
        Err(reason) => Err(v8::Global::new(scope, reason)),
    };
    guest.settled.borrow_mut().push_back((call, outcome));
    Some(())
}

/// Hands a request the default export, or what that comes to if it is a promise.
fn tell_default<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    call: CallId,
    namespace: v8::Local<'s, v8::Object>,
) -> Option<()> {
    let key = v8::String::new(scope, "default")?;
    let value = namespace.get(scope, key.into())?;
    match guest::as_promise(scope, value).ok()? {
        None => tell(scope, call, Ok(value)),
        Some(promise) => guest::follow(scope, call, promise),
    }
}

/// The exports of a namespace as a plain object, which can be cloned as a namespace can't.
fn exports_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    namespace: v8::Local<'s, v8::Object>,
) -> Option<v8::Local<'s, v8::Value>> {
    let exports = v8::Object::new(scope);
    let then = v8::String::new(scope, "then");
    let names = namespace.get_own_property_names(scope, v8::GetPropertyNamesArgs::default())?;
    for index in 0..names.length() {
        let name = v8::Local::<v8::Name>::try_from(names.get_index(scope, index)?).ok()?;
        let value = namespace.get(scope, name.into())?;
        // The host's promise would take the exports for a promise, and call it.
        if value.is_function() && then.is_some_and(|then| name == then) {
            continue;
        }
        exports.create_data_property(scope, name, value)?;
    }
    Some(exports.into())
}

/// Makes a namespace, or a CommonJS module's exports, a global under a dotted path. `None`: an
/// exception is pending.
pub(super) fn publish(
    scope: &mut v8::PinScope,
    path: Option<&str>,
    value: v8::Local<v8::Value>,
) -> Option<()> {
    let Some(path) = path else { return Some(()) };
    let mut holder = scope.get_current_context().global(scope);
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let key = v8::String::new(scope, name)?.into();
        if names.peek().is_none() {
            holder.set(scope, key, value)?;
            if holder.get(scope, key)?.same_value(value) {
                return Some(());
            }
            break;
        }
        let mut inner = holder.get(scope, key)?;
        if inner.is_null_or_undefined() {
            let made = v8::Object::new(scope);
            holder.set(scope, key, made.into())?;
            inner = holder.get(scope, key)?;
        }
        let Ok(object) = v8::Local::<v8::Object>::try_from(inner) else { break };
        holder = object;
    }
    let message =
        format!("the module can't be published as {path}: something there is read-only or no object");
    throw(scope, v8::Exception::type_error, &message);
    None
}

fn evaluated<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    if let Some((namespace, waiter)) = Waiter::from_data(scope, arguments.data()) {
        waiter.fulfil(scope, namespace);
    }
}

fn failed<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    if let Some((_, waiter)) = Waiter::from_data(scope, arguments.data()) {
        waiter.reject(scope, arguments.get(0));
    }
}
