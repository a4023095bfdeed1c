//! One module that is known by its name.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::engine::source::Source;

/// A module. Once it is in the table it stays there under its key.
pub(super) struct Record {
    /// What it is found by: the resolved specifier.
    pub(super) key: Rc<str>,
    /// The file name in stacks; what it imports is relative to this.
    pub(super) name: Rc<str>,
    pub(super) body: Body,
    /// How many modules a way through its imports can have, itself included; none while V8 has not
    /// linked it.
    pub(super) way: Cell<u32>,
}

pub(super) enum Body {
    Es(v8::Global<v8::Module>),
    Json { value: v8::Global<v8::Value>, wrapper: Wrapper },
    CommonJs { run: RefCell<Run>, wrapper: Wrapper },
}

/// The ES module through which others import what is none; made when it is first needed.
pub(super) type Wrapper = RefCell<Option<v8::Global<v8::Module>>>;

/// How far a CommonJS module came.
pub(super) enum Run {
    New(Rc<Source>),
    /// Its `module`, which `require` finds already.
    Running(v8::Global<v8::Object>),
    Done(v8::Global<v8::Object>),
    /// What it threw, and throws at everyone who asks.
    Failed(v8::Global<v8::Value>),
    /// A deadline or a limit ended it.
    Stopped,
}

impl Record {
    pub(super) fn new(key: Rc<str>, name: &str, body: Body) -> Rc<Self> {
        Rc::new(Self { key, name: name.into(), body, way: Cell::new(0) })
    }

    /// What V8 links: none while a wrapper is still to be made.
    pub(super) fn module(&self) -> Option<v8::Global<v8::Module>> {
        match &self.body {
            Body::Es(module) => Some(module.clone()),
            Body::Json { wrapper, .. } | Body::CommonJs { wrapper, .. } => wrapper.borrow().clone(),
        }
    }

    /// The `module` of a CommonJS module that was evaluated.
    pub(super) fn exported(&self) -> Option<v8::Global<v8::Object>> {
        let Body::CommonJs { run, .. } = &self.body else { return None };
        match &*run.borrow() {
            Run::Done(object) => Some(object.clone()),
            _ => None,
        }
    }

    /// Whether it is an ES module that V8 has not linked yet.
    pub(super) fn is_unlinked(&self, scope: &mut v8::PinScope) -> bool {
        let Body::Es(module) = &self.body else { return false };
        v8::Local::new(scope, module).get_status() == v8::ModuleStatus::Uninstantiated
    }

    pub(super) fn is_json(&self) -> bool {
        matches!(self.body, Body::Json { .. })
    }
}
