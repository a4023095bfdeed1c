//! Reads a sound document again, from any place on, to build what is in it or to show it. No V8, and nothing is checked twice.

use crate::engine::error::Result;
use crate::engine::state::format::{Cursor, Kind, Token, corrupt, flag, tag};
use crate::engine::state::path::Key;
use crate::engine::state::scan::{Place, Record, Scan};

/// A value of a document, with what it refers to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    Primitive(Token<'a>),
    /// An object by its number. It may be one that is described later.
    Object(usize),
    /// A path into the code by its number.
    Code(usize),
}

/// Where in a document something is being read.
pub(super) struct Walk<'d, 'a> {
    scan: &'d Scan<'a>,
    pub(super) cursor: Cursor<'a>,
    /// How many objects something before referred to.
    pub(super) objects: usize,
    paths: usize,
}

impl<'d, 'a> Walk<'d, 'a> {
    pub(super) fn new(scan: &'d Scan<'a>, at: Place) -> Self {
        Self { scan, cursor: Cursor::again(scan.bytes, at.at), objects: at.objects, paths: at.paths }
    }

    /// The next value.
    pub(super) fn item(&mut self) -> Result<Item<'a>> {
        Ok(match self.cursor.token()? {
            Token::New => {
                self.objects += 1;
                Item::Object(self.objects - 1)
            }
            Token::Reference(back) => {
                let back = usize::try_from(back).unwrap_or(usize::MAX);
                Item::Object(self.objects.checked_sub(back).ok_or_else(unsound)?)
            }
            Token::Code(0) => {
                let path = self.scan.paths.get(self.paths).ok_or_else(unsound)?;
                self.cursor = Cursor::again(self.scan.bytes, path.end);
                self.paths += 1;
                Item::Code(self.paths - 1)
            }
            Token::Code(number) => {
                let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                Item::Code(index.ok_or_else(unsound)?)
            }
            token => Item::Primitive(token),
        })
    }

    /// The next name of a shape; none for what marks objects with private methods, which has no value.
    fn name(&mut self) -> Result<Option<Name>> {
        if self.cursor.peek() == Some(tag::PRIVATE) {
            self.cursor.byte()?;
            self.item()?;
            let text = self.cursor.text()?.to_text();
            return Ok(Some(text).filter(|text| !text.is_empty()).map(Name::Field));
        }
        let name = match self.item()? {
            Item::Code(path) => Name::Code(path, self.cursor.byte()?),
            Item::Primitive(token) => Name::Known(Key::of(token).ok_or_else(unsound)?, self.cursor.byte()?),
            Item::Object(_) => return Err(unsound()),
        };
        Ok(Some(name))
    }

    /// Goes past what an object's kind needs. Takes as long as a `Map` or a `Set` has entries.
    pub(super) fn skip_body(&mut self, kind: Kind) -> Result<()> {
        match kind {
            Kind::Object | Kind::Error => {}
            Kind::Array => drop(self.cursor.varint()?),
            Kind::Date | Kind::BoxedNumber => drop(self.cursor.take(8)?),
            Kind::RegExp => {
                self.cursor.token()?;
                self.cursor.varint()?;
            }
            Kind::Map | Kind::Set => {
                let values = if kind == Kind::Map { 2 } else { 1 };
                for _ in 0..self.cursor.count(values)? * values {
                    self.item()?;
                }
            }
            Kind::BoxedBoolean => drop(self.cursor.byte()?),
            Kind::BoxedString => drop(self.cursor.token()?),
            Kind::BoxedBigInt => drop(self.cursor.bigint()?),
            Kind::BoxedSymbol => drop(self.item()?),
            Kind::Buffer => drop(self.bytes()?),
            Kind::ResizableBuffer => {
                self.cursor.varint()?;
                self.bytes()?;
            }
            Kind::View => {
                self.cursor.take(2)?;
                self.cursor.varint()?;
                self.cursor.varint()?;
                self.item()?;
            }
            Kind::Function => {
                self.cursor.byte()?;
                self.cursor.token()?;
                self.item()?;
            }
            // A form is all that there is.
            Kind::Hooked => return Err(unsound()),
        }
        Ok(())
    }

    /// Goes past an object's flags, and tells its prototype, if that is another than its kind begins with.
    pub(super) fn prototype(&mut self) -> Result<Option<Item<'a>>> {
        let flags = self.cursor.byte()?;
        if flags & flag::HAS_PROTOTYPE == 0 { Ok(None) } else { self.item().map(Some) }
    }

    /// Bytes that stand behind their length.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.cursor.count(1)?;
        self.cursor.take(length)
    }
}

/// A name of an object that has a value.
#[derive(Debug)]
pub(super) enum Name {
    /// A string, or a symbol that the language or its registry knows; and the property's attributes.
    Known(Key, u8),
    /// A symbol of the code: the number of its path; and the property's attributes.
    Code(usize, u8),
    /// A private field, as in `#x`.
    Field(String),
}

/// The names of an object, one after the other, in the order of their values.
pub(super) struct Names<'d, 'a> {
    walk: Option<Walk<'d, 'a>>,
    left: usize,
}

impl<'d, 'a> Names<'d, 'a> {
    pub(super) fn new(scan: &'d Scan<'a>, record: &Record) -> Self {
        let shape = record.shape.checked_sub(1).and_then(|shape| scan.shapes.get(shape));
        Self {
            walk: shape.map(|shape| Walk::new(scan, shape.at)),
            left: shape.map_or(0, |shape| shape.names),
        }
    }
}

impl Iterator for Names<'_, '_> {
    type Item = Result<Name>;

    fn next(&mut self) -> Option<Self::Item> {
        let walk = self.walk.as_mut()?;
        while self.left > 0 {
            self.left -= 1;
            if let Some(name) = walk.name().transpose() {
                return Some(name);
            }
        }
        None
    }
}

/// The elements of an object, one after the other.
pub(super) struct Elements<'w, 'd, 'a> {
    walk: &'w mut Walk<'d, 'a>,
    runs: usize,
    /// How many more the run has that is being read.
    run: usize,
    next: u64,
}

impl<'w, 'd, 'a> Elements<'w, 'd, 'a> {
    /// Of an object whose prototype was just passed.
    pub(super) fn new(walk: &'w mut Walk<'d, 'a>, record: &Record) -> Result<Self> {
        let runs = if record.flags & flag::HAS_ELEMENTS == 0 { 0 } else { walk.cursor.count(4)? };
        Ok(Self { walk, runs, run: 0, next: 0 })
    }

    /// The next element with its index.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Item<'a>)>> {
        if self.run == 0 {
            if self.runs == 0 {
                return Ok(None);
            }
            self.runs -= 1;
            self.next = self.next.saturating_add(self.walk.cursor.varint()?);
            self.run = self.walk.cursor.count(1)?;
            self.walk.cursor.byte()?;
        }
        self.run = self.run.checked_sub(1).ok_or_else(unsound)?;
        let index = self.next;
        self.next = self.next.saturating_add(1);
        Ok(Some((index, self.walk.item()?)))
    }

    /// How many objects something before referred to.
    pub(super) fn objects(&self) -> usize {
        self.walk.objects
    }

    /// Where it is being read.
    pub(super) fn at(&self) -> usize {
        self.walk.cursor.at()
    }
}

fn unsound() -> crate::engine::error::EngineError {
    corrupt("it is not as it was when it was checked")
}
