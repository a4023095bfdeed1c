//! What one turn does inside the isolate: prepare, evaluate, call, resume, encode.
//!
//! Every function here runs inside a turn, within its `TryCatch`; `Halt::Threw` leaves the exception
//! there.

use crate::engine::error::EngineError;
use crate::engine::exception::throw;
use crate::engine::globals::{self, is_identifier};
use crate::engine::handle::SessionOptions;
use crate::engine::host_call::{self, GuestState, Waiting};
use crate::engine::inbox::Outcome;
use crate::engine::lifecycle::CallId;
use crate::engine::modules::{self, End, Modules};
use crate::engine::source::{self, Source, SourceKind};
use crate::engine::state;
use crate::engine::text::{LONGEST_NAME, beginning};
use crate::engine::uncaught::{self, Origin};
use crate::engine::value::limits::DEEP;
use crate::engine::value::transfer::{self, Of};
use crate::engine::value::{self, Failure, Moved, references, wire};
use crate::engine::worker::Halt;

/// How far a request came in this turn.
pub(crate) enum Progress {
    /// The encoded result.
    Done(Vec<u8>),
    /// A promise is pending; it reports to `GuestState::settled`.
    Waiting,
    /// The encoded result, and the buffers that move with it.
    Moved(Vec<u8>, Vec<Moved>),
}

/// Turns a restored isolate into a session's: evaluates its sources, then gives it its globals and
/// host functions.
pub(crate) fn prepare(
    scope: &mut v8::PinScope,
    guest: &GuestState,
    call: CallId,
    session: &SessionOptions,
) -> Result<(), Halt> {
    if !session.sources.is_empty() {
        // As in a snapshot: the sources find the host functions, which refuse to be called.
        host_call::install(scope, &session.bindings)?;
        let modules = modules::current(scope).ok_or(Halt::Threw)?;
        modules.announce(session.sources.iter());
        for source in &session.sources {
            check_length(scope, guest, source)?;
            uncaught::set_cause(scope, Origin::Start, &source.name, call);
            if let End::Waiting = modules::run_to_end(scope, source, || ()).ok_or(Halt::Threw)? {
                let message =
                    format!("{} waits in a top-level await, and nothing is left to run", source.name);
                throw(scope, v8::Exception::error, &message);
                return Err(Halt::Threw);
            }
        }
    }
    guest.let_host_listen(&session.sync_bindings);
    host_call::install(scope, &session.bindings)?;
    globals::define_values(scope, &session.globals)?;
    if session.keeps_state {
        state::prepare(scope, !session.sources.is_empty())?;
    }
    Ok(())
}

fn check_length(scope: &mut v8::PinScope, guest: &GuestState, source: &Source) -> Result<(), Halt> {
    if source.code.len() <= guest.largest_source() {
        return Ok(());
    }
    let message = format!("the source is longer than {} bytes", guest.largest_source());
    throw(scope, v8::Exception::range_error, &message);
    Err(Halt::Threw)
}

/// Evaluates a source of any kind.
pub(crate) fn eval(
    scope: &mut v8::PinScope,
    guest: &GuestState,
    call: CallId,
    source: &Source,
) -> Result<Progress, Halt> {
    check_length(scope, guest, source)?;
    uncaught::set_cause(scope, Origin::Eval, &source.name, call);
    if source.kind == SourceKind::Module {
        modules::begin_module(scope, call, source).ok_or(Halt::Threw)?;
        scope.perform_microtask_checkpoint();
        return Ok(Progress::Waiting);
    }
    let value = modules::evaluate_now(scope, source).ok_or(Halt::Threw)?;
    await_value(scope, guest, call, value)
}

/// Imports a module: its exports as a plain object.
pub(crate) fn import(scope: &mut v8::PinScope, call: CallId, specifier: &str) -> Result<Progress, Halt> {
    uncaught::set_cause(scope, Origin::Import, specifier, call);
    modules::begin_import(scope, call, specifier).ok_or(Halt::Threw)?;
    scope.perform_microtask_checkpoint();
    Ok(Progress::Waiting)
}

/// Goes on with a module that was waited for.
pub(crate) fn load(scope: &mut v8::PinScope, modules: &Modules, load: u64) {
    if let Some(cause) = modules.cause_of(load) {
        uncaught::resume_cause(scope, &cause);
    }
    modules.proceed(scope, load);
    scope.perform_microtask_checkpoint();
}

/// Calls the function at a dotted path.
pub(crate) fn call(
    scope: &mut v8::PinScope,
    guest: &GuestState,
    call: CallId,
    path: &str,
    arguments: &[u8],
) -> Result<Progress, Halt> {
    uncaught::set_cause(scope, Origin::Call, path, call);
    let resolved = resolve(scope, path);
    if resolved.is_err() {
        guest.remote.not_received(&references::brought(arguments));
    }
    let (receiver, function) = resolved?;
    call_function(scope, guest, call, receiver, function, arguments)
}

/// Calls a function that the guest sent, or takes a step of a stream.
pub(crate) fn call_reference(
    scope: &mut v8::PinScope,
    guest: &GuestState,
    call: CallId,
    number: u32,
    arguments: &[u8],
) -> Result<Progress, Halt> {
    let Some(function) = guest.remote.exported(scope, number) else {
        guest.remote.not_received(&references::brought(arguments));
        // The host asks for what it has let go of.
        throw(scope, v8::Exception::reference_error, "the host has let go of this function of the guest");
        return Err(Halt::Threw);
    };
    let name = function.get_name(scope);
    let name = beginning(scope, name, LONGEST_NAME);
    uncaught::set_cause(scope, Origin::Call, &name, call);
    let receiver = v8::undefined(scope).into();
    call_function(scope, guest, call, receiver, function, arguments)
}

fn call_function(
    scope: &mut v8::PinScope,
    guest: &GuestState,
    call: CallId,
    receiver: v8::Local<v8::Value>,
    function: v8::Local<v8::Function>,
    arguments: &[u8],
) -> Result<Progress, Halt> {
    let buffers = match transfer::received(scope, Of::Request(call)) {
        Ok(buffers) if arguments.len() <= guest.encoder.limit => buffers,
        other => {
            guest.remote.not_received(&references::brought(arguments));
            let limit = guest.encoder.limit;
            let too_large = format!("args are larger than {limit} bytes, the isolate's memory limit");
            return Err(refused(other.err().unwrap_or(too_large)));
        }
    };
    let arguments = decode_arguments(scope, arguments, &buffers)?;
    let arguments: Option<Vec<_>> =
        (0..arguments.length()).map(|index| arguments.get_index(scope, index)).collect();
    let value = function.call(scope, receiver, &arguments.ok_or(Halt::Threw)?).ok_or(Halt::Threw)?;
    await_value(scope, guest, call, value)
}

/// The array of arguments. What the guest can't read is a fault of the value, not of the guest.
fn decode_arguments<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    encoded: &[u8],
    buffers: &[v8::Local<v8::ArrayBuffer>],
) -> Result<v8::Local<'s, v8::Array>, Halt> {
    let arguments = value::decode_with(scope, encoded, buffers)
        .and_then(|value| v8::Local::<v8::Array>::try_from(value).ok());
    arguments.ok_or_else(|| {
        if scope.is_execution_terminating() {
            Halt::Threw
        } else if wire::nesting(encoded) > DEEP {
            refused("args can't be cloned: they are nested too deeply".to_owned())
        } else {
            refused("the arguments can't be read in the isolate".to_owned())
        }
    })
}

/// A fault of a value of the host.
fn refused(message: String) -> Halt {
    Halt::Failed(EngineError::DataClone { message })
}

/// The function at `path`, and the object it is a method of.
fn resolve<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    path: &str,
) -> Result<(v8::Local<'s, v8::Value>, v8::Local<'s, v8::Function>), Halt> {
    let global = scope.get_current_context().global(scope);
    let mut receiver: v8::Local<v8::Value> = global.into();
    let mut value = receiver;
    for (index, part) in path.split('.').enumerate() {
        let Ok(object) = v8::Local::<v8::Object>::try_from(value) else {
            return Err(not_a_function(scope, path));
        };
        let key = v8::String::new(scope, part).ok_or(Halt::Threw)?;
        let is_lexical = index == 0 && !object.has(scope, key.into()).ok_or(Halt::Threw)?;
        receiver = value;
        value = if is_lexical {
            lexical(scope, part).ok_or_else(|| not_a_function(scope, path))?
        } else {
            object.get(scope, key.into()).ok_or(Halt::Threw)?
        };
    }
    match v8::Local::<v8::Function>::try_from(value) {
        Ok(function) => Ok((receiver, function)),
        Err(_) => Err(not_a_function(scope, path)),
    }
}

/// A script's top-level `const`, `let` or `class`: visible to scripts, but no property of the global
/// object, so a script has to look it up.
fn lexical<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str) -> Option<v8::Local<'s, v8::Value>> {
    if !is_identifier(name) {
        return None;
    }
    v8::tc_scope!(let scope, scope);
    source::evaluate(scope, &Source::script(name, "call"))
}

fn not_a_function(scope: &mut v8::PinScope, path: &str) -> Halt {
    throw(scope, v8::Exception::type_error, &format!("{path} is not a function"));
    Halt::Threw
}

/// Hands the host's answer to the promise that waits for it.
pub(crate) fn resume(
    scope: &mut v8::PinScope,
    guest: &GuestState,
    host_call: u64,
    waiting: &Waiting,
    outcome: &Outcome,
) -> Result<(), Halt> {
    uncaught::resume_cause(scope, &waiting.cause);
    let resolver = v8::Local::new(scope, &waiting.resolver);
    match read_answer(scope, guest, host_call, outcome).ok_or(Halt::Threw)? {
        Ok(value) => resolver.resolve(scope, value),
        Err(reason) => resolver.reject(scope, reason),
    };
    scope.perform_microtask_checkpoint();
    Ok(())
}

/// What the host answered, or what it threw. `None`: the guest was told to stop.
pub(crate) fn read_answer<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    guest: &GuestState,
    host_call: u64,
    outcome: &Outcome,
) -> Option<Result<v8::Local<'s, v8::Value>, v8::Local<'s, v8::Value>>> {
    let (Ok(bytes) | Err(bytes)) = outcome;
    let buffers = transfer::received(scope, Of::Answer(host_call));
    let buffers = buffers.ok().filter(|_| bytes.len() <= guest.encoder.limit);
    if buffers.is_none() {
        guest.remote.not_received(&references::brought(bytes));
    }
    if let Some(buffers) = buffers {
        v8::tc_scope!(let scope, scope);
        if let Some(value) = value::decode_with(scope, bytes, &buffers) {
            return Some(if outcome.is_ok() { Ok(value) } else { Err(value) });
        }
        if !scope.can_continue() {
            scope.rethrow();
            return None;
        }
    }
    let message = "the host's answer can't be read, or is larger than the isolate's memory limit";
    let message = v8::String::new(scope, message)?;
    Some(Err(v8::Exception::range_error(scope, message)))
}

/// What a promise of an earlier turn came to.
pub(crate) fn settled(
    scope: &mut v8::PinScope,
    guest: &GuestState,
    call: CallId,
    outcome: Result<v8::Global<v8::Value>, v8::Global<v8::Value>>,
) -> Result<Progress, Halt> {
    match outcome {
        Ok(value) => {
            let value = v8::Local::new(scope, value);
            encode(scope, guest, call, value)
        }
        Err(reason) => {
            let reason = v8::Local::new(scope, reason);
            scope.throw_exception(reason);
            Err(Halt::Threw)
        }
    }
}

/// Runs the microtasks, then encodes `value`, or what its promise came to.
fn await_value<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    guest: &GuestState,
    call: CallId,
    value: v8::Local<'s, v8::Value>,
) -> Result<Progress, Halt> {
    let Some(promise) = as_promise(scope, value)? else {
        scope.perform_microtask_checkpoint();
        return encode(scope, guest, call, value);
    };
    uncaught::expect(scope, promise);
    scope.perform_microtask_checkpoint();
    match promise.state() {
        v8::PromiseState::Fulfilled => {
            let value = promise.result(scope);
            encode(scope, guest, call, value)
        }
        v8::PromiseState::Rejected => {
            let reason = promise.result(scope);
            scope.throw_exception(reason);
            Err(Halt::Threw)
        }
        v8::PromiseState::Pending => {
            follow(scope, call, promise).ok_or(Halt::Threw)?;
            Ok(Progress::Waiting)
        }
    }
}

/// Has a promise report to `GuestState::settled`.
pub(crate) fn follow(scope: &mut v8::PinScope, call: CallId, promise: v8::Local<v8::Promise>) -> Option<()> {
    #[expect(clippy::cast_precision_loss, reason = "the host counts requests in a double")]
    let data = v8::Number::new(scope, call as f64).into();
    let fulfilled = v8::Function::builder(on_fulfilled).data(data).build(scope)?;
    let rejected = v8::Function::builder(on_rejected).data(data).build(scope)?;
    promise.then2(scope, fulfilled, rejected).map(drop)
}

/// A promise for what the guest returned, when that is a promise or may be a thenable.
pub(crate) fn as_promise<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
) -> Result<Option<v8::Local<'s, v8::Promise>>, Halt> {
    if let Ok(promise) = v8::Local::<v8::Promise>::try_from(value) {
        return Ok(Some(promise));
    }
    if !value.is_object() {
        return Ok(None);
    }
    let resolver = v8::PromiseResolver::new(scope).ok_or(Halt::Threw)?;
    resolver.resolve(scope, value).ok_or(Halt::Threw)?;
    Ok(Some(resolver.get_promise(scope)))
}

fn encode(
    scope: &mut v8::PinScope,
    guest: &GuestState,
    call: CallId,
    value: v8::Local<v8::Value>,
) -> Result<Progress, Halt> {
    let encoded = transfer::encode_result(scope, &guest.encoder, call, value);
    let (bytes, moved) = encoded.map_err(|failure| match failure {
        Failure::NotCloneable(message) => refused(message),
        Failure::Threw => Halt::Threw,
    })?;
    // A getter that ran while encoding may have queued more.
    scope.perform_microtask_checkpoint();
    Ok(if moved.is_empty() { Progress::Done(bytes) } else { Progress::Moved(bytes, moved) })
}

fn on_fulfilled<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    let value = v8::Global::new(scope, arguments.get(0));
    push_settled(scope, &arguments, Ok(value));
}

fn on_rejected<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    let reason = v8::Global::new(scope, arguments.get(0));
    push_settled(scope, &arguments, Err(reason));
}

fn push_settled(
    scope: &mut v8::PinScope,
    arguments: &v8::FunctionCallbackArguments,
    outcome: Result<v8::Global<v8::Value>, v8::Global<v8::Value>>,
) {
    let call = arguments.data().number_value(scope).unwrap_or_default();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was made from a request's number"
    )]
    let call = call as CallId;
    if let Some(guest) = scope.get_slot::<std::rc::Rc<GuestState>>() {
        guest.settled.borrow_mut().push_back((call, outcome));
    }
}
