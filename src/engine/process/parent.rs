//! The host's side of a process that runs isolates: starts it, writes and reads its frames, watches
//! its memory, ends it. All of it on the runtime's thread.
//!
//! However it ends, the process is killed if need be and reaped, and the listener is told once, after
//! the last frame. A host that ends without a word closes the process's standard input, and with that
//! the process ends itself.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::future::pending;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time;

use crate::engine::process::LONGEST_FRAME;
use crate::engine::runtime::runtime;
use crate::engine::snapshot::Snapshot;
use crate::engine::snapshot::helper::v8_words;

/// The end of what the process says on its standard error is kept up to this length.
const LAST_WORDS: usize = 16 * 1024;
/// Frames that wait for their receiver may take this much together, in KiB; one alone may take more.
/// Past it the process has to wait: a guest that got hold of it can't fill the host's memory.
const ROOM_KIB: u32 = 64 * 1024;
/// How often the process's resident memory is looked at. Its data has a bound of its own
/// (`process::child`), which needs no looking.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);
/// A process whose frames have ended gets this long to end by itself, and say its last words.
const LAST_MOMENTS: Duration = Duration::from_secs(2);

/// How to start a process: a program that serves its parent (`child::serve`).
#[derive(Debug, Clone)]
pub struct ProcessProgram {
    /// The program, for example Node.js's own executable.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Its working directory.
    pub directory: OsString,
}

/// A frame from the process. While it lives, it takes room of those that come after it.
pub struct Frame {
    /// What it says.
    pub bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Why a process was ended by its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killed {
    /// `ChildProcess::kill`, or nobody holds it any more.
    ByHost,
    /// Its resident memory grew by this much, in bytes, past its bound.
    ForMemory(u64),
    /// It sent a frame that is longer than any.
    ForFrame,
}

/// How a process ended.
#[derive(Debug)]
pub struct ProcessEnd {
    /// Its exit status; none when it could not be started.
    pub status: Option<ExitStatus>,
    /// Why its host ended it, if that did.
    pub killed: Option<Killed>,
    /// What it said last on its standard error, or why it could not be started.
    pub words: String,
}

/// Hears a process, on the runtime's thread.
pub trait ProcessListener: Send + Sync {
    /// The process sent a frame.
    fn frame(&self, frame: Frame);
    /// The process ended. Called once, and last.
    fn ended(&self, end: ProcessEnd);
}

/// What is sent to a process as one frame.
pub enum Outgoing {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, and the snapshot's after them.
    Snapshot(Vec<u8>, Arc<Snapshot>),
}

/// A running process. Dropping it ends the process.
pub struct ChildProcess {
    frames: UnboundedSender<Outgoing>,
    bound: watch::Sender<Option<u64>>,
    end: Arc<Notify>,
}

impl ChildProcess {
    /// Starts a process; returns at once. That it can't be started is told by the listener.
    pub fn start(program: ProcessProgram, listener: Arc<dyn ProcessListener>) -> Self {
        // Unbounded: what is sent are the host's own requests and answers.
        let (frames, outgoing) = mpsc::unbounded_channel();
        let (bound, bounds) = watch::channel(None);
        let end = Arc::new(Notify::new());
        let told = Arc::clone(&end);
        runtime().spawn(async move {
            let ended = run(program, outgoing, bounds, &told, &*listener).await;
            listener.ended(ended);
        });
        Self { frames, bound, end }
    }

    /// Sends a frame, after those sent before. One to a process that has ended is lost: its end is told.
    pub fn send(&self, frame: Outgoing) {
        let _ = self.frames.send(frame);
    }

    /// Ends the process when its resident memory has grown by more than so many bytes from now on;
    /// none for no bound. Only where the system tells (Linux).
    pub fn watch(&self, bytes: Option<u64>) {
        self.bound.send_replace(bytes);
    }

    /// Ends the process at once.
    pub fn kill(&self) {
        self.end.notify_one();
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn run(
    program: ProcessProgram,
    outgoing: UnboundedReceiver<Outgoing>,
    bounds: watch::Receiver<Option<u64>>,
    end: &Notify,
    listener: &dyn ProcessListener,
) -> ProcessEnd {
    let spawned = Command::new(&program.program)
        .args(&program.arguments)
        .env_clear()
        .envs(program.environment)
        .current_dir(&program.directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let words = format!("{} could not be started: {error}", program.program.display());
            return ProcessEnd { status: None, killed: None, words };
        }
    };
    let (stdin, stdout, mut stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut words = Words::default();
    let killed = tokio::select! {
        killed = listen(stdout, listener) => killed,
        grown = watch_resident(child.id(), bounds) => Some(Killed::ForMemory(grown)),
        () = end.notified() => Some(Killed::ByHost),
        // These two end before the process does, and say nothing by that.
        () = async { feed(stdin, outgoing).await; pending().await } => None,
        () = async { words.hear(&mut stderr).await; pending().await } => None,
    };
    if killed.is_some() {
        // An error means that it is gone already; either way it is reaped.
        let _ = child.kill().await;
    }
    // Only now: its input is closed, and with that it ends.
    let ended =
        time::timeout(LAST_MOMENTS, async { tokio::join!(child.wait(), words.hear(&mut stderr)) }).await;
    let status = if let Ok((status, ())) = ended {
        status.ok()
    } else {
        let _ = child.kill().await;
        child.wait().await.ok()
    };
    ProcessEnd { status, killed, words: words.text() }
}

async fn feed(stdin: Option<impl AsyncWrite + Unpin>, mut outgoing: UnboundedReceiver<Outgoing>) {
    let Some(mut stdin) = stdin else { return };
    while let Some(frame) = outgoing.recv().await {
        let written = match &frame {
            Outgoing::Bytes(bytes) => write_frame(&mut stdin, [bytes, &[]]).await,
            Outgoing::Snapshot(head, snapshot) => write_frame(&mut stdin, [head, snapshot.bytes()]).await,
        };
        // A process that is gone is told by its end, not by this pipe.
        if written.is_err() {
            return;
        }
    }
    // Open to the end: the process ends with this pipe.
    pending::<()>().await;
}

async fn write_frame(stdin: &mut (impl AsyncWrite + Unpin), parts: [&[u8]; 2]) -> std::io::Result<()> {
    let length = parts[0].len() + parts[1].len();
    let prefix = u32::try_from(length).map_err(std::io::Error::other)?.to_le_bytes();
    // One write for what is small: each wakes the other side.
    if length <= 64 * 1024 {
        return stdin.write_all(&[&prefix, parts[0], parts[1]].concat()).await;
    }
    stdin.write_all(&prefix).await?;
    stdin.write_all(parts[0]).await?;
    stdin.write_all(parts[1]).await
}

/// Hands over frames until there are no more.
async fn listen(stdout: Option<impl AsyncRead + Unpin>, listener: &dyn ProcessListener) -> Option<Killed> {
    let mut stdout = stdout?;
    let room = Arc::new(Semaphore::new(ROOM_KIB as usize));
    loop {
        let length = usize::try_from(stdout.read_u32_le().await.ok()?).ok()?;
        if length > LONGEST_FRAME {
            return Some(Killed::ForFrame);
        }
        let kib = u32::try_from(length / 1024 + 1).unwrap_or(ROOM_KIB).min(ROOM_KIB);
        let room = Arc::clone(&room).acquire_many_owned(kib).await.ok();
        let mut bytes = Vec::new();
        // As it comes: the length alone is no reason to take memory for it.
        (&mut stdout).take(length as u64).read_to_end(&mut bytes).await.ok()?;
        if bytes.len() < length {
            return None;
        }
        listener.frame(Frame { bytes, _room: room });
    }
}

/// Waits until the process has grown past its bound, and says by how much.
async fn watch_resident(pid: Option<u32>, mut bounds: watch::Receiver<Option<u64>>) -> u64 {
    loop {
        let bound = *bounds.borrow_and_update();
        let start = bound.and(pid).and_then(resident_bytes);
        let (Some(pid), Some(bound), Some(start)) = (pid, bound, start) else {
            if bounds.changed().await.is_err() {
                pending::<()>().await;
            }
            continue;
        };
        loop {
            tokio::select! {
                changed = bounds.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => pending::<()>().await,
                },
                () = time::sleep(WATCH_INTERVAL) => {
                    let grown = resident_bytes(pid).unwrap_or(0).saturating_sub(start);
                    if grown > bound {
                        return grown;
                    }
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn resident_bytes(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    // SAFETY: takes a name, returns a number.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page_bytes).ok()?)
}

#[cfg(not(target_os = "linux"))]
fn resident_bytes(_: u32) -> Option<u64> {
    None
}

/// The end of what a process says.
#[derive(Default)]
struct Words(VecDeque<u8>);

impl Words {
    async fn hear(&mut self, stderr: &mut Option<impl AsyncRead + Unpin>) {
        let Some(stderr) = stderr else { return };
        let mut heard = [0; 4096];
        while let Ok(length @ 1..) = stderr.read(&mut heard).await {
            self.0.extend(&heard[..length]);
            let surplus = self.0.len().saturating_sub(LAST_WORDS);
            self.0.drain(..surplus);
        }
    }

    fn text(&mut self) -> String {
        v8_words(&String::from_utf8_lossy(self.0.make_contiguous()))
    }
}
