//! Bringing a graph of modules together.
//!
//! V8 asks for a module's imports while it links, and wants them at once. So the graph is complete
//! before: each import is looked up, made of a source that is there, or asked of the host. Each
//! `import()`, `isolate.import` and `eval` of an ES module is a load of its own; a module that several
//! wait for is asked for once. A load goes on in turns of the request that it is made for.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use crate::engine::exception::throw;
use crate::engine::lifecycle::CallId;
use crate::engine::modules::attributes::{STATIC_ENTRY, Wants, read};
use crate::engine::modules::failure::{Class, Failure, Site, shown, throw_failure};
use crate::engine::modules::record::{Body, Record};
use crate::engine::modules::{Modules, name, outcome};
use crate::engine::uncaught;

/// More imports than this may not wait at once, nor with longer specifiers together than their share of
/// the memory limit: a guest that imports in a loop without awaiting would fill the host's memory.
const MOST_LOADS: usize = 1 << 16;

/// A longer specifier is not looked for.
pub(super) const LONGEST_SPECIFIER: usize = 1 << 16;

/// More imports than this one module may not have.
const MOST_IMPORTS: usize = 1 << 16;

/// Who is told what becomes of a load.
pub(super) enum Goal {
    /// The guest's `import()`: gets the namespace.
    Promise(v8::Global<v8::PromiseResolver>),
    /// The host's `import`: gets the exports.
    Exports(CallId),
    /// The host's `eval`: gets the default export. The namespace becomes a global.
    Default { call: CallId, global: Option<String> },
    /// A source whose turn has come, where there is no host. It looks at the promise itself.
    Nobody,
}

pub(super) enum Root {
    Named {
        key: Rc<str>,
        wants: Wants,
    },
    /// What `eval` was given: no name leads to it.
    Own(Rc<Record>),
}

pub(super) struct Load {
    pub(super) goal: Goal,
    /// The request that it is made for; none for what the guest does on its own account.
    pub(super) owner: Option<CallId>,
    pub(super) root: Root,
    /// Who asked for the root.
    pub(super) site: Site,
    seen: HashSet<Rc<str>>,
    /// Names to be looked at, each with the name of who asked for it.
    fresh: VecDeque<(Rc<str>, Rc<str>)>,
    /// Names that the host was asked for, and has not answered.
    missing: usize,
    failure: Option<Failure>,
    is_queued: bool,
    /// What began it, for what its modules do not catch.
    cause: Option<v8::Global<v8::Value>>,
}

/// How far a load came.
pub(super) enum Progress<'s> {
    /// The host is asked.
    Waits,
    /// Something runs that must end first.
    Later,
    /// The promise settles when the module and all it imports are evaluated.
    Evaluated(v8::Local<'s, v8::Module>, v8::Local<'s, v8::Promise>),
}

impl Load {
    pub(super) fn new(goal: Goal, owner: Option<CallId>, wants: Wants, site: Site) -> Self {
        let key: Rc<str> = name::resolve(&site.specifier, &site.referrer).into();
        let referrer = Rc::from(site.referrer.as_str());
        let mut load = Self::empty(goal, owner, Root::Named { key: Rc::clone(&key), wants }, site);
        load.expect(key, referrer);
        load
    }

    pub(super) fn for_host(call: CallId, specifier: &str) -> Self {
        let site = Site { specifier: specifier.to_owned(), is_host: true, ..Site::default() };
        Self::new(Goal::Exports(call), Some(call), Wants::Any, site)
    }

    pub(super) fn of_record(goal: Goal, owner: Option<CallId>, record: Rc<Record>) -> Self {
        Self::empty(goal, owner, Root::Own(record), Site::default())
    }

    fn empty(goal: Goal, owner: Option<CallId>, root: Root, site: Site) -> Self {
        Self {
            goal,
            owner,
            root,
            site,
            seen: HashSet::new(),
            fresh: VecDeque::new(),
            missing: 0,
            failure: None,
            is_queued: false,
            cause: None,
        }
    }

    fn expect(&mut self, key: Rc<str>, referrer: Rc<str>) {
        if self.seen.insert(Rc::clone(&key)) {
            self.fresh.push_back((key, referrer));
        }
    }

    /// Adds what a module imports to the names. `None`: an exception is pending.
    fn expect_imports(&mut self, scope: &mut v8::PinScope, record: &Record) -> Option<()> {
        for import in imports(scope, record)? {
            self.expect(import.key, Rc::clone(&record.name));
        }
        Some(())
    }

    /// The record that no name leads to.
    pub(super) fn own_record(&self) -> Option<Rc<Record>> {
        match &self.root {
            Root::Own(record) => Some(Rc::clone(record)),
            Root::Named { .. } => None,
        }
    }

    /// The names of this graph.
    pub(super) fn names(&self) -> impl Iterator<Item = &Rc<str>> {
        self.seen.iter()
    }
}

/// The loads of one context.
#[derive(Default)]
pub(super) struct Loads {
    all: RefCell<HashMap<u64, Load>>,
    last: Cell<u64>,
    /// Of all specifiers that wait.
    bytes: Cell<usize>,
    /// Begun by the running turn; a microtask for each goes on with it.
    started: RefCell<VecDeque<u64>>,
    /// To go on in turns of their own.
    ready: RefCell<VecDeque<u64>>,
}

impl Loads {
    /// Whether one more may wait.
    pub(super) fn has_room_for(&self, specifier: usize, most_bytes: usize) -> bool {
        self.all.borrow().len() < MOST_LOADS && self.bytes.get().saturating_add(specifier) <= most_bytes
    }

    pub(super) fn add(&self, load: Load) -> u64 {
        let id = self.last.get() + 1;
        self.last.set(id);
        self.put(id, load);
        id
    }

    fn put(&self, id: u64, load: Load) {
        self.bytes.set(self.bytes.get() + load.site.specifier.len());
        self.all.borrow_mut().insert(id, load);
    }

    fn take(&self, id: u64) -> Option<Load> {
        let load = self.all.borrow_mut().remove(&id)?;
        self.bytes.set(self.bytes.get() - load.site.specifier.len());
        Some(load)
    }

    pub(super) fn start(&self, id: u64) {
        self.started.borrow_mut().push_back(id);
    }

    /// The next load that the running turn began.
    pub(super) fn next_started(&self) -> Option<u64> {
        self.started.borrow_mut().pop_front()
    }

    fn queue(&self, id: u64) {
        if let Some(load) = self.all.borrow_mut().get_mut(&id)
            && !load.is_queued
        {
            load.is_queued = true;
            self.ready.borrow_mut().push_back(id);
        }
    }

    /// Tells those who wait for `key` that it can be looked at, or why not.
    pub(super) fn answer(&self, waiting: Vec<u64>, key: &Rc<str>, failure: Option<&Failure>) {
        for id in waiting {
            if let Some(load) = self.all.borrow_mut().get_mut(&id) {
                load.missing -= 1;
                match failure {
                    Some(failure) if load.failure.is_none() => load.failure = Some(failure.clone()),
                    Some(_) => {}
                    // It is there now, whoever asked.
                    None => load.fresh.push_back((Rc::clone(key), Rc::clone(key))),
                }
            }
            self.queue(id);
        }
    }
}

impl Modules {
    /// How many loads are to go on in turns of their own. What a turn that was stopped began is among
    /// them: V8 dropped its microtasks.
    pub(crate) fn ready(&self) -> usize {
        while let Some(id) = self.loads.next_started() {
            self.loads.queue(id);
        }
        self.loads.ready.borrow().len()
    }

    /// The next load that is to go on, and the request that it is made for.
    pub(crate) fn next_ready(&self) -> Option<(u64, Option<CallId>)> {
        loop {
            let id = self.loads.ready.borrow_mut().pop_front()?;
            if let Some(load) = self.loads.all.borrow_mut().get_mut(&id) {
                load.is_queued = false;
                return Some((id, load.owner));
            }
        }
    }

    /// The request of a load is over. Whether the guest waits for it all the same.
    pub(crate) fn outlives_request(&self, id: u64) -> bool {
        let Some(mut load) = self.loads.take(id) else { return false };
        load.owner = None;
        if let Goal::Promise(_) = load.goal {
            self.loads.put(id, load);
            return true;
        }
        if let Some(record) = load.own_record() {
            self.forget(&record);
        }
        false
    }

    /// What began a load; none before it goes on for the first time.
    pub(crate) fn cause_of(&self, id: u64) -> Option<v8::Global<v8::Value>> {
        self.loads.all.borrow().get(&id)?.cause.clone()
    }

    /// Goes on with a load, and tells who waits for it when there is something to tell.
    pub(crate) fn proceed(&self, scope: &mut v8::PinScope, id: u64) {
        let Some(mut load) = self.loads.take(id) else { return };
        v8::tc_scope!(let scope, scope);
        load.cause.get_or_insert_with(|| uncaught::current_cause(scope));
        match self.advance(scope, id, &mut load) {
            Some(Progress::Waits) => return self.loads.put(id, load),
            Some(Progress::Later) => {
                self.loads.put(id, load);
                return self.loads.queue(id);
            }
            Some(Progress::Evaluated(module, promise)) => {
                outcome::follow(scope, &load.goal, module, promise);
            }
            None => {
                // Without it the guest was stopped, and nobody waits any more.
                if let Some(exception) = scope.exception().filter(|_| scope.can_continue()) {
                    scope.reset();
                    outcome::reject(scope, &load.goal, exception);
                }
            }
        }
        if let Some(record) = load.own_record() {
            self.forget(&record);
        }
    }

    /// Looks at what is new in the graph. `None`: an exception is pending.
    pub(super) fn advance<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        id: u64,
        load: &mut Load,
    ) -> Option<Progress<'s>> {
        if let Some(failure) = load.failure.take() {
            throw_failure(scope, self, load, &failure);
            return None;
        }
        if load.seen.is_empty()
            && let Some(record) = load.own_record()
        {
            load.expect_imports(scope, &record)?;
        }
        while let Some((key, referrer)) = load.fresh.pop_front() {
            if let Some(record) = self.find_or_compile(scope, &key)? {
                load.expect_imports(scope, &record)?;
            } else if self.ask(scope, id, load.owner, &key, &referrer) {
                load.missing += 1;
            } else {
                throw_failure(scope, self, load, &Failure::Missing(key));
                return None;
            }
        }
        if load.missing > 0 { Some(Progress::Waits) } else { self.finish(scope, load) }
    }
}

/// One import of a module.
pub(super) struct Import {
    pub(super) key: Rc<str>,
    pub(super) wants: Wants,
}

/// What a module imports that V8 has not linked yet; one that is linked has a complete graph. `None`:
/// an exception is pending.
pub(super) fn imports(scope: &mut v8::PinScope, record: &Record) -> Option<Vec<Import>> {
    let Body::Es(module) = &record.body else { return Some(Vec::new()) };
    let module = v8::Local::new(scope, module);
    if module.get_status() != v8::ModuleStatus::Uninstantiated {
        return Some(Vec::new());
    }
    // No guest code runs in a walk through a graph, so nothing else would end it.
    if scope.is_execution_terminating() {
        return None;
    }
    let requests = module.get_module_requests();
    if requests.length() > MOST_IMPORTS {
        let message = format!("module {} has more than {MOST_IMPORTS} imports", shown(&record.name));
        throw(scope, v8::Exception::range_error, &message);
        return None;
    }
    let mut imports = Vec::with_capacity(requests.length());
    for index in 0..requests.length() {
        v8::scope!(let scope, scope);
        let request = request(scope, requests, index)?;
        let wants = match read(scope, request.get_import_attributes(), STATIC_ENTRY) {
            Ok(wants) => wants,
            Err(message) => {
                let site = Site::of_request(scope, record, module, request);
                site.throw(scope, Class::Type, &message);
                return None;
            }
        };
        let key = match specifier_text(scope, request.get_specifier()) {
            Some(specifier) => name::resolve(&specifier, &record.name).into(),
            None => Rc::from(""),
        };
        imports.push(Import { key, wants });
    }
    Some(imports)
}

pub(super) fn request<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    requests: v8::Local<v8::FixedArray>,
    index: usize,
) -> Option<v8::Local<'s, v8::ModuleRequest>> {
    v8::Local::<v8::ModuleRequest>::try_from(requests.get(scope, index)?).ok()
}

/// A specifier that can be a name: not too long, and the same in Rust as in the guest.
pub(super) fn specifier_text(scope: &v8::Isolate, specifier: v8::Local<v8::String>) -> Option<String> {
    if specifier.length() > LONGEST_SPECIFIER {
        return None;
    }
    let mut units = vec![0; specifier.length()];
    specifier.write_v2(scope, 0, &mut units, v8::WriteFlags::empty());
    String::from_utf16(&units).ok()
}
