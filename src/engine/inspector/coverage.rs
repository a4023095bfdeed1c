//! Who collects precise coverage. V8 has one mode for the whole isolate, and puts it back when the
//! profiler of any session is switched off, so with the end of a session that only took a CPU profile,
//! what others have collected would be lost.

use std::collections::HashSet;

use crate::engine::inspector::SessionId;

/// As V8 has it, followed by what clients ask for.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// Whose profiler is switched on.
    profilers: HashSet<SessionId>,
    collectors: HashSet<SessionId>,
}

impl Coverage {
    /// A session's client asks V8 for this.
    pub(super) fn asked(&mut self, session: SessionId, method: &str) {
        match method {
            "Profiler.enable" => {
                self.profilers.insert(session);
            }
            // Refused where the profiler is off.
            "Profiler.startPreciseCoverage" if self.profilers.contains(&session) => {
                self.collectors.insert(session);
            }
            "Profiler.stopPreciseCoverage" => self.ended_by(session),
            "Profiler.disable" => {
                self.ended_by(session);
                self.profilers.remove(&session);
            }
            _ => {}
        }
    }

    /// Whether the end of a session would end what other clients collect.
    pub(super) fn needs(&self, session: SessionId) -> bool {
        self.profilers.contains(&session) && self.collectors.iter().any(|collector| *collector != session)
    }

    /// A session's client is gone; if V8's session is, too, it has ended the coverage of all.
    pub(super) fn disconnected(&mut self, session: SessionId, is_kept: bool) {
        if is_kept {
            self.collectors.remove(&session);
        } else {
            self.ended_by(session);
        }
        self.profilers.remove(&session);
    }

    pub(super) fn is_collected(&self) -> bool {
        !self.collectors.is_empty()
    }

    fn ended_by(&mut self, session: SessionId) {
        if self.profilers.contains(&session) {
            self.collectors.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(asked: &[(SessionId, &str)]) -> Coverage {
        let mut coverage = Coverage::default();
        for (session, method) in asked {
            coverage.asked(*session, &format!("Profiler.{method}"));
        }
        coverage
    }

    #[test]
    fn a_session_is_needed_while_another_one_collects() {
        let collected = [(1, "enable"), (1, "startPreciseCoverage")];
        let mut coverage = after(&collected);
        assert!(!coverage.needs(1) && !coverage.needs(2));
        coverage.asked(2, "Profiler.enable");
        assert!(coverage.needs(2) && !coverage.needs(1));
        coverage.disconnected(2, true);
        assert!(coverage.is_collected());
        coverage.disconnected(1, false);
        assert!(!coverage.is_collected());
    }

    #[test]
    fn nothing_is_collected_once_v8_has_put_its_mode_back() {
        let collected = [(1, "enable"), (1, "startPreciseCoverage"), (2, "enable")];
        assert!(after(&collected).is_collected());
        for last in [(1, "stopPreciseCoverage"), (2, "stopPreciseCoverage"), (2, "disable")] {
            assert!(!after(&[&collected[..], &[last]].concat()).is_collected(), "{last:?}");
        }
        // Refused by V8, or for nobody.
        for last in [(3, "stopPreciseCoverage"), (3, "disable"), (1, "enable")] {
            assert!(after(&[&collected[..], &[last]].concat()).is_collected(), "{last:?}");
        }
        assert!(!after(&[(1, "startPreciseCoverage")]).is_collected());
    }
}
