//! The basic URL parser (<https://url.spec.whatwg.org/#concept-basic-url-parser>), state by state as the
//! standard has it.

use super::host;
use super::percent;
use super::record::{Path, Record, default_port, is_drive, is_special};

/// The states of the standard's parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    SchemeStart,
    Scheme,
    NoScheme,
    SpecialRelativeOrAuthority,
    PathOrAuthority,
    Relative,
    RelativeSlash,
    SpecialAuthoritySlashes,
    SpecialAuthorityIgnoreSlashes,
    Authority,
    Host,
    Hostname,
    Port,
    File,
    FileSlash,
    FileHost,
    PathStart,
    Path,
    OpaquePath,
    Query,
    Fragment,
}

/// What a step of the parser leads to.
pub(super) enum Step {
    /// To the next character.
    Next,
    /// The same character once more, in another state.
    Again,
    /// All over from the first character.
    Restart,
    /// The text is no URL, or no value for the part that is to change.
    Failure,
    /// The part that is to change is complete.
    Complete,
}

/// Parses a URL. `None` when the text is none.
pub(super) fn parse(input: &str, base: Option<&Record>) -> Option<Record> {
    let trimmed = input.trim_matches(|letter: char| letter <= ' ');
    let mut record = Record::default();
    let mut parser = Parser::new(trimmed, base, &mut record, None);
    parser.run().then_some(record)
}

/// Parses the value of one part of a URL, beginning in the part's state. What was understood before a fault
/// counts.
pub(super) fn parse_from(value: &str, record: &mut Record, state: State) {
    Parser::new(value, None, record, Some(state)).run();
}

pub(super) struct Parser<'a> {
    letters: Vec<char>,
    pub(super) base: Option<&'a Record>,
    pub(super) url: &'a mut Record,
    pub(super) given: Option<State>,
    state: State,
    pointer: usize,
    pub(super) buffer: String,
    at_sign_seen: bool,
    inside_brackets: bool,
    password_seen: bool,
}

impl<'a> Parser<'a> {
    fn new(input: &str, base: Option<&'a Record>, url: &'a mut Record, given: Option<State>) -> Self {
        Self {
            letters: input.chars().filter(|letter| !matches!(letter, '\t' | '\n' | '\r')).collect(),
            base,
            url,
            given,
            state: given.unwrap_or(State::SchemeStart),
            pointer: 0,
            buffer: String::new(),
            at_sign_seen: false,
            inside_brackets: false,
            password_seen: false,
        }
    }

    /// Whether the text is a URL.
    fn run(&mut self) -> bool {
        loop {
            let letter = self.at(0);
            match self.step(letter) {
                Step::Next if letter.is_none() => return true,
                Step::Next => self.pointer += 1,
                Step::Again => {}
                Step::Restart => self.pointer = 0,
                Step::Failure => return false,
                Step::Complete => return true,
            }
        }
    }

    pub(super) fn at(&self, offset: usize) -> Option<char> {
        self.letters.get(self.pointer + offset).copied()
    }

    fn step(&mut self, letter: Option<char>) -> Step {
        match self.state {
            State::SchemeStart => self.scheme_start(letter),
            State::Scheme => self.scheme(letter),
            State::NoScheme => self.no_scheme(letter),
            State::SpecialRelativeOrAuthority => {
                if letter == Some('/') && self.at(1) == Some('/') {
                    self.pointer += 1;
                    return self.next(State::SpecialAuthorityIgnoreSlashes);
                }
                self.again(State::Relative)
            }
            State::PathOrAuthority if letter == Some('/') => self.next(State::Authority),
            State::PathOrAuthority => self.again(State::Path),
            State::Relative => self.relative(letter),
            State::RelativeSlash => self.relative_slash(letter),
            State::SpecialAuthoritySlashes => {
                if letter == Some('/') && self.at(1) == Some('/') {
                    self.pointer += 1;
                    return self.next(State::SpecialAuthorityIgnoreSlashes);
                }
                self.again(State::SpecialAuthorityIgnoreSlashes)
            }
            State::SpecialAuthorityIgnoreSlashes if matches!(letter, Some('/' | '\\')) => Step::Next,
            State::SpecialAuthorityIgnoreSlashes => self.again(State::Authority),
            State::Authority => self.authority(letter),
            State::Host | State::Hostname => self.host(letter),
            State::Port => self.port(letter),
            State::File => self.file(letter),
            State::FileSlash => self.file_slash(letter),
            State::FileHost => self.file_host(letter),
            State::PathStart => self.path_start(letter),
            State::Path => self.path(letter),
            State::OpaquePath => self.opaque_path(letter),
            State::Query => self.query(letter),
            State::Fragment => {
                if let (Some(letter), Some(fragment)) = (letter, &mut self.url.fragment) {
                    percent::push(fragment, letter, percent::is_fragment);
                }
                Step::Next
            }
        }
    }

    pub(super) fn next(&mut self, state: State) -> Step {
        self.state = state;
        Step::Next
    }

    pub(super) fn again(&mut self, state: State) -> Step {
        self.state = state;
        Step::Again
    }

    fn begin_query(&mut self) -> Step {
        self.url.query = Some(String::new());
        self.next(State::Query)
    }

    fn begin_fragment(&mut self) -> Step {
        self.url.fragment = Some(String::new());
        self.next(State::Fragment)
    }

    /// A slash, or what special schemes take for one.
    fn is_slash(&self, letter: Option<char>) -> bool {
        letter == Some('/') || (letter == Some('\\') && self.url.is_special())
    }

    /// Whether the authority or a part of it ends here.
    fn ends_authority(&self, letter: Option<char>) -> bool {
        matches!(letter, None | Some('?' | '#')) || self.is_slash(letter)
    }

    fn scheme_start(&mut self, letter: Option<char>) -> Step {
        match letter {
            Some(letter) if letter.is_ascii_alphabetic() => {
                self.buffer.push(letter.to_ascii_lowercase());
                self.next(State::Scheme)
            }
            _ if self.given.is_none() => self.again(State::NoScheme),
            _ => Step::Failure,
        }
    }

    fn scheme(&mut self, letter: Option<char>) -> Step {
        match letter {
            Some(letter) if letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.') => {
                self.buffer.push(letter.to_ascii_lowercase());
                Step::Next
            }
            Some(':') if self.given.is_some() => {
                self.change_scheme();
                Step::Complete
            }
            Some(':') => {
                self.url.scheme = std::mem::take(&mut self.buffer);
                let is_special = self.url.is_special();
                if self.url.scheme == "file" {
                    return self.next(State::File);
                }
                if is_special && self.base.is_some_and(|base| base.scheme == self.url.scheme) {
                    return self.next(State::SpecialRelativeOrAuthority);
                }
                if is_special {
                    return self.next(State::SpecialAuthoritySlashes);
                }
                if self.at(1) == Some('/') {
                    self.pointer += 1;
                    return self.next(State::PathOrAuthority);
                }
                self.url.path = Path::Opaque(String::new());
                self.next(State::OpaquePath)
            }
            _ if self.given.is_none() => {
                self.buffer.clear();
                self.state = State::NoScheme;
                Step::Restart
            }
            _ => Step::Failure,
        }
    }

    fn change_scheme(&mut self) {
        let has_port = self.url.has_credentials() || self.url.port.is_some();
        let has_no_host = self.url.scheme == "file" && self.url.host.as_deref() == Some("");
        if self.url.is_special() != is_special(&self.buffer)
            || (has_port && self.buffer == "file")
            || has_no_host
        {
            return;
        }
        self.url.scheme = std::mem::take(&mut self.buffer);
        if self.url.port == default_port(&self.url.scheme) {
            self.url.port = None;
        }
    }

    fn no_scheme(&mut self, letter: Option<char>) -> Step {
        let Some(base) = self.base else { return Step::Failure };
        if base.has_opaque_path() {
            if letter != Some('#') {
                return Step::Failure;
            }
            *self.url = Record { fragment: None, ..base.clone() };
            return self.begin_fragment();
        }
        self.again(if base.scheme == "file" { State::File } else { State::Relative })
    }

    fn relative(&mut self, letter: Option<char>) -> Step {
        let Some(base) = self.base else { return Step::Failure };
        self.url.scheme.clone_from(&base.scheme);
        if self.is_slash(letter) {
            return self.next(State::RelativeSlash);
        }
        *self.url = Record { fragment: None, ..base.clone() };
        self.after_path_of_base(letter)
    }

    /// The base's path was taken over; what follows replaces its end.
    pub(super) fn after_path_of_base(&mut self, letter: Option<char>) -> Step {
        match letter {
            Some('?') => self.begin_query(),
            Some('#') => self.begin_fragment(),
            Some(_) => {
                self.url.query = None;
                self.url.shorten_path();
                self.again(State::Path)
            }
            None => Step::Next,
        }
    }

    fn relative_slash(&mut self, letter: Option<char>) -> Step {
        if self.url.is_special() && self.is_slash(letter) {
            return self.next(State::SpecialAuthorityIgnoreSlashes);
        }
        if letter == Some('/') {
            return self.next(State::Authority);
        }
        if let Some(base) = self.base {
            self.url.username.clone_from(&base.username);
            self.url.password.clone_from(&base.password);
            self.url.host.clone_from(&base.host);
            self.url.port = base.port;
        }
        self.again(State::Path)
    }

    fn authority(&mut self, letter: Option<char>) -> Step {
        if letter == Some('@') {
            if self.at_sign_seen {
                self.buffer.insert_str(0, "%40");
            }
            self.at_sign_seen = true;
            for letter in std::mem::take(&mut self.buffer).chars() {
                if letter == ':' && !self.password_seen {
                    self.password_seen = true;
                    continue;
                }
                let part = if self.password_seen { &mut self.url.password } else { &mut self.url.username };
                percent::push(part, letter, percent::is_userinfo);
            }
            return Step::Next;
        }
        if self.ends_authority(letter) {
            if self.at_sign_seen && self.buffer.is_empty() {
                return Step::Failure;
            }
            // Back to the host's first character: what came before the last `@` is taken.
            self.pointer -= self.buffer.chars().count();
            self.buffer.clear();
            return self.again(State::Host);
        }
        self.buffer.extend(letter);
        Step::Next
    }

    fn host(&mut self, letter: Option<char>) -> Step {
        if self.given.is_some() && self.url.scheme == "file" {
            return self.again(State::FileHost);
        }
        if letter == Some(':') && !self.inside_brackets {
            if self.buffer.is_empty() || self.given == Some(State::Hostname) || !self.take_host() {
                return Step::Failure;
            }
            return self.next(State::Port);
        }
        if self.ends_authority(letter) {
            let is_empty = self.buffer.is_empty();
            let has_port = self.url.has_credentials() || self.url.port.is_some();
            let must_have = self.url.is_special() || (self.given.is_some() && has_port);
            if (is_empty && must_have) || !self.take_host() {
                return Step::Failure;
            }
            return if self.given.is_some() { Step::Complete } else { self.again(State::PathStart) };
        }
        match letter {
            Some('[') => self.inside_brackets = true,
            Some(']') => self.inside_brackets = false,
            _ => {}
        }
        self.buffer.extend(letter);
        Step::Next
    }

    /// Makes the buffer the host; whether it is one.
    pub(super) fn take_host(&mut self) -> bool {
        let host = host::parse(&self.buffer, !self.url.is_special());
        self.buffer.clear();
        let is_host = host.is_some();
        if is_host {
            self.url.host = host;
        }
        is_host
    }

    fn port(&mut self, letter: Option<char>) -> Step {
        if let Some(digit) = letter.filter(char::is_ascii_digit) {
            self.buffer.push(digit);
            return Step::Next;
        }
        if !self.ends_authority(letter) && self.given.is_none() {
            return Step::Failure;
        }
        if !self.buffer.is_empty() {
            let digits = self.buffer.trim_start_matches('0');
            let port = if digits.is_empty() { Ok(0) } else { digits.parse::<u16>() };
            let Ok(port) = port else { return Step::Failure };
            self.url.port = (default_port(&self.url.scheme) != Some(port)).then_some(port);
            self.buffer.clear();
            if self.given.is_some() {
                return Step::Complete;
            }
        }
        if self.given.is_some() { Step::Failure } else { self.again(State::PathStart) }
    }

    fn path_start(&mut self, letter: Option<char>) -> Step {
        if self.url.is_special() {
            return if self.is_slash(letter) { self.next(State::Path) } else { self.again(State::Path) };
        }
        match letter {
            Some('?') if self.given.is_none() => self.begin_query(),
            Some('#') if self.given.is_none() => self.begin_fragment(),
            Some('/') => self.next(State::Path),
            Some(_) => self.again(State::Path),
            None => {
                if self.given.is_some() && self.url.host.is_none() {
                    self.url.segments().push(String::new());
                }
                Step::Next
            }
        }
    }

    fn path(&mut self, letter: Option<char>) -> Step {
        let ends_path = letter.is_none() || (self.given.is_none() && matches!(letter, Some('?' | '#')));
        let is_slash = self.is_slash(letter);
        if !ends_path && !is_slash {
            if let Some(letter) = letter {
                percent::push(&mut self.buffer, letter, percent::is_path);
            }
            return Step::Next;
        }
        let mut segment = std::mem::take(&mut self.buffer);
        if is_double_dot(&segment) {
            self.url.shorten_path();
            if !is_slash {
                self.url.segments().push(String::new());
            }
        } else if is_single_dot(&segment) {
            if !is_slash {
                self.url.segments().push(String::new());
            }
        } else {
            if self.url.scheme == "file" && self.url.segments().is_empty() && is_drive(&segment) {
                segment.replace_range(1.., ":");
            }
            self.url.segments().push(segment);
        }
        match letter {
            Some('?') if ends_path => self.begin_query(),
            Some('#') if ends_path => self.begin_fragment(),
            _ => Step::Next,
        }
    }

    fn opaque_path(&mut self, letter: Option<char>) -> Step {
        let ends_soon = matches!(self.at(1), Some('?' | '#'));
        let Path::Opaque(path) = &mut self.url.path else { return Step::Failure };
        match letter {
            Some('?') => return self.begin_query(),
            Some('#') => return self.begin_fragment(),
            // A space at the end would be lost when the text is parsed again.
            Some(' ') if ends_soon => path.push_str("%20"),
            Some(letter) => percent::push(path, letter, percent::is_control),
            None => {}
        }
        Step::Next
    }

    fn query(&mut self, letter: Option<char>) -> Step {
        let set = if self.url.is_special() { percent::is_special_query } else { percent::is_query };
        match letter {
            Some('#') if self.given.is_none() => self.begin_fragment(),
            Some(letter) => {
                percent::push(self.url.query.get_or_insert_default(), letter, set);
                Step::Next
            }
            None => Step::Next,
        }
    }
}

fn is_single_dot(segment: &str) -> bool {
    segment == "." || segment.eq_ignore_ascii_case("%2e")
}

fn is_double_dot(segment: &str) -> bool {
    match segment.len() {
        2 => segment == "..",
        4 => segment.eq_ignore_ascii_case(".%2e") || segment.eq_ignore_ascii_case("%2e."),
        6 => segment.eq_ignore_ascii_case("%2e%2e"),
        _ => false,
    }
}
