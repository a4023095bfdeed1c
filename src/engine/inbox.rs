//! The queue of an isolate's thread: what it is told, in the order it was told.
//!
//! While the thread waits inside of a guest's call for the host's answer (`engine::sync_call`), it
//! takes only what that wait is for: the answer, the requests that the host makes in order to give it,
//! and, where such a request waits itself, the answers to other host calls. Everything else stays
//! where it is. Waits nest, and the innermost one is served.
//!
//! Unbounded: who writes is the host, whose own memory it is, and V8's few foreground tasks. The
//! queue's lock is held for moving a command only; it may be taken under the lock of `Lifecycle`, never
//! the other way round.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::engine::worker::Command;

/// What the host made of a host call: an encoded value, or an encoded error.
pub(crate) type Outcome = Result<Vec<u8>, Vec<u8>>;

/// A command with its place in the order of all.
type Numbered = (u64, Command);

/// A guest's call that blocks the thread until the host answers it.
struct Wait {
    host_call: u64,
    answer: Option<Outcome>,
    /// Requests that the host made in order to answer.
    nested: VecDeque<Numbered>,
}

#[derive(Default)]
struct Lanes {
    next: u64,
    requests: VecDeque<Numbered>,
    /// Answers to host calls that block nothing.
    answers: VecDeque<Numbered>,
    /// The innermost last.
    waits: Vec<Wait>,
    rung: bool,
    is_closed: bool,
    /// The thread sleeps and is to be woken. To wake costs a system call, so nobody does it twice, nor for
    /// a thread that is awake.
    sleeps: bool,
}

#[derive(Default)]
struct Inbox {
    lanes: Mutex<Lanes>,
    changed: Condvar,
}

impl Inbox {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change; `None` when `until` has come.
    fn wait<'a>(
        &self,
        mut lanes: MutexGuard<'a, Lanes>,
        until: Option<Instant>,
    ) -> Option<MutexGuard<'a, Lanes>> {
        let left = match until {
            Some(until) => Some(until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?),
            None => None,
        };
        lanes.sleeps = true;
        let mut woken = match left {
            None => self.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner),
            Some(left) => self.changed.wait_timeout(lanes, left).unwrap_or_else(PoisonError::into_inner).0,
        };
        woken.sleeps = false;
        Some(woken)
    }

    /// Tells the thread of a change that was made under the lock.
    fn announce(&self, mut lanes: MutexGuard<Lanes>) {
        let sleeps = std::mem::take(&mut lanes.sleeps);
        drop(lanes);
        if sleeps {
            self.changed.notify_one();
        }
    }
}

/// Makes a queue.
pub(crate) fn inbox() -> (Sender, Receiver) {
    let inbox = Arc::new(Inbox::default());
    (Sender(Arc::clone(&inbox)), Receiver(inbox))
}

/// Tells the isolate's thread something, from any thread.
#[derive(Clone)]
pub(crate) struct Sender(Arc<Inbox>);

impl Sender {
    /// After the end of the thread it does nothing.
    pub(crate) fn send(&self, command: Command) {
        self.send_within(&[], command);
    }

    /// Sends a request that the host makes in order to answer one of these host calls, the innermost
    /// first: for the first of them that is still waited for, or else in order.
    pub(crate) fn send_within(&self, host_calls: &[u64], command: Command) {
        let mut lanes = self.0.lanes();
        if lanes.is_closed {
            // What the command holds is dropped outside the lock.
            drop(lanes);
            return;
        }
        lanes.push(host_calls, command);
        self.0.announce(lanes);
    }

    /// Has a thread that waits for the host look at whether it was told to stop.
    pub(crate) fn ring(&self) {
        let mut lanes = self.0.lanes();
        lanes.rung = true;
        self.0.announce(lanes);
    }
}

impl Lanes {
    fn push(&mut self, host_calls: &[u64], command: Command) {
        let number = self.next;
        self.next += 1;
        let command = match command {
            Command::Answer { host_call, outcome } => {
                match self.waits.iter_mut().find(|wait| wait.host_call == host_call) {
                    Some(wait) => wait.answer = wait.answer.take().or(Some(outcome)),
                    None => self.answers.push_back((number, Command::Answer { host_call, outcome })),
                }
                return;
            }
            command => command,
        };
        let waited_for = |wait: &&mut Wait| wait.answer.is_none() && host_calls.contains(&wait.host_call);
        match self.waits.iter_mut().rev().find(waited_for) {
            Some(wait) => wait.nested.push_back((number, command)),
            None => self.requests.push_back((number, command)),
        }
    }

    /// The command that was sent first.
    fn pop(&mut self) -> Option<Command> {
        let number = |lane: &VecDeque<Numbered>| lane.front().map_or(u64::MAX, |(number, _)| *number);
        let answer_is_first = number(&self.answers) < number(&self.requests);
        let lane = if answer_is_first { &mut self.answers } else { &mut self.requests };
        lane.pop_front().map(|(_, command)| command)
    }
}

/// What a thread hears that waits for the host.
pub(crate) enum Heard {
    /// The answer.
    Answer(Outcome),
    /// What it is to do meanwhile.
    Command(Command),
    /// It may have been told to stop.
    Bell,
    /// The time has come that it waited for, too.
    Due,
}

/// The end of the isolate's own thread. When it is dropped, so is all that was not taken.
pub(crate) struct Receiver(Arc<Inbox>);

impl Receiver {
    /// The next command, waited for; none when `until` comes first.
    pub(crate) fn receive(&self, until: Option<Instant>) -> Option<Command> {
        let mut lanes = self.0.lanes();
        loop {
            if let Some(command) = lanes.pop() {
                return Some(command);
            }
            lanes = self.0.wait(lanes, until)?;
        }
    }

    /// How many waits for the host are within one another.
    pub(crate) fn depth(&self) -> usize {
        self.0.lanes().waits.len()
    }

    /// From now on the answer to this host call is kept for who waits for it.
    pub(crate) fn enter_wait(&self, host_call: u64) {
        self.0.lanes().waits.push(Wait { host_call, answer: None, nested: VecDeque::new() });
    }

    /// What comes next for the innermost wait, waited for. `takes_answers`: also an answer to another
    /// host call. `until`: a time to wait for, too.
    pub(crate) fn hear(&self, takes_answers: bool, until: Option<Instant>) -> Heard {
        let mut lanes = self.0.lanes();
        loop {
            if std::mem::take(&mut lanes.rung) {
                return Heard::Bell;
            }
            if let Some(wait) = lanes.waits.last_mut() {
                // They were made before the answer was.
                if let Some((_, command)) = wait.nested.pop_front() {
                    return Heard::Command(command);
                }
                if let Some(answer) = wait.answer.take() {
                    return Heard::Answer(answer);
                }
            }
            if takes_answers && let Some((_, command)) = lanes.answers.pop_front() {
                return Heard::Command(command);
            }
            match self.0.wait(lanes, until) {
                Some(woken) => lanes = woken,
                None => return Heard::Due,
            }
        }
    }

    /// Ends the innermost wait. Requests that were made within it and not begun are next in the wait
    /// around it, or where they would be without any. Returns the answer if it came too late to be heard.
    pub(crate) fn leave_wait(&self) -> Option<Outcome> {
        let mut lanes = self.0.lanes();
        let ended = lanes.waits.pop()?;
        for request in ended.nested {
            if let Some(wait) = lanes.waits.last_mut() {
                wait.nested.push_back(request);
            } else {
                let at = lanes.requests.partition_point(|(number, _)| *number < request.0);
                lanes.requests.insert(at, request);
            }
        }
        ended.answer
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let closed = Lanes { is_closed: true, ..Lanes::default() };
        let left = std::mem::replace(&mut *self.0.lanes(), closed);
        // V8's tasks may send more, so not under the lock.
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(call: u64) -> Command {
        Command::Stats { call }
    }

    fn answer(host_call: u64) -> Command {
        Command::Answer { host_call, outcome: Ok(Vec::new()) }
    }

    /// The number in a command that these tests send.
    fn number(command: &Command) -> u64 {
        match command {
            Command::Stats { call } => *call,
            Command::Answer { host_call, .. } => *host_call,
            _ => panic!("no test sends another"),
        }
    }

    fn heard(receiver: &Receiver, takes_answers: bool) -> u64 {
        match receiver.hear(takes_answers, None) {
            Heard::Command(command) => number(&command),
            Heard::Answer(_) => panic!("nobody answered"),
            Heard::Bell => panic!("nobody rang"),
            Heard::Due => panic!("it waits for no time"),
        }
    }

    #[test]
    fn requests_and_answers_come_in_the_order_in_which_they_were_sent() {
        let (sender, receiver) = inbox();
        for command in [stats(1), answer(2), answer(3), stats(4), answer(5)] {
            sender.send(command);
        }
        let order: Vec<u64> = (0..5).map(|_| number(&receiver.receive(None).expect("sent"))).collect();
        assert_eq!(order, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_wait_takes_its_own_requests_and_its_answer_and_leaves_the_rest() {
        let (sender, receiver) = inbox();
        sender.send(stats(1));
        sender.send(answer(2));
        receiver.enter_wait(7);
        sender.send_within(&[7], stats(3));
        sender.send(stats(4));
        assert_eq!(heard(&receiver, false), 3);
        assert_eq!(heard(&receiver, true), 2);
        sender.send_within(&[7], stats(5));
        sender.send(answer(7));
        sender.send_within(&[7], stats(6));
        assert_eq!(heard(&receiver, true), 5);
        assert!(matches!(receiver.hear(true, None), Heard::Answer(Ok(_))));
        receiver.leave_wait();
        let order: Vec<u64> = (0..3).map(|_| number(&receiver.receive(None).expect("sent"))).collect();
        assert_eq!(order, [1, 4, 6]);
    }

    #[test]
    fn what_an_ended_wait_did_not_begin_is_done_where_it_was_asked_for() {
        let (sender, receiver) = inbox();
        receiver.enter_wait(7);
        receiver.enter_wait(8);
        sender.send(stats(1));
        sender.send_within(&[8, 7], stats(2));
        sender.send(stats(3));
        receiver.leave_wait();
        sender.send_within(&[8, 7], stats(4));
        assert_eq!(heard(&receiver, false), 2);
        receiver.leave_wait();
        sender.send_within(&[8, 7], stats(5));
        let order: Vec<u64> = (0..4).map(|_| number(&receiver.receive(None).expect("sent"))).collect();
        assert_eq!(order, [1, 3, 4, 5]);
    }

    #[test]
    fn a_bell_is_heard_before_anything_else_and_once() {
        let (sender, receiver) = inbox();
        receiver.enter_wait(7);
        sender.send_within(&[7], stats(1));
        sender.ring();
        assert!(matches!(receiver.hear(false, None), Heard::Bell));
        assert_eq!(heard(&receiver, false), 1);
    }

    #[test]
    fn a_time_ends_the_waiting_and_keeps_nothing_that_is_there() {
        let (sender, receiver) = inbox();
        let now = Some(Instant::now());
        assert!(receiver.receive(now).is_none());
        sender.send(stats(1));
        assert_eq!(receiver.receive(now).as_ref().map(number), Some(1));
        receiver.enter_wait(7);
        assert!(matches!(receiver.hear(false, now), Heard::Due));
    }

    #[test]
    fn nothing_is_kept_for_a_thread_that_has_ended() {
        let (sender, receiver) = inbox();
        sender.send(stats(1));
        drop(receiver);
        sender.send(stats(2));
        assert!(sender.0.lanes().requests.is_empty());
    }
}
