//! How long V8 may take to stop after it was told to.
//!
//! V8 looks at terminations where a loop has run for a while. How long that is it raises a thousandfold
//! in functions that it is about to optimize, or that are too large for that: an ordinary endless loop
//! may go on for a second of CPU time. So a guest is given CPU time, however long a loaded machine takes
//! to give it. What has not stopped then is a builtin that looks at no termination. Whoever asked for
//! what runs is not kept waiting for that: its time is over, and it is told so after a second.

use std::time::Duration;

/// V8 is told again this often: a termination ends where V8 returns to us, and what we do then (read a
/// thrown error, encode a result) may run guest code once more.
pub(crate) const TELLING: Duration = Duration::from_millis(100);

/// What V8 may use of the processor before it is given up.
const CPU_TIME: Duration = Duration::from_secs(2);

/// For so long it may use none at all: then its thread is blocked. Counted in tellings, so that the time
/// in which the whole process stood still does not count.
const BLOCKED_TIME: Duration = Duration::from_secs(3);

/// Whoever waits for what runs is answered after so long, on the wall; and if the isolate is finished
/// anyway, V8 is given up then, whatever it uses: who disposes of it waits.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Less than this is no use of the processor: a thread that waits may be woken for nothing.
const LEAST_USE: Duration = Duration::from_millis(1);

/// The grace of one turn that was told to stop.
#[derive(Debug)]
pub(crate) struct Grace {
    /// What the thread had used when the turn was told; none where the system does not tell.
    begun: Option<Duration>,
    /// The last figure that showed some use.
    seen: Duration,
    tellings: u32,
    /// How many there were without any use.
    unused: u32,
}

/// What is to be done about a turn that has not stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    TellAgain,
    /// And tell those who wait for it; once.
    Answer,
    GiveUp(Over),
}

/// Why V8 is not waited for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Used,
    Blocked,
    /// The isolate is finished anyway.
    Finished,
}

impl Over {
    /// What the host is told of a lost isolate.
    pub(crate) fn words(self) -> String {
        let when = match self {
            Self::Used => format!("within {} ms of CPU time", CPU_TIME.as_millis()),
            Self::Blocked => format!("within {} ms without using the CPU", BLOCKED_TIME.as_millis()),
            Self::Finished => format!("within {} ms", ANSWER_TIME.as_millis()),
        };
        format!("it did not stop {when} when told to")
    }
}

impl Grace {
    /// The turn is told to stop. `cpu` is what its thread has used in its life.
    pub(crate) fn begin(cpu: Option<Duration>) -> Self {
        Self { begun: cpu, seen: cpu.unwrap_or_default(), tellings: 0, unused: 0 }
    }

    /// The turn is still there, the time of another telling later. `cpu` is what its thread has used now.
    pub(crate) fn next(&mut self, cpu: Option<Duration>, is_finished: bool) -> Next {
        self.tellings += 1;
        let passed = TELLING * self.tellings;
        if is_finished && passed >= ANSWER_TIME {
            return Next::GiveUp(Over::Finished);
        }
        if let Some(over) = self.is_over(cpu, passed) {
            return Next::GiveUp(over);
        }
        if passed == ANSWER_TIME { Next::Answer } else { Next::TellAgain }
    }

    fn is_over(&mut self, cpu: Option<Duration>, passed: Duration) -> Option<Over> {
        let (Some(begun), Some(cpu)) = (self.begun, cpu) else {
            return (passed >= CPU_TIME).then_some(Over::Used);
        };
        if cpu.saturating_sub(self.seen) >= LEAST_USE {
            self.seen = cpu;
            self.unused = 0;
        } else {
            self.unused += 1;
        }
        if cpu.saturating_sub(begun) >= CPU_TIME {
            return Some(Over::Used);
        }
        (TELLING * self.unused >= BLOCKED_TIME).then_some(Over::Blocked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done about a thread that uses so much between two tellings, other than to tell it again.
    fn steps(used: Option<Duration>, is_finished: bool) -> Vec<(u32, Next)> {
        let clock = |count: u32| used.map(|used| Duration::from_secs(5) + used * count);
        let mut grace = Grace::begin(clock(0));
        let mut steps = Vec::new();
        for count in 1..100_000 {
            let next = grace.next(clock(count), is_finished);
            if next != Next::TellAgain {
                steps.push((count, next));
            }
            if matches!(next, Next::GiveUp(_)) {
                return steps;
            }
        }
        panic!("V8 is never given up: {steps:?}");
    }

    fn answered_and_given_up(count: u32, over: Over) -> Vec<(u32, Next)> {
        vec![(10, Next::Answer), (count, Next::GiveUp(over))]
    }

    #[test]
    fn what_counts_is_the_time_on_the_processor() {
        assert_eq!(steps(Some(TELLING), false), answered_and_given_up(20, Over::Used));
        // One of ten that share a core.
        assert_eq!(steps(Some(TELLING / 10), false), answered_and_given_up(200, Over::Used));
        // One of eight hundred: most tellings see nothing of it.
        assert_eq!(steps(Some(TELLING / 800), false), answered_and_given_up(16_000, Over::Used));
    }

    #[test]
    fn a_thread_that_is_blocked_is_not_waited_for_for_ever() {
        assert_eq!(steps(Some(Duration::ZERO), false), answered_and_given_up(30, Over::Blocked));
        assert_eq!(steps(Some(LEAST_USE / 100), false), answered_and_given_up(30, Over::Blocked));
    }

    #[test]
    fn a_finished_isolate_is_not_waited_for_on_a_loaded_machine() {
        for used in [Some(TELLING), Some(TELLING / 100), Some(Duration::ZERO), None] {
            assert_eq!(steps(used, true), [(10, Next::GiveUp(Over::Finished))]);
        }
    }

    #[test]
    fn where_no_clock_tells_time_passes_on_the_wall() {
        assert_eq!(steps(None, false), answered_and_given_up(20, Over::Used));
    }
}
