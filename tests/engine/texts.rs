//! The texts of sources that isolates share: functions that are compiled later read them, in sessions that
//! outlive the snapshot's other owners, and from snapshots on top of others.

use std::sync::Arc;

use isoseed::engine::snapshot::{Compression, Snapshot};
use isoseed::engine::source::SourceKind;

use crate::support::{LIMITS, Session, build, request, source, try_build, try_build_on};

/// A source with a function that nothing calls while building, and so much text that it is not kept in the heap.
fn lazy(name: &str, answer: &str) -> String {
    let filler = format!("// a line of {name}\n").repeat(2000);
    format!(
        "globalThis.{name} = function () {{ return '{answer}' + new Error('x').stack.split('\\n')[1] }};\n{filler}"
    )
}

fn texts(snapshot: &Snapshot) -> Vec<u64> {
    snapshot.info().texts.clone()
}

#[test]
fn a_function_that_was_not_compiled_finds_its_text_beside_the_image() {
    let code = lazy("late", "here");
    let snapshot = build(&code);
    assert_eq!(texts(&snapshot), [code.len() as u64]);
    assert!(snapshot.info().heap_bytes < build("1").info().heap_bytes + code.len() as u64 / 2);
    let sessions: Vec<Session> = (0..3).map(|_| Session::open(Some(&snapshot))).collect();
    drop(snapshot);
    for session in sessions {
        assert!(session.eval("late()").contains("here"));
        assert_eq!(
            session.eval("late.toString()"),
            code.split(";\n").next().expect("code").split_once("= ").expect("a function").1
        );
        // Full collections and another look: the text belongs to no session.
        session.eval("(() => { for (let i = 0; i < 40; i++) new Array(1e5).fill({}) })()");
        assert!(session.eval("eval('(' + late + ')')()").contains("here"));
    }
}

#[test]
fn modules_of_every_kind_share_their_text() {
    for kind in [SourceKind::Script, SourceKind::CommonJs, SourceKind::Module] {
        let mut request = request(&lazy("late", "kind"));
        request.bundles[0].kind = kind;
        let snapshot = try_build(request, LIMITS).expect("built");
        assert_eq!(texts(&snapshot).len(), 1, "{kind:?}");
        assert!(Session::open(Some(&snapshot)).eval("late()").contains("kind"), "{kind:?}");
    }
}

#[test]
fn a_snapshot_on_another_has_the_texts_of_both() {
    let base = build(&lazy("first", "one"));
    let on = |base: Arc<Snapshot>, name: &str, answer: &str| {
        try_build_on(Some(base), request(&lazy(name, answer)), LIMITS).expect("built")
    };
    let all = on(on(base, "second", "two"), "third", "three");
    assert_eq!(texts(&all).len(), 3);
    let session = Session::open(Some(&all));
    for (call, answer) in [("first()", "one"), ("second()", "two"), ("third()", "three")] {
        assert!(session.eval(call).contains(answer), "{call}");
    }
}

#[test]
fn texts_survive_a_file_compressed_or_not() {
    let snapshot = build(&lazy("late", "filed"));
    let folder = std::env::temp_dir().join(format!("isoseed-texts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, compression) in [("plain", Compression::None), ("packed", Compression::Zstd)] {
        let path = folder.join(name);
        snapshot.write(&path, compression).expect("written");
        let loaded = Snapshot::load(&path, None).expect("loaded");
        assert!(Session::open(Some(&loaded)).eval("late()").contains("filed"));
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn a_text_that_v8_can_not_share_stays_in_the_image() {
    let code = format!("{}// \u{e4}\u{1f600}", lazy("late", "kept"));
    for code in [format!("\u{feff}{}", lazy("late", "kept")), code] {
        let is_shared = code.starts_with('\u{feff}');
        let mut request = request("1");
        request.bundles.push(source(&code, "late.js"));
        let snapshot = try_build(request, LIMITS).expect("built");
        assert_eq!(texts(&snapshot).len(), usize::from(is_shared));
        assert!(Session::open(Some(&snapshot)).eval("late()").contains("kept"));
    }
}
