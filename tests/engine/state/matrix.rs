//! Values of every kind come back as they were: the same bytes, and the same to the guest.

use std::fmt::Write as _;

use super::support::{SAME, classes, open};
use crate::support::PATIENCE;

/// Expressions, one for each line.
const VALUES: &str = include_str!("values.txt");

#[test]
fn values_of_every_kind_come_back_bit_for_bit() {
    let snapshot = classes();
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    second.run(SAME);
    let (mut count, mut wrong) = (0, String::new());
    for value in VALUES.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        count += 1;
        first.run(&format!("globalThis.state = {{ value: ({value}) }}"));
        let exported = match first.try_export(&super::support::request()) {
            Ok(exported) => exported,
            Err(error) => {
                let _ = writeln!(wrong, "{value}: {error}");
                continue;
            }
        };
        if let Err(error) = second.try_import(&exported.bytes, &super::support::request()) {
            let _ = writeln!(wrong, "{value}: {error}");
            continue;
        }
        let check = format!("difference(state.value, ({value}))");
        let difference = second.try_eval(&check, Some(PATIENCE)).expect("a comparison");
        let again = second.export();
        if !difference.is_empty() || again.bytes != exported.bytes {
            let _ = writeln!(wrong, "{value}: {difference:?}, same bytes: {}", again.bytes == exported.bytes);
        }
    }
    assert!(wrong.is_empty(), "of {count} values:\n{wrong}");
    assert!(count >= 120, "{count} values");
}
