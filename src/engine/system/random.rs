//! Random numbers of the operating system.

use std::cell::RefCell;
use std::rc::Rc;

use crate::engine::exception::throw;
use crate::engine::position::current_position;
use crate::engine::system::bytes::with_bytes;
use crate::engine::system::session;

/// Views that were to be filled while a snapshot is rehearsed, with where. In the isolate's slot there: the
/// builder compares heaps, but V8's picture of one does not show bytes.
#[derive(Default)]
pub(crate) struct DrawnBytes(RefCell<Vec<(v8::Weak<v8::Value>, Option<String>)>>);

impl DrawnBytes {
    /// Those that live, each followed by where it was drawn; ends the notes.
    pub(crate) fn take<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> (Vec<v8::Local<'s, v8::Value>>, Vec<Option<String>>) {
        let drawn = self.0.take();
        drawn.into_iter().filter_map(|(view, position)| Some((view.to_local(scope)?, position))).unzip()
    }
}

/// More drawn bytes than this tell nothing new.
const MOST_DRAWN: usize = 1000;

fn note(scope: &mut v8::PinScope, view: v8::Local<v8::Value>) {
    let Some(drawn) = scope.get_slot::<Rc<DrawnBytes>>().map(Rc::clone) else { return };
    if view.is_array_buffer_view() && drawn.0.borrow().len() < MOST_DRAWN {
        let position = current_position(scope);
        drawn.0.borrow_mut().push((v8::Weak::new(scope, view), position));
    }
}

/// `fillRandom(view)`: fills it, and says so. `false` while a snapshot is built: what is drawn there is in
/// every session, so it must come from a source that the builder watches.
pub(super) fn on_fill<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    if session(scope).is_none() {
        note(scope, arguments.get(0));
        result.set_bool(false);
        return;
    }
    match with_bytes(scope, arguments.get(0), |_, bytes| getrandom::fill(bytes)) {
        Some(Ok(())) => result.set_bool(true),
        Some(Err(error)) => {
            throw(scope, v8::Exception::error, &format!("the system has no random numbers: {error}"));
        }
        None => throw(scope, v8::Exception::type_error, "expected a view of an ArrayBuffer"),
    }
}
