//! Deadlines: one ordered table and one tokio task that sleeps until the earliest of them.
//!
//! Arming costs a map insertion; the task is only woken when the new deadline is the earliest, so a
//! stream of calls with the same time limit does not wake it at all. Alarms ring on the runtime's
//! thread and must only do short things. Lock order: a caller may hold its own lock while arming or
//! dropping an alarm; no lock of this module is held while one rings.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::engine::runtime::runtime;

type Ring = Box<dyn FnOnce() + Send>;
type Key = (Instant, u64);

#[derive(Default)]
struct Table {
    alarms: BTreeMap<Key, Ring>,
    next: u64,
    /// What the task sleeps until; `None` while it waits for a first alarm.
    sleeping_until: Option<Instant>,
}

struct Clock {
    table: Mutex<Table>,
    earlier: Notify,
}

impl Clock {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self) {
        loop {
            let next = {
                let mut table = self.table();
                table.sleeping_until = table.alarms.first_key_value().map(|((at, _), _)| *at);
                table.sleeping_until
            };
            match next {
                None => self.earlier.notified().await,
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => {}
                    () = self.earlier.notified() => {}
                },
            }
            while let Some(ring) = self.take_due() {
                ring();
            }
        }
    }

    fn take_due(&self) -> Option<Ring> {
        let mut table = self.table();
        let entry = table.alarms.first_entry()?;
        (entry.key().0 <= Instant::now()).then(|| entry.remove())
    }
}

fn clock() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    static TASK: OnceLock<()> = OnceLock::new();
    let clock = CLOCK.get_or_init(|| Clock { table: Mutex::default(), earlier: Notify::new() });
    TASK.get_or_init(|| {
        runtime().spawn(clock.run());
    });
    clock
}

/// An armed deadline. Dropping it disarms it.
pub(crate) struct Alarm(Key);

impl Drop for Alarm {
    fn drop(&mut self) {
        // Taken out under the lock, dropped outside it: what the closure owns may drop alarms itself.
        let ring = clock().table().alarms.remove(&self.0);
        drop(ring);
    }
}

/// Runs `ring` at `at` unless the returned alarm was dropped before.
pub(crate) fn arm(at: Instant, ring: impl FnOnce() + Send + 'static) -> Alarm {
    let clock = clock();
    let mut table = clock.table();
    let key = (at, table.next);
    table.next += 1;
    table.alarms.insert(key, Box::new(ring));
    let is_earliest = table.sleeping_until.is_none_or(|until| at < until);
    drop(table);
    if is_earliest {
        clock.earlier.notify_one();
    }
    Alarm(key)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn alarms_ring_in_the_order_of_their_deadlines_however_they_were_armed() {
        let (sender, rung) = mpsc::channel();
        let now = Instant::now();
        let alarms: Vec<Alarm> = [30, 10, 20]
            .into_iter()
            .map(|ms| {
                let sender = sender.clone();
                arm(now + Duration::from_millis(ms), move || sender.send(ms).expect("the test listens"))
            })
            .collect();
        let order: Vec<u64> = rung.iter().take(3).collect();
        assert_eq!(order, [10, 20, 30]);
        drop(alarms);
    }

    #[test]
    fn a_dropped_alarm_never_rings() {
        let (sender, rung) = mpsc::channel();
        let silent = sender.clone();
        let now = Instant::now();
        drop(arm(now + Duration::from_millis(5), move || silent.send("dropped").expect("the test listens")));
        let _kept =
            arm(now + Duration::from_millis(20), move || sender.send("kept").expect("the test listens"));
        assert_eq!(rung.iter().collect::<Vec<_>>(), ["kept"]);
    }
}
