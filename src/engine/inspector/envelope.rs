//! What must be known of a client's message before V8 gets it, and answers in V8's place.

use serde::Deserialize;
use serde_json::json;

/// JSON-RPC's code for what is no message.
const PARSE_ERROR: i32 = -32700;
/// JSON-RPC's code for what the server can't do.
const SERVER_ERROR: i32 = -32000;

/// The outside of a message.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Envelope {
    pub(super) id: i32,
    pub(super) method: String,
}

/// Reads a message; what is none is refused in words for the client. V8 gets only what was read here,
/// so it can't see another method in it.
pub(super) fn read(message: &str) -> Result<Envelope, String> {
    serde_json::from_str(message).map_err(|error| {
        let words = format!("not a message of the Chrome DevTools Protocol: {error}");
        json!({ "error": { "code": PARSE_ERROR, "message": words } }).to_string()
    })
}

/// The answer to a message that is refused.
pub(super) fn refusal(id: i32, words: &str) -> String {
    json!({ "id": id, "error": { "code": SERVER_ERROR, "message": words } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_object_with_one_id_and_one_method() {
        let read_well = read(r#"{"id":7,"method":"Profiler.\u0073tart","params":{"x":[1]}}"#);
        assert_eq!(read_well, Ok(Envelope { id: 7, method: "Profiler.start".to_owned() }));
        for wrong in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"id":1}"#,
            r#"{"method":"Runtime.enable"}"#,
            r#"{"id":"1","method":"Runtime.enable"}"#,
            r#"{"id":1,"method":"Runtime.enable","method":"Profiler.start"}"#,
            r#"{"id":1,"method":"Runtime.enable"} x"#,
            "\u{d8}Z\u{0}",
            &"[".repeat(1_000_000),
        ] {
            let answer = read(wrong).expect_err(wrong);
            assert!(answer.starts_with(r#"{"error":{"code":-32700,"#), "{answer}");
        }
        let deep =
            format!(r#"{{"id":1,"method":"x","params":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        // Deep or not, it is V8 that looks into the parameters.
        drop(read(&deep));
    }
}
