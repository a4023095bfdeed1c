//! Containers: sound ones, and a hundred thousand that are not.

use super::*;
use crate::engine::limits::output::with_largest_allocation;
use crate::engine::snapshot::fuzz::{check, reseal};
use crate::engine::snapshot::{ContextData, SourceInfo};

fn info(blob_bytes: u64) -> SnapshotInfo {
    SnapshotInfo {
        key: "00".repeat(32),
        format_version: FORMAT_VERSION,
        v8_version: "1.2.3".into(),
        version_tag: 7,
        flags: platform::FLAGS.into(),
        references: host_call::REFERENCES_ID.into(),
        platform: platform_name(),
        created_at: "2026-01-01T00:00:00Z".into(),
        sources: vec![SourceInfo { role: "bundle".into(), name: "a\n\"b\".js".into(), bytes: 3 }],
        base: None,
        data: ContextData::default(),
        bindings: Vec::new(),
        warnings: Vec::new(),
        texts: vec![5, 4],
        blob_bytes,
        heap_bytes: 1,
        buffer_bytes: 0,
        build_ms: 12.345_678_901_234_567,
        stack_trace_limit: Some(10.0),
    }
}

const MAPS: &[u8] = b"maps, maps, maps, maps";

const TEXTS: &[u8] = b"firstnext";

fn blob() -> Vec<u8> {
    b"blob of a heap image! ".repeat(20)
}

fn packed() -> Vec<u8> {
    pack(&info(440), MAPS, TEXTS, &blob()).expect("a small blob")
}

fn compressed() -> Vec<u8> {
    compress(&packed()).expect("a sound container")
}

fn code(bytes: &[u8]) -> &'static str {
    check(bytes).expect_err("no sound container").code()
}

/// A sound header with other parts, before the same content.
fn with_lines(lines: &[u8]) -> Vec<u8> {
    let content = packed().split_off(header(&packed(), packed().len() as u64).expect("sound").content_at);
    let mut bytes = begin(lines, content.len() as u64).expect("small");
    bytes.extend_from_slice(&content);
    bytes
}

fn line() -> String {
    let bytes = packed();
    let header = header(&bytes, bytes.len() as u64).expect("sound");
    String::from_utf8(header.line.to_vec()).expect("JSON")
}

#[test]
fn what_is_packed_is_found_again_and_aligned() {
    let bytes = packed();
    let found = check(&bytes).expect("a sound container");
    assert_eq!(
        found.inspected,
        Inspected { info: info(440), bytes: bytes.len() as u64, compressed_bytes: None }
    );
    assert_eq!(&bytes[found.source_maps], MAPS);
    assert_eq!(&bytes[found.texts], TEXTS);
    assert_eq!(&bytes[found.blob.clone()], blob());
    assert_eq!(found.blob.start % 64, 0);
}

#[test]
fn empty_parts_are_parts() {
    for (maps, texts, blob) in [
        (&b""[..], &b""[..], &b""[..]),
        (b"", b"", b"x"),
        (b"x", b"", b""),
        (b"", b"x", b""),
        (b"x", b"y", b"z"),
    ] {
        let info = SnapshotInfo { texts: vec![texts.len() as u64], ..info(blob.len() as u64) };
        let bytes = pack(&info, maps, texts, blob).expect("small");
        for bytes in [compress(&bytes).expect("sound"), bytes] {
            let found = check(&bytes).expect("a sound container");
            let unpacked = found.unpacked.unwrap_or(bytes);
            assert_eq!((&unpacked[found.source_maps], &unpacked[found.blob]), (maps, blob));
            assert_eq!(&unpacked[found.texts], texts);
        }
    }
}

#[test]
fn a_compressed_container_unpacks_to_the_same_bytes() {
    let (packed, compressed) = (packed(), compressed());
    assert!(compressed.len() < packed.len());
    let found = check(&compressed).expect("a sound container");
    assert_eq!(found.unpacked.as_ref(), Some(&packed));
    assert_eq!(found.inspected.bytes, packed.len() as u64);
    assert_eq!(found.inspected.compressed_bytes, Some(compressed.len() as u64));
    assert_eq!(compress(&compressed).expect("sound"), compressed);
}

#[test]
fn a_header_is_read_without_its_content() {
    for mut bytes in [packed(), compressed()] {
        let sound = inspect(&bytes).expect("sound");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(inspect(&bytes).expect("a sound header"), sound);
        assert_eq!(code(&bytes), "ERR_SNAPSHOT_CORRUPT");
    }
}

#[test]
fn every_single_changed_byte_is_noticed() {
    for sound in [packed(), compressed()] {
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            assert_eq!(code(&bytes), "ERR_SNAPSHOT_CORRUPT", "byte {at}");
        }
    }
}

#[test]
fn every_cut_and_every_extra_byte_is_noticed() {
    for sound in [packed(), compressed()] {
        for length in 0..sound.len() {
            assert_eq!(code(&sound[..length]), "ERR_SNAPSHOT_CORRUPT", "length {length}");
        }
        assert_eq!(code(&[&sound[..], b"x"].concat()), "ERR_SNAPSHOT_CORRUPT");
    }
}

#[test]
fn a_sound_file_of_another_format_is_named_as_such() {
    let mut bytes = packed();
    bytes[8] = 9;
    let resealed = reseal(&bytes).swap_remove(0);
    let error = open(&resealed).expect_err("another format");
    assert_eq!(error.code(), "ERR_SNAPSHOT_MISMATCH");
    let said = format!("format version: 9, this process has {FORMAT_VERSION}");
    assert!(error.to_string().contains(&said), "{error}");
}

#[test]
fn lengths_that_overflow_are_refused() {
    for range in [12..16, 16..24, 12..24] {
        let mut bytes = packed();
        bytes[range].fill(0xff);
        assert_eq!(code(&bytes), "ERR_SNAPSHOT_CORRUPT");
    }
}

#[test]
fn a_sealed_header_that_does_not_fit_is_refused() {
    let line = line();
    check(&with_lines(line.as_bytes())).expect("as it was");
    let stored = |compression: &str, bytes: u64| {
        let sha256 = "0".repeat(64);
        format!("{line}\n{{\"compression\":\"{compression}\",\"bytes\":{bytes},\"sha256\":\"{sha256}\"}}")
    };
    let content = packed().len() as u64 - with_lines(b"").len() as u64;
    for wrong in [
        String::new(),
        "{}".to_owned(),
        "[".repeat(100_000),
        line.replace("\"blobBytes\":440", "\"blobBytes\":439"),
        line.replacen("\"blobBytes\":440", "\"blobBytes\":18446744073709551615", 2),
        line.replace("\"sourceMapsBytes\":22", "\"sourceMapsBytes\":18446744073709551615"),
        line.replace("\"sourceMapsBytes\":22", "\"sourceMapsBytes\":65"),
        line.replace("\"textsBytes\":9", "\"textsBytes\":18446744073709551615"),
        line.replace("\"textsBytes\":9", "\"textsBytes\":8"),
        line.replace("\"texts\":[5,4]", "\"texts\":[5,5]"),
        line.replace("\"texts\":[5,4]", "\"texts\":[18446744073709551615,10]"),
        line.replace("\"heapBytes\":1", "\"heapBytes\":18446744073709551615"),
        line.replace("\"heapBytes\":1", "\"heapBytes\":-1"),
        stored("brotli", content),
        stored("zstd", content + 1),
        stored("zstd", content),
        format!("{line}\n"),
        format!("{line}\n\n"),
        format!("{line} {line}"),
    ] {
        assert_ne!(wrong, line);
        assert_eq!(code(&with_lines(wrong.as_bytes())), "ERR_SNAPSHOT_CORRUPT", "{wrong:.200}");
    }
}

#[test]
fn a_small_file_makes_no_large_claim() {
    let claim = |blob: u64, maps: u64| {
        let lines = line()
            .replace("\"blobBytes\":440", &format!("\"blobBytes\":{blob}"))
            .replace("\"sourceMapsBytes\":22", &format!("\"sourceMapsBytes\":{maps}"));
        let frame = zstd::bulk::compress(&vec![0; 1 << 20], 1).expect("compressed");
        let stored = Stored {
            compression: ZSTD.into(),
            bytes: frame.len() as u64,
            sha256: hex(&Sha256::digest(&frame)),
        };
        let lines = [lines.as_bytes(), b"\n", &json(&stored).expect("JSON")].concat();
        let mut bytes = begin(&lines, stored.bytes).expect("small");
        bytes.extend_from_slice(&frame);
        bytes
    };
    for (blob, maps) in
        [(1 << 20, 0), (LARGEST_BLOB, 0), (0, LARGEST_CONTENT), (LARGEST_BLOB, LARGEST_CONTENT)]
    {
        let bytes = claim(blob, maps);
        let error = with_largest_allocation(64 << 10, || open(&bytes)).expect_err("too large a claim");
        assert_eq!(error.code(), "ERR_SNAPSHOT_CORRUPT", "{error}");
    }
}

/// A linear congruential generator: the same files every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }

    /// Changes the bytes in one of the ways in which files go wrong, or are made wrong.
    fn mutate(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let length = bytes.len();
        let at = self.below(length);
        match self.below(9) {
            0 => bytes.truncate(at),
            1 if length > 0 => bytes[at] ^= 1 << self.below(8),
            2 if length > 0 => bytes[at] = self.byte(),
            // Numbers and lengths of the prelude.
            3 if length > 24 => bytes[8 + self.below(16)] = self.byte(),
            // Digits, quotes and brackets of the header.
            4 if length > 0 => bytes[at] = b"0123456789\"\\{}[],:-.en\n\0"[self.below(24)],
            5 => {
                let (from, to) = (self.below(length), self.below(other.len()));
                bytes.splice(at..(at + self.below(80)).min(length), other[from.min(to)..to].iter().copied());
            }
            6 => {
                let end = (at + self.below(64)).min(length);
                bytes.drain(at..end);
            }
            7 => {
                let end = (at + self.below(64)).min(length);
                let copied = bytes[at..end].to_vec();
                let to = self.below(length);
                bytes.splice(to..to, copied);
            }
            _ => bytes.extend((0..self.below(70)).map(|_| self.byte()).collect::<Vec<_>>()),
        }
    }
}

#[test]
fn a_hundred_thousand_mutated_containers_are_typed_errors_or_what_they_were() {
    let sound = [
        packed(),
        compressed(),
        pack(&SnapshotInfo { texts: Vec::new(), ..info(1) }, b"", b"", b"x").expect("small"),
    ];
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut deeper, mut opened) = (0, 0);
    for number in 0..100_000 {
        let original = &sound[number % 3];
        let mut bytes = original.clone();
        for _ in 0..=random.below(3) {
            random.mutate(&mut bytes, &sound[(number + 1) % 3]);
        }
        // An error's text, and at most what the file may hold and a decompressor's needs.
        with_largest_allocation(64 * bytes.len() + 4096, || match check(&bytes) {
            Ok(found) => {
                let was = sound.iter().find(|sound| **sound == bytes).expect("one of the sound ones");
                assert_eq!(found.inspected, check(was).expect("sound").inspected);
            }
            Err(error) => assert_eq!(error.code(), "ERR_SNAPSHOT_CORRUPT", "{number}: {error}"),
        });
        for resealed in reseal(&bytes) {
            deeper += 1;
            // `check` itself looks at what was opened.
            opened +=
                usize::from(with_largest_allocation(64 * resealed.len() + 4096, || check(&resealed)).is_ok());
        }
    }
    // Both outcomes are reached behind the digests: else the corpus would test the digests alone.
    assert!(deeper > 100_000 && opened > 1000 && opened < deeper - 10_000, "{opened} of {deeper}");
}
