//! What the host gives a session to import: sources by name, or a loader that is asked for each.
//!
//! The loader is asked by a host call under a path that no binding can have, and answers as JSON: so
//! nothing of the guest has a hand in it, and another process can hand it on. Each name is asked for
//! once however many wait for it; when the request that asked is over, the next one asks again.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::engine::exception::throw;
use crate::engine::host_call::GuestState;
use crate::engine::lifecycle::{CallId, Lifecycle};
use crate::engine::modules::failure::{Failure, shown};
use crate::engine::modules::{Modules, compile, name};
use crate::engine::source::{Source, SourceKind};
use crate::engine::value;

/// The path of the host calls that ask for modules: `[specifier, referrer]` as JSON, answered by
/// `null` or `{ code, name, kind }` as JSON. The names in a binding's path are never empty. The same in
/// `lib/modules.ts`.
pub const LOADER_PATH: &str = ".modules";

/// The host is asked for so many modules at once; the others wait their turn.
const MOST_ASKED: usize = 256;

/// One module that the host gives.
#[derive(Debug, Clone)]
pub struct SessionModule {
    /// What it is imported by.
    pub specifier: String,
    /// Its source, of any kind but a script.
    pub source: Source,
}

/// What a session can import beside the modules that it starts with.
#[derive(Debug, Clone, Default)]
pub struct SessionModules {
    /// The modules that are there.
    pub given: Vec<SessionModule>,
    /// Whether the host is asked for others.
    pub asks_host: bool,
}

/// The host's answer, if there is such a module.
#[derive(Deserialize)]
struct Answer {
    code: String,
    name: String,
    kind: String,
}

/// A module that the host was asked for, or will be.
struct Asked {
    referrer: Rc<str>,
    /// The host call, once it was made.
    call: Option<u64>,
    /// The request that it was made for.
    owner: Option<CallId>,
    /// When it was made.
    at: Instant,
    /// The loads that wait for it.
    waiting: Vec<u64>,
}

pub(super) struct Loader {
    lifecycle: Arc<Lifecycle>,
    /// How long to wait for what no request asked for.
    patience: Option<Duration>,
    calls: HashMap<u64, Rc<str>>,
    asked: HashMap<Rc<str>, Asked>,
    queue: VecDeque<Rc<str>>,
}

impl Loader {
    /// Whether nobody is left who would end a wait that has become too long.
    fn is_stale(&self, asked: &Asked) -> bool {
        match asked.owner {
            Some(owner) => !self.lifecycle.is_pending(owner),
            None => self.patience.is_some_and(|patience| asked.at.elapsed() > patience),
        }
    }

    /// Makes the host calls that there is room for.
    fn call_host(&mut self, guest: &GuestState) {
        while let Some(key) = self.queue.front() {
            if self.calls.len() >= MOST_ASKED {
                let is_alive = |key: &Rc<str>| self.asked.get(key).is_some_and(|asked| !self.is_stale(asked));
                if self.calls.values().filter(|key| is_alive(key)).count() >= MOST_ASKED {
                    return;
                }
            }
            if let Some(asked) = self.asked.get_mut(key) {
                // Who waits now is the guest alone, if its request ended before the host was asked.
                asked.owner = asked.owner.filter(|owner| self.lifecycle.is_pending(*owner));
                asked.at = Instant::now();
                // Two strings: they have a JSON form.
                let question = serde_json::to_vec(&[&**key, &*asked.referrer]).unwrap_or_default();
                let call = guest.ask_host(LOADER_PATH, question);
                asked.call = Some(call);
                self.calls.insert(call, Rc::clone(key));
            }
            self.queue.pop_front();
        }
    }
}

impl Modules {
    /// From now on the guest can import what the host gives.
    pub(crate) fn open(
        &self,
        modules: SessionModules,
        lifecycle: &Arc<Lifecycle>,
        patience: Option<Duration>,
    ) {
        let mut sources = self.sources.borrow_mut();
        let table = self.table.borrow();
        for SessionModule { specifier, source } in modules.given {
            let key: Rc<str> = name::key(&specifier).into();
            // What the session started with comes first.
            if !table.contains_key(&key) {
                sources.entry(key).or_insert(source);
            }
        }
        if modules.asks_host {
            *self.host.borrow_mut() = Some(Loader {
                lifecycle: Arc::clone(lifecycle),
                patience,
                calls: HashMap::new(),
                asked: HashMap::new(),
                queue: VecDeque::new(),
            });
        }
    }

    pub(super) fn asks_host(&self) -> bool {
        self.host.borrow().is_some()
    }

    pub(super) fn kind_of_source(&self, key: &str) -> Option<SourceKind> {
        self.sources.borrow().get(key).map(|source| source.kind)
    }

    /// Has a load wait for the host's answer. `false`: there is nobody to ask for such a name.
    pub(super) fn ask(
        &self,
        scope: &mut v8::PinScope,
        load: u64,
        owner: Option<CallId>,
        key: &Rc<str>,
        referrer: &Rc<str>,
    ) -> bool {
        let mut host = self.host.borrow_mut();
        let Some(host) = &mut *host else { return false };
        let Some(guest) = scope.get_slot::<Rc<GuestState>>().map(Rc::clone) else { return false };
        if key.is_empty() || key.contains(is_unprintable) {
            return false;
        }
        let mut waiting = vec![load];
        if let Some(mut asked) = host.asked.remove(key) {
            asked.waiting.push(load);
            if asked.call.is_none() || !host.is_stale(&asked) {
                host.asked.insert(Rc::clone(key), asked);
                return true;
            }
            waiting = asked.waiting;
        }
        let asked = Asked { referrer: Rc::clone(referrer), call: None, owner, at: Instant::now(), waiting };
        host.asked.insert(Rc::clone(key), asked);
        host.queue.push_back(Rc::clone(key));
        host.call_host(&guest);
        true
    }

    /// Whether a host call asks for a module.
    pub(crate) fn awaits(&self, call: u64) -> bool {
        self.host.borrow().as_ref().is_some_and(|host| host.calls.contains_key(&call))
    }

    /// The request for which a host call asks for a module.
    pub(crate) fn owner_of(&self, call: u64) -> Option<CallId> {
        let host = self.host.borrow();
        let host = host.as_ref()?;
        let asked = host.asked.get(host.calls.get(&call)?)?;
        asked.owner.filter(|_| asked.call == Some(call))
    }

    /// Takes the host's answer. The loads that wait for it go on in turns of their own.
    pub(crate) fn answer(
        &self,
        scope: &mut v8::PinScope,
        guest: &GuestState,
        call: u64,
        outcome: &Result<Vec<u8>, Vec<u8>>,
    ) {
        let Some((key, is_current)) = self.take_call(guest, call) else { return };
        let failure = match self.find(&key) {
            // An earlier call was answered at last.
            Some(_) => None,
            // Nothing is wrong with it when the guest was stopped: those who wait ask again.
            None => self.take_answer(scope, guest, &key, outcome).err().flatten(),
        };
        if failure.is_some() && !is_current {
            return;
        }
        let asked = self.host.borrow_mut().as_mut().and_then(|host| host.asked.remove(&key));
        if let Some(asked) = asked {
            self.loads.answer(asked.waiting, &key, failure.as_ref());
        }
    }

    /// The name that a host call asked for, and whether it is still the one that is waited for.
    fn take_call(&self, guest: &GuestState, call: u64) -> Option<(Rc<str>, bool)> {
        let mut host = self.host.borrow_mut();
        let host = host.as_mut()?;
        let key = host.calls.remove(&call)?;
        let is_current = host.asked.get(&key).is_some_and(|asked| asked.call == Some(call));
        host.call_host(guest);
        Some((key, is_current))
    }

    /// # Errors
    /// Why there is no module; nothing when the guest was stopped.
    fn take_answer(
        &self,
        scope: &mut v8::PinScope,
        guest: &GuestState,
        key: &Rc<str>,
        outcome: &Result<Vec<u8>, Vec<u8>>,
    ) -> Result<(), Option<Failure>> {
        v8::tc_scope!(let scope, scope);
        let (Ok(bytes) | Err(bytes)) = outcome;
        let compiled = if bytes.len() > guest.encoder.limit {
            let message = format!("module {} is larger than {} bytes", shown(key), guest.encoder.limit);
            throw(scope, v8::Exception::range_error, &message);
            None
        } else if outcome.is_err() {
            if let Some(thrown) = value::decode(scope, bytes) {
                return Err(Some(Failure::Loader(Rc::clone(key), v8::Global::new(scope, thrown))));
            }
            None
        } else {
            match serde_json::from_slice::<Option<Answer>>(bytes) {
                Ok(None) => return Err(Some(Failure::Missing(Rc::clone(key)))),
                Ok(Some(answer)) => compile(scope, key, &mut answer.into()),
                Err(error) => {
                    let message = format!("the answer for module {} can't be read: {error}", shown(key));
                    throw(scope, v8::Exception::error, &message);
                    None
                }
            }
        };
        if let Some(record) = compiled {
            self.add(scope, &record);
            return Ok(());
        }
        let reason = scope.exception().filter(|_| scope.can_continue());
        Err(reason.map(|reason| Failure::Thrown(v8::Global::new(scope, reason))))
    }
}

impl From<Answer> for Source {
    fn from(answer: Answer) -> Self {
        let Answer { code, name, kind } = answer;
        Self { code, name, kind: SourceKind::of_module(&kind), global: None }
    }
}

/// Such a name would not be one line in a stack.
fn is_unprintable(letter: char) -> bool {
    letter.is_control() || letter == '\u{2028}' || letter == '\u{2029}'
}
