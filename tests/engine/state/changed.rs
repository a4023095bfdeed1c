//! What a guest changes in the snapshot's own objects is not kept, and said so.

use super::support::{keeping_globals, open, open_with, request};
use crate::support::{Session, build};

const CODE: &str = "var cfg = { v: 1, gone: 2, deep: { n: 1 }, f() {} }; globalThis['odd name'] = [1, 2]; var cache = new Map([[1, 2]]); \
    let tags = new Set(['a']); const settings = {}; var untouched = { a: NaN, b: [], c: undefined, get d() { return 1 } }; \
    var large = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => ['k' + i, i])); \
    class P { static count = 0; static limit = 3; x = 1; static make() { return new P() } } P.prototype.kind = 'p'; \
    function f() {} f.memo = null; function g() {} var lib = { deep: { h() {} } }; \
    class M { constructor(v) { this.v = v } static made = 0; static [Symbol.for('isoseed.state')] = { toState: (m) => m.v, fromState: (v) => new M(v) } } \
    class N {}; var state = { own: 1 }; globalThis.marks = { [Symbol('mine')]: 1 }";

fn sessions() -> [Session; 2] {
    [open(Some(&build(CODE))), open_with(None, 64, &[CODE])]
}

fn unkept(session: &Session) -> Vec<String> {
    let exported = session.try_export(&keeping_globals()).expect("a state");
    let why = "it was changed in an object of the snapshot's, which begins as it was built";
    for unkept in &exported.unkept {
        assert_eq!(unkept.why, why, "{unkept:?}");
        assert!(unkept.path.starts_with(&unkept.name), "{unkept:?}");
    }
    let mut paths: Vec<String> = exported.unkept.into_iter().map(|unkept| unkept.path).collect();
    paths.sort();
    paths
}

#[test]
fn nothing_is_said_of_what_is_as_it_was() {
    for session in sessions() {
        session.run("state.all = [P, f, lib.deep.h, new P(), new M(new P()), Math, globalThis, Map, Array.prototype, Error]");
        assert_eq!(unkept(&session), Vec::<String>::new());
        session.run(
            "globalThis.constructor = P; state.own = 2; cfg = { v: 5 }; globalThis['odd name'].push; delete globalThis.lib2; P.count; 0",
        );
        // A replaced one is kept, and what the global object refers to are globals.
        assert_eq!(unkept(&session), Vec::<String>::new());
    }
}

#[test]
fn data_of_globals_and_top_level_names_is_looked_at() {
    for session in sessions() {
        session.run(
            "cfg.v = 2; cfg.extra = 3; delete cfg.gone; cfg.f = () => 1; globalThis['odd name'][0] = 9; cache.set(1, 3); \
             tags.add('b'); settings.on = true; untouched.e = undefined",
        );
        assert_eq!(
            unkept(&session),
            [
                "[\"odd name\"][0]",
                "cache.<entries>",
                "cfg.extra",
                "cfg.f",
                "cfg.gone",
                "cfg.v",
                "settings.on",
                "tags.<entries>"
            ]
        );
        assert_eq!(session.try_export(&request()).expect("a state").unkept, [], "without keepGlobals");
        session.run(
            "cfg = 1; cache.set(1, 2); tags.delete('b'); delete settings.on; globalThis['odd name'] = 1",
        );
        assert_eq!(unkept(&session), Vec::<String>::new());
    }
}

#[test]
fn what_is_put_on_code_that_a_state_refers_to_is_looked_at() {
    for session in sessions() {
        session.run("P.count = 5; P.late = () => 1; delete P.limit; P.prototype.kind = 'q'; f.memo = new Map(); g.memo = 1; \
                     lib.deep.h.calls = 1; M.made = 1; N.made = 1; P.make = lib.deep.h");
        assert_eq!(unkept(&session), Vec::<String>::new(), "nothing refers to it");
        session.run("state.p = new P()");
        assert_eq!(unkept(&session), ["P.count", "P.late", "P.limit", "P.prototype.kind"]);
        session.run("state.p = P");
        assert_eq!(unkept(&session), ["P.count", "P.late", "P.limit", "P.prototype.kind"]);
        session.run("state.p = [f, lib.deep.h, new M(new N())]");
        assert_eq!(unkept(&session), ["M.made", "N.made", "f.memo", "lib.deep.h.calls"]);
    }
}

#[test]
fn it_costs_no_getter_and_no_list_without_end() {
    for session in sessions() {
        session.run(
            "globalThis.ran = 0; const get = () => ++ran; Object.defineProperty(cfg, 'v', { get }); Object.defineProperty(P, 'count', { get }); \
             state.p = P; for (let i = 0; i < 2000; i++) { settings['k' + i] = i; f['k' + i] = i; cache.set(i, i) } state.f = f; large.more = 1",
        );
        let found = unkept(&session);
        assert_eq!(found, ["P.count", "cache", "cfg.v", "f", "settings"]);
        assert_eq!(session.eval("ran"), "0");
    }
}
