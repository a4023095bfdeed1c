//! Why a state is not written, and the path of what is to blame.

use crate::engine::error::EngineError;
use crate::engine::state::own;
use crate::engine::value::path::property;
use crate::engine::worker::Halt;

/// How one object is reached from another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// It is the value of the variable itself.
    Root,
    Element(u32),
    /// An own property, by the number of its key in the object's list of names.
    Name(u32),
    /// A private field, by its number in the list of `members`.
    Member(u32),
    MapKey(u32),
    MapValue(u32),
    SetValue(u32),
    Prototype,
    /// The buffer of a view.
    Buffer,
    /// The `prototype` of a function.
    FunctionPrototype,
    /// The class of an instance that has a form.
    Class,
}

/// Why the writer stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// The value that is reached from this object by this step can't be kept.
    Refused { from: usize, step: Step, why: String },
    /// Something in the form of this object can't be kept; the path is that within the form.
    RefusedWithin { at: usize, path: Vec<String>, why: String },
    /// A limit.
    Failed(EngineError),
    /// An exception is pending, or the guest was told to stop.
    Threw,
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Self::Failed(error)
    }
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Failed(error) => Self::Failed(error),
            Stop::Refused { .. } | Stop::RefusedWithin { .. } | Stop::Threw => Self::Threw,
        }
    }
}

/// The step from an instance to what its class's `toState` gave.
pub(super) const FORM: &str = ".<toState()>";

/// The steps as one path: of a long one the beginning and the end, and of forms in forms the first.
pub(super) fn joined(mut steps: Vec<String>) -> String {
    const LONGEST: usize = 40;
    const FORMS: &str = "….<toState()>";
    steps.retain(|step| !step.is_empty());
    steps.dedup_by(|next, step| {
        let is_again = next == FORM && (step == FORM || step == FORMS);
        if is_again {
            FORMS.clone_into(step);
        }
        is_again
    });
    if steps.len() > LONGEST {
        steps.splice(LONGEST / 2..steps.len() - LONGEST / 2, ["…".to_owned()]);
    }
    steps.concat()
}

/// The step as JavaScript would write it; `object` is where it begins.
pub(super) fn shown(scope: &mut v8::PinScope, object: Option<v8::Local<v8::Object>>, step: Step) -> String {
    match step {
        // The writer knows the names of members.
        Step::Root | Step::Member(_) => String::new(),
        Step::Element(index) => format!("[{index}]"),
        Step::Name(at) => {
            object.and_then(|object| name(scope, object, at)).unwrap_or_else(|| ".?".to_owned())
        }
        Step::MapKey(index) => format!(".<map key {index}>"),
        Step::MapValue(index) => format!(".<map value {index}>"),
        Step::SetValue(index) => format!(".<set value {index}>"),
        Step::Prototype => ".__proto__".to_owned(),
        Step::Buffer => ".buffer".to_owned(),
        Step::FunctionPrototype => ".prototype".to_owned(),
        Step::Class => ".constructor".to_owned(),
    }
}

fn name(scope: &mut v8::PinScope, object: v8::Local<v8::Object>, at: u32) -> Option<String> {
    v8::scope!(let scope, scope);
    let object = v8::Local::new(scope, object);
    let keys = own::keys(scope, object, v8::PropertyFilter::ALL_PROPERTIES, v8::IndexFilter::SkipIndices)?;
    let key = keys.get_index(scope, at)?;
    if let Ok(symbol) = v8::Local::<v8::Symbol>::try_from(key) {
        return Some(format!("[Symbol({})]", crate::engine::state::code::description(scope, symbol)));
    }
    let key = v8::Local::<v8::String>::try_from(key).ok()?;
    Some(property(&crate::engine::text::beginning(scope, key, 80)))
}
