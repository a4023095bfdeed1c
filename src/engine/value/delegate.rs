//! What V8's serializer asks while it writes a value: how errors cross, and what is refused.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use v8::{ValueSerializerHelper, ValueSerializerImpl};

use crate::engine::position::readable_property;
use crate::engine::system::Marks;
use crate::engine::text::{LONGEST_ERROR_TEXT, LONGEST_NAME, beginning};
use crate::engine::value::rewrite::{Copy, Reference, StandIns};
use crate::engine::value::{DETAILS_FOLLOW, ERROR_CLASSES, ERROR_SHELL};

/// The keys of an error that cross, see `engine::value`.
const DETAIL_KEYS: [&str; 6] = ["name", "message", "stack", "cause", "code", "errors"];

/// A prototype chain longer than this has no standard class within reach.
const LONGEST_PROTOTYPE_CHAIN: usize = 64;

/// The errors met while writing one message, in order.
#[derive(Default)]
pub(super) struct Errors {
    pub(super) as_shells: bool,
    /// Parts of errors that can't cross are left out, instead of refusing the whole.
    pub(super) leaves_out: bool,
    /// What stands for functions and streams in what is written.
    pub(super) stand_ins: Option<Rc<StandIns>>,
    /// Set when the web bridge is there: what its objects hold is not among their properties, so they are
    /// not plain objects. Its streams cross as references.
    pub(super) marks: Option<Marks>,
    pub(super) met: RefCell<Vec<v8::Global<v8::Object>>>,
    pub(super) refusal: Cell<Option<String>>,
}

impl Errors {
    /// Writes the details of each error met, among them those met in other errors' details.
    pub(super) fn write_details(
        &self,
        scope: &mut v8::PinScope,
        serializer: &v8::ValueSerializer,
        context: v8::Local<v8::Context>,
        mut copy: Option<&mut Copy>,
    ) -> bool {
        let mut next = 0;
        loop {
            v8::scope!(let scope, scope);
            let Some(error) = self.met.borrow().get(next).map(|error| v8::Local::new(scope, error)) else {
                return true;
            };
            next += 1;
            let Some(details) = self.details(scope, error, copy.as_deref_mut()) else { return false };
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
        mut copy: Option<&mut Copy>,
    ) -> Option<v8::Local<'s, v8::Array>> {
        let mut elements: Vec<v8::Local<v8::Value>> = vec![error.into()];
        for key in DETAIL_KEYS {
            let key_string = v8::String::new(scope, key)?;
            let is_own = error.has_own_property(scope, key_string.into())?;
            if !is_own && key != "name" {
                continue;
            }
            let value = error.get(scope, key_string.into())?;
            if !is_own && (!value.is_string() || standard_class(scope, value).is_some()) {
                continue;
            }
            if self.leaves_out && !is_fit_to_be_thrown(scope, value) {
                continue;
            }
            let value = if key == "stack" { readable_property(scope, value) } else { value };
            let value = match copy.as_deref_mut() {
                // A container that is elsewhere in the message, too, is to be one there.
                Some(copy) => copy.part(scope, value).ok()?,
                None => value,
            };
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
pub(super) fn attempt(
    scope: &mut v8::PinScope,
    value: v8::Local<v8::Value>,
    errors: Errors,
) -> Result<(), Option<String>> {
    v8::tc_scope!(let scope, scope);
    let context = scope.get_current_context();
    let errors = Rc::new(Errors { marks: Marks::of(scope), ..errors });
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

pub(super) struct Delegate(pub(super) Rc<Errors>);

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
        self.0.as_shells || self.0.marks.is_some()
    }

    fn is_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
    ) -> Option<bool> {
        let is_reference = self.0.stand_ins.as_ref().is_some_and(|all| all.reference(object).is_some());
        if object.is_native_error() {
            return Some(self.0.as_shells);
        }
        Some(is_reference || refused_class(scope, self.0.marks.as_ref(), object.into()).is_some())
    }

    fn write_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
        serializer: &dyn ValueSerializerHelper,
    ) -> Option<bool> {
        if let Some(reference) = self.0.stand_ins.as_ref().and_then(|all| all.reference(object)) {
            let Reference { kind, owner, number } = reference;
            for part in [kind, owner, number] {
                serializer.write_uint32(part);
            }
            return Some(true);
        }
        if let Some(class) = refused_class(scope, self.0.marks.as_ref(), object.into()) {
            return self.refuse(scope, &format!("{class} could not be cloned."));
        }
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

/// The class of an object of the web bridge that can't cross.
pub(super) fn refused_class(
    scope: &mut v8::PinScope,
    marks: Option<&Marks>,
    value: v8::Local<v8::Value>,
) -> Option<String> {
    let object = v8::Local::<v8::Object>::try_from(value).ok().filter(|object| !object.is_native_error())?;
    let class = marks?.class_of(scope, object)?;
    Some(format!("#<{class}>"))
}
