//! Guest value → bytes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use v8::{ValueSerializerHelper, ValueSerializerImpl};

use crate::engine::limits::output::with_largest_allocation;
use crate::engine::position::readable_property;
use crate::engine::text::{LONGEST_ERROR_TEXT, LONGEST_NAME, beginning};
use crate::engine::value::limits::{DEEP, ValueLimits};
use crate::engine::value::{DETAILS_FOLLOW, ERROR_CLASSES, ERROR_SHELL, path, wire};

/// The version in the header. V8 writes 16, which Node.js refuses; below 4 GiB both are the same
/// bytes (denoland/deno#35118).
const WIRE_VERSION: u8 = 0x0f;

/// The keys of an error that cross, see `engine::value`.
const DETAIL_KEYS: [&str; 6] = ["name", "message", "stack", "cause", "code", "errors"];

/// What V8's serializer asks for beyond twice its buffer (`ValueSerializer::ExpandBuffer`).
const BUFFER_SLACK: usize = 64;

/// A buffer larger than this is not looked at twice to tell why it was refused.
const LARGEST_LEAF: usize = 1 << 20;

/// A prototype chain longer than this has no standard class within reach.
const LONGEST_PROTOTYPE_CHAIN: usize = 64;

/// Why a value could not be encoded.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It can't cross; the message names its path.
    NotCloneable(String),
    /// The guest's own code threw, or was terminated: the exception is pending in the caller's
    /// `TryCatch`.
    Threw,
}

/// Encodes for one host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoder {
    /// The largest message, in bytes.
    pub(crate) limit: usize,
    /// Whether the host can read a `Float16Array`.
    pub(crate) host_has_float16: bool,
    /// What the host lets cross.
    pub(crate) limits: ValueLimits,
    /// How many levels of the message are ours, and don't count.
    pub(crate) own_levels: u32,
}

impl Encoder {
    /// For a list of arguments.
    pub(crate) fn for_list(&self) -> Self {
        Self { own_levels: 1, ..*self }
    }

    /// The largest message, in bytes.
    pub(crate) fn largest_message(&self) -> usize {
        self.limit.min(self.limits.bytes)
    }

    /// Encodes `value`, which messages call `name`.
    ///
    /// The caller holds a `TryCatch` around it.
    pub(crate) fn encode(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
    ) -> Result<Vec<u8>, Failure> {
        self.encode_with(scope, value, name, &[])
    }

    /// As `encode`; the buffers are not copied: they will move.
    pub(crate) fn encode_with(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
        buffers: &[v8::Local<v8::ArrayBuffer>],
    ) -> Result<Vec<u8>, Failure> {
        let bytes = self.write(scope, value, name, Errors::default(), buffers)?;
        let contents = wire::scan(&bytes);
        if contents.has_float16 && !self.host_has_float16 {
            let is_float16 = |_: &mut v8::PinScope, value: v8::Local<v8::Value>| {
                value.is_float16_array().then(|| "this Node.js has no Float16Array".to_owned())
            };
            return Err(Failure::NotCloneable(match path::find(scope, value, name, is_float16) {
                Some((path, why)) => format!("{path} can't be cloned: {why}"),
                None => format!("{name} can't be cloned: this Node.js has no Float16Array"),
            }));
        }
        if !contents.has_error {
            return Ok(bytes);
        }
        // Not beside the second one: either may be as large as the limit.
        drop(bytes);
        self.write(scope, value, name, Errors { as_shells: true, ..Errors::default() }, buffers)
    }

    /// Encodes what the guest threw: an error without those of its parts that can't cross.
    ///
    /// The caller holds a `TryCatch` around it.
    pub(crate) fn encode_thrown(
        &self,
        scope: &mut v8::PinScope,
        thrown: v8::Local<v8::Value>,
    ) -> Result<Vec<u8>, Failure> {
        let errors = Errors { as_shells: true, leaves_out: thrown.is_native_error(), ..Errors::default() };
        self.write(scope, thrown, "the thrown value", errors, &[])
    }

    fn write(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
        errors: Errors,
        buffers: &[v8::Local<v8::ArrayBuffer>],
    ) -> Result<Vec<u8>, Failure> {
        v8::tc_scope!(let scope, scope);
        let errors = Rc::new(errors);
        let context = scope.get_current_context();
        let serializer = v8::ValueSerializer::new(scope, Box::new(Delegate(Rc::clone(&errors))));
        serializer.write_header();
        for (number, buffer) in (0..).zip(buffers) {
            serializer.transfer_array_buffer(number, *buffer);
        }
        // The buffer doubles, so its last step may be twice as large as what is in it.
        let largest = self.largest_message().saturating_mul(2).saturating_add(BUFFER_SLACK);
        let written = with_largest_allocation(largest, || {
            serializer.write_value(context, value) == Some(true)
                && errors.write_details(scope, &serializer, context)
        });
        if !written {
            if let Some(refusal) = errors.refusal.take() {
                scope.reset();
                return Err(Failure::NotCloneable(self.explain(scope, value, name, &refusal)));
            }
            // V8 itself may have run out of stack: whether the value or a getter is to blame, it tells not.
            let is_too_deep = scope.exception().is_some_and(|thrown| is_stack_overflow(scope, thrown));
            if is_too_deep && !errors.as_shells {
                // V8 follows the causes of errors; shells don't nest.
                scope.reset();
                let errors = Errors { as_shells: true, ..Errors::default() };
                let again = self.write(scope, value, name, errors, buffers);
                if let Err(Failure::Threw) = again {
                    scope.rethrow();
                }
                return again;
            }
            if is_too_deep && let Some(path) = path::find_deeper(scope, value, name, DEEP) {
                scope.reset();
                return Err(Failure::NotCloneable(format!(
                    "{path} can't be cloned: it is nested too deeply"
                )));
            }
            scope.rethrow();
            return Err(Failure::Threw);
        }
        serializer.write_uint32(0);
        let mut bytes = serializer.release();
        if bytes.len() > self.largest_message() {
            return Err(Failure::NotCloneable(self.too_large(name)));
        }
        self.check_depth(scope, value, name, &bytes)?;
        if let Some(version) = bytes.get_mut(1) {
            *version = WIRE_VERSION;
        }
        Ok(bytes)
    }

    fn check_depth(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let ValueLimits { depth, .. } = self.limits;
        let deepest = depth.saturating_add(self.own_levels);
        if depth == u32::MAX || wire::nesting(bytes) <= deepest {
            return Ok(());
        }
        let path = path::find_deeper(scope, value, name, deepest).unwrap_or_else(|| name.to_owned());
        Err(Failure::NotCloneable(format!("{path} can't be cloned: it is nested deeper than {depth}")))
    }

    pub(crate) fn too_large(&self, name: &str) -> String {
        format!("{name} can't be cloned: encoded it is larger than {} bytes", self.largest_message())
    }

    fn explain(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
        refusal: &str,
    ) -> String {
        if refusal.contains("out of memory") {
            return self.too_large(name);
        }
        let judge = |scope: &mut v8::PinScope, value: v8::Local<v8::Value>| match path::refused_kind(value) {
            Some(kind) => Some(kind.to_owned()),
            None => refusal_of_leaf(scope, value),
        };
        match path::find(scope, value, name, judge) {
            Some((path, kind)) => format!("{path} can't be cloned: {kind}"),
            None => format!("{name} can't be cloned: {}", subject(refusal)),
        }
    }
}

/// V8's own words, as for every such error: nothing else tells them apart.
fn is_stack_overflow(scope: &mut v8::PinScope, thrown: v8::Local<v8::Value>) -> bool {
    if !thrown.is_native_error() || scope.is_execution_terminating() {
        return false;
    }
    let message = v8::Exception::create_message(scope, thrown).get(scope);
    beginning(scope, message, LONGEST_NAME).ends_with("RangeError: Maximum call stack size exceeded")
}

/// Why V8 refuses an object that holds nothing: all that is left to tell it apart by.
fn refusal_of_leaf(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Option<String> {
    let object = v8::Local::<v8::Object>::try_from(value).ok()?;
    let is_container = object.is_map() || object.is_set() || object.is_array() || object.is_native_error();
    let is_buffer = object.is_array_buffer() || object.is_array_buffer_view();
    if is_container || (!is_buffer && path::own_keys(scope, object)?.length() > 0) {
        return None;
    }
    // A large buffer is refused for its size elsewhere, and not written twice.
    let attempt = with_largest_allocation(LARGEST_LEAF, || attempt(scope, value, Errors::default()));
    let refusal = attempt.err().flatten().filter(|refusal| !refusal.contains("out of memory"))?;
    Some(subject(&refusal).to_owned())
}

/// `#<WeakRef> could not be cloned.` is about `#<WeakRef>`.
fn subject(refusal: &str) -> &str {
    let subject = refusal.strip_suffix(" could not be cloned.").unwrap_or(refusal);
    subject.strip_suffix(" and").unwrap_or(subject)
}

/// The errors met while writing one message, in order.
#[derive(Default)]
struct Errors {
    as_shells: bool,
    /// Parts of errors that can't cross are left out, instead of refusing the whole.
    leaves_out: bool,
    met: RefCell<Vec<v8::Global<v8::Object>>>,
    refusal: Cell<Option<String>>,
}

impl Errors {
    /// Writes the details of each error met, among them those met in other errors' details.
    fn write_details(
        &self,
        scope: &mut v8::PinScope,
        serializer: &v8::ValueSerializer,
        context: v8::Local<v8::Context>,
    ) -> bool {
        let mut next = 0;
        loop {
            v8::scope!(let scope, scope);
            let Some(error) = self.met.borrow().get(next).map(|error| v8::Local::new(scope, error)) else {
                return true;
            };
            next += 1;
            let Some(details) = self.details(scope, error) else { return false };
            serializer.write_uint32(DETAILS_FOLLOW);
            if serializer.write_value(context, details.into()) != Some(true) {
                return false;
            }
        }
    }

    fn details<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        error: v8::Local<'s, v8::Object>,
    ) -> Option<v8::Local<'s, v8::Array>> {
        let mut elements: Vec<v8::Local<v8::Value>> = vec![error.into()];
        for key in DETAIL_KEYS {
            let key_string = v8::String::new(scope, key)?;
            let is_own = error.has_own_property(scope, key_string.into())?;
            if !is_own && key != "name" {
                continue;
            }
            let value = error.get(scope, key_string.into())?;
            let value = if key == "stack" { readable_property(scope, value) } else { value };
            if !is_own && (!value.is_string() || standard_class(scope, value).is_some()) {
                continue;
            }
            if self.leaves_out && !is_fit_to_be_thrown(scope, value) {
                continue;
            }
            let attributes = error.get_property_attributes(scope, key_string.into())?;
            let is_enumerable = is_own && !attributes.is_dont_enum();
            elements.extend([key_string.into(), v8::Boolean::new(scope, is_enumerable).into(), value]);
        }
        Some(v8::Array::new_with_elements(scope, &elements))
    }
}

/// Whether a part of a thrown error is worth sending: its texts reach the host by themselves, cut.
fn is_fit_to_be_thrown(scope: &mut v8::PinScope, part: v8::Local<v8::Value>) -> bool {
    match v8::Local::<v8::String>::try_from(part) {
        Ok(text) => text.length() <= LONGEST_ERROR_TEXT,
        Err(_) => !part.is_object() || can_cross(scope, part),
    }
}

/// Whether V8 takes a value. Errors met in it count as what they are: they have parts of their own.
/// Within the bound of the message that it is a part of.
fn can_cross(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> bool {
    attempt(scope, value, Errors { as_shells: true, ..Errors::default() }).is_ok()
}

/// Writes a value to nowhere. `Err`: V8 refuses it, with these words, or the guest's own code threw.
fn attempt(
    scope: &mut v8::PinScope,
    value: v8::Local<v8::Value>,
    errors: Errors,
) -> Result<(), Option<String>> {
    v8::tc_scope!(let scope, scope);
    let context = scope.get_current_context();
    let errors = Rc::new(errors);
    let serializer = v8::ValueSerializer::new(scope, Box::new(Delegate(Rc::clone(&errors))));
    match serializer.write_value(context, value) {
        Some(true) => Ok(()),
        _ => Err(errors.refusal.take()),
    }
}

/// The number of the standard class that a value names.
fn standard_class(scope: &v8::Isolate, name: v8::Local<v8::Value>) -> Option<usize> {
    let name = v8::Local::<v8::String>::try_from(name).ok()?;
    // A guest's string may be of any length, and here a large allocation ends the process.
    let name = beginning(scope, name, LONGEST_NAME);
    ERROR_CLASSES.iter().position(|class| *class == name)
}

/// The standard class of an error: the first standard name that an object of its prototype chain
/// has as its own. Works across realms.
fn error_class(scope: &mut v8::PinScope, error: v8::Local<v8::Object>) -> Option<u32> {
    let name_key = v8::String::new(scope, "name")?;
    let mut object = error.get_prototype(scope)?;
    for _ in 0..LONGEST_PROTOTYPE_CHAIN {
        let Ok(prototype) = v8::Local::<v8::Object>::try_from(object) else { break };
        if prototype.has_own_property(scope, name_key.into())? {
            let name = prototype.get(scope, name_key.into())?;
            if let Some(class) = standard_class(scope, name) {
                return u32::try_from(class).ok();
            }
        }
        object = prototype.get_prototype(scope)?;
    }
    Some(0)
}

struct Delegate(Rc<Errors>);

impl ValueSerializerImpl for Delegate {
    fn throw_data_clone_error<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        message: v8::Local<'s, v8::String>,
    ) {
        self.0.refusal.set(Some(beginning(scope, message, LONGEST_NAME)));
        let error = v8::Exception::error(scope, message);
        scope.throw_exception(error);
    }

    fn has_custom_host_object(&self, _isolate: &v8::Isolate) -> bool {
        self.0.as_shells
    }

    fn is_host_object<'s>(
        &self,
        _scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
    ) -> Option<bool> {
        Some(object.is_native_error())
    }

    fn write_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
        serializer: &dyn ValueSerializerHelper,
    ) -> Option<bool> {
        let class = error_class(scope, object)?;
        serializer.write_uint32(ERROR_SHELL);
        serializer.write_uint32(class);
        self.0.met.borrow_mut().push(v8::Global::new(scope, object));
        Some(true)
    }

    fn get_shared_array_buffer_id<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        _buffer: v8::Local<'s, v8::SharedArrayBuffer>,
    ) -> Option<u32> {
        self.refuse(scope, "a SharedArrayBuffer")
    }

    fn get_wasm_module_transfer_id(
        &self,
        scope: &mut v8::PinScope<'_, '_>,
        _module: v8::Local<v8::WasmModuleObject>,
    ) -> Option<u32> {
        self.refuse(scope, "a WebAssembly.Module")
    }
}

impl Delegate {
    fn refuse<T>(&self, scope: &mut v8::PinScope, what: &str) -> Option<T> {
        let message = v8::String::new(scope, what)?;
        self.throw_data_clone_error(scope, message);
        None
    }
}
