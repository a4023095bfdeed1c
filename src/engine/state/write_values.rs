//! Single values: primitives, references, symbols, what is code; and what kind of object one is.

use crate::engine::state::format::{
    Kind, corrupt, push_double, push_latin1_length, push_number, push_units, push_varint, tag,
};
use crate::engine::state::refusal::{Step, Stop};
use crate::engine::state::write::{Object, Value, Writer};
use crate::engine::value::path::refused_kind;

impl Writer {
    /// Writes what refers to a value. `from` and `step` say where it is.
    pub(super) fn value(
        &mut self,
        scope: &mut v8::PinScope,
        value: Value,
        from: usize,
        step: Step,
    ) -> Result<(), Stop> {
        if let Ok(text) = v8::Local::<v8::String>::try_from(value) {
            return self.string(scope, text);
        }
        if let Ok(number) = v8::Local::<v8::Number>::try_from(value) {
            push_number(&mut self.out, number.value());
            return Ok(());
        }
        if let Ok(object) = Object::try_from(value) {
            return self.object_value(scope, object, from, step);
        }
        if value.is_undefined() {
            self.out.push(tag::UNDEFINED);
        } else if value.is_null() {
            self.out.push(tag::NULL);
        } else if value.is_boolean() {
            self.out.push(if value.is_true() { tag::TRUE } else { tag::FALSE });
        } else if let Ok(bigint) = v8::Local::<v8::BigInt>::try_from(value) {
            self.out.push(tag::BIGINT);
            self.bigint(bigint)?;
        } else if let Ok(symbol) = v8::Local::<v8::Symbol>::try_from(value) {
            return self.symbol(scope, symbol, from, step);
        } else {
            return Err(Stop::Refused { from, step, why: "a value of no kind".to_owned() });
        }
        Ok(())
    }

    fn object_value(
        &mut self,
        scope: &mut v8::PinScope,
        object: Object,
        from: usize,
        step: Step,
    ) -> Result<(), Stop> {
        // A Proxy first: a callable one is also a function.
        if object.is_proxy() {
            return Err(Stop::Refused { from, step, why: "a Proxy".to_owned() });
        }
        if let Some(entry) = self.ground.code.find(scope, object.into()) {
            return self.code(scope, entry);
        }
        let is_kept = self.functions.iter().any(|function| {
            let value: Value = object.into();
            *function == value
        });
        if object.is_function() && !is_kept {
            let why = "a function that is not the snapshot's: it may be a closure".to_owned();
            return Err(Stop::Refused { from, step, why });
        }
        self.refer(scope, object, from, step)
    }

    pub(super) fn code(&mut self, scope: &mut v8::PinScope, entry: u32) -> Result<(), Stop> {
        self.out.push(tag::CODE);
        if let Some(number) = self.paths.get(&entry) {
            push_varint(&mut self.out, number + 1);
            return Ok(());
        }
        self.paths.insert(entry, self.paths.len() as u64);
        self.out.push(0);
        let ground = std::rc::Rc::clone(&self.ground);
        ground.code.push_path(scope, &ground.pristine, entry, &mut self.out).ok_or(Stop::Threw)
    }

    pub(super) fn symbol(
        &mut self,
        scope: &mut v8::PinScope,
        symbol: v8::Local<v8::Symbol>,
        from: usize,
        step: Step,
    ) -> Result<(), Stop> {
        let ground = std::rc::Rc::clone(&self.ground);
        if let Some(name) = ground.pristine.name_of(symbol) {
            self.out.push(tag::WELL_KNOWN);
            crate::engine::state::format::push_text(&mut self.out, name);
            return Ok(());
        }
        if super::code::is_registered(scope, symbol) {
            self.out.push(tag::REGISTERED);
            let Ok(text) = v8::Local::<v8::String>::try_from(symbol.description(scope)) else {
                return Err(Stop::Failed(corrupt("a registered symbol has no key")));
            };
            return self.string(scope, text);
        }
        if let Some(entry) = ground.code.find(scope, symbol.into()) {
            return self.code(scope, entry);
        }
        let description = super::code::description(scope, symbol);
        let why = format!("Symbol({description}), which is neither registered nor the snapshot's");
        Err(Stop::Refused { from, step, why })
    }

    /// Writes a string, Latin-1 if it fits.
    pub(super) fn string(
        &mut self,
        scope: &mut v8::PinScope,
        text: v8::Local<v8::String>,
    ) -> Result<(), Stop> {
        let length = text.length();
        self.check_room(length)?;
        if text.is_onebyte() || (length > 0 && text.contains_only_onebyte()) {
            push_latin1_length(&mut self.out, length);
            let at = self.out.len();
            self.out.resize(at + length, 0);
            text.write_one_byte_v2(scope, 0, &mut self.out[at..], v8::WriteFlags::empty());
            return Ok(());
        }
        self.check_room(length.saturating_mul(2))?;
        let mut units = vec![0; length];
        text.write_v2(scope, 0, &mut units, v8::WriteFlags::empty());
        push_units(&mut self.out, &units);
        Ok(())
    }

    /// Writes a bigint: its sign and its bytes, lowest first.
    pub(super) fn bigint(&mut self, bigint: v8::Local<v8::BigInt>) -> Result<(), Stop> {
        self.check_room(bigint.word_count().saturating_mul(8))?;
        let mut words = vec![0_u64; bigint.word_count()];
        let (is_negative, words) = bigint.to_words_array(&mut words);
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        push_varint(&mut self.out, (bytes.len() as u64) << 1 | u64::from(is_negative));
        self.out.append(&mut bytes);
        Ok(())
    }

    pub(super) fn double(&mut self, value: f64) {
        push_double(&mut self.out, value);
    }

    /// The kind of an object, or why it can't be kept.
    #[expect(clippy::unused_self, reason = "one of the writer's questions")]
    pub(super) fn kind(&self, object: Object) -> Result<Kind, String> {
        let value: Value = object.into();
        let refused = |why: &str| Err(why.to_owned());
        if object.is_array() {
            return Ok(Kind::Array);
        }
        Ok(match value {
            value if value.is_function() => Kind::Function,
            value if value.is_date() => Kind::Date,
            value if value.is_reg_exp() => Kind::RegExp,
            value if value.is_map() => Kind::Map,
            value if value.is_set() => Kind::Set,
            value if value.is_native_error() => Kind::Error,
            value if value.is_boolean_object() => Kind::BoxedBoolean,
            value if value.is_number_object() => Kind::BoxedNumber,
            value if value.is_string_object() => Kind::BoxedString,
            value if value.is_big_int_object() => Kind::BoxedBigInt,
            value if value.is_symbol_object() => Kind::BoxedSymbol,
            value if value.is_array_buffer() => Kind::Buffer,
            value if value.is_array_buffer_view() => Kind::View,
            value if value.is_arguments_object() => return refused("an arguments object"),
            value => match refused_kind(value) {
                Some(kind) => return refused(kind),
                None => match unknown_inside(object) {
                    Some(why) => return Err(why),
                    None => Kind::Object,
                },
            },
        })
    }
}

/// What V8 or a host has put into an object that looks like any other.
fn unknown_inside(object: Object) -> Option<String> {
    (object.internal_field_count() > 0 || object.is_api_wrapper()).then(|| "a host object".to_owned())
}
