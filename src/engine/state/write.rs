//! Values → a document.
//!
//! Objects are numbered as they are first met and written in that order, nearest first, so the depth of a
//! value costs no stack. Each variable is followed by the objects that are first met through it: one that
//! can't be kept is taken back whole, with them.
//!
//! Objects are looked at in batches: first what only JavaScript can tell, asked of built-ins that no guest
//! can replace, and the forms of `toState`; then, while V8 refuses to run any, everything else.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::engine::session::may_go_on;
use crate::engine::state::format::{Kind, push_varint, tag};
use crate::engine::state::ground::Ground;
use crate::engine::state::hooks::{self, Hook};
use crate::engine::state::identity::Identity;
use crate::engine::state::limits::StateLimits;
use crate::engine::state::own::Quiet;
use crate::engine::state::plain;
use crate::engine::state::refusal::{self, Step, Stop};
use crate::engine::system::Marks;
use crate::engine::text::{LONGEST_NAME, beginning};

/// How many objects are looked at together, at most.
const BATCH: usize = 256;

pub(super) type Value<'s> = v8::Local<'s, v8::Value>;
pub(super) type Object<'s> = v8::Local<'s, v8::Object>;

/// An object that something refers to.
pub(super) struct Known {
    /// Its number in `Identity`.
    identity: u32,
    from: u32,
    step: Step,
    depth: u32,
}

/// The names of an object's properties, with their attributes.
pub(super) struct Shape {
    pub(super) keys: Vec<v8::Global<v8::Name>>,
    pub(super) attributes: Vec<u8>,
    pub(super) number: u64,
}

/// What is known of an object before it is written.
pub(super) struct Prepared<'s> {
    pub(super) object: Object<'s>,
    pub(super) kind: Kind,
    pub(super) is_extensible: bool,
    /// What is in its box.
    pub(super) inner: Option<Value<'s>>,
    /// The flags of a regular expression; whether a function is strict.
    pub(super) bits: u32,
    /// How large a buffer can become; none for one of fixed length.
    pub(super) largest: Option<f64>,
    /// The source text of a function.
    pub(super) text: Option<v8::Local<'s, v8::String>>,
    /// Its private names, if it has any.
    pub(super) private: Option<v8::Local<'s, v8::Array>>,
    /// Its class, and what `toState` gave.
    pub(super) form: Option<(Value<'s>, Value<'s>)>,
}

pub(super) struct Writer {
    pub(super) ground: Rc<Ground>,
    pub(super) limits: StateLimits,
    pub(super) out: Vec<u8>,
    /// How long the documents are that this one is a form in.
    around: usize,
    pub(super) known: Vec<Known>,
    identity: Rc<RefCell<Identity>>,
    /// The number of the document in `identity`.
    document: u32,
    pub(super) shapes: HashMap<u64, Vec<Shape>>,
    pub(super) shape_count: u64,
    /// The code that forms refer to.
    code_of_forms: Vec<u32>,
    /// The numbers of the paths that were written.
    pub(super) paths: HashMap<u32, u64>,
    hooks: HashMap<u32, Option<Rc<Hook>>>,
    /// How deep forms are nested here.
    pub(super) nesting: usize,
    /// Functions that are kept by their text.
    pub(super) functions: Vec<v8::Global<v8::Function>>,
}

/// How far the writer was.
struct Mark {
    bytes: usize,
    objects: usize,
    /// Of all documents.
    identities: usize,
    paths: usize,
    shapes: u64,
}

impl Writer {
    pub(super) fn new(ground: Rc<Ground>, limits: StateLimits) -> Self {
        Self::with(ground, limits, Rc::default())
    }

    fn with(ground: Rc<Ground>, limits: StateLimits, identity: Rc<RefCell<Identity>>) -> Self {
        let document = identity.borrow_mut().document();
        Self {
            ground,
            limits,
            out: Vec::new(),
            around: 0,
            known: Vec::new(),
            identity,
            document,
            shapes: HashMap::new(),
            shape_count: 0,
            code_of_forms: Vec::new(),
            paths: HashMap::new(),
            hooks: HashMap::new(),
            nesting: 0,
            functions: Vec::new(),
        }
    }

    /// Whether so many bytes more can follow. Asked before there is memory for them.
    pub(super) fn check_room(&self, more: usize) -> Result<(), Stop> {
        Ok(self.limits.check_bytes((self.around + self.out.len()).saturating_add(more))?)
    }

    /// How many objects the document has, with those of its forms.
    pub(super) fn objects(&self) -> usize {
        self.identity.borrow().len()
    }

    /// The code that the document refers to, as entries of the table.
    pub(super) fn code_referred(&self) -> impl Iterator<Item = u32> {
        self.paths.keys().chain(&self.code_of_forms).copied()
    }

    /// Writes a variable and what is first met through it. On a refusal nothing of it stays, and the path
    /// and the reason are given.
    pub(super) fn variable(
        &mut self,
        scope: &mut v8::PinScope,
        name: v8::Local<v8::String>,
        attributes: u8,
        value: Value,
    ) -> Result<Option<(String, String)>, Stop> {
        let mark = self.mark();
        self.string(scope, name)?;
        self.out.push(attributes);
        match self.group(scope, value) {
            Ok(()) => Ok(None),
            Err(stop) => {
                let (path, why) = self.blamed(scope, stop)?;
                self.take_back(&mark);
                Ok(Some((refusal::joined(path), why)))
            }
        }
    }

    /// Writes a value, and the objects that are first met through it.
    pub(super) fn group(&mut self, scope: &mut v8::PinScope, value: Value) -> Result<(), Stop> {
        let first = self.known.len();
        {
            v8::tc_scope!(let scope, scope);
            v8::disallow_javascript_execution_scope!(let quiet, scope, v8::OnFailure::ThrowOnFailure);
            let _quiet = Quiet::begin();
            self.value(quiet, value, usize::MAX, Step::Root)?;
        }
        let mut at = first;
        while at < self.known.len() {
            let end = self.known.len().min(at + BATCH);
            self.batch(scope, at, end)?;
            at = end;
        }
        Ok(())
    }

    fn batch(&mut self, scope: &mut v8::PinScope, from: usize, end: usize) -> Result<(), Stop> {
        may_go_on(scope).ok_or(Stop::Threw)?;
        v8::scope!(let scope, scope);
        let prepared = self.prepare(scope, from, end)?;
        for (at, prepared) in (from..).zip(&prepared) {
            self.check_room(0)?;
            if let Some((class, form)) = prepared.form {
                self.hooked(scope, at, class, form)?;
                continue;
            }
            v8::scope!(let scope, scope);
            v8::tc_scope!(let scope, scope);
            v8::disallow_javascript_execution_scope!(let quiet, scope, v8::OnFailure::ThrowOnFailure);
            let _quiet = Quiet::begin();
            self.object(quiet, at, prepared)?;
        }
        Ok(())
    }

    fn prepare<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        from: usize,
        end: usize,
    ) -> Result<Vec<Prepared<'s>>, Stop> {
        let ground = Rc::clone(&self.ground);
        let objects: Vec<Object> = (from..end).filter_map(|at| self.object_at(scope, at)).collect();
        let extensible = ground.pristine.extensible(scope, &objects).ok_or(Stop::Threw)?;
        let marks = Marks::of(scope);
        let mut plain = Vec::new();
        let mut all = Vec::with_capacity(objects.len());
        for ((at, object), is_extensible) in (from..).zip(objects).zip(extensible) {
            let kind = self.kind(object).map_err(|why| self.refused_itself(at, why))?;
            let mut prepared = Prepared {
                object,
                kind,
                is_extensible,
                inner: None,
                bits: 0,
                largest: None,
                text: None,
                private: None,
                form: None,
            };
            if let Some(class) = marks.as_ref().and_then(|marks| marks.class_of(scope, object)) {
                return Err(self.refused_itself(at, format!("a {class} of the web bridge")));
            }
            prepared.form = self.form_of(scope, at, object)?;
            if prepared.form.is_none() {
                self.ask(scope, &mut prepared).ok_or(Stop::Threw)?;
                prepared.private = self.private_names(scope, object)?;
                if kind == Kind::Object {
                    plain.push((at, object));
                }
            }
            all.push(prepared);
        }
        let objects: Vec<Object> = plain.iter().map(|(_, object)| *object).collect();
        let other = plain::are_plain(scope, &objects).iter().position(|is_plain| !is_plain);
        if let Some((at, object)) = other.map(|other| plain[other]) {
            let class = object.get_constructor_name();
            let class = beginning(scope, class, LONGEST_NAME);
            return Err(
                self.refused_itself(at, format!("a {class}, which has more inside than its properties"))
            );
        }
        Ok(all)
    }

    /// What only built-ins can tell.
    fn ask<'s>(&self, scope: &mut v8::PinScope<'s, '_>, prepared: &mut Prepared<'s>) -> Option<()> {
        let (pristine, object) = (&self.ground.pristine, prepared.object);
        let boxed = match prepared.kind {
            Kind::BoxedBoolean => 0,
            Kind::BoxedNumber => 1,
            Kind::BoxedString => 2,
            Kind::BoxedBigInt => 3,
            Kind::BoxedSymbol => 4,
            Kind::RegExp => {
                prepared.bits = pristine.reg_exp_flags(scope, object)?;
                return Some(());
            }
            Kind::Buffer => {
                let largest = pristine.largest(scope, object)?;
                prepared.largest = (largest >= 0.0).then_some(largest);
                return Some(());
            }
            Kind::Function => {
                let function = v8::Local::<v8::Function>::try_from(object).ok()?;
                prepared.text = Some(pristine.text(scope, function)?);
                prepared.bits = u32::from(pristine.is_strict(scope, function)?);
                return Some(());
            }
            _ => return Some(()),
        };
        prepared.inner = Some(pristine.unbox(scope, boxed, object)?);
        Some(())
    }

    /// The class of an object and the form that it gives its instances, if it does.
    fn form_of<'s>(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        at: usize,
        object: Object<'s>,
    ) -> Result<Option<(Value<'s>, Value<'s>)>, Stop> {
        let Some(prototype) = object.get_prototype(scope) else { return Ok(None) };
        if !prototype.is_object() || self.ground.is_usual_prototype(prototype) {
            return Ok(None);
        }
        let Some(entry) = self.ground.code.find(scope, prototype) else { return Ok(None) };
        let hook = if let Some(hook) = self.hooks.get(&entry) {
            hook.clone()
        } else {
            let hook = hooks::find(scope, &self.ground, prototype).map(Rc::new);
            self.hooks.insert(entry, hook.clone());
            hook
        };
        let Some(hook) = hook else { return Ok(None) };
        let form = hook.form(scope, object).map_err(|why| match why {
            Some(thrown) => self.refused_itself(at, format!("its toState threw: {}", thrown.text)),
            None => Stop::Threw,
        })?;
        Ok(Some((hook.class(scope), form)))
    }

    /// Refers to an object: one that is known, or the next one.
    pub(super) fn refer(
        &mut self,
        scope: &mut v8::PinScope,
        object: Object,
        from: usize,
        step: Step,
    ) -> Result<(), Stop> {
        let hash = object.get_identity_hash().get();
        let met = self.identity.borrow().find(object, hash);
        match met {
            Some((document, index)) if document == self.document => {
                self.out.push(tag::REFERENCE);
                let back = self.known.len() - index as usize;
                push_varint(&mut self.out, back as u64);
                return Ok(());
            }
            Some(_) => {
                let why = "it is part of what a toState gave and of something else: it would become two";
                return Err(Stop::Refused { from, step, why: why.to_owned() });
            }
            None => {}
        }
        let depth = self.known.get(from).map_or(1, |known| known.depth + 1);
        self.limits.check_depth(depth as usize)?;
        self.limits.check_nodes(self.objects() + 1)?;
        let index = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        let object = v8::Global::new(scope, object);
        let identity = self.identity.borrow_mut().add(object, hash, self.document, index);
        let from = u32::try_from(from).unwrap_or(u32::MAX);
        self.known.push(Known { identity, from, step, depth });
        self.out.push(tag::NEW);
        Ok(())
    }

    /// What a class has given its instance: a document of its own.
    fn hooked(&mut self, scope: &mut v8::PinScope, at: usize, class: Value, form: Value) -> Result<(), Stop> {
        self.out.push(Kind::Hooked as u8);
        self.value(scope, class, at, Step::Class)?;
        if self.nesting >= super::scan::MOST_FORMS {
            return Err(
                self.refused_itself(at, "what its toState gave has too many such objects within".into())
            );
        }
        let mut inner = Writer::with(Rc::clone(&self.ground), self.limits, Rc::clone(&self.identity));
        inner.nesting = self.nesting + 1;
        inner.around = self.around + self.out.len();
        inner.functions.clone_from(&self.functions);
        match inner.group(scope, form) {
            Ok(()) => {}
            Err(stop) => {
                let (path, why) = inner.blamed(scope, stop)?;
                return Err(Stop::RefusedWithin { at, path, why });
            }
        }
        self.code_of_forms.extend(inner.code_referred());
        push_varint(&mut self.out, inner.out.len() as u64);
        self.out.append(&mut inner.out);
        Ok(())
    }

    fn object_at<'s>(&self, scope: &mut v8::PinScope<'s, '_>, at: usize) -> Option<Object<'s>> {
        let known = self.known.get(at)?;
        Some(v8::Local::new(scope, self.identity.borrow().object(known.identity)))
    }

    /// The object itself is to blame, not something in it.
    pub(super) fn refused_itself(&self, at: usize, why: String) -> Stop {
        match self.known.get(at) {
            Some(known) => Stop::Refused { from: known.from as usize, step: known.step, why },
            None => Stop::Refused { from: usize::MAX, step: Step::Root, why },
        }
    }

    /// The path of what is refused, and why. Other reasons to stop stay what they are.
    fn blamed(&self, scope: &mut v8::PinScope, stop: Stop) -> Result<(Vec<String>, String), Stop> {
        match stop {
            Stop::Refused { from, step, why } => Ok((self.path(scope, from, step), why)),
            Stop::RefusedWithin { at, path: within, why } => {
                let mut path = match self.known.get(at) {
                    Some(known) => self.path(scope, known.from as usize, known.step),
                    None => Vec::new(),
                };
                path.push(refusal::FORM.to_owned());
                path.extend(within);
                Ok((path, why))
            }
            stop => Err(stop),
        }
    }

    fn path(&self, scope: &mut v8::PinScope, mut from: usize, mut step: Step) -> Vec<String> {
        let mut parts = Vec::new();
        loop {
            let object = self.object_at(scope, from);
            parts.push(match step {
                Step::Member(number) => {
                    let member = self.ground.members(scope).and_then(|members| members.get(number));
                    member.map_or_else(String::new, |member| format!(".{}", member.text))
                }
                step => refusal::shown(scope, object, step),
            });
            let Some(known) = self.known.get(from) else { break };
            (from, step) = (known.from as usize, known.step);
        }
        parts.reverse();
        parts
    }

    fn mark(&self) -> Mark {
        Mark {
            bytes: self.out.len(),
            objects: self.known.len(),
            identities: self.objects(),
            paths: self.paths.len(),
            shapes: self.shape_count,
        }
    }

    fn take_back(&mut self, mark: &Mark) {
        self.out.truncate(mark.bytes);
        self.known.truncate(mark.objects);
        self.identity.borrow_mut().truncate(mark.identities);
        self.paths.retain(|_, number| *number < mark.paths as u64);
        self.shape_count = mark.shapes;
        for shapes in self.shapes.values_mut() {
            shapes.retain(|shape| shape.number < mark.shapes);
        }
    }
}
