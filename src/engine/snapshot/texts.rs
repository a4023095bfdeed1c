//! The texts of a snapshot's sources, which lie beside its heap image and not in it.
//!
//! V8 keeps the text of all code, for functions that are compiled later and for `toString`. In the image it
//! would be copied into the heap of every isolate. Instead V8's heap has external strings there, which the
//! image names by their places in the table of external references: all isolates read the one text that the
//! snapshot has in memory. V8 can do that for texts of one byte a character; others stay in the image.

use std::borrow::Cow;
use std::fmt;
use std::slice;

use crate::engine::host_call;
use crate::engine::snapshot::request::BuildRequest;

/// A shorter text costs less in the heap than a place in the table.
const SMALLEST: usize = 4096;
/// V8's longest string.
const LARGEST: usize = (1 << 29) - 24;

/// The texts that a build takes out of its image, in the order of the sources.
pub(super) fn of_request(request: &BuildRequest) -> Vec<&[u8]> {
    let texts = request.kept_sources().map(|(_, source)| without_mark(&source.code).as_bytes());
    texts.filter(|text| text.len() >= SMALLEST && can_be_shared(text)).collect()
}

/// V8's scanner takes a byte order mark for white space, and then no hashbang.
pub(crate) fn without_mark(code: &str) -> &str {
    code.strip_prefix('\u{feff}').unwrap_or(code)
}

/// Whether V8 can read the text where it is.
pub(super) fn can_be_shared(text: &[u8]) -> bool {
    text.len() <= LARGEST && text.is_ascii()
}

/// Cuts a part of a container into texts of such lengths; none when they don't fit.
pub fn cut<'a>(mut part: &'a [u8], lengths: &[u64]) -> Option<Vec<&'a [u8]>> {
    let mut texts = Vec::with_capacity(lengths.len());
    for length in lengths {
        let (text, rest) = part.split_at_checked(usize::try_from(*length).ok()?)?;
        texts.push(text);
        part = rest;
    }
    part.is_empty().then_some(texts)
}

/// What V8 is given of texts that it reads in place.
#[derive(Default)]
pub struct Texts(Box<[v8::OneByteConst]>);

// SAFETY: each one is a pointer to a static table of functions, and a pointer and a length of bytes that never
// change; `v8::OneByteConst` is `Sync` for the same reason.
unsafe impl Send for Texts {}

impl fmt::Debug for Texts {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_tuple("Texts").field(&self.0.len()).finish()
    }
}

impl Texts {
    /// Takes texts, which must be ASCII and within V8's length of a string.
    ///
    /// # Panics
    /// When they are not.
    ///
    /// # Safety
    /// The bytes must not change or move, and must live for as long as isolates that are given them.
    pub unsafe fn new(texts: &[&[u8]]) -> Self {
        let shared = texts.iter().map(|text| {
            // SAFETY: the caller keeps them alive for all who read them.
            let text: &'static [u8] = unsafe { slice::from_raw_parts(text.as_ptr(), text.len()) };
            v8::String::create_external_onebyte_const(text)
        });
        Self(shared.collect())
    }

    /// The external references of builder and runner: native functions, and then the texts.
    pub fn references(&self) -> Cow<'static, [v8::ExternalReference]> {
        let mut references = host_call::references().into_owned();
        let pointers = self.0.iter().map(|text| (&raw const *text).cast_mut().cast());
        references.extend(pointers.map(|pointer| v8::ExternalReference { pointer }));
        Cow::Owned(references)
    }

    /// The text as a string of the guest's that holds no copy, if it is one of these.
    pub(crate) fn find<'s>(
        &'static self,
        scope: &mut v8::PinScope<'s, '_>,
        code: &str,
    ) -> Option<v8::Local<'s, v8::String>> {
        let text = self.0.iter().find(|text| text.as_str() == code)?;
        v8::String::new_from_onebyte_const(scope, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::source::Source;

    #[test]
    fn texts_that_v8_can_read_in_place_are_taken_out() {
        let long = "a".repeat(SMALLEST);
        let request = BuildRequest {
            bridge: Some(Source::script(format!("\u{feff}{long}"), "marked.js")),
            bundles: vec![
                Source::script("short", "short.js"),
                Source::script(format!("{long}\u{e4}"), "not-ascii.js"),
                Source::script(format!("{long}b"), "long.js"),
            ],
            warmup: Some(Source::script(format!("{long}c"), "warmup.js")),
            ..BuildRequest::default()
        };
        assert_eq!(of_request(&request), [long.as_bytes(), format!("{long}b").as_bytes()]);
    }

    #[test]
    fn texts_are_cut_as_they_were_put_together() {
        assert_eq!(cut(b"abc", &[1, 2]), Some(vec![&b"a"[..], b"bc"]));
        assert_eq!(cut(b"", &[]), Some(vec![]));
        for (part, lengths) in [(&b"abc"[..], &[1, 1][..]), (b"abc", &[4]), (b"abc", &[]), (b"", &[u64::MAX])]
        {
            assert_eq!(cut(part, lengths), None);
        }
    }
}
