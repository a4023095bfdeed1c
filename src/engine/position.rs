//! Where the running code is.

/// Frames looked at for one of the user's.
const FRAMES: usize = 20;

/// `file:line:column` of the innermost frame of a source that is not ours.
pub(crate) fn current_position(scope: &mut v8::PinScope) -> Option<String> {
    let trace = v8::StackTrace::current_stack_trace(scope, FRAMES)?;
    for index in 0..trace.get_frame_count() {
        let frame = trace.get_frame(scope, index)?;
        // The name is the user's own source's, and short.
        let name = frame.get_script_name_or_source_url(scope).map(|name| name.to_rust_string_lossy(scope));
        if let Some(name) = name.filter(|name| !name.starts_with("isoseed:")) {
            return Some(format!("{name}:{}:{}", frame.get_line_number(), frame.get_column()));
        }
    }
    None
}
