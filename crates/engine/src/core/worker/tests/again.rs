//! What is sent again after a reset, what is read again, and whose turn it is when transactions are full.

use flow::{Code, Duplicates, Id, Meta, Reject, Seen, StateRead, Topology};

use crate::core::dedup::Memory;
use crate::core::headers::{self, Header};
use crate::core::ids;
use crate::core::io::{Action, Failure, Framed, Input, Now, Opening, Record, Target};
use crate::core::logic::{Given, Logic, Outcome, RawEffects, RawSend};
use crate::core::order::{Step, Steps};
use crate::core::pace::Limits;

use super::super::Worker;
use super::{Nothing, step};

const WINDOW_MS: i64 = 1_000;
const TOPOLOGY: Topology = Topology {
    name: "echo",
    partitions: 3,
    inputs: &[flow::Input { topic: "a", records: &[], compacted: false, duplicates: Duplicates::Drop }],
    outputs: &[flow::Topic { name: "out", partitions: 1 }],
    replies: &[],
    tables: &[],
    window_ms: WINDOW_MS,
};

/// Sends one record for each input.
struct Echo;

impl Logic for Echo {
    fn topology(&self) -> &'static Topology {
        &TOPOLOGY
    }

    fn process(
        &mut self,
        _: Given<'_>,
        _: &mut dyn FnMut(Id, u64) -> Seen,
        _: &dyn StateRead,
        out: &mut RawEffects,
    ) -> Result<Outcome, Reject> {
        out.sends.push(RawSend {
            target: Target::Output(0),
            key: "k".to_owned(),
            value: vec![0; 6],
            meta: Meta::default(),
            record: "R",
            version: "1.0.0",
            fingerprint: 1,
            content: 1,
        });
        Ok(Outcome::Handled)
    }
}

pub(super) fn worker(records: usize) -> Worker {
    Worker::new(Box::new(Echo), [(1, 1)].into(), Limits { records, ..Limits::default() })
}

pub(super) fn open(worker: &mut Worker, task: u32, order_last: Option<Vec<u8>>) {
    let memory = Memory::read(task, &[ids::topic("a")], WINDOW_MS, &Nothing);
    step(worker, Input::Open(Opening { task, positions: vec![0], order_last, memory, ..Opening::default() }));
}

pub(super) fn record(task: u32, offset: i64, timestamp_ms: i64, headers: &'static [Header<'static>]) -> Input<'static> {
    let of = |key: &&&str| ids::partition(key.as_bytes(), TOPOLOGY.partitions) == task;
    let key = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9"].iter().find(of);
    let (key, framed) = (key.map(|key| key.as_bytes()), Framed::Unframed);
    Input::Record(Record { task, input: 0, offset, timestamp_ms, key, value: None, headers, framed })
}

/// Whether each send of these actions is marked as a repeat.
fn marks(actions: &[Action]) -> Vec<bool> {
    let mark = |action: &Action| if let Action::Send(send) = action { Some(send.repeat) } else { None };
    actions.iter().filter_map(mark).collect()
}

#[test]
fn what_is_sent_while_the_past_is_followed_is_marked_as_a_repeat() {
    let mut worker = worker(100);
    let run = Step::Run { input: 0, offset_next: 1, records: Some(1) };
    let past = Steps { inputs: vec![ids::topic("a")], begin: vec![0], steps: vec![run] }.encode();
    open(&mut worker, 0, Some(past.clone()));
    step(&mut worker, Input::Order { task: 0, page: vec![(0, past)] });
    assert_eq!(marks(&step(&mut worker, record(0, 0, 1, &[]))), [true]);
    step(&mut worker, Input::Order { task: 0, page: Vec::new() });
    assert_eq!(marks(&step(&mut worker, record(0, 1, 1, &[]))), [false], "the past is over");
}

#[test]
fn a_repeat_beyond_the_window_is_dropped_and_counted() {
    const REPEAT: &[Header<'_>] = &[(headers::REPEAT.as_bytes(), Some(b"true"))];
    const NO_REPEAT: &[Header<'_>] = &[(headers::REPEAT.as_bytes(), Some(b"no"))];
    let mut worker = worker(100);
    open(&mut worker, 0, None);
    step(&mut worker, Input::Tick { now: Now { wall_ms: 20_000, mono_us: 1 }, drained: false });
    step(&mut worker, record(0, 0, 10_000, &[]));
    let old = 10_000 - WINDOW_MS - 1;
    let letters = |actions: Vec<Action>| {
        let code = |action| if let Action::DeadLetter(letter) = action { Some(letter.reject.code) } else { None };
        actions.into_iter().filter_map(code).collect::<Vec<_>>()
    };
    assert_eq!(letters(step(&mut worker, record(0, 1, old, REPEAT))), Vec::new());
    assert_eq!(letters(step(&mut worker, record(0, 2, old, &[]))), [Code::TooOld], "it may never have been handled");
    assert_eq!(letters(step(&mut worker, record(0, 3, old, NO_REPEAT))), [Code::TooOld]);
    assert_eq!(marks(&step(&mut worker, record(0, 4, 10_000, REPEAT))), [false], "the window knows what it is");
    let task = worker.tasks().next().expect("one task");
    assert_eq!((task.counts.repeats, task.counts.consumed, task.standing.positions[0]), (1, 5, 5));
}

#[test]
fn no_task_waits_because_another_one_fills_every_transaction() {
    let mut worker = worker(1);
    (0..3).for_each(|task| open(&mut worker, task, None));
    let mut mono_us = 0;
    let mut now = || {
        mono_us += 1_000;
        Now { wall_ms: 1, mono_us }
    };
    step(&mut worker, Input::Tick { now: now(), drained: false });
    // Each brings more than one transaction takes; the first has always something left.
    for offset in 0..10 {
        (0..3).for_each(|task| drop(step(&mut worker, record(task, offset, 1, &[]))));
    }
    for _ in 0..9 {
        step(&mut worker, Input::Committed { now: now(), logged: Vec::new() });
        step(&mut worker, Input::Tick { now: now(), drained: false });
    }
    let at: Vec<i64> = worker.tasks().map(|task| task.standing.positions[0]).collect();
    assert!(at.iter().all(|position| (3..=5).contains(position)), "{at:?}");
}

/// Counters of Prometheus never go back: not by an abort, and not because a task went away and came back.
#[test]
fn a_task_that_comes_back_counts_on_from_what_was_committed() {
    let mut worker = worker(100);
    let now = || Now { wall_ms: 20_000, mono_us: 1 };
    let consumed = |worker: &Worker| worker.task_counts().get(&0).map_or(0, |counts| counts.consumed);
    open(&mut worker, 0, None);
    step(&mut worker, record(0, 0, 1, &[]));
    step(&mut worker, Input::Flush);
    step(&mut worker, Input::Committed { now: now(), logged: Vec::new() });
    assert_eq!(consumed(&worker), 1);
    step(&mut worker, record(0, 1, 1, &[]));
    assert_eq!(consumed(&worker), 1, "not committed yet");
    step(&mut worker, Input::Close(0));
    assert_eq!(consumed(&worker), 1, "and never will be");
    open(&mut worker, 0, None);
    assert_eq!(consumed(&worker), 1);
    step(&mut worker, record(0, 0, 1, &[]));
    step(&mut worker, Input::Failed(Failure::World("a test".to_owned())));
    assert_eq!(consumed(&worker), 1, "an abort takes back what it undoes, and no more");
    step(&mut worker, record(0, 0, 1, &[]));
    step(&mut worker, Input::Flush);
    step(&mut worker, Input::Committed { now: now(), logged: Vec::new() });
    assert_eq!(consumed(&worker), 2);
}
