//! What the walker of `digest.js` can't ask of an object without running the session's code, or at all.
//! Runs on the isolate's thread.

use crate::engine::text;

/// `inside(object)`: an array of its kind, what tells it from others of that kind, its state, and then names
/// and values of what is in it.
pub(super) fn inside<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    if let Some(told) = look(scope, arguments.get(0)) {
        result.set(told.into());
    }
}

/// `hash(text)`: of a string of any length.
pub(super) fn hash<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Ok(string) = v8::Local::<v8::String>::try_from(arguments.get(0)) else { return };
    let mut hash = Fnv::default();
    let mut piece = [0_u16; PIECE];
    let length = string.length();
    let mut at = 0;
    while at < length {
        let end = (at + PIECE).min(length);
        let piece = &mut piece[..end - at];
        let Ok(offset) = u32::try_from(at) else { return };
        string.write_v2(scope, offset, piece, v8::WriteFlags::empty());
        for unit in piece {
            hash.take(u64::from(*unit));
        }
        at = end;
    }
    if let Some(hash) = v8::String::new(scope, &hash.text()) {
        result.set(hash.into());
    }
}

/// Strings are read in pieces of so many units.
const PIECE: usize = 4096;

/// Not for secrets: two sessions of one snapshot are compared, and nobody makes their contents collide.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn take(&mut self, unit: u64) {
        self.0 = (self.0 ^ unit).wrapping_mul(0x0100_0000_01b3);
    }

    fn text(&self) -> String {
        format!("{:x}", self.0)
    }
}

/// What is written of one object.
#[derive(Default)]
struct Told<'s> {
    kind: &'static str,
    what: String,
    state: String,
    values: Vec<(String, v8::Local<'s, v8::Value>)>,
}

impl<'s> Told<'s> {
    fn of(kind: &'static str) -> Self {
        Self { kind, ..Self::default() }
    }

    fn with(mut self, name: &str, value: impl Into<v8::Local<'s, v8::Value>>) -> Self {
        self.values.push((name.to_owned(), value.into()));
        self
    }
}

fn look<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
) -> Option<v8::Local<'s, v8::Array>> {
    let Told { kind, what, state, values } = told(scope, value);
    let mut elements = Vec::with_capacity(3 + 2 * values.len());
    for text in [kind, &what, &state] {
        elements.push(v8::String::new(scope, text)?.into());
    }
    for (name, value) in values {
        elements.push(v8::String::new(scope, &name)?.into());
        elements.push(value);
    }
    Some(v8::Array::new_with_elements(scope, &elements))
}

fn told<'s>(scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> Told<'s> {
    if let Ok(proxy) = v8::Local::<v8::Proxy>::try_from(value) {
        let (target, handler) = (proxy.get_target(scope), proxy.get_handler(scope));
        return Told::of("proxy").with("target", target).with("handler", handler);
    }
    if let Ok(function) = v8::Local::<v8::Function>::try_from(value) {
        return Told { what: place(scope, function), ..Told::of("function") };
    }
    if let Ok(promise) = v8::Local::<v8::Promise>::try_from(value) {
        let state = match promise.state() {
            v8::PromiseState::Pending => return Told { state: "pending".into(), ..Told::of("promise") },
            v8::PromiseState::Fulfilled => "fulfilled",
            v8::PromiseState::Rejected => "rejected",
        };
        let result = promise.result(scope);
        return Told { state: state.into(), ..Told::of("promise").with("result", result) };
    }
    if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        let state = format!("{} bytes from {}", view.byte_length(), view.byte_offset());
        let told = Told { state, ..Told::of("view") };
        return match view.buffer(scope) {
            Some(buffer) => told.with("buffer", buffer),
            None => told,
        };
    }
    if let Ok(buffer) = v8::Local::<v8::ArrayBuffer>::try_from(value) {
        return Told { state: bytes(buffer), ..Told::of("buffer") };
    }
    if let Some(entries) = entries(scope, value) {
        return entries;
    }
    Told::of(kind(value))
}

/// Script, line and column; numbers of scripts mean nothing.
fn place(scope: &mut v8::PinScope, function: v8::Local<v8::Function>) -> String {
    let Some((line, column)) = function.get_script_line_number().zip(function.get_script_column_number())
    else {
        return String::new();
    };
    let name = function.get_script_origin(scope).resource_name();
    let name = name.and_then(|name| v8::Local::<v8::String>::try_from(name).ok());
    let name = name.map_or(String::new(), |name| text::beginning(scope, name, text::LONGEST_NAME));
    format!("({name}:{}:{})", line + 1, column + 1).replace(['\t', '\n'], " ")
}

fn bytes(buffer: v8::Local<v8::ArrayBuffer>) -> String {
    if buffer.was_detached() {
        return "detached".to_owned();
    }
    let store = buffer.get_backing_store();
    let mut hash = Fnv::default();
    for byte in store.iter() {
        hash.take(u64::from(byte.get()));
    }
    format!("{} bytes {}", buffer.byte_length(), hash.text())
}

/// Of what keeps its entries in an order that JavaScript can't see, or that an iterator is in.
fn entries<'s>(scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> Option<Told<'s>> {
    let kind = match value {
        value if value.is_weak_map() => "weakmap",
        value if value.is_weak_set() => "weakset",
        value if value.is_map_iterator() || value.is_set_iterator() => "iterator",
        _ => return None,
    };
    let mut told = Told::of(kind);
    let object = v8::Local::<v8::Object>::try_from(value).ok()?;
    let (entries, has_values) = object.preview_entries(scope);
    let Some(entries) = entries else { return Some(told) };
    if kind == "iterator" {
        told.state = if has_values { "entries".to_owned() } else { String::new() };
    }
    for index in 0..entries.length() {
        let entry = entries.get_index(scope, index)?;
        let name = match kind {
            "weakmap" if index % 2 == 0 => format!("weak {}", index / 2),
            "weakmap" => format!("weak value {}", index / 2),
            "weakset" => format!("weak {index}"),
            _ => format!("next {index}"),
        };
        told.values.push((name, entry));
    }
    Some(told)
}

fn kind(value: v8::Local<v8::Value>) -> &'static str {
    match value {
        value if value.is_reg_exp() => "regexp",
        value if value.is_date() => "date",
        value if value.is_map() => "map",
        value if value.is_set() => "set",
        value if value.is_native_error() => "error",
        value if value.is_array() => "array",
        value if value.is_generator_object() => "generator",
        value if value.is_module_namespace_object() => "namespace",
        value if value.is_shared_array_buffer() => "shared buffer",
        value if value.is_arguments_object() => "arguments",
        value if value.is_boolean_object() => "boolean",
        value if value.is_number_object() => "number",
        value if value.is_string_object() => "string",
        value if value.is_symbol_object() => "symbol",
        value if value.is_big_int_object() => "bigint",
        _ => "object",
    }
}
