//! Verdicts on single records: time, identity, size.

use engine::core::headers;
use engine::core::pace::Limits;
use engine::core::worker::AHEAD_MS;
use sim::inputs::{self, Body, Produced};
use sim::ledger::{Entry, Op, WINDOW_MS};
use sim::scenario::{entry, id, key_of, release};
use sim::world::World;

fn codes(world: &World) -> Vec<(String, i64)> {
    world.letters().into_iter().map(|(code, offset, _)| (code, offset)).collect()
}

fn rejected(code: &str, offset: i64) -> (String, i64) {
    (code.to_owned(), offset)
}

#[test]
fn sim_a_record_from_the_future_is_rejected_and_moves_no_clock() {
    let world = World::calm(Limits::default());
    let (key, now_ms) = (key_of(0), world.shared.time.wall_ms());
    world.send_at(0, &entry(&key, Op::Add, 1), now_ms);
    world.send_at(1, &entry(&key, Op::Add, 1), now_ms + AHEAD_MS + 60_000);
    // Had the one before moved the clock, this one would be older than the window.
    world.send_at(2, &entry(&key, Op::Add, 1), now_ms + 1);
    world.must_be_right();
    assert_eq!(codes(&world), [rejected("time-ahead", 1)]);
}

#[test]
fn sim_a_record_that_was_ahead_stays_rejected_when_the_order_is_followed_later() {
    let mut world = World::calm(Limits::default());
    let (key, now_ms) = (key_of(0), world.shared.time.wall_ms());
    for (number, ahead_ms) in [0, AHEAD_MS * 2, 1].into_iter().enumerate() {
        world.send_at(number as u64, &entry(&key, Op::Add, 1), now_ms + ahead_ms);
    }
    world.must_be_right();
    // By now its time has come, but the first time it had not.
    world.shared.time.advance_us(3 * AHEAD_MS as u64 * 1_000);
    world.reset();
    world.must_be_right();
    assert_eq!(codes(&world), [rejected("time-ahead", 1), rejected("time-ahead", 1)]);
}

#[test]
fn sim_older_than_the_window_is_a_dead_letter_and_just_inside_is_not() {
    let world = World::calm(Limits::default());
    let (key, now_ms) = (key_of(0), world.shared.time.wall_ms());
    world.send_at(0, &entry(&key, Op::Add, 1), now_ms);
    world.send_at(1, &entry(&key, Op::Add, 1), now_ms - WINDOW_MS);
    world.send_at(2, &entry(&key, Op::Add, 1), now_ms - WINDOW_MS - 1);
    world.must_be_right();
    assert_eq!(codes(&world), [rejected("too-old", 2)]);
}

#[test]
fn sim_a_record_in_a_foreign_partition_is_a_dead_letter_and_has_no_effect() {
    let world = World::calm(Limits::default());
    let (key, now_ms) = (key_of(0), world.shared.time.wall_ms());
    let astray = |number: u64, partition: u32, timestamp_ms: i64| {
        let sent = inputs::record(id(number), &entry(&key, Op::Add, 1), timestamp_ms);
        world.append(Produced { partition, ..sent });
    };
    // A sender whose partitioner is not Kafka's puts the same key where it likes, and sends it again when told to.
    astray(0, 1, now_ms);
    astray(1, 2, now_ms);
    astray(1, 0, now_ms);
    // What can be said without the key comes first.
    astray(2, 3, now_ms + AHEAD_MS + 60_000);
    world.must_be_right();
    let zero = |code: &str| rejected(code, 0);
    assert_eq!(codes(&world), [zero("wrong-partition"), zero("wrong-partition"), zero("time-ahead")]);
    assert_eq!(world.story(&key), [("Added".to_owned(), 1, 1)]);
}

#[test]
fn sim_a_senders_own_letter_headers_count_for_nothing() {
    let world = World::calm(Limits::default());
    let key = key_of(0);
    for name in ["dlq_code", "dlq_topic", "dlq_offset", "dlq_stub", "dlq_timestamp", "dlq_due"] {
        let mut made = inputs::record(id(0), &entry(&key, Op::Add, 1), world.shared.time.wall_ms() - 5);
        made.message.value = Some(b"junk".to_vec());
        made.message.headers = vec![headers::owned(name, "1"), (b"a".to_vec(), None), headers::owned("b", "")];
        world.append(made);
    }
    world.must_be_right();
    assert_eq!(world.letters().len(), 6);
    let broker = world.shared.broker.borrow();
    for stored in broker.log(&world.shared.names.dead_letters, 0).ever() {
        let headers = &stored.message.headers;
        assert_eq!(headers[..2], [(b"a".to_vec(), None), headers::owned("b", "")], "nulls stay nulls");
        let value = |name: &str| headers::find(headers::lend(headers), name);
        assert_eq!(value(headers::DLQ_CODE), Some(&b"undecodable"[..]));
        assert_eq!(value(headers::DLQ_TOPIC), Some(&b"entries.v1"[..]));
        assert_eq!((value(headers::DLQ_STUB), value(headers::DLQ_DUE)), (None, None));
        assert_eq!(value(headers::DLQ_TIMESTAMP), Some(stored.message.timestamp_ms.to_string().as_bytes()));
        assert_eq!((value(headers::DLQ_ATTEMPT), value(headers::DLQ_VALUE)), (Some(&b"1"[..]), None));
    }
}

#[test]
fn sim_sizes_count_key_and_headers() {
    let limits = Limits { record_bytes: 2_000, ..Limits::default() };
    let world = World::calm(limits);
    let key = key_of(0);
    let mut made = inputs::record(id(0), &entry(&key, Op::Add, 1), world.shared.time.wall_ms());
    made.message.headers.push(headers::owned("large", vec![b'x'; 1_900]));
    world.append(made);
    // What is sent to this key has it as its key and in its value: its reader would turn it down.
    let to = "t".repeat(1_300);
    world.append(inputs::record(
        id(1),
        &Body::Entry(Entry { key: key.clone(), op: Op::Move, amount: 1, to, delay_ms: 0 }),
        world.shared.time.wall_ms(),
    ));
    world.send(2, &entry(&key, Op::Add, 1));
    world.must_be_right();
    assert_eq!(codes(&world), [rejected("too-large", 0), rejected("output-too-large", 1)]);
    assert_eq!(world.story(&key), [("Added".to_owned(), 1, 1)]);
}

#[test]
fn sim_a_duplicate_is_dropped_and_a_conflict_is_a_dead_letter() {
    let world = World::calm(Limits::default());
    let key = key_of(0);
    world.send(0, &entry(&key, Op::Add, 1));
    world.send(0, &entry(&key, Op::Add, 1));
    world.turns(5);
    world.send(0, &entry(&key, Op::Add, 1));
    world.send(0, &entry(&key, Op::Add, 2));
    world.must_be_right();
    assert_eq!(codes(&world), [rejected("conflict", 3)]);
    assert_eq!(world.story(&key), [("Added".to_owned(), 1, 1)]);
    assert_eq!(world.counts().duplicates, 2);
}

#[test]
fn sim_a_duplicate_is_known_after_a_restart_on_any_disk() {
    for kept in [true, false] {
        let world = World::calm(Limits::default());
        let key = key_of(0);
        world.send(0, &entry(&key, Op::Add, 1));
        world.turns(5);
        world.kill(0);
        if !kept {
            world.instances[0].borrow_mut().disk = Default::default();
        }
        world.start(0);
        world.send(0, &entry(&key, Op::Add, 1));
        world.must_be_right();
        assert_eq!(world.story(&key).len(), 1, "disk kept: {kept}");
    }
}

#[test]
fn sim_an_answered_duplicate_gets_the_same_answer_and_nothing_else() {
    let world = World::calm(Limits::default());
    let key = key_of(1);
    world.send(0, &entry(&key, Op::Park, 5));
    world.turns(5);
    for _ in 0..2 {
        world.send(1, &release(&key, 1));
    }
    world.must_be_right();
    let broker = world.shared.broker.borrow();
    let answers: Vec<_> = broker.log("replies.v1", 0).ever().map(|stored| stored.message.clone()).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0].headers[0], answers[1].headers[0], "the same event id");
    let parked = ("Parked".to_owned(), 1, 0);
    drop(broker);
    assert_eq!(world.story(&key), [parked, ("Released".to_owned(), 2, 5)]);
    assert_ne!(id(0), id(1));
}

#[test]
fn sim_whether_an_id_is_known_does_not_depend_on_where_transactions_are_cut() {
    let run = |records: usize| {
        let world = World::calm(Limits { records, ..Limits::default() });
        let (key, now_ms) = (key_of(0), world.shared.time.wall_ms());
        // The same id again and again, at distances around the window's length.
        for step in 0..40 {
            world.send_at(0, &entry(&key, Op::Add, 1), now_ms + step * WINDOW_MS / 16);
            world.send_at(1 + step as u64, &entry(&key, Op::Add, 1), now_ms + step * WINDOW_MS / 16 + 1);
        }
        world.must_be_right();
        world.story(&key)
    };
    let one = run(1);
    assert_eq!(one, run(7));
    assert_eq!(one, run(1_000));
    assert!(one.len() > 40, "the window passed at least once");
}
