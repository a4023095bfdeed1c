//! Documents that nobody wrote: no crash, no memory without bound, nothing half taken.

use sha2::{Digest, Sha256};

use isoseed::engine::error::EngineError;
use isoseed::engine::state::{StateLimits, inspect};

use super::support::{classes, keeping_globals, open, open_with};
use crate::support::PATIENCE;

const ROUNDS: usize = 6_000;
const DIGEST: usize = 32;

struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        // xorshift64*.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(mixed).expect("31 bits") % below.max(1)
    }
}

/// Makes it a document that only its content speaks against.
fn seal(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    bytes.extend(Sha256::digest(content));
    bytes
}

fn mutate(random: &mut Random, content: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    for _ in 0..=random.next(4) {
        let at = 10 + random.next(bytes.len().saturating_sub(10));
        let at = at.min(bytes.len() - 1);
        match random.next(6) {
            0 => bytes[at] ^= 1 << random.next(8),
            1 => bytes[at] = u8::try_from(random.next(256)).expect("a byte"),
            2 => bytes.truncate(at.max(11)),
            3 => {
                let from = random.next(other.len());
                let taken = other[from..(from + random.next(40)).min(other.len())].to_vec();
                bytes.splice(at..at, taken);
            }
            4 => {
                let end = (at + random.next(20)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let large = [0xff, 0xff, 0xff, 0xff, 0x0f];
                bytes.splice(at..(at + 1).min(bytes.len()), large);
            }
        }
        if bytes.len() < 12 {
            return content.to_vec();
        }
    }
    bytes
}

const VALUES: &str = "
  const b = new ArrayBuffer(16, { maxByteLength: 64 });
  globalThis.state = { list: [1, , 3, [4n, -5n]], m: new Map([[{}, new Set([1])]]), d: new Date(1), r: /x(?<y>z)/gu, e: new Error('x', { cause: 1 }),
    boxes: [new Number(1), new String('s'), Object(1n), Object(Symbol.for('q'))], b, v: [new Uint8Array(b), new DataView(b, 4), new Float64Array(2)],
    p: new Point(1, 2), c: new Cache([[1, 2]]), money: new Money(5), wallet: new Wallet(new Money(4)), f: helpers.twice, mark: marks.mark, secrets: [new Secret({}), new Secret(2), new Guarded()],
    frozen: Object.freeze({ a: 1, b: [2] }), o: Object.create({ up: 1 }), sparse: Object.assign(new Array(1000), { 900: 1 }), [Symbol.iterator]: 'ж' };
  state.self = state;
  x = 1; function plain(a) { return a }
";

#[test]
fn no_change_of_a_document_ends_the_isolate_or_is_half_taken() {
    let snapshot = classes();
    let writer = open(Some(&snapshot));
    writer.run(VALUES);
    let document = writer.try_export(&keeping_globals()).expect("a state");
    let content = &document.bytes[..document.bytes.len() - DIGEST];
    let mut random = Random(0x0123_4567_89ab_cdef);
    let reader = open_with(Some(&snapshot), 64, &[]);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let mutant = seal(&mutate(&mut random, content, content));
        let sound = inspect(&mutant, &StateLimits::default(), "state");
        for told in sound.iter().flat_map(|sound| sound.variables.iter().chain(&sound.properties)) {
            assert!(told.preview.chars().count() <= 120, "round {round}: {told:?}");
            assert!(!told.preview.contains(char::is_control), "round {round}: {told:?}");
        }
        reader.run("globalThis.x = 'untouched'");
        match reader.try_import(&mutant, &keeping_globals()) {
            Ok(()) => {
                assert!(sound.is_ok(), "round {round}: taken, though {sound:?}");
                taken += 1;
                // Whatever it is, it can be written down again, or is refused by its path.
                let again = reader.try_export(&keeping_globals());
                assert!(
                    matches!(
                        again,
                        Ok(_) | Err(EngineError::StateValue { .. } | EngineError::StateLimit { .. })
                    ),
                    "round {round}: {again:?}"
                );
            }
            Err(error) => {
                refused += 1;
                let is_expected = matches!(
                    error,
                    EngineError::StateCorrupt { .. }
                        | EngineError::StateLimit { .. }
                        | EngineError::StateValue { .. }
                        | EngineError::SessionCodeChanged { .. }
                        | EngineError::Guest(_)
                );
                assert!(is_expected, "round {round}: {error}");
                assert_eq!(
                    reader.try_eval("x", Some(PATIENCE)).expect("it goes on"),
                    "untouched",
                    "round {round}"
                );
            }
        }
    }
    assert!(refused > ROUNDS / 4 && taken > 10, "{taken} taken, {refused} refused");
}

#[test]
fn bytes_that_are_no_state_are_refused() {
    let mut random = Random(7);
    let limits = StateLimits::default();
    let mut inputs: Vec<Vec<u8>> =
        vec![Vec::new(), b"{}".to_vec(), b"\x89isost\r\n\n".to_vec(), seal(b"\x89isost\r\n\n\x02")];
    for length in 0..2_000 {
        let mut content = b"\x89isost\r\n\n\x01".to_vec();
        content.extend((0..length % 200).map(|_| u8::try_from(random.next(256)).expect("a byte")));
        inputs.push(seal(&content));
    }
    // One of no variables is a state.
    let sound = inputs.iter().filter(|bytes| inspect(bytes, &limits, "state").is_ok()).count();
    assert!(sound < 20, "{sound}");
    assert!(
        inspect(&seal(b"\x89isost\r\n\n\x01\x00"), &limits, "state")
            .expect("an empty state")
            .variables
            .is_empty()
    );
}
