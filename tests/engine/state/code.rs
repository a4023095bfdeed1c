//! What lives in the snapshot is named by its path, and found again.

use isoseed::engine::state::{StateLimits, inspect};

use super::support::{classes, open, open_with, request};
use crate::support::{LIMITS, build, request as build_request, source, try_build};

#[test]
fn functions_classes_and_symbols_come_back_as_the_snapshots_own() {
    let snapshot = classes();
    let (first, second) = (open(Some(&snapshot)), open(Some(&classes())));
    first.run(
        "globalThis.state = { twice: helpers.twice, Point, proto: Point.prototype, circle: new shapes.Circle(3, 4), \
         hidden: shapes.nested.make(), mark: marks.mark, map: Array.prototype.map, math: Math, global: globalThis, \
         getter: Object.getOwnPropertyDescriptor(helpers, 'current').get, cache: Cache, \
         typed: Object.getPrototypeOf(Uint8Array) }",
    );
    let exported = first.export();
    second.import(&exported.bytes);
    for check in [
        "state.twice === helpers.twice && state.Point === Point && state.proto === Point.prototype",
        "state.circle instanceof shapes.Circle && state.circle.length() === 5 && state.circle.radius === 1",
        "state.hidden.n === 7 && Object.getPrototypeOf(state.hidden) === Object.getPrototypeOf(shapes.nested.make())",
        "state.mark === marks.mark && state.map === [].map && state.math === Math && state.global === globalThis",
        "state.getter === Object.getOwnPropertyDescriptor(helpers, 'current').get && state.cache === Cache",
    ] {
        assert_eq!(second.eval(check), "true", "{check}");
    }
    assert_eq!(second.export().bytes, exported.bytes);
    let overview = inspect(&exported.bytes, &StateLimits::default(), "state").expect("a sound state");
    assert_eq!(overview.hash, exported.hash);
    assert_eq!(
        (overview.variables[0].name.as_str(), overview.variables[0].kind.as_str()),
        ("state", "Object")
    );
    assert_eq!(overview.objects, exported.objects);
    let code = ["helpers.twice", "Point", "Point.prototype", "shapes.Circle.prototype", "Hidden.prototype"];
    for path in code {
        assert!(overview.code.iter().any(|known| known == path), "{path} in {:?}", overview.code);
    }
}

#[test]
fn a_guest_can_fake_no_path() {
    let snapshot = classes();
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    // Another function at a path of the snapshot's is the guest's own.
    first.run("helpers.twice = (n) => n * 3; globalThis.state = { f: helpers.twice }");
    let error = first.try_export(&request()).expect_err("a closure");
    assert!(error.to_string().starts_with("state.f can't be kept"), "{error}");
    // One that was moved away is still known by where it was.
    second.run("globalThis.saved = helpers.twice; helpers.twice = null; globalThis.state = { f: saved }");
    let exported = second.export();
    let error = first.try_import(&exported.bytes, &request()).expect_err("another function is there");
    assert_eq!(error.code(), "ERR_SESSION_CODE_CHANGED");
    open(Some(&snapshot)).import(&exported.bytes);
}

#[test]
fn a_class_says_what_is_kept_of_its_instances() {
    let snapshot = classes();
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    first.run("const m = new Money(5); globalThis.state = { m, again: m, w: new Wallet(new Money(9)), list: [new Money(1)] }");
    let exported = first.export();
    second.import(&exported.bytes);
    assert_eq!(
        second.eval("[state.m.cents, state.m === state.again, state.w.money.cents, state.list[0].cents, state.m instanceof Money]"),
        "5,true,9,1,true"
    );
    assert_eq!(second.export().bytes, exported.bytes);
    first.run("const inner = new Money(2); globalThis.state = { w: new Wallet(inner), inner }");
    let error = first.try_export(&request()).expect_err("it would become two");
    assert!(error.to_string().contains("it would become two"), "{error}");
}

#[test]
fn a_rebuilt_snapshot_with_the_same_paths_takes_the_state() {
    let first = open(Some(&build("class Foo { hi() { return 'old' } } globalThis.lib = { Foo }")));
    first.run("globalThis.state = { foo: new Foo() }");
    let exported = first.export();
    let rebuilt = build(
        "globalThis.early = 1; class Foo { hi() { return 'new' } } globalThis.also = Foo; globalThis.lib = { Foo }",
    );
    let second = open(Some(&rebuilt));
    second.import(&exported.bytes);
    assert_eq!(second.eval("state.foo.hi()"), "new");
    let gone = open(Some(&build("globalThis.lib = {}")));
    assert_eq!(
        gone.try_import(&exported.bytes, &request()).expect_err("gone").code(),
        "ERR_SESSION_CODE_CHANGED"
    );
}

#[test]
fn what_is_too_far_from_the_global_object_has_no_path() {
    let snapshot = build(
        "let far = globalThis.near = {}; for (let i = 0; i < 3000; i++) { far.f = () => 1; far = far.next = {} }",
    );
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    first.run("let at = near; for (let i = 0; i < 1000; i++) at = at.next; globalThis.state = { f: at.f }");
    second.import(&first.export().bytes);
    assert_eq!(second.eval("state.f()"), "1");
    first.run("for (let i = 0; i < 1000; i++) at = at.next; globalThis.state = { f: at.f }");
    let error = first.try_export(&request()).expect_err("too far away");
    assert!(error.to_string().starts_with("state.f can't be kept: a function"), "{error}");
}

#[test]
fn modules_are_roots_of_paths_too() {
    use isoseed::engine::source::SourceKind;
    let mut bundle = build_request("");
    let mut module = source(
        "export class Deep { constructor() { this.a = 1 } } export default function named() {}",
        "deep.js",
    );
    module.kind = SourceKind::Module;
    let mut common = source("module.exports = { Common: class Common { b = 2 } }", "common.js");
    common.kind = SourceKind::CommonJs;
    common.global = Some("hold".to_owned());
    let mut user = source("import { Deep } from './deep.js'; globalThis.make = () => new Deep()", "user.js");
    user.kind = SourceKind::Module;
    bundle.bundles = vec![module, common, user];
    let snapshot = try_build(bundle, LIMITS).expect("a sound bundle");
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    first.run("globalThis.state = { deep: make(), common: new hold.Common() }");
    let exported = first.export();
    second.import(&exported.bytes);
    assert_eq!(
        second.eval("Object.getPrototypeOf(state.deep) === Object.getPrototypeOf(make()) && state.common instanceof hold.Common"),
        "true"
    );
}

#[test]
fn a_session_without_a_snapshot_knows_its_sources_and_the_language() {
    let code = "class Local { n = 1 } globalThis.api = { f() { return 4 } }";
    let (first, second) = (open_with(None, 64, &[code]), open_with(None, 64, &[code]));
    first.run("globalThis.state = { local: new Local(), f: api.f, m: Map, i: Symbol.iterator }");
    let exported = first.export();
    second.import(&exported.bytes);
    assert_eq!(second.eval("state.local instanceof Local && state.f === api.f && state.m === Map"), "true");
    let snapshot = build(code);
    let third = open(Some(&snapshot));
    third.import(&exported.bytes);
    assert_eq!(third.export().bytes, exported.bytes, "a snapshot and its fallback are the same code");
}
