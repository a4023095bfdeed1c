//! Private members of the snapshot's classes come back, and no code runs for it.

use std::sync::Arc;

use isoseed::engine::error::EngineError;
use isoseed::engine::snapshot::Snapshot;
use isoseed::engine::state::{StateLimits, inspect};

use super::support::{open, open_with, request};
use crate::support::build;

const CODE: &str = include_str!("members.js");

fn snapshot() -> Arc<Snapshot> {
    build(CODE)
}

/// Exports what the code makes, imports it elsewhere, and asks there.
fn check(snapshot: &Arc<Snapshot>, code: &str, questions: &[(&str, &str)]) {
    let (first, second) = (open(Some(snapshot)), open(Some(snapshot)));
    first.run(code);
    for (question, answer) in questions {
        assert_eq!(first.eval(question), *answer, "before: {question}");
    }
    let fresh = open(Some(snapshot));
    fresh.run(code);
    let exported = fresh.export();
    second.import(&exported.bytes);
    assert_eq!(second.export().hash, exported.hash, "{code}");
    for (question, answer) in questions {
        assert_eq!(second.eval(question), *answer, "after: {question}");
    }
}

#[test]
fn private_fields_are_kept_with_identity_and_cycles() {
    check(
        &snapshot(),
        "const shared = { n: 1 }; const c = new Counter(shared).bump().bump(); globalThis.state = { c, d: new Counter(shared), shared }; c.owner = c; state.e = new Counter(c)",
        &[
            ("JSON.stringify(state.c.look().slice(0, 3))", "[2,2,true]"),
            ("state.c.look()[3] === state.c && state.e.look()[3] === state.c", "true"),
            ("state.d.look()[3] === state.shared", "true"),
            ("state.c.same(state.e)", "true"),
            ("Counter.has(state.c) && !Counter.has({}) && !Counter.has(state.shared)", "true"),
            // Written to afterwards, as any instance.
            ("state.c.bump().bump().look()[0]", "4"),
            (
                "Object.getOwnPropertyNames(state.c).length + Object.getOwnPropertySymbols(state.c).length",
                "0",
            ),
            ("JSON.stringify({ ...state.c })", "{}"),
        ],
    );
}

#[test]
fn private_methods_and_accessors_work_on_what_comes_back() {
    check(
        &snapshot(),
        "globalThis.state = { m: new Methods(), o: new OnlyMethods() }",
        &[
            ("Methods.has(state.m) && !Methods.has(state.o)", "true"),
            ("[state.m.run(), state.m.run(), state.o.run()]", "14,16,checked"),
            (
                "(() => { try { OnlyMethods.prototype.run.call(state.m) } catch (error) { return error.name } })()",
                "TypeError",
            ),
            // Hot code treats both alike.
            (
                "(() => { const other = new OnlyMethods(); for (let i = 0; i < 20000; i++) { other.run(); state.o.run() } return state.o.run() })()",
                "checked",
            ),
        ],
    );
}

#[test]
fn each_level_of_a_chain_has_its_own() {
    check(
        &snapshot(),
        "globalThis.state = { leaf: new Leaf(), middle: new Middle(), plain: new Plain() }; state.leaf.setBase(state.middle); state.leaf.open = 2",
        &[
            ("state.leaf.baseX() === state.middle && state.middle.baseX() === 'base'", "true"),
            (
                "[state.leaf.leafX(), state.leaf.middleY(), state.leaf.open, state.plain.middleY()]",
                "leaf,middle,2,middle",
            ),
            ("[state.leaf.hiddenBase(), state.leaf.hiddenLeaf(), state.plain.hiddenBase()]", "b,l,b"),
        ],
    );
}

#[test]
fn names_belong_to_their_class_alone() {
    check(
        &snapshot(),
        "const { One, Two } = twins; globalThis.state = { one: new One(), two: new Two(), outer: new Outer(), inner: new Outer.Inner(), bare: new Outer.Bare() }; state.one.x = 'first'; state.two.x = 'second'",
        &[
            ("[state.one.x, state.two.x]", "first,second"),
            (
                "[twins.One.has(state.one), twins.One.has(state.two), twins.Two.has(state.two)]",
                "true,false,true",
            ),
            ("[state.outer.look(), state.inner.look(), state.bare.n]", "outer,inner,2,1"),
        ],
    );
}

#[test]
fn an_object_can_have_members_of_a_class_that_is_not_its_own() {
    check(
        &snapshot(),
        "const list = [1, 2], frozen = Object.freeze({ a: 1 }), bare = Object.create(null), fn = new Counter(1); \
         new Stamp(list, bare); new Stamp(frozen, 'ice'); new StampMethods(bare); new Stamp(fn, fn); new StampMethods(frozen); \
         globalThis.state = { list, frozen, bare, fn, none: {} }",
        &[
            (
                "Stamp.read(state.list) === state.bare && Array.isArray(state.list) && state.list.length === 2",
                "true",
            ),
            (
                "[Stamp.read(state.frozen), Object.isFrozen(state.frozen), StampMethods.run(state.frozen)]",
                "ice,true,stamped",
            ),
            (
                "[StampMethods.run(state.bare), StampMethods.has(state.list), Object.getPrototypeOf(state.bare)]",
                "stamped,false,",
            ),
            ("Stamp.read(state.fn) === state.fn && state.fn.look()[3] === 1", "true"),
            ("Stamp.read(state.none)", "no mark"),
            (
                "(() => { try { new StampMethods(state.bare) } catch (error) { return error.name } })()",
                "TypeError",
            ),
        ],
    );
}

#[test]
fn objects_of_every_kind_can_have_them() {
    check(
        &snapshot(),
        "globalThis.state = { vault: new Vault([[1, 2]]), stack: Stack.of(1, 2, 3), fault: new Fault('no', 7), raw: new Raw([1, 2]), u: new Ünïcode(), s: new Statics() }; state.vault.set('key', state.vault.key); \
         for (const object of [new Date(5), /x/g, new Set([1]), new ArrayBuffer(2), Object(1n), new DataView(new ArrayBuffer(1))]) { new Stamp(object, 'kind'); (state.kinds ??= []).push(object) }",
        &[
            (
                "state.vault.get('key') === state.vault.key && state.vault.key.deep === 1 && state.vault.size === 2",
                "true",
            ),
            ("[state.stack.top, state.stack.join('')]", "3,123"),
            ("[state.fault.code, state.fault.message, state.fault instanceof Fault]", "7,no,true"),
            ("[state.raw.unit, state.raw.length]", "px,2"),
            ("state.u.look()", "1,2,3"),
            ("typeof state.s.id", "number"),
            ("state.kinds.map((object) => Stamp.read(object)).join()", "kind,kind,kind,kind,kind,kind"),
        ],
    );
}

#[test]
fn reading_a_state_runs_neither_initializers_nor_constructors() {
    let snapshot = snapshot();
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    first.run("globalThis.state = { eager: new Eager() }");
    second.import(&first.export().bytes);
    assert_eq!(second.eval("[state.eager.a, typeof touched, typeof Eager.made]"), "1,undefined,undefined");
}

#[test]
fn the_order_in_which_members_came_is_not_part_of_a_state() {
    let snapshot = snapshot();
    let session = open(Some(&snapshot));
    session.run("const a = {}; new Stamp(a, 1); new StampMethods(a); globalThis.state = a");
    let one = session.export();
    session.run("const b = {}; new StampMethods(b); new Stamp(b, 1); globalThis.state = b");
    assert_eq!(session.export().bytes, one.bytes);
    session.run("const c = {}; for (let i = 0; i < 2000; i++) c['k' + i] = i; new Stamp(c, 1); for (let i = 0; i < 2000; i++) delete c['k' + i]; new StampMethods(c); globalThis.state = c");
    assert_eq!(session.export().bytes, one.bytes, "of an object that V8 keeps as a table");
}

#[test]
fn what_is_in_a_field_can_be_refused_and_has_a_path() {
    let session = open(Some(&snapshot()));
    for (code, path, why) in [
        (
            "{ w: [new Wide()] }",
            "state.w[0].#f",
            "a function that is not the snapshot's: it may be a closure",
        ),
        (
            "{ c: new Counter({ deep: [() => 1] }) }",
            "state.c.#owner.deep[0]",
            "a function that is not the snapshot's: it may be a closure",
        ),
        ("{ o: unnamed.stamp({}) }", "state.o", "an object with a private member (#s)"),
        ("{ o: unnamed.make() }", "state.o", "an object with a private member (#x)"),
        (
            "{ o: new (class extends Given { #mine = 1 })({}) }",
            "state.o",
            "an object with a private member (#mine)",
        ),
        ("{ o: new (class extends Given { #m() {} })({}) }", "state.o", "an object with a private member ("),
    ] {
        session.run(&format!("globalThis.state = ({code})"));
        match session.try_export(&request()) {
            Err(EngineError::StateValue { path: found, why: because }) => {
                assert_eq!(found, path, "{code}: {because}");
                assert!(because.starts_with(why), "{code}: {because}");
            }
            other => panic!("{code}: {other:?}"),
        }
    }
    session.run("globalThis.state = { w: new Wide() }; state.w.clear()");
    session.export();
}

#[test]
fn a_guest_can_neither_see_nor_fake_a_member() {
    let snapshot = snapshot();
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    first.run(
        "for (const name of Object.getOwnPropertyNames(Reflect)) Reflect[name] = () => { throw new Error('never') }; \
         Function.prototype.toString = () => 'class {}'; RegExp.prototype.exec = () => { throw new Error('never') }; \
         Object.defineProperty(Counter, 'prototype', {}); globalThis.Counter = class Counter { #count = 9 }; \
         globalThis.state = { m: new Many(), text: '#a', [Symbol.for('#a')]: 1, '#a': 2 }",
    );
    let exported = first.export();
    second.import(&exported.bytes);
    assert_eq!(second.eval("[state.m.sum(), state['#a'], state[Symbol.for('#a')]]"), "10,2,1");
    assert_eq!(second.export().hash, exported.hash);
}

#[test]
fn hooks_come_before_members_and_are_not_inherited() {
    check(
        &snapshot(),
        "globalThis.state = { pouch: new Pouch() }",
        &[("[state.pouch.coins, state.pouch.more]", "1,2")],
    );
    let snapshot = snapshot();
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    first.run("globalThis.state = { purse: new Purse() }");
    second.import(&first.export().bytes);
    assert_eq!(second.eval("state.purse.coins"), "1001");
}

#[test]
fn a_class_that_has_lost_a_member_is_named() {
    let first = open(Some(&build("class A { #x = 1; #gone = 2; #m() {} }; globalThis.make = () => new A()")));
    first.run("globalThis.state = { a: make() }");
    let exported = first.export();
    let overview = inspect(&exported.bytes, &StateLimits::default(), "state").expect("a sound state");
    assert!(overview.code.iter().any(|path| path == "A"), "{:?}", overview.code);
    let shown: Vec<_> = overview.properties.iter().map(|entry| (&*entry.name, &*entry.preview)).collect();
    assert_eq!(shown, [("a", "A { #gone: 2, #x: 1 }")]);
    let second = open(Some(&build("class A { #x = 1; #other = 2 }; globalThis.make = () => new A()")));
    second.run("globalThis.state = 5");
    match second.try_import(&exported.bytes, &request()) {
        Err(EngineError::SessionCodeChanged { missing }) => {
            assert_eq!(missing, ["A.private methods", "A.#gone"]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(second.eval("state"), "5");
    // With the same names, a class may have become another.
    let third = open(Some(&build(
        "class A { #m() {} #gone = 3; #more = 9; #x = 0; look() { return [this.#x, this.#gone, #more in this] } }",
    )));
    third.import(&exported.bytes);
    assert_eq!(third.eval("state.a.look()"), "1,2,false");
}

#[test]
fn a_document_that_nobody_wrote_can_name_no_other_member() {
    use sha2::{Digest, Sha256};
    let snapshot = snapshot();
    let session = open(Some(&snapshot));
    session.run("globalThis.state = { s: new Statics(), m: new Methods(), o: {} }");
    let exported = session.export().bytes;
    // As long as the names that they replace.
    for (from, to, code) in [
        (&b"\x23#id"[..], &b"\x23#od"[..], "ERR_SESSION_CODE_CHANGED"),
        (b"\x23#id", b"\x23 id", "ERR_STATE_CORRUPT"),
        (b"\x27#secret", b"\x27#double", "ERR_SESSION_CODE_CHANGED"),
        (b"\x27Methods", b"\x27Statics", "ERR_SESSION_CODE_CHANGED"),
        (b"\x27Statics", b"\x27Counter", "ERR_SESSION_CODE_CHANGED"),
        (b"\x27Statics", b"\x27Reflect", "ERR_SESSION_CODE_CHANGED"),
    ] {
        let mut bytes = exported[..exported.len() - 32].to_vec();
        let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
        assert!(!places.is_empty(), "{from:?}");
        for at in places {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        let error = session.try_import(&bytes, &request()).expect_err("nobody has it");
        assert_eq!(error.code(), code, "{error}");
    }
    assert_eq!(session.eval("Methods.has(state.m)"), "true");
}

#[test]
fn members_survive_collections_of_garbage() {
    let snapshot = snapshot();
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    first.run("globalThis.state = Array.from({ length: 500 }, (_, i) => new Counter({ i }).bump())");
    let churn = "for (let i = 0; i < 300; i++) globalThis.waste = Array.from({ length: 1000 }, () => [i])";
    for _ in 0..5 {
        first.run(churn);
        let exported = first.export();
        second.run(churn);
        second.import(&exported.bytes);
        second.run(churn);
        assert_eq!(second.export().hash, exported.hash);
    }
    assert_eq!(second.eval("state.every((one, i) => one.look()[0] === 1 && one.look()[3].i === i)"), "true");
}

#[test]
fn a_snapshot_and_its_fallback_have_the_same_members() {
    let (first, second) = (open(Some(&snapshot())), open_with(None, 256, &[CODE]));
    let code = "globalThis.state = { m: new Methods(), l: new Leaf(), c: new Counter(1) }";
    first.run(code);
    second.run(code);
    let exported = first.export();
    assert_eq!(second.export().bytes, exported.bytes);
    second.import(&exported.bytes);
    assert_eq!(second.eval("[state.m.run(), state.l.leafX()]"), "14,leaf");
}

#[test]
fn many_objects_share_the_names_of_their_members() {
    let snapshot = snapshot();
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    let bytes_of = |count: usize| {
        first.run(&format!("globalThis.state = Array.from({{ length: {count} }}, () => new Many())"));
        first.export().bytes
    };
    let (few, many) = (bytes_of(10), bytes_of(10_010));
    assert!(many.len() - few.len() <= 10_000 * 24, "{} bytes for 10 000 more", many.len() - few.len());
    second.import(&many);
    assert_eq!(second.eval("state.every((one) => { one.more(); return one.sum() === 11 })"), "true");
}
