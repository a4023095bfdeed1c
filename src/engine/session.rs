//! What the turns of one session share, and where they run: on the empty stack of the isolate's
//! thread, or within a guest's call that waits for the host.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::exception::throw;
use crate::engine::host_call::GuestState;
use crate::engine::inbox::Receiver;
use crate::engine::inspector::Inspector;
use crate::engine::isolate::LiveIsolate;
use crate::engine::lifecycle::{CallId, Lifecycle};
use crate::engine::limits::memory::MemoryLimit;
use crate::engine::modules::Modules;
use crate::engine::observe::Observer;
use crate::engine::position::Positions;
use crate::engine::source::{self, Source};

/// One session of an isolate; in the isolate's slot, for turns within turns.
pub(crate) struct Session {
    pub(crate) guest: Rc<GuestState>,
    pub(crate) memory: Arc<MemoryLimit>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) inbox: Rc<Receiver>,
    pub(crate) modules: Option<Rc<Modules>>,
    pub(crate) positions: Rc<Positions>,
    pub(crate) observer: Rc<Observer>,
    pub(crate) inspector: Rc<Inspector>,
    /// Requests that began within a host call, and wait for a promise.
    pub(crate) nested: RefCell<Vec<CallId>>,
    pub(crate) calls: Cell<u64>,
    pub(crate) start_ms: Cell<f64>,
    /// How many turns had begun when the state was last written down.
    pub(crate) exported_at: Cell<Option<u64>>,
    /// How long V8 took to make the isolate.
    pub(crate) restore: Duration,
}

impl Session {
    /// Whether a request that began within a host call waits for a promise.
    pub(crate) fn has_nested_waiting(&self) -> bool {
        let mut nested = self.nested.borrow_mut();
        nested.retain(|call| self.lifecycle.is_pending(*call));
        !nested.is_empty()
    }
}

/// For native work that takes long without running the guest's code: whether the guest was told to stop
/// meanwhile. `None`: it was, and the termination is pending.
pub(crate) fn may_go_on(scope: &mut v8::PinScope) -> Option<()> {
    if !is_stopped(scope) {
        return Some(());
    }
    feel_termination(scope);
    None
}

/// Whether the guest was told to stop.
pub(crate) fn is_stopped(scope: &v8::Isolate) -> bool {
    scope.get_slot::<Rc<Session>>().is_some_and(|session| session.lifecycle.is_stopped())
}

/// V8 looks at a termination where JavaScript begins or loops: without this, the guest's code would go
/// on from a native function until there.
pub(crate) fn feel_termination(scope: &mut v8::PinScope) {
    if source::evaluate(scope, &Source::script("0", "isoseed:stop")).is_some() {
        throw(scope, v8::Exception::error, "the call was stopped");
    }
}

/// Where turns run.
pub(crate) trait Ground {
    /// Whether guest code is on the stack already.
    const IS_NESTED: bool;

    /// Enters the session's context.
    fn enter<T>(&mut self, work: impl FnOnce(&mut v8::PinScope) -> T) -> T;
}

impl Ground for LiveIsolate {
    const IS_NESTED: bool = false;

    fn enter<T>(&mut self, work: impl FnOnce(&mut v8::PinScope) -> T) -> T {
        v8::scope_with_context!(let scope, &mut self.isolate, &self.context);
        work(scope)
    }
}

/// The scope of a native callback.
impl Ground for v8::PinScope<'_, '_> {
    const IS_NESTED: bool = true;

    fn enter<T>(&mut self, work: impl FnOnce(&mut v8::PinScope) -> T) -> T {
        v8::scope!(let scope, self);
        work(scope)
    }
}
