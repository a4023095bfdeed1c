//! Where the host's debuggers and the isolate's thread meet: requests one way, messages the other.
//! `Send + Sync`, part of every isolate's `Lifecycle`; costs nothing while nobody debugs.
//!
//! Invariants:
//! - the thread waits here and nowhere else for a debugger, and every wait ends when its turn is told
//!   to stop or the isolate is finished;
//! - nothing here calls the lifecycle, which may hold its lock when it calls this;
//! - frontends are called without a lock held; after its `None` a frontend is not needed any more.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Messages that a session's client has not read may take so many bytes; the thread waits then. One
/// message is always let through.
const MOST_UNREAD_BYTES: usize = 16 * 1024 * 1024;

/// One client's connection to the inspector, numbered by the host, unique in its isolate.
pub type SessionId = u64;

/// Gets a session's messages, JSON each, and `None` when there will be no more. Called on any thread;
/// must not block.
pub type Frontend = Arc<dyn Fn(Option<String>) + Send + Sync>;

/// What a client wants of the inspector.
pub(crate) enum Request {
    Connect,
    /// A message of the Chrome `DevTools` Protocol.
    Message(String),
    Disconnect,
}

/// Why the thread need not wait any longer.
pub(crate) enum Next {
    Request(SessionId, Request),
    /// The turn is to stop, or what was waited for has happened.
    GoOn,
}

struct Outlet {
    frontend: Frontend,
    /// The sizes of the messages that the client has not read, in order.
    unread: VecDeque<usize>,
    unread_bytes: usize,
}

#[derive(Default)]
struct State {
    requests: VecDeque<(SessionId, Request)>,
    outlets: HashMap<SessionId, Outlet>,
    turn_stops: bool,
    is_closed: bool,
}

impl State {
    fn has_room(&self, session: SessionId, bytes: usize) -> bool {
        let unread = self.outlets.get(&session).map_or(0, |outlet| outlet.unread_bytes);
        unread == 0 || unread + bytes <= MOST_UNREAD_BYTES
    }

    fn ends_waiting(&self) -> bool {
        self.turn_stops || self.is_closed
    }
}

#[derive(Default)]
pub(crate) struct Port {
    state: Mutex<State>,
    changed: Condvar,
    /// Whether calls wait until a debugger lets them run. Changed under the lock, read without it.
    is_held: AtomicBool,
}

impl Port {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session. Says whether the thread must be told to look; `None` when the isolate is finished.
    pub(crate) fn connect(&self, session: SessionId, frontend: Frontend) -> Option<bool> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        state.outlets.insert(session, Outlet { frontend, unread: VecDeque::new(), unread_bytes: 0 });
        Some(self.push(&mut state, session, Request::Connect))
    }

    /// Takes a message for the inspector. Says whether the thread must be told to look.
    pub(crate) fn send(&self, session: SessionId, message: String) -> bool {
        let mut state = self.state();
        state.outlets.contains_key(&session) && self.push(&mut state, session, Request::Message(message))
    }

    /// Closes a session; its frontend is not called any more. Says whether the thread must be told to
    /// look.
    pub(crate) fn disconnect(&self, session: SessionId) -> bool {
        let mut state = self.state();
        let outlet = state.outlets.remove(&session);
        outlet.is_some() && self.push(&mut state, session, Request::Disconnect)
    }

    /// Nobody looks as long as nothing is there: once is enough.
    fn push(&self, state: &mut State, session: SessionId, request: Request) -> bool {
        state.requests.push_back((session, request));
        self.changed.notify_all();
        state.requests.len() == 1
    }

    /// The client has read the oldest message that it had not read.
    pub(crate) fn read(&self, session: SessionId) {
        let mut state = self.state();
        let Some(outlet) = state.outlets.get_mut(&session) else { return };
        if let Some(bytes) = outlet.unread.pop_front() {
            outlet.unread_bytes -= bytes;
            self.changed.notify_all();
        }
    }

    /// Whether calls are to wait for a debugger.
    pub(crate) fn hold(&self, is_held: bool) {
        let _state = self.state();
        self.is_held.store(is_held, Ordering::Relaxed);
        self.changed.notify_all();
    }

    pub(crate) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Relaxed)
    }

    /// The turn that runs was told to stop: who waits goes on, to feel it.
    pub(crate) fn turn_stops(&self) {
        self.state().turn_stops = true;
        self.changed.notify_all();
    }

    /// The turn that was told to stop has ended.
    pub(crate) fn turn_ended(&self) {
        self.state().turn_stops = false;
    }

    /// The isolate is finished: every session ends.
    pub(crate) fn close(&self) {
        let outlets = {
            let mut state = self.state();
            state.is_closed = true;
            state.requests.clear();
            std::mem::take(&mut state.outlets)
        };
        self.changed.notify_all();
        for outlet in outlets.into_values() {
            (outlet.frontend)(None);
        }
    }

    /// The next request, without waiting.
    pub(crate) fn next(&self) -> Option<(SessionId, Request)> {
        self.state().requests.pop_front()
    }

    /// Waits for the next request at a breakpoint.
    pub(crate) fn wait_paused(&self) -> Next {
        self.wait_while(|_| true)
    }

    /// Waits for the next request before a call.
    pub(crate) fn wait_held(&self) -> Next {
        self.wait_while(Self::is_held)
    }

    fn wait_while(&self, goes_on: impl Fn(&Self) -> bool) -> Next {
        let mut state = self.state();
        loop {
            if state.ends_waiting() || !goes_on(self) {
                return Next::GoOn;
            }
            if let Some((session, request)) = state.requests.pop_front() {
                return Next::Request(session, request);
            }
            state = self.wait(state);
        }
    }

    pub(crate) fn has_room(&self, session: SessionId, bytes: usize) -> bool {
        self.state().has_room(session, bytes)
    }

    /// Waits until the client has read enough for a message of this size, or is gone.
    pub(crate) fn wait_for_room(&self, session: SessionId, bytes: usize) {
        let mut state = self.state();
        while !state.has_room(session, bytes) && !state.ends_waiting() {
            state = self.wait(state);
        }
    }

    /// Sends a message to a session's client. One that there is no room for is lost: the turn that it
    /// comes from is being stopped.
    pub(crate) fn emit(&self, session: SessionId, message: String) {
        let frontend = {
            let mut state = self.state();
            if !state.has_room(session, message.len()) {
                return;
            }
            let Some(outlet) = state.outlets.get_mut(&session) else { return };
            outlet.unread.push_back(message.len());
            outlet.unread_bytes += message.len();
            Arc::clone(&outlet.frontend)
        };
        frontend(Some(message));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn listening() -> (Frontend, mpsc::Receiver<Option<String>>) {
        let (sender, received) = mpsc::channel();
        (Arc::new(move |message| sender.send(message).expect("the test listens")), received)
    }

    #[test]
    fn only_the_first_request_asks_the_thread_to_look() {
        let port = Port::default();
        let (frontend, _received) = listening();
        assert_eq!(port.connect(1, frontend), Some(true));
        assert!(!port.send(1, "a".to_owned()));
        while port.next().is_some() {}
        assert!(port.send(1, "b".to_owned()));
        assert!(!port.send(2, "to nobody".to_owned()));
        assert!(!port.disconnect(1));
        assert!(!port.disconnect(1));
    }

    #[test]
    fn a_full_session_waits_until_its_client_reads_or_goes() {
        for go in [false, true] {
            let port = Arc::new(Port::default());
            let (frontend, received) = listening();
            port.connect(1, frontend);
            port.emit(1, "x".repeat(MOST_UNREAD_BYTES + 1));
            assert!(!port.has_room(1, 1));
            let waiting = Arc::clone(&port);
            let thread = thread::spawn(move || waiting.wait_for_room(1, 1));
            assert!(received.recv().expect("a message").is_some());
            if go {
                let _ = port.disconnect(1);
            } else {
                port.read(1);
            }
            thread.join().expect("it comes back");
        }
    }

    #[test]
    fn whoever_waits_goes_on_when_the_turn_stops_or_the_isolate_is_finished() {
        for finish in [false, true] {
            let port = Arc::new(Port::default());
            let (frontend, received) = listening();
            port.connect(1, frontend);
            assert!(matches!(port.wait_paused(), Next::Request(1, Request::Connect)));
            let waiting = Arc::clone(&port);
            let thread = thread::spawn(move || matches!(waiting.wait_paused(), Next::GoOn));
            if finish {
                port.close();
            } else {
                port.turn_stops();
            }
            assert!(thread.join().expect("it comes back"));
            if finish {
                assert_eq!(received.recv().expect("the end"), None);
                assert_eq!(port.connect(2, listening().0), None);
            }
        }
    }
}
