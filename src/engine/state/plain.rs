//! Tells ordinary objects from those that have something inside which no property shows: a `WeakRef`, an
//! iterator, an `Intl.NumberFormat`. V8's serializer knows, and has no other way to say so: it is asked for
//! each object what it would do, and told to write nothing.

use std::cell::Cell;
use std::rc::Rc;

use v8::ValueSerializerHelper;

#[derive(Default)]
struct Answer(Rc<Cell<bool>>);

impl v8::ValueSerializerImpl for Answer {
    fn throw_data_clone_error<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        message: v8::Local<'s, v8::String>,
    ) {
        let error = v8::Exception::error(scope, message);
        scope.throw_exception(error);
    }

    fn has_custom_host_object(&self, _: &v8::Isolate) -> bool {
        true
    }

    fn is_host_object<'s>(&self, _: &mut v8::PinScope<'s, '_>, _: v8::Local<'s, v8::Object>) -> Option<bool> {
        Some(true)
    }

    fn write_host_object<'s>(
        &self,
        _: &mut v8::PinScope<'s, '_>,
        _: v8::Local<'s, v8::Object>,
        _: &dyn ValueSerializerHelper,
    ) -> Option<bool> {
        self.0.set(true);
        Some(true)
    }
}

/// For each object, whether it is an ordinary one. None of them is an array, a Proxy, or anything else that
/// the serializer has a form for.
pub(super) fn are_plain(scope: &mut v8::PinScope, objects: &[v8::Local<v8::Object>]) -> Vec<bool> {
    let answer = Rc::new(Cell::new(false));
    let context = scope.get_current_context();
    let mut answers = Vec::with_capacity(objects.len());
    v8::tc_scope!(let scope, scope);
    let serializer = v8::ValueSerializer::new(scope, Box::new(Answer(Rc::clone(&answer))));
    for object in objects {
        answer.set(false);
        serializer.write_value(context, (*object).into());
        answers.push(answer.get());
        if scope.has_caught() && scope.can_continue() {
            scope.reset();
        }
    }
    answers
}
