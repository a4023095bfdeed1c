//! What objects refer to: entries, prototypes, elements, named properties.

use crate::engine::error::EngineError;
use crate::engine::session::may_go_on;
use crate::engine::state::format::{Kind, attribute, corrupt, flag, tag};
use crate::engine::state::own;
use crate::engine::state::path::Key;
use crate::engine::state::read::{BATCH, Built, Failure, MOST_MISSING, Named, Object, Reader, Value};
use crate::engine::state::scan::Record;
use crate::engine::state::walk::{Item, Walk};

impl<'a, 's> Reader<'a, 's> {
    /// The names of all shapes, once.
    pub(super) fn name_shapes(&mut self, scope: &mut v8::PinScope<'s, '_>) -> Built<()> {
        let mut missing = Vec::new();
        for (at, shape) in self.scan.shapes.iter().enumerate() {
            if at.is_multiple_of(BATCH) {
                may_go_on(scope).ok_or(Failure::Threw)?;
            }
            let mut walk = self.walk(shape.at);
            let mut names = Vec::with_capacity(shape.names);
            for _ in 0..shape.names {
                names.extend(if walk.cursor.peek() == Some(tag::PRIVATE) {
                    self.member(scope, &mut walk, &mut missing)?
                } else {
                    Some(self.property(scope, &mut walk)?)
                });
            }
            self.shapes.push(names);
        }
        if missing.is_empty() { Ok(()) } else { Err(EngineError::SessionCodeChanged { missing }.into()) }
    }

    fn property(&self, scope: &mut v8::PinScope<'s, '_>, walk: &mut Walk<'a, 'a>) -> Built<Named<'s>> {
        let name = match walk.item()? {
            Item::Object(_) => None,
            Item::Code(path) => {
                let symbol = v8::Local::<v8::Name>::try_from(self.code_at(path)?);
                symbol.ok().filter(|name| name.is_symbol())
            }
            Item::Primitive(token) => {
                Key::of(token).and_then(|key| key.to_name(scope, &self.ground.pristine))
            }
        };
        let name = name.ok_or_else(|| Failure::of(scope, "a key is none"))?;
        Ok(Named::Property(name, walk.cursor.byte()?))
    }

    /// A private member of a class; none if the class does not have it any more.
    fn member(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        walk: &mut Walk<'a, 'a>,
        missing: &mut Vec<String>,
    ) -> Built<Option<Named<'s>>> {
        walk.cursor.byte()?;
        let Item::Code(path) = walk.item()? else { return Err(corrupt("a class is none").into()) };
        let text = walk.cursor.text()?.to_text();
        let class = self.ground.code.find(scope, self.code_at(path)?);
        let members = self.ground.members(scope).ok_or(Failure::Threw)?;
        let Some(member) = class.and_then(|class| members.of_class(class, &text)) else {
            let what = if text.is_empty() { "private methods" } else { text.as_str() };
            if missing.len() < MOST_MISSING {
                missing.push(format!("{}.{what}", self.scan.shown_path(path)));
            }
            return Ok(None);
        };
        let name = member.name(scope);
        Ok(Some(member.mark(scope).map_or(Named::Field(name), |mark| Named::Mark(name, mark))))
    }

    /// Gives an object what it refers to.
    pub(super) fn fill<'t>(&self, scope: &mut v8::PinScope<'t, '_>, at: usize, record: &Record) -> Built<()>
    where
        's: 't,
    {
        let object: Object<'t> = self.object(at)?;
        let mut walk = self.walk(record.body);
        self.payload(scope, object, record, &mut walk)?;
        let flags = walk.cursor.byte()?;
        let prototype =
            if flags & flag::HAS_PROTOTYPE == 0 { None } else { Some(self.value(scope, &mut walk)?) };
        if flags & flag::HAS_ELEMENTS != 0 {
            self.elements(scope, object, &mut walk)?;
        }
        if record.kind == Kind::Array {
            self.length(scope, object, record, flags)?;
        }
        let mut walk = self.walk(record.values);
        if record.kind == Kind::Error {
            self.names_of_error(scope, object, record, &mut walk)?;
        } else {
            self.names(scope, object, record, 0, &mut walk)?;
        }
        if let Some(prototype) = prototype {
            let is_set = object.set_prototype(scope, prototype);
            if is_set != Some(true) {
                return Err(Failure::of(scope, "a prototype can't be had"));
            }
        }
        Ok(())
    }

    /// What the kind needs; what the shell was made of is passed over.
    fn payload<'t>(
        &self,
        scope: &mut v8::PinScope<'t, '_>,
        object: Object<'t>,
        record: &Record,
        walk: &mut Walk<'a, 'a>,
    ) -> Built<()>
    where
        's: 't,
    {
        match record.kind {
            Kind::Object | Kind::Error | Kind::Hooked => {}
            Kind::Array => drop(walk.cursor.varint()?),
            Kind::Date | Kind::BoxedNumber => drop(walk.cursor.double()?),
            Kind::RegExp => {
                walk.cursor.text()?;
                walk.cursor.varint()?;
            }
            Kind::Map => {
                let map = v8::Local::<v8::Map>::try_from(Value::from(object)).map_err(|_| Failure::Threw)?;
                for at in 0..walk.cursor.varint()? {
                    look(scope, at)?;
                    v8::scope!(let scope, scope);
                    let (key, value) = (self.value(scope, walk)?, self.value(scope, walk)?);
                    map.set(scope, key, value).ok_or_else(|| Failure::of(scope, "a Map is too large"))?;
                }
            }
            Kind::Set => {
                let set = v8::Local::<v8::Set>::try_from(Value::from(object)).map_err(|_| Failure::Threw)?;
                for at in 0..walk.cursor.varint()? {
                    look(scope, at)?;
                    v8::scope!(let scope, scope);
                    let value = self.value(scope, walk)?;
                    set.add(scope, value).ok_or_else(|| Failure::of(scope, "a Set is too large"))?;
                }
            }
            Kind::BoxedBoolean => drop(walk.cursor.byte()?),
            Kind::BoxedString => drop(walk.cursor.text()?),
            Kind::BoxedBigInt => drop(walk.cursor.bigint()?),
            Kind::BoxedSymbol => drop(self.value(scope, walk)?),
            Kind::Buffer | Kind::ResizableBuffer => {
                if record.kind == Kind::ResizableBuffer {
                    walk.cursor.varint()?;
                }
                let length = walk.cursor.count(1)?;
                walk.cursor.take(length)?;
            }
            Kind::View => {
                walk.cursor.take(2)?;
                walk.cursor.varint()?;
                walk.cursor.varint()?;
                self.value(scope, walk)?;
            }
            Kind::Function => {
                walk.cursor.byte()?;
                walk.cursor.text()?;
                let prototype = self.value(scope, walk)?;
                if prototype.is_object() {
                    let name = v8::String::new(scope, "prototype").ok_or(Failure::Threw)?;
                    let attributes = attribute::DONT_ENUM | attribute::DONT_DELETE;
                    define(scope, object, name.into(), prototype, attributes)?;
                }
            }
        }
        Ok(())
    }

    fn elements<'t>(
        &self,
        scope: &mut v8::PinScope<'t, '_>,
        object: Object<'t>,
        walk: &mut Walk<'a, 'a>,
    ) -> Built<()>
    where
        's: 't,
    {
        let mut next = 0_u32;
        for _ in 0..walk.cursor.varint()? {
            let gap = u32::try_from(walk.cursor.varint()?).unwrap_or(u32::MAX);
            let count = u32::try_from(walk.cursor.varint()?).unwrap_or(u32::MAX);
            let attributes = walk.cursor.byte()?;
            next = next.saturating_add(gap);
            for _ in 0..count {
                look(scope, next)?;
                v8::scope!(let scope, scope);
                let value = self.value(scope, walk)?;
                if attributes == 0 && self.elements_are_plain {
                    let is_set = object.set_index(scope, next, value);
                    is_set.ok_or_else(|| Failure::of(scope, "an element can't be had"))?;
                } else {
                    let index = v8::Integer::new_from_unsigned(scope, next);
                    let name = index.to_string(scope).ok_or(Failure::Threw)?;
                    define(scope, object, name.into(), value, attributes)?;
                }
                next = next.saturating_add(1);
            }
        }
        Ok(())
    }

    fn length<'t>(
        &self,
        scope: &mut v8::PinScope<'t, '_>,
        object: Object<'t>,
        record: &Record,
        flags: u8,
    ) -> Built<()> {
        let length = self.walk(record.body).cursor.varint()?;
        let length = u32::try_from(length).map_err(|_| corrupt("an array is too long"))?;
        let array = v8::Local::<v8::Array>::try_from(Value::from(object)).map_err(|_| Failure::Threw)?;
        if array.length() > length {
            return Err(corrupt("an array has more elements than it is long").into());
        }
        let name = v8::String::new(scope, "length").ok_or(Failure::Threw)?;
        let value = v8::Integer::new_from_unsigned(scope, length);
        if flags & flag::LENGTH_READ_ONLY != 0 {
            return define(scope, object, name.into(), value.into(), attribute::ALL);
        }
        if array.length() < length {
            object
                .set(scope, name.into(), value.into())
                .ok_or_else(|| Failure::of(scope, "an array is too long"))?;
        }
        Ok(())
    }

    /// V8 gives an error two properties of its own, in its own order. `stack` is kept where it comes first, as it
    /// does when nothing was changed.
    fn names_of_error<'t>(
        &self,
        scope: &mut v8::PinScope<'t, '_>,
        error: Object<'t>,
        record: &Record,
        walk: &mut Walk<'a, 'a>,
    ) -> Built<()>
    where
        's: 't,
    {
        let stack: v8::Local<v8::Name> = v8::String::new(scope, "stack").ok_or(Failure::Threw)?.into();
        let message = v8::String::new(scope, "message").ok_or(Failure::Threw)?;
        error.delete(scope, message.into());
        let names = record.shape.checked_sub(1).and_then(|shape| self.shapes.get(shape));
        let first = names.and_then(|names| names.first());
        let is_own = error.has_own_property(scope, stack) == Some(true);
        let first = first.and_then(|first| match first {
            Named::Property(name, attributes) => Some((*name, *attributes)),
            _ => None,
        });
        let is_first = first.is_some_and(|(name, attributes)| {
            attributes & !attribute::DONT_DELETE == attribute::DONT_ENUM
                && v8::Local::<v8::Value>::from(name).strict_equals(stack.into())
        });
        if !(is_own && is_first) {
            error.delete(scope, stack.into());
            return self.names(scope, error, record, 0, walk);
        }
        let value = self.value(scope, walk)?;
        error.set(scope, stack.into(), value).ok_or_else(|| Failure::of(scope, "a stack can't be had"))?;
        if first.is_some_and(|(_, attributes)| attributes & attribute::DONT_DELETE != 0) {
            let mut fixed = v8::PropertyDescriptor::new();
            fixed.set_configurable(false);
            let is_fixed = error.define_property(scope, stack, &fixed);
            is_fixed.ok_or_else(|| Failure::of(scope, "a stack can't be had"))?;
        }
        self.names(scope, error, record, 1, walk)
    }

    fn names<'t>(
        &self,
        scope: &mut v8::PinScope<'t, '_>,
        object: Object<'t>,
        record: &Record,
        first: usize,
        walk: &mut Walk<'a, 'a>,
    ) -> Built<()>
    where
        's: 't,
    {
        let Some(names) = record.shape.checked_sub(1).and_then(|shape| self.shapes.get(shape)) else {
            return Ok(());
        };
        for name in names.iter().skip(first) {
            let is_had = match *name {
                Named::Property(name, attributes) => {
                    let value = self.value(scope, walk)?;
                    define(scope, object, name, value, attributes)?;
                    continue;
                }
                Named::Field(name) => {
                    let value = self.value(scope, walk)?;
                    own::set_private(scope, object, name, value)
                }
                Named::Mark(name, mark) => own::set_private(scope, object, name, mark),
            };
            is_had.ok_or_else(|| Failure::of(scope, "a private member can't be had"))?;
        }
        Ok(())
    }
}

/// From time to time: whether the guest is told to stop.
fn look(scope: &mut v8::PinScope, at: impl Into<u64>) -> Built<()> {
    if at.into().is_multiple_of(1024) { may_go_on(scope).ok_or(Failure::Threw) } else { Ok(()) }
}

fn define<'t>(
    scope: &mut v8::PinScope<'t, '_>,
    object: Object<'t>,
    name: v8::Local<'t, v8::Name>,
    value: Value<'t>,
    attributes: u8,
) -> Built<()> {
    let is_defined = if attributes == 0 {
        object.create_data_property(scope, name, value)
    } else {
        object.define_own_property(scope, name, value, attributes_of(attributes))
    };
    if is_defined == Some(true) { Ok(()) } else { Err(Failure::of(scope, "a property can't be had")) }
}

/// V8's attributes.
pub(super) fn attributes_of(bits: u8) -> v8::PropertyAttribute {
    let mut attributes = v8::PropertyAttribute::NONE;
    for (bit, attribute) in [
        (attribute::READ_ONLY, v8::PropertyAttribute::READ_ONLY),
        (attribute::DONT_ENUM, v8::PropertyAttribute::DONT_ENUM),
        (attribute::DONT_DELETE, v8::PropertyAttribute::DONT_DELETE),
    ] {
        if bits & bit != 0 {
            attributes = attributes | attribute;
        }
    }
    attributes
}
