//! Reads a whole document without V8: whether it is sound and within its limits, and where everything is.
//! Nothing is built before, so a document is taken whole or not at all.

use std::ops::Range;

use crate::engine::error::{EngineError, Result};
use crate::engine::state::format::{
    Cursor, DIGEST_BYTES, Kind, MAGIC, Text, Token, VERSION, VIEWS, attribute, corrupt, digest, flag, tag,
};
use crate::engine::state::limits::StateLimits;
use crate::engine::state::path::Path;

/// How deep the forms of `toState` may be nested.
pub(super) const MOST_FORMS: usize = 16;

/// A variable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root<'a> {
    pub(super) name: Text<'a>,
    pub(super) attributes: u8,
    /// Where its value is.
    pub(super) at: Place,
    /// Where the last object ends that is first met through it.
    pub(super) end: Place,
}

/// A place in a document, and how much is known there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) at: usize,
    /// How many objects something before referred to.
    pub(super) objects: usize,
    /// How many paths stood before.
    pub(super) paths: usize,
}

/// An object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) kind: Kind,
    /// What its kind needs, and then its flags and all else.
    pub(super) body: Place,
    pub(super) flags: u8,
    /// Its shape's number, from 1 on, and where the values of its names are.
    pub(super) shape: usize,
    pub(super) values: Place,
    /// Of a `Hooked`: the number of its form.
    pub(super) form: usize,
}

/// The names of an object's properties, in order. Small: there may be one for each object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Where the first name is.
    pub(super) at: Place,
    pub(super) names: usize,
    /// How many values an object has for them: what marks an object with private methods has none.
    values: usize,
}

/// A document that is sound.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) roots: Vec<Root<'a>>,
    pub(super) records: Vec<Record>,
    pub(super) shapes: Vec<Shape>,
    /// Where each path is that was not there before, so that it need not be read to go past it.
    pub(super) paths: Vec<Range<usize>>,
    pub(super) forms: Vec<Scan<'a>>,
}

impl Scan<'_> {
    /// The paths into the code, in order.
    pub(super) fn paths(&self) -> impl Iterator<Item = Result<Path>> {
        self.paths.iter().map(|path| self.path_at(path.start))
    }

    fn path_at(&self, at: usize) -> Result<Path> {
        Path::read(&mut Cursor::again(self.bytes, at))
    }

    /// One of them.
    pub(super) fn path(&self, number: usize) -> Option<Path> {
        self.path_at(self.paths.get(number)?.start).ok()
    }

    /// One of them, as a user would write it.
    pub(super) fn shown_path(&self, number: usize) -> String {
        self.path(number).map_or_else(String::new, |path| path.shown())
    }

    /// How many objects it has, those of forms included.
    pub(super) fn objects(&self) -> usize {
        self.records.len() + self.forms.iter().map(Scan::objects).sum::<usize>()
    }
}

/// Checks a document from its first byte to its last.
pub(super) fn scan<'a>(bytes: &'a [u8], limits: &StateLimits) -> Result<Scan<'a>> {
    limits.check_payload(bytes.len())?;
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| corrupt("it does not begin as a state does"))?;
    let content = rest.len().checked_sub(DIGEST_BYTES).map(|end| bytes.len() - rest.len() + end);
    let content = content.and_then(|end| bytes.split_at_checked(end));
    let (content, sealed) = content.ok_or_else(|| corrupt("it ends too early"))?;
    let mut cursor = Cursor::new(content, MAGIC.len());
    let version = cursor.varint()?;
    if version != VERSION {
        let message = format!("the state is of format version {version}, this isoseed reads {VERSION}");
        return Err(EngineError::StateCorrupt { message });
    }
    limits.check_bytes(cursor.left())?;
    if digest(content) != *sealed {
        return Err(corrupt("its digest does not fit"));
    }
    let mut scanner = Scanner::new(content, cursor, limits, 0, 0);
    let count = scanner.cursor.count(3)?;
    limits.check_variables(count)?;
    for _ in 0..count {
        let name = scanner.cursor.text()?;
        let attributes = scanner.attributes()?;
        let at = scanner.place();
        scanner.group()?;
        let end = scanner.place();
        scanner.scan.roots.push(Root { name, attributes, at, end });
    }
    scanner.finish()
}

struct Scanner<'a, 'l> {
    cursor: Cursor<'a>,
    limits: &'l StateLimits,
    scan: Scan<'a>,
    /// How far each object is from its variable; as many as something referred to.
    depths: Vec<u32>,
    /// Of what is being read.
    depth: u32,
    /// Views and their buffers.
    views: Vec<usize>,
    /// How many objects there are outside.
    outside: usize,
    nesting: usize,
}

impl<'a, 'l> Scanner<'a, 'l> {
    fn new(
        bytes: &'a [u8],
        cursor: Cursor<'a>,
        limits: &'l StateLimits,
        outside: usize,
        nesting: usize,
    ) -> Self {
        let scan = Scan {
            bytes,
            roots: Vec::new(),
            records: Vec::new(),
            shapes: Vec::new(),
            paths: Vec::new(),
            forms: Vec::new(),
        };
        Self { cursor, limits, scan, depths: Vec::new(), depth: 0, views: Vec::new(), outside, nesting }
    }

    fn finish(self) -> Result<Scan<'a>> {
        if self.cursor.left() != 0 {
            return Err(corrupt("something follows its end"));
        }
        let is_buffer = |index: &usize| {
            let kind = self.scan.records.get(*index).map(|record| record.kind);
            matches!(kind, Some(Kind::Buffer | Kind::ResizableBuffer))
        };
        if self.views.iter().all(is_buffer) { Ok(self.scan) } else { Err(corrupt("a view is of no buffer")) }
    }

    fn place(&self) -> Place {
        Place { at: self.cursor.at(), objects: self.depths.len(), paths: self.scan.paths.len() }
    }

    fn attributes(&mut self) -> Result<u8> {
        match self.cursor.byte()? {
            attributes @ ..=attribute::ALL => Ok(attributes),
            _ => Err(corrupt("a property has unknown attributes")),
        }
    }

    /// A value, and the objects that are first met through it.
    fn group(&mut self) -> Result<()> {
        self.depth = 0;
        self.value()?;
        while self.scan.records.len() < self.depths.len() {
            self.depth = self.depths[self.scan.records.len()];
            self.record()?;
        }
        Ok(())
    }

    fn value(&mut self) -> Result<Token<'a>> {
        let token = self.cursor.token()?;
        match token {
            Token::New => {
                let depth = self.depth + 1;
                self.limits.check_depth(depth as usize)?;
                self.limits.check_nodes(self.outside + self.depths.len() + 1)?;
                self.depths.push(depth);
            }
            Token::Reference(back) => {
                let is_known = back > 0 && usize::try_from(back).is_ok_and(|back| back <= self.depths.len());
                if !is_known {
                    return Err(corrupt("a reference leads to no object"));
                }
            }
            Token::Code(number) => self.code(number)?,
            _ => {}
        }
        Ok(token)
    }

    fn code(&mut self, number: u64) -> Result<()> {
        if number == 0 {
            let at = self.cursor.at();
            Path::read(&mut self.cursor)?;
            self.scan.paths.push(at..self.cursor.at());
            return Ok(());
        }
        let is_known = usize::try_from(number).is_ok_and(|number| number <= self.scan.paths.len());
        if is_known { Ok(()) } else { Err(corrupt("a path is unknown")) }
    }

    fn record(&mut self) -> Result<()> {
        let kind = Kind::from_byte(self.cursor.byte()?).ok_or_else(|| corrupt("an object is of no kind"))?;
        let body = self.place();
        self.payload(kind)?;
        let mut record = Record { kind, body, flags: 0, shape: 0, values: body, form: 0 };
        if kind == Kind::Hooked {
            record.form = self.scan.forms.len().saturating_sub(1);
        } else {
            self.common(&mut record)?;
        }
        self.scan.records.push(record);
        Ok(())
    }

    fn payload(&mut self, kind: Kind) -> Result<()> {
        match kind {
            Kind::Object | Kind::Error => {}
            Kind::Array => {
                let length = self.cursor.varint()?;
                u32::try_from(length).map_err(|_| corrupt("an array is too long"))?;
            }
            Kind::Date | Kind::BoxedNumber => drop(self.cursor.double()?),
            Kind::RegExp => {
                self.cursor.text()?;
                self.cursor.varint()?;
            }
            Kind::Map => {
                for _ in 0..self.cursor.count(2)? {
                    self.value()?;
                    self.value()?;
                }
            }
            Kind::Set => {
                for _ in 0..self.cursor.count(1)? {
                    self.value()?;
                }
            }
            Kind::BoxedBoolean => {
                if self.cursor.byte()? > 1 {
                    return Err(corrupt("a boolean is neither true nor false"));
                }
            }
            Kind::BoxedString => drop(self.cursor.text()?),
            Kind::BoxedBigInt => drop(self.cursor.bigint()?),
            Kind::BoxedSymbol => match self.value()? {
                Token::Registered(_) | Token::WellKnown(_) | Token::Code(_) => {}
                _ => return Err(corrupt("a symbol is none")),
            },
            Kind::Buffer => {
                let length = self.cursor.count(1)?;
                self.cursor.take(length)?;
            }
            Kind::ResizableBuffer => {
                let largest = self.cursor.varint()?;
                let length = self.cursor.count(1)?;
                self.cursor.take(length)?;
                if largest < length as u64 {
                    return Err(corrupt("a buffer is larger than it can be"));
                }
            }
            Kind::View => self.view()?,
            Kind::Function => {
                if self.cursor.byte()? > 1 {
                    return Err(corrupt("a function has unknown flags"));
                }
                self.cursor.text()?;
                match self.value()? {
                    Token::Undefined | Token::New | Token::Reference(_) | Token::Code(_) => {}
                    _ => return Err(corrupt("the prototype of a function is no object")),
                }
            }
            Kind::Hooked => {
                match self.value()? {
                    Token::Code(_) => {}
                    _ => return Err(corrupt("a class is none")),
                }
                self.form()?;
            }
        }
        Ok(())
    }

    fn view(&mut self) -> Result<()> {
        let kind = self.cursor.byte()?;
        let is_known = VIEWS.iter().any(|(known, _)| *known == kind);
        if !is_known || self.cursor.byte()? > 1 {
            return Err(corrupt("a view is of no kind"));
        }
        self.cursor.varint()?;
        self.cursor.varint()?;
        let before = self.depths.len();
        let buffer = match self.value()? {
            Token::New => before,
            Token::Reference(back) => before - usize::try_from(back).unwrap_or(before),
            _ => return Err(corrupt("a view is of no buffer")),
        };
        self.views.push(buffer);
        Ok(())
    }

    /// The form that a class has given its instance: a document of its own.
    fn form(&mut self) -> Result<()> {
        if self.nesting >= MOST_FORMS {
            return Err(corrupt("forms are nested too deeply"));
        }
        let length = self.cursor.count(1)?;
        let bytes = self.cursor.take(length)?;
        let outside = self.outside + self.depths.len();
        let mut inner = Scanner::new(bytes, Cursor::new(bytes, 0), self.limits, outside, self.nesting + 1);
        inner.group()?;
        let form = inner.finish()?;
        self.outside += form.objects();
        self.scan.forms.push(form);
        Ok(())
    }

    /// What all objects have.
    fn common(&mut self, record: &mut Record) -> Result<()> {
        let (kind, flags) = (record.kind, self.cursor.byte()?);
        record.flags = flags;
        let is_allowed =
            flags & !flag::ALL == 0 && (flags & flag::LENGTH_READ_ONLY == 0 || kind == Kind::Array);
        if !is_allowed {
            return Err(corrupt("an object has unknown flags"));
        }
        if flags & flag::HAS_PROTOTYPE != 0 {
            match self.value()? {
                Token::Null | Token::New | Token::Reference(_) | Token::Code(_) => {}
                _ => return Err(corrupt("a prototype is no object")),
            }
        }
        if flags & flag::HAS_ELEMENTS != 0 {
            if matches!(kind, Kind::View | Kind::Function) {
                return Err(corrupt("an object has elements that can have none"));
            }
            self.elements()?;
        }
        let number = self.cursor.varint()?;
        let shape = match number {
            1 => {
                let shape = self.new_shape()?;
                self.scan.shapes.push(shape);
                self.scan.shapes.len()
            }
            _ => usize::try_from(number.saturating_sub(1)).map_err(|_| corrupt("a shape is unknown"))?,
        };
        record.shape = shape;
        record.values = self.place();
        if shape > 0 {
            let shape = self.scan.shapes.get(shape - 1).ok_or_else(|| corrupt("a shape is unknown"))?;
            for _ in 0..shape.values {
                self.value()?;
            }
        }
        Ok(())
    }

    fn elements(&mut self) -> Result<()> {
        let (mut next, mut last) = (0_u64, None);
        let runs = self.cursor.count(4)?;
        if runs == 0 {
            return Err(corrupt("an object has no elements after all"));
        }
        for _ in 0..runs {
            let gap = self.cursor.varint()?;
            let count = self.cursor.count(1)?;
            let attributes = self.attributes()?;
            next =
                gap.checked_add(next).and_then(|start| start.checked_add(count as u64)).unwrap_or(u64::MAX);
            if count == 0 || next > u64::from(u32::MAX) || (gap == 0 && last == Some(attributes)) {
                return Err(corrupt("elements are not in order"));
            }
            last = Some(attributes);
            for _ in 0..count {
                self.value()?;
            }
        }
        Ok(())
    }

    fn new_shape(&mut self) -> Result<Shape> {
        let names = self.cursor.count(2)?;
        let mut shape = Shape { at: self.place(), names, values: 0 };
        let mut is_private = false;
        for _ in 0..names {
            let has_value = if self.cursor.peek() == Some(tag::PRIVATE) {
                is_private = true;
                self.member()?
            } else if is_private {
                return Err(corrupt("a name follows a private one"));
            } else {
                self.name()?;
                true
            };
            shape.values += usize::from(has_value);
        }
        if names == 0 { Err(corrupt("a shape has no names")) } else { Ok(shape) }
    }

    fn name(&mut self) -> Result<()> {
        match self.value()? {
            Token::String(_) | Token::Registered(_) | Token::WellKnown(_) | Token::Code(_) => {
                self.attributes().map(drop)
            }
            _ => Err(corrupt("a key is none")),
        }
    }

    /// A private member; whether it has a value.
    fn member(&mut self) -> Result<bool> {
        self.cursor.byte()?;
        let Token::Code(_) = self.value()? else { return Err(corrupt("a class is none")) };
        let name = self.cursor.text()?;
        if !name.is_empty() && name.first() != Some(u16::from(b'#')) {
            return Err(corrupt("a private name is none"));
        }
        Ok(!name.is_empty())
    }
}
