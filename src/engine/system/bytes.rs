//! The bytes of a guest's `ArrayBuffer` or view, without a copy.

/// Runs `work` on the bytes of a buffer or a view; `None` for anything else, and for a
/// `SharedArrayBuffer`.
///
/// `work` must not run JavaScript, which could free or resize the buffer. It may make strings: the bytes are
/// not in V8's heap.
pub(super) fn with_bytes<'s, T>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<v8::Value>,
    work: impl FnOnce(&mut v8::PinScope<'s, '_>, &mut [u8]) -> T,
) -> Option<T> {
    let (buffer, offset, length) = if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        // Moves the bytes of a small view out of V8's heap.
        let buffer = view.buffer(scope)?;
        (buffer, view.byte_offset(), view.byte_length())
    } else {
        let buffer = v8::Local::<v8::ArrayBuffer>::try_from(value).ok()?;
        (buffer, 0, buffer.byte_length())
    };
    if v8::Local::<v8::Value>::from(buffer).is_shared_array_buffer() {
        return None;
    }
    let end = offset.checked_add(length)?;
    let Some(data) = buffer.data().filter(|_| length > 0 && end <= buffer.byte_length()) else {
        return Some(work(scope, &mut []));
    };
    // SAFETY: `offset` is within the buffer, as compared above.
    let first = unsafe { data.cast::<u8>().as_ptr().add(offset) };
    // SAFETY: `length` bytes from `first` are in the buffer's store, which `buffer` keeps alive and which
    // only this thread reads or writes; only JavaScript changes its size, and `work` runs none.
    let bytes = unsafe { std::slice::from_raw_parts_mut(first, length) };
    Some(work(scope, bytes))
}
