//! Records that cannot be handled: isolated, set aside, never in the way of the others.

use engine::core::headers;
use engine::core::letter::{LETTER_BYTES_MAX, STUB_BYTES};
use engine::core::pace::Limits;
use sim::broker::log::Message;
use sim::inputs::{self, CURSED_LETTER, Produced};
use sim::ledger::Op;
use sim::ledger::handle::REFUSED_AT_DEADLINE;
use sim::scenario::{entry, id, key_of};
use sim::world::World;

const CALM: Limits =
    Limits { commit_after_us: 0, records: 100, bytes: 1 << 20, record_bytes: 2_000, held: 100, held_bytes: 1 << 20 };

#[test]
fn sim_a_refused_record_is_isolated_and_set_aside() {
    let world = World::calm(CALM);
    let key = key_of(0);
    for number in 0..20 {
        let op = if number == 10 { Op::Cursed } else { Op::Add };
        world.send(number, &entry(&key, op, 1));
    }
    world.must_be_right();
    assert_eq!(world.letters(), [("output-refused".to_owned(), 10, "entries.v1".to_owned())]);
    assert_eq!(world.story(&key).len(), 19);
    assert_eq!(world.counts().aborts, 2, "once with the others, once alone");
}

#[test]
fn sim_after_a_refusal_one_record_a_transaction_until_it_is_passed() {
    let world = World::calm(Limits { commit_after_us: 100_000, ..CALM });
    let key = key_of(1);
    for number in 0..30 {
        let op = if number == 7 { Op::Cursed } else { Op::Add };
        world.send(number, &entry(&key, op, 1));
    }
    world.must_be_right();
    let sizes = |world: &World| -> Vec<i64> {
        let broker = world.shared.broker.borrow();
        broker.deeds.iter().map(|deed| deed.after[&0] - deed.before.get(&0).unwrap_or(&0)).collect()
    };
    let first = sizes(&world);
    let alone = first.iter().take_while(|size| **size == 1).count();
    assert!(alone > 7, "the record and all before it went alone: {first:?}");
    assert_eq!(first.iter().sum::<i64>(), 30);
    for number in 30..60 {
        world.send(number, &entry(&key, Op::Add, 1));
    }
    world.must_be_right();
    let sizes = sizes(&world);
    assert!(sizes[first.len()..].iter().any(|size| *size > 1), "what came after it did not: {sizes:?}");
}

#[test]
fn sim_three_aborts_without_a_cause_quarantine_the_task_and_the_others_go_on() {
    let world = World::calm(CALM);
    let (stuck, other) = (key_of(2), key_of(0));
    for number in 0..5 {
        world.send(number, &entry(&stuck, Op::Add, 1));
    }
    world.shared.refuse_all.set(true);
    let quarantined = (0..100).find_map(|_| {
        world.turns(1);
        world.quarantined().into_iter().next()
    });
    let (task, why) = quarantined.expect("a refusal without a cause stops the task");
    assert_eq!(task, 2);
    assert!(why.starts_with("three aborts without a cause at entries.v1/2 at 0"), "{why}");
    world.shared.refuse_all.set(false);
    for number in 5..10 {
        world.send(number, &entry(&other, Op::Add, 1));
        world.send(100 + number, &entry(&stuck, Op::Add, 1));
    }
    world.turns(200);
    let due = world.shared.broker.borrow().markers_due();
    due.iter().for_each(|id| world.shared.broker.borrow_mut().deliver_all(id));
    assert_eq!(world.story(&other).len(), 5, "the others go on");
    assert_eq!(world.story(&stuck).len(), 0);
    assert!(!world.ready(), "a task that stands still is not ready");
    // The next session tries it again, and by now nothing is wrong.
    world.kill(0);
    world.start(0);
    world.must_be_right();
    assert_eq!(world.story(&stuck).len(), 10);
}

#[test]
fn sim_two_refused_records_in_different_tasks_are_both_set_aside() {
    let world = World::calm(CALM);
    let (one, other) = (key_of(0), key_of(3));
    for number in 0..40 {
        let (key, op) = if number % 2 == 0 { (&one, number == 20) } else { (&other, number == 21) };
        world.send(number, &entry(key, if op { Op::Cursed } else { Op::Add }, 1));
    }
    world.must_be_right();
    let codes: Vec<String> = world.letters().into_iter().map(|(code, _, _)| code).collect();
    assert_eq!(codes, ["output-refused", "output-refused"]);
}

#[test]
fn sim_a_refused_record_does_not_starve_while_another_task_is_busy() {
    let world = World::calm(CALM);
    let (bad, busy) = (key_of(0), key_of(3));
    world.send(0, &entry(&bad, Op::Cursed, 1));
    for round in 0..60 {
        for n in 0..3 {
            world.send(1 + round * 3 + n, &entry(&busy, Op::Add, 1));
        }
        world.turns(3);
    }
    assert_eq!(world.letters().len(), 1, "the refused record is still in the way after {:?}", world.counts());
    assert!(world.counts().aborts <= 4, "{:?}", world.counts());
    world.must_be_right();
}

#[test]
fn sim_a_panic_is_a_dead_letter_and_undoes_everything() {
    let world = World::calm(CALM);
    let key = key_of(0);
    for (number, op) in [Op::Add, Op::Panic, Op::Add].into_iter().enumerate() {
        world.send(number as u64, &entry(&key, op, 5));
    }
    world.must_be_right();
    assert_eq!(world.letters(), [("bug".to_owned(), 1, "entries.v1".to_owned())]);
    assert_eq!(world.story(&key), [("Added".to_owned(), 1, 5), ("Added".to_owned(), 2, 10)]);
}

#[test]
fn sim_a_timer_whose_outputs_are_refused_quarantines_its_task_by_its_name() {
    let world = World::calm(CALM);
    let (key, other) = (key_of(2), key_of(0));
    world.send(0, &entry(&key, Op::Park, REFUSED_AT_DEADLINE));
    world.turns(5);
    world.shared.time.advance_us(3_700_000_000);
    let mut number = 1;
    let quarantined = (0..200).find_map(|_| {
        // Others go on meanwhile, and must not make the worker forget.
        world.send(number, &entry(&other, Op::Add, 1));
        number += 1;
        world.turns(1);
        world.quarantined().into_iter().next()
    });
    let (task, why) = quarantined.expect("a timer whose outputs are refused stops its task");
    assert!(why.starts_with("three aborts without a cause at "), "{why}");
    assert!(task == 2 && why.contains(&format!("task 2's timer of key \"{key}\"")), "{task}: {why}");
}

/// An entry with bytes after its end.
fn garbage(world: &World, number: u64, key: &str, bytes: usize) -> Produced {
    let mut made = inputs::record(id(number), &entry(key, Op::Add, 1), world.shared.time.wall_ms());
    made.message.value.get_or_insert_default().resize(bytes, 7);
    made
}

/// The dead letters of a task, as they stand in the log.
fn stored(world: &World, task: u32) -> Vec<Message> {
    let broker = world.shared.broker.borrow();
    broker.log(&world.shared.names.dead_letters, task).ever().map(|stored| stored.message.clone()).collect()
}

fn text(letter: &Message, name: &str) -> String {
    let value = headers::find(headers::lend(&letter.headers), name).unwrap_or_default();
    String::from_utf8_lossy(value).into_owned()
}

#[test]
fn sim_a_letter_that_the_broker_refuses_becomes_a_stub_and_blocks_nobody() {
    let world = World::calm(CALM);
    let key = key_of(0);
    // What passed the input is too large for the dead letters, with the headers that it gets there.
    world.shared.letter_bytes.set(1_700);
    let large = garbage(&world, 10, &key, 1_650);
    let value = large.message.value.clone().unwrap_or_default();
    for number in 0..20 {
        match number {
            10 => world.append(large.clone()),
            _ => world.send(number, &entry(&key, Op::Add, 1)),
        };
    }
    world.must_be_right();
    assert_eq!(world.letters(), [("undecodable".to_owned(), 10, "entries.v1".to_owned())]);
    assert_eq!(world.story(&key).len(), 19);
    assert_eq!(world.counts().aborts, 2, "once with the others, once alone");
    let letter = &stored(&world, 0)[0];
    assert_eq!(letter.value.as_deref(), Some(&value[..STUB_BYTES]));
    assert_eq!(text(letter, headers::DLQ_STUB), "true");
    assert_eq!(text(letter, headers::DLQ_VALUE_BYTES), "1650");
    assert_eq!(text(letter, headers::DLQ_VALUE_BLAKE3), blake3::hash(&value).to_hex().as_str());
}

#[test]
fn sim_a_record_whose_outputs_and_whose_letter_are_refused_ends_as_a_stub() {
    let world = World::calm(CALM);
    let key = key_of(1);
    for number in 0..9 {
        let op = if number == 4 { Op::Cursed } else { Op::Add };
        let mut made = inputs::record(id(number), &entry(&key, op, 1), world.shared.time.wall_ms());
        made.message.headers.push(headers::owned(CURSED_LETTER, "1"));
        world.append(made);
    }
    world.must_be_right();
    assert_eq!(world.letters(), [("output-refused".to_owned(), 4, "entries.v1".to_owned())]);
    assert_eq!(world.story(&key).len(), 8);
    assert_eq!(world.counts().aborts, 3, "with the others, alone, as a letter");
}

#[test]
fn sim_a_letter_larger_than_any_log_takes_is_a_stub_at_once() {
    let world = World::calm(CALM);
    let key = key_of(0);
    // It passed the input topic compressed.
    world.append(garbage(&world, 0, &key, LETTER_BYTES_MAX));
    world.append(garbage(&world, 1, &key, LETTER_BYTES_MAX / 2));
    world.rest().expect("nothing is in the way");
    assert_eq!(world.counts().aborts, 0);
    let lengths: Vec<usize> =
        stored(&world, 0).iter().map(|letter| letter.value.as_ref().map_or(0, Vec::len)).collect();
    assert_eq!(lengths, [STUB_BYTES, LETTER_BYTES_MAX / 2]);
}
