//! Restores that meet another world than they left: offsets that are gone or somebody else's, logs that lag, were deleted
//! and created again, or begin later.

use engine::core::io::{Opening, Store};
use engine::core::keys;
use engine::core::pace::Limits;
use engine::core::record::TaskRecord;
use engine::shell::restore::restore;
use engine::shell::transport::Fault;
use sim::broker::OUTSIDE;
use sim::inputs;
use sim::ledger::{Op, TASKS, TOPOLOGY};
use sim::reader::SimReader;
use sim::scenario::{entry, id, key_of};
use sim::world::World;

/// A pod that has handled something of every task and is down now, all of it on its disk.
fn down(records: u64) -> World {
    let world = World::calm(Limits::default());
    for number in 0..records {
        world.send(number, &entry(&key_of(number as u32 % TASKS), Op::Add, 1));
        world.turns(3);
    }
    world.must_be_right();
    let disk = world.instances[0].borrow().disk.clone();
    disk.flush();
    disk.flush_state();
    world.kill(0);
    world
}

/// What a restore of this task comes to.
fn restored(world: &World, task: u32) -> Result<Opening, Fault> {
    let mut reader = SimReader { shared: &world.shared, me: 0 };
    world.shared.set_dead(0, false);
    let due = world.shared.broker.borrow().markers_due();
    due.iter().for_each(|id| world.shared.broker.borrow_mut().deliver_all(id));
    let disk = world.instances[0].borrow().disk.clone();
    restore(&mut reader, &*disk, &world.shared.names, task, world.shared.time.wall_ms(), &mut |_, _| Ok(()))
}

fn refusal(result: Result<Opening, Fault>) -> String {
    match result {
        Err(fault @ Fault::Quarantine(_)) => fault.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn sim_committed_offsets_that_are_gone_are_answered_from_the_tasks_own_record() {
    let world = down(12);
    world.shared.broker.borrow_mut().group.offsets.clear();
    world.start(0);
    for task in 0..TASKS {
        world.send(100 + u64::from(task), &entry(&key_of(task), Op::Add, 1));
    }
    world.must_be_right();
}

#[test]
fn sim_committed_offsets_of_somebody_else_are_refused() {
    let world = down(12);
    let next = world.shared.broker.borrow().group.offsets[&(2, 0)];
    for foreign in [next - 1, next + 5] {
        for number in 0..5 {
            world.send(1_000 + number, &entry(&key_of(2), Op::Add, 1));
        }
        world.shared.broker.borrow_mut().group.offsets.insert((2, 0), foreign);
        let why = refusal(restored(&world, 2));
        assert!(why.contains(&format!("committed {foreign}, the state stands at {next}")), "{why}");
        assert!(restored(&world, 1).is_ok(), "another task is none the worse");
    }
    world.shared.broker.borrow_mut().group.offsets.insert((2, 0), next);
    world.start(0);
    world.must_be_right();
}

#[test]
fn sim_a_changelog_that_was_created_again_does_not_replace_the_store() {
    let world = down(12);
    let disk = world.instances[0].borrow().disk.clone();
    let content = disk.content(1);
    let changelog = world.shared.names.changelog.clone();
    world.shared.broker.borrow_mut().create(&changelog, TASKS);
    assert!(refusal(restored(&world, 1)).contains("holds nothing of this task"));
    assert_eq!(disk.content(1), content, "the last copy is gone");
}

#[test]
fn sim_a_changelog_that_was_created_again_under_a_running_task_is_noticed() {
    let world = World::calm(Limits::default());
    for number in 0..20 {
        if number == 10 {
            let changelog = world.shared.names.changelog.clone();
            world.shared.broker.borrow_mut().create(&changelog, TASKS);
        }
        world.send(number, &entry(&key_of(1), Op::Add, 1));
        world.turns(5);
    }
    world.kill(0);
    assert!(refusal(restored(&world, 1)).contains("was deleted and created again"));
}

/// Sends a record of task 0 in a transaction: a marker follows it.
fn send_marked(world: &World, number: u64) {
    let mut broker = world.shared.broker.borrow_mut();
    let epoch = broker.init(OUTSIDE);
    broker.begin(OUTSIDE, epoch, world.shared.time.mono_us()).unwrap();
    let body = entry(&key_of(0), Op::Add, 1);
    let produced = inputs::record(id(number), &body, world.shared.time.wall_ms());
    broker.send(OUTSIDE, epoch, TOPOLOGY.inputs[0].topic, 0, produced.message).unwrap();
    broker.end(OUTSIDE, epoch, true).unwrap();
    broker.deliver_all(OUTSIDE);
}

/// A pod whose consumer has passed the marker behind its last record, or has not, when it committed that; and its end.
fn marked(passed: bool) -> (World, i64) {
    let world = World::calm(Limits::default());
    for number in 0..100 {
        send_marked(&world, number);
        world.turns(10);
        let disk = world.instances[0].borrow().disk.clone();
        let record = disk.get(0, &keys::task()).and_then(|bytes| TaskRecord::decode(&bytes)).unwrap();
        let input = &record.inputs[0];
        if (input.passed_to > input.offset_next) == passed {
            world.kill(0);
            return (world, input.offset_next);
        }
    }
    panic!("neither came in a hundred tries");
}

#[test]
fn sim_an_input_that_lost_its_last_marker_goes_on() {
    let (world, at) = marked(true);
    let topic = TOPOLOGY.inputs[0].topic;
    world.shared.broker.borrow_mut().log_mut(topic, 0).delete_records(i64::MAX);
    assert_eq!(world.shared.broker.borrow().log(topic, 0).start, at + 1);
    let opening = restored(&world, 0).unwrap();
    assert_eq!((opening.positions[0], opening.read_from[0]), (at, at + 1));
    world.start(0);
    world.send(1_000, &entry(&key_of(0), Op::Add, 1));
    world.must_be_right();
}

#[test]
fn sim_records_that_were_deleted_unread_are_refused_and_named() {
    let (world, at) = marked(true);
    let topic = TOPOLOGY.inputs[0].topic;
    let lost = world.send(1_000, &entry(&key_of(0), Op::Add, 1));
    world.shared.broker.borrow_mut().log_mut(topic, 0).delete_records(i64::MAX);
    assert!(refusal(restored(&world, 0)).contains(&format!("offsets {lost} to {lost} of {topic} were deleted")));

    // What no consumer has passed may have been a record.
    let (world, at_marker) = marked(false);
    world.shared.broker.borrow_mut().log_mut(topic, 0).delete_records(i64::MAX);
    assert!(refusal(restored(&world, 0)).contains(&format!("offsets {at_marker} to {at_marker} of")), "at {at}");
}
