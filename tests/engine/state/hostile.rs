//! A guest that replaces what it can reach changes nothing but its own values.

use super::support::{SAME, classes, open, request};

const TAMPER: &str = r"
  globalThis.ran = '';
  const { defineProperty, getOwnPropertyDescriptor } = Object, { ownKeys } = Reflect;
  const each = (list, work) => { for (let i = 0; i < list.length; i++) work(list[i]) };
  const trap = (name) => function () { ran += name + ';'; throw new Error(name) };
  const poison = (object, name) => { const keys = ownKeys(object); for (let i = 0; i < keys.length; i++) { const key = keys[i];
    try { if (typeof getOwnPropertyDescriptor(object, key).value === 'function' && key !== 'constructor') defineProperty(object, key, { __proto__: null, value: trap(name), configurable: true }) } catch {}
  } };
  const made = [1, { a: [2] }, new Map([[1, { b: 2 }]]), new Set([3]), new Date(4), /x/g, new Error('e'), new Uint8Array([1, 2]),
    new String('s'), new Number(5), Object(6n), new ArrayBuffer(3, { maxByteLength: 5 }), Symbol.for('z'), Object.freeze({ q: 1 })];
  globalThis.state = { made };
  each(['value', 'get', 'set', 'writable', 'enumerable', 'configurable', 'stack', 'message', 'cause', 'then', '5', 'toJSON', 'maxByteLength', 'isoseed.state'], (key) =>
    defineProperty(Object.prototype, key, { __proto__: null, get: trap('get ' + key), set: trap('set ' + key), configurable: true }));
  defineProperty(Object.prototype, Symbol.for('isoseed.state'), { __proto__: null, get: trap('hook'), configurable: true });
  each([Symbol.iterator, Symbol.toPrimitive, Symbol.toStringTag, Symbol.species], (key) =>
    defineProperty(Object.prototype, key, { __proto__: null, get: trap('symbol'), configurable: true }));
  each(['Map', 'Set', 'Date', 'RegExp', 'Error', 'Array', 'String', 'Number', 'BigInt', 'Symbol', 'ArrayBuffer', 'Function', 'Uint8Array', 'Promise'], (name) => poison(globalThis[name].prototype, name));
  poison(Object.getPrototypeOf(Uint8Array.prototype), 'typed');
  poison(Object.prototype, 'Object.prototype');
  poison(Object, 'Object');
  poison(Reflect, 'Reflect');
  poison(JSON, 'JSON');
  poison(Symbol, 'Symbol');
  defineProperty(Array.prototype, 0, { __proto__: null, get: trap('element'), set: trap('set element'), configurable: true });
  Error.prepareStackTrace = undefined;
  // What it set off itself does not count.
  ran = '';
";

#[test]
fn nothing_of_the_guests_runs_while_its_state_is_written() {
    let snapshot = classes();
    let (honest, hostile, reader) = (open(Some(&snapshot)), open(Some(&snapshot)), open(Some(&snapshot)));
    hostile.run(TAMPER);
    let exported = hostile.export();
    assert_eq!(hostile.eval("ran"), "");
    // As by a guest that did nothing of the kind, but for where the error was made.
    let own = TAMPER
        .split("const made = ")
        .nth(1)
        .and_then(|rest| rest.split("globalThis.state").next())
        .expect("it is there");
    let own = own.trim().trim_end_matches(';');
    honest.run(&format!("globalThis.state = {{ made: {own} }}"));
    honest.run("state.made[6].stack = 'same'");
    hostile.run("made[6].stack = 'same'");
    assert_eq!(hostile.export().hash, honest.export().hash);
    assert_eq!(hostile.eval("ran"), "");
    reader.run(SAME);
    reader.import(&exported.bytes);
    let check = format!("difference(state.made, {own})");
    assert_eq!(reader.try_eval(&check, None).expect("a comparison"), "");
    // And it is read back where everything is poisoned.
    hostile.import(&exported.bytes);
    assert_eq!(hostile.eval("ran"), "");
    assert_eq!(hostile.export().bytes.len(), exported.bytes.len());
}

#[test]
fn the_guests_own_stack_maker_is_not_asked() {
    let session = open(None);
    session.run(
        "globalThis.asked = 0; Error.prepareStackTrace = () => { asked++; return 'made' }; globalThis.state = { e: new Error('x') }",
    );
    match session.try_export(&request()) {
        // V8 has made the text already, or would have to ask.
        Ok(_) => {}
        Err(error) => assert!(error.to_string().starts_with("state.e.stack can't be kept"), "{error}"),
    }
    assert_eq!(session.eval("asked"), "0");
}

#[test]
fn what_a_to_state_does_meanwhile_does_no_harm() {
    let snapshot = crate::support::build(
        "class Evil { static [Symbol.for('isoseed.state')] = { toState() { state.list.length = 0; state.late = {}; \
         delete state.first; state.buffer.resize(1); return state.map.clear(), 1 }, fromState: () => ({}) } } \
         globalThis.make = () => ({ evil: new Evil(), first: {}, list: [{}, {}, [{}]], map: new Map([[{}, {}]]), \
         buffer: new ArrayBuffer(100, { maxByteLength: 100 }) })",
    );
    let session = open(Some(&snapshot));
    for _ in 0..20 {
        session.run("globalThis.state = make()");
        let exported = session.export();
        open(Some(&snapshot)).import(&exported.bytes);
    }
}

#[test]
fn insertion_history_leaves_no_trace() {
    let (first, second) = (open(None), open(None));
    first.run("globalThis.state = { a: 1, b: { x: 1, y: 2 }, c: [1, 2, 3] }");
    second.run(
        "const o = { z: 0 }; delete o.z; o.a = 0; o.a = 1; const b = Object.create(null); Object.setPrototypeOf(b, Object.prototype); \
         b.x = 1; b.q = 9; b.y = 2; delete b.q; o.b = b; const c = []; c[2] = 3; c[0] = 1; c[1] = 2; c[9999999] = 1; c.length = 3; o.c = c; \
         globalThis.state = o",
    );
    assert_eq!(first.export().bytes, second.export().bytes);
    second.run("delete state.a; state.a = 1");
    assert_ne!(first.export().bytes, second.export().bytes, "the order of properties is state");
}

#[test]
fn a_host_function_that_is_a_getter_is_not_called() {
    use crate::support::{Calls, Session, session_options};
    use isoseed::engine::handle::{IsolateHandle, Seed};
    use isoseed::engine::host_call::Host;
    use std::sync::Arc;
    for is_sync in [false, true] {
        let (mut options, calls) = (session_options(), Arc::new(Calls::default()));
        options.keeps_state = true;
        options.host = Arc::clone(&calls) as Arc<dyn Host>;
        if is_sync {
            options.sync_bindings = options.bindings.clone();
        }
        let seed = Seed { snapshot: None, memory_limit_mb: 64 };
        let session = Session::started(|settle| IsolateHandle::start(seed, options, 1, settle));
        session.run("globalThis.state = Object.defineProperty({}, 'x', { get: host.call })");
        let error = session.try_export(&request()).expect_err("a getter");
        assert_eq!(error.to_string(), "state.x can't be kept: a property with a getter or a setter");
        session.run("globalThis.state = Object.defineProperty({}, 'x', { get: console.log })");
        session.try_export(&request()).expect_err("a getter");
        assert!(calls.0.lock().expect("no test panics with it").is_empty());
    }
}
