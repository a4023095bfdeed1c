//! The parent's side of a snapshot build: starts the helper process, feeds and reads it, ends it.
//!
//! However a build ends, on its answer, its time limit or because nobody waits any more, the child is
//! killed and reaped before it counts as ended. A parent that ends meanwhile closes the child's
//! standard input, and with that the child ends itself.

use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use crate::engine::error::{EngineError, Finding, Result};
use crate::engine::snapshot::protocol::{Built, Frame, Order, Phase};
use crate::engine::snapshot::request::BuildRequest;
use crate::engine::snapshot::{SnapshotInfo, SourceInfo, container};
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

/// Builds in a helper process and returns the container's bytes.
///
/// Ends early when `cancelled` is dropped or sent.
///
/// # Errors
/// `SnapshotBuild` and `SnapshotUnsafe`.
pub(super) async fn build(
    helper: &HelperProgram,
    request: BuildRequest,
    key: String,
    limits: BuildLimits,
    cancelled: oneshot::Receiver<()>,
) -> Result<Vec<u8>> {
    let sources = request.sources().map(|(role, source)| SourceInfo {
        role: role.to_owned(),
        name: source.name.clone(),
        bytes: source.code.len() as u64,
    });
    let sources: Vec<SourceInfo> = sources.collect();
    let bindings = request.bindings.clone();
    let order = Order { request, memory_limit_mb: limits.memory_limit_mb };
    let (built, blob) = run(helper, &order, limits.timeout, cancelled).await?;
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
        bindings,
        warnings: built.warnings,
        blob_bytes: blob.len() as u64,
        heap_bytes: built.heap_bytes,
        buffer_bytes: built.buffer_bytes,
        build_ms: built.build_ms,
        stack_trace_limit: built.stack_trace_limit,
    };
    container::pack(&info, &blob)
}

async fn run(
    helper: &HelperProgram,
    order: &Order,
    timeout: Duration,
    cancelled: oneshot::Receiver<()>,
) -> Result<(Built, Vec<u8>)> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        EngineError::build(format!("{what} the snapshot helper failed: {error}"))
    };
    let order = order.to_bytes().map_err(|error| failed("writing to", &error))?;
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
        ended = converse(&mut child, &order) => Some(ended),
        () = tokio::time::sleep(timeout) => None,
        _ = cancelled => None,
    };
    let Some((answer, words)) = ended else {
        // An error means that it is gone already; either way it is reaped.
        let _ = child.kill().await;
        return Err(EngineError::build(format!("the build passed its timeoutMs of {}", timeout.as_millis())));
    };
    let status = child.wait().await.map_err(|error| failed("waiting for", &error))?;
    match answer {
        Answer { outcome: Some(outcome), .. } => outcome,
        Answer { outcome: None, phase } => Err(death(phase, &words, status)),
    }
}

/// Hands the helper its order, and hears what it answers and says until it ends.
async fn converse(child: &mut Child, order: &[u8]) -> (Answer, String) {
    // Open to the end: the helper ends with this pipe.
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(stdin) = &mut stdin {
            // A helper that died early is told by its status, not by this pipe.
            let _ = stdin.write_all(order).await;
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
    let ((), answer, words) = tokio::join!(feed, read_answer(stdout), listen);
    (answer, words)
}

struct Answer {
    phase: Option<Phase>,
    outcome: Option<Result<(Built, Vec<u8>)>>,
}

async fn read_answer(stdout: Option<impl AsyncRead + Unpin>) -> Answer {
    let mut answer = Answer { phase: None, outcome: None };
    let Some(mut stdout) = stdout else { return answer };
    let mut measured = None;
    while let Some(frame) = read_frame(&mut stdout).await {
        match frame {
            Frame::Phase(phase) => answer.phase = Some(phase),
            Frame::Built(built) => measured = Some(built),
            Frame::Blob(blob) => answer.outcome = measured.take().map(|built| Ok((built, blob))),
            Frame::Failed(error) => answer.outcome = Some(Err(error)),
        }
    }
    answer
}

async fn read_frame(stdout: &mut (impl AsyncRead + Unpin)) -> Option<Frame> {
    let tag = stdout.read_u8().await.ok()?;
    let length = stdout.read_u32_le().await.ok().filter(|length| *length <= LONGEST_FRAME)?;
    let mut body = vec![0; usize::try_from(length).ok()?];
    stdout.read_exact(&mut body).await.ok()?;
    Frame::from_parts(tag, body)
}

/// What it means that the helper died without an answer.
fn death(phase: Option<Phase>, words: &str, status: ExitStatus) -> EngineError {
    let said = v8_words(words);
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
        Some(Phase::Evaluate) => {
            EngineError::build(format!("the snapshot helper died while a source ran ({status}): {said}"))
        }
        Some(Phase::Start) | None => {
            EngineError::build(format!("the snapshot helper died before it began ({status}): {said}"))
        }
    }
}

/// V8 frames its last words with `#`; without them, the end of whatever was said.
fn v8_words(words: &str) -> String {
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
