//! The parser's states for `file:` URLs, whose paths may begin with a drive.

use super::parser::{Parser, State, Step};
use super::record::{Path, is_drive, is_normalized_drive};

impl Parser<'_> {
    pub(super) fn file(&mut self, letter: Option<char>) -> Step {
        "file".clone_into(&mut self.url.scheme);
        self.url.host = Some(String::new());
        if matches!(letter, Some('/' | '\\')) {
            return self.next(State::FileSlash);
        }
        let Some(base) = self.base.filter(|base| base.scheme == "file") else {
            return self.again(State::Path);
        };
        self.url.host.clone_from(&base.host);
        self.url.path = base.path.clone();
        self.url.query.clone_from(&base.query);
        if matches!(letter, None | Some('?' | '#')) || !self.starts_with_drive() {
            return self.after_path_of_base(letter);
        }
        self.url.query = None;
        self.url.empty_path();
        self.again(State::Path)
    }

    /// Whether the rest of the text starts with a drive's letter that is a segment of its own.
    fn starts_with_drive(&self) -> bool {
        let drive: String = self.at(0).into_iter().chain(self.at(1)).collect();
        is_drive(&drive) && matches!(self.at(2), None | Some('/' | '\\' | '?' | '#'))
    }

    pub(super) fn file_slash(&mut self, letter: Option<char>) -> Step {
        if matches!(letter, Some('/' | '\\')) {
            return self.next(State::FileHost);
        }
        if let Some(base) = self.base.filter(|base| base.scheme == "file") {
            self.url.host.clone_from(&base.host);
            if let Path::Segments(segments) = &base.path
                && let Some(drive) = segments.first().filter(|first| is_normalized_drive(first))
                && !self.starts_with_drive()
            {
                self.url.segments().push(drive.clone());
            }
        }
        self.again(State::Path)
    }

    pub(super) fn file_host(&mut self, letter: Option<char>) -> Step {
        if !matches!(letter, None | Some('/' | '\\' | '?' | '#')) {
            self.buffer.extend(letter);
            return Step::Next;
        }
        if self.given.is_none() && is_drive(&self.buffer) {
            // No host: it is the path's first segment, which stays in the buffer.
            return self.again(State::Path);
        }
        if self.buffer.is_empty() {
            self.url.host = Some(String::new());
        } else if !self.take_host() {
            return Step::Failure;
        } else if self.url.host.as_deref() == Some("localhost") {
            self.url.host = Some(String::new());
        }
        if self.given.is_some() { Step::Complete } else { self.again(State::PathStart) }
    }
}
