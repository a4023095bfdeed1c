//! What a session tells about itself: its console, errors that nobody caught. Everything here but the
//! outbox runs on the isolate's thread.

pub(crate) mod console;
mod json;
mod look;
pub mod outbox;
mod preview;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::lifecycle::Lifecycle;
use crate::engine::observe::console::ConsoleState;
use crate::engine::observe::outbox::{Outbox, Report};
use crate::engine::value::Encoder;

/// Where a session's reports go, and which of them its host wants.
#[derive(Clone)]
pub struct Listener {
    /// To the host.
    pub outbox: Arc<Outbox>,
    /// Whether console entries are wanted.
    pub console: bool,
    /// Whether errors that nobody caught are wanted.
    pub uncaught: bool,
}

/// What a session has to tell, in the isolate's slot. Holds handles into the heap: it must be gone
/// before the isolate is.
pub(crate) struct Observer {
    pub(crate) encoder: Encoder,
    pub(crate) lifecycle: Arc<Lifecycle>,
    listener: Option<Listener>,
    console: ConsoleState,
    /// For each turn that runs, the outermost first: the promises that were rejected in it and have no
    /// handler, each with its cause. In the guest's own heap: however many they are, they count towards
    /// its limit.
    pub(crate) rejected: RefCell<Vec<Option<v8::Global<v8::Map>>>>,
    /// Errors that nobody caught so far.
    pub(crate) uncaught: Cell<u64>,
    /// How long turns took, all together.
    pub(crate) ran: Cell<Duration>,
}

impl Observer {
    pub(crate) fn new(encoder: Encoder, lifecycle: Arc<Lifecycle>, listener: Option<Listener>) -> Rc<Self> {
        Rc::new(Self {
            encoder,
            lifecycle,
            listener,
            console: ConsoleState::default(),
            rejected: RefCell::default(),
            uncaught: Cell::new(0),
            ran: Cell::default(),
        })
    }

    /// Whether the host wants console entries.
    pub(crate) fn wants_console(&self) -> bool {
        self.listener.as_ref().is_some_and(|listener| listener.console)
    }

    /// Whether the host wants to know of errors that nobody caught.
    pub(crate) fn wants_uncaught(&self) -> bool {
        self.listener.as_ref().is_some_and(|listener| listener.uncaught)
    }

    /// Calls of `console` methods that were recorded so far.
    pub(crate) fn console_entries(&self) -> u64 {
        self.console.entries()
    }

    pub(crate) fn count_uncaught(&self, errors: usize) {
        self.uncaught.set(self.uncaught.get() + errors as u64);
    }

    /// Tells the host; may wait for it.
    pub(crate) fn tell(&self, report: Report) {
        if let Some(listener) = &self.listener {
            listener.outbox.push(report, || self.lifecycle.is_stopping());
        }
    }
}

/// The observer of the current session; none while a snapshot is built.
pub(crate) fn current(isolate: &v8::Isolate) -> Option<Rc<Observer>> {
    isolate.get_slot::<Rc<Observer>>().map(Rc::clone)
}
