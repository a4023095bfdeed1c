//! A session's state as its host asks for it: out and in.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;

use crate::engine::error::EngineError;
use crate::engine::modules;
use crate::engine::snapshot::ContextData;
use crate::engine::snapshot::build::script_scopes;
use crate::engine::snapshot::request::hex;
use crate::engine::state::code_table::{Beginnings, table};
use crate::engine::state::error::Unkept;
use crate::engine::state::format::{DIGEST_BYTES, MAGIC, VERSION, push_varint, seal_and_hash};
use crate::engine::state::ground::Ground;
use crate::engine::state::hidden::{HIDDEN, HIDDEN_STATE, hidden};
use crate::engine::state::limits::StateLimits;
use crate::engine::state::own;
use crate::engine::state::read::{Reader, Value};
use crate::engine::state::read_properties::attributes_of;
use crate::engine::state::scan::{Root, scan};
use crate::engine::state::variables::{self, Baseline, Variable};
use crate::engine::state::write::Writer;
use crate::engine::state::write_objects::bits;
use crate::engine::worker::Halt;

/// Why a global is named that is not there.
const DELETED: &str = "it was deleted, and is there again in a session that goes on from this state";

/// What is to be exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRequest {
    /// The name of the global that is the state. It must be one that can be kept; a missing one is no
    /// variable.
    pub state: String,
    /// Whether the other globals that the guest has made or replaced are kept, too: those that can be.
    pub keep_globals: bool,
    /// How large the state may be.
    pub limits: StateLimits,
}

/// An exported state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The document.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// Its SHA-256, in hexadecimal, seal and all: equal states have equal ones.
    pub hash: String,
    /// How many objects it has.
    pub objects: usize,
    /// The names of the variables in it, in order.
    pub variables: Vec<String>,
    /// The guest's globals that are not in it. Empty without `keep_globals`.
    pub unkept: Vec<Unkept>,
}

/// What an isolate keeps for states.
#[derive(Default)]
pub(crate) struct StateSlot {
    /// Which of the context's data is the table of code.
    data: Option<usize>,
    table: RefCell<Option<v8::Global<v8::Array>>>,
    ground: RefCell<Option<Rc<Ground>>>,
    baseline: RefCell<Option<Rc<Baseline>>>,
}

impl StateSlot {
    /// Of a context with that data.
    pub(crate) fn of(data: Option<&ContextData>) -> Rc<Self> {
        Rc::new(Self { data: data.and_then(ContextData::code_at), ..Self::default() })
    }
}

/// Makes a session ready to be exported and imported, before any code of it runs.
pub(crate) fn prepare(scope: &mut v8::PinScope, has_sources: bool) -> Result<(), Halt> {
    let slot = slot(scope)?;
    let kept = slot.data.and_then(|at| scope.get_context_data_from_snapshot_once::<v8::Array>(at).ok());
    let list = match kept {
        Some(list) => list,
        None => own_table(scope, has_sources).ok_or(Halt::Threw)?,
    };
    slot.table.replace(Some(v8::Global::new(scope, list)));
    slot.baseline.replace(Some(Rc::new(Baseline::take(scope).ok_or(Halt::Threw)?)));
    Ok(())
}

/// The table of a context that was not restored with one. Without sources, no script has had names.
fn own_table<'s>(scope: &mut v8::PinScope<'s, '_>, has_sources: bool) -> Option<v8::Local<'s, v8::Array>> {
    let modules = module_values(scope);
    let lexical = if has_sources { script_scopes::look(scope, &[])?.names } else { Vec::new() };
    table(scope, &Beginnings { lexical, modules })
}

fn module_values<'s>(scope: &mut v8::PinScope<'s, '_>) -> Vec<(String, Value<'s>)> {
    modules::current(scope).map_or_else(Vec::new, |modules| modules.values(scope))
}

fn slot(scope: &v8::Isolate) -> Result<Rc<StateSlot>, Halt> {
    scope.get_slot::<Rc<StateSlot>>().map(Rc::clone).ok_or_else(not_prepared)
}

fn not_prepared() -> Halt {
    let message = "the isolate was not made to keep its state".to_owned();
    Halt::Failed(EngineError::InvalidArg { message })
}

fn ground(scope: &mut v8::PinScope, slot: &StateSlot) -> Result<Rc<Ground>, Halt> {
    if let Some(ground) = &*slot.ground.borrow() {
        return Ok(Rc::clone(ground));
    }
    let table = slot.table.borrow().clone().ok_or_else(not_prepared)?;
    let ground = Rc::new(Ground::new(scope, &table).ok_or(Halt::Threw)?);
    slot.ground.replace(Some(Rc::clone(&ground)));
    Ok(ground)
}

/// Writes the state down.
pub(crate) fn export(scope: &mut v8::PinScope, request: &StateRequest) -> Result<Exported, Halt> {
    let slot = slot(scope)?;
    let ground = ground(scope, &slot)?;
    let mut all: Vec<Variable> = state_variable(scope, request)?.into_iter().collect();
    let (globals, deleted) = other_globals(scope, &slot, request)?;
    let names = globals.iter().map(|variable| variable.name).collect();
    all.extend(globals);
    request.limits.check_variables(all.len()).map_err(Halt::Failed)?;
    let hidden = hidden_globals(scope, &request.state, names)?;
    let mut writer = Writer::new(Rc::clone(&ground), request.limits);
    let mut refused = keep_functions(scope, &ground, &all, &mut writer)?;
    refused.extend(hidden.into_iter().map(|name| (name, HIDDEN.to_owned())));
    let (mut kept, mut unkept) = (Vec::new(), Vec::new());
    for variable in all {
        let name = variable.shown.clone();
        let text = v8::Local::<v8::String>::try_from(variable.name);
        let refusal = match (text, variable.value, refused.remove(&name)) {
            (Err(_), ..) => Some((String::new(), "a global with a symbol for a name".to_owned())),
            (_, _, Some(why)) => Some((String::new(), why)),
            (_, None, None) => Some((String::new(), "a getter or a setter".to_owned())),
            (Ok(text), Some(value), None) => {
                writer.variable(scope, text, bits(variable.attributes), value).map_err(Halt::from)?
            }
        };
        match refusal {
            None => kept.push(name),
            Some((path, why)) if name == request.state => {
                return Err(Halt::Failed(EngineError::StateValue { path: name + &path, why }));
            }
            Some((path, why)) => unkept.push(Unkept { path: format!("{name}{path}"), name, why }),
        }
    }
    if request.keep_globals {
        let beginning = ground.beginning(scope).ok_or(Halt::Threw)?;
        let changed = beginning.changes(scope, &ground, writer.code_referred(), &request.state);
        unkept.extend(changed.ok_or(Halt::Threw)?);
    }
    unkept.extend(deleted.into_iter().map(|name| Unkept {
        path: name.clone(),
        name,
        why: DELETED.to_owned(),
    }));
    let mut head = Vec::new();
    push_varint(&mut head, kept.len() as u64);
    request.limits.check_bytes(head.len() + writer.out.len()).map_err(Halt::Failed)?;
    let length = MAGIC.len() + 1 + head.len() + writer.out.len() + DIGEST_BYTES;
    request.limits.check_payload(length).map_err(Halt::Failed)?;
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(MAGIC);
    push_varint(&mut bytes, VERSION);
    bytes.append(&mut head);
    let objects = writer.objects();
    bytes.append(&mut writer.out);
    let (seal, hash) = seal_and_hash(&bytes);
    bytes.extend_from_slice(&seal);
    let hash = hex(&hash);
    Ok(Exported { bytes, hash, objects, variables: kept, unkept })
}

/// The names of the globals, of which the state is one, that scripts can't see. The state's is refused, even if
/// there is no such global: what scripts take for the state is not kept.
fn hidden_globals<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &str,
    mut names: Vec<v8::Local<'s, v8::Name>>,
) -> Result<Vec<String>, Halt> {
    names.push(v8::String::new(scope, state).ok_or(Halt::Threw)?.into());
    let hidden = hidden(scope, &names).ok_or(Halt::Threw)?;
    if hidden.iter().any(|name| name == state) {
        return Err(Halt::Failed(EngineError::StateValue {
            path: state.to_owned(),
            why: HIDDEN_STATE.to_owned(),
        }));
    }
    Ok(hidden)
}

/// The globals beside the state that the guest has made or replaced, and the names of those that it has deleted.
fn other_globals<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    slot: &StateSlot,
    request: &StateRequest,
) -> Result<(Vec<Variable<'s>>, Vec<String>), Halt> {
    if !request.keep_globals {
        return Ok((Vec::new(), Vec::new()));
    }
    let baseline = slot.baseline.borrow().clone().ok_or_else(not_prepared)?;
    let (mut made, mut deleted) = baseline.changes(scope).ok_or(Halt::Threw)?;
    made.retain(|variable| variable.shown != request.state);
    deleted.retain(|name| *name != request.state);
    Ok((made, deleted))
}

fn state_variable<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    request: &StateRequest,
) -> Result<Option<Variable<'s>>, Halt> {
    let global = scope.get_current_context().global(scope);
    let name = v8::String::new(scope, &request.state).ok_or(Halt::Threw)?;
    if !global.has_own_property(scope, name.into()).ok_or(Halt::Threw)? {
        return Ok(None);
    }
    let attributes = global.get_property_attributes(scope, name.into()).ok_or(Halt::Threw)?;
    let value = own::data_at(scope, global, name.into());
    Ok(Some(Variable { name: name.into(), shown: request.state.clone(), attributes, value }))
}

/// Finds the functions that are kept by their text. Why the others can't be, by the name of their variable.
fn keep_functions(
    scope: &mut v8::PinScope,
    ground: &Ground,
    all: &[Variable],
    writer: &mut Writer,
) -> Result<std::collections::HashMap<String, String>, Halt> {
    let (mut names, mut functions) = (Vec::new(), Vec::new());
    for variable in all {
        let Some(value) = variable.value.filter(|value| !value.is_proxy()) else { continue };
        let Ok(function) = v8::Local::<v8::Function>::try_from(value) else { continue };
        if ground.code.find(scope, value).is_none() {
            names.push(variable.shown.clone());
            functions.push(function);
        }
    }
    let verdicts = variables::stand_alone(scope, ground, &functions).ok_or(Halt::Threw)?;
    let mut refused = std::collections::HashMap::new();
    for ((name, function), verdict) in names.into_iter().zip(functions).zip(verdicts) {
        match verdict {
            Ok(()) => writer.functions.push(v8::Global::new(scope, function)),
            Err(why) => drop(refused.insert(name, why)),
        }
    }
    Ok(refused)
}

/// Replaces the variables by those of a document: all of them, or none.
pub(crate) fn import(scope: &mut v8::PinScope, bytes: &[u8], request: &StateRequest) -> Result<(), Halt> {
    let slot = slot(scope)?;
    let scanned = scan(bytes, &request.limits).map_err(Halt::Failed)?;
    let ground = ground(scope, &slot)?;
    let modules = module_values(scope);
    let reader = Reader::build(scope, &ground, &modules, &scanned)?;
    let global = scope.get_current_context().global(scope);
    let is_open = ground.pristine.extensible(scope, &[global]).ok_or(Halt::Threw)?;
    let mut keys = Vec::with_capacity(scanned.roots.len());
    for root in &scanned.roots {
        keys.push(super::read_shells::string(scope, root.name).map_err(Halt::Failed)?);
    }
    let names = keys.iter().map(|key| (*key).into()).collect();
    let hidden = hidden_globals(scope, &request.state, names)?;
    let mut ready = Vec::with_capacity(scanned.roots.len());
    for (root, key) in scanned.roots.iter().zip(keys) {
        let name = root.name.to_text();
        let place = place(scope, &hidden, global, key, is_open == [true]).ok_or(Halt::Threw)?;
        if let Place::Refused(why) = place {
            return Err(Halt::Failed(EngineError::StateValue { path: name, why: why.to_owned() }));
        }
        let value = reader.root(scope, root.at)?;
        ready.push((root, name, key, place, value));
    }
    // A state that is not in the document was deleted.
    let others: Vec<Variable> =
        state_variable(scope, request)?.into_iter().chain(other_globals(scope, &slot, request)?.0).collect();
    // Nothing of what follows fails, unless V8 is out of memory, and then the isolate is finished.
    for other in others.iter().filter(|other| ready.iter().all(|(_, name, ..)| *name != other.shown)) {
        if global.delete(scope, other.name.into()) != Some(true) {
            let undefined = v8::undefined(scope).into();
            global.set(scope, other.name.into(), undefined);
        }
    }
    for (root, _, key, place, value) in ready {
        put(scope, global, key, root, &place, value).ok_or(Halt::Threw)?;
    }
    Ok(())
}

/// Where a variable goes.
enum Place {
    Free,
    /// There is one that can't be redefined, but its value can be changed.
    Fixed,
    Refused(&'static str),
}

fn place(
    scope: &mut v8::PinScope,
    hidden: &[String],
    global: v8::Local<v8::Object>,
    key: v8::Local<v8::String>,
    is_open: bool,
) -> Option<Place> {
    v8::scope!(let scope, scope);
    let (global, key) = (v8::Local::new(scope, global), v8::Local::new(scope, key));
    let name = key.to_rust_string_lossy(scope);
    if hidden.contains(&name) {
        return Some(Place::Refused(HIDDEN));
    }
    if !global.has_own_property(scope, key.into())? {
        return Some(if is_open {
            Place::Free
        } else {
            Place::Refused("the global object can't be extended")
        });
    }
    let attributes = global.get_property_attributes(scope, key.into())?;
    if !attributes.is_dont_delete() {
        return Some(Place::Free);
    }
    let is_data = own::data_at(scope, global, key.into()).is_some();
    Some(if is_data && !attributes.is_read_only() {
        Place::Fixed
    } else {
        Place::Refused("there is a global of that name that can't be changed")
    })
}

fn put(
    scope: &mut v8::PinScope,
    global: v8::Local<v8::Object>,
    key: v8::Local<v8::String>,
    root: &Root,
    place: &Place,
    value: Value,
) -> Option<bool> {
    match place {
        Place::Fixed => {
            let keeps_attributes = v8::PropertyDescriptor::new_from_value(value);
            global.define_property(scope, key.into(), &keeps_attributes)
        }
        _ => global.define_own_property(scope, key.into(), value, attributes_of(root.attributes)),
    }
}
