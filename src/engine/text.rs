//! Guest strings as Rust strings, cut to a length: a guest can make one of any size.

/// The longest text of an error (its name, message, stack) that reaches the host, in UTF-16 units.
pub(crate) const LONGEST_ERROR_TEXT: usize = 64 * 1024;

/// The longest name (of a property, a class, a file) that is looked at.
pub(crate) const LONGEST_NAME: usize = 256;

/// V8 makes one piece of a string to read any of it, and a guest's may be a rope of gigabytes: of a
/// longer one only the length is told.
const LONGEST_READ: usize = 1 << 20;

/// The beginning of `string`, at most `longest` UTF-16 units; an ellipsis tells that it was cut.
pub(crate) fn beginning(scope: &v8::Isolate, string: v8::Local<v8::String>, longest: usize) -> String {
    if string.length() > LONGEST_READ {
        return format!("(a text of {} characters)", string.length());
    }
    let mut units = vec![0; string.length().min(longest)];
    string.write_v2(scope, 0, &mut units, v8::WriteFlags::empty());
    let mut text = String::from_utf16_lossy(&units);
    if string.length() > longest {
        text.push('…');
    }
    text
}
