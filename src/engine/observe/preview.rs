//! Guest value → a description that the host can rebuild, as JSON. Runs no guest code: no getter, no
//! trap of a Proxy, no `toString`. Only the stack of an error may ask the guest's own
//! `Error.prepareStackTrace`.
//!
//! Strings, finite numbers, booleans and `null` stand for themselves, everything else is an array with a
//! tag:
//!
//! ```text
//! ["u"]                                  undefined
//! ["n", "-0"]                            a number that JSON can't say
//! ["y", text]                            what can't be shown but by a text
//! ["w", hex]                             a value as V8 writes it: a date, a pattern, a buffer, a bigint
//! ["o", class, [key, value, ...]]        an object; its class is null without a prototype
//! ["a", [value, ...], [key, value, ...]] an array and its other properties; ["h"] is a hole
//! ["m", [key, value, ...]]               a Map
//! ["s", [value, ...]]                    a Set
//! ["e", standard class, class, stack, [key, is enumerable, value, ...]]  an error
//! ["^", number]                          an object, array, Map, Set or error met before, counted from 0
//! ```
//!
//! A key is a string, or `["y", text]` for a symbol.

use std::collections::HashMap;

use crate::engine::observe::json::Json;
use crate::engine::observe::look::{
    Object, Property, Value, buffer_bytes, class_name, closed_kind, detail, forgive, function_text, is_boxed,
    keys, property, stack, standard_class, without_proxies,
};
use crate::engine::text::{LONGEST_NAME, beginning};
use crate::engine::value::Encoder;

/// When a description is as long as this, nothing more is added to it.
const LONGEST_DESCRIPTION: usize = 64 * 1024;
/// A string is cut here, in UTF-16 units.
const LONGEST_STRING: usize = 16 * 1024;
/// V8 makes one piece of a string to read any of it, and a guest's may be a rope of gigabytes.
const LONGEST_READ: usize = 1 << 20;
/// A buffer is shown whole, or as a text.
const LARGEST_BUFFER: usize = 8 * 1024;
/// A bigint is shown whole, or as a text; in words of 64 bits.
const LONGEST_BIGINT: usize = 64;
/// Elements of an array, and entries of a Map or Set, that are shown.
const MOST_ELEMENTS: u32 = 1000;
/// Objects within objects.
const DEEPEST: usize = 12;

/// Writes descriptions of the values of one console call.
pub(super) struct Preview<'s> {
    pub(super) json: Json,
    encoder: Encoder,
    /// What was met, by V8's identity hash, which is not unique.
    met: HashMap<i32, Vec<(Object<'s>, u32)>>,
    count: u32,
    depth: usize,
}

impl<'s> Preview<'s> {
    /// `encoder` is for single values without any others in them.
    pub(super) fn new(json: Json, encoder: Encoder) -> Self {
        Self { json, encoder, met: HashMap::new(), count: 0, depth: 0 }
    }

    /// Whether nothing more fits.
    pub(super) fn is_full(&self) -> bool {
        self.json.0.len() >= LONGEST_DESCRIPTION
    }

    /// Writes one value. The caller holds a `TryCatch`, which may hold an exception afterwards when the
    /// guest is being terminated, and only then.
    pub(super) fn value(&mut self, scope: &mut v8::PinScope<'s, '_>, value: Value<'s>) {
        if value.is_undefined() {
            return self.json.raw("[\"u\"]");
        }
        if value.is_null() || value.is_boolean() {
            return self.json.raw(if value.is_null() {
                "null"
            } else if value.is_true() {
                "true"
            } else {
                "false"
            });
        }
        if let Ok(number) = v8::Local::<v8::Number>::try_from(value) {
            return self.number(number.value());
        }
        if let Ok(text) = v8::Local::<v8::String>::try_from(value) {
            return self.string(scope, text);
        }
        if let Ok(number) = v8::Local::<v8::BigInt>::try_from(value) {
            let words = number.word_count();
            if words > LONGEST_BIGINT {
                return self.text(&format!("[BigInt of {} bits]", words * 64));
            }
            return self.whole(scope, value, "[BigInt]");
        }
        if let Ok(object) = v8::Local::<v8::Object>::try_from(value) {
            return self.object(scope, object);
        }
        // A symbol: V8 tells it without asking anyone.
        let text = detail(scope, value);
        self.text(&text);
    }

    fn number(&mut self, number: f64) {
        if number.is_finite() && !(number == 0.0 && number.is_sign_negative()) {
            return self.json.number(number);
        }
        self.json.raw(if number.is_nan() {
            "[\"n\",\"NaN\"]"
        } else if number == 0.0 {
            "[\"n\",\"-0\"]"
        } else if number > 0.0 {
            "[\"n\",\"Infinity\"]"
        } else {
            "[\"n\",\"-Infinity\"]"
        });
    }

    pub(super) fn string(&mut self, scope: &v8::Isolate, text: v8::Local<v8::String>) {
        let length = text.length();
        if length > LONGEST_READ {
            return self.text(&format!("(a text of {length} characters)"));
        }
        let shown = length.min(LONGEST_STRING);
        let mut units = vec![0; shown];
        text.write_v2(scope, 0, &mut units, v8::WriteFlags::empty());
        if shown < length {
            units.extend(format!("... {} more characters", length - shown).encode_utf16());
        }
        self.json.units(&units);
    }

    /// What can't be shown but by a text.
    pub(super) fn text(&mut self, text: &str) {
        self.json.raw("[\"y\",");
        self.json.string(text);
        self.json.raw("]");
    }

    /// A value without others in it, as V8 writes it; `otherwise` when V8 refuses.
    fn whole(&mut self, scope: &mut v8::PinScope<'s, '_>, value: Value<'s>, otherwise: &str) {
        v8::tc_scope!(let scope, scope);
        let Ok(bytes) = self.encoder.encode(scope, value, "value") else {
            forgive!(scope);
            return self.text(otherwise);
        };
        self.json.raw("[\"w\",\"");
        let digits = b"0123456789abcdef";
        for byte in bytes {
            self.json.0.push(char::from(digits[usize::from(byte >> 4)]));
            self.json.0.push(char::from(digits[usize::from(byte & 15)]));
        }
        self.json.raw("\"]");
    }

    fn object(&mut self, scope: &mut v8::PinScope<'s, '_>, object: Object<'s>) {
        let Some(object) = without_proxies(scope, object) else {
            return self.text("<Revoked Proxy>");
        };
        let value: Value = object.into();
        if let Ok(function) = v8::Local::<v8::Function>::try_from(value) {
            let text = function_text(scope, function);
            return self.text(&text);
        }
        if let Some(text) = closed_kind(scope, object) {
            return self.text(&text);
        }
        if let Some(bytes) = buffer_bytes(value) {
            let class = class_name(scope, object);
            if bytes > LARGEST_BUFFER {
                return self.text(&format!("[{class} of {bytes} bytes]"));
            }
            return self.whole(scope, value, &format!("[{class}]"));
        }
        if value.is_date() || value.is_reg_exp() || is_boxed(value) {
            let class = class_name(scope, object);
            return self.whole(scope, value, &format!("[{class}]"));
        }
        if let Some(number) = self.number_of(object) {
            return self.json.raw(&format!("[\"^\",{number}]"));
        }
        if self.depth >= DEEPEST || self.is_full() {
            self.count -= 1;
            self.forget(object);
            let class = class_name(scope, object);
            return self.text(&format!("[{class}]"));
        }
        self.depth += 1;
        self.contents(scope, object);
        self.depth -= 1;
    }

    /// The number of an object that was met before; it gets one otherwise.
    fn number_of(&mut self, object: Object<'s>) -> Option<u32> {
        let bucket = self.met.entry(object.get_identity_hash().get()).or_default();
        if let Some((_, number)) = bucket.iter().find(|(met, _)| *met == object) {
            return Some(*number);
        }
        bucket.push((object, self.count));
        self.count += 1;
        None
    }

    fn forget(&mut self, object: Object<'s>) {
        if let Some(bucket) = self.met.get_mut(&object.get_identity_hash().get()) {
            bucket.retain(|(met, _)| *met != object);
        }
    }

    fn contents(&mut self, scope: &mut v8::PinScope<'s, '_>, object: Object<'s>) {
        if let Ok(map) = v8::Local::<v8::Map>::try_from(object) {
            self.json.raw("[\"m\",");
            let entries = map.as_array(scope);
            self.entries(scope, entries, 2);
        } else if let Ok(set) = v8::Local::<v8::Set>::try_from(object) {
            self.json.raw("[\"s\",");
            let entries = set.as_array(scope);
            self.entries(scope, entries, 1);
        } else if let Ok(array) = v8::Local::<v8::Array>::try_from(object) {
            self.json.raw("[\"a\",");
            self.elements(scope, array);
            self.json.raw(",");
            self.properties(scope, object, v8::IndexFilter::SkipIndices);
        } else if object.is_native_error() {
            self.error(scope, object);
        } else {
            self.json.raw("[\"o\",");
            let has_prototype = object.get_prototype(scope).is_some_and(|prototype| prototype.is_object());
            if object.is_module_namespace_object() {
                self.json.string("Module");
            } else if has_prototype {
                let class = class_name(scope, object);
                self.json.string(&class);
            } else {
                self.json.raw("null");
            }
            self.json.raw(",");
            self.properties(scope, object, v8::IndexFilter::IncludeIndices);
        }
        self.json.raw("]");
    }

    /// The contents of a Map or Set, `each` of them an entry, as V8 lists them.
    fn entries(&mut self, scope: &mut v8::PinScope<'s, '_>, entries: v8::Local<'s, v8::Array>, each: u32) {
        self.json.raw("[");
        let length = entries.length() / each;
        for index in 0..length {
            if index > 0 {
                self.json.raw(",");
            }
            if index == MOST_ELEMENTS || self.is_full() {
                let more = format!("... {} more items", length - index);
                (0..each).for_each(|part| {
                    if part > 0 {
                        self.json.raw(",");
                    }
                    self.text(&more);
                });
                break;
            }
            for part in 0..each {
                if part > 0 {
                    self.json.raw(",");
                }
                match entries.get_index(scope, index * each + part) {
                    Some(value) => self.value(scope, value),
                    None => self.json.raw("[\"u\"]"),
                }
            }
        }
        self.json.raw("]");
    }

    fn elements(&mut self, scope: &mut v8::PinScope<'s, '_>, array: v8::Local<'s, v8::Array>) {
        self.json.raw("[");
        for index in 0..array.length() {
            if index > 0 {
                self.json.raw(",");
            }
            if index == MOST_ELEMENTS || self.is_full() {
                self.text(&format!("... {} more items", array.length() - index));
                break;
            }
            let key = v8::Integer::new_from_unsigned(scope, index).to_string(scope);
            match key.and_then(|key| property(scope, array.into(), key.into())) {
                Some(Property::Missing) => self.json.raw("[\"h\"]"),
                found => self.property(scope, found),
            }
        }
        self.json.raw("]");
    }

    fn properties(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        object: Object<'s>,
        index_filter: v8::IndexFilter,
    ) {
        self.json.raw("[");
        let keys = keys(scope, object, index_filter);
        let length = keys.map_or(0, |keys| keys.length());
        for index in 0..length {
            if index > 0 {
                self.json.raw(",");
            }
            if self.is_full() {
                self.json.string("...");
                self.json.raw(",");
                self.text(&format!("{} more properties", length - index));
                break;
            }
            let key = keys.and_then(|keys| keys.get_index(scope, index));
            let Some(Ok(key)) = key.map(v8::Local::<v8::Name>::try_from) else {
                self.json.raw("\"?\",[\"u\"]");
                continue;
            };
            self.key(scope, key);
            self.json.raw(",");
            let found = property(scope, object, key);
            self.property(scope, found);
        }
        self.json.raw("]");
    }

    fn key(&mut self, scope: &mut v8::PinScope<'s, '_>, key: v8::Local<'s, v8::Name>) {
        if let Ok(key) = v8::Local::<v8::String>::try_from(key) {
            let key = beginning(scope, key, LONGEST_NAME);
            self.json.string(&key);
        } else {
            let text = detail(scope, key.into());
            self.text(&text);
        }
    }

    fn property(&mut self, scope: &mut v8::PinScope<'s, '_>, found: Option<Property<'s>>) {
        match found {
            Some(Property::Value(value)) => self.value(scope, value),
            Some(Property::Accessor(Some(_), true)) => self.text("[Getter/Setter]"),
            Some(Property::Accessor(Some(_), false)) => self.text("[Getter]"),
            Some(Property::Accessor(None, _)) => self.text("[Setter]"),
            Some(Property::Missing) => self.json.raw("[\"u\"]"),
            // A binding of a module that is not evaluated yet.
            None => self.text("<uninitialized>"),
        }
    }

    fn error(&mut self, scope: &mut v8::PinScope<'s, '_>, error: Object<'s>) {
        self.json.raw("[\"e\",");
        let standard = standard_class(scope, error);
        self.json.string(standard);
        self.json.raw(",");
        let class = class_name(scope, error);
        self.json.string(&class);
        self.json.raw(",");
        match stack(scope, error) {
            Some(stack) => self.json.string(&stack),
            None => self.json.raw("null"),
        }
        self.json.raw(",[");
        let mut is_first = true;
        for key in ["name", "message", "cause", "errors"] {
            let Some(name) = v8::String::new(scope, key) else { continue };
            match property(scope, error, name.into()) {
                Some(Property::Missing) | None => {}
                found => self.error_part(scope, &mut is_first, name.into(), false, found),
            }
        }
        let keys = keys(scope, error, v8::IndexFilter::IncludeIndices);
        for index in 0..keys.map_or(0, |keys| keys.length()) {
            let key = keys.and_then(|keys| keys.get_index(scope, index));
            let Some(Ok(key)) = key.map(v8::Local::<v8::Name>::try_from) else { continue };
            if self.is_full() {
                break;
            }
            let found = property(scope, error, key);
            self.error_part(scope, &mut is_first, key, true, found);
        }
        self.json.raw("]");
    }

    fn error_part(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        is_first: &mut bool,
        key: v8::Local<'s, v8::Name>,
        is_enumerable: bool,
        found: Option<Property<'s>>,
    ) {
        if !std::mem::take(is_first) {
            self.json.raw(",");
        }
        self.key(scope, key);
        self.json.raw(if is_enumerable { ",true," } else { ",false," });
        self.property(scope, found);
    }
}
