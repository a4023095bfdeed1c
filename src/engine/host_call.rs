//! Host functions: the guest calls, the host answers later.
//!
//! A host function is one native callback whose data is the function's path as text. So a function
//! that a bundle captured while its snapshot was built still works after restore, with whatever the
//! session's host puts behind that path. Runs on the isolate's thread.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use v8::MapFnTo;

use crate::engine::exception::throw;
use crate::engine::globals::define_global;
use crate::engine::lifecycle::CallId;
use crate::engine::limits::codegen::Codegen;
use crate::engine::modules;
use crate::engine::observe::console;
use crate::engine::position::current_position;
use crate::engine::remote::Remote;
use crate::engine::state::own::refuses_calls;
use crate::engine::sync_call;
use crate::engine::system::timers::Timers;
use crate::engine::system::{self, SessionClock};
use crate::engine::uncaught::current_cause;
use crate::engine::value::{Encoder, Failure, references};
use crate::engine::worker::Halt;

/// More calls than this may not wait for the host at once, nor calls with more arguments together than
/// the memory limit: a guest that calls in a loop without awaiting would fill the host's memory.
const MOST_WAITING: usize = 10_000;

pub(crate) const TOO_MANY: &str = "too many host calls, or too large ones, wait for the host";

/// V8's parser takes many times a source's length in memory that no limit counts, so a source may take
/// this share of the memory limit.
const SOURCE_SHARE: usize = 8;

/// Identifies the table of external references that blobs are built with. Changes with its order or
/// contents.
pub(crate) const REFERENCES_ID: &str = "host-call/5";

/// One call of a host function.
#[derive(Debug)]
pub struct HostCall {
    /// Names the call in the answer.
    pub id: u64,
    /// What is called.
    pub target: Target,
    /// The encoded array of arguments.
    pub arguments: Vec<u8>,
    /// The request that the guest works for; none when that is answered.
    pub owner: Option<CallId>,
}

/// What a guest calls of its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A binding, by its path: for example `db.get`.
    Path(String),
    /// A function that the host sent, by its number.
    Reference(u32),
}

impl Target {
    /// What messages call it.
    fn name(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::Reference(_) => "host function",
        }
    }
}

/// What an isolate needs of its host. Called on the isolate's thread; must not block.
pub trait Host: Send + Sync {
    /// The guest called a host function; the answer is given to the isolate's handle.
    fn call(&self, call: HostCall);

    /// The guest has let go of functions or streams that the host sent: their numbers, and how often
    /// each of them had come.
    fn release(&self, references: Vec<(u32, u32)>);
}

/// A promise of the guest that was settled after its turn.
pub(crate) type Settled = (CallId, Result<v8::Global<v8::Value>, v8::Global<v8::Value>>);

/// A host call that is not answered yet.
pub(crate) struct Waiting {
    /// The guest's promise.
    pub(crate) resolver: v8::Global<v8::PromiseResolver>,
    /// The request that the call was made for.
    pub(crate) owner: Option<CallId>,
    /// See `uncaught`.
    pub(crate) cause: v8::Global<v8::Value>,
    argument_bytes: usize,
}

/// The calls that were refused because there is no host yet, with where they were made. In the slot of
/// an isolate that builds a snapshot.
#[derive(Default)]
pub(crate) struct RefusedCalls(RefCell<Vec<(String, Option<String>)>>);

impl RefusedCalls {
    pub(crate) fn take(&self) -> Vec<(String, Option<String>)> {
        self.0.take()
    }
}

/// What native callbacks find in the isolate's slot.
pub(crate) struct GuestState {
    pub(crate) encoder: Encoder,
    pub(crate) remote: Rc<Remote>,
    /// The request that the running turn works for.
    pub(crate) owner: Cell<Option<CallId>>,
    pub(crate) settled: RefCell<VecDeque<Settled>>,
    pub(crate) timers: Timers,
    pub(crate) clock: SessionClock,
    /// Off while the session's sources run: a snapshot's sources find no host either.
    host_listens: Cell<bool>,
    /// Paths of the host functions that block the guest.
    sync_paths: RefCell<HashSet<String>>,
    host: Arc<dyn Host>,
    waiting: RefCell<HashMap<u64, Waiting>>,
    pub(crate) waiting_bytes: Cell<usize>,
    calls: Cell<u64>,
    pub(crate) codegen: Codegen,
}

impl GuestState {
    pub(crate) fn new(encoder: Encoder, codegen: Codegen, host: Arc<dyn Host>) -> Rc<Self> {
        Rc::new(Self {
            encoder,
            remote: Rc::default(),
            owner: Cell::new(None),
            settled: RefCell::default(),
            timers: Timers::new(encoder.limit),
            clock: SessionClock::start(),
            host_listens: Cell::new(false),
            sync_paths: RefCell::default(),
            host,
            waiting: RefCell::default(),
            waiting_bytes: Cell::new(0),
            calls: Cell::new(0),
            codegen,
        })
    }

    /// From now on the guest may call host functions; those at `sync_paths` block it.
    pub(crate) fn let_host_listen(&self, sync_paths: &[String]) {
        self.sync_paths.replace(sync_paths.iter().cloned().collect());
        self.host_listens.set(true);
    }

    /// Whether the guest may call host functions and start timers.
    pub(crate) fn host_listens(&self) -> bool {
        self.host_listens.get()
    }

    /// Calls of host functions that wait for the host.
    pub(crate) fn waiting_calls(&self) -> usize {
        self.waiting.borrow().len()
    }

    /// Calls of host functions so far.
    pub(crate) fn host_calls(&self) -> u64 {
        self.calls.get()
    }

    /// Asks the host for something of the engine's own. Not answered by a promise.
    pub(crate) fn ask_host(&self, path: &str, arguments: Vec<u8>) -> u64 {
        let id = self.next_call();
        self.send(id, Target::Path(path.to_owned()), arguments);
        id
    }

    /// The promise of a host call, and the request it was made for. Each call is answered once.
    pub(crate) fn take_waiting(&self, call: u64) -> Option<Waiting> {
        let waiting = self.waiting.borrow_mut().remove(&call)?;
        self.waiting_bytes.set(self.waiting_bytes.get() - waiting.argument_bytes);
        Some(waiting)
    }

    /// The number of the next call.
    pub(crate) fn next_call(&self) -> u64 {
        let id = self.calls.get() + 1;
        self.calls.set(id);
        id
    }

    /// Hands a call to the host.
    pub(crate) fn send(&self, id: u64, target: Target, arguments: Vec<u8>) {
        self.host.call(HostCall { id, target, arguments, owner: self.owner.get() });
    }

    /// Tells the host what the guest has let go of.
    pub(crate) fn give_back(&self) {
        let returned = self.remote.take_returned();
        if !returned.is_empty() {
            self.host.release(returned);
        }
    }

    pub(crate) fn has_room_for(&self, argument_bytes: usize) -> bool {
        let bytes = self.waiting_bytes.get().saturating_add(argument_bytes);
        self.waiting.borrow().len() < MOST_WAITING && bytes <= self.encoder.limit
    }

    /// The longest source that may be evaluated, in bytes.
    pub(crate) fn largest_source(&self) -> usize {
        self.encoder.limit / SOURCE_SHARE
    }
}

/// The external references that builder and runner give to V8, in the same order.
pub fn references() -> Cow<'static, [v8::ExternalReference]> {
    let natives = system::natives().iter().map(|native| native.callback);
    let own = [callback(), reference_callback(), console::callback()];
    let functions = own.into_iter().chain(natives).chain(modules::callbacks());
    Cow::Owned(functions.map(|function| v8::ExternalReference { function }).collect())
}

/// One address for the callback, whatever the compiler makes of its generic wrapper.
fn callback() -> v8::FunctionCallback {
    static CALLBACK: OnceLock<v8::FunctionCallback> = OnceLock::new();
    *CALLBACK.get_or_init(|| on_call.map_fn_to())
}

/// The callback of functions that stand for what the host sent; its data is the number there.
pub(crate) fn reference_callback() -> v8::FunctionCallback {
    static CALLBACK: OnceLock<v8::FunctionCallback> = OnceLock::new();
    *CALLBACK.get_or_init(|| on_reference_call.map_fn_to())
}

/// Defines the host functions as globals, creating objects along dotted paths.
pub(crate) fn install(scope: &mut v8::PinScope, paths: &[String]) -> Result<(), Halt> {
    let mut objects: HashMap<&str, v8::Local<v8::Object>> = HashMap::new();
    for path in paths {
        let mut parent = None;
        for (index, _) in path.match_indices('.') {
            let prefix = &path[..index];
            let object = match objects.get(prefix) {
                Some(object) => *object,
                None => v8::Object::new(scope),
            };
            if objects.insert(prefix, object).is_none() {
                define(scope, parent, last_part(prefix), object.into())?;
            }
            parent = Some(object);
        }
        let function = host_function(scope, path).ok_or(Halt::Threw)?;
        define(scope, parent, last_part(path), function.into())?;
    }
    Ok(())
}

fn host_function<'s>(scope: &mut v8::PinScope<'s, '_>, path: &str) -> Option<v8::Local<'s, v8::Function>> {
    let data = v8::String::new(scope, path)?;
    let function = v8::Function::builder_raw(callback())
        .data(data.into())
        .constructor_behavior(v8::ConstructorBehavior::Throw)
        .build(scope)?;
    function.set_name(v8::String::new(scope, last_part(path))?);
    Some(function)
}

fn last_part(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Defines a property of `parent`, or a global.
fn define<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    parent: Option<v8::Local<v8::Object>>,
    key: &str,
    value: v8::Local<'s, v8::Value>,
) -> Result<(), Halt> {
    let key = v8::String::new(scope, key).ok_or(Halt::Threw)?;
    let Some(parent) = parent else {
        let value = system::adopted(scope, key, value).ok_or(Halt::Threw)?;
        return define_global(scope, key, value, "bindings");
    };
    parent.create_data_property(scope, key.into(), value).map(drop).ok_or(Halt::Threw)
}

fn on_call<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let path = arguments.data().to_rust_string_lossy(scope);
    let guest = scope.get_slot::<Rc<GuestState>>().filter(|guest| guest.host_listens()).map(Rc::clone);
    let Some(guest) = guest else {
        let message = format!("host function `{path}` can't be called while a snapshot is built");
        throw(scope, v8::Exception::error, &message);
        note_refused(scope, path);
        return;
    };
    let is_sync = guest.sync_paths.borrow().contains(&path);
    call_host(scope, &guest, Target::Path(path), is_sync, &arguments, &mut result);
}

fn on_reference_call<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let number = arguments.data().uint32_value(scope).unwrap_or_default();
    let Some(guest) = scope.get_slot::<Rc<GuestState>>().map(Rc::clone) else { return };
    let is_sync = guest.remote.is_sync(number);
    call_host(scope, &guest, Target::Reference(number), is_sync, &arguments, &mut result);
}

fn call_host<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    guest: &GuestState,
    target: Target,
    is_sync: bool,
    arguments: &v8::FunctionCallbackArguments<'s>,
    result: &mut v8::ReturnValue<v8::Value>,
) {
    if refuses_calls(scope) {
        return;
    }
    let elements: Vec<v8::Local<v8::Value>> =
        (0..arguments.length()).map(|index| arguments.get(index)).collect();
    let array = v8::Array::new_with_elements(scope, &elements);
    if is_sync {
        if let Some(answer) = call_and_wait(scope, guest, target, array) {
            result.set(answer);
        }
    } else if let Some(promise) = call_later(scope, guest, target, array) {
        result.set(promise.into());
    }
}

/// `None`: an exception is pending.
fn call_and_wait<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    guest: &GuestState,
    target: Target,
    arguments: v8::Local<v8::Array>,
) -> Option<v8::Local<'s, v8::Value>> {
    let encoded = {
        v8::tc_scope!(let scope, scope);
        let name = format!("{} arguments", target.name());
        match guest.encoder.for_list().encode(scope, arguments.into(), &name) {
            Err(Failure::Threw) => {
                scope.rethrow();
                return None;
            }
            encoded => encoded,
        }
    };
    match encoded {
        Ok(encoded) => sync_call::call(scope, guest, target, encoded),
        Err(Failure::NotCloneable(message)) => {
            throw(scope, v8::Exception::type_error, &message);
            None
        }
        Err(Failure::Threw) => None,
    }
}

/// The promise of what the host answers. `None`: an exception is pending.
fn call_later<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    guest: &GuestState,
    target: Target,
    arguments: v8::Local<v8::Array>,
) -> Option<v8::Local<'s, v8::Promise>> {
    let resolver = v8::PromiseResolver::new(scope)?;
    let promise = resolver.get_promise(scope);
    if !guest.has_room_for(0) {
        reject(scope, resolver, TOO_MANY);
        return Some(promise);
    }
    v8::tc_scope!(let scope, scope);
    let name = format!("{} arguments", target.name());
    match guest.encoder.for_list().encode(scope, arguments.into(), &name) {
        Ok(encoded) if !guest.has_room_for(encoded.len()) => {
            guest.remote.take_back(&references::brought(&encoded));
            reject(scope, resolver, TOO_MANY);
        }
        Ok(encoded) => {
            let id = guest.next_call();
            let argument_bytes = encoded.len();
            guest.waiting_bytes.set(guest.waiting_bytes.get() + argument_bytes);
            let resolver = v8::Global::new(scope, resolver);
            let cause = current_cause(scope);
            let waiting = Waiting { resolver, owner: guest.owner.get(), cause, argument_bytes };
            guest.waiting.borrow_mut().insert(id, waiting);
            guest.send(id, target, encoded);
        }
        Err(Failure::NotCloneable(message)) => {
            scope.reset();
            reject(scope, resolver, &message);
        }
        Err(Failure::Threw) => {
            if let Some(exception) = scope.exception().filter(|_| scope.can_continue()) {
                scope.reset();
                resolver.reject(scope, exception);
            }
        }
    }
    Some(promise)
}

/// Notes that `path` was called while there is no host, and where.
pub(crate) fn note_refused(scope: &mut v8::PinScope, path: String) {
    let position = current_position(scope);
    if let Some(refused) = scope.get_slot::<Rc<RefusedCalls>>() {
        refused.0.borrow_mut().push((path, position));
    }
}

fn reject(scope: &mut v8::PinScope, resolver: v8::Local<v8::PromiseResolver>, message: &str) {
    if let Some(message) = v8::String::new(scope, message) {
        let error = v8::Exception::type_error(scope, message);
        resolver.reject(scope, error);
    }
}
