//! Private members of the snapshot's classes: which private name is whose.
//!
//! Private names live in the scopes of classes, where no guest can reach or change them. The table is made when
//! the first object with such a member is met.

use std::collections::HashMap;

use crate::engine::source::{Source, evaluate};
use crate::engine::state::class_scope::{class_scope, is_known};
use crate::engine::state::code::Code;
use crate::engine::state::own;
use crate::engine::state::pristine::Pristine;

/// A private name of a class.
pub(super) struct Member {
    name: v8::Global<v8::Name>,
    /// The class, as an entry of the table of code.
    pub(super) class: u32,
    /// `#x`; empty for the mark of instances with private methods or accessors.
    pub(super) text: String,
    /// What the mark is set to.
    mark: Option<v8::Global<v8::Value>>,
}

/// The members of all classes, in an order that depends on their names alone.
#[derive(Default)]
pub(super) struct Members {
    all: Vec<Member>,
    by_hash: HashMap<i32, Vec<u32>>,
    by_class: HashMap<u32, Vec<u32>>,
}

impl Members {
    /// `None` when V8 is out of memory, or the guest was told to stop.
    pub(super) fn new(scope: &mut v8::PinScope, pristine: &Pristine, code: &Code) -> Option<Self> {
        v8::scope!(let scope, scope);
        let mut members = Self::default();
        if !is_known() || !can_be_had(scope)? {
            return Some(members);
        }
        let mut found = Vec::new();
        for (entry, class) in code.classes(scope, pristine)? {
            v8::scope!(let scope, scope);
            let Some(inside) = class_scope(scope, class) else { continue };
            let mut path = Vec::new();
            for name in inside.names {
                if !is_private(scope, name)? {
                    continue;
                }
                let text = own::private_text(scope, name).to_rust_string_lossy(scope);
                let is_mark = !text.starts_with('#');
                if path.is_empty() {
                    code.push_path(scope, pristine, entry, &mut path)?;
                }
                let member = Member {
                    name: v8::Global::new(scope, name),
                    class: entry,
                    text: if is_mark { String::new() } else { text },
                    mark: is_mark.then(|| v8::Global::new(scope, inside.itself)),
                };
                found.push((name.get_identity_hash().get(), path.clone(), member));
            }
        }
        found.sort_by(|(_, path, one), (_, other_path, other)| {
            (path, &one.text).cmp(&(other_path, &other.text))
        });
        for (hash, _, member) in found {
            let number = u32::try_from(members.all.len()).ok()?;
            members.by_hash.entry(hash).or_default().push(number);
            members.by_class.entry(member.class).or_default().push(number);
            members.all.push(member);
        }
        Some(members)
    }

    /// The number of the member with this private name.
    pub(super) fn find(&self, name: v8::Local<v8::Name>) -> Option<u32> {
        let same_hash = self.by_hash.get(&name.get_identity_hash().get())?;
        same_hash.iter().copied().find(|number| self.get(*number).is_some_and(|member| member.name == name))
    }

    /// The member of a class.
    pub(super) fn of_class(&self, class: u32, text: &str) -> Option<&Member> {
        let members = self.by_class.get(&class)?;
        members.iter().filter_map(|number| self.get(*number)).find(|member| member.text == text)
    }

    pub(super) fn get(&self, number: u32) -> Option<&Member> {
        self.all.get(number as usize)
    }
}

impl Member {
    pub(super) fn name<'s>(&self, scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Name> {
        v8::Local::new(scope, &self.name)
    }

    /// What the mark is set to. It is no value of JavaScript's.
    pub(super) fn mark<'s>(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Value>> {
        self.mark.as_ref().map(|mark| v8::Local::new(scope, mark))
    }
}

/// Whether V8 takes it for a private name, and not for a symbol of its own.
fn is_private<'s>(scope: &mut v8::PinScope<'s, '_>, name: v8::Local<'s, v8::Name>) -> Option<bool> {
    let sample = v8::Object::new(scope);
    let undefined = v8::undefined(scope).into();
    own::set_private(scope, sample, name, undefined)?;
    Some(own::private_names(scope, sample)?.length() == 1)
}

/// Whether the private names of a class of our own are found where they should be.
fn can_be_had(scope: &mut v8::PinScope) -> Option<bool> {
    const CLASS: &str = "(() => { class Mark { #field = 1; #method() {} }; return [Mark, new Mark()] })()";
    v8::tc_scope!(let scope, scope);
    let made = evaluate(scope, &Source::script(CLASS, "isoseed:members"))?;
    let made = v8::Local::<v8::Array>::try_from(made).ok()?;
    let class = v8::Local::<v8::Function>::try_from(made.get_index(scope, 0)?).ok()?;
    let instance = v8::Local::<v8::Object>::try_from(made.get_index(scope, 1)?).ok()?;
    let names = own::private_names(scope, instance)?;
    let Some(inside) = class_scope(scope, class) else { return Some(false) };
    let mut found = 0;
    for index in 0..names.length() {
        let name = names.get_index(scope, index)?;
        found += u32::from(inside.names.iter().any(|known| v8::Local::<v8::Value>::from(*known) == name));
    }
    Some(found == 2 && names.length() == 2 && inside.names.len() == 2)
}
