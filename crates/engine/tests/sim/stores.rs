//! Stores that are lost, rotten, behind or from another time; and what went wrong before the simulator was there.

use engine::core::pace::Limits;
use engine::shell::disk::{DiskFault, DiskFaults};
use engine::shell::transport::Fault;
use sim::chaos::Chaos;
use sim::ledger::Op;
use sim::rng::Rng;
use sim::scenario::{entry, key_of};
use sim::world::{Config, World};

#[test]
fn sim_undecodable_state_is_rebuilt_and_the_event_handled_once() {
    let world = World::calm(Limits::default());
    let key = key_of(0);
    world.send(0, &entry(&key, Op::Add, 3));
    world.turns(5);
    let disk = world.instances[0].borrow().disk.clone();
    assert!(disk.rot(&mut Rng::new(1)));
    world.send(1, &entry(&key, Op::Add, 4));
    world.must_be_right();
    assert_eq!(world.story(&key), [("Added".to_owned(), 1, 3), ("Added".to_owned(), 2, 7)]);
    assert_eq!(world.letters(), []);
}

#[test]
fn sim_a_failing_disk_is_never_mistaken_for_an_empty_one() {
    for accesses in 0..30 {
        let world = World::calm(Limits::default());
        let key = key_of(0);
        world.send(0, &entry(&key, Op::Add, 3));
        world.turns(5);
        world.instances[0].borrow().disk.fail_in(accesses);
        for number in 1..20 {
            world.send(number, &entry(&key, Op::Add, 1));
        }
        world.must_be_right();
    }
}

/// sled fails for good once its disk was full; a pod that lived on would never be ready again.
#[test]
fn sim_a_disk_that_keeps_failing_ends_the_process_and_the_next_one_goes_on() {
    let world = World::calm(Limits::default());
    let key = key_of(0);
    world.send(0, &entry(&key, Op::Add, 3));
    world.turns(5);
    world.instances[0].borrow().disk.fill_in(3);
    let end = (0..2_000).find_map(|number| {
        world.send(1 + number, &entry(&key, Op::Add, 1));
        world.shared.time.advance_us(10_000);
        world.turn_once().err()
    });
    let Some(Fault::Fatal(why)) = end else { panic!("went on: {end:?}") };
    assert!(why.starts_with("the disk failed 5 times within a minute: pretend I/O error; hint: "), "{why}");
    world.kill(0);
    world.start(0);
    world.must_be_right();
}

/// A duplicate would be new to a window that lacks a chunk: whether the state of that transaction was written or not.
#[test]
fn sim_a_full_dedup_segment_forgets_no_accepted_event() {
    for (writes, full) in [(0, false), (1, false), (3, false), (2, true)] {
        let world = World::calm(Limits { records: 1, ..Limits::default() });
        let key = key_of(0);
        let disk = world.instances[0].borrow().disk.clone();
        disk.fail_chunks_in(writes, full);
        for number in 0..8 {
            world.send(number, &entry(&key, Op::Add, 1));
            world.turns(2);
        }
        for number in 0..8 {
            world.send(number, &entry(&key, Op::Add, 1));
        }
        world.must_be_right();
        assert_eq!(world.story(&key).len(), 8, "after {writes} writes, for good: {full}");
    }
}

/// Several workers share a disk: each hears of the faults of its own tasks, and rebuilds nothing else.
#[test]
fn a_fault_of_the_disk_goes_to_the_worker_that_it_concerns() {
    let faults = DiskFaults::default();
    assert_eq!(faults.take(&|_| true), None);
    faults.keep(Some(1), "first".into());
    faults.keep(Some(1), "second".into());
    faults.keep(Some(2), "other".into());
    assert_eq!(faults.take(&|task| task == 3), None);
    let taken = faults.take(&|task| task == 2);
    assert_eq!(taken, Some(DiskFault { task: Some(2), why: "other".into() }));
    let taken = faults.take(&|task| task == 1);
    assert_eq!(taken, Some(DiskFault { task: Some(1), why: "first".into() }), "the first of a task names the cause");
    assert_eq!(faults.take(&|_| true), None, "a fault is told once");
    faults.keep(None, "flush".into());
    assert!(faults.take(&|_| false).is_some(), "what concerns no task concerns everybody");
    faults.keep(Some(1), "old".into());
    faults.forget(1);
    assert_eq!(faults.take(&|_| true), None);
}

#[test]
fn sim_a_first_transaction_that_is_aborted_leaves_no_state_behind() {
    let world = World::calm(Limits::default());
    world.send(0, &entry(&key_of(0), Op::Cursed, 1));
    world.turns(1);
    world.kill(0);
    world.start(0);
    world.must_be_right();
}

#[test]
fn sim_a_timer_set_by_a_full_transaction_fires_in_the_next() {
    let world = World::calm(Limits { records: 1, ..Limits::default() });
    let key = key_of(0);
    world.send_at(0, &entry(&key, Op::Park, 1), world.shared.time.wall_ms() - 4_000_000);
    world.turns(3);
    world.send_at(1, &entry(&key, Op::Add, 1), world.shared.time.wall_ms() - 4_000_000);
    world.must_be_right();
    let records: Vec<String> = world.story(&key).into_iter().map(|(record, _, _)| record).collect();
    assert_eq!(records, ["Parked", "Refused", "Added"]);
}

/// Runs in which one kind of fault comes all the time.
fn only(chaos: Chaos, seeds: u64) {
    for seed in 0..seeds {
        let config = Config { chaos, instances: 3, steps: 200, ..Config::of_seed(seed) };
        let report = sim::rest::run(config);
        assert!(report.wrong.is_empty(), "seed {seed}: {}", report.wrong.join("\n"));
    }
}

#[test]
fn sim_every_kind_of_fault_on_its_own() {
    const NONE: Chaos = Chaos::NONE;
    only(Chaos { abort_before: 60, ..NONE }, 4);
    only(Chaos { abort_after: 60, ..NONE }, 4);
    only(Chaos { crash_before: 15, crash_after: 15, ..NONE }, 4);
    only(Chaos { crash_after: 15, disk_lost: 500, ..NONE }, 4);
    only(Chaos { early_end: 500, crash_after: 15, disk_lost: 500, ..NONE }, 4);
    only(Chaos { early_end: 500, interrupt: 100, rebalance: 100, ..NONE }, 4);
    only(Chaos { interrupt: 200, rebalance: 100, ..NONE }, 4);
    only(Chaos { interrupt: 200, kick: 60, ..NONE }, 4);
    only(Chaos { commit_unknown: 200, ..NONE }, 4);
    only(Chaos { interrupt: 100, twin: 30, ..NONE }, 4);
    only(Chaos { disk: 20, ..NONE }, 4);
    only(Chaos { rot: 20, ..NONE }, 4);
    only(Chaos { refuse: 20, ..NONE }, 4);
    only(Chaos { clock_jump: 100, ..NONE }, 4);
    only(Chaos { clock_wrong: 100, ..NONE }, 4);
}

/// A pod that is asked before the group has answered must not be taken for a successor that works.
#[test]
fn sim_a_worker_is_ready_with_its_tasks_open_or_as_a_spare() {
    let ready = |world: &World, me: usize| world.instances[me].borrow().driver.as_ref().unwrap().ready();
    let world = World::new(Config { instances: 40, ..Config::calm() });
    assert!(!ready(&world, 0) && !ready(&world, 39), "before anything was assigned");
    world.shared.time.advance_us(600_000_000);
    assert!(!ready(&world, 0) && !ready(&world, 39), "a group that does not answer has accepted nobody");
    for _ in 0..5 {
        (0..40).for_each(|me| world.turn(me));
    }
    let tasks = |me: usize| world.instances[me].borrow().driver.as_ref().unwrap().worker.tasks().count();
    let (busy, spare): (Vec<usize>, Vec<usize>) = (0..40).partition(|me| tasks(*me) > 0);
    assert!(!busy.is_empty() && !spare.is_empty());
    assert!(busy.iter().all(|me| ready(&world, *me)));
    assert!(spare.iter().all(|me| ready(&world, *me)), "members without a task");
}
