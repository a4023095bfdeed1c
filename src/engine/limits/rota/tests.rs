use std::thread;

use super::*;

fn places<const N: usize>() -> [Arc<Place>; N] {
    std::array::from_fn(|_| Arc::default())
}

fn running(places: &[Arc<Place>]) -> Vec<usize> {
    (0..places.len()).filter(|at| !places[*at].waits.load(Ordering::Relaxed)).collect()
}

fn until(what: impl Fn() -> bool) {
    while !what() {
        thread::yield_now();
    }
}

#[test]
fn nobody_waits_while_there_are_places() {
    let rota = Rota::new(3);
    let all = places::<3>();
    for _ in 0..3 {
        rota.take_turns(&all);
        assert_eq!(running(&all), [0, 1, 2]);
    }
}

#[test]
fn all_take_turns_and_each_gets_as_many() {
    let rota = Rota::new(2);
    let all = places::<5>();
    let mut turns = [0; 5];
    for _ in 0..50 {
        rota.take_turns(&all);
        let now = running(&all);
        assert_eq!(now.len(), 2);
        for at in now {
            turns[at] += 1;
        }
    }
    assert_eq!(turns, [20; 5]);
}

#[test]
fn who_ends_or_waits_for_the_host_makes_room_at_once() {
    let rota = Rota::new(1);
    let all = places::<3>();
    rota.take_turns(&all);
    assert_eq!(running(&all), [0]);
    rota.leave(&all[0]);
    assert_eq!(running(&all), [0, 1]);
    rota.leave(&all[2]);
    rota.leave(&all[1]);
    assert_eq!(running(&all), [0, 1, 2]);
    assert!(rota.queues().running.is_empty());
}

#[test]
fn who_was_told_to_stop_runs_until_its_next_turn() {
    let rota = Rota::new(1);
    let all = places::<2>();
    rota.take_turns(&all);
    rota.excuse(&all[1]);
    rota.take_turns(&all);
    assert_eq!(running(&all), [0, 1]);
    rota.begin(&all[1]);
    rota.take_turns(&all);
    assert_eq!(running(&all).len(), 1);
}

#[test]
fn who_is_no_longer_busy_is_forgotten_at_the_next_tick() {
    let rota = Rota::new(1);
    let all = places::<3>();
    rota.take_turns(&all);
    rota.take_turns(&all[1..]);
    let queues = rota.queues();
    assert_eq!(queues.running.len() + queues.waiting.len(), 2);
    assert!(!all[0].waits.load(Ordering::Relaxed));
}

#[test]
fn a_thread_waits_until_it_is_called() {
    let rota = Rota::new(1);
    let all = places::<2>();
    rota.take_turns(&all);
    thread::scope(|threads| {
        let waiting = threads.spawn(|| rota.wait(&all[1]));
        until(|| all[1].is_parked());
        assert!(!waiting.is_finished());
        rota.leave(&all[0]);
    });
    assert!(!all[1].is_parked());
}

/// As many have begun as may, and one wants to.
fn with_one_that_begins(then: impl FnOnce(&Rota, &[Arc<Place>], &Arc<Place>)) {
    let rota = Rota::new(1);
    let begun = places::<BEGUN_PER_PROCESSOR>();
    let next = Arc::<Place>::default();
    for place in &begun {
        rota.begin(place);
    }
    thread::scope(|threads| {
        threads.spawn(|| rota.begin(&next));
        until(|| next.stands(BEGINS));
        then(&rota, &begun, &next);
    });
    assert!(!next.waits.load(Ordering::Relaxed));
    for place in begun.iter().chain([&next]) {
        rota.leave(place);
    }
    assert_eq!((rota.begun.into_inner(), rota.beginning.into_inner()), (0, 0));
}

#[test]
fn who_begins_waits_behind_many_until_one_ends() {
    with_one_that_begins(|rota, begun, next| {
        rota.leave(&begun[3]);
        until(|| next.stands(BEGUN));
    });
}

#[test]
fn who_begins_waits_behind_many_until_one_goes_on_for_long() {
    with_one_that_begins(|rota, begun, next| {
        rota.take_turns(&begun[3..4]);
        until(|| next.stands(BEGUN));
    });
}

#[test]
fn who_begins_waits_behind_many_until_one_is_stopped() {
    with_one_that_begins(|rota, begun, next| {
        rota.excuse(&begun[3]);
        until(|| next.stands(BEGUN));
    });
}

#[test]
fn who_is_stopped_before_it_began_waits_no_more() {
    with_one_that_begins(|rota, _, next| {
        rota.excuse(next);
        until(|| next.stands(IDLE));
    });
}

#[test]
fn threads_that_begin_and_end_at_random_leave_nothing_behind() {
    let rota = Rota::new(1);
    let all = places::<16>();
    let ended = AtomicUsize::new(0);
    thread::scope(|threads| {
        for place in &all {
            threads.spawn(|| {
                for round in 0..500 {
                    rota.begin(place);
                    if round % 3 == 0 {
                        rota.wait(place);
                    }
                    rota.leave(place);
                }
                ended.fetch_add(1, Ordering::SeqCst);
            });
        }
        for round in 0.. {
            if ended.load(Ordering::SeqCst) == all.len() {
                break;
            }
            let from = round % all.len();
            rota.take_turns(&all[from..(from + 5).min(all.len())]);
            rota.excuse(&all[(round * 7) % all.len()]);
            thread::yield_now();
        }
    });
    assert!(!rota.take_turns(&[]));
    let queues = rota.queues();
    assert_eq!((queues.beginning.len(), queues.running.len(), queues.waiting.len()), (0, 0, 0));
    drop(queues);
    assert_eq!((rota.begun.into_inner(), rota.beginning.into_inner()), (0, 0));
}
