//! Decisions that random runs reach too rarely.

use flow::{Duplicates, Id, Reject, Seen, StateRead, Topology};

use crate::core::io::{Action, Chunk, Failure, Framed, Input, Opening, Record, Store};
use crate::core::logic::{Given, Logic, Outcome, RawEffects};
use crate::core::order::{Step, Steps};
use crate::core::pace::Limits;

use super::Worker;

const TOPOLOGY: Topology = Topology {
    name: "p",
    partitions: 1,
    inputs: &[
        flow::Input { topic: "a", records: &[], compacted: true, duplicates: Duplicates::Drop },
        flow::Input { topic: "b", records: &[], compacted: true, duplicates: Duplicates::Drop },
    ],
    outputs: &[],
    replies: &[],
    tables: &[],
    window_ms: 1,
};

struct Nothing;

impl Logic for Nothing {
    fn topology(&self) -> &'static Topology {
        &TOPOLOGY
    }

    fn process(
        &mut self,
        _: Given<'_>,
        _: &mut dyn FnMut(Id, u64) -> Seen,
        _: &dyn StateRead,
        _: &mut RawEffects,
    ) -> Result<Outcome, Reject> {
        Ok(Outcome::Handled)
    }
}

impl Store for Nothing {
    fn get(&self, _: u32, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn scan(&self, _: u32, _: &[u8], _: &[u8], _: &mut dyn FnMut(&[u8], &[u8]) -> bool) {}

    fn chunk(&self, _: u32, _: usize, _: i64, _: i64) -> Option<Vec<u8>> {
        None
    }

    fn chunks(&self, _: u32, _: &mut dyn FnMut(Chunk)) {}
}

fn step(worker: &mut Worker, input: Input<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    worker.step(input, &Nothing, &mut actions);
    actions
}

fn worker(held: usize) -> Worker {
    Worker::new(Box::new(Nothing), [].into(), Limits { held, ..Limits::default() })
}

fn record(input: usize, offset: i64) -> Input<'static> {
    let framed = Framed::Unframed;
    Input::Record(Record {
        task: 0,
        input,
        offset,
        timestamp_ms: 1,
        key: Some(b"k"),
        value: None,
        headers: &[],
        framed,
    })
}

#[test]
fn three_aborts_without_a_cause_stop_the_worker() {
    let mut worker = worker(10);
    let stops = |actions: Vec<Action>| actions.iter().any(|action| matches!(action, Action::Stop(_)));
    for _ in 0..2 {
        assert!(!stops(step(&mut worker, Input::Failed(Failure::Refused("too large".into())))));
    }
    assert!(stops(step(&mut worker, Input::Failed(Failure::Refused("too large".into())))));
}

#[test]
fn aborts_of_the_world_stop_nobody() {
    let mut worker = worker(10);
    for _ in 0..100 {
        let actions = step(&mut worker, Input::Failed(Failure::World("rebalance".into())));
        assert!(!actions.iter().any(|action| matches!(action, Action::Stop(_))));
    }
}

#[test]
fn what_waits_for_its_turn_is_bounded() {
    let mut worker = worker(4);
    // The recorded order wants input 1 first; what comes of input 0 has to wait.
    let steps = Steps {
        begin: vec![0, 0],
        steps: vec![Step::Run { input: 1, offset_next: 1 }, Step::Run { input: 0, offset_next: 9 }],
    };
    step(&mut worker, Input::Open(Opening { task: 0, positions: vec![0, 0], order_last: Some(steps.encode()) }));
    step(&mut worker, Input::Order { task: 0, page: vec![(0, steps.encode())] });
    let paused = |actions: &[Action]| actions.contains(&Action::Pause { task: 0, input: 0 });
    for offset in 0..3 {
        assert!(!paused(&step(&mut worker, record(0, offset))));
    }
    assert!(paused(&step(&mut worker, record(0, 3))), "the fourth fills the limit");
    let actions = step(&mut worker, record(1, 0));
    assert!(actions.contains(&Action::Resume { task: 0, input: 0 }), "its turn came, and what waited was handled");
    assert_eq!(worker.counts().records, 5);
}
