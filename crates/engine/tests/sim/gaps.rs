//! Histories that have lost something: each stops the task, naming the place.

use engine::core::order::{Step, Steps};
use engine::core::pace::Limits;
use engine::shell::schemas::Schemas;
use sim::inputs::{self, UNKNOWN_ID};
use sim::instance;
use sim::ledger::{ENTRIES, Op, TASKS, TOPOLOGY};
use sim::scenario::{entry, id, key_of};
use sim::world::World;

/// A past with runs of several records.
fn past() -> World {
    let world = World::calm(Limits::default());
    for number in 0..60 {
        world.send(number, &entry(&key_of(number as u32 % TASKS), Op::Add, 1));
        if number % 10 == 9 {
            world.turns(8);
        }
    }
    world.must_be_right();
    world
}

/// Records of the history of a task: offset and content.
fn history(world: &World, task: u32) -> Vec<(i64, Steps)> {
    let broker = world.shared.broker.borrow();
    let read = |stored: &sim::broker::log::Stored| {
        let value = stored.message.value.clone().unwrap_or_default();
        (stored.offset, Steps::decode(&value).expect("a record of the history"))
    };
    broker.log(&world.shared.names.order, task).read(0).map(read).collect()
}

/// Offset before which a run of several entries ends, the first such run.
fn a_run(world: &World, task: u32) -> i64 {
    let steps = history(world, task).into_iter().flat_map(|(_, steps)| steps.steps);
    let long = |step| match step {
        Step::Run { input: ENTRIES, offset_next, records: Some(2..) } => Some(offset_next),
        _ => None,
    };
    steps.filter_map(long).next().expect("a run of several records")
}

/// A reset after this damage stops a task; why.
fn ends(mut world: World, damage: impl FnOnce(&World)) -> String {
    damage(&world);
    world.reset();
    let stopped = || {
        (0..2_000).find_map(|_| {
            world.turns(1);
            world.quarantined().into_values().next()
        })
    };
    stopped().expect("no task stops")
}

#[test]
fn sim_an_input_that_lost_a_record_is_a_gap() {
    let topic = TOPOLOGY.inputs[ENTRIES].topic;
    let lose = |back: i64| {
        move |world: &World| {
            let offset = a_run(world, 0) - back;
            world.shared.broker.borrow_mut().log_mut(topic, 0).lose(offset);
        }
    };
    let why = ends(past(), lose(1));
    assert!(why.contains("history-gap: the record at") && why.contains("\"entries.v1\"/0"), "{why}");
    let why = ends(past(), lose(2));
    assert!(why.contains("history-gap: \"entries.v1\"/0 held"), "{why}");
}

#[test]
fn sim_a_history_that_lost_a_record_is_a_gap() {
    for place in [0, 3] {
        let why = ends(past(), |world| {
            let (offset, _) = history(world, 1)[place];
            world.shared.broker.borrow_mut().log_mut(&world.shared.names.order, 1).lose(offset);
        });
        assert!(why.contains("history-gap: the record at") && why.contains("begins at"), "{place}: {why}");
    }
}

#[test]
fn sim_a_torn_record_and_one_of_a_newer_version_are_gaps() {
    let damage = |place: fn(usize) -> usize, change: fn(&mut Vec<u8>)| {
        ends(past(), |world| {
            let all = history(world, 2);
            let (offset, steps) = &all[place(all.len())];
            let mut value = steps.encode();
            change(&mut value);
            world.shared.broker.borrow_mut().log_mut(&world.shared.names.order, 2).damage(*offset, value);
        })
    };
    let why = damage(|_| 2, |value| value.truncate(value.len() - 1));
    assert!(why.contains("history-gap: the record at") && why.contains("is torn"), "{why}");
    let why = damage(|length| length - 1, |value| value[0] = 3);
    assert!(why.contains("the last record of task 2's history has version 3"), "{why}");
}

#[test]
fn sim_a_schema_that_was_unknown_the_first_time_stays_so() {
    let mut world = World::calm(Limits::default());
    let key = key_of(0);
    world.send(0, &entry(&key, Op::Add, 1));
    let mut unknown = inputs::record(id(1), &entry(&key, Op::Add, 1), world.shared.time.wall_ms());
    unknown.message.headers.clear();
    unknown.message.value.as_mut().expect("a value")[1..5].copy_from_slice(&UNKNOWN_ID.to_be_bytes());
    world.append(unknown);
    world.send(2, &entry(&key, Op::Add, 1));
    world.must_be_right();
    // Somebody registers it later.
    world.schemas = Schemas::new(instance::known().into_iter().chain([(UNKNOWN_ID, instance::schema("Entry"))]), true);
    world.reset();
    world.must_be_right();
    let letter = ("schema-unknown".to_owned(), 1, "entries.v1".to_owned());
    assert_eq!(world.letters(), [letter.clone(), letter]);
}

#[test]
fn sim_the_history_names_the_build_once_after_each_start() {
    let world = World::calm(Limits::default());
    let key = key_of(0);
    for number in 0..6 {
        world.send(number, &entry(&key, Op::Add, 1));
        world.turns(5);
        if number == 3 {
            world.kill(0);
            world.start(0);
        }
    }
    world.must_be_right();
    let steps = history(&world, 0).into_iter().flat_map(|(_, steps)| steps.steps);
    let version = instance::version_of(&TOPOLOGY);
    let codes = steps.filter(|step| *step == Step::Code { version: version.clone() });
    assert_eq!(codes.count(), 2);
}
