//! Private members of objects: the last names of a shape.

use std::rc::Rc;

use crate::engine::state::format::{push_text, tag};
use crate::engine::state::own;
use crate::engine::state::refusal::{Step, Stop};
use crate::engine::state::write::{Object, Writer};
use crate::engine::text::{LONGEST_NAME, beginning};

impl Writer {
    /// The private names that an object has, if any. What is needed for them is made here, where V8 may run
    /// JavaScript.
    pub(super) fn private_names<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: Object<'s>,
    ) -> Result<Option<v8::Local<'s, v8::Array>>, Stop> {
        let names = own::private_names(scope, object).ok_or(Stop::Threw)?;
        if names.length() == 0 {
            return Ok(None);
        }
        self.ground.members(scope).ok_or(Stop::Threw)?;
        Ok(Some(names))
    }

    /// The private members that an object has, in the order of the table: V8's own is that in which they came
    /// to be, which no code can see.
    pub(super) fn members_of<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        names: v8::Local<'s, v8::Array>,
    ) -> Result<Vec<(Step, v8::Local<'s, v8::Name>)>, Stop> {
        let members = self.ground.members(scope).ok_or(Stop::Threw)?;
        let mut found = Vec::with_capacity(names.length() as usize);
        for index in 0..names.length() {
            let name = names.get_index(scope, index).ok_or(Stop::Threw)?;
            let name = v8::Local::<v8::Name>::try_from(name).map_err(|_| Stop::Threw)?;
            match members.find(name) {
                Some(number) => found.push((number, name)),
                None => return Err(self.refused_itself(at, of_nobody(scope, name))),
            }
        }
        found.sort_unstable_by_key(|(number, _)| *number);
        Ok(found.into_iter().map(|(number, name)| (Step::Member(number), name)).collect())
    }

    /// Writes a private member as a key of a shape.
    pub(super) fn member_key(&mut self, scope: &mut v8::PinScope, number: u32) -> Result<(), Stop> {
        let ground = Rc::clone(&self.ground);
        let member = ground.members(scope).and_then(|members| members.get(number)).ok_or(Stop::Threw)?;
        self.out.push(tag::PRIVATE);
        self.code(scope, member.class)?;
        push_text(&mut self.out, &member.text);
        Ok(())
    }

    /// Writes the value of a private field. What marks an object that has private methods has none.
    pub(super) fn member_value<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        object: Object<'s>,
        (number, name): (u32, v8::Local<'s, v8::Name>),
    ) -> Result<(), Stop> {
        let ground = Rc::clone(&self.ground);
        let member = ground.members(scope).and_then(|members| members.get(number)).ok_or(Stop::Threw)?;
        if member.text.is_empty() {
            return Ok(());
        }
        let value = own::private(scope, object, name).ok_or(Stop::Threw)?;
        self.value(scope, value, at, Step::Member(number))
    }
}

/// Why a private name is refused that no class of the snapshot's has.
fn of_nobody<'s>(scope: &mut v8::PinScope<'s, '_>, name: v8::Local<'s, v8::Name>) -> String {
    let text = v8::Local::<v8::String>::try_from(own::private_text(scope, name)).ok();
    let text = text.map_or_else(String::new, |text| beginning(scope, text, LONGEST_NAME));
    format!(
        "an object with a private member ({text}) of a class that the state has no path to: a class of the \
         snapshot's can say what is kept of it, by toState and fromState under Symbol.for('isoseed.state')"
    )
}
