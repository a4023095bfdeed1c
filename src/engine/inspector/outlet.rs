//! One session's way out: V8's messages to the client.

use std::rc::Weak;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use v8::UniquePtr;
use v8::inspector::{ChannelImpl, StringBuffer};

use crate::engine::inspector::client::{file_url, text};
use crate::engine::inspector::{Inspector, SessionId};
use crate::engine::limits::output;
use crate::engine::position::Positions;

/// How V8 begins to tell of a script.
const SCRIPT_PARSED: &str = r#"{"method":"Debugger.scriptParsed","#;

/// How V8 begins to tell of calls of `console`, and of exceptions.
const TIMED: [&str; 2] =
    [r#"{"method":"Runtime.consoleAPICalled","#, r#"{"method":"Runtime.exceptionThrown","#];

/// V8 asks its embedder for the time, and can't ask us: the crate has no binding for it. In a string of
/// the guest the quotes would be escaped.
const NO_TIME: &str = r#""timestamp":0,"#;

pub(super) struct Outlet {
    pub(super) session: SessionId,
    pub(super) inspector: Weak<Inspector>,
}

impl Outlet {
    fn send(&self, message: UniquePtr<StringBuffer>) {
        // It may happen while a value is encoded, under a bound that is not meant for this.
        output::without_bound(|| {
            let (Some(inspector), Some(message)) = (self.inspector.upgrade(), message.as_ref()) else {
                return;
            };
            let message = completed(text(&message.string()), &inspector.positions);
            let port = inspector.lifecycle.port();
            if !port.has_room(self.session, message.len()) {
                inspector.wait(|| port.wait_for_room(self.session, message.len()));
            }
            port.emit(self.session, message);
        });
    }
}

impl ChannelImpl for Outlet {
    fn send_response(&self, call_id: i32, message: UniquePtr<StringBuffer>) {
        if let Some(inspector) = self.inspector.upgrade() {
            inspector.answered(self.session, call_id);
        }
        self.send(message);
    }

    fn send_notification(&self, message: UniquePtr<StringBuffer>) {
        self.send(message);
    }

    fn flush_protocol_notifications(&self) {}
}

/// The message with what V8 does not know.
fn completed(message: String, positions: &Positions) -> String {
    if message.starts_with(SCRIPT_PARSED) {
        return mapped(&message, positions).unwrap_or(message);
    }
    if TIMED.iter().any(|beginning| message.starts_with(beginning)) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
        return message.replacen(NO_TIME, &format!(r#""timestamp":{now},"#), 1);
    }
    message
}

/// Tells the client of a script's source map, which was taken off the code before V8 saw it.
fn mapped(message: &str, positions: &Positions) -> Option<String> {
    let mut message: Value = serde_json::from_str(message).ok()?;
    let script = message.get_mut("params")?.as_object_mut()?;
    let has_one = script.get("sourceMapURL").and_then(Value::as_str).is_some_and(|url| !url.is_empty());
    let url = script.get("url")?.as_str().filter(|_| !has_one)?;
    let map = positions.data_url(|name| name == url || file_url(name).as_deref() == Some(url))?;
    script.insert("sourceMapURL".to_owned(), map.into());
    Some(message.to_string())
}
