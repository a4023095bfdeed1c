//! Values of a document in one line, as a person would want to see them. Bounded in length, depth and time:
//! a document can be anybody's.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::engine::error::Result;
use crate::engine::state::format::{Kind, Token, VIEWS, attribute, flag};
use crate::engine::state::line::{Line, bigint, date, number};
use crate::engine::state::literals::{
    PREVIEWED_UNITS, beginning, element_text, function_name, is_plain, primitive, regexp, view_name,
};
use crate::engine::state::path::Key;
use crate::engine::state::scan::{Place, Record, Scan};
use crate::engine::state::walk::{Elements, Item, Name, Names, Walk};

/// The longest name of a type or a place in code, in characters.
const LONGEST_NAME: usize = 60;
/// Objects within objects are shown so deep.
const DEPTH: usize = 2;
/// So many parts of an object are shown.
const PARTS: usize = 6;
/// The name of an error's property is looked for among so many.
const ERROR_PROPERTIES: usize = 8;

/// Shows values of one document, or of a form in it.
pub(super) struct Previews<'d, 'a> {
    scan: &'d Scan<'a>,
    // What takes a while is found out once, however often something refers to it.
    /// The paths of code by their numbers.
    paths: RefCell<HashMap<usize, Rc<str>>>,
    /// Classes by the number of an instance.
    classes: RefCell<HashMap<usize, Class>>,
    /// What shows forms, by their numbers.
    forms: RefCell<HashMap<usize, Rc<Self>>>,
}

/// What an object is an instance of.
#[derive(Clone)]
enum Class {
    /// What its kind begins with.
    Ordinary,
    /// Nothing.
    Null,
    /// A class of the snapshot.
    Named(Rc<str>),
}

impl<'d, 'a> Previews<'d, 'a> {
    pub(super) fn new(scan: &'d Scan<'a>) -> Self {
        Self { scan, paths: RefCell::default(), classes: RefCell::default(), forms: RefCell::default() }
    }

    /// What a value is: `number`, `Map`, or the class that it is an instance of.
    pub(super) fn type_of(&self, item: Item) -> Result<String> {
        Ok(match item {
            Item::Primitive(token) => match token {
                Token::Undefined => "undefined",
                Token::Null => "null",
                Token::Boolean(_) => "boolean",
                Token::Integer(_) | Token::Double(_) => "number",
                Token::BigInt { .. } => "bigint",
                Token::String(_) => "string",
                _ => "symbol",
            }
            .to_owned(),
            Item::Code(_) => "code".to_owned(),
            Item::Object(index) => match self.class(index)? {
                Class::Named(name) => name.to_string(),
                Class::Ordinary | Class::Null => self.kind_name(index)?.to_owned(),
            },
        })
    }

    /// The path of code, cut where it is long.
    pub(super) fn code(&self, index: usize) -> Rc<str> {
        let mut paths = self.paths.borrow_mut();
        let shown = paths.entry(index).or_insert_with(|| {
            let mut line = Line::new(LONGEST_NAME);
            if let Some(path) = self.scan.path(index) {
                line.push_foreign(&path.shown_within(LONGEST_NAME));
            }
            line.finish().into()
        });
        Rc::clone(shown)
    }

    /// Adds a value.
    pub(super) fn show(&self, line: &mut Line, item: Item<'a>) -> Result<()> {
        self.value(line, item, &mut Vec::new())
    }

    fn value(&self, line: &mut Line, item: Item<'a>, around: &mut Vec<usize>) -> Result<()> {
        if line.is_full() {
            return Ok(());
        }
        match item {
            Item::Primitive(token) => primitive(line, token),
            Item::Code(index) => {
                line.push("[code ");
                line.push(&self.code(index));
                line.push("]");
            }
            Item::Object(index) if around.contains(&index) => line.push("[Circular]"),
            Item::Object(index) => {
                around.push(index);
                self.object(line, index, around)?;
                around.pop();
            }
        }
        Ok(())
    }

    fn object(&self, line: &mut Line, index: usize, around: &mut Vec<usize>) -> Result<()> {
        let Some(record) = self.scan.records.get(index) else { return Ok(()) };
        let mut walk = Walk::new(self.scan, record.body);
        match record.kind {
            Kind::Date => line.push(&date(walk.cursor.double()?)),
            Kind::RegExp => regexp(line, &mut walk)?,
            Kind::Error => self.error(line, index, record)?,
            Kind::BoxedBoolean
            | Kind::BoxedNumber
            | Kind::BoxedString
            | Kind::BoxedBigInt
            | Kind::BoxedSymbol => {
                line.push(&format!("[{}: ", self.kind_name(index)?));
                match record.kind {
                    Kind::BoxedBoolean => line.push(if walk.cursor.byte()? == 1 { "true" } else { "false" }),
                    Kind::BoxedNumber => line.push(&number(walk.cursor.double()?)),
                    Kind::BoxedBigInt => {
                        let (is_negative, magnitude) = walk.cursor.bigint()?;
                        line.push(&bigint(is_negative, magnitude));
                    }
                    _ => {
                        let item = walk.item()?;
                        self.value(line, item, around)?;
                    }
                }
                line.push("]");
            }
            Kind::Buffer | Kind::ResizableBuffer => {
                if record.kind == Kind::ResizableBuffer {
                    walk.cursor.varint()?;
                }
                line.push(&format!("ArrayBuffer {{ byteLength: {} }}", walk.bytes()?.len()));
            }
            Kind::View => self.view(line, index, &mut walk)?,
            Kind::Function => {
                walk.cursor.byte()?;
                let text = walk.cursor.text()?;
                line.push("[Function: ");
                line.push_foreign(&function_name(text));
                line.push("]");
            }
            Kind::Object | Kind::Array | Kind::Map | Kind::Set | Kind::Hooked => {
                if around.len() > DEPTH {
                    line.push(&format!("[{}]", self.type_of(Item::Object(index))?));
                } else {
                    self.parts(line, index, record, around)?;
                }
            }
        }
        Ok(())
    }

    /// An object with what it holds.
    fn parts(&self, line: &mut Line, index: usize, record: &Record, around: &mut Vec<usize>) -> Result<()> {
        let mut walk = Walk::new(self.scan, record.body);
        let kind = record.kind;
        if kind == Kind::Hooked {
            line.push(&self.type_of(Item::Object(index))?);
            line.push("(");
            if let Some(form) = self.scan.forms.get(record.form) {
                let mut forms = self.forms.borrow_mut();
                let inner = Rc::clone(forms.entry(record.form).or_insert_with(|| Rc::new(Self::new(form))));
                drop(forms);
                let first = Walk::new(form, Place { at: 0, objects: 0, paths: 0 }).item()?;
                // Numbers mean other objects there: as deep as here, and none of those around it.
                inner.value(line, first, &mut vec![usize::MAX; around.len()])?;
            }
            line.push(")");
            return Ok(());
        }
        let size = match kind {
            Kind::Array => Some(walk.cursor.varint()?),
            Kind::Map => Some(walk.cursor.count(2)? as u64),
            Kind::Set => Some(walk.cursor.count(1)? as u64),
            _ => None,
        };
        match (self.class(index)?, kind) {
            (Class::Named(name), _) => line.push(&name),
            (Class::Null, _) => line.push(&format!("[{}: null prototype]", self.kind_name(index)?)),
            (Class::Ordinary, Kind::Map | Kind::Set) => line.push(self.kind_name(index)?),
            (Class::Ordinary, _) => {}
        }
        if let (Some(size), true) =
            (size, kind != Kind::Array || !matches!(self.class(index)?, Class::Ordinary))
        {
            line.push(&format!("({size})"));
        }
        if !matches!((self.class(index)?, kind), (Class::Ordinary, Kind::Object | Kind::Array)) {
            line.push(" ");
        }
        let (open, close) = if kind == Kind::Array { ("[", "]") } else { ("{", "}") };
        let mut list = List { line, open, count: 0 };
        match kind {
            Kind::Map | Kind::Set => {
                for _ in 0..size.unwrap_or(0) {
                    if !list.next() {
                        break;
                    }
                    let item = walk.item()?;
                    self.value(list.line, item, around)?;
                    if kind == Kind::Map {
                        list.line.push(" => ");
                        let item = walk.item()?;
                        self.value(list.line, item, around)?;
                    }
                }
            }
            _ => {
                self.elements(&mut list, walk, record, size, around)?;
                self.properties(&mut list, record, around)?;
            }
        }
        list.finish(close);
        Ok(())
    }

    fn elements(
        &self,
        list: &mut List,
        mut walk: Walk<'_, 'a>,
        record: &Record,
        length: Option<u64>,
        around: &mut Vec<usize>,
    ) -> Result<()> {
        walk.prototype()?;
        let mut elements = Elements::new(&mut walk, record)?;
        let mut expected = 0;
        while let Some((index, item)) = elements.next()? {
            if length.is_some() && index > expected && !holes(list, index - expected) {
                return Ok(());
            }
            if !list.next() {
                return Ok(());
            }
            if length.is_none() {
                list.line.push(&format!("'{index}': "));
            }
            self.value(list.line, item, around)?;
            expected = index + 1;
        }
        if let Some(missing) =
            length.and_then(|length| length.checked_sub(expected)).filter(|missing| *missing > 0)
        {
            holes(list, missing);
        }
        Ok(())
    }

    fn properties(&self, list: &mut List, record: &Record, around: &mut Vec<usize>) -> Result<()> {
        let mut walk = Walk::new(self.scan, record.values);
        // What is not enumerable is passed over, but not for ever.
        for name in Names::new(self.scan, record).take(PARTS * PARTS) {
            let (name, item) = (name?, walk.item()?);
            if let Name::Known(_, attributes) | Name::Code(_, attributes) = name
                && attributes & attribute::DONT_ENUM != 0
            {
                continue;
            }
            if !list.next() {
                break;
            }
            match &name {
                Name::Known(Key::Text(units), _) if is_plain(units) => {
                    list.line.push_foreign(&String::from_utf16_lossy(units));
                }
                Name::Known(Key::Text(units), _) => list.line.push_quoted(units.iter().copied()),
                Name::Known(key, _) => {
                    list.line.push_foreign(&key.beginning(LONGEST_NAME).shown());
                }
                Name::Field(text) => list.line.push_foreign(text),
                Name::Code(path, _) => {
                    list.line.push("[");
                    list.line.push(&self.code(*path));
                    list.line.push("]");
                }
            }
            list.line.push(": ");
            self.value(list.line, item, around)?;
        }
        Ok(())
    }

    fn error(&self, line: &mut Line, index: usize, record: &Record) -> Result<()> {
        line.push("[");
        line.push(&self.type_of(Item::Object(index))?);
        let mut walk = Walk::new(self.scan, record.values);
        for name in Names::new(self.scan, record).take(ERROR_PROPERTIES) {
            let (name, item) = (name?, walk.item()?);
            let is_message = matches!(name, Name::Known(Key::Text(units), _) if units.iter().copied().eq("message".encode_utf16()));
            if let (true, Item::Primitive(Token::String(text))) = (is_message, item) {
                line.push(": ");
                line.push_foreign(&beginning(text, PREVIEWED_UNITS));
                break;
            }
        }
        line.push("]");
        Ok(())
    }

    /// A view with its first elements.
    fn view(&self, line: &mut Line, index: usize, walk: &mut Walk<'_, 'a>) -> Result<()> {
        let (letter, is_tracking) = (walk.cursor.byte()?, walk.cursor.byte()? == 1);
        let (offset, length) = (walk.cursor.varint()?, walk.cursor.varint()?);
        let bytes = match walk.item()? {
            Item::Object(buffer) => self.buffer(buffer)?,
            _ => &[],
        };
        let bytes = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let length = if is_tracking { bytes.len() } else { usize::try_from(length).unwrap_or(usize::MAX) };
        let size = VIEWS.iter().find(|(known, _)| *known == letter).map_or(1, |(_, size)| *size);
        line.push(&self.type_of(Item::Object(index))?);
        if letter == b'?' {
            line.push(&format!(" {{ byteLength: {length} }}"));
            return Ok(());
        }
        line.push(&format!("({}) ", length / size));
        let mut list = List { line, open: "[", count: 0 };
        for element in bytes.get(..length).unwrap_or_default().chunks_exact(size) {
            let Some(text) = element_text(letter, element).filter(|_| list.next()) else { break };
            list.line.push(&text);
        }
        list.finish("]");
        Ok(())
    }

    fn buffer(&self, index: usize) -> Result<&'a [u8]> {
        let Some(record) = self.scan.records.get(index) else { return Ok(&[]) };
        let mut walk = Walk::new(self.scan, record.body);
        match record.kind {
            Kind::Buffer => walk.bytes(),
            Kind::ResizableBuffer => {
                walk.cursor.varint()?;
                walk.bytes()
            }
            _ => Ok(&[]),
        }
    }

    fn class(&self, index: usize) -> Result<Class> {
        if let Some(class) = self.classes.borrow().get(&index) {
            return Ok(class.clone());
        }
        let class = self.find_class(index)?;
        self.classes.borrow_mut().insert(index, class.clone());
        Ok(class)
    }

    fn find_class(&self, index: usize) -> Result<Class> {
        let Some(record) = self.scan.records.get(index) else { return Ok(Class::Ordinary) };
        let mut walk = Walk::new(self.scan, record.body);
        let named = |text: &str| Class::Named(text.strip_suffix(".prototype").unwrap_or(text).into());
        if record.kind == Kind::Hooked {
            return Ok(match walk.item()? {
                Item::Code(path) => named(&self.code(path)),
                _ => Class::Ordinary,
            });
        }
        if record.flags & flag::HAS_PROTOTYPE == 0 {
            return Ok(Class::Ordinary);
        }
        walk.skip_body(record.kind)?;
        Ok(match walk.prototype()? {
            Some(Item::Code(path)) => named(&self.code(path)),
            Some(Item::Primitive(_)) => Class::Null,
            _ => Class::Ordinary,
        })
    }

    fn kind_name(&self, index: usize) -> Result<&'static str> {
        let Some(record) = self.scan.records.get(index) else { return Ok("Object") };
        Ok(match record.kind {
            Kind::Object | Kind::Hooked => "Object",
            Kind::Array => "Array",
            Kind::Date => "Date",
            Kind::RegExp => "RegExp",
            Kind::Map => "Map",
            Kind::Set => "Set",
            Kind::Error => "Error",
            Kind::BoxedBoolean => "Boolean",
            Kind::BoxedNumber => "Number",
            Kind::BoxedString => "String",
            Kind::BoxedBigInt => "BigInt",
            Kind::BoxedSymbol => "Symbol",
            Kind::Buffer | Kind::ResizableBuffer => "ArrayBuffer",
            Kind::View => view_name(Walk::new(self.scan, record.body).cursor.byte()?),
            Kind::Function => "Function",
        })
    }
}

/// Parts of an object, between brackets.
struct List<'l> {
    line: &'l mut Line,
    open: &'static str,
    count: usize,
}

impl List<'_> {
    /// Begins another part. False when there are enough, which the line says.
    fn next(&mut self) -> bool {
        if self.line.is_full() || self.count > PARTS {
            return false;
        }
        self.line.push(if self.count == 0 { self.open } else { "," });
        self.line.push(" ");
        self.count += 1;
        if self.count > PARTS {
            self.line.push("…");
            return false;
        }
        true
    }

    fn finish(self, close: &str) {
        if self.count == 0 {
            self.line.push(self.open);
        } else {
            self.line.push(" ");
        }
        self.line.push(close);
    }
}

fn holes(list: &mut List, count: u64) -> bool {
    if !list.next() {
        return false;
    }
    list.line.push(&format!("<{count} empty>"));
    true
}
