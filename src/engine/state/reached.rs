//! How an object of a document is reached: for what goes wrong when it is read.

use crate::engine::error::Result;
use crate::engine::state::format::Kind;
use crate::engine::state::literals::beginning;
use crate::engine::state::refusal::joined;
use crate::engine::state::scan::{Place, Record, Scan};
use crate::engine::state::walk::{Elements, Name, Names, Walk};
use crate::engine::text::LONGEST_NAME;

/// The path of an object, from its variable, as a refusal to write it would have it; in a form, from what `toState`
/// gave.
pub(super) fn path_to(scan: &Scan, mut at: usize) -> String {
    let mut parts = Vec::new();
    loop {
        let root = scan.roots.iter().rfind(|root| root.at.objects == at && is_object(scan, root.at));
        if let Some(root) = root {
            parts.push(beginning(root.name, LONGEST_NAME));
            break;
        }
        // Objects are described in their order: it was met by the last one that had met none after it.
        let after = scan.records.partition_point(|record| record.body.objects <= at);
        let Some(holder) = after.checked_sub(1).filter(|holder| *holder < at) else { break };
        let part = step(scan, &scan.records[holder], at);
        parts.push(part.ok().flatten().unwrap_or_else(|| ".?".to_owned()));
        at = holder;
    }
    parts.reverse();
    joined(parts)
}

fn is_object(scan: &Scan, at: Place) -> bool {
    let mut walk = Walk::new(scan, at);
    walk.item().is_ok() && walk.objects > at.objects
}

/// The step at which an object meets another.
fn step(scan: &Scan, record: &Record, at: usize) -> Result<Option<String>> {
    let mut walk = Walk::new(scan, record.body);
    match record.kind {
        Kind::Map | Kind::Set => {
            let values = if record.kind == Kind::Map { 2 } else { 1 };
            let names: &[&str] =
                if record.kind == Kind::Map { &["map key", "map value"] } else { &["set value"] };
            for index in 0..walk.cursor.count(values)? {
                for name in names {
                    walk.item()?;
                    if walk.objects > at {
                        return Ok(Some(format!(".<{name} {index}>")));
                    }
                }
            }
        }
        kind => walk.skip_body(kind)?,
    }
    if walk.objects > at {
        return Ok(Some(if record.kind == Kind::View { ".buffer" } else { ".prototype" }.to_owned()));
    }
    walk.prototype()?;
    if walk.objects > at {
        return Ok(Some(".__proto__".to_owned()));
    }
    let mut elements = Elements::new(&mut walk, record)?;
    while let Some((index, _)) = elements.next()? {
        if elements.objects() > at {
            return Ok(Some(format!("[{index}]")));
        }
    }
    let mut walk = Walk::new(scan, record.values);
    for name in Names::new(scan, record) {
        let name = name?;
        walk.item()?;
        if walk.objects > at {
            return Ok(Some(shown(scan, &name)));
        }
    }
    Ok(None)
}

fn shown(scan: &Scan, name: &Name) -> String {
    match name {
        Name::Known(key, _) => key.beginning(LONGEST_NAME).shown(),
        Name::Code(path, _) => format!("[{}]", scan.shown_path(*path)),
        Name::Field(name) => format!(".{name}"),
    }
}
