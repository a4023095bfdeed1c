//! The parent's side of a snapshot build: starts the helper process, feeds and reads it, ends it.
//!
//! However a build ends, on its answer, its time limit or because nobody waits any more, the child is
//! killed and reaped before it counts as ended. A parent that ends meanwhile closes the child's
//! standard input, and with that the child ends itself.

use std::borrow::Cow;
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use crate::engine::error::{EngineError, Finding, Result};
use crate::engine::snapshot::protocol::{Base, Built, Frame, Order, Phase};
use crate::engine::snapshot::request::BuildRequest;
use crate::engine::snapshot::{Snapshot, SnapshotInfo, SourceInfo, container, texts};
use crate::engine::source_map::SourceMaps;
use crate::engine::{host_call, platform};

/// What the helper says on its standard error is kept up to this length.
const LONGEST_WORDS: u64 = 64 * 1024;
/// A blob is at most 2 GiB and a frame no longer.
const LONGEST_FRAME: u32 = i32::MAX as u32;

/// How to start the helper: a program that calls `build::run_helper`.
#[derive(Debug, Clone)]
pub struct HelperProgram {
    /// The program, for example Node.js's own executable.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// The bounds of one build.
#[derive(Debug, Clone, Copy)]
pub struct BuildLimits {
    /// Wall-clock time.
    pub timeout: Duration,
    /// The helper's heap and buffers together, in MiB.
    pub memory_limit_mb: u64,
}

/// What a build is doing. A phase is told twice: when it begins, and with its duration when it ends.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The phase's name.
    pub phase: &'static str,
    /// The name of the source that it works on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Since the build began, in milliseconds.
    pub elapsed_ms: f64,
    /// Since the phase began, in milliseconds, when it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
}

/// What to build, on what.
#[derive(Debug)]
pub struct BuildOrder {
    /// The sources and what else changes the heap.
    pub request: BuildRequest,
    /// The snapshot to build on; its key is in the request.
    pub base: Option<Arc<Snapshot>>,
    /// The build's bounds.
    pub limits: BuildLimits,
}

/// Builds in a helper process and returns the container's bytes.
///
/// Ends early when `cancelled` is dropped or sent.
///
/// # Errors
/// `SnapshotBuild` and `SnapshotUnsafe`.
pub(super) async fn build(
    helper: &HelperProgram,
    order: BuildOrder,
    key: String,
    cancelled: oneshot::Receiver<()>,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<Vec<u8>> {
    let BuildOrder { mut request, base, limits } = order;
    let mut sources: Vec<SourceInfo> =
        base.as_ref().map_or_else(Vec::new, |base| base.info().sources.clone());
    sources.extend(request.sources().map(|(role, source)| SourceInfo {
        role: role.to_owned(),
        name: source.name.clone(),
        bytes: source.code.len() as u64,
    }));
    let mut bindings = base.as_ref().map_or_else(Vec::new, |base| base.info().bindings.clone());
    bindings
        .extend(request.bindings.iter().filter(|path| !bindings.contains(path)).cloned().collect::<Vec<_>>());
    let mut maps = base.as_ref().map_or_else(SourceMaps::default, |base| base.source_maps().clone());
    request.sources_mut().for_each(|source| maps.take(source));
    let order = Order {
        request,
        memory_limit_mb: limits.memory_limit_mb,
        maps: maps.clone(),
        base: base.as_ref().map(|base| Base {
            data: base.info().data.clone(),
            stack_trace_limit: base.info().stack_trace_limit,
            text_bytes: base.info().texts.clone(),
            blob: base.blob().to_vec(),
            texts: base.text_bytes().to_vec(),
        }),
    };
    let built = run(helper, &order, limits.timeout, cancelled, &Phases::new(progress)).await;
    let (built, blob) = built.map_err(|error| maps.map_findings(error))?;
    let own = texts::of_request(&order.request);
    let mut texts = order.base.as_ref().map_or_else(Vec::new, |base| base.texts.clone());
    texts.extend(own.concat());
    let mut text_bytes = order.base.map_or_else(Vec::new, |base| base.text_bytes);
    text_bytes.extend(own.iter().map(|text| text.len() as u64));
    let info = SnapshotInfo {
        key,
        format_version: container::FORMAT_VERSION,
        v8_version: v8::V8::get_version().to_owned(),
        version_tag: built.version_tag,
        flags: platform::FLAGS.to_owned(),
        references: host_call::REFERENCES_ID.to_owned(),
        platform: container::platform_name(),
        created_at: humantime::format_rfc3339_millis(std::time::SystemTime::now()).to_string(),
        sources,
        base: order.request.base,
        data: built.data,
        bindings,
        warnings: built.warnings.into_iter().map(|warning| maps.map_finding(warning)).collect(),
        texts: text_bytes,
        blob_bytes: blob.len() as u64,
        heap_bytes: built.heap_bytes,
        buffer_bytes: built.buffer_bytes,
        build_ms: built.build_ms,
        stack_trace_limit: built.stack_trace_limit,
    };
    // Hashing and compressing megabytes would hold up the deadlines that share this thread.
    let pack = move || container::pack(&info, &maps.to_bytes()?, &texts, &blob);
    let packed = tokio::task::spawn_blocking(pack).await;
    packed.unwrap_or_else(|error| Err(EngineError::build(format!("the snapshot can't be packed: {error}"))))
}

/// The phase that the helper is in, and who wants to know.
struct Phases<F> {
    progress: F,
    started: Instant,
    current: Mutex<Option<Current>>,
}

#[derive(Clone)]
struct Current {
    phase: Phase,
    /// What a source has put off belongs to the phase that ran the source.
    name: &'static str,
    source: Option<String>,
    since: Instant,
}

impl<F: Fn(Progress)> Phases<F> {
    fn new(progress: F) -> Self {
        Self { progress, started: Instant::now(), current: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Option<(Phase, Option<String>)> {
        self.lock().as_ref().map(|current| (current.phase, current.source.clone()))
    }

    fn begin(&self, phase: Phase, source: Option<String>) {
        let Some(name) = phase.name() else {
            if let Some(current) = &mut *self.lock() {
                current.phase = phase;
            }
            return;
        };
        let current = Current { phase, name, source, since: Instant::now() };
        let ended = self.lock().replace(current.clone());
        self.tell_end(ended);
        self.tell(&current, None);
    }

    fn end(&self) {
        let ended = self.lock().take();
        self.tell_end(ended);
    }

    fn tell_end(&self, ended: Option<Current>) {
        if let Some(ended) = ended {
            self.tell(&ended, Some(milliseconds(ended.since.elapsed())));
        }
    }

    fn tell(&self, current: &Current, duration_ms: Option<f64>) {
        (self.progress)(Progress {
            phase: current.name,
            source: current.source.clone(),
            elapsed_ms: milliseconds(self.started.elapsed()),
            duration_ms,
        });
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

async fn run<F: Fn(Progress)>(
    helper: &HelperProgram,
    order: &Order,
    timeout: Duration,
    cancelled: oneshot::Receiver<()>,
    phases: &Phases<F>,
) -> Result<(Built, Vec<u8>)> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        EngineError::build(format!("{what} the snapshot helper failed: {error}"))
    };
    let parts = order.parts().map_err(|error| failed("writing to", &error))?;
    let mut child = Command::new(&helper.program)
        .args(&helper.arguments)
        // Options meant for the host (an inspector port, a loader) are not meant for the helper.
        .env_remove("NODE_OPTIONS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&format!("starting {} as", helper.program.display()), &error))?;
    let ended = tokio::select! {
        ended = converse(&mut child, &parts, phases) => Some(ended),
        () = tokio::time::sleep(timeout) => None,
        _ = cancelled => None,
    };
    let Some((outcome, words)) = ended else {
        // An error means that it is gone already; either way it is reaped.
        let _ = child.kill().await;
        return Err(too_slow(timeout, phases.current()));
    };
    let status = child.wait().await.map_err(|error| failed("waiting for", &error))?;
    let phase = phases.current();
    match outcome {
        Some(Err(EngineError::SnapshotBuild { message, cause: None })) => Err(stopped(message, phase)),
        Some(outcome) => {
            phases.end();
            outcome
        }
        None => Err(death(phase, &words, status)),
    }
}

/// What the user learns of a build that stopped itself, at its memory limit.
fn stopped(message: String, phase: Option<(Phase, Option<String>)>) -> EngineError {
    match phase {
        Some((Phase::Microtasks, source)) => endless_microtasks(&message, source),
        _ => EngineError::build(message),
    }
}

/// What the user learns of a build that passed its time limit.
fn too_slow(timeout: Duration, phase: Option<(Phase, Option<String>)>) -> EngineError {
    let limit = format!("the build passed its timeoutMs of {}", timeout.as_millis());
    match phase {
        Some((Phase::Microtasks, source)) => endless_microtasks(&limit, source),
        Some((phase, Some(source))) => {
            EngineError::build(format!("{limit} while {source} ran ({})", phase.name().unwrap_or_default()))
        }
        Some((phase, None)) => EngineError::build(format!("{limit} ({})", phase.name().unwrap_or_default())),
        None => EngineError::build(limit),
    }
}

fn endless_microtasks(limit: &str, source: Option<String>) -> EngineError {
    EngineError::SnapshotUnsafe {
        findings: vec![Finding {
            rule: "endless-microtasks".to_owned(),
            path: "globalThis".to_owned(),
            message: format!("{limit}: the microtasks of {} don't end", source.as_deref().unwrap_or("a source")),
            source,
            hint: "let a promise chain that repeats itself begin in each session: in a function, not at the top level"
                .to_owned(),
        }],
    }
}

/// Hands the helper its order, and hears what it answers and says until it ends.
async fn converse<F: Fn(Progress)>(
    child: &mut Child,
    order: &[Cow<'_, [u8]>],
    phases: &Phases<F>,
) -> (Option<Result<(Built, Vec<u8>)>>, String) {
    // Open to the end: the helper ends with this pipe.
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(stdin) = &mut stdin {
            for part in order {
                // A helper that died early is told by its status, not by this pipe.
                let _ = stdin.write_all(part).await;
            }
        }
    };
    let listen = async {
        let mut words = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = (&mut stderr).take(LONGEST_WORDS).read_to_end(&mut words).await;
            // The rest is drained, so that the helper never blocks on it.
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        }
        String::from_utf8_lossy(&words).into_owned()
    };
    let ((), answer, words) = tokio::join!(feed, read_answer(stdout, phases), listen);
    (answer, words)
}

async fn read_answer<F: Fn(Progress)>(
    stdout: Option<impl AsyncRead + Unpin>,
    phases: &Phases<F>,
) -> Option<Result<(Built, Vec<u8>)>> {
    let mut stdout = stdout?;
    let mut outcome = None;
    let mut measured = None;
    while let Some(frame) = read_frame(&mut stdout).await {
        match frame {
            Frame::Phase(phase, source) => phases.begin(phase, source),
            Frame::Built(built) => measured = Some(built),
            Frame::Blob(blob) => outcome = measured.take().map(|built| Ok((built, blob))),
            Frame::Failed(error) => outcome = Some(Err(error)),
        }
    }
    outcome
}

async fn read_frame(stdout: &mut (impl AsyncRead + Unpin)) -> Option<Frame> {
    let tag = stdout.read_u8().await.ok()?;
    let length = stdout.read_u32_le().await.ok().filter(|length| *length <= LONGEST_FRAME)?;
    let mut body = vec![0; usize::try_from(length).ok()?];
    stdout.read_exact(&mut body).await.ok()?;
    Frame::from_parts(tag, body)
}

/// What it means that the helper died without an answer.
fn death(phase: Option<(Phase, Option<String>)>, words: &str, status: ExitStatus) -> EngineError {
    let said = v8_words(words);
    let (phase, source) = phase.map_or((None, None), |(phase, source)| (Some(phase), source));
    match phase {
        Some(Phase::Serialize) => EngineError::SnapshotUnsafe {
            findings: vec![Finding {
                rule: "not-serializable".to_owned(),
                path: "globalThis".to_owned(),
                source: None,
                message: format!("V8 can't save an object that is reachable from the globals: {said}"),
                hint: "create live Intl objects, WebAssembly objects and FinalizationRegistry entries on first use, \
                       not while the snapshot is built"
                    .to_owned(),
            }],
        },
        Some(Phase::Probe) => EngineError::SnapshotUnsafe {
            findings: vec![Finding {
                rule: "not-restorable".to_owned(),
                path: "globalThis".to_owned(),
                source: None,
                message: format!("V8 can't restore the heap that it saved: {said}"),
                hint: "don't freeze, delete or replace built-ins while the snapshot is built".to_owned(),
            }],
        },
        Some(Phase::Rehearse | Phase::Warmup | Phase::Evaluate | Phase::Microtasks)
            if said.contains("unreachable code") =>
        {
            EngineError::SnapshotUnsafe {
                findings: vec![Finding {
                    rule: "v8-trap".to_owned(),
                    path: "globalThis".to_owned(),
                    message: format!("V8 gave up while {} ran: {said}", source.as_deref().unwrap_or("a source")),
                    source,
                    hint: "`using` and `await using` can't run while a snapshot is built: run them in each session, in \
                           a function"
                        .to_owned(),
                }],
            }
        }
        Some(Phase::Rehearse | Phase::Warmup | Phase::Evaluate | Phase::Microtasks) => {
            let source = source.unwrap_or_default();
            EngineError::build(format!("the snapshot helper died while {source} ran ({status}): {said}"))
        }
        Some(Phase::Between | Phase::Check) => {
            EngineError::build(format!("the snapshot helper died while it checked the heap ({status}): {said}"))
        }
        Some(Phase::Start) | None => {
            EngineError::build(format!("the snapshot helper died before it began ({status}): {said}"))
        }
    }
}

/// V8 frames its last words with `#`; without them, the end of whatever was said.
pub(crate) fn v8_words(words: &str) -> String {
    let framed: Vec<&str> = words
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let mut said = if framed.is_empty() {
        words.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
    } else {
        framed
    };
    // Names of handles that V8 could not save come before its frame.
    let handles = words.lines().map(str::trim).filter(|line| line.contains("not serialized"));
    said.splice(0..0, handles.take(1));
    said.dedup();
    said.truncate(4);
    if said.is_empty() { "it said nothing".to_owned() } else { said.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::v8_words;

    #[test]
    fn the_words_of_v8_are_picked_from_its_frame() {
        let words =
            "global handle not serialized: <Foreign>\n\n#\n# Fatal error in , line 0\n# CreateBlob()\n#\n#\n";
        assert_eq!(
            v8_words(words),
            "global handle not serialized: <Foreign>; Fatal error in , line 0; CreateBlob()"
        );
        assert_eq!(v8_words("boom\n"), "boom");
        assert_eq!(v8_words(""), "it said nothing");
    }
}
