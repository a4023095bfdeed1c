//! Objects: what their kind needs, then what all have. V8 runs no JavaScript meanwhile.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::engine::session::is_stopped;
use crate::engine::state::format::{Kind, attribute, flag, push_varint};
use crate::engine::state::listing::{Own, own};
use crate::engine::state::own;
use crate::engine::state::refusal::{Step, Stop};
use crate::engine::state::view::{View, view_of};
use crate::engine::state::write::{Object, Prepared, Shape, Value, Writer};

/// Elements that are read one after the other before V8 forgets their handles.
const BATCH: u32 = 512;

impl Writer {
    /// Writes an object.
    pub(super) fn object<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        prepared: &Prepared<'s>,
    ) -> Result<(), Stop> {
        let kind = match prepared.kind {
            Kind::Buffer if prepared.largest.is_some() => Kind::ResizableBuffer,
            kind => kind,
        };
        self.out.push(kind as u8);
        self.payload(scope, at, kind, prepared)?;
        self.common(scope, at, prepared)
    }

    fn payload<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        kind: Kind,
        prepared: &Prepared<'s>,
    ) -> Result<(), Stop> {
        let object = prepared.object;
        let value: Value = object.into();
        match kind {
            Kind::Object | Kind::Error | Kind::Hooked => {}
            Kind::Array => {
                let array = v8::Local::<v8::Array>::try_from(value).map_err(|_| Stop::Threw)?;
                push_varint(&mut self.out, u64::from(array.length()));
            }
            Kind::Date => {
                let date = v8::Local::<v8::Date>::try_from(value).map_err(|_| Stop::Threw)?;
                self.double(date.value_of());
            }
            Kind::RegExp => {
                let expression = v8::Local::<v8::RegExp>::try_from(value).map_err(|_| Stop::Threw)?;
                let source = expression.get_source(scope);
                self.string(scope, source)?;
                push_varint(&mut self.out, u64::from(prepared.bits));
            }
            Kind::Map => {
                let map = v8::Local::<v8::Map>::try_from(value).map_err(|_| Stop::Threw)?;
                let entries = map.as_array(scope);
                push_varint(&mut self.out, u64::from(entries.length() / 2));
                self.list(scope, at, entries, |index| {
                    if index % 2 == 0 { Step::MapKey(index / 2) } else { Step::MapValue(index / 2) }
                })?;
            }
            Kind::Set => {
                let set = v8::Local::<v8::Set>::try_from(value).map_err(|_| Stop::Threw)?;
                let entries = set.as_array(scope);
                push_varint(&mut self.out, u64::from(entries.length()));
                self.list(scope, at, entries, Step::SetValue)?;
            }
            Kind::BoxedBoolean => {
                let is_true = prepared.inner.is_some_and(|inner| inner.is_true());
                self.out.push(u8::from(is_true));
            }
            Kind::BoxedNumber => {
                let number = prepared.inner.and_then(|inner| v8::Local::<v8::Number>::try_from(inner).ok());
                self.double(number.ok_or(Stop::Threw)?.value());
            }
            Kind::BoxedString => {
                let text = prepared.inner.and_then(|inner| v8::Local::<v8::String>::try_from(inner).ok());
                self.string(scope, text.ok_or(Stop::Threw)?)?;
            }
            Kind::BoxedBigInt => {
                let bigint = prepared.inner.and_then(|inner| v8::Local::<v8::BigInt>::try_from(inner).ok());
                self.bigint(bigint.ok_or(Stop::Threw)?)?;
            }
            Kind::BoxedSymbol => {
                let symbol = prepared.inner.and_then(|inner| v8::Local::<v8::Symbol>::try_from(inner).ok());
                self.symbol(scope, symbol.ok_or(Stop::Threw)?, at, Step::Root)
                    .map_err(|stop| self.blame_itself(at, stop))?;
            }
            Kind::Buffer | Kind::ResizableBuffer => self.buffer(at, prepared)?,
            Kind::View => self.view(scope, at, object)?,
            Kind::Function => self.function(scope, at, prepared)?,
        }
        Ok(())
    }

    fn blame_itself(&self, at: usize, stop: Stop) -> Stop {
        match stop {
            Stop::Refused { why, .. } => self.refused_itself(at, why),
            stop => stop,
        }
    }

    fn list<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        list: v8::Local<'s, v8::Array>,
        step: impl Fn(u32) -> Step,
    ) -> Result<(), Stop> {
        for index in 0..list.length() {
            v8::scope!(let scope, scope);
            let value = list.get_index(scope, index).ok_or(Stop::Threw)?;
            self.value(scope, value, at, step(index))?;
            self.check_size(scope, index)?;
        }
        Ok(())
    }

    /// From time to time: whether the document is still within its limit, and nobody wants the guest to stop.
    fn check_size(&self, scope: &v8::Isolate, index: u32) -> Result<(), Stop> {
        if index.is_multiple_of(1024) {
            self.check_room(0)?;
            if is_stopped(scope) {
                return Err(Stop::Threw);
            }
        }
        Ok(())
    }

    fn buffer(&mut self, at: usize, prepared: &Prepared) -> Result<(), Stop> {
        let value: Value = prepared.object.into();
        let buffer = v8::Local::<v8::ArrayBuffer>::try_from(value).map_err(|_| Stop::Threw)?;
        if buffer.was_detached() {
            return Err(self.refused_itself(at, "an ArrayBuffer that is detached".to_owned()));
        }
        if let Some(largest) = prepared.largest {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length")]
            push_varint(&mut self.out, largest as u64);
        }
        let length = buffer.byte_length();
        self.check_room(length)?;
        push_varint(&mut self.out, length as u64);
        if let Some(data) = buffer.data().filter(|_| length > 0) {
            // SAFETY: V8 keeps `length` bytes at `data` for as long as the buffer lives and is not resized;
            // no JavaScript runs before they are copied.
            let bytes = unsafe { std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), length) };
            self.out.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn view<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        object: Object<'s>,
    ) -> Result<(), Stop> {
        let view =
            v8::Local::<v8::ArrayBufferView>::try_from(Value::from(object)).map_err(|_| Stop::Threw)?;
        let buffer = view.buffer(scope).ok_or(Stop::Threw)?;
        if buffer.was_detached() {
            return Err(self.refused_itself(at, "a view of an ArrayBuffer that is detached".to_owned()));
        }
        let Some(View { kind, offset, length, is_tracking }) = view_of(scope, object, buffer) else {
            return Err(self.refused_itself(at, "a view that lies outside of its buffer".to_owned()));
        };
        self.out.extend([kind, u8::from(is_tracking)]);
        push_varint(&mut self.out, offset);
        push_varint(&mut self.out, if is_tracking { 0 } else { length });
        self.value(scope, buffer.into(), at, Step::Buffer)
    }

    fn function<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        prepared: &Prepared<'s>,
    ) -> Result<(), Stop> {
        let object = prepared.object;
        self.out.push(u8::from(prepared.bits == 1));
        self.string(scope, prepared.text.ok_or(Stop::Threw)?)?;
        let prototype = own::data(scope, object, "prototype");
        let prototype = prototype.unwrap_or_else(|| v8::undefined(scope).into());
        self.value(scope, prototype, at, Step::FunctionPrototype)
    }

    /// Flags, prototype, elements, names and their values.
    fn common<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        prepared: &Prepared<'s>,
    ) -> Result<(), Stop> {
        let object = prepared.object;
        let own = own(scope, prepared).ok_or(Stop::Threw)?;
        let flags_at = self.out.len();
        self.out.push(0);
        let mut flags = if prepared.is_extensible { 0 } else { flag::NOT_EXTENSIBLE };
        let prototype = object.get_prototype(scope).ok_or(Stop::Threw)?;
        if !self.ground.is_usual(prepared.kind, object, prototype) {
            flags |= flag::HAS_PROTOTYPE;
            self.value(scope, prototype, at, Step::Prototype)?;
        }
        if own.indexes > 0 && self.elements(scope, at, object, &own)? {
            flags |= flag::HAS_ELEMENTS;
        }
        if prepared.kind == Kind::Array {
            let key = v8::String::new(scope, "length").ok_or(Stop::Threw)?;
            let attributes = object.get_property_attributes(scope, key.into()).ok_or(Stop::Threw)?;
            if attributes.is_read_only() {
                flags |= flag::LENGTH_READ_ONLY;
            }
        }
        self.names(scope, at, prepared, &own)?;
        if let Some(byte) = self.out.get_mut(flags_at) {
            *byte = flags;
        }
        Ok(())
    }

    /// Whether there are any.
    fn elements<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        object: Object<'s>,
        own: &Own<'s>,
    ) -> Result<bool, Stop> {
        // The letters of a string in a box are not its properties to be kept.
        let first = own.letters;
        let mut runs: Vec<(u32, u32, u8)> = Vec::new();
        if own.is_dense {
            runs.push((0, own.indexes, 0));
        } else {
            for position in 0..own.indexes {
                v8::scope!(let scope, scope);
                let index = index_at(scope, own.keys, position).ok_or(Stop::Threw)?;
                if index < first {
                    continue;
                }
                let attributes = if own.are_ordinary { 0 } else { element_attributes(scope, object, index)? };
                match runs.last_mut() {
                    Some((start, count, of_run)) if *start + *count == index && *of_run == attributes => {
                        *count += 1;
                    }
                    _ => runs.push((index, 1, attributes)),
                }
            }
        }
        if runs.is_empty() {
            return Ok(false);
        }
        push_varint(&mut self.out, runs.len() as u64);
        let mut next = 0;
        for (start, count, attributes) in runs {
            push_varint(&mut self.out, u64::from(start - next));
            push_varint(&mut self.out, u64::from(count));
            self.out.push(attributes);
            next = start.saturating_add(count);
            for batch in (start..next).step_by(BATCH as usize) {
                v8::scope!(let scope, scope);
                self.check_size(scope, 0)?;
                for index in batch..next.min(batch.saturating_add(BATCH)) {
                    let value = object.get_index(scope, index);
                    let value =
                        value.filter(|value| !value.is_undefined() || is_data_at(scope, object, index));
                    let Some(value) = value else { return Err(unread(scope, at, Step::Element(index))) };
                    self.value(scope, value, at, Step::Element(index))?;
                }
            }
        }
        Ok(true)
    }

    fn names<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        prepared: &Prepared<'s>,
        own: &Own<'s>,
    ) -> Result<(), Stop> {
        let object = prepared.object;
        let mut keys = Vec::with_capacity((own.keys.length() - own.first_name) as usize);
        for position in own.first_name..own.keys.length() {
            let key = own.keys.get_index(scope, position).ok_or(Stop::Threw)?;
            let name = v8::Local::<v8::Name>::try_from(key).map_err(|_| Stop::Threw)?;
            keys.push((Step::Name(position - own.first_name), name));
        }
        if is_exotic_name_holder(prepared.kind) {
            keys.retain(|(_, name)| !is_of_the_kind(scope, prepared.kind, *name));
        }
        let members = match prepared.private {
            Some(names) => self.members_of(scope, at, names)?,
            None => Vec::new(),
        };
        if keys.is_empty() && members.is_empty() {
            self.out.push(0);
            return Ok(());
        }
        let mut attributes = Vec::with_capacity(keys.len() + members.len());
        for (_, name) in &keys {
            attributes.push(if own.are_ordinary { 0 } else { attributes_of(scope, object, *name)? });
        }
        attributes.resize(keys.len() + members.len(), 0);
        keys.extend(members);
        self.shape(scope, at, &keys, attributes)?;
        for (index, (step, name)) in (0..).zip(keys) {
            self.check_size(scope, index)?;
            if let Step::Member(number) = step {
                self.member_value(scope, at, object, (number, name))?;
                continue;
            }
            let value = object.get(scope, name.into());
            let value = value.filter(|value| !value.is_undefined() || own::is_data(scope, object, name));
            let Some(value) = value else { return Err(unread(scope, at, step)) };
            self.value(scope, value, at, step)?;
        }
        Ok(())
    }

    /// Refers to the shape with these keys, which may be a new one.
    fn shape<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        keys: &[(Step, v8::Local<'s, v8::Name>)],
        attributes: Vec<u8>,
    ) -> Result<(), Stop> {
        let mut hasher = DefaultHasher::new();
        for (_, name) in keys {
            name.get_identity_hash().hash(&mut hasher);
        }
        attributes.hash(&mut hasher);
        let hash = hasher.finish();
        let known = self.shapes.get(&hash).and_then(|same_hash| {
            same_hash.iter().find(|shape| {
                shape.attributes == attributes
                    && shape.keys.len() == keys.len()
                    && shape.keys.iter().zip(keys).all(|(known, (_, name))| known == name)
            })
        });
        if let Some(known) = known {
            push_varint(&mut self.out, known.number + 2);
            return Ok(());
        }
        self.out.push(1);
        push_varint(&mut self.out, keys.len() as u64);
        for (index, ((step, name), attributes)) in (0..).zip(keys.iter().zip(&attributes)) {
            self.check_size(scope, index)?;
            if let Step::Member(number) = step {
                self.member_key(scope, *number)?;
                continue;
            }
            if let Ok(symbol) = v8::Local::<v8::Symbol>::try_from(*name) {
                self.symbol(scope, symbol, at, *step)?;
            } else {
                let text = v8::Local::<v8::String>::try_from(*name).map_err(|_| Stop::Threw)?;
                self.string(scope, text)?;
            }
            self.out.push(*attributes);
        }
        let keys = keys.iter().map(|(_, name)| v8::Global::new(scope, *name)).collect();
        let shape = Shape { keys, attributes, number: self.shape_count };
        self.shape_count += 1;
        self.shapes.entry(hash).or_default().push(shape);
        Ok(())
    }
}

/// What could not be read: a property whose getter would have run, unless the guest is told to stop.
fn unread(scope: &mut v8::PinScope, from: usize, step: Step) -> Stop {
    if scope.is_execution_terminating() {
        return Stop::Threw;
    }
    Stop::Refused { from, step, why: "a property with a getter or a setter".to_owned() }
}

fn index_at<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    keys: v8::Local<'s, v8::Array>,
    position: u32,
) -> Option<u32> {
    v8::scope!(let scope, scope);
    keys.get_index(scope, position)?.uint32_value(scope)
}

fn is_data_at<'s>(scope: &mut v8::PinScope<'s, '_>, object: Object<'s>, index: u32) -> bool {
    let key = v8::Integer::new_from_unsigned(scope, index).to_string(scope);
    key.is_some_and(|key| own::is_data(scope, object, key.into()))
}

fn element_attributes(scope: &mut v8::PinScope, object: Object, index: u32) -> Result<u8, Stop> {
    let key = v8::Integer::new_from_unsigned(scope, index);
    let attributes = object.get_property_attributes(scope, key.into()).ok_or(Stop::Threw)?;
    Ok(bits(attributes))
}

fn attributes_of(scope: &mut v8::PinScope, object: Object, name: v8::Local<v8::Name>) -> Result<u8, Stop> {
    let attributes = object.get_property_attributes(scope, name.into()).ok_or(Stop::Threw)?;
    Ok(bits(attributes))
}

pub(super) fn bits(attributes: v8::PropertyAttribute) -> u8 {
    let bit = |is_set, bit| if is_set { bit } else { 0 };
    bit(attributes.is_read_only(), attribute::READ_ONLY)
        | bit(attributes.is_dont_enum(), attribute::DONT_ENUM)
        | bit(attributes.is_dont_delete(), attribute::DONT_DELETE)
}

/// Kinds with names that are not the user's.
fn is_exotic_name_holder(kind: Kind) -> bool {
    matches!(kind, Kind::Array | Kind::BoxedString | Kind::Function)
}

fn is_of_the_kind(scope: &mut v8::PinScope, kind: Kind, name: v8::Local<v8::Name>) -> bool {
    let Ok(text) = v8::Local::<v8::String>::try_from(name) else { return false };
    let text = text.to_rust_string_lossy(scope);
    match kind {
        Kind::Function => ["length", "name", "arguments", "caller", "prototype"].contains(&text.as_str()),
        _ => text == "length",
    }
}
