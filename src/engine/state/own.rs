//! Own properties of a guest's object, read while V8 refuses to run JavaScript.

/// The filter with which V8 collects private names, and only them: `#x` of a class, and what marks an
/// object that has private methods. Missing in the public list of filters.
const PRIVATE_NAMES_ONLY: u32 = 1 << 5;

/// All own keys, in the order that JavaScript gives them: indexes as numbers, strings, symbols.
pub(super) fn keys<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    property_filter: v8::PropertyFilter,
    index_filter: v8::IndexFilter,
) -> Option<v8::Local<'s, v8::Array>> {
    let arguments = v8::GetPropertyNamesArgs {
        mode: v8::KeyCollectionMode::OwnOnly,
        property_filter,
        index_filter,
        key_conversion: v8::KeyConversionMode::KeepNumbers,
    };
    object.get_property_names(scope, arguments)
}

/// The filter for properties that are writable, enumerable and configurable.
pub(super) fn ordinary_only() -> v8::PropertyFilter {
    v8::PropertyFilter::ONLY_WRITABLE
        | v8::PropertyFilter::ONLY_ENUMERABLE
        | v8::PropertyFilter::ONLY_CONFIGURABLE
}

/// The private names that an object has.
pub(super) fn private_names<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
) -> Option<v8::Local<'s, v8::Array>> {
    // SAFETY: the type is `repr(C)` around one `u32`, of which any value is a valid one; V8 takes it for
    // its own filter, which has this bit (`src/objects/property-details.h`).
    let filter = unsafe { std::mem::transmute::<u32, v8::PropertyFilter>(PRIVATE_NAMES_ONLY) };
    keys(scope, object, filter, v8::IndexFilter::SkipIndices)
}

/// The value of an own property that is data, by its name. The outer `None`: an exception is pending.
pub(super) fn data<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    key: &str,
) -> Option<Option<v8::Local<'s, v8::Value>>> {
    let key = v8::String::new(scope, key)?;
    data_at(scope, object, key.into())
}

/// As `data`, by any key.
pub(super) fn data_at<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    key: v8::Local<'s, v8::Name>,
) -> Option<Option<v8::Local<'s, v8::Value>>> {
    if !object.has_own_property(scope, key)? {
        return Some(None);
    }
    v8::tc_scope!(let scope, scope);
    v8::disallow_javascript_execution_scope!(let quiet, scope, v8::OnFailure::ThrowOnFailure);
    Some(object.get(quiet, key.into()))
}
