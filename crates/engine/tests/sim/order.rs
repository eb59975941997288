//! The recorded order: following it after a reset, through crashes.

use engine::core::pace::Limits;
use sim::ledger::Op;
use sim::scenario::{entry, key_of, release};
use sim::world::World;

const LIMITS: Limits =
    Limits { commit_after_us: 0, records: 4, bytes: 1 << 20, record_bytes: 2_000, held: 8, held_bytes: 1 << 20 };

/// A past with both inputs, timers of both kinds and a poisoned record.
fn past() -> World {
    let world = World::calm(LIMITS);
    for number in 0..60 {
        let key = key_of(number as u32 % 3);
        let op = match number {
            31 => Op::Cursed,
            _ if number % 3 == 0 => Op::Park,
            _ => Op::Add,
        };
        world.send(number, &entry(&key, op, 1));
        if number % 7 == 0 {
            world.send(1_000 + number, &release(&key, 2));
        }
        world.turns(2);
        if number % 10 == 9 {
            world.shared.time.advance_us(1_800_000_000);
        }
    }
    world.must_be_right();
    world
}

#[test]
fn sim_a_reset_gives_the_same_outputs_again() {
    let mut world = past();
    let before = world.story(&key_of(0));
    world.reset();
    world.must_be_right();
    let both = world.story(&key_of(0));
    assert_eq!(both, [before.clone(), before].concat());
}

#[test]
fn sim_a_crash_anywhere_while_the_order_is_followed_changes_nothing() {
    for at in 1..60 {
        let mut world = past();
        world.reset();
        world.turns(at);
        world.kill(0);
        world.start(0);
        world.must_be_right();
    }
}

#[test]
fn sim_an_abort_of_the_transaction_in_which_the_recorded_past_ends_takes_that_back() {
    let mut world = past();
    world.reset();
    // A record of the present, refused: it aborts the transaction that the last records of the past are in.
    for task in 0..3 {
        world.send(2_000 + u64::from(task), &entry(&key_of(task), Op::Cursed, 1));
    }
    world.must_be_right();
}

#[test]
fn sim_a_timer_that_fired_last_fires_again_before_what_came_later() {
    let world = World::calm(LIMITS);
    let key = key_of(0);
    world.send(0, &entry(&key, Op::Park, 1));
    world.turns(5);
    // The deadline passes by the wall clock alone, the last step of the recorded past.
    world.shared.time.advance_us(4_000_000_000);
    world.must_be_right();
    let mut world = world;
    world.reset();
    let now_ms = world.shared.time.wall_ms();
    world.send_at(1, &entry(&key, Op::Add, 1), now_ms - 3_999_000);
    for _ in 0..3 {
        world.turns(1);
        world.kill(0);
        world.start(0);
    }
    world.must_be_right();
}

#[test]
fn sim_two_resets_are_as_good_as_one() {
    let mut world = past();
    let before = world.story(&key_of(1));
    world.reset();
    world.turns(30);
    world.must_be_right();
    world.reset();
    world.must_be_right();
    let all = world.story(&key_of(1));
    assert_eq!(all, [before.clone(), before.clone(), before].concat());
}
