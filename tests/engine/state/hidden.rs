//! A top-level `let`, `const` or `class` hides a global of its name: what scripts change then is not what is kept.

use isoseed::engine::error::EngineError;
use isoseed::engine::state::{Exported, StateRequest};

use super::support::{keeping_globals, open, open_with, request};
use crate::support::{Session, build};

const WHY: &str = "a top-level let, const or class of that name hides it: use var or an assignment instead";
const WHY_STATE: &str = "a top-level let, const or class of that name hides it: use var or an assignment instead, or \
                         keep another global by the option state";

fn refused(session: &Session, request: &StateRequest) -> (String, String) {
    match session.try_export(request) {
        Err(EngineError::StateValue { path, why }) => (path, why),
        other => panic!("{other:?}"),
    }
}

fn unkept(exported: &Exported) -> Vec<(&str, &str)> {
    exported.unkept.iter().map(|unkept| (unkept.path.as_str(), unkept.why.as_str())).collect()
}

#[test]
fn a_state_that_scripts_can_not_see_is_refused() {
    for hiding in [
        "let state = { n: 5 }",
        "const state = globalThis.state",
        "class state {}",
        "let st\\u0061te",
        "delete globalThis.state; let state = 1",
        "delete globalThis.state; Object.preventExtensions(globalThis); let state = 1",
    ] {
        let session = open(None);
        session.run("globalThis.state = { n: 1 }");
        session.export();
        session.run(hiding);
        assert_eq!(refused(&session, &request()), ("state".to_owned(), WHY_STATE.to_owned()), "{hiding}");
        assert_eq!(
            session.eval("Object.hasOwn(globalThis, 'state')"),
            (!hiding.starts_with("delete")).to_string()
        );
    }
}

#[test]
fn one_that_is_not_initialised_yet_hides_as_well() {
    let session = open(None);
    session.run("globalThis.state = { n: 1 }");
    let thrown = session.try_eval("throw 1; let state = 2", Some(crate::support::PATIENCE));
    thrown.expect_err("a throw");
    assert_eq!(refused(&session, &request()).0, "state");
}

#[test]
fn other_names_and_inner_scopes_hide_nothing() {
    let session = open(None);
    session.run("globalThis.state = { n: 1 }; let state2 = 1, State = 2; { let state = 3 } (() => { const state = 4 })()");
    session.export();
    let spaced = StateRequest { state: "my state".to_owned(), ..request() };
    session.run("globalThis['my state'] = 1; let my = 2");
    session.try_export(&spaced).expect("a state that no script can name");
}

#[test]
fn a_state_that_the_snapshot_or_the_sources_hide_can_neither_be_written_nor_read() {
    let fine = open(None);
    fine.run("globalThis.state = { n: 1 }");
    let exported = fine.export();
    let hiding = "let state = { n: 0 }; function add() { return ++state.n }";
    for session in [open(Some(&build(hiding))), open_with(None, 64, &[hiding])] {
        assert_eq!(refused(&session, &request()).0, "state");
        match session.try_import(&exported.bytes, &request()) {
            Err(EngineError::StateValue { path, why }) => {
                assert_eq!((path.as_str(), &*why), ("state", WHY_STATE));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(session.eval("[Object.hasOwn(globalThis, 'state'), add()]"), "false,1");
    }
}

#[test]
fn a_global_that_a_script_can_not_see_is_named_and_not_kept() {
    let session = open(None);
    session.run(
        "globalThis.state = {}; x = 1; y = 2; globalThis['no name'] = 3; globalThis.class = 4; globalThis.ж = 5; \
         globalThis['e\\u0301'] = 6",
    );
    let before = session.try_export(&keeping_globals()).expect("a state");
    assert_eq!(unkept(&before), []);
    session.run("let x = 10; const ж = 11; class e\\u0301 {}");
    session.run("x = 12");
    let after = session.try_export(&keeping_globals()).expect("a state");
    assert_eq!(unkept(&after), [("x", WHY), ("ж", WHY), ("e\u{301}", WHY)]);
    assert_eq!(after.variables, ["state", "y", "no name", "class"]);
    assert_eq!(session.eval("[globalThis.x, x]"), "1,12");
    // One session's lets are nothing to another.
    let fresh = open(None);
    fresh.try_import(&after.bytes, &keeping_globals()).expect("a sound state");
    assert_eq!(fresh.eval("[y, typeof x, globalThis['no name']]"), "2,undefined,3");
    let error = session.try_import(&before.bytes, &keeping_globals()).expect_err("x can't be seen");
    assert!(error.to_string().starts_with("x can't be kept: a top-level let"), "{error}");
    assert_eq!(session.eval("[y, x]"), "2,12");
}

#[test]
fn looking_for_what_hides_a_global_asks_no_getter() {
    let session = open(None);
    session.run(
        "globalThis.ran = 0; globalThis.state = {}; \
         Object.defineProperty(globalThis, 'b', { get: () => ++ran, set: () => ++ran, configurable: true }); \
         globalThis['a\\u2028b'] = 1; globalThis['a;b'] = 1; globalThis['a=b'] = 1; globalThis['\\u0061,b'] = 1",
    );
    let exported = session.try_export(&keeping_globals()).expect("a state");
    assert_eq!(unkept(&exported), [("b", "a getter or a setter")]);
    assert_eq!(session.eval("ran"), "0");
}
