//! The globals that a guest has made.

use super::support::{classes, keeping_globals, open};
use crate::support::{Session, build};

#[test]
fn globals_that_the_guest_made_come_back_in_order_and_what_can_not_is_named() {
    let snapshot = classes();
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    first.run(
        "x = 1; var y = { shared: [1] }; globalThis.z = y; function add(a, b) { return a + b + x } \
         let hidden = 3; function uses() { return hidden } var closure = (() => { let n = 0; return function named() { return ++n } })(); \
         var arrow = () => 1; Object.defineProperty(globalThis, 'asked', { get: () => 1, configurable: true }); \
         var waits = Promise.resolve(); globalThis.state = { y, add }; \
         function Old(n) { this.n = n } Old.prototype.kind = 'old'; var old = new Old(4)",
    );
    let exported = first.try_export(&keeping_globals()).expect("a state");
    let mut names = exported.variables.clone();
    assert_eq!(names.remove(0), "state", "{:?}", exported.unkept);
    names.sort();
    assert_eq!(names, ["Old", "add", "old", "x", "y", "z"], "{:?}", exported.unkept);
    let unkept: Vec<(&str, &str)> =
        exported.unkept.iter().map(|unkept| (unkept.path.as_str(), unkept.why.as_str())).collect();
    for expected in [
        ("uses", "a function that names hidden, a let, const or class, which is not kept"),
        ("closure", "a function that may be a closure: it is not declared at a script's top level"),
        ("arrow", "a function that is no plain function declaration of a script"),
        ("asked", "a getter or a setter"),
        ("waits", "a promise (await it first)"),
    ] {
        assert!(unkept.contains(&expected), "{expected:?} in {unkept:?}");
    }
    assert_eq!(unkept.len(), 5, "{unkept:?}");
    second.try_import(&exported.bytes, &keeping_globals()).expect("a sound state");
    assert_eq!(
        second.eval("[x, y === z, y === state.y, state.add === add, add(2, 3), old instanceof Old, old.kind, old.n, typeof uses]"),
        "1,true,true,true,6,true,old,4,undefined"
    );
    assert_eq!(second.eval("Object.getOwnPropertyDescriptor(globalThis, 'y').configurable"), "false");
    assert_eq!(second.eval("Object.getOwnPropertyDescriptor(globalThis, 'x').configurable"), "true");
    assert_eq!(second.try_export(&keeping_globals()).expect("a state").hash, exported.hash);
}

#[test]
fn strictness_of_a_function_is_kept() {
    let (first, second) = (open(None), open(None));
    first.run("'use strict'; function strict() { return this === undefined }");
    first.run("function sloppy() { return this === globalThis }");
    let exported = first.try_export(&keeping_globals()).expect("a state");
    assert!(exported.unkept.is_empty(), "{:?}", exported.unkept);
    second.try_import(&exported.bytes, &keeping_globals()).expect("a sound state");
    assert_eq!(second.eval("[strict(), sloppy()]"), "true,true");
}

#[test]
fn an_import_replaces_the_guests_globals() {
    let (first, second) = (open(None), open(None));
    first.run("x = 1; globalThis.state = {}");
    let exported = first.try_export(&keeping_globals()).expect("a state");
    second.run("other = 2; var fixed = 3; x = 9");
    second.try_import(&exported.bytes, &keeping_globals()).expect("a sound state");
    assert_eq!(second.eval("[x, typeof other, typeof fixed]"), "1,undefined,undefined");
}

#[test]
fn a_global_of_the_snapshots_that_was_replaced_is_the_guests() {
    let snapshot = classes();
    let session = open(Some(&snapshot));
    session.run("globalThis.helpers = 5; globalThis.state = 1");
    let exported = session.try_export(&keeping_globals()).expect("a state");
    assert_eq!(exported.variables, ["state", "helpers"]);
    let second = open(Some(&snapshot));
    second.try_import(&exported.bytes, &keeping_globals()).expect("a sound state");
    assert_eq!(second.eval("helpers"), "5");
}

#[test]
fn globals_with_numbers_for_names_are_kept_as_any_other() {
    let (first, second) = (open(None), open(None));
    first.run(
        "globalThis.state = {}; globalThis[7] = { a: 1 }; globalThis[4294967294] = 2; globalThis['08'] = 3; \
               state.seven = globalThis[7]; Object.defineProperty(globalThis, 3, { value: 4 })",
    );
    let exported = first.try_export(&keeping_globals()).expect("a state");
    assert_eq!(exported.variables, ["state", "3", "7", "4294967294", "08"]);
    assert!(exported.unkept.is_empty(), "{:?}", exported.unkept);
    second.run("globalThis[9] = 1; globalThis[7] = 0");
    second.try_import(&exported.bytes, &keeping_globals()).expect("a sound state");
    assert_eq!(
        second.eval("[globalThis[7] === state.seven, globalThis[7].a, globalThis[4294967294], globalThis['08'], globalThis[3], 9 in globalThis]"),
        "true,1,2,3,4,false"
    );
    assert_eq!(second.eval("Object.getOwnPropertyDescriptor(globalThis, 3).writable"), "false");
    assert_eq!(second.try_export(&keeping_globals()).expect("a state").hash, exported.hash);
}

#[test]
fn globals_with_symbols_for_names_and_deleted_ones_are_named() {
    let snapshot =
        build("globalThis[Symbol.for('known')] = 1; globalThis.config = { v: 1 }; globalThis.other = 2");
    let session = open(Some(&snapshot));
    session.run("globalThis.state = {}");
    assert_eq!(unkept(&session), Vec::<String>::new());
    session.run(
        "globalThis[Symbol.for('k')] = 5; globalThis[Symbol('mine')] = 6; globalThis[Symbol.for('known')] = 2; \
         delete globalThis.config; delete globalThis.Map; delete globalThis.state",
    );
    let symbol = "a global with a symbol for a name";
    let deleted = "it was deleted, and is there again in a session that goes on from this state";
    assert_eq!(
        unkept(&session),
        [
            format!("[Symbol(known)]: {symbol}"),
            format!("[Symbol(k)]: {symbol}"),
            format!("[Symbol(mine)]: {symbol}"),
            format!("Map: {deleted}"),
            format!("config: {deleted}"),
        ]
    );
}

fn unkept(session: &Session) -> Vec<String> {
    let exported = session.try_export(&keeping_globals()).expect("a state");
    exported.unkept.iter().map(|unkept| format!("{}: {}", unkept.name, unkept.why)).collect()
}

#[test]
fn a_deleted_state_of_the_snapshots_stays_deleted() {
    let snapshot = build("globalThis.state = { n: 1 }");
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    first.run("delete globalThis.state");
    let exported = first.export();
    second.import(&exported.bytes);
    assert_eq!(second.eval("typeof state"), "undefined");
    assert_eq!(second.export().hash, exported.hash);
}
