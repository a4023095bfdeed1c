//! The globals that a guest has made.

use super::support::{classes, keeping_globals, open};

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
