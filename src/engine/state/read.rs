//! A document → values. Everything is made before anything is put where the guest finds it.
//!
//! Buffers come first, then all that needs no other object, then views and what `fromState` makes of forms;
//! then each object gets what it refers to, and at last what forbids further changes.

use std::rc::Rc;

use crate::engine::error::EngineError;
use crate::engine::session::may_go_on;
use crate::engine::state::format::{Kind, Token, corrupt, flag};
use crate::engine::state::ground::Ground;
use crate::engine::state::hooks::Thrown;
use crate::engine::state::reached::path_to;
use crate::engine::state::read_shells::{bigint, string, symbol};
use crate::engine::state::refusal::{FORM, joined};
use crate::engine::state::scan::{Place, Record, Scan};
use crate::engine::state::walk::{Item, Walk};
use crate::engine::state::{hooks, own};
use crate::engine::worker::Halt;

/// How many objects are made between two looks at whether the guest is told to stop.
pub(super) const BATCH: usize = 256;

/// How much code is named that the snapshot does not have: more tells nobody anything.
pub(super) const MOST_MISSING: usize = 1000;

pub(super) type Value<'s> = v8::Local<'s, v8::Value>;
pub(super) type Object<'s> = v8::Local<'s, v8::Object>;

/// A name of a shape.
#[derive(Clone, Copy)]
pub(super) enum Named<'s> {
    Property(v8::Local<'s, v8::Name>, u8),
    /// A private field.
    Field(v8::Local<'s, v8::Name>),
    /// What marks an object with private methods, and what it is set to.
    Mark(v8::Local<'s, v8::Name>, Value<'s>),
}

/// Why nothing was built.
#[derive(Debug)]
pub(super) enum Failure {
    Failed(EngineError),
    /// The guest was told to stop, or an exception is pending.
    Threw,
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Failed(error)
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Failed(error) => Self::Failed(error),
            Failure::Threw => Self::Threw,
        }
    }
}

impl Failure {
    /// What V8 did not make: because the document is wrong, unless the guest is told to stop.
    pub(super) fn of(scope: &mut v8::PinScope, what: &str) -> Self {
        if scope.is_execution_terminating() { Self::Threw } else { Self::Failed(corrupt(what)) }
    }
}

pub(super) type Built<T> = std::result::Result<T, Failure>;

pub(super) struct Reader<'a, 's> {
    pub(super) ground: Rc<Ground>,
    pub(super) scan: &'a Scan<'a>,
    objects: Vec<Option<Object<'s>>>,
    code: Vec<Value<'s>>,
    /// Whether a plain assignment of an element runs no setter.
    pub(super) elements_are_plain: bool,
    pub(super) shapes: Vec<Vec<Named<'s>>>,
}

impl<'a, 's> Reader<'a, 's> {
    /// Finds the code that a document needs, and makes its objects.
    pub(super) fn build(
        scope: &mut v8::PinScope<'s, '_>,
        ground: &Rc<Ground>,
        modules: &[(String, Value<'s>)],
        scan: &'a Scan<'a>,
    ) -> Built<Self> {
        let (mut code, mut missing) = (Vec::new(), Vec::new());
        for path in scan.paths() {
            let path = path?;
            match ground.code.resolve(scope, &ground.pristine, modules, &path) {
                Some(value) => code.push(value),
                None if missing.len() < MOST_MISSING => missing.push(path.shown()),
                None => {}
            }
        }
        if !missing.is_empty() {
            return Err(EngineError::SessionCodeChanged { missing }.into());
        }
        let mut reader = Self {
            ground: Rc::clone(ground),
            scan,
            objects: vec![None; scan.records.len()],
            code,
            elements_are_plain: elements_are_plain(scope).ok_or(Failure::Threw)?,
            shapes: Vec::new(),
        };
        reader.name_shapes(scope)?;
        reader.shells(scope, modules)?;
        for (at, record) in scan.records.iter().enumerate() {
            if at.is_multiple_of(BATCH) {
                may_go_on(scope).ok_or(Failure::Threw)?;
            }
            if record.kind != Kind::Hooked {
                v8::scope!(let scope, scope);
                reader.fill(scope, at, record)?;
            }
        }
        reader.forbid(scope)?;
        Ok(reader)
    }

    fn shells(&mut self, scope: &mut v8::PinScope<'s, '_>, modules: &[(String, Value<'s>)]) -> Built<()> {
        let records = &self.scan.records;
        let is_buffer = |kind| matches!(kind, Kind::Buffer | Kind::ResizableBuffer);
        for wants_buffers in [true, false] {
            for (at, record) in records.iter().enumerate() {
                if at.is_multiple_of(BATCH) {
                    may_go_on(scope).ok_or(Failure::Threw)?;
                }
                if is_buffer(record.kind) == wants_buffers
                    && !matches!(record.kind, Kind::View | Kind::Hooked)
                {
                    self.objects[at] = Some(self.shell(scope, record)?);
                }
            }
        }
        for (at, record) in records.iter().enumerate() {
            match record.kind {
                Kind::View => self.objects[at] = Some(self.view(scope, record)?),
                Kind::Hooked => self.objects[at] = Some(self.hooked(scope, modules, at, record)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn hooked(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        modules: &[(String, Value<'s>)],
        at: usize,
        record: &Record,
    ) -> Built<Object<'s>> {
        let mut walk = self.walk(record.body);
        let Item::Code(class) = walk.item()? else { return Err(corrupt("a class is none").into()) };
        let name = self.scan.shown_path(class);
        let class = self.code_at(class)?;
        let Some(hook) = hooks::of_class(scope, &self.ground, class) else {
            let missing = vec![format!("{name}[Symbol.for(\"{}\")]", hooks::SYMBOL)];
            return Err(EngineError::SessionCodeChanged { missing }.into());
        };
        let form = &self.scan.forms[record.form];
        let inner = Reader::build(scope, &self.ground, modules, form).map_err(|failure| match failure {
            Failure::Failed(EngineError::StateRefused { path: within, why, cause }) => {
                let path = joined(vec![path_to(self.scan, at), FORM.to_owned(), within]);
                EngineError::StateRefused { path, why, cause }.into()
            }
            failure => failure,
        })?;
        let mut walk = inner.walk(Place { at: 0, objects: 0, paths: 0 });
        let value = inner.value(scope, &mut walk)?;
        let refused = |why, cause: Option<EngineError>| {
            let cause = cause.map(Box::new);
            EngineError::StateRefused { path: path_to(self.scan, at), why, cause }
        };
        let instance = hook.instance(scope, value).map_err(|thrown| match thrown {
            Some(Thrown { text, error }) => {
                Failure::from(refused(format!("the fromState of {name} threw: {text}"), error))
            }
            None => Failure::Threw,
        })?;
        let made = Object::try_from(instance).ok().filter(|instance| !instance.is_proxy());
        made.ok_or_else(|| refused(format!("the fromState of {name} gave no object"), None).into())
    }

    /// The value of a variable.
    pub(super) fn root(&self, scope: &mut v8::PinScope<'s, '_>, at: Place) -> Built<Value<'s>> {
        let mut walk = self.walk(at);
        self.value(scope, &mut walk)
    }

    pub(super) fn walk(&self, place: Place) -> Walk<'a, 'a> {
        Walk::new(self.scan, place)
    }

    pub(super) fn object(&self, at: usize) -> Built<Object<'s>> {
        let object = self.objects.get(at).copied().flatten();
        object.ok_or_else(|| Failure::Failed(corrupt("a reference leads to no object")))
    }

    /// The value at a place.
    pub(super) fn value<'t>(
        &self,
        scope: &mut v8::PinScope<'t, '_>,
        walk: &mut Walk<'a, 'a>,
    ) -> Built<Value<'t>>
    where
        's: 't,
    {
        let token = match walk.item()? {
            Item::Object(at) => return Ok(self.object(at)?.into()),
            Item::Code(path) => return self.code_at(path),
            Item::Primitive(token) => token,
        };
        Ok(match token {
            Token::Undefined => v8::undefined(scope).into(),
            Token::Null => v8::null(scope).into(),
            Token::Boolean(value) => v8::Boolean::new(scope, value).into(),
            Token::Integer(value) => v8::Integer::new(scope, value).into(),
            Token::Double(value) => v8::Number::new(scope, value).into(),
            Token::BigInt { is_negative, magnitude } => bigint(scope, is_negative, magnitude)?.into(),
            Token::String(text) => string(scope, text)?.into(),
            token => symbol(&self.ground, scope, token)?,
        })
    }

    pub(super) fn code_at(&self, path: usize) -> Built<Value<'s>> {
        self.code.get(path).copied().ok_or_else(|| Failure::Failed(corrupt("a path is unknown")))
    }

    /// Objects that can't be extended.
    fn forbid(&self, scope: &mut v8::PinScope<'s, '_>) -> Built<()> {
        let mut closed = Vec::new();
        for (at, record) in self.scan.records.iter().enumerate() {
            if record.flags & flag::NOT_EXTENSIBLE != 0 {
                closed.push(self.object(at)?);
            }
        }
        for batch in closed.chunks(BATCH) {
            v8::scope!(let scope, scope);
            self.ground.pristine.seal(scope, batch).ok_or(Failure::Threw)?;
        }
        Ok(())
    }
}

/// Whether neither arrays nor objects inherit elements.
fn elements_are_plain(scope: &mut v8::PinScope) -> Option<bool> {
    v8::scope!(let scope, scope);
    let array: Value = v8::Array::new(scope, 0).into();
    let mut next = Object::try_from(array).ok()?.get_prototype(scope)?;
    while let Ok(prototype) = Object::try_from(next) {
        if prototype.is_proxy() {
            return Some(false);
        }
        let filter = v8::PropertyFilter::SKIP_SYMBOLS;
        let keys = own::keys(scope, prototype, filter, v8::IndexFilter::IncludeIndices)?;
        if keys.get_index(scope, 0).is_some_and(|first| first.is_number()) {
            return Some(false);
        }
        next = prototype.get_prototype(scope)?;
    }
    Some(true)
}
