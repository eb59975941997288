//! Many timers and much state below one key, pace, and bounds.

use engine::core::pace::Limits;
use sim::ledger::Op;
use sim::scenario::{entry, key_of, release};
use sim::world::World;

/// Parked amounts of one key.
const MANY: u64 = 10_000;

/// Processor time of this thread, 0 where there is no such file: other programs do not count.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

fn park(limits: Limits) -> (World, String) {
    let world = World::calm(limits);
    let key = key_of(0);
    for number in 0..MANY {
        world.send(number, &entry(&key, Op::Park, 1));
    }
    (0..2_000).find(|_| {
        world.turns(1);
        world.counts().records >= MANY
    });
    world.turns(5);
    (world, key)
}

#[test]
fn sim_ten_thousand_parked_amounts_are_released_in_chunks_over_many_transactions() {
    let limits = Limits { records: 20, record_bytes: 100_000, ..Limits::default() };
    let (world, key) = park(Limits { records: 2_000, ..limits });
    let (began, before) = (cpu_seconds(), world.deeds());
    world.send(MANY, &release(&key, 100));
    world.must_be_right();
    let story = world.story(&key);
    assert_eq!(story.iter().filter(|(record, _, _)| record == "Released").count() as u64, MANY);
    assert_eq!(story.last(), Some(&("Released".to_owned(), 2 * MANY, MANY as i64)));
    assert!(world.deeds() > before);
    let took = cpu_seconds() - began;
    assert!(took < 20.0, "a hot key costs too much: {took:.1} s");
}

#[test]
fn sim_chunks_go_on_over_transactions_and_restarts() {
    let world = World::calm(Limits { records: 3, ..Limits::default() });
    let key = key_of(0);
    for number in 0..200 {
        world.send(number, &entry(&key, Op::Park, 1));
    }
    world.turns(150);
    world.send(1_000, &release(&key, 5));
    for _ in 0..20 {
        world.turns(2);
        world.kill(0);
        world.start(0);
        world.turns(3);
    }
    world.must_be_right();
    assert_eq!(world.story(&key).len(), 400);
}

#[test]
fn sim_ten_thousand_deadlines_fire_at_once() {
    let (world, key) = park(Limits { records: 5_000, ..Limits::default() });
    let began = cpu_seconds();
    world.shared.time.advance_us(2 * 3_600_000_000);
    world.must_be_right();
    assert_eq!(world.story(&key).iter().filter(|(record, _, _)| record == "Refused").count() as u64, MANY);
    let took = cpu_seconds() - began;
    assert!(took < 20.0, "many timers cost too much: {took:.1} s");
}

/// Sends a record every `every_us` for two seconds; the number of transactions.
fn transactions(commit_us: u64, every_us: u64) -> usize {
    let world = World::calm(Limits::default());
    world.shared.commit_us.set(commit_us);
    let (key, begin_us) = (key_of(0), world.shared.time.mono_us());
    let (mut number, mut next_us) = (0, begin_us);
    while world.shared.time.mono_us() < begin_us + 2_000_000 {
        while next_us <= world.shared.time.mono_us() {
            world.send(number, &entry(&key, Op::Add, 1));
            (number, next_us) = (number + 1, next_us + every_us);
        }
        world.shared.arrival_us.set(next_us);
        world.turns(1);
    }
    let done = world.deeds();
    world.must_be_right();
    done
}

#[test]
fn sim_the_pace_follows_what_a_transaction_costs() {
    // Two seconds: a drained flow commits about as often as it can afford, half of the time at most.
    let cheap = transactions(200, 1_000);
    let dear = transactions(20_000, 1_000);
    let hopeless = transactions(400_000, 1_000);
    assert!(cheap > 500, "{cheap} cheap, {dear} dear, {hopeless} hopeless transactions");
    assert!((25..=60).contains(&dear), "{dear} dear transactions");
    assert!((2..=6).contains(&hopeless), "{hopeless} hopeless transactions, the limit of 100 ms holds");
    // Few records: each in a transaction of its own, as soon as it is there.
    assert_eq!(transactions(20_000, 200_000), 10);
}

#[test]
fn sim_what_is_held_back_is_bounded() {
    let limits = Limits { records: 5, held: 10, ..Limits::default() };
    let mut world = World::calm(limits);
    let key = key_of(0);
    for number in 0..300 {
        world.send(2 * number, &entry(&key, Op::Add, 1));
        world.send(2 * number + 1, &release(&key, 1));
        world.turns(1);
    }
    world.must_be_right();
    world.reset();
    let mut most = 0;
    for _ in 0..2_000 {
        world.turns(1);
        let pod = world.instances[0].borrow();
        let open = pod.driver.iter().flat_map(|driver| driver.worker.tasks());
        most = open.flat_map(|task| task.held.iter().map(|held| held.len())).fold(most, usize::max);
    }
    assert!(most >= limits.held, "nothing was held back: {most}");
    // One poll may bring more than there is room for; nothing comes after it.
    assert!(most <= limits.held + 40, "{most} records held");
    world.must_be_right();
}
