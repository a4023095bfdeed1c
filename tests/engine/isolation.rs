//! The isolation check: it holds for real snapshots, and it finds a leak when there is one.

use std::sync::Arc;

use isoseed::engine::verify::{VerifyOptions, verify};

use crate::support::{PATIENCE, build, source};

fn options() -> VerifyOptions {
    VerifyOptions { memory_limit_mb: 256, timeout: PATIENCE, hostile: None }
}

#[test]
fn a_hostile_session_changes_itself_and_nobody_else() {
    let snapshot =
        build("globalThis.library = { list: [1, 2], map: new Map([['a', { b: 1 }]]), read() { return 1 } }");
    let report = verify(&snapshot, &options(), None).expect("sessions start");
    assert!(report.ok, "{report:?}");
    assert!(report.leaks.is_empty());
    assert_eq!(report.checks.len(), 4);
}

#[test]
fn the_users_own_attack_runs_beside_ours() {
    let snapshot = build("globalThis.library = { counter: 0 }");
    let mut options = options();
    options.hostile = Some(source("library.counter = 1", "hostile.js"));
    assert!(verify(&snapshot, &options, None).expect("sessions start").ok);
}

#[test]
fn a_planted_leak_is_found_and_named() {
    let snapshot = build("globalThis.library = { list: [1, 2], map: new Map([['a', { b: 1 }]]) }");
    let plants = [
        ("library.list.push(3)", "globalThis.library.list.2"),
        ("Array.prototype.leaked = 1", "globalThis.Array.prototype.leaked"),
        ("library.map.get('a').b = 2", "globalThis.library.map.<map value 0>.b"),
        (
            "Object.setPrototypeOf(Object.getPrototypeOf(function* () {}), null), 0",
            "%GeneratorFunction%.<prototype>.<prototype>",
        ),
        ("Object.freeze(library), 0", "globalThis.library"),
        ("Math.max = Math.min, 0", "globalThis.Math.max"),
    ];
    for (code, path) in plants {
        let report = verify(&Arc::clone(&snapshot), &options(), Some(&source(code, "plant.js")))
            .expect("sessions start");
        assert!(!report.ok, "{code}");
        let paths: Vec<&str> = report.leaks.iter().map(|leak| leak.path.as_str()).collect();
        assert!(paths.contains(&path), "{code}: {paths:?}");
    }
}
