//! What the snapshot helper and its parent say to each other.
//!
//! The parent writes one `Order` to the helper's standard input: a length (u32, little-endian) and
//! that many bytes of JSON, then the base snapshot's blob and its texts in the same way. It keeps the pipe
//! open: its end tells the helper that the parent is gone.
//! The helper answers in frames on its original standard output: a tag byte, a length, and that many
//! bytes.

use std::borrow::Cow;
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::engine::error::{EngineError, Finding};
use crate::engine::snapshot::ContextData;
use crate::engine::snapshot::request::BuildRequest;
use crate::engine::source_map::SourceMaps;

/// What to build, within which memory.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) request: BuildRequest,
    pub(super) memory_limit_mb: u64,
    /// For the positions of what a source throws.
    pub(super) maps: SourceMaps,
    pub(super) base: Option<Base>,
}

/// The snapshot to build on.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Base {
    pub(super) data: ContextData,
    pub(super) stack_trace_limit: Option<f64>,
    /// The lengths of its texts.
    pub(super) text_bytes: Vec<u64>,
    /// Follows the JSON.
    #[serde(skip)]
    pub(super) blob: Vec<u8>,
    /// Follow the blob.
    #[serde(skip)]
    pub(super) texts: Vec<u8>,
}

impl Order {
    /// What is written, part after part.
    pub(super) fn parts(&self) -> serde_json::Result<Vec<Cow<'_, [u8]>>> {
        let body = serde_json::to_vec(self)?;
        let mut parts: Vec<Cow<'_, [u8]>> = vec![Cow::Owned(length_prefix(&body).to_vec()), Cow::Owned(body)];
        if let Some(base) = &self.base {
            for part in [&base.blob, &base.texts] {
                parts.push(Cow::Owned(length_prefix(part).to_vec()));
                parts.push(Cow::Borrowed(part));
            }
        }
        Ok(parts)
    }

    pub(super) fn read(mut input: impl Read) -> Option<Self> {
        let body = read_part(&mut input)?;
        let mut order: Self = serde_json::from_slice(&body).ok()?;
        if let Some(base) = &mut order.base {
            base.blob = read_part(&mut input)?;
            base.texts = read_part(&mut input)?;
        }
        Some(order)
    }
}

fn read_part(input: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    input.read_exact(&mut length).ok()?;
    let mut body = vec![0; usize::try_from(u32::from_le_bytes(length)).ok()?];
    input.read_exact(&mut body).ok()?;
    Some(body)
}

fn length_prefix(body: &[u8]) -> [u8; 4] {
    u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// Where the helper is. When it dies, the phase tells what killed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// V8 starts.
    Start,
    /// A source runs in a context that is thrown away.
    Rehearse,
    /// A source, or the warm-up, runs in another one that is thrown away.
    Warmup,
    /// A source runs in the context that is kept.
    Evaluate,
    /// What a source has put off runs.
    Microtasks,
    /// A source is through, and nothing of the user's runs.
    Between,
    /// The heap is looked through.
    Check,
    /// V8 writes the heap image.
    Serialize,
    /// The heap image is restored once.
    Probe,
}

impl Phase {
    /// The name that the user sees; none for what belongs to the phase before.
    pub(super) fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Start => "start",
            Self::Rehearse => "rehearse",
            Self::Warmup => "warmup",
            Self::Evaluate => "evaluate",
            Self::Microtasks | Self::Between => return None,
            Self::Check => "check",
            Self::Serialize => "serialize",
            Self::Probe => "probe",
        })
    }
}

/// What the helper measured.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Built {
    pub(super) version_tag: u32,
    pub(super) heap_bytes: u64,
    pub(super) buffer_bytes: u64,
    pub(super) build_ms: f64,
    pub(super) stack_trace_limit: Option<f64>,
    pub(super) data: ContextData,
    pub(super) warnings: Vec<Finding>,
}

/// One frame.
#[derive(Debug)]
pub(super) enum Frame {
    /// A phase begins, with the name of the source that it works on.
    Phase(Phase, Option<String>),
    Built(Built),
    Blob(Vec<u8>),
    Failed(EngineError),
}

impl Frame {
    pub(super) fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let (tag, body) = match self {
            Self::Phase(phase, source) => (0, serde_json::to_vec(&(phase, source))?),
            Self::Built(built) => (1, serde_json::to_vec(built)?),
            Self::Blob(blob) => (2, blob.clone()),
            Self::Failed(error) => (3, serde_json::to_vec(error)?),
        };
        let mut bytes = vec![tag];
        bytes.extend_from_slice(&length_prefix(&body));
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    pub(super) fn from_parts(tag: u8, body: Vec<u8>) -> Option<Self> {
        match tag {
            0 => serde_json::from_slice(&body).ok().map(|(phase, source)| Self::Phase(phase, source)),
            1 => serde_json::from_slice(&body).ok().map(Self::Built),
            2 => Some(Self::Blob(body)),
            3 => serde_json::from_slice(&body).ok().map(Self::Failed),
            _ => None,
        }
    }
}
