//! Own properties of a guest's object, read while V8 refuses to run JavaScript.

use std::cell::Cell;

use crate::engine::exception::throw;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, native functions of ours refuse to be called: V8 calls those even where it refuses to
/// run JavaScript, if a guest has made one a getter.
pub(super) struct Quiet(bool);

impl Quiet {
    pub(super) fn begin() -> Self {
        Self(IS_QUIET.replace(true))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        IS_QUIET.set(self.0);
    }
}

/// Whether a native function that does something outside of the guest must not be called now; it has thrown
/// then.
pub(crate) fn refuses_calls(scope: &mut v8::PinScope) -> bool {
    let is_quiet = IS_QUIET.get();
    if is_quiet {
        throw(scope, v8::Exception::error, "called while the state is read");
    }
    is_quiet
}

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

/// One of `keys` as a name: an index is a string.
pub(super) fn name_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    key: v8::Local<'s, v8::Value>,
) -> Option<v8::Local<'s, v8::Name>> {
    v8::Local::<v8::Name>::try_from(key).ok().or_else(|| Some(key.to_string(scope)?.into()))
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

/// The value of a private name. The value of a mark is none that code may have.
pub(super) fn private<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<v8::Object>,
    name: v8::Local<v8::Name>,
) -> Option<v8::Local<'s, v8::Value>> {
    object.get_private(scope, as_private(name))
}

/// Gives an object a private name and its value, or changes the value.
pub(super) fn set_private<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    name: v8::Local<'s, v8::Name>,
    value: v8::Local<'s, v8::Value>,
) -> Option<()> {
    object.set_private(scope, as_private(name), value).filter(|is_set| *is_set).map(drop)
}

/// What V8 calls a private name: `#x`, or for the mark of instances with private methods, their class's name.
pub(super) fn private_text<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: v8::Local<v8::Name>,
) -> v8::Local<'s, v8::Value> {
    as_private(name).name(scope)
}

fn as_private<'s>(name: v8::Local<'s, v8::Name>) -> v8::Local<'s, v8::Private> {
    // SAFETY: V8's own type for both is the symbol (`Utils::OpenDirectHandle` in `api/api.cc` takes a `Private`
    // for a name), and a `Local` of either is the same pointer.
    unsafe { std::mem::transmute::<v8::Local<'s, v8::Name>, v8::Local<'s, v8::Private>>(name) }
}

/// The value of an own property that is data, by its name. `None`: there is none, or it has a getter or a setter.
pub(super) fn data<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    key: &str,
) -> Option<v8::Local<'s, v8::Value>> {
    let key = v8::String::new(scope, key)?;
    data_at(scope, object, key.into())
}

/// Whether an own property that reads as undefined is data: one without a getter reads so, too.
pub(super) fn is_data<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    key: v8::Local<'s, v8::Name>,
) -> bool {
    let descriptor = object.get_own_property_descriptor(scope, key);
    let descriptor = descriptor.and_then(|descriptor| v8::Local::<v8::Object>::try_from(descriptor).ok());
    let name = v8::String::new(scope, "value");
    let (Some(descriptor), Some(name)) = (descriptor, name) else { return false };
    descriptor.has_own_property(scope, name.into()) == Some(true)
}

/// As `data`, by any key.
pub(super) fn data_at<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    key: v8::Local<'s, v8::Name>,
) -> Option<v8::Local<'s, v8::Value>> {
    if !object.has_own_property(scope, key)? {
        return None;
    }
    v8::tc_scope!(let scope, scope);
    v8::disallow_javascript_execution_scope!(let quiet, scope, v8::OnFailure::ThrowOnFailure);
    let _quiet = Quiet::begin();
    let value = object.get(quiet, key.into());
    value.filter(|value| !value.is_undefined() || is_data(quiet, object, key))
}
