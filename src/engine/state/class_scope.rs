//! The private names of a class: `#x`, and the mark of instances with private methods.
//!
//! They are variables of the class's scope, and V8 has no way to ask for them: its API and its inspector show
//! those that an object has, but a class knows its own before it has any instance. So they are read where V8
//! keeps them, in the context of the class's constructor. That is memory of V8's, laid out as `js-function.h`,
//! `contexts.h` and `scope-info.h` of one version say: of any other, nothing is read. A class of our own is
//! asked first, and `members` believes nothing unless the answer is right.
//!
//! Nothing is written there.

use std::ptr::NonNull;

/// The version of V8 whose memory is laid out like this.
const VERSION: &str = "15.2.124.1-rusty";

/// Words, from an object's beginning. Each begins with its map.
mod word {
    /// Of a function: map, properties, elements, dispatch handle, shared information, context.
    pub const CONTEXT: usize = 5;
    /// Of a context: map, length, and then the variables.
    pub const LENGTH: usize = 1;
    pub const VARIABLES: usize = 2;
    /// The first variable is the description of the scope: map, flags.
    pub const FLAGS: usize = 1;
}

/// The lowest bits of a word that refers to an object.
const TAG_BITS: u64 = 3;
const TAG: u64 = 1;
/// The kind of a scope, in its flags.
const KIND_BITS: u64 = 0xf;
const CLASS: u64 = 4;
/// More variables than a class has private members.
const MOST_VARIABLES: u64 = 1 << 16;

/// What is in the scope of a class.
pub(super) struct ClassScope<'s> {
    /// Its private symbols; private names are among them.
    pub(super) names: Vec<v8::Local<'s, v8::Name>>,
    /// What V8 puts into instances with private methods. It is no value of JavaScript's: it must not be
    /// shown to any code.
    pub(super) itself: v8::Local<'s, v8::Value>,
}

/// Whether the memory of this V8 is laid out as it is read here.
pub(super) fn is_known() -> bool {
    cfg!(target_pointer_width = "64") && cfg!(target_endian = "little") && v8::V8::get_version() == VERSION
}

/// The scope of a class; none if it has no variables. `constructor` must be one: no bound function, and no
/// native one.
pub(super) fn class_scope<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    constructor: v8::Local<v8::Function>,
) -> Option<ClassScope<'s>> {
    if !is_known() {
        return None;
    }
    let handle: *const v8::Function = &raw const *constructor;
    // SAFETY: a handle of V8's is a pointer to a word that refers to the object (`api/api-inl.h`).
    let function = unsafe { handle.cast::<u64>().read() };
    // Nothing below allocates in V8's heap before all is in handles, so no object moves.
    let context = referred(function, word::CONTEXT)?;
    let description = referred(context, word::VARIABLES)?;
    if at(description, word::FLAGS) & KIND_BITS != CLASS {
        return None;
    }
    // A small integer: its value is in the upper half.
    let length = at(context, word::LENGTH) >> 32;
    if length > MOST_VARIABLES {
        return None;
    }
    let mut names = Vec::new();
    for variable in 1..usize::try_from(length).ok()? {
        let Some(object) = referred(context, word::VARIABLES + variable) else { continue };
        let value = handle_of(scope, object);
        // V8 calls only those symbols that code can have.
        let name = v8::Local::<v8::Name>::try_from(value).ok();
        names.extend(name.filter(|name| !name.is_string() && !name.is_symbol()));
    }
    Some(ClassScope { names, itself: handle_of(scope, context) })
}

/// A word of an object.
fn at(object: u64, word: usize) -> u64 {
    let Ok(address) = usize::try_from(object - TAG) else { return 0 };
    let word = std::ptr::with_exposed_provenance::<u64>(address + word * size_of::<u64>());
    // SAFETY: `object` is a reference that was just read from V8's heap, and the word one that each object of
    // its type has; the heap belongs to this thread, which does not allocate in it meanwhile.
    unsafe { word.read() }
}

/// The object that a word of an object refers to; none if it is a small integer.
fn referred(object: u64, word: usize) -> Option<u64> {
    Some(at(object, word)).filter(|word| word & TAG_BITS == TAG)
}

fn handle_of<'s>(scope: &mut v8::PinScope<'s, '_>, object: u64) -> v8::Local<'s, v8::Value> {
    let slot = NonNull::from(&object).cast::<v8::Value>();
    // SAFETY: a `Local` is such a pointer, `repr(C)` around it; this one lives as long as `object`.
    let unrooted = unsafe { std::mem::transmute::<NonNull<v8::Value>, v8::Local<'_, v8::Value>>(slot) };
    v8::Local::new(scope, unrooted)
}
