//! What V8 says of a view only to those who serialize it.

use crate::engine::state::format::{Cursor, VIEWS};

/// Where a view is in its buffer.
pub(super) struct View {
    pub(super) kind: u8,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) is_tracking: bool,
}

/// What V8's serializer says of a view when its buffer goes beside: its kind, where it is, and whether its
/// length follows the buffer's. `None`: it lies outside of the buffer.
pub(super) fn view_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    buffer: v8::Local<'s, v8::ArrayBuffer>,
) -> Option<View> {
    use v8::ValueSerializerHelper as _;
    v8::tc_scope!(let scope, scope);
    let context = scope.get_current_context();
    let serializer = v8::ValueSerializer::new(scope, Box::new(Plain));
    serializer.transfer_array_buffer(0, buffer);
    serializer.write_value(context, object.into())?;
    let bytes = serializer.release();
    // The buffer's number, and then the view's own token.
    let mut cursor = Cursor::new(bytes.strip_prefix(b"t\0V")?, 0);
    let kind = cursor.byte().ok()?;
    let (offset, length) = (cursor.any_varint().ok()?, cursor.any_varint().ok()?);
    let is_tracking = cursor.any_varint().ok()? & 1 == 1;
    VIEWS.iter().any(|(known, _)| *known == kind).then_some(View { kind, offset, length, is_tracking })
}

struct Plain;

impl v8::ValueSerializerImpl for Plain {
    fn throw_data_clone_error<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        message: v8::Local<'s, v8::String>,
    ) {
        let error = v8::Exception::error(scope, message);
        scope.throw_exception(error);
    }
}
