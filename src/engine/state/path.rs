//! Paths into the code, as a document has them.

use crate::engine::error::Result;
use crate::engine::state::format::{Cursor, Token, corrupt, root, step};
use crate::engine::state::pristine::Pristine;
use crate::engine::value::path::property;

/// The most steps of a path: what lies farther from the beginning is no code that a state can name.
pub(super) const LONGEST_PATH: usize = 1024;

/// A path as a document has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    pub(super) beginning: u8,
    /// Of the top-level name or the module.
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Own(u8, Key),
    Prototype,
    Key(u64, String),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Text(Vec<u16>),
    Registered(Vec<u16>),
    WellKnown(String),
}

impl Key {
    pub(super) fn of(token: Token) -> Option<Self> {
        Some(match token {
            Token::String(text) => Self::Text(text.units()),
            Token::Registered(text) => Self::Registered(text.units()),
            Token::WellKnown(text) => Self::WellKnown(text.to_text()),
            _ => return None,
        })
    }

    pub(super) fn to_name<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        pristine: &Pristine,
    ) -> Option<v8::Local<'s, v8::Name>> {
        let text = |scope: &mut v8::PinScope<'s, '_>, units: &[u16]| {
            v8::String::new_from_two_byte(scope, units, v8::NewStringType::Internalized)
        };
        Some(match self {
            Self::Text(units) => text(scope, units)?.into(),
            Self::Registered(units) => {
                let text = text(scope, units)?;
                v8::Symbol::for_key(scope, text).into()
            }
            Self::WellKnown(name) => pristine.symbol(scope, name)?.into(),
        })
    }

    /// The same, or the beginning of a long one.
    pub(super) fn beginning(&self, most: usize) -> Self {
        let cut = |units: &[u16]| units.iter().take(most).copied().collect();
        match self {
            Self::Text(units) => Self::Text(cut(units)),
            Self::Registered(units) => Self::Registered(cut(units)),
            Self::WellKnown(name) => Self::WellKnown(name.chars().take(most).collect()),
        }
    }

    /// As JavaScript would write it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(units) => property(&String::from_utf16_lossy(units)),
            Self::Registered(units) => format!("[Symbol.for({:?})]", String::from_utf16_lossy(units)),
            Self::WellKnown(name) => format!("[Symbol.{name}]"),
        }
    }
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// `StateCorrupt`.
    pub(super) fn read(cursor: &mut Cursor) -> Result<Self> {
        let beginning = cursor.byte()?;
        let name = match beginning {
            root::GLOBAL => String::new(),
            root::LEXICAL | root::MODULE => cursor.text()?.to_text(),
            _ => return Err(corrupt("a path begins nowhere")),
        };
        let count = cursor.count(1)?;
        if count > LONGEST_PATH {
            return Err(corrupt("a path is too long"));
        }
        let mut steps = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            steps.push(match cursor.byte()? {
                which @ (step::PROPERTY | step::GETTER | step::SETTER) => {
                    let key = Key::of(cursor.token()?).ok_or_else(|| corrupt("a key is none"))?;
                    Step::Own(which, key)
                }
                step::PROTOTYPE => Step::Prototype,
                step::KEY => Step::Key(cursor.varint()?, cursor.text()?.to_text()),
                _ => return Err(corrupt("a path has a step of no kind")),
            });
        }
        Ok(Self { beginning, name, steps })
    }

    /// The path as a user would write it.
    pub(super) fn shown(&self) -> String {
        self.shown_within(usize::MAX)
    }

    /// The same, of which no more is read than so many characters need: what comes after them may be missing.
    pub(super) fn shown_within(&self, most: usize) -> String {
        let name: String = self.name.chars().take(most).collect();
        let mut text = match self.beginning {
            root::MODULE => format!("import({name:?})"),
            _ => name,
        };
        for step in &self.steps {
            if text.len() > most {
                break;
            }
            let part = match step {
                Step::Own(step::PROPERTY, key) => key.beginning(most).shown(),
                Step::Own(step::GETTER, key) => format!("{} (getter)", key.beginning(most).shown()),
                Step::Own(_, key) => format!("{} (setter)", key.beginning(most).shown()),
                Step::Prototype => ".__proto__".to_owned(),
                Step::Key(_, description) => {
                    format!("[Symbol({})]", description.chars().take(most).collect::<String>())
                }
            };
            text.push_str(&part);
        }
        let text = text.strip_prefix('.').unwrap_or(&text);
        if text.is_empty() { "globalThis".to_owned() } else { text.to_owned() }
    }
}
