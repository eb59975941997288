//! Clocks that are set, ahead and back: what fires, when, and what comes out.

use engine::core::order::{Step, Steps};
use engine::core::pace::Limits;
use sim::ledger::{Op, TASKS};
use sim::scenario::{entry, key_of};
use sim::world::World;

const HOUR_US: u64 = 3_600_000_000;
const HOUR_MS: i64 = 3_600_000;

/// Turns of the first pod while this much time passes, about a second at a time.
fn pass(world: &World, seconds: u64) {
    let until_us = world.shared.time.mono_us() + seconds * 1_000_000;
    while world.shared.time.mono_us() < until_us {
        world.shared.time.advance_us(800_000);
        world.turns(2);
        // What is committed is seen when its markers have arrived.
        let mut broker = world.shared.broker.borrow_mut();
        broker.markers_due().iter().for_each(|id| broker.deliver_all(id));
    }
}

fn skew(world: &World, ms: i64) {
    world.instances[0].borrow().skew.set(ms);
}

fn records(world: &World, key: &str) -> Vec<String> {
    world.story(key).into_iter().map(|(record, _, _)| record).collect()
}

/// Times of the clock steps of all tasks, as recorded.
fn clock_steps(world: &World) -> Vec<i64> {
    let broker = world.shared.broker.borrow();
    let logs = (0..TASKS).flat_map(|task| broker.log(&world.shared.names.order, task).ever());
    let steps =
        logs.filter_map(|stored| Steps::decode(stored.message.value.as_deref()?).ok()).flat_map(|steps| steps.steps);
    let clock = |step| match step {
        Step::Clock { now_ms } => Some(now_ms),
        _ => None,
    };
    steps.filter_map(clock).collect()
}

#[test]
fn sim_a_clock_that_says_tomorrow_for_five_seconds_fires_nothing() {
    let world = World::calm(Limits::default());
    let key = key_of(0);
    world.send(0, &entry(&key, Op::Park, 1));
    pass(&world, 5);
    skew(&world, 25 * HOUR_MS);
    pass(&world, 5);
    skew(&world, 0);
    pass(&world, 5);
    assert_eq!(records(&world, &key), ["Parked"]);
    assert_eq!(world.counts().clock_steps, 1);
    world.shared.time.advance_us(HOUR_US);
    world.must_be_right();
    assert_eq!(records(&world, &key), ["Parked", "Refused"], "the deadline holds when its time has come");
}

#[test]
fn sim_a_clock_that_stays_ahead_is_followed_after_five_minutes() {
    let world = World::calm(Limits::default());
    let key = key_of(0);
    world.send(0, &entry(&key, Op::Park, 1));
    pass(&world, 5);
    skew(&world, 2 * HOUR_MS);
    pass(&world, 290);
    assert_eq!(records(&world, &key), ["Parked"]);
    pass(&world, 20);
    assert_eq!(records(&world, &key), ["Parked", "Refused"]);
}

#[test]
fn sim_a_clock_is_believed_when_a_process_starts() {
    let world = World::calm(Limits::default());
    let key = key_of(0);
    world.send(0, &entry(&key, Op::Park, 1));
    pass(&world, 5);
    world.kill(0);
    skew(&world, 2 * HOUR_MS);
    world.start(0);
    pass(&world, 5);
    assert_eq!(records(&world, &key), ["Parked", "Refused"]);
}

#[test]
fn sim_a_clock_that_is_set_back_makes_timers_late_and_none_early() {
    let world = World::calm(Limits::default());
    let key = key_of(0);
    world.send(0, &entry(&key, Op::Park, 1));
    pass(&world, 5);
    skew(&world, -2 * HOUR_MS);
    world.shared.time.advance_us(HOUR_US);
    pass(&world, 5);
    assert_eq!(records(&world, &key), ["Parked"]);
    skew(&world, 0);
    world.must_be_right();
    assert_eq!(records(&world, &key), ["Parked", "Refused"]);
}

#[test]
fn sim_the_clock_moves_from_due_time_to_due_time() {
    let world = World::calm(Limits { records: 2, ..Limits::default() });
    let key = key_of(0);
    let begin_ms = world.shared.time.wall_ms();
    for number in 0..5 {
        world.send_at(number, &entry(&key, Op::Park, 1), begin_ms + number as i64);
    }
    pass(&world, 5);
    world.shared.time.advance_us(24 * HOUR_US);
    pass(&world, 5);
    let due_ms: Vec<i64> = (0..5).map(|number| begin_ms + number + HOUR_MS).collect();
    assert_eq!(clock_steps(&world), due_ms);
    assert_eq!(records(&world, &key).iter().filter(|record| *record == "Refused").count(), 5);
    world.must_be_right();
}

#[test]
fn sim_a_record_waits_while_it_is_in_doubt_which_clock_is_right() {
    for lasts in [true, false] {
        let world = World::calm(Limits::default());
        let (key, other) = (key_of(0), key_of(1));
        // The machine slept for three hours: only the monotonic clock did not notice.
        skew(&world, 3 * HOUR_MS);
        let now_ms = world.shared.time.wall_ms();
        world.send_at(0, &entry(&key, Op::Add, 1), now_ms + 3 * HOUR_MS);
        world.send_at(1, &entry(&other, Op::Add, 1), now_ms);
        pass(&world, 100);
        assert!(world.letters().is_empty() && records(&world, &key).is_empty(), "it waits");
        assert_eq!(records(&world, &other), ["Added"], "nobody else does");
        if lasts {
            pass(&world, 210);
            assert_eq!(records(&world, &key), ["Added"]);
            assert!(world.letters().is_empty());
        } else {
            skew(&world, 0);
            pass(&world, 5);
            assert_eq!(world.letters(), [("time-ahead".to_owned(), 0, "entries.v1".to_owned())]);
            world.must_be_right();
        }
    }
}
