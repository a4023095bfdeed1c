//! What is in the directory at each moment that a process may die or another may come.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::{Directory, LOCK, SNAPSHOT, TEMPORARY};
use crate::engine::snapshot::{ContextData, Snapshot, SnapshotInfo, container};
use crate::engine::{host_call, platform};

const NO_LIMIT: u64 = u64::MAX;

/// A directory that does not exist yet, below one that goes with the test.
struct Place {
    root: PathBuf,
    directory: Directory,
}

impl Place {
    fn new() -> Self {
        static PLACES: AtomicU64 = AtomicU64::new(0);
        let unique = format!("isoseed-{}-{}", std::process::id(), PLACES.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(unique);
        let directory = Directory::new(root.join("a/b"));
        Self { root, directory }
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.directory.file(&key(name), extension)
    }

    fn lock(&self, name: &str) -> super::KeyLock {
        self.directory.try_lock(&key(name)).expect("a usable directory").expect("nobody holds it")
    }

    fn write(&self, name: &str, blob_bytes: usize) {
        self.lock(name).write(&snapshot(name, blob_bytes), NO_LIMIT).expect("it is written");
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).expect("it exists");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// As if it had been used so many seconds ago.
    fn age(&self, name: &str, seconds: u64) {
        let file = File::open(self.file(name, SNAPSHOT)).expect("it exists");
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).expect("our own file");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// A key for a short name: the name, filled up.
fn key(name: &str) -> String {
    format!("{name:0>64}")
}

fn snapshot(name: &str, blob_bytes: usize) -> Arc<Snapshot> {
    let info = SnapshotInfo {
        key: key(name),
        format_version: container::FORMAT_VERSION,
        v8_version: v8::V8::get_version().into(),
        version_tag: platform::version_tag(),
        flags: platform::FLAGS.into(),
        references: host_call::REFERENCES_ID.into(),
        platform: container::platform_name(),
        created_at: "2026-01-01T00:00:00Z".into(),
        sources: Vec::new(),
        base: None,
        data: ContextData::default(),
        bindings: Vec::new(),
        warnings: Vec::new(),
        texts: Vec::new(),
        blob_bytes: blob_bytes as u64,
        heap_bytes: 1,
        buffer_bytes: 0,
        build_ms: 1.5,
        stack_trace_limit: Some(10.0),
    };
    let bytes = container::pack(&info, b"", b"", &vec![7; blob_bytes]).expect("a small blob");
    Snapshot::from_bytes(bytes).expect("a sound snapshot")
}

#[test]
fn what_is_written_is_found_and_nothing_else_stays() {
    let place = Place::new();
    assert!(place.directory.find(&key("a")).is_none());
    place.write("a", 10);
    let found = place.directory.find(&key("a")).expect("it is there");
    assert_eq!(found.bytes(), snapshot("a", 10).bytes());
    assert_eq!(place.names(), [format!("{}.snap", key("a"))]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_and_write_what_the_cache_makes() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.write("a", 10);
    let mode = |path: PathBuf| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(place.directory.path().to_owned()), 0o700);
    assert_eq!(mode(place.root.join("a")), 0o700);
    assert_eq!(mode(place.file("a", SNAPSHOT)), 0o600);
}

#[cfg(unix)]
#[test]
fn a_directory_that_everyone_can_write_to_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.write("a", 10);
    let permit = |mode| fs::set_permissions(place.directory.path(), fs::Permissions::from_mode(mode));
    permit(0o1777).expect("our own directory");
    assert!(place.directory.find(&key("a")).is_none());
    let refused = place.directory.try_lock(&key("a")).expect_err("anyone can put code there");
    assert!(refused.to_string().contains("everyone can write to it"));
    permit(0o775).expect("our own directory");
    assert!(place.directory.find(&key("a")).is_some());
}

#[test]
fn one_at_a_time_holds_the_lock_of_a_key() {
    let place = Place::new();
    let held = place.lock("a");
    assert!(place.directory.try_lock(&key("a")).expect("usable").is_none());
    drop(place.lock("b"));
    drop(held);
    drop(place.lock("a"));
}

#[cfg(unix)]
#[test]
fn a_lock_on_a_file_that_is_gone_excludes_nobody_and_is_not_given() {
    let place = Place::new();
    drop(place.lock("a"));
    // Opened before its holder removed it, locked after: as a process that waits may do.
    let path = place.file("a", LOCK);
    let stale = File::create(&path).expect("a file");
    fs::remove_file(&path).expect("it exists");
    assert!(!super::is_file_at(&stale, &path));
    let held = place.lock("a");
    assert!(!super::is_file_at(&stale, &path));
    drop(held);
}

#[test]
fn a_damaged_file_is_not_found_and_removed_by_who_holds_the_lock() {
    let place = Place::new();
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.clear(),
        |bytes| bytes[100] ^= 1,
        |bytes| bytes.extend([0; 100]),
    ];
    for damage in damages {
        place.write("a", 1000);
        let mut bytes = fs::read(place.file("a", SNAPSHOT)).expect("it is there");
        damage(&mut bytes);
        fs::write(place.file("a", SNAPSHOT), bytes).expect("our own file");
        assert!(place.directory.find(&key("a")).is_none());
        assert!(place.file("a", SNAPSHOT).exists(), "who has no lock removes nothing");
        assert!(place.lock("a").find().is_none());
        assert!(!place.file("a", SNAPSHOT).exists());
    }
}

#[test]
fn a_snapshot_under_another_key_is_not_found() {
    let place = Place::new();
    place.write("a", 10);
    fs::copy(place.file("a", SNAPSHOT), place.file("b", SNAPSHOT)).expect("our own directory");
    assert!(place.lock("b").find().is_none());
    assert!(!place.file("b", SNAPSHOT).exists() && place.lock("a").find().is_some());
}

#[test]
fn what_a_dead_process_left_is_overwritten_or_cleaned_up() {
    let place = Place::new();
    place.write("old", 10);
    for name in ["a", "b"] {
        fs::write(place.file(name, TEMPORARY), "half a snap").expect("our own directory");
        fs::write(place.file(name, LOCK), "").expect("our own directory");
    }
    let written = place.lock("alive");
    fs::write(place.file("alive", TEMPORARY), "being writ").expect("our own directory");
    place.write("a", 10);
    assert!(place.directory.find(&key("a")).is_some());
    let mut left = vec![
        format!("{}.snap", key("a")),
        format!("{}.lock", key("alive")),
        format!("{}.tmp", key("alive")),
        format!("{}.snap", key("old")),
    ];
    left.sort();
    assert_eq!(place.names(), left, "what its writer holds stays");
    drop(written);
    assert_eq!(place.names().len(), 2);
}

#[test]
fn the_least_recently_used_go_first_when_all_pass_the_limit() {
    let place = Place::new();
    let size = snapshot("a", 1000).bytes().len() as u64;
    for (name, seconds) in [("a", 30), ("b", 20), ("c", 10)] {
        place.write(name, 1000);
        place.age(name, seconds);
    }
    // Looking at it is a use.
    assert!(place.directory.find(&key("a")).is_some());
    fs::write(place.directory.path().join("notes.snap"), vec![0; 10_000]).expect("our own directory");
    place.lock("d").write(&snapshot("d", 1000), 3 * size).expect("it is written");
    let mut left: Vec<String> = ["a", "c", "d"].map(|name| format!("{}.snap", key(name))).into();
    left.push("notes.snap".to_owned());
    assert_eq!(place.names(), left, "what is not the cache's stays and does not count");
}

#[test]
fn what_is_larger_than_the_limit_is_not_written() {
    let place = Place::new();
    let size = snapshot("a", 1000).bytes().len() as u64;
    place.write("a", 1000);
    place.lock("b").write(&snapshot("b", 1001), size).expect("no error");
    assert_eq!(place.names(), [format!("{}.snap", key("a"))]);
    place.lock("b").write(&snapshot("b", 1001), 0).expect("no error");
    assert!(place.names().is_empty());
}

#[test]
fn keeping_writes_what_is_missing_and_leaves_what_is_being_made() {
    let place = Place::new();
    place.directory.keep(&snapshot("a", 10), NO_LIMIT).expect("a usable directory");
    assert!(place.directory.find(&key("a")).is_some());
    place.age("a", 1000);
    place.directory.keep(&snapshot("a", 10), NO_LIMIT).expect("a usable directory");
    let used = fs::metadata(place.file("a", SNAPSHOT)).and_then(|metadata| metadata.modified());
    let age = SystemTime::now().duration_since(used.expect("a time")).unwrap_or_default();
    assert!(age < Duration::from_secs(500), "keeping it is a use");
    let held = place.lock("b");
    place.directory.keep(&snapshot("b", 10), NO_LIMIT).expect("no error");
    assert!(held.find().is_none());
}

#[test]
fn a_directory_that_can_not_be_is_an_error() {
    let place = Place::new();
    fs::create_dir_all(&place.root).expect("a fresh directory");
    let file = place.root.join("file");
    fs::write(&file, "").expect("a fresh directory");
    for path in [file.clone(), file.join("below")] {
        let directory = Directory::new(path);
        assert!(directory.find(&key("a")).is_none());
        assert!(directory.try_lock(&key("a")).is_err());
        assert!(directory.keep(&snapshot("a", 10), NO_LIMIT).is_err());
    }
}

#[test]
fn a_write_that_fails_leaves_nothing() {
    let place = Place::new();
    let lock = place.lock("a");
    // What can't be replaced by a file.
    fs::create_dir_all(place.file("a", SNAPSHOT).join("in the way")).expect("our own directory");
    assert!(lock.write(&snapshot("a", 10), NO_LIMIT).is_err());
    drop(lock);
    assert_eq!(place.names(), [format!("{}.snap", key("a"))]);
}

#[test]
fn only_names_that_the_cache_gives_are_its_own() {
    let own = |name: &str| super::own_name(name.as_ref()).is_some();
    let key = key("a");
    assert!(own(&format!("{key}.snap")) && own(&format!("{key}.lock")) && own(&format!("{key}.tmp")));
    for name in [format!("{key}.snap.bak"), format!("{key}0.snap"), key.to_uppercase() + ".snap", key] {
        assert!(!own(&name), "{name}");
    }
}
