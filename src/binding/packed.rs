//! Small messages as text. JavaScript makes a short string in a fraction of the time that a buffer takes.

use napi::bindgen_prelude::{Result, ToNapiValue, TypeName, ValueType, check_status, sys};

/// A message up to this size goes as text.
pub(super) const LARGEST_PACKED: usize = 1024;

/// Bytes that become a string with a character for each.
pub struct Packed(pub(super) Vec<u8>);

impl TypeName for Packed {
    fn type_name() -> &'static str {
        "string"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ToNapiValue for Packed {
    unsafe fn to_napi_value(env: sys::napi_env, packed: Self) -> Result<sys::napi_value> {
        let bytes = packed.0;
        let length = isize::try_from(bytes.len()).unwrap_or(isize::MAX);
        let mut value = std::ptr::null_mut();
        // SAFETY: the caller vouches for `env`; `bytes` has `length` bytes, which are copied.
        let status =
            unsafe { sys::napi_create_string_latin1(env, bytes.as_ptr().cast(), length, &raw mut value) };
        check_status!(status)?;
        Ok(value)
    }
}
