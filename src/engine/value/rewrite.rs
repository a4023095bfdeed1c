//! A copy of a guest's value in which something of ours stands for each function and each stream.
//!
//! V8's serializer refuses functions before it asks anybody, and takes an async iterable for an object
//! without properties. So a value with such parts is copied, container by container as the serializer
//! would read them, and the copy is written. What the serializer refuses is in the copy as it was, and is
//! refused then.
//!
//! All that is kept meanwhile lies in the guest's heap and counts against its limit. Getters of the
//! guest run, and may do anything.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use v8::{ValueSerializerHelper, ValueSerializerImpl};

use crate::engine::remote::{NoExport, Remote, imported_number};
use crate::engine::session::may_go_on;
use crate::engine::system::Marks;
use crate::engine::value::path::own_keys;
use crate::engine::value::references::{Brought, FUNCTION, GUEST, HOST, STREAM};

/// Whether the guest was told to stop is looked at after so many parts.
const PARTS_BETWEEN_LOOKS: u32 = 256;

/// Why a value can't be copied.
pub(super) enum NoCopy {
    /// An exception is pending.
    Threw,
    /// This function or stream is one too many.
    TooMany(v8::Global<v8::Object>),
}

/// What is written for a function or a stream.
#[derive(Clone, Copy)]
pub(super) struct Reference {
    pub(super) kind: u32,
    pub(super) owner: u32,
    pub(super) number: u32,
}

/// No object that the guest's code can make has so many.
const STAND_IN_FIELDS: usize = 3;

/// The objects that stand for functions and streams.
#[derive(Default)]
pub(super) struct StandIns {
    /// By identity hash, which is not unique.
    all: RefCell<HashMap<i32, Vec<StandIn>>>,
}

type StandIn = (v8::Global<v8::Object>, Reference);

impl StandIns {
    pub(super) fn reference(&self, object: v8::Local<v8::Object>) -> Option<Reference> {
        // Every object of a message is asked about.
        if object.internal_field_count() != STAND_IN_FIELDS {
            return None;
        }
        let all = self.all.borrow();
        let bucket = all.get(&object.get_identity_hash().get())?;
        bucket.iter().find(|(stand_in, _)| *stand_in == object).map(|(_, reference)| *reference)
    }

    /// `None`: an exception is pending.
    fn make<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        reference: Reference,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let template = v8::ObjectTemplate::new(scope);
        template.set_internal_field_count(STAND_IN_FIELDS);
        let object = template.new_instance(scope)?;
        let hash = object.get_identity_hash().get();
        let kept = v8::Global::new(scope, object);
        self.all.borrow_mut().entry(hash).or_default().push((kept, reference));
        Some(object)
    }
}

/// One copy, of one message's value.
pub(super) struct Copy<'s> {
    remote: Rc<Remote>,
    /// What stands for each object met.
    copies: v8::Local<'s, v8::Map>,
    /// The containers whose copies are empty yet, by number. Not an array: the guest may have put setters
    /// on what arrays inherit from.
    unfilled: v8::Local<'s, v8::Map>,
    /// What plain objects inherit from.
    object_prototype: Option<v8::Local<'s, v8::Value>>,
    /// Tells the web bridge's objects, if it is there.
    marks: Option<Marks>,
    filled: usize,
    parts: u32,
    pub(super) stand_ins: Rc<StandIns>,
    /// What the message brings so far.
    pub(super) brought: Vec<Brought>,
    /// Off in the parts of errors, where functions are refused.
    takes_functions: bool,
}

/// How the serializer would take an object.
enum Kind {
    Function,
    Stream,
    Array,
    Map,
    Set,
    Plain,
    /// Whole, or not at all.
    Leaf,
}

impl<'s> Copy<'s> {
    pub(super) fn new(scope: &mut v8::PinScope<'s, '_>, remote: Rc<Remote>) -> Self {
        Self {
            remote,
            copies: v8::Map::new(scope),
            unfilled: v8::Map::new(scope),
            object_prototype: v8::Object::new(scope).get_prototype(scope),
            marks: Marks::of(scope),
            filled: 0,
            parts: 0,
            stand_ins: Rc::default(),
            brought: Vec::new(),
            takes_functions: true,
        }
    }

    /// Copies the value of a message.
    pub(super) fn value(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        value: v8::Local<v8::Value>,
    ) -> Result<v8::Local<'s, v8::Value>, NoCopy> {
        let copy = self.replace(scope, value)?;
        self.fill(scope)?;
        self.takes_functions = false;
        Ok(copy)
    }

    /// Copies a part of an error; functions stay in it, to be refused.
    pub(super) fn part<'p>(
        &mut self,
        scope: &mut v8::PinScope<'p, '_>,
        part: v8::Local<v8::Value>,
    ) -> Result<v8::Local<'p, v8::Value>, NoCopy> {
        let copy = self.replace(scope, part)?;
        self.fill(scope)?;
        Ok(copy)
    }

    fn fill(&mut self, scope: &mut v8::PinScope) -> Result<(), NoCopy> {
        while self.filled < self.unfilled.size() {
            v8::scope!(let scope, scope);
            let number = number(scope, self.filled);
            self.filled += 1;
            let original = self.unfilled.get(scope, number).ok_or(NoCopy::Threw)?;
            let copy = self.copies.get(scope, original).ok_or(NoCopy::Threw)?;
            self.copy_parts(scope, original, copy)?;
        }
        Ok(())
    }

    fn copy_parts(
        &mut self,
        scope: &mut v8::PinScope,
        original: v8::Local<v8::Value>,
        copy: v8::Local<v8::Value>,
    ) -> Result<(), NoCopy> {
        if let (Ok(original), Ok(copy)) =
            (v8::Local::<v8::Map>::try_from(original), v8::Local::<v8::Map>::try_from(copy))
        {
            let entries = original.as_array(scope);
            for index in (0..entries.length()).step_by(2) {
                v8::scope!(let scope, scope);
                let key = self.element(scope, entries, index)?;
                let value = self.element(scope, entries, index + 1)?;
                copy.set(scope, key, value).ok_or(NoCopy::Threw)?;
            }
            return Ok(());
        }
        if let (Ok(original), Ok(copy)) =
            (v8::Local::<v8::Set>::try_from(original), v8::Local::<v8::Set>::try_from(copy))
        {
            let entries = original.as_array(scope);
            for index in 0..entries.length() {
                v8::scope!(let scope, scope);
                let value = self.element(scope, entries, index)?;
                copy.add(scope, value).ok_or(NoCopy::Threw)?;
            }
            return Ok(());
        }
        let original = v8::Local::<v8::Object>::try_from(original).map_err(|_| NoCopy::Threw)?;
        let copy = v8::Local::<v8::Object>::try_from(copy).map_err(|_| NoCopy::Threw)?;
        let keys = own_keys(scope, original).ok_or(NoCopy::Threw)?;
        for index in 0..keys.length() {
            v8::scope!(let scope, scope);
            let key = keys.get_index(scope, index).ok_or(NoCopy::Threw)?;
            let key = name(scope, key)?;
            let value = original.get(scope, key.into()).ok_or(NoCopy::Threw)?;
            // A getter may have deleted it.
            if value.is_undefined() && !original.has_own_property(scope, key).ok_or(NoCopy::Threw)? {
                continue;
            }
            let value = self.replace(scope, value)?;
            copy.create_data_property(scope, key, value).ok_or(NoCopy::Threw)?;
        }
        copy_length(scope, original, copy).ok_or(NoCopy::Threw)
    }

    fn element<'p>(
        &mut self,
        scope: &mut v8::PinScope<'p, '_>,
        entries: v8::Local<v8::Array>,
        index: u32,
    ) -> Result<v8::Local<'p, v8::Value>, NoCopy> {
        let value = entries.get_index(scope, index).ok_or(NoCopy::Threw)?;
        self.replace(scope, value)
    }

    /// What stands for a value: itself, a copy that is filled later, or a stand-in.
    fn replace<'p>(
        &mut self,
        scope: &mut v8::PinScope<'p, '_>,
        value: v8::Local<v8::Value>,
    ) -> Result<v8::Local<'p, v8::Value>, NoCopy> {
        self.parts += 1;
        if self.parts.is_multiple_of(PARTS_BETWEEN_LOOKS) {
            may_go_on(scope).ok_or(NoCopy::Threw)?;
        }
        let Ok(object) = v8::Local::<v8::Object>::try_from(value) else {
            return Ok(v8::Local::new(scope, value));
        };
        if object.is_function() && !self.takes_functions {
            return Ok(v8::Local::new(scope, value));
        }
        let known = self.copies.get(scope, value).ok_or(NoCopy::Threw)?;
        if !known.is_undefined() {
            return Ok(known);
        }
        let copy: v8::Local<v8::Value> = match self.kind(scope, object).ok_or(NoCopy::Threw)? {
            Kind::Stream if !self.takes_functions => v8::Local::new(scope, value),
            Kind::Leaf => return Ok(v8::Local::new(scope, value)),
            Kind::Function => self.function(scope, object)?.into(),
            Kind::Stream => {
                let sent = self.remote.export_stream(scope, object);
                self.exported(scope, object, STREAM, sent)?.into()
            }
            Kind::Array => {
                self.to_be_filled(scope, value)?;
                v8::Array::new(scope, 0).into()
            }
            Kind::Map => {
                self.to_be_filled(scope, value)?;
                v8::Map::new(scope).into()
            }
            Kind::Set => {
                self.to_be_filled(scope, value)?;
                v8::Set::new(scope).into()
            }
            Kind::Plain => {
                self.to_be_filled(scope, value)?;
                v8::Object::new(scope).into()
            }
        };
        self.copies.set(scope, value, copy).ok_or(NoCopy::Threw)?;
        Ok(copy)
    }

    /// `None`: a getter of the guest threw.
    fn kind(&self, scope: &mut v8::PinScope, object: v8::Local<v8::Object>) -> Option<Kind> {
        if object.is_proxy() {
            return Some(Kind::Leaf);
        }
        let kind = match object {
            object if object.is_function() => Kind::Function,
            object if object.is_array() => Kind::Array,
            object if object.is_map() => Kind::Map,
            object if object.is_set() => Kind::Set,
            object if is_whole(object) => Kind::Leaf,
            object if is_async_iterable(scope, object)? => Kind::Stream,
            // Nearly every one; what is something else and pretends to be plain harms nobody.
            object if object.get_prototype(scope) == self.object_prototype => Kind::Plain,
            // What it holds is not among its properties: V8 is to ask about it.
            object if self.marks.as_ref().is_some_and(|marks| marks.class_of(scope, object).is_some()) => {
                Kind::Leaf
            }
            object if is_plain(scope, object) => Kind::Plain,
            _ => Kind::Leaf,
        };
        Some(kind)
    }

    fn to_be_filled(&self, scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Result<(), NoCopy> {
        let number = number(scope, self.unfilled.size());
        self.unfilled.set(scope, number, value).map(drop).ok_or(NoCopy::Threw)
    }

    fn function<'p>(
        &mut self,
        scope: &mut v8::PinScope<'p, '_>,
        object: v8::Local<v8::Object>,
    ) -> Result<v8::Local<'p, v8::Object>, NoCopy> {
        let function = v8::Local::<v8::Function>::try_from(object).map_err(|_| NoCopy::Threw)?;
        if let Some(number) = imported_number(scope, function) {
            let reference = Reference { kind: FUNCTION, owner: HOST, number };
            return self.stand_ins.make(scope, reference).ok_or(NoCopy::Threw);
        }
        let sent = self.remote.export_function(scope, function);
        self.exported(scope, object, FUNCTION, sent)
    }

    fn exported<'p>(
        &mut self,
        scope: &mut v8::PinScope<'p, '_>,
        object: v8::Local<v8::Object>,
        kind: u32,
        sent: Result<Brought, NoExport>,
    ) -> Result<v8::Local<'p, v8::Object>, NoCopy> {
        match sent {
            Ok(brought) => {
                self.brought.push(brought);
                let reference = Reference { kind, owner: GUEST, number: brought.number };
                self.stand_ins.make(scope, reference).ok_or(NoCopy::Threw)
            }
            Err(NoExport::TooMany) => Err(NoCopy::TooMany(v8::Global::new(scope, object))),
            Err(NoExport::Threw) => Err(NoCopy::Threw),
        }
    }
}

fn number<'s>(scope: &mut v8::PinScope<'s, '_>, number: usize) -> v8::Local<'s, v8::Value> {
    #[expect(clippy::cast_precision_loss, reason = "V8 holds far fewer objects")]
    let number = number as f64;
    v8::Number::new(scope, number).into()
}

/// A key of a property, which may be an index.
fn name<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    key: v8::Local<v8::Value>,
) -> Result<v8::Local<'s, v8::Name>, NoCopy> {
    key.to_string(scope).map(Into::into).ok_or(NoCopy::Threw)
}

/// Holes at the end of an array count. Set last, so that V8 makes no room for them.
fn copy_length(
    scope: &mut v8::PinScope,
    original: v8::Local<v8::Object>,
    copy: v8::Local<v8::Object>,
) -> Option<()> {
    let lengths = (v8::Local::<v8::Array>::try_from(original), v8::Local::<v8::Array>::try_from(copy));
    let (Ok(original), Ok(copy)) = lengths else { return Some(()) };
    if copy.length() < original.length() {
        let key = v8::String::new(scope, "length")?;
        let length = v8::Integer::new_from_unsigned(scope, original.length());
        copy.set(scope, key.into(), length.into())?;
    }
    Some(())
}

/// What V8 writes without looking into it, or as an error.
fn is_whole(object: v8::Local<v8::Object>) -> bool {
    object.is_native_error()
        || object.is_date()
        || object.is_reg_exp()
        || object.is_array_buffer()
        || object.is_shared_array_buffer()
        || object.is_array_buffer_view()
        || object.is_string_object()
        || object.is_number_object()
        || object.is_boolean_object()
        || object.is_big_int_object()
        || object.is_symbol_object()
        || object.is_promise()
        || object.is_weak_map()
        || object.is_weak_set()
        || object.is_wasm_module_object()
        || object.is_wasm_memory_object()
        || object.is_module_namespace_object()
        || object.is_arguments_object()
}

/// Whether it can be iterated asynchronously. `None`: a getter of the guest threw.
fn is_async_iterable(scope: &mut v8::PinScope, object: v8::Local<v8::Object>) -> Option<bool> {
    let key = v8::Symbol::get_async_iterator(scope);
    Some(object.get(scope, key.into())?.is_function())
}

/// Whether V8 takes an object for one with properties: it asks about those, and only those, whether they
/// are the host's.
pub(super) fn is_plain(scope: &mut v8::PinScope, object: v8::Local<v8::Object>) -> bool {
    let asked = Rc::new(Cell::new(false));
    let context = scope.get_current_context();
    let serializer = v8::ValueSerializer::new(scope, Box::new(Probe(Rc::clone(&asked))));
    // Whether it is written does not matter.
    let _ = serializer.write_value(context, object.into());
    asked.get()
}

struct Probe(Rc<Cell<bool>>);

impl ValueSerializerImpl for Probe {
    /// Throws nothing: nobody would catch it.
    fn throw_data_clone_error<'s>(&self, _: &mut v8::PinScope<'s, '_>, _: v8::Local<'s, v8::String>) {}

    fn has_custom_host_object(&self, _: &v8::Isolate) -> bool {
        true
    }

    fn is_host_object<'s>(&self, _: &mut v8::PinScope<'s, '_>, _: v8::Local<'s, v8::Object>) -> Option<bool> {
        self.0.set(true);
        Some(true)
    }

    fn write_host_object<'s>(
        &self,
        _: &mut v8::PinScope<'s, '_>,
        _: v8::Local<'s, v8::Object>,
        _: &dyn ValueSerializerHelper,
    ) -> Option<bool> {
        Some(true)
    }

    fn get_wasm_module_transfer_id(
        &self,
        _: &mut v8::PinScope<'_, '_>,
        _: v8::Local<v8::WasmModuleObject>,
    ) -> Option<u32> {
        None
    }
}

/// Whether a stream is at the top of a value, where V8 would not refuse it: the value itself, or one of
/// a short list of arguments. `None`: a getter of the guest threw.
pub(super) fn has_stream_at_the_top(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Option<bool> {
    /// A longer list is no list of arguments.
    const LONGEST_LIST: u32 = 32;
    let Ok(object) = v8::Local::<v8::Object>::try_from(value) else { return Some(false) };
    let Ok(list) = v8::Local::<v8::Array>::try_from(object) else { return is_stream(scope, object) };
    for index in 0..list.length().min(LONGEST_LIST) {
        let element = list.get_index(scope, index)?;
        if let Ok(element) = v8::Local::<v8::Object>::try_from(element)
            && is_stream(scope, element)?
        {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether it crosses as a stream. `None`: a getter of the guest threw.
pub(super) fn is_stream(scope: &mut v8::PinScope, object: v8::Local<v8::Object>) -> Option<bool> {
    let is_other =
        object.is_proxy() || object.is_function() || object.is_array() || object.is_map() || object.is_set();
    if is_other || is_whole(object) {
        return Some(false);
    }
    is_async_iterable(scope, object)
}
