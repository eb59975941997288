//! How transactions end: what waits for one that is on its way, what a stop names, what is told of those that are done.

use crate::core::counts::Committed;
use crate::core::io::{Action, Failure, Input, Now};
use crate::core::order::Steps;

use super::super::{RECENT, STALLED_ABORTS, STALLED_US, STOPPED_ABORTS, STOPPED_US, Worker};
use super::again::{open, record, worker};
use super::step;

fn now(mono_us: u64) -> Now {
    Now { wall_ms: 20_000, mono_us }
}

fn tick(worker: &mut Worker, mono_us: u64) {
    step(worker, Input::Tick { now: now(mono_us), drained: false });
}

fn commit(worker: &mut Worker, mono_us: u64) -> Vec<Action> {
    step(worker, Input::Committed { now: now(mono_us), logged: Vec::new() })
}

fn fail(worker: &mut Worker) -> Vec<Action> {
    step(worker, Input::Failed(Failure::World("no broker".to_owned())))
}

/// The kinds of actions, in order.
fn kinds(actions: &[Action]) -> Vec<&'static str> {
    let kind = |action: &Action| match action {
        Action::Begin => "begin",
        Action::Send(_) => "send",
        Action::OrderLog { .. } => "order",
        Action::SendOffsets(_) => "offsets",
        Action::Commit => "commit",
        Action::Abort => "abort",
        Action::ApplyToStore(_) => "apply",
        Action::Seek { .. } => "seek",
        Action::Stop(_) => "stop",
        _ => "",
    };
    actions.iter().map(kind).filter(|kind| !kind.is_empty()).collect()
}

#[test]
fn what_is_handled_while_a_commit_is_on_its_way_waits_for_it() {
    let mut worker = worker(100);
    open(&mut worker, 0, None);
    assert_eq!(kinds(&step(&mut worker, record(0, 0, 1, &[]))), ["begin", "send"]);
    assert_eq!(kinds(&step(&mut worker, Input::Flush)), ["order", "offsets", "commit"]);
    assert_eq!(kinds(&step(&mut worker, record(0, 1, 1, &[]))), [""; 0]);
    assert_eq!(kinds(&commit(&mut worker, 1)), ["apply", "begin", "send"]);
    assert_eq!(kinds(&step(&mut worker, Input::Flush)), ["order", "offsets", "commit"]);
    // And what a failure takes back does not happen with the next one.
    step(&mut worker, record(0, 2, 1, &[]));
    assert_eq!(kinds(&fail(&mut worker)), ["abort", "seek"]);
    let task = worker.tasks().next().expect("one task");
    assert_eq!(task.standing.positions, [1], "both are to be handled again");
    assert_eq!(kinds(&step(&mut worker, record(0, 1, 1, &[]))), ["begin", "send"]);
    step(&mut worker, Input::Flush);
    assert_eq!(kinds(&commit(&mut worker, 2)), ["apply"]);
}

#[test]
fn aborts_that_lead_nowhere_name_what_was_in_hand_and_end_the_worker() {
    let mut worker = worker(100);
    (0..3).for_each(|task| open(&mut worker, task, None));
    let hand = |worker: &mut Worker| {
        (0..3).for_each(|offset| drop(step(worker, record(0, offset, 1, &[]))));
        step(worker, record(2, 0, 1, &[]));
        fail(worker)
    };
    tick(&mut worker, 1);
    for _ in 1..STALLED_ABORTS {
        assert_eq!(kinds(&hand(&mut worker)).first(), Some(&"abort"));
    }
    tick(&mut worker, 1 + STALLED_US);
    assert_eq!(worker.stalled(), None, "an abort too few");
    hand(&mut worker);
    let seconds = STALLED_US / 1_000_000;
    let said =
        format!("{STALLED_ABORTS} aborts in {seconds} s without a commit: no broker; in hand: a/0 at 0 to 2, a/2 at 0");
    assert_eq!(worker.stalled(), Some(format!("no progress: {said}")));
    tick(&mut worker, STOPPED_US);
    for _ in STALLED_ABORTS..STOPPED_ABORTS {
        assert!(!kinds(&hand(&mut worker)).contains(&"stop"), "too early");
    }
    tick(&mut worker, 1 + STOPPED_US);
    let stopped = hand(&mut worker).into_iter().find_map(|action| match action {
        Action::Stop(why) => Some(why),
        _ => None,
    });
    let why = stopped.expect("it stops");
    // By then the records come one by one.
    assert!(why.contains("no broker; in hand: a/0 at 0 to 1; hint: "), "{why}");
    // One that leads somewhere is the end of it.
    step(&mut worker, record(0, 0, 1, &[]));
    step(&mut worker, Input::Flush);
    commit(&mut worker, 2 + STOPPED_US);
    assert_eq!((worker.stalled(), worker.counts().commits), (None, 1));
    hand(&mut worker);
    tick(&mut worker, 3 * STOPPED_US);
    assert_eq!(worker.stalled(), None, "it counts from the first of a row");
}

#[test]
fn each_transaction_is_told_once_with_its_size_and_time() {
    let mut worker = worker(100);
    open(&mut worker, 0, None);
    tick(&mut worker, 10);
    for (transaction, records) in [(0, 1), (1, 3)] {
        for offset in 0..records {
            step(&mut worker, record(0, transaction + offset, 1, &[]));
        }
        step(&mut worker, Input::Flush);
        tick(&mut worker, 500);
        commit(&mut worker, 1_000);
    }
    let told: Vec<Committed> = worker.take_committed().collect();
    let sizes: Vec<(u64, bool)> = told.iter().map(|of| (of.records, of.bytes > 0)).collect();
    assert_eq!(sizes, [(1, true), (3, true)]);
    assert_eq!((told[0].took_us, worker.counts().commits), (990, 2));
    assert_eq!(worker.take_committed().count(), 0);
    for offset in 4..4 + 2 * RECENT as i64 {
        step(&mut worker, record(0, offset, 1, &[]));
        step(&mut worker, Input::Flush);
        commit(&mut worker, 2_000);
    }
    assert_eq!(worker.take_committed().count(), RECENT, "a reader that is away costs no memory");
}

/// The first record of the history since a task was opened names the build; an aborted one does not count.
#[test]
fn the_build_is_named_once_and_again_after_an_abort() {
    let mut worker = worker(100).of_version("v1");
    open(&mut worker, 0, None);
    let named = |worker: &mut Worker, offset| {
        step(worker, record(0, offset, 1, &[]));
        let steps = step(worker, Input::Flush).into_iter().find_map(|action| match action {
            Action::OrderLog { value, .. } => Steps::decode(&value).ok(),
            _ => None,
        });
        format!("{:?}", steps.expect("a history").steps).matches("v1").count()
    };
    assert_eq!(named(&mut worker, 0), 1);
    fail(&mut worker);
    assert_eq!(named(&mut worker, 0), 1, "the abort took it back");
    commit(&mut worker, 1);
    assert_eq!(named(&mut worker, 1), 0);
}
