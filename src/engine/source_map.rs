//! Source maps: positions in bundled code → positions in the files that it was made from.
//!
//! A map comes at the end of a source, as a comment with a `data:` URL. It is taken off before V8 sees
//! the code, so that no heap carries it, and is only parsed when an error asks for it.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use sourcemap::{DecodedMap, SourceMap};

use crate::engine::error::{EngineError, Finding, Result};
use crate::engine::source::Source;

/// Of zstd: fast, and small enough for text that repeats itself.
const COMPRESSION: i32 = 3;
/// Larger maps are not read: no build makes such ones.
const LARGEST_MAPS: u64 = 1 << 30;
const COMMENT: &str = "//# sourceMappingURL=data:";

/// The maps of some sources, by the sources' names.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SourceMaps {
    maps: HashMap<String, Map>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Map {
    /// As a `data:` URL, or as JSON.
    text: String,
    #[serde(skip)]
    parsed: Arc<OnceLock<Option<SourceMap>>>,
}

impl SourceMaps {
    /// Takes the map off a source that brings one at its end. The map of an earlier source with that
    /// name is of no use any more.
    pub fn take(&mut self, source: &mut Source) {
        self.maps.remove(&source.name);
        self.take_new(source);
    }

    /// The same for a source whose map may have been taken off before: then it stays.
    pub(crate) fn take_new(&mut self, source: &mut Source) {
        let Some(at) = source.code.rfind(COMMENT) else { return };
        let url = source.code[at + "//# sourceMappingURL=".len()..].trim_end();
        let begins_line =
            source.code[..at].trim_end_matches([' ', '\t']).ends_with(['\n', '\r', '}', ';']) || at == 0;
        if !begins_line || url.contains(char::is_whitespace) {
            return;
        }
        let map = Map { text: url.to_owned(), parsed: Arc::default() };
        self.maps.insert(source.name.clone(), map);
        source.code.truncate(at);
    }

    /// The map of the first source whose name `is_meant`, as a `data:` URL.
    pub(crate) fn data_url(&self, is_meant: impl Fn(&str) -> bool) -> Option<String> {
        let (_, map) = self.maps.iter().find(|(name, _)| is_meant(name))?;
        if map.text.starts_with("data:") {
            return Some(map.text.clone());
        }
        map.parsed()?.to_data_url().ok()
    }

    /// The maps as the snapshot file carries them: compressed, and without the text of the files that
    /// they lead to, which is as much again as the code. Takes time for large ones.
    ///
    /// # Errors
    /// `SnapshotBuild` when they can't be written.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let maps = self.maps.iter().filter_map(|(name, map)| Some((name.clone(), map.without_contents()?)));
        let lean = Self { maps: maps.collect() };
        if lean.maps.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |error: &dyn std::fmt::Display| {
            EngineError::build(format!("the source maps can't be written: {error}"))
        };
        let json = serde_json::to_vec(&lean).map_err(|error| failed(&error))?;
        zstd::bulk::compress(&json, COMPRESSION).map_err(|error| failed(&error))
    }

    /// The maps out of a snapshot file; none if they can't be read: then positions stay as they are.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let json = zstd::Decoder::new(bytes).map(|json| json.take(LARGEST_MAPS));
        json.ok()
            .and_then(|json| serde_json::from_reader(std::io::BufReader::new(json)).ok())
            .unwrap_or_default()
    }

    /// The finding with its position mapped.
    pub(crate) fn map_finding(&self, mut finding: Finding) -> Finding {
        finding.source = finding.source.map(|position| map_text(&[self], &position));
        finding
    }

    /// The findings of an error with their positions mapped. What the guest threw has its positions
    /// mapped where it was described.
    pub(crate) fn map_findings(&self, error: EngineError) -> EngineError {
        match error {
            EngineError::SnapshotUnsafe { findings } => {
                let findings = findings.into_iter().map(|finding| self.map_finding(finding)).collect();
                EngineError::SnapshotUnsafe { findings }
            }
            other => other,
        }
    }
}

/// The text with every `name:line:column` of a mapped source replaced, once: what a map leads to is not
/// looked up again. Of two sources with one name the first one's map counts.
pub(crate) fn map_text(all: &[&SourceMaps], text: &str) -> String {
    let named = all.iter().flat_map(|maps| &maps.maps).filter(|(name, _)| text.contains(name.as_str()));
    let found: Vec<(&str, &SourceMap)> =
        named.filter_map(|(name, map)| Some((name.as_str(), map.parsed()?))).collect();
    if found.is_empty() {
        return text.to_owned();
    }
    let mut mapped = String::with_capacity(text.len());
    let mut rest = text;
    let mut begins = true;
    while let Some(first) = rest.chars().next() {
        let replaced = if begins { replacement(rest, &found) } else { None };
        let length = if let Some((position, length)) = replaced {
            mapped.push_str(&position);
            length
        } else {
            mapped.push(first);
            first.len_utf8()
        };
        begins = first.is_whitespace() || first == '(';
        rest = &rest[length..];
    }
    mapped
}

/// What stands for the position that `text` begins with, and how long that is.
fn replacement(text: &str, maps: &[(&str, &SourceMap)]) -> Option<(String, usize)> {
    maps.iter().find_map(|(name, map)| {
        let (line, column, length) = position(text.strip_prefix(name)?)?;
        Some((original(map, line, column)?, name.len() + length))
    })
}

impl Map {
    fn parsed(&self) -> Option<&SourceMap> {
        self.parsed.get_or_init(|| self.parse()).as_ref()
    }

    fn parse(&self) -> Option<SourceMap> {
        let decoded = if self.text.starts_with("data:") {
            sourcemap::decode_data_url(&self.text)
        } else {
            sourcemap::decode_slice(self.text.as_bytes())
        };
        match decoded.ok()? {
            DecodedMap::Regular(map) => Some(map),
            DecodedMap::Index(map) => map.flatten().ok(),
            DecodedMap::Hermes(_) => None,
        }
    }

    /// None for one that can't be read.
    fn without_contents(&self) -> Option<Self> {
        let mut map = self.parsed()?.clone();
        for source in 0..map.get_source_count() {
            map.set_source_contents(source, None);
        }
        let mut json = Vec::new();
        map.to_writer(&mut json).ok()?;
        Some(Self { text: String::from_utf8(json).ok()?, parsed: Arc::default() })
    }
}

/// `:line:column` at the beginning of a text, and its length.
fn position(text: &str) -> Option<(u32, u32, usize)> {
    let (line, after) = number(text.strip_prefix(':')?)?;
    let (column, after) = number(after.strip_prefix(':')?)?;
    Some((line, column, text.len() - after.len()))
}

fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

fn original(map: &SourceMap, line: u32, column: u32) -> Option<String> {
    let token = map.lookup_token(line.checked_sub(1)?, column.checked_sub(1)?)?;
    // A token of an earlier line says nothing of this one.
    let file = token.get_source().filter(|_| token.get_dst_line() + 1 == line)?;
    Some(format!("{file}:{}:{}", token.get_src_line() + 1, token.get_src_col() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line 1 of the code, column 5 (from 0) ← `src/a.ts`, line 3, column 2.
    fn source() -> Source {
        let mut map = sourcemap::SourceMapBuilder::new(None);
        map.add(0, 5, 2, 2, Some("src/a.ts"), None, false);
        let mut json = Vec::new();
        map.into_sourcemap().to_writer(&mut json).expect("a map");
        let url = map_url(&json);
        Source::script(format!("run();boom()\n//# sourceMappingURL={url}\n"), "app.js")
    }

    fn map_url(json: &[u8]) -> String {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let encoded = json.chunks(3).flat_map(|chunk| {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            (0..4).map(move |at| {
                if at > chunk.len() { '=' } else { char::from(digits[(bits >> (18 - 6 * at) & 63) as usize]) }
            })
        });
        format!("data:application/json;base64,{}", encoded.collect::<String>())
    }

    #[test]
    fn a_map_is_taken_off_the_code_and_maps_positions() {
        let (mut maps, mut source) = (SourceMaps::default(), source());
        maps.take(&mut source);
        assert_eq!(source.code, "run();boom()\n");
        let maps = SourceMaps::from_bytes(&maps.to_bytes().expect("bytes"));
        let stack = "Error: app.js:x\n    at boom (app.js:1:6)\n    at app.js:9:1\n    at my-app.js:1:6";
        assert_eq!(
            map_text(&[&maps], stack),
            "Error: app.js:x\n    at boom (src/a.ts:3:3)\n    at app.js:9:1\n    at my-app.js:1:6"
        );
    }

    #[test]
    fn a_map_that_was_taken_off_before_stays() {
        let (mut maps, mut source) = (SourceMaps::default(), source());
        maps.take(&mut source);
        maps.take_new(&mut source);
        assert_eq!(map_text(&[&maps], "at app.js:1:6"), "at src/a.ts:3:3");
        maps.take(&mut source);
        assert_eq!(map_text(&[&maps], "at app.js:1:6"), "at app.js:1:6");
    }

    #[test]
    fn code_without_a_map_or_with_a_broken_one_is_left_alone() {
        let mut maps = SourceMaps::default();
        let mut plain = Source::script("const text = '//# sourceMappingURL=data:x'", "a.js");
        maps.take(&mut plain);
        assert_eq!(plain.code, "const text = '//# sourceMappingURL=data:x'");
        let mut broken = Source::script("f()\n//# sourceMappingURL=data:application/json;base64,!!", "b.js");
        maps.take(&mut broken);
        assert_eq!(map_text(&[&maps], "at b.js:1:1"), "at b.js:1:1");
    }
    #[test]
    fn a_later_source_without_a_map_is_not_taken_for_an_earlier_one_of_its_name() {
        let mut maps = SourceMaps::default();
        maps.take(&mut source());
        maps.take(&mut Source::script("run();boom()", "app.js"));
        assert_eq!(map_text(&[&maps], "at app.js:1:6"), "at app.js:1:6");
    }

    #[test]
    fn what_a_map_leads_to_is_not_mapped_again() {
        let (mut first, mut second) = (SourceMaps::default(), SourceMaps::default());
        first.take(&mut source());
        second.take(&mut Source { name: "src/a.ts".to_owned(), ..source() });
        assert_eq!(map_text(&[&first, &second], "(app.js:1:6) src/a.ts:1:6"), "(src/a.ts:3:3) src/a.ts:3:3");
    }
}
