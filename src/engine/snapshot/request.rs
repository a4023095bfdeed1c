//! What a snapshot is to be built from, and the key over it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::snapshot::container;
use crate::engine::source::{Source, SourceKind};
use crate::engine::{host_call, platform};

/// What to do about code that does not belong into a snapshot, but that V8 can save.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unsafe {
    /// The build fails.
    #[default]
    Error,
    /// It becomes a warning in the snapshot's header.
    Warn,
}

/// What to build. Everything here changes the heap, and so the key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRequest {
    /// Runs first.
    pub bridge: Option<Source>,
    /// Run next, in order.
    pub bundles: Vec<Source>,
    /// Runs last.
    pub warmup: Option<Source>,
    /// Dotted paths of host functions that exist, and refuse to be called, while building.
    pub bindings: Vec<String>,
    /// The key of the snapshot to build on.
    pub base: Option<String>,
    /// What to do about code that does not belong into a snapshot.
    pub unsafe_code: Unsafe,
}

impl BuildRequest {
    /// The sources with their roles, in the order in which they run.
    pub fn sources(&self) -> impl Iterator<Item = (&'static str, &Source)> {
        self.kept_sources().chain(self.warmup.iter().map(|source| ("warmup", source)))
    }

    /// The sources whose work the snapshot keeps.
    pub fn kept_sources(&self) -> impl Iterator<Item = (&'static str, &Source)> + Clone {
        let bridge = self.bridge.iter().map(|source| ("bridge", source));
        bridge.chain(self.bundles.iter().map(|source| ("bundle", source)))
    }

    pub(super) fn sources_mut(&mut self) -> impl Iterator<Item = &mut Source> {
        self.bridge.iter_mut().chain(&mut self.bundles).chain(&mut self.warmup)
    }

    /// SHA-256 over everything that shapes the heap, in hexadecimal. Every part goes in with its
    /// length, so that no two requests run together.
    pub fn key(&self) -> String {
        let mut hasher = Sha256::new();
        let mut add = |part: &str| {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        add(v8::V8::get_version());
        add(platform::FLAGS);
        add(&container::platform_name());
        add(&container::FORMAT_VERSION.to_string());
        add(host_call::REFERENCES_ID);
        for (role, source) in self.sources() {
            add(role);
            add(&source.name);
            add(&source.code);
            add(match source.kind {
                SourceKind::Script => "script",
                SourceKind::CommonJs => "commonjs",
                SourceKind::Module => "module",
                SourceKind::Json => "json",
            });
            add(source.global.as_deref().unwrap_or_default());
        }
        add(self.base.as_deref().unwrap_or_default());
        add(match self.unsafe_code {
            Unsafe::Error => "error",
            Unsafe::Warn => "warn",
        });
        add("bindings");
        for path in &self.bindings {
            add(path);
        }
        hex(&hasher.finalize())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(code: &str, name: &str) -> Source {
        Source::script(code, name)
    }

    fn sample() -> BuildRequest {
        BuildRequest {
            bridge: Some(source("a", "bridge.js")),
            bundles: vec![source("b", "1.js"), source("c", "2.js")],
            warmup: None,
            bindings: vec!["f".into()],
            base: None,
            unsafe_code: Unsafe::Error,
        }
    }

    #[test]
    fn equal_requests_have_one_key_and_it_is_a_sha256() {
        assert_eq!(sample().key(), sample().key());
        assert_eq!(sample().key().len(), 64);
    }

    #[test]
    fn every_part_changes_the_key() {
        let changes: [fn(&mut BuildRequest); 11] = [
            |sample| sample.bundles[1].kind = SourceKind::Module,
            |sample| sample.bundles[1].global = Some("g".into()),
            |sample| sample.base = Some("00".into()),
            |sample| sample.unsafe_code = Unsafe::Warn,
            |sample| sample.bridge = None,
            |sample| sample.bundles.swap(0, 1),
            |sample| sample.bundles = vec![source("bc", "1.js")],
            |sample| sample.bundles[0].name = "other.js".into(),
            |sample| sample.warmup = Some(source("d", "warmup.js")),
            |sample| sample.bindings.push("g".into()),
            |sample| sample.bridge = Some(source("", "bridge.jsa")),
        ];
        let mut found = vec![sample().key()];
        for change in changes {
            let mut other = sample();
            change(&mut other);
            found.push(other.key());
        }
        found.sort();
        found.dedup();
        assert_eq!(found.len(), changes.len() + 1);
    }
}
