//! What reading and writing states needs of a session's context, made when it is first needed.

use std::cell::OnceCell;

use crate::engine::state::changed::Beginning;
use crate::engine::state::code::Code;
use crate::engine::state::format::{Kind, VIEWS};
use crate::engine::state::members::Members;
use crate::engine::state::pristine::Pristine;
use crate::engine::state::read_shells::view;

/// One session's.
pub(super) struct Ground {
    pub(super) pristine: Pristine,
    pub(super) code: Code,
    /// The prototypes that objects of each kind begin with.
    usual: Vec<(Kind, v8::Global<v8::Value>)>,
    views: Vec<(u8, v8::Global<v8::Value>)>,
    members: OnceCell<Members>,
    beginning: OnceCell<Beginning>,
}

impl Ground {
    /// `None` when V8 is out of memory, or the guest was told to stop.
    pub(super) fn new(scope: &mut v8::PinScope, table: &v8::Global<v8::Array>) -> Option<Self> {
        v8::scope!(let scope, scope);
        let pristine = Pristine::new(scope)?;
        let code = Code::new(scope, table)?;
        let mut usual = Vec::new();
        for (kind, sample) in samples(scope)? {
            let prototype = v8::Local::<v8::Object>::try_from(sample).ok()?.get_prototype(scope)?;
            usual.push((kind, v8::Global::new(scope, prototype)));
        }
        let mut views = Vec::new();
        for (kind, _) in VIEWS {
            let buffer = v8::ArrayBuffer::new(scope, 0);
            let prototype = view(scope, buffer, kind, (0, 0), false, false)?.get_prototype(scope)?;
            views.push((kind, v8::Global::new(scope, prototype)));
        }
        Some(Self { pristine, code, usual, views, members: OnceCell::new(), beginning: OnceCell::new() })
    }

    /// The private members of the snapshot's classes. `None` when V8 is out of memory, or the guest was told to
    /// stop.
    pub(super) fn members(&self, scope: &mut v8::PinScope) -> Option<&Members> {
        if let Some(members) = self.members.get() {
            return Some(members);
        }
        let members = Members::new(scope, &self.pristine, &self.code)?;
        Some(self.members.get_or_init(|| members))
    }

    /// What the snapshot's own objects began with. `None` when V8 is out of memory.
    pub(super) fn beginning(&self, scope: &mut v8::PinScope) -> Option<&Beginning> {
        if let Some(beginning) = self.beginning.get() {
            return Some(beginning);
        }
        let beginning = Beginning::of(scope, &self.code)?;
        Some(self.beginning.get_or_init(|| beginning))
    }

    /// Whether an object of that kind begins with that prototype.
    pub(super) fn is_usual(
        &self,
        kind: Kind,
        object: v8::Local<v8::Object>,
        prototype: v8::Local<v8::Value>,
    ) -> bool {
        if kind == Kind::View {
            let kind = view_kind(object.into());
            return self.views.iter().any(|(known, usual)| *known == kind && *usual == prototype);
        }
        self.usual.iter().any(|(known, usual)| *known == kind && *usual == prototype)
    }

    /// Whether it is the prototype that some kind begins with: no class of the user's.
    pub(super) fn is_usual_prototype(&self, prototype: v8::Local<v8::Value>) -> bool {
        self.usual.iter().any(|(_, usual)| *usual == prototype)
    }
}

type Sample<'s> = (Kind, v8::Local<'s, v8::Value>);

fn samples<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<Vec<Sample<'s>>> {
    let text = v8::String::empty(scope);
    let source = v8::String::new(scope, "0")?;
    let primitives: [(Kind, v8::Local<v8::Value>); 5] = [
        (Kind::BoxedBoolean, v8::Boolean::new(scope, true).into()),
        (Kind::BoxedNumber, v8::Integer::new(scope, 0).into()),
        (Kind::BoxedString, text.into()),
        (Kind::BoxedBigInt, v8::BigInt::new_from_i64(scope, 0).into()),
        (Kind::BoxedSymbol, v8::Symbol::get_iterator(scope).into()),
    ];
    let mut samples: Vec<Sample> = vec![
        (Kind::Object, v8::Object::new(scope).into()),
        (Kind::Array, v8::Array::new(scope, 0).into()),
        (Kind::Date, v8::Date::new(scope, 0.0)?.into()),
        (Kind::RegExp, v8::RegExp::new(scope, source, v8::RegExpCreationFlags::empty())?.into()),
        (Kind::Map, v8::Map::new(scope).into()),
        (Kind::Set, v8::Set::new(scope).into()),
        (Kind::Error, v8::Exception::error(scope, text)),
        (Kind::Buffer, v8::ArrayBuffer::new(scope, 0).into()),
        (Kind::Function, v8::Function::new(scope, nothing)?.into()),
    ];
    for (kind, primitive) in primitives {
        samples.push((kind, primitive.to_object(scope)?.into()));
    }
    let buffer = samples.iter().find(|(kind, _)| *kind == Kind::Buffer).map(|(_, buffer)| *buffer)?;
    samples.push((Kind::ResizableBuffer, buffer));
    Some(samples)
}

fn nothing<'s>(
    _: &mut v8::PinScope<'s, '_>,
    _: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
}

/// The kind of a view, as `VIEWS` has it.
fn view_kind(value: v8::Local<v8::Value>) -> u8 {
    match value {
        value if value.is_uint8_array() => b'B',
        value if value.is_int8_array() => b'b',
        value if value.is_uint8_clamped_array() => b'C',
        value if value.is_int16_array() => b'w',
        value if value.is_uint16_array() => b'W',
        value if value.is_int32_array() => b'd',
        value if value.is_uint32_array() => b'D',
        value if value.is_float16_array() => b'h',
        value if value.is_float32_array() => b'f',
        value if value.is_float64_array() => b'F',
        value if value.is_big_int64_array() => b'q',
        value if value.is_big_uint64_array() => b'Q',
        _ => b'?',
    }
}
