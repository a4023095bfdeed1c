//! The guest's `console`: calls become entries for the host.
//!
//! V8 brings a `console` whose methods say something to an inspector only. Ours take their places: native
//! functions, in the table of external references as host functions are, each with its number as data.
//! So one that a bundle captured while its snapshot was built writes to each session's own sink; and an
//! inspector still hears of every call, because V8's method is called as well. V8's methods are kept in an
//! object of the context that no guest reaches. They must not be the functions' data: V8 saves that apart
//! from the context, and would take the context along.
//!
//! While a snapshot is built there is nobody to hear, and nothing is kept.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use v8::MapFnTo;

use crate::engine::observe::json::Json;
use crate::engine::observe::outbox::Report;
use crate::engine::observe::preview::Preview;
use crate::engine::observe::{self, Observer};
use crate::engine::position::current_frames;
use crate::engine::state::own::refuses_calls;
use crate::engine::text::{LONGEST_NAME, beginning};
use crate::engine::value::Encoder;

/// Labels of counters, and of timers, that are kept: a guest that makes up new ones without end would
/// fill memory that no limit counts.
const MOST_LABELS: usize = 1000;
/// Groups within groups, as far as entries tell.
const DEEPEST_GROUP: u32 = 100;
/// The largest single value that V8 writes for an entry, in bytes.
const LARGEST_LEAF: usize = 64 * 1024;
/// Where V8's methods are kept, in its object for an embedder's own.
const ORIGINALS: &str = "isoseed:console";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Debug,
    Error,
    Info,
    Log,
    Warn,
    Dir,
    DirXml,
    Table,
    Trace,
    Group,
    GroupCollapsed,
    GroupEnd,
    Assert,
    Count,
    CountReset,
    Time,
    TimeEnd,
    TimeLog,
}

/// In the order of their numbers, which snapshots carry: a new one comes at the end.
const METHODS: [(&str, Method); 18] = [
    ("debug", Method::Debug),
    ("error", Method::Error),
    ("info", Method::Info),
    ("log", Method::Log),
    ("warn", Method::Warn),
    ("dir", Method::Dir),
    ("dirxml", Method::DirXml),
    ("table", Method::Table),
    ("trace", Method::Trace),
    ("group", Method::Group),
    ("groupCollapsed", Method::GroupCollapsed),
    ("groupEnd", Method::GroupEnd),
    ("assert", Method::Assert),
    ("count", Method::Count),
    ("countReset", Method::CountReset),
    ("time", Method::Time),
    ("timeEnd", Method::TimeEnd),
    ("timeLog", Method::TimeLog),
];

/// What a session's console remembers. Not in a snapshot: each session begins anew.
#[derive(Default)]
pub(super) struct ConsoleState {
    depth: Cell<u32>,
    counts: RefCell<HashMap<String, u64>>,
    timers: RefCell<HashMap<String, Instant>>,
    entries: Cell<u64>,
}

impl ConsoleState {
    pub(super) fn entries(&self) -> u64 {
        self.entries.get()
    }
}

/// One address for the callback, whatever the compiler makes of its generic wrapper.
pub(crate) fn callback() -> v8::FunctionCallback {
    static CALLBACK: OnceLock<v8::FunctionCallback> = OnceLock::new();
    *CALLBACK.get_or_init(|| on_call.map_fn_to())
}

/// Puts our methods in the places of V8's. Once for each context, before any code of the user's; a
/// context from a snapshot has them. `None`: V8 is out of memory.
pub(crate) fn install(scope: &mut v8::PinScope) -> Option<()> {
    let global = scope.get_current_context().global(scope);
    let key = v8::String::new(scope, "console")?;
    let console = v8::Local::<v8::Object>::try_from(global.get(scope, key.into())?).ok()?;
    let mut originals = Vec::with_capacity(METHODS.len());
    for (number, (name, _)) in (0..).zip(METHODS) {
        let name = v8::String::new(scope, name)?;
        originals.push(console.get(scope, name.into())?);
        let data = v8::Integer::new(scope, number).into();
        let method = v8::Function::builder_raw(callback())
            .data(data)
            .constructor_behavior(v8::ConstructorBehavior::Throw)
            .build(scope)?;
        method.set_name(name);
        console.set(scope, name.into(), method.into())?;
    }
    let originals = v8::Array::new_with_elements(scope, &originals);
    let key = v8::String::new(scope, ORIGINALS)?;
    let hidden = scope.get_current_context().get_extras_binding_object(scope);
    hidden.create_data_property(scope, key.into(), originals.into()).map(drop)
}

/// V8's own method in whose place one of ours is.
fn original<'s>(scope: &mut v8::PinScope<'s, '_>, number: u32) -> Option<v8::Local<'s, v8::Function>> {
    let hidden = scope.get_current_context().get_extras_binding_object(scope);
    let key = v8::String::new(scope, ORIGINALS)?;
    let originals = v8::Local::<v8::Array>::try_from(hidden.get(scope, key.into())?).ok()?;
    v8::Local::<v8::Function>::try_from(originals.get_index(scope, number)?).ok()
}

fn on_call<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    _: v8::ReturnValue<v8::Value>,
) {
    if refuses_calls(scope) {
        return;
    }
    let Some(number) = arguments.data().uint32_value(scope) else { return };
    if let Some(observer) = observe::current(scope).filter(|observer| observer.wants_console())
        && let Some((name, method)) = METHODS.get(number as usize)
    {
        v8::tc_scope!(let scope, scope);
        record(scope, &observer, name, *method, &arguments);
        if !scope.can_continue() {
            return;
        }
        scope.reset();
    }
    forward(scope, number, &arguments);
}

/// Calls V8's own method, for an inspector. It converts what `%s` and `%d` stand for even if there is none,
/// and that may throw: a console never does.
fn forward<'s>(scope: &mut v8::PinScope<'s, '_>, number: u32, arguments: &v8::FunctionCallbackArguments<'s>) {
    v8::tc_scope!(let scope, scope);
    let Some(original) = original(scope, number) else { return };
    let passed: Vec<v8::Local<v8::Value>> =
        (0..arguments.length()).map(|index| arguments.get(index)).collect();
    if original.call(scope, arguments.this().into(), &passed).is_none() && scope.can_continue() {
        scope.reset();
    }
}

/// An entry that is being put together.
struct Entry<'a> {
    observer: &'a Observer,
    json: Json,
}

impl<'a> Entry<'a> {
    fn new(observer: &'a Observer, name: &'static str) -> Self {
        let mut json = Json::default();
        json.raw("{\"method\":");
        json.string(name);
        json.raw(",\"depth\":");
        json.number(f64::from(observer.console.depth.get()));
        json.raw(",\"time\":");
        json.number(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64() * 1e3));
        Self { observer, json }
    }

    fn text(mut self, key: &str, text: &str) -> Self {
        self.key(key);
        self.json.string(text);
        self
    }

    fn number(mut self, key: &str, number: f64) -> Self {
        self.key(key);
        self.json.number(number);
        self
    }

    fn key(&mut self, key: &str) {
        self.json.raw(",");
        self.json.string(key);
        self.json.raw(":");
    }

    /// Adds the arguments from `first` on, and sends it.
    fn send_with<'s>(
        mut self,
        scope: &mut v8::PinScope<'s, '_>,
        arguments: &v8::FunctionCallbackArguments<'s>,
        first: i32,
    ) {
        self.key("args");
        self.json.raw("[");
        let encoder =
            Encoder { limit: LARGEST_LEAF.min(self.observer.encoder.limit), ..self.observer.encoder };
        let mut preview = Preview::new(self.json, encoder);
        for index in first..arguments.length() {
            if index > first {
                preview.json.raw(",");
            }
            if preview.is_full() {
                preview.text(&format!("... {} more arguments", arguments.length() - index));
                break;
            }
            preview.value(scope, arguments.get(index));
        }
        self.json = preview.json;
        self.json.raw("]");
        self.send();
    }

    fn send(mut self) {
        self.json.raw("}");
        self.observer.console.entries.set(self.observer.console.entries.get() + 1);
        self.observer.tell(Report::Console(self.json.0));
    }

    fn problem(self, problem: &str, label: &str) {
        self.text("problem", problem).text("label", label).send();
    }
}

fn record<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    observer: &Rc<Observer>,
    name: &'static str,
    method: Method,
    arguments: &v8::FunctionCallbackArguments<'s>,
) {
    let state = &observer.console;
    let entry = Entry::new(observer, name);
    match method {
        Method::Debug
        | Method::Error
        | Method::Info
        | Method::Log
        | Method::Warn
        | Method::Dir
        | Method::DirXml
        | Method::Table => entry.send_with(scope, arguments, 0),
        Method::Trace => {
            let frames = current_frames(scope);
            entry.text("stack", &frames).send_with(scope, arguments, 0);
        }
        Method::Group | Method::GroupCollapsed => {
            // Its title belongs to the outer group. Without one it only indents.
            if arguments.length() > 0 {
                entry.send_with(scope, arguments, 0);
            }
            state.depth.set((state.depth.get() + 1).min(DEEPEST_GROUP));
        }
        Method::GroupEnd => state.depth.set(state.depth.get().saturating_sub(1)),
        Method::Assert => {
            if !arguments.get(0).boolean_value(scope) {
                entry.send_with(scope, arguments, 1);
            }
        }
        Method::Count => {
            let label = label(scope, arguments);
            match count(state, &label) {
                Some(count) => {
                    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^53 one by one")]
                    let count = count as f64;
                    entry.number("count", count).text("label", &label).send();
                }
                None => entry.problem("labels", &label),
            }
        }
        Method::CountReset => {
            let label = label(scope, arguments);
            if state.counts.borrow_mut().remove(&label).is_none() {
                entry.problem("unknown", &label);
            }
        }
        Method::Time => {
            let label = label(scope, arguments);
            let mut timers = state.timers.borrow_mut();
            if timers.contains_key(&label) {
                drop(timers);
                entry.problem("exists", &label);
            } else if timers.len() >= MOST_LABELS {
                drop(timers);
                entry.problem("labels", &label);
            } else {
                timers.insert(label, Instant::now());
            }
        }
        Method::TimeEnd | Method::TimeLog => {
            let label = label(scope, arguments);
            let started = state.timers.borrow().get(&label).copied();
            let Some(started) = started else { return entry.problem("unknown", &label) };
            let entry = entry.number("ms", started.elapsed().as_secs_f64() * 1e3).text("label", &label);
            if method == Method::TimeEnd {
                state.timers.borrow_mut().remove(&label);
                entry.send();
            } else {
                entry.send_with(scope, arguments, 1);
            }
        }
    }
}

/// The next count; none when no more labels are kept.
fn count(state: &ConsoleState, label: &str) -> Option<u64> {
    let mut counts = state.counts.borrow_mut();
    if let Some(count) = counts.get_mut(label) {
        *count += 1;
        return Some(*count);
    }
    if counts.len() >= MOST_LABELS {
        return None;
    }
    counts.insert(label.to_owned(), 1);
    Some(1)
}

/// The label of a counter or timer, as V8 tells a value without asking it.
fn label(scope: &mut v8::PinScope, arguments: &v8::FunctionCallbackArguments) -> String {
    let label = arguments.get(0);
    if label.is_undefined() {
        return "default".to_owned();
    }
    if let Ok(label) = v8::Local::<v8::String>::try_from(label) {
        return beginning(scope, label, LONGEST_NAME);
    }
    let text = label.to_detail_string(scope);
    text.map_or_else(|| "?".to_owned(), |text| beginning(scope, text, LONGEST_NAME))
}
