//! Builds that failed a moment ago, and would fail again.
//!
//! Only what the sources themselves bring about counts: not a time or memory limit, not the death of
//! the helper process, which the next attempt may be spared.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::engine::error::{EngineError, GuestException};
use crate::engine::snapshot::helper::BuildLimits;

/// Long enough for what asks again in a loop, short enough for who mends something around the sources.
const REMEMBERED: Duration = Duration::from_secs(2);
const MOST_FAILURES: usize = 100;
const MOST_BYTES: usize = 1024 * 1024;
/// What the engine itself concludes from a helper that hangs or dies. Another attempt may fare better.
const UNCERTAIN_RULES: [&str; 4] = ["endless-microtasks", "not-serializable", "not-restorable", "v8-trap"];

struct Failure {
    key: String,
    limits: BuildLimits,
    at: Instant,
    bytes: usize,
    error: EngineError,
}

/// The failures, the latest last.
#[derive(Default)]
pub(super) struct Failures(VecDeque<Failure>);

impl Failures {
    /// The failure of the same build within the same limits: with more memory it might succeed.
    pub(super) fn get(&mut self, key: &str, limits: BuildLimits, now: Instant) -> Option<EngineError> {
        self.forget_old(now);
        let same = |failure: &&Failure| {
            failure.key == key
                && failure.limits.timeout == limits.timeout
                && failure.limits.memory_limit_mb == limits.memory_limit_mb
        };
        self.0.iter().rev().find(same).map(|failure| failure.error.clone())
    }

    /// Remembers a failure if it would happen again.
    pub(super) fn remember(&mut self, key: &str, limits: BuildLimits, error: &EngineError, now: Instant) {
        let bytes = size(error);
        if !happens_again(error) || bytes > MOST_BYTES {
            return;
        }
        self.forget_old(now);
        self.0.push_back(Failure { key: key.to_owned(), limits, at: now, bytes, error: error.clone() });
        let mut total: usize = self.0.iter().map(|failure| failure.bytes).sum();
        while (self.0.len() > MOST_FAILURES || total > MOST_BYTES)
            && let Some(oldest) = self.0.pop_front()
        {
            total -= oldest.bytes;
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn forget_old(&mut self, now: Instant) {
        self.0.retain(|failure| now.saturating_duration_since(failure.at) < REMEMBERED);
    }
}

fn happens_again(error: &EngineError) -> bool {
    match error {
        EngineError::SnapshotUnsafe { findings } => {
            findings.iter().all(|finding| !UNCERTAIN_RULES.contains(&finding.rule.as_str()))
        }
        EngineError::SnapshotBuild { cause: Some(cause), .. } => matches!(**cause, EngineError::Guest(_)),
        _ => false,
    }
}

/// About what an error takes in memory.
fn size(error: &EngineError) -> usize {
    match error {
        EngineError::SnapshotUnsafe { findings } => findings
            .iter()
            .map(|finding| {
                let source = finding.source.as_ref().map_or(0, String::len);
                finding.rule.len()
                    + finding.path.len()
                    + source
                    + finding.message.len()
                    + finding.hint.len()
                    + 128
            })
            .sum(),
        EngineError::SnapshotBuild { message, cause } => {
            message.len() + cause.as_ref().map_or(0, |cause| size(cause))
        }
        EngineError::Guest(thrown) => {
            let GuestException { name, message, stack, encoded } = &**thrown;
            name.len() + message.len() + stack.len() + encoded.len()
        }
        other => other.to_string().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::Finding;

    const LIMITS: BuildLimits = BuildLimits { timeout: Duration::from_secs(60), memory_limit_mb: 512 };

    fn thrown(message: &str) -> EngineError {
        let exception = GuestException {
            name: "Error".into(),
            message: message.into(),
            stack: String::new(),
            encoded: Vec::new(),
        };
        let cause = Some(Box::new(EngineError::Guest(Box::new(exception))));
        EngineError::SnapshotBuild { message: "a source threw".into(), cause }
    }

    fn found(rule: &str) -> EngineError {
        let finding = Finding {
            rule: rule.into(),
            path: "globalThis".into(),
            source: None,
            message: "m".into(),
            hint: "h".into(),
        };
        EngineError::SnapshotUnsafe { findings: vec![finding] }
    }

    #[test]
    fn a_failure_is_remembered_for_two_seconds() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        failures.remember("a", LIMITS, &thrown("x"), now);
        let early = failures.get("a", LIMITS, now + Duration::from_millis(1999));
        assert_eq!(early.map(|error| error.code()), Some("ERR_SNAPSHOT_BUILD"));
        assert!(failures.get("b", LIMITS, now).is_none());
        assert!(failures.get("a", LIMITS, now + REMEMBERED).is_none());
        assert!(failures.0.is_empty());
    }

    #[test]
    fn other_limits_are_another_build() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        failures.remember("a", LIMITS, &thrown("x"), now);
        assert!(failures.get("a", BuildLimits { memory_limit_mb: 513, ..LIMITS }, now).is_none());
        assert!(failures.get("a", BuildLimits { timeout: REMEMBERED, ..LIMITS }, now).is_none());
        failures.clear();
        assert!(failures.get("a", LIMITS, now).is_none());
    }

    #[test]
    fn only_what_happens_again_is_remembered() {
        assert!(happens_again(&thrown("x")));
        assert!(happens_again(&found("pending-host-call")));
        assert!(UNCERTAIN_RULES.iter().all(|rule| !happens_again(&found(rule))));
        let memory = Some(Box::new(EngineError::MemoryLimit { limit_mb: 8 }));
        assert!(!happens_again(&EngineError::SnapshotBuild { message: String::new(), cause: memory }));
        assert!(!happens_again(&EngineError::build("the build passed its timeoutMs of 5")));
    }

    #[test]
    fn they_are_bounded_in_number_and_bytes() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        for index in 0..150 {
            failures.remember(&index.to_string(), LIMITS, &thrown("x"), now);
        }
        assert_eq!(failures.0.len(), MOST_FAILURES);
        assert!(failures.get("49", LIMITS, now).is_none() && failures.get("50", LIMITS, now).is_some());
        failures.remember("big", LIMITS, &thrown(&"x".repeat(MOST_BYTES / 2)), now);
        failures.remember("bigger", LIMITS, &thrown(&"x".repeat(MOST_BYTES / 3 * 2)), now);
        assert_eq!(failures.0.len(), 1);
        failures.remember("too big", LIMITS, &thrown(&"x".repeat(MOST_BYTES)), now);
        assert!(
            failures.get("too big", LIMITS, now).is_none() && failures.get("bigger", LIMITS, now).is_some()
        );
    }
}
