//! One document that was written once: its bytes are what the format is. Whatever changes them is another version,
//! see `docs/state-format.md`.

use std::fmt::Write as _;
use std::sync::Arc;

use isoseed::engine::snapshot::Snapshot;
use isoseed::engine::source::SourceKind;
use isoseed::engine::state::{StateLimits, inspect};
use sha2::{Digest, Sha256};

use super::support::{SAME, keeping_globals, open};
use crate::support::{LIMITS, PATIENCE, request as build_request, source, try_build};

/// As version 1 has it.
const DOCUMENT: &[u8] = include_bytes!("golden.state");
const SHA256: &str = "699279d5affdd29740630a936cecced4a3889e64656eccd5d850a497f4d8f063";
const PROGRAM: &str = include_str!("golden.js");
/// Variables beside the state: their attributes, and a function that is kept by its text.
const GLOBALS: &str = "function sum(a, b) { return a + b + offset } var fixed = 1; offset = 10; \
                       Object.defineProperty(globalThis, 'quiet', { value: 'q' }); globalThis[7] = state.shared";

fn code() -> Arc<Snapshot> {
    let script = source(include_str!("classes.js"), "classes.js");
    let mut module = source("export class Deep { inner = { n: 1 } }", "deep.js");
    module.kind = SourceKind::Module;
    let mut user = source("import * as ns from './deep.js'; globalThis.ns = ns", "user.js");
    user.kind = SourceKind::Module;
    let mut request = build_request("");
    request.bundles = vec![script, module, user];
    try_build(request, LIMITS).expect("a sound bundle")
}

#[test]
fn the_same_state_is_written_as_the_very_same_bytes() {
    let session = open(Some(&code()));
    session.run(&format!("globalThis.state = {PROGRAM}"));
    session.run(GLOBALS);
    let exported = session.try_export(&keeping_globals()).expect("a state");
    assert!(exported.unkept.is_empty(), "{:?}", exported.unkept);
    let differs = exported.bytes.iter().zip(DOCUMENT).position(|(one, other)| one != other);
    assert!(
        exported.bytes == DOCUMENT,
        "the bytes differ at {differs:?} of {}: another version?",
        DOCUMENT.len()
    );
    assert_eq!(exported.hash, SHA256);
}

#[test]
fn the_document_is_read_as_the_state_that_it_was() {
    let mut digest = String::new();
    for byte in Sha256::digest(DOCUMENT) {
        let _ = write!(digest, "{byte:02x}");
    }
    assert_eq!(digest, SHA256);
    let overview = inspect(DOCUMENT, &StateLimits::default(), "state").expect("a sound state");
    let names: Vec<&str> = overview.variables.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(names, ["state", "7", "sum", "fixed", "offset", "quiet"]);
    assert_eq!(overview.hash, SHA256);
    let session = open(Some(&code()));
    session.try_import(DOCUMENT, &keeping_globals()).expect("a sound state");
    session.run(SAME);
    let difference = session.try_eval(&format!("difference(state, {PROGRAM})"), Some(PATIENCE));
    assert_eq!(difference.expect("a comparison"), "");
    for (check, expected) in [
        (
            "[state.members[0].value === state.shared[0], state.members[1].value, state.members[2].ok]",
            "true,again,1",
        ),
        ("[state.forms[0].cents, state.forms[1].money.cents]", "5,9"),
        ("[sum(1, 2), fixed, offset, quiet, globalThis[7] === state.shared]", "13,1,10,q,true"),
        (
            "JSON.stringify(Object.getOwnPropertyDescriptor(globalThis, 'quiet'))",
            "{\"value\":\"q\",\"writable\":false,\"enumerable\":false,\"configurable\":false}",
        ),
        ("Object.getOwnPropertyDescriptor(globalThis, 'fixed').configurable", "false"),
    ] {
        assert_eq!(session.eval(check), expected, "{check}");
    }
    session.run("delete globalThis.difference");
    assert_eq!(session.try_export(&keeping_globals()).expect("a state").bytes, DOCUMENT);
}
