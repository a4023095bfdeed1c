//! What only V8's inspector tells: every object of a session, however it is held, and the variables that a
//! function or a suspended generator sees. Runs on the isolate's thread.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use v8::inspector::{
    Channel, ChannelImpl, StringBuffer, StringView, V8Inspector, V8InspectorClient, V8InspectorClientImpl,
    V8InspectorClientTrustLevel, V8InspectorSession,
};

/// The group of contexts that the inspector is told of.
const GROUP: i32 = 1;

struct Client;

impl V8InspectorClientImpl for Client {}

/// Keeps the last answer.
struct Answers(Rc<RefCell<Vec<u8>>>);

impl ChannelImpl for Answers {
    fn send_response(&self, _: i32, message: v8::UniquePtr<StringBuffer>) {
        let Some(message) = message.as_ref() else { return };
        let view = message.string();
        let text = match view.characters8() {
            // Latin-1.
            Some(bytes) => bytes.iter().copied().map(char::from).collect(),
            None => String::from_utf16_lossy(view.characters16().unwrap_or_default()),
        };
        *self.0.borrow_mut() = text.into_bytes();
    }

    fn send_notification(&self, _: v8::UniquePtr<StringBuffer>) {}

    fn flush_protocol_notifications(&self) {}
}

#[derive(Deserialize)]
struct Answer<T> {
    result: T,
}

#[derive(Deserialize)]
struct Queried {
    objects: Remote,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "internalProperties", default)]
    internal: Vec<Property>,
}

#[derive(Deserialize)]
struct Property {
    name: String,
    value: Option<Remote>,
}

#[derive(Deserialize)]
struct Remote {
    #[serde(rename = "objectId")]
    object_id: Option<String>,
    value: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct ById {
    result: Remote,
}

/// What a function or a generator sees around it.
pub(super) struct Surroundings<'s> {
    /// The innermost first.
    pub(super) scopes: Vec<Scope<'s>>,
    /// Of a generator: whether it is suspended, and where.
    pub(super) state: String,
}

/// One scope.
pub(super) struct Scope<'s> {
    /// As V8 calls it: `Block`, `Closure (name)`, `Script`.
    pub(super) description: String,
    /// Its variables as properties of an object that V8 has made for it; of the global scope the global
    /// object, and of a `with` the object it is given.
    pub(super) variables: v8::Local<'s, v8::Object>,
}

/// An inspector of one context.
pub(super) struct Inspector<'s> {
    context: v8::Local<'s, v8::Context>,
    // Dropped in this order.
    session: V8InspectorSession,
    v8: V8Inspector,
    answer: Rc<RefCell<Vec<u8>>>,
}

impl<'s> Inspector<'s> {
    /// Of the current context.
    pub(super) fn new(scope: &mut v8::PinScope<'s, '_>) -> Self {
        let context = scope.get_current_context();
        let inspector = V8Inspector::create(scope, V8InspectorClient::new(Box::new(Client)));
        inspector.context_created(context, GROUP, StringView::empty(), StringView::empty());
        let answer = Rc::new(RefCell::new(Vec::new()));
        let channel = Channel::new(Box::new(Answers(Rc::clone(&answer))));
        let trust = V8InspectorClientTrustLevel::FullyTrusted;
        let session = inspector.connect(GROUP, channel, StringView::empty(), trust);
        Self { context, session, v8: inspector, answer }
    }

    /// The objects that inherit from the context's `Object.prototype`, in no order that means anything.
    pub(super) fn objects(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Array>> {
        let prototype = v8::Object::new(scope).get_prototype(scope)?;
        let id = self.wrap(scope, prototype)?;
        let params = serde_json::json!({ "prototypeObjectId": id });
        let Queried { objects } = self.ask("Runtime.queryObjects", &params)?;
        v8::Local::<v8::Array>::try_from(self.unwrap(scope, &objects)?).ok()
    }

    /// What a function or a suspended generator sees.
    pub(super) fn surroundings(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
    ) -> Option<Surroundings<'s>> {
        let id = self.wrap(scope, object.into())?;
        let params = serde_json::json!({ "objectId": id, "ownProperties": true });
        let Properties { internal } = self.ask("Runtime.getProperties", &params)?;
        let mut found = Surroundings { scopes: Vec::new(), state: String::new() };
        for Property { name, value } in internal {
            let Some(value) = value else { continue };
            match name.as_str() {
                "[[Scopes]]" => found.scopes = self.scopes(scope, &value)?,
                "[[GeneratorState]]" | "[[GeneratorLocation]]" => {
                    let value = value.value.unwrap_or_default();
                    let parts = match &value {
                        serde_json::Value::Object(place) => {
                            format!("at {}:{}", place["lineNumber"], place["columnNumber"])
                        }
                        value => value.as_str().unwrap_or_default().to_owned(),
                    };
                    found.state = format!("{}{parts} ", found.state);
                }
                _ => {}
            }
        }
        // What it was asked about is let go of.
        self.session.release_object_group(StringView::empty());
        Some(found)
    }

    fn scopes(&self, scope: &mut v8::PinScope<'s, '_>, list: &Remote) -> Option<Vec<Scope<'s>>> {
        let list = v8::Local::<v8::Array>::try_from(self.unwrap(scope, list)?).ok()?;
        let mut scopes = Vec::new();
        for index in 0..list.length() {
            let one = v8::Local::<v8::Object>::try_from(list.get_index(scope, index)?).ok()?;
            let key = v8::String::new(scope, "description")?;
            let description = one.get(scope, key.into())?.to_rust_string_lossy(scope);
            let key = v8::String::new(scope, "object")?;
            let variables = v8::Local::<v8::Object>::try_from(one.get(scope, key.into())?).ok()?;
            scopes.push(Scope { description, variables });
        }
        Some(scopes)
    }

    /// The object that V8's last heap snapshot has under this id.
    pub(super) fn object(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        id: u64,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let params = serde_json::json!({ "objectId": id.to_string() });
        let ById { result } = self.ask("HeapProfiler.getObjectByHeapObjectId", &params)?;
        let object = v8::Local::<v8::Object>::try_from(self.unwrap(scope, &result)?).ok();
        self.session.release_object_group(StringView::empty());
        object
    }

    fn wrap(&self, scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> Option<String> {
        let wrapped = self.session.wrap_object(scope, self.context, value, StringView::empty(), false)?;
        object_id(&wrapped.to_bytes())
    }

    fn unwrap(&self, scope: &mut v8::PinScope<'s, '_>, remote: &Remote) -> Option<v8::Local<'s, v8::Value>> {
        let id = remote.object_id.as_ref()?;
        let (value, ..) = self.session.unwrap_object(scope, StringView::from(id.as_bytes())).ok()?;
        Some(value)
    }

    fn ask<T: DeserializeOwned>(&self, method: &str, params: &serde_json::Value) -> Option<T> {
        let question = serde_json::json!({ "id": 1, "method": method, "params": params }).to_string();
        self.session.dispatch_protocol_message(StringView::from(question.as_bytes()));
        let Answer { result } = serde_json::from_slice(&self.answer.take()).ok()?;
        Some(result)
    }
}

impl Drop for Inspector<'_> {
    fn drop(&mut self) {
        self.v8.context_destroyed(self.context);
    }
}

/// The `objectId` of a remote object, which V8 writes as CBOR: a map with texts for keys. Its value is a
/// text of digits and dots.
fn object_id(cbor: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"objectId";
    /// A text of fewer than 24 bytes, whose length is in the tag, and one with a byte for it.
    const SHORT_TEXT: std::ops::Range<u8> = 0x60..0x78;
    const TEXT: u8 = 0x78;
    let at = cbor.windows(KEY.len()).rposition(|window| window == KEY)? + KEY.len();
    let (length, from) = match *cbor.get(at)? {
        tag if SHORT_TEXT.contains(&tag) => (usize::from(tag - SHORT_TEXT.start), at + 1),
        TEXT => (usize::from(*cbor.get(at + 1)?), at + 2),
        _ => return None,
    };
    String::from_utf8(cbor.get(from..from + length)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::object_id;

    #[test]
    fn the_id_of_a_remote_object_is_found() {
        let cbor = b"\xd8\x5a\0\0\0\x20\xbf\x64type\x66object\x68objectId\x65-1.2.\xff";
        assert_eq!(object_id(cbor).as_deref(), Some("-1.2."));
        let long = [b"\x68objectId\x78\x1e".as_slice(), &[b'7'; 30]].concat();
        assert_eq!(object_id(&long), Some("7".repeat(30)));
        assert_eq!(object_id(b"\x68objectId"), None);
        assert_eq!(object_id(b"\x68objectId\x65ab"), None);
    }
}
