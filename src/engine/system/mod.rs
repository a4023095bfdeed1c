//! `isoseed:system`: native functions for the sources that ask for them with `require`, above all the
//! ready-made web bridge. Runs on the isolate's thread.
//!
//! Like host functions they may be captured in a snapshot and work after restore: none has data of its
//! own, each finds what belongs to the session in the isolate's slot. While a snapshot is built there is
//! no session: timers refuse, the clock stands at zero, and there are no random numbers. Any guest can
//! ask for them: every argument is checked, and none of them gives anything that was not the guest's.

mod adopt;
mod base64;
mod bytes;
mod clock;
mod clone;
mod digest;
mod form;
mod microtask;
mod random;
mod text;
pub(crate) mod timers;
mod url;

use std::rc::Rc;
use std::sync::OnceLock;

use v8::{FunctionCallback, MapFnTo};

use crate::engine::exception::throw;
use crate::engine::host_call::GuestState;

pub(crate) use adopt::adopted;
pub(crate) use clock::SessionClock;
pub(crate) use clone::Marks;
pub(crate) use random::DrawnBytes;

/// A native function, and its name in the object that `require` gives.
pub(crate) struct Native {
    name: &'static str,
    pub(crate) callback: FunctionCallback,
}

/// What `require` finds them by.
pub(crate) const NAME: &str = "isoseed:system";

/// All native functions. Their order is that of the external references.
pub(crate) fn natives() -> &'static [Native] {
    static NATIVES: OnceLock<Vec<Native>> = OnceLock::new();
    NATIVES.get_or_init(|| {
        vec![
            Native { name: "adopt", callback: adopt::on_adopt.map_fn_to() },
            Native { name: "atob", callback: base64::on_atob.map_fn_to() },
            Native { name: "btoa", callback: base64::on_btoa.map_fn_to() },
            Native { name: "now", callback: clock::on_now.map_fn_to() },
            Native { name: "timeOrigin", callback: clock::on_time_origin.map_fn_to() },
            Native { name: "clone", callback: clone::on_clone.map_fn_to() },
            Native { name: "isTransferable", callback: clone::on_is_transferable.map_fn_to() },
            Native { name: "mark", callback: clone::on_mark.map_fn_to() },
            Native { name: "digest", callback: digest::on_digest.map_fn_to() },
            Native { name: "parseForm", callback: form::on_parse.map_fn_to() },
            Native { name: "serializeForm", callback: form::on_serialize.map_fn_to() },
            Native { name: "queueMicrotask", callback: microtask::on_queue.map_fn_to() },
            Native { name: "report", callback: microtask::on_report.map_fn_to() },
            Native { name: "fillRandom", callback: random::on_fill.map_fn_to() },
            Native { name: "encodingOf", callback: text::on_encoding_of.map_fn_to() },
            Native { name: "decode", callback: text::on_decode.map_fn_to() },
            Native { name: "decodeChunk", callback: text::on_decode_chunk.map_fn_to() },
            Native { name: "utf8Length", callback: text::on_utf8_length.map_fn_to() },
            Native { name: "utf8Write", callback: text::on_utf8_write.map_fn_to() },
            Native { name: "startTimer", callback: timers::on_start.map_fn_to() },
            Native { name: "stopTimer", callback: timers::on_stop.map_fn_to() },
            Native { name: "parseUrl", callback: url::on_parse.map_fn_to() },
            Native { name: "changeUrl", callback: url::on_change.map_fn_to() },
        ]
    })
}

/// An object of all native functions: what `require('isoseed:system')` gives.
pub(crate) fn object<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Object>> {
    let null = v8::null(scope).into();
    let object = v8::Object::with_prototype_and_properties(scope, null, &[], &[]);
    for native in natives() {
        let name = v8::String::new(scope, native.name)?;
        let function = function(scope, native)?;
        object.create_data_property(scope, name.into(), function.into())?;
    }
    Some(object)
}

fn function<'s>(scope: &mut v8::PinScope<'s, '_>, native: &Native) -> Option<v8::Local<'s, v8::Function>> {
    let function = v8::Function::builder_raw(native.callback)
        .constructor_behavior(v8::ConstructorBehavior::Throw)
        .build(scope)?;
    function.set_name(v8::String::new(scope, native.name)?);
    Some(function)
}

/// The session; none while a snapshot is built.
fn session(scope: &v8::Isolate) -> Option<Rc<GuestState>> {
    scope.get_slot::<Rc<GuestState>>().map(Rc::clone)
}

/// The memory limit of the session; while a snapshot is built, which has one of its own, the default of both.
fn memory_limit(scope: &v8::Isolate) -> usize {
    const WHILE_BUILDING: usize = 512 << 20;
    session(scope).map_or(WHILE_BUILDING, |guest| guest.encoder.limit)
}

/// Whether a string may become a Rust string, which counts against no limit: it may take one part in `share`
/// of the memory limit. If not, an exception is pending.
fn is_short(scope: &mut v8::PinScope, text: v8::Local<v8::String>, share: usize) -> bool {
    let longest = memory_limit(scope) / share;
    let is_short = text.length() <= longest;
    if !is_short {
        throw(scope, v8::Exception::range_error, &format!("the text is longer than {longest} characters"));
    }
    is_short
}

/// Parsing takes many times a text's length.
const PARSED_SHARE: usize = 32;

/// A guest's string as Unicode scalar values, to be parsed. `None`: it is none, or too long, and an exception is pending.
fn owned_text(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Option<String> {
    let Ok(text) = v8::Local::<v8::String>::try_from(value) else {
        throw(scope, v8::Exception::type_error, "expected a string");
        return None;
    };
    is_short(scope, text, PARSED_SHARE).then(|| text.to_rust_string_lossy(scope))
}

/// The elements of a guest's array; `None` when there are very many, a getter throws, or the guest is
/// terminated meanwhile, which no loop of ours would notice by itself.
fn elements<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    array: v8::Local<v8::Array>,
) -> Option<Vec<v8::Local<'s, v8::Value>>> {
    const MOST: usize = 4 << 20;
    let length = array.length();
    if length as usize > MOST {
        throw(scope, v8::Exception::range_error, &format!("the array has more than {MOST} elements"));
        return None;
    }
    let mut elements = Vec::new();
    for index in 0..length {
        if scope.is_execution_terminating() {
            return None;
        }
        elements.push(array.get_index(scope, index)?);
    }
    Some(elements)
}
