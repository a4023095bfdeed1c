//! Which own properties an object has, with as few questions to V8 as it takes.

use crate::engine::state::format::Kind;
use crate::engine::state::own;
use crate::engine::state::write::{Prepared, Value};

/// From so many properties on their attributes are asked for together first.
const MANY: u32 = 4;

/// The own properties of an object.
pub(super) struct Own<'s> {
    pub(super) keys: v8::Local<'s, v8::Array>,
    /// Index keys come first.
    pub(super) indexes: u32,
    /// Where the other keys begin.
    pub(super) first_name: u32,
    /// The indexes are those from 0 on, without a gap, and all of them ordinary; they are not in `keys`.
    pub(super) is_dense: bool,
    /// Those of them that are letters of a string in a box.
    pub(super) letters: u32,
    /// All of them are writable, enumerable and configurable, but for those of the kind's own.
    pub(super) are_ordinary: bool,
}

/// Lists them.
pub(super) fn own<'s>(scope: &mut v8::PinScope<'s, '_>, prepared: &Prepared<'s>) -> Option<Own<'s>> {
    let (object, kind) = (prepared.object, prepared.kind);
    let index_filter =
        if kind == Kind::View { v8::IndexFilter::SkipIndices } else { v8::IndexFilter::IncludeIndices };
    if let Some(dense) = dense(scope, prepared) {
        return Some(dense);
    }
    let keys = own::keys(scope, object, v8::PropertyFilter::ALL_PROPERTIES, index_filter)?;
    let length = keys.length();
    let indexes = indexes(scope, keys)?;
    // Those have names of their own that are not ordinary.
    let (of_kind, is_asked) = match kind {
        Kind::Array => (1, length > 1),
        Kind::RegExp | Kind::BoxedString | Kind::Function | Kind::Error => (0, false),
        _ => (0, length > MANY),
    };
    let are_ordinary = prepared.is_extensible
        && (length == of_kind
            || (is_asked
                && own::keys(scope, object, own::ordinary_only(), index_filter)?.length() + of_kind
                    == length));
    let letters = prepared.inner.and_then(|inner| v8::Local::<v8::String>::try_from(inner).ok());
    let letters = letters.map_or(0, |text| u32::try_from(text.length()).unwrap_or(u32::MAX));
    Some(Own { keys, indexes, first_name: indexes, is_dense: false, letters, are_ordinary })
}

/// The properties of an array without a gap: V8 collects its keys once, not twice.
fn dense<'s>(scope: &mut v8::PinScope<'s, '_>, prepared: &Prepared<'s>) -> Option<Own<'s>> {
    let array = v8::Local::<v8::Array>::try_from(Value::from(prepared.object)).ok()?;
    let length = array.length();
    if length < 2 || !prepared.is_extensible {
        return None;
    }
    let all = v8::PropertyFilter::ALL_PROPERTIES;
    let ordinary = own::keys(scope, prepared.object, own::ordinary_only(), v8::IndexFilter::IncludeIndices)?;
    if indexes(scope, ordinary)? != length {
        return None;
    }
    let keys = own::keys(scope, prepared.object, all, v8::IndexFilter::SkipIndices)?;
    // But for `length`.
    let are_ordinary = ordinary.length() - length + 1 == keys.length();
    Some(Own { keys, indexes: length, first_name: 0, is_dense: true, letters: 0, are_ordinary })
}

/// How many of the keys are indexes. Found by halves: they come first.
fn indexes<'s>(scope: &mut v8::PinScope<'s, '_>, keys: v8::Local<'s, v8::Array>) -> Option<u32> {
    let (mut indexes, mut end) = (0, keys.length());
    while indexes < end {
        let middle = indexes.midpoint(end);
        if keys.get_index(scope, middle)?.is_number() { indexes = middle + 1 } else { end = middle }
    }
    Some(indexes)
}
