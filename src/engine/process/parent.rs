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

    /// Ends the process when its resident memory has grown by more than so many bytes since the last time
    /// that there was no bound; none for no bound. Only where the system tells (Linux).
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
    let mut start = None;
    loop {
        let bound = *bounds.borrow_and_update();
        let now = bound.and(pid).and_then(resident_bytes);
        let (Some(now), Some(bound)) = (now, bound) else {
            start = None;
            if bounds.changed().await.is_err() {
                pending::<()>().await;
            }
            continue;
        };
        let grown = now.saturating_sub(*start.get_or_insert(now));
        if grown > bound {
            return grown;
        }
        if let Ok(Err(_)) = time::timeout(WATCH_INTERVAL, bounds.changed()).await {
            // Nobody holds the process any more: it is being ended.
            pending::<()>().await;
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

    /// V8's words, or the others; and what `last_words` says, which comes last and must not be lost.
    fn text(&mut self) -> String {
        let text = String::from_utf8_lossy(self.0.make_contiguous()).into_owned();
        let (own, others): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.starts_with("isoseed: "));
        let mut words = v8_words(&others.join("\n"));
        for line in own.iter().rev().take(1) {
            words = format!("{words}; {line}");
        }
        words
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    enum Heard {
        Frame(Vec<u8>),
        End(ProcessEnd),
    }

    struct Listener(Sender<Heard>);

    impl ProcessListener for Listener {
        fn frame(&self, frame: Frame) {
            self.0.send(Heard::Frame(frame.bytes)).expect("the test listens");
        }

        fn ended(&self, end: ProcessEnd) {
            self.0.send(Heard::End(end)).expect("the test listens");
        }
    }

    fn start(program: &str, arguments: &[&str]) -> (ChildProcess, Receiver<Heard>) {
        let (teller, hears) = mpsc::channel();
        let program = ProcessProgram {
            program: program.into(),
            arguments: arguments.iter().map(Into::into).collect(),
            environment: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            directory: "/".into(),
        };
        (ChildProcess::start(program, Arc::new(Listener(teller))), hears)
    }

    fn frame(hears: &Receiver<Heard>) -> Vec<u8> {
        match hears.recv().expect("the process was not teller to the end") {
            Heard::Frame(bytes) => bytes,
            Heard::End(end) => panic!("expected a frame, got {end:?}"),
        }
    }

    fn end(hears: &Receiver<Heard>) -> ProcessEnd {
        match hears.recv().expect("the process was not teller to the end") {
            Heard::End(end) => end,
            Heard::Frame(bytes) => panic!("expected the end, got a frame of {} bytes", bytes.len()),
        }
    }

    #[test]
    fn frames_of_any_size_come_back_in_order() {
        // What is sent is what it sends.
        let (process, hears) = start("cat", &[]);
        let sizes = [0, 1, 4096, 64 * 1024, 64 * 1024 + 1, 3 << 20, 100 << 20, 5];
        for (size, fill) in sizes.into_iter().zip(0..) {
            process.send(Outgoing::Bytes(vec![fill; size]));
        }
        for (size, fill) in sizes.into_iter().zip(0..) {
            assert!(frame(&hears) == vec![fill; size], "the frame of {size} bytes is another one");
        }
        drop(process);
        assert_eq!(end(&hears).killed, Some(Killed::ByHost));
        assert!(hears.recv().is_err(), "the end comes once, and last");
    }

    #[test]
    fn an_end_is_told_with_status_and_last_words() {
        let (_process, hears) = start("sh", &["-c", "echo some words >&2; exit 3"]);
        let ended = end(&hears);
        assert_eq!((ended.status.and_then(|status| status.code()), ended.killed), (Some(3), None));
        assert_eq!(ended.words, "some words");

        let (_process, hears) = start("sh", &["-c", "kill -SEGV $$"]);
        assert_eq!(end(&hears).status.and_then(|status| status.signal()), Some(libc::SIGSEGV));

        let own =
            "i=0; while [ $i -lt 9 ]; do echo noise $i; i=$((i + 1)); done >&2; echo 'isoseed: grown' >&2";
        let (_process, hears) = start("sh", &["-c", own]);
        assert!(end(&hears).words.ends_with("; isoseed: grown"));
    }

    #[test]
    fn what_says_nothing_any_more_is_ended() {
        // It closes its output, and goes on without reading.
        let (_process, hears) = start("sh", &["-c", "exec >&-; exec sleep 1000"]);
        assert_eq!(end(&hears).status.and_then(|status| status.signal()), Some(libc::SIGKILL));
    }

    #[test]
    fn a_program_that_is_not_there_is_told() {
        let (process, hears) = start("/no/such/program", &[]);
        process.send(Outgoing::Bytes(vec![1]));
        let ended = end(&hears);
        assert!(ended.status.is_none());
        assert!(ended.words.contains("/no/such/program"), "{}", ended.words);
    }

    #[test]
    fn a_frame_that_is_longer_than_any_ends_the_process() {
        let (_process, hears) = start("sh", &["-c", r"printf '\377\377\377\377'; exec sleep 1000"]);
        assert_eq!(end(&hears).killed, Some(Killed::ForFrame));
    }

    #[test]
    fn a_frame_that_is_cut_short_is_none() {
        let (_process, hears) = start("sh", &["-c", r"printf '\004\000\000\000abc'"]);
        assert_eq!(end(&hears).killed, None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_past_the_bound_ends_the_process() {
        let grow =
            r#"read line; exec awk 'BEGIN { s = "x"; while (length(s) < 3e8) s = s s; for (;;) n++ }'"#;
        let (process, hears) = start("sh", &["-c", grow]);
        process.watch(Some(64 << 20));
        // A line, in a frame of that length.
        process.send(Outgoing::Bytes(b"grow\n".to_vec()));
        assert!(matches!(end(&hears).killed, Some(Killed::ForMemory(grown)) if grown > 64 << 20));
    }
}
