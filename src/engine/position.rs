//! Where code is, in the user's own files: positions of running code, and of errors. Runs on the
//! isolate's thread.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::engine::limits::output::with_largest_allocation;
use crate::engine::snapshot::Snapshot;
use crate::engine::source::Source;
use crate::engine::source_map::{SourceMaps, map_text};
use crate::engine::text::{LONGEST_ERROR_TEXT, LONGEST_NAME, beginning};

/// Frames looked at for one of the user's.
const FRAMES: usize = 20;

/// What the names of our own scripts begin with.
const OURS: &str = "isoseed:";

/// The source maps that an isolate's errors are read with, in its slot.
#[derive(Default)]
pub(crate) struct Positions {
    /// Of the sources that the session evaluates.
    session: RefCell<SourceMaps>,
    snapshot: Option<Arc<Snapshot>>,
}

impl Positions {
    pub(crate) fn new(snapshot: Option<Arc<Snapshot>>) -> Rc<Self> {
        Rc::new(Self { session: RefCell::default(), snapshot })
    }

    /// With the maps of a build.
    pub(crate) fn of_build(maps: SourceMaps) -> Rc<Self> {
        Rc::new(Self { session: RefCell::new(maps), snapshot: None })
    }

    /// Takes the map off a source that the session is about to evaluate.
    pub(crate) fn take(&self, source: &mut Source) {
        self.session.borrow_mut().take(source);
    }

    /// The same for a source that may have come through `take` before.
    pub(crate) fn take_new(&self, source: &mut Source) {
        self.session.borrow_mut().take_new(source);
    }

    /// The map of a source, found by its name, as a `data:` URL.
    pub(crate) fn data_url(&self, is_meant: impl Fn(&str) -> bool) -> Option<String> {
        // V8 may ask in the middle of anything, and nothing may panic there.
        let of_session = self.session.try_borrow().ok()?.data_url(&is_meant);
        of_session.or_else(|| self.snapshot.as_ref()?.source_maps().data_url(&is_meant))
    }

    fn map(&self, text: &str) -> String {
        let session = self.session.borrow();
        match &self.snapshot {
            Some(snapshot) => map_text(&[&session, snapshot.source_maps()], text),
            None => map_text(&[&session], text),
        }
    }
}

/// A stack as the user is to see it: positions in the files that the code was made from, without the
/// frames of our own scripts.
pub(crate) fn readable_stack(isolate: &v8::Isolate, stack: &str) -> String {
    let stack = if stack.contains(OURS) { without_our_frames(stack) } else { stack.to_owned() };
    let Some(positions) = isolate.get_slot::<Rc<Positions>>() else { return stack };
    // A map is larger than any message, and may have to be read just now.
    with_largest_allocation(usize::MAX, || positions.map(&stack))
}

fn without_our_frames(stack: &str) -> String {
    let is_ours = |line: &str| {
        let frame = line.trim_start();
        frame.starts_with("at ") && (frame.contains("(isoseed:") || frame.contains("at isoseed:"))
    };
    stack.split('\n').filter(|line| !is_ours(line)).collect::<Vec<_>>().join("\n")
}

/// A stack that a guest's error has as its own property, readable; a text that is too long for a stack
/// stays as it is.
pub(crate) fn readable_property<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    stack: v8::Local<'s, v8::Value>,
) -> v8::Local<'s, v8::Value> {
    let Ok(text) = v8::Local::<v8::String>::try_from(stack) else { return stack };
    if text.length() > LONGEST_ERROR_TEXT {
        return stack;
    }
    let original = beginning(scope, text, LONGEST_ERROR_TEXT);
    let readable = readable_stack(scope, &original);
    if readable == original {
        return stack;
    }
    v8::String::new(scope, &readable).map_or(stack, Into::into)
}

/// `file:line:column` of the innermost frame of a source that is not ours.
pub(crate) fn current_position(scope: &mut v8::PinScope) -> Option<String> {
    let trace = v8::StackTrace::current_stack_trace(scope, FRAMES)?;
    for index in 0..trace.get_frame_count() {
        let frame = trace.get_frame(scope, index)?;
        // The name is the user's own source's, and short.
        let name = frame.get_script_name_or_source_url(scope).map(|name| name.to_rust_string_lossy(scope));
        if let Some(name) = name.filter(|name| !name.starts_with(OURS)) {
            return Some(format!("{name}:{}:{}", frame.get_line_number(), frame.get_column()));
        }
    }
    None
}

/// The frames of the code that runs, one a line, as in the stack of an error; readable. Runs no guest
/// code.
pub(crate) fn current_frames(scope: &mut v8::PinScope) -> String {
    let Some(trace) = v8::StackTrace::current_stack_trace(scope, FRAMES) else { return String::new() };
    let mut lines = Vec::new();
    for index in 0..trace.get_frame_count() {
        let Some(frame) = trace.get_frame(scope, index) else { break };
        let text = |text: Option<v8::Local<v8::String>>| {
            text.map(|text| beginning(scope, text, LONGEST_NAME)).filter(|text| !text.is_empty())
        };
        let file =
            text(frame.get_script_name_or_source_url(scope)).unwrap_or_else(|| "<anonymous>".to_owned());
        let function = text(frame.get_function_name(scope));
        let position = format!("{file}:{}:{}", frame.get_line_number(), frame.get_column());
        lines.push(match function {
            Some(function) => format!("    at {function} ({position})"),
            None => format!("    at {position}"),
        });
    }
    readable_stack(scope, &lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::without_our_frames;

    #[test]
    fn frames_of_our_own_scripts_are_left_out_and_other_lines_are_not() {
        let stack = "Error: at isoseed:x\n    at f (app.js:1:2)\n    at Object.commonjs (isoseed:modules:5:1)\n    at isoseed:modules:1:1\n    at app.js:3:4";
        assert_eq!(
            without_our_frames(stack),
            "Error: at isoseed:x\n    at f (app.js:1:2)\n    at app.js:3:4"
        );
    }
}
