use super::*;

const KEY: [u8; KEY_BYTES] = [7; KEY_BYTES];

/// Bytes that don't compress and don't repeat.
fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.push((seed >> 56) as u8);
    }
    bytes
}

fn order<'a>(session: &'a str, known: &'a HashSet<ChunkKey>) -> Order<'a> {
    Order {
        session,
        revision: 3,
        created_at: 1_700_000_000_000,
        schema: 2,
        snapshot_key: "abc",
        known,
        sha256: None,
        unless: None,
        compression: Compression::Zstd,
    }
}

fn keys(key: u8, session: &str) -> Keys {
    Keys::derive(&[key; KEY_BYTES], session).expect("32 bytes")
}

fn packed(state: &[u8], keys: Option<&Keys>) -> Packed {
    pack(state, &order("s", &HashSet::new()), keys).expect("packed").expect("made")
}

/// The chunks as a store would give them.
fn chunks(packed: &Packed) -> Vec<Vec<u8>> {
    packed.fresh.iter().map(|(_, bytes)| bytes.clone()).collect()
}

#[test]
fn a_state_comes_back_whatever_its_size_and_form() {
    for length in [0, 1, 100, SMALLEST_CHUNK, LARGEST_CHUNK + 1, 1_000_000] {
        for state in [noise(length, 1), vec![0; length], b"state, ".repeat(length / 7 + 1)] {
            for compression in [Compression::Zstd, Compression::None] {
                for sealed in [false, true] {
                    let keys = sealed.then(|| keys(7, "s"));
                    let known = HashSet::new();
                    let order = Order { compression, ..order("s", &known) };
                    let packed = pack(&state, &order, keys.as_ref()).expect("packed").expect("made");
                    let keys: Vec<Keys> = keys.into_iter().collect();
                    let unpacked = unpack("s", &packed.revision, &chunks(&packed), &keys).expect("unpacked");
                    assert!(unpacked.state == state, "{length} {compression:?} {sealed}");
                    assert_eq!(unpacked.sha256, packed.sha256);
                }
            }
        }
    }
}

#[test]
fn the_same_state_is_not_packed_twice() {
    let known = HashSet::new();
    let sha256 = packed(b"state", None).sha256;
    let order = Order { unless: Some(sha256), ..order("s", &known) };
    assert!(pack(b"state", &order, None).expect("packed").is_none());
    assert!(pack(b"other", &order, None).expect("packed").is_some());
}

#[test]
fn a_digest_that_is_known_is_taken() {
    let known = HashSet::new();
    let sha256 = packed(b"state", None).sha256;
    let order = Order { sha256: Some(sha256), ..order("s", &known) };
    let packed = pack(b"state", &order, None).expect("packed").expect("made");
    assert_eq!(packed.sha256, sha256);
    let chunks: Vec<Vec<u8>> = packed.fresh.into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(unpack("s", &packed.revision, &chunks, &[]).expect("unpacked").state, b"state");
    let order = Order { unless: Some(sha256), ..order };
    assert!(pack(b"state", &order, None).expect("packed").is_none());
}

#[test]
fn a_small_change_of_a_large_state_makes_few_new_chunks() {
    for sealed in [false, true] {
        let keys = sealed.then(|| keys(7, "s"));
        let mut state = noise(10_000_000, 2);
        let first = packed(&state, keys.as_ref());
        let known: HashSet<ChunkKey> = first.revision.chunks.iter().copied().collect();
        // A longer text in the middle: all behind it moves.
        state.splice(5_000_000..5_000_010, *b"a value that is longer");
        let second = pack(&state, &order("s", &known), keys.as_ref()).expect("packed").expect("made");
        assert!(second.fresh.len() <= 3, "{} new chunks", second.fresh.len());
        assert!(second.revision.meta.stored_bytes < 300_000, "{}", second.revision.meta.stored_bytes);
    }
}

#[test]
fn what_repeats_is_stored_once() {
    let packed = packed(&noise(LARGEST_CHUNK, 3).repeat(40), None);
    assert!(packed.fresh.len() < packed.revision.chunks.len() / 4);
    assert!(unpack("s", &packed.revision, &chunks(&packed), &[]).is_ok());
}

#[test]
fn every_change_of_a_byte_is_found() {
    for sealed in [false, true] {
        let keys = sealed.then(|| keys(7, "s"));
        let good = packed(&b"a state of some words, ".repeat(20), keys.as_ref());
        let keys: Vec<Keys> = keys.into_iter().collect();
        let refused = |packed: &Packed, chunks: &[Vec<u8>], what: &str| {
            let error = unpack("s", &packed.revision, chunks, &keys).expect_err(what);
            assert_eq!(error.code(), "ERR_SESSION_DAMAGED", "{what}: {error}");
            assert!(error.to_string().contains("revision 3"), "{error}");
        };
        for at in 0..good.revision.head.len() {
            for change in [1, 128] {
                let mut changed = packed_again(&good);
                changed.revision.head[at] ^= change;
                refused(&changed, &chunks(&good), &format!("head at {at}"));
            }
        }
        for length in 0..good.revision.head.len() {
            let mut changed = packed_again(&good);
            changed.revision.head.truncate(length);
            refused(&changed, &chunks(&good), &format!("head of {length}"));
        }
        let stored = chunks(&good);
        assert_eq!(stored.len(), 1);
        for at in 0..stored[0].len() {
            let mut changed = stored.clone();
            changed[0][at] ^= 1;
            refused(&good, &changed, &format!("chunk at {at}"));
            refused(&good, &[stored[0][..at].to_vec()], &format!("chunk of {at}"));
        }
        refused(&good, &[], "no chunk");
        refused(&good, &[stored[0].clone(), stored[0].clone()], "a chunk more");
        let edits: [fn(&mut Revision); 8] = [
            |revision| revision.meta.revision = 4,
            |revision| revision.meta.created_at += 1,
            |revision| revision.meta.schema = 1,
            |revision| revision.meta.snapshot_key.clear(),
            |revision| revision.meta.hash.replace_range(..1, "x"),
            |revision| revision.meta.bytes = u64::MAX,
            |revision| revision.chunks.clear(),
            |revision| revision.chunks[0].0[0] ^= 1,
        ];
        for change in edits {
            let mut changed = packed_again(&good);
            change(&mut changed.revision);
            let what = format!("{:?}", changed.revision.meta);
            let error = unpack("s", &changed.revision, &chunks(&good), &keys).expect_err(&what).to_string();
            assert!(error.contains("is damaged"), "{error}");
        }
        let error = unpack("other", &good.revision, &stored, &keys).expect_err("another session");
        assert_eq!(error.code(), "ERR_SESSION_DAMAGED");
    }
}

fn packed_again(packed: &Packed) -> Packed {
    Packed { revision: packed.revision.clone(), sha256: packed.sha256, fresh: packed.fresh.clone() }
}

#[test]
fn chunks_of_another_session_do_not_open_under_the_same_key() {
    let state = noise(1000, 4);
    let one = packed(&state, Some(&keys(7, "s")));
    let other =
        pack(&state, &order("t", &HashSet::new()), Some(&keys(7, "t"))).expect("packed").expect("made");
    assert_ne!(one.revision.chunks, other.revision.chunks);
    assert_ne!(one.revision.meta.hash, other.revision.meta.hash);
    let error =
        unpack("s", &one.revision, &chunks(&other), &[keys(7, "s")]).expect_err("another session's chunk");
    assert_eq!(error.code(), "ERR_SESSION_DAMAGED");
}

#[test]
fn nothing_of_an_encrypted_state_is_in_clear() {
    let state = b"a secret of the guest. ".repeat(3000);
    let plain = packed(&state, None);
    let sealed = packed(&state, Some(&keys(7, "s")));
    assert_ne!(plain.revision.meta.hash, sealed.revision.meta.hash);
    assert!(sealed.revision.chunks.iter().all(|key| !plain.revision.chunks.contains(key)));
    for (_, bytes) in &sealed.fresh {
        assert!(!bytes.windows(8).any(|window| window == b"a secret"));
    }
    // Sealed twice, the same content has nothing in common but its names.
    let again = packed(&state, Some(&keys(7, "s")));
    assert_eq!(sealed.revision.chunks, again.revision.chunks);
    assert!(sealed.fresh.iter().zip(&again.fresh).all(|(one, other)| one.1 != other.1));
}

#[test]
fn a_wrong_key_is_told_from_damage_and_an_old_one_still_opens() {
    let state = noise(1000, 5);
    let old = packed(&state, Some(&keys(1, "s")));
    let open = |keys: &[Keys]| unpack("s", &old.revision, &chunks(&old), keys);
    assert_eq!(open(&[keys(2, "s")]).expect_err("wrong").code(), "ERR_SESSION_KEY");
    assert_eq!(open(&[]).expect_err("none").code(), "ERR_SESSION_KEY");
    assert!(!open(&[keys(1, "s")]).expect("right").under_old_key);
    assert!(open(&[keys(2, "s"), keys(1, "s")]).expect("the one before").under_old_key);
    // A plain state in place of an encrypted one.
    let plain = packed(&state, None);
    let error = unpack("s", &plain.revision, &chunks(&plain), &[keys(1, "s")]).expect_err("not encrypted");
    assert_eq!(error.code(), "ERR_SESSION_KEY");
    assert_eq!(Keys::derive(&KEY[1..], "s").expect_err("31 bytes").code(), "ERR_SESSION_KEY");
}

#[test]
fn lengths_that_do_not_add_up_take_no_memory() {
    let good = packed(&noise(1000, 6), None);
    let mut revision = good.revision.clone();
    revision.meta.bytes = 1 << 50;
    // A head that fits: as one would write who wants a host to run out of memory.
    revision.head =
        head::write("s", &revision, &Manifest { sha256: good.sha256, lengths: vec![u32::MAX] }, None)
            .expect("head");
    let error = unpack("s", &revision, &chunks(&good), &[]).expect_err("too long");
    assert_eq!(error.code(), "ERR_SESSION_DAMAGED");
}
