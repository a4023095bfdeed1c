//! Guest value → bytes.

use std::rc::Rc;

use v8::ValueSerializerHelper;

use crate::engine::host_call::GuestState;
use crate::engine::limits::output::with_largest_allocation;
use crate::engine::remote::{NoExport, Remote};
use crate::engine::system::Marks;
use crate::engine::text::{LONGEST_NAME, beginning};
use crate::engine::value::delegate::{Delegate, Errors, attempt, refused_class};
use crate::engine::value::limits::{DEEP, ValueLimits};
use crate::engine::value::path::Verdict;
use crate::engine::value::rewrite::{Copy, NoCopy, has_stream_at_the_top, is_plain, is_stream};
use crate::engine::value::{path, references, wire};

/// The version in the header. V8 writes 16, which Node.js refuses; below 4 GiB both are the same
/// bytes (denoland/deno#35118).
const WIRE_VERSION: u8 = 0x0f;

/// What V8's serializer asks for beyond twice its buffer (`ValueSerializer::ExpandBuffer`).
const BUFFER_SLACK: usize = 64;

/// A buffer larger than this is not looked at twice to tell why it was refused.
const LARGEST_LEAF: usize = 1 << 20;

/// Why a value could not be encoded.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It can't cross; the message names its path.
    NotCloneable(String),
    /// The guest's own code threw, or was terminated: the exception is pending in the caller's
    /// `TryCatch`.
    Threw,
}

/// Encodes for one host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoder {
    /// The largest message, in bytes.
    pub(crate) limit: usize,
    /// Whether the host can read a `Float16Array`.
    pub(crate) host_has_float16: bool,
    /// What the host lets cross.
    pub(crate) limits: ValueLimits,
    /// How many levels of the message are ours, and don't count.
    pub(crate) own_levels: u32,
}

impl Encoder {
    /// For a list of arguments.
    pub(crate) fn for_list(&self) -> Self {
        Self { own_levels: 1, ..*self }
    }

    /// The largest message, in bytes.
    pub(crate) fn largest_message(&self) -> usize {
        self.limit.min(self.limits.bytes)
    }

    /// Encodes `value`, which messages call `name`.
    ///
    /// The caller holds a `TryCatch` around it.
    pub(crate) fn encode(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
    ) -> Result<Vec<u8>, Failure> {
        self.encode_with(scope, value, name, &[])
    }

    /// As `encode`; the buffers are not copied: they will move.
    pub(crate) fn encode_with(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
        buffers: &[v8::Local<v8::ArrayBuffer>],
    ) -> Result<Vec<u8>, Failure> {
        let remote = scope.get_slot::<Rc<GuestState>>().map(|guest| Rc::clone(&guest.remote));
        let has_stream = match &remote {
            Some(_) => has_stream_at_the_top(scope, value).ok_or(Failure::Threw)?,
            None => false,
        };
        // V8 alone first: it is fast, and nearly always enough.
        let first = (!has_stream).then(|| self.write(scope, value, name, Errors::default(), buffers, None));
        let written = match (first, remote) {
            (Some(Ok(bytes)), _) => {
                let contents = wire::scan(&bytes);
                if !contents.has_error {
                    self.check_float16(scope, value, name, contents)?;
                    return Ok(bytes);
                }
                // Not beside the second one: either may be as large as the limit.
                drop(bytes);
                let errors = Errors { as_shells: true, ..Errors::default() };
                self.write(scope, value, name, errors, buffers, None)
            }
            (Some(Err(Unwritten::Refused(refusal))), Some(remote)) if !is_for_memory(&refusal) => {
                self.write_copy(scope, value, name, buffers, &remote)
            }
            (Some(written), _) => written,
            (None, Some(remote)) => self.write_copy(scope, value, name, buffers, &remote),
            // Not looked for without a table to put it into.
            (None, None) => Err(Unwritten::Threw),
        };
        let bytes = written.map_err(|unwritten| self.failure(scope, value, name, unwritten))?;
        let checked = self.check_float16(scope, value, name, wire::scan(&bytes));
        if checked.is_err()
            && let Some(guest) = scope.get_slot::<Rc<GuestState>>()
        {
            guest.remote.take_back(&references::brought(&bytes));
        }
        checked.map(|()| bytes)
    }

    fn check_float16(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
        contents: wire::Contents,
    ) -> Result<(), Failure> {
        if self.host_has_float16 || !contents.has_float16 {
            return Ok(());
        }
        let judge = |_: &mut v8::PinScope, value: v8::Local<v8::Value>, _| match value {
            value if value.is_float16_array() => {
                Verdict::Found("this Node.js has no Float16Array".to_owned())
            }
            _ => Verdict::Open,
        };
        let found = path::find(scope, value, name, judge);
        let path = found.map_or_else(|| name.to_owned(), |(path, _)| path);
        Err(Failure::NotCloneable(format!("{path} can't be cloned: this Node.js has no Float16Array")))
    }

    /// Encodes what the guest threw: an error without those of its parts that can't cross, functions and
    /// streams among them.
    ///
    /// The caller holds a `TryCatch` around it.
    pub(crate) fn encode_thrown(
        &self,
        scope: &mut v8::PinScope,
        thrown: v8::Local<v8::Value>,
    ) -> Result<Vec<u8>, Failure> {
        let errors = Errors { as_shells: true, leaves_out: thrown.is_native_error(), ..Errors::default() };
        let written = self.write(scope, thrown, "the thrown value", errors, &[], None);
        written.map_err(|unwritten| self.failure(scope, thrown, "the thrown value", unwritten))
    }

    /// Encodes a value with references for its functions and streams.
    fn write_copy(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
        buffers: &[v8::Local<v8::ArrayBuffer>],
        remote: &Rc<Remote>,
    ) -> Result<Vec<u8>, Unwritten> {
        let mut copy = Copy::new(scope, Rc::clone(remote));
        let written = match copy.value(scope, value) {
            Ok(copied) => {
                let stand_ins = Some(Rc::clone(&copy.stand_ins));
                let errors = Errors { as_shells: true, stand_ins, ..Errors::default() };
                self.write(scope, copied, name, errors, buffers, Some(&mut copy))
            }
            Err(NoCopy::Threw) => Err(Unwritten::Threw),
            Err(NoCopy::TooMany(object)) => Err(Unwritten::TooMany(object)),
        };
        if written.is_err() {
            remote.take_back(&copy.brought);
        }
        written
    }

    fn write(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
        errors: Errors,
        buffers: &[v8::Local<v8::ArrayBuffer>],
        mut copy: Option<&mut Copy>,
    ) -> Result<Vec<u8>, Unwritten> {
        v8::tc_scope!(let scope, scope);
        let errors = Rc::new(Errors { marks: Marks::of(scope), ..errors });
        let context = scope.get_current_context();
        let serializer = v8::ValueSerializer::new(scope, Box::new(Delegate(Rc::clone(&errors))));
        serializer.write_header();
        for (number, buffer) in (0..).zip(buffers) {
            serializer.transfer_array_buffer(number, *buffer);
        }
        // The buffer doubles, so its last step may be twice as large as what is in it.
        let largest = self.largest_message().saturating_mul(2).saturating_add(BUFFER_SLACK);
        let written = with_largest_allocation(largest, || {
            serializer.write_value(context, value) == Some(true)
                && errors.write_details(scope, &serializer, context, copy.as_deref_mut())
        });
        if !written {
            if let Some(refusal) = errors.refusal.take() {
                scope.reset();
                return Err(Unwritten::Refused(refusal));
            }
            // V8 itself may have run out of stack: whether the value or a getter is to blame, it tells not.
            let is_too_deep = scope.exception().is_some_and(|thrown| is_stack_overflow(scope, thrown));
            if is_too_deep && !errors.as_shells {
                // V8 follows the causes of errors; shells don't nest.
                scope.reset();
                let errors = Errors { as_shells: true, ..Errors::default() };
                let again = self.write(scope, value, name, errors, buffers, None);
                if let Err(Unwritten::Threw) = again {
                    scope.rethrow();
                }
                return again;
            }
            if is_too_deep && let Some(path) = path::find_deeper(scope, value, name, DEEP) {
                scope.reset();
                return Err(Unwritten::TooDeep { path, why: "it is nested too deeply".to_owned() });
            }
            scope.rethrow();
            return Err(Unwritten::Threw);
        }
        let mut bytes = serializer.release();
        references::finish(&mut bytes, copy.map_or(&[], |copy| &copy.brought));
        if bytes.len() > self.largest_message() {
            return Err(Unwritten::TooLarge);
        }
        self.check_depth(scope, value, name, &bytes)?;
        if let Some(version) = bytes.get_mut(1) {
            *version = WIRE_VERSION;
        }
        Ok(bytes)
    }

    fn check_depth(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), Unwritten> {
        let ValueLimits { depth, .. } = self.limits;
        let deepest = depth.saturating_add(self.own_levels);
        if depth == u32::MAX || wire::nesting(bytes) <= deepest {
            return Ok(());
        }
        let path = path::find_deeper(scope, value, name, deepest).unwrap_or_else(|| name.to_owned());
        Err(Unwritten::TooDeep { path, why: format!("it is nested deeper than {depth}") })
    }

    pub(crate) fn too_large(&self, name: &str) -> String {
        format!("{name} can't be cloned: encoded it is larger than {} bytes", self.largest_message())
    }

    /// What the user is told.
    fn failure(
        &self,
        scope: &mut v8::PinScope,
        value: v8::Local<v8::Value>,
        name: &str,
        unwritten: Unwritten,
    ) -> Failure {
        let crosses = scope.get_slot::<Rc<GuestState>>().is_some();
        let (found, otherwise) = match unwritten {
            Unwritten::Threw => return Failure::Threw,
            Unwritten::TooDeep { path, why } => {
                return Failure::NotCloneable(format!("{path} can't be cloned: {why}"));
            }
            Unwritten::TooLarge => return Failure::NotCloneable(self.too_large(name)),
            Unwritten::Refused(refusal) if is_for_memory(&refusal) => {
                return Failure::NotCloneable(self.too_large(name));
            }
            Unwritten::TooMany(object) => {
                let judge = |_: &mut v8::PinScope, value: v8::Local<v8::Value>, _| match value {
                    value if object == value => Verdict::Found(NoExport::too_many()),
                    value if value.is_function() => Verdict::Passed,
                    _ => Verdict::Open,
                };
                (path::find(scope, value, name, judge), NoExport::too_many())
            }
            Unwritten::Refused(refusal) => {
                let marks = Marks::of(scope);
                let judge = |scope: &mut v8::PinScope, value: v8::Local<v8::Value>, in_error: bool| {
                    if crosses && !in_error && crosses_as_reference(scope, value) {
                        return Verdict::Passed;
                    }
                    match path::refused_kind(value) {
                        Some(kind) => Verdict::Found(kind.to_owned()),
                        None => refused_class(scope, marks.as_ref(), value)
                            .or_else(|| refusal_of_leaf(scope, value))
                            .map_or(Verdict::Open, Verdict::Found),
                    }
                };
                (path::find(scope, value, name, judge), subject(&refusal).to_owned())
            }
        };
        let (path, why) = found.unwrap_or_else(|| (name.to_owned(), otherwise));
        Failure::NotCloneable(format!("{path} can't be cloned: {why}"))
    }
}

/// V8's own words, as for every such error: nothing else tells them apart.
fn is_stack_overflow(scope: &mut v8::PinScope, thrown: v8::Local<v8::Value>) -> bool {
    if !thrown.is_native_error() || scope.is_execution_terminating() {
        return false;
    }
    let message = v8::Exception::create_message(scope, thrown).get(scope);
    beginning(scope, message, LONGEST_NAME).ends_with("RangeError: Maximum call stack size exceeded")
}

/// Why nothing was written.
enum Unwritten {
    /// V8's words.
    Refused(String),
    TooLarge,
    TooDeep {
        path: String,
        why: String,
    },
    /// One function or stream more than the host may hold.
    TooMany(v8::Global<v8::Object>),
    /// The guest's own code threw, or was terminated: the exception is pending.
    Threw,
}

/// Whether V8 refused for want of memory.
fn is_for_memory(refusal: &str) -> bool {
    refusal.contains("out of memory")
}

fn crosses_as_reference(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> bool {
    let Ok(object) = v8::Local::<v8::Object>::try_from(value) else { return false };
    // A getter that threw did so before, when it was to be copied.
    !object.is_proxy() && (object.is_function() || is_stream(scope, object).unwrap_or(false))
}

/// Why V8 refuses an object that is no container: all that is left to tell it apart by.
fn refusal_of_leaf(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Option<String> {
    let object = v8::Local::<v8::Object>::try_from(value).ok()?;
    let is_container = object.is_map() || object.is_set() || object.is_array() || object.is_native_error();
    let is_buffer = object.is_array_buffer() || object.is_array_buffer_view();
    let is_proxy = object.is_proxy();
    if is_container || (!is_buffer && !is_proxy && is_plain(scope, object)) {
        return None;
    }
    // A large buffer is refused for its size elsewhere, and not written twice.
    let attempt = with_largest_allocation(LARGEST_LEAF, || attempt(scope, value, Errors::default()));
    let refusal = attempt.err().flatten().filter(|refusal| !is_for_memory(refusal))?;
    Some(subject(&refusal).to_owned())
}

/// `#<WeakRef> could not be cloned.` is about `#<WeakRef>`.
fn subject(refusal: &str) -> &str {
    let subject = refusal.strip_suffix(" could not be cloned.").unwrap_or(refusal);
    subject.strip_suffix(" and").unwrap_or(subject)
}
