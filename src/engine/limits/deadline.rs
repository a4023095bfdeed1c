//! A time limit that can stand still: while a debugger has stopped the guest, its time does not run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::limits::alarm::{Alarm, arm};

type Ring = Arc<dyn Fn() + Send + Sync>;

/// Rings once when its time has run for so long. Dropping it disarms it.
pub(crate) struct Deadline {
    /// What was left when it last began to run.
    left: Duration,
    ring: Ring,
    running: Option<Running>,
}

struct Running {
    since: Instant,
    /// None for a time that the clock does not reach.
    _alarm: Option<Alarm>,
}

impl Deadline {
    /// Its time does not run yet.
    pub(crate) fn new(timeout: Duration, ring: impl Fn() + Send + Sync + 'static) -> Self {
        Self { left: timeout, ring: Arc::new(ring), running: None }
    }

    /// Lets its time run.
    pub(crate) fn start(&mut self) {
        if self.running.is_some() {
            return;
        }
        let since = Instant::now();
        let alarm = since.checked_add(self.left).map(|at| {
            let ring = Arc::clone(&self.ring);
            arm(at, move || ring())
        });
        self.running = Some(Running { since, _alarm: alarm });
    }

    /// Lets its time stand still.
    pub(crate) fn stop(&mut self) {
        if let Some(Running { since, .. }) = self.running.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn time_that_stands_still_does_not_count() {
        let (sender, rung) = mpsc::channel();
        let mut deadline = Deadline::new(Duration::from_millis(20), move || {
            sender.send(()).expect("the test listens");
        });
        deadline.stop();
        assert!(rung.recv_timeout(Duration::from_millis(60)).is_err());
        deadline.start();
        deadline.stop();
        assert!(rung.recv_timeout(Duration::from_millis(60)).is_err());
        let started = Instant::now();
        deadline.start();
        rung.recv().expect("it rings");
        assert!(started.elapsed() <= Duration::from_secs(5));
        deadline.stop();
        assert_eq!(deadline.left, Duration::ZERO);
    }
}
