//! Snapshot files: written, read, shared, pinned, damaged.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use isoseed::engine::snapshot::container::{self, pack};
use isoseed::engine::snapshot::{Compression, Snapshot, fuzz, inspect_file};

use crate::support::{Session, build};

/// A folder of one test, gone after it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("isoseed-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("removable");
    }
}

fn code_of(bytes: Vec<u8>) -> &'static str {
    Snapshot::from_bytes(bytes).expect_err("no sound snapshot").code()
}

#[test]
fn a_saved_file_is_whole_and_says_what_it_is() {
    let folder = Folder::new();
    let file = folder.file("a b.snap");
    let snapshot = build("globalThis.saved = 'yes'");
    snapshot.write(&file, Compression::None).expect("written");
    assert_eq!(std::fs::read_dir(&folder.0).expect("readable").count(), 1, "no temporary file stays");
    assert_eq!(&inspect_file(&file).expect("sound"), snapshot.inspected());
    let loaded = Snapshot::load(&file, None).expect("loadable");
    assert_eq!(Session::open(Some(&loaded)).eval("saved"), "yes");
    for wrong in [folder.0.clone(), folder.file("missing.snap"), "/dev/zero".into()] {
        assert_eq!(Snapshot::load(&wrong, None).expect_err("no file").code(), "ERR_SNAPSHOT_IO");
        assert_eq!(inspect_file(&wrong).expect_err("no file").code(), "ERR_SNAPSHOT_IO");
    }
    let nowhere = folder.file("no folder").join("a.snap");
    assert_eq!(snapshot.write(&nowhere, Compression::None).expect_err("no folder").code(), "ERR_SNAPSHOT_IO");
    // A folder can't be replaced by a file; what was written for it does not stay.
    let occupied = folder.file("occupied");
    std::fs::create_dir(&occupied).expect("a folder");
    assert_eq!(snapshot.write(&occupied, Compression::None).expect_err("a folder").code(), "ERR_SNAPSHOT_IO");
    assert_eq!(std::fs::read_dir(&folder.0).expect("readable").count(), 2);
}

#[test]
fn a_compressed_file_is_smaller_and_loads_the_same() {
    let folder = Folder::new();
    let file = folder.file("compressed.snap");
    let snapshot = build("globalThis.rows = Array.from({ length: 1000 }, (_, i) => ({ i }))");
    snapshot.write(&file, Compression::Zstd).expect("written");
    let length = std::fs::metadata(&file).expect("there").len();
    assert!(length * 2 < snapshot.bytes().len() as u64, "{length}");
    let loaded = Snapshot::load(&file, None).expect("loadable");
    assert_eq!(loaded.bytes(), snapshot.bytes());
    assert_eq!(loaded.inspected().compressed_bytes, Some(length));
    assert_eq!(loaded.inspected(), &inspect_file(&file).expect("sound"));
    assert_eq!(Session::open(Some(&loaded)).eval("rows[999].i"), "999");
    // And back.
    loaded.write(&file, Compression::None).expect("written");
    assert_eq!(std::fs::read(&file).expect("readable"), snapshot.bytes());
}

#[test]
fn a_heap_of_zeros_loads_from_a_compressed_file() {
    let folder = Folder::new();
    let file = folder.file("zeros.snap");
    let snapshot = build("globalThis.zeros = new Uint8Array(2e7)");
    snapshot.write(&file, Compression::Zstd).expect("written");
    assert!(std::fs::metadata(&file).expect("there").len() < 2_000_000);
    let loaded = Snapshot::load(&file, None).expect("loadable");
    assert_eq!(Session::open(Some(&loaded)).eval("zeros.length"), "20000000");
}

#[test]
fn source_maps_survive_every_round_trip() {
    let folder = Folder::new();
    let built = build(
        "globalThis.mapped = 1\n//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbImEudHMiXSwibmFtZXMiOltdLCJtYXBwaW5ncyI6IkFBQUEifQ==",
    );
    let opened = container::open(built.bytes()).expect("sound");
    let repacked = pack(
        built.info(),
        b"any bytes at all",
        &built.bytes()[opened.texts.clone()],
        &built.bytes()[opened.blob],
    )
    .expect("small");
    let other = Snapshot::from_bytes(repacked).expect("sound");
    assert_eq!(other.source_map_bytes(), b"any bytes at all");
    assert!(!built.source_map_bytes().is_empty());
    for snapshot in [built, other] {
        for compression in [Compression::None, Compression::Zstd] {
            let file = folder.file("mapped.snap");
            snapshot.write(&file, compression).expect("written");
            let loaded = Snapshot::load(&file, None).expect("loadable");
            assert_eq!(loaded.source_map_bytes(), snapshot.source_map_bytes());
            assert_eq!(Session::open(Some(&loaded)).eval("mapped"), "1");
        }
    }
}

#[test]
fn a_damaged_content_leaves_the_header_readable() {
    let folder = Folder::new();
    let snapshot = build("globalThis.value = 1");
    for compression in [Compression::None, Compression::Zstd] {
        let file = folder.file("damaged.snap");
        snapshot.write(&file, compression).expect("written");
        let sound = inspect_file(&file).expect("sound");
        let mut bytes = std::fs::read(&file).expect("readable");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&file, &bytes).expect("written");
        assert_eq!(inspect_file(&file).expect("a sound header"), sound);
        assert_eq!(Snapshot::load(&file, None).expect_err("damaged").code(), "ERR_SNAPSHOT_CORRUPT");
        std::fs::write(&file, &bytes[..last]).expect("written");
        assert_eq!(inspect_file(&file).expect_err("cut short").code(), "ERR_SNAPSHOT_CORRUPT");
    }
}

#[test]
fn an_unchanged_file_is_one_snapshot_while_it_is_alive() {
    let folder = Folder::new();
    let file = folder.file("shared.snap");
    let [first, second] = [1, 2].map(|value| build(&format!("globalThis.value = {value}")));
    for compression in [Compression::None, Compression::Zstd] {
        first.write(&file, compression).expect("written");
        let loaded = Snapshot::load(&file, None).expect("loadable");
        let session = Session::open(Some(&loaded));
        assert!(Arc::ptr_eq(&loaded, &Snapshot::load(&file, None).expect("loadable")));
        // The isolate keeps it.
        let kept = Arc::downgrade(&loaded);
        drop(loaded);
        let again = Snapshot::load(&file, None).expect("loadable");
        assert!(kept.upgrade().is_some_and(|kept| Arc::ptr_eq(&kept, &again)));
        // Another file in its place is another snapshot, also when it has the same length.
        second.write(&file, compression).expect("written");
        let other = Snapshot::load(&file, None).expect("loadable");
        assert_eq!(other.info().key, second.info().key);
        assert_eq!(session.eval("value"), "1");
        assert_eq!(Session::open(Some(&other)).eval("value"), "2");
        // In place: the snapshot that was loaded is not touched by it.
        std::fs::write(&file, first.bytes()).expect("written");
        assert_eq!(Snapshot::load(&file, None).expect("loadable").info().key, first.info().key);
        std::fs::write(&file, b"").expect("written");
        assert_eq!(Session::open(Some(&other)).eval("value"), "2");
        session.dispose();
        drop(again);
        assert!(kept.upgrade().is_none(), "nothing else keeps it");
    }
}

#[test]
fn many_loads_at_once_are_one_snapshot() {
    let folder = Folder::new();
    let file = folder.file("shared.snap");
    build("globalThis.value = 1").write(&file, Compression::None).expect("written");
    let loads = std::thread::scope(|threads| {
        let loading: Vec<_> =
            (0..8).map(|_| threads.spawn(|| Snapshot::load(&file, None).expect("loadable"))).collect();
        loading.into_iter().map(|load| load.join().expect("no panic")).collect::<Vec<_>>()
    });
    let again = Snapshot::load(&file, None).expect("loadable");
    assert!(loads.iter().all(|snapshot| Arc::ptr_eq(snapshot, &again)));
}

#[test]
fn a_thousand_mutated_real_files_are_typed_errors() {
    let snapshot = build("globalThis.value = 1");
    let sound = [snapshot.bytes().to_vec(), container::compress(snapshot.bytes()).expect("compressed")];
    // A linear congruential generator: the same files every time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    for number in 0..1000 {
        let bytes = &sound[number / 4 % 2];
        let mut mutated = bytes.clone();
        match number % 4 {
            0 => mutated.truncate(random(bytes.len())),
            1 => mutated[random(bytes.len())] ^= 1 << random(8),
            2 => {
                // The header, where every field is.
                let at = random(1024);
                mutated[at] = mutated[at].wrapping_add(1 + u8::try_from(random(254)).expect("a byte"));
            }
            _ => {
                let (from, to) = (random(bytes.len() - 64), random(bytes.len() - 64));
                mutated.copy_within(from..from + 64, to);
                if mutated == *bytes {
                    mutated.push(0);
                }
            }
        }
        if number % 50 < 4 {
            fuzz::exercise(&mutated);
        }
        assert_eq!(code_of(mutated), "ERR_SNAPSHOT_CORRUPT", "{number}");
    }
}
