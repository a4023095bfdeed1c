//! What V8's inspector asks of us.

use std::fmt::Write;
use std::rc::Weak;

use v8::inspector::{StringBuffer, StringView, V8InspectorClientImpl};

use crate::engine::inspector::Inspector;

pub(super) struct Client {
    pub(super) inspector: Weak<Inspector>,
}

/// For an inspector that has no sessions.
pub(super) struct Nobody;

impl V8InspectorClientImpl for Nobody {}

impl V8InspectorClientImpl for Client {
    fn run_message_loop_on_pause(&self, _context_group_id: i32) {
        if let Some(inspector) = self.inspector.upgrade() {
            inspector.pause();
        }
    }

    fn quit_message_loop_on_pause(&self) {
        if let Some(inspector) = self.inspector.upgrade() {
            inspector.quit.set(true);
        }
    }

    fn run_if_waiting_for_debugger(&self, _context_group_id: i32) {
        if let Some(inspector) = self.inspector.upgrade() {
            inspector.lifecycle.port().hold(false);
        }
    }

    fn ensure_default_context_in_group(&self, _context_group_id: i32) -> Option<v8::Local<'_, v8::Context>> {
        let inspector = self.inspector.upgrade()?;
        // SAFETY: V8 asks on the isolate's thread, while the isolate lives.
        let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(inspector.isolate) };
        let isolate = &mut isolate;
        v8::callback_scope!(unsafe scope, isolate);
        let context = v8::Local::new(scope, &inspector.context);
        // SAFETY: V8 has opened the handle scope that the handle lies in, and reads it before it closes it.
        Some(unsafe { context.extend_lifetime_unchecked() })
    }

    fn resource_name_to_url(&self, resource_name: &StringView) -> Option<v8::UniquePtr<StringBuffer>> {
        let url = file_url(&text(resource_name))?;
        Some(StringBuffer::create(StringView::from(url.as_bytes())))
    }
}

/// A string of V8's inspector; 8-bit text is Latin-1.
pub(super) fn text(view: &StringView) -> String {
    match view.characters8() {
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => text.to_owned(),
            _ => bytes.iter().copied().map(char::from).collect(),
        },
        None => String::from_utf16_lossy(view.characters16().unwrap_or_default()),
    }
}

/// The `file:` URL of an absolute path, as editors find their breakpoints by; `None` for other names.
pub(super) fn file_url(name: &str) -> Option<String> {
    let path = if let Some(path) = name.strip_prefix('/').filter(|path| !path.starts_with('/')) {
        path.to_owned()
    } else {
        let drive = name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
        let rooted = name.get(1..3).is_some_and(|rest| rest == ":\\" || rest == ":/");
        (drive && rooted).then(|| name.replace('\\', "/"))?
    };
    let mut url = "file:///".to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/:@!$&'()*+,;=-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a string never fails.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_become_file_urls_and_other_names_stay() {
        let cases = [
            ("/app/src/a.ts", Some("file:///app/src/a.ts")),
            ("/a b/ü?#%.js", Some("file:///a%20b/%C3%BC%3F%23%25.js")),
            ("C:\\app\\a.js", Some("file:///C:/app/a.js")),
            ("d:/a.js", Some("file:///d:/a.js")),
            ("app.js", None),
            ("a:b.js", None),
            ("//host/a.js", None),
            ("https://x/a.js", None),
            ("", None),
        ];
        for (name, url) in cases {
            assert_eq!(file_url(name).as_deref(), url, "{name}");
        }
    }
}
