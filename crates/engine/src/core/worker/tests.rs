//! Decisions that random runs reach too rarely.

mod again;
mod ends;

use flow::{Duplicates, Id, Reject, Seen, StateRead, Topology};

use crate::core::dedup::tests::Kept;
use crate::core::dedup::{Memory, Window};
use crate::core::headers::Header;
use crate::core::ids;
use crate::core::io::{Action, Chunk, Failure, Framed, Handled, Input, Now, Opening, Passed, Record, Segment, Store};
use crate::core::keys;
use crate::core::logic::{Given, Logic, Outcome, RawEffects};
use crate::core::order::{Step, Steps};
use crate::core::pace::Limits;
use crate::core::task::Task;

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

/// What every input is, and what becomes of it.
struct Fixed(Option<(Id, Id)>, Outcome);

impl Logic for Fixed {
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
        out.lineage = self.0;
        Ok(self.1)
    }
}

const NOTHING: Fixed = Fixed(None, Outcome::Handled);
const TICKETED: Fixed = Fixed(Some((EVENT, TICKET)), Outcome::Duplicate);
const EVENT: Id = Id([7; 16]);
const TICKET: Id = Id([9; 16]);

struct Nothing;

/// A task that remembers nothing.
fn opening() -> Opening {
    let memory = Memory::read(0, &["a", "b"].map(ids::topic), TOPOLOGY.window_ms, &Nothing);
    Opening { memory, ..Opening::default() }
}

impl Store for Nothing {
    fn get(&self, _: u32, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn scan(&self, _: u32, _: &[u8], _: &[u8], _: &mut dyn FnMut(&[u8], &[u8]) -> bool) {}

    fn chunk(&self, _: u32, _: u32, _: Segment, _: i64) -> Option<Vec<u8>> {
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
    Worker::new(Box::new(NOTHING), [].into(), Limits { held, ..Limits::default() })
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
fn three_aborts_of_a_transaction_without_a_record_stop_the_worker() {
    let mut worker = worker(10);
    let stops = |actions: Vec<Action>| actions.iter().any(|action| matches!(action, Action::Stop(_)));
    for _ in 0..2 {
        assert!(!stops(step(&mut worker, Input::Failed(Failure::Refused("too large".into())))));
    }
    assert!(stops(step(&mut worker, Input::Failed(Failure::Refused("too large".into())))));
}

/// One abort of a transaction with a record in it, at this second.
fn abort_at(worker: &mut Worker, second: u64) -> Vec<Action> {
    let now = Now { wall_ms: 1, mono_us: second * 1_000_000 };
    step(worker, Input::Tick { now, drained: false });
    let begun = step(worker, record(1, 5));
    assert!(begun.contains(&Action::Begin), "{begun:?}");
    step(worker, Input::Failed(Failure::World("PurgeQueue".into())))
}

#[test]
fn aborts_without_progress_are_said_and_then_stop_the_worker() {
    let mut worker = worker(10);
    step(&mut worker, Input::Open(Opening { task: 0, positions: vec![0, 5], ..opening() }));
    let stops = |actions: &[Action]| {
        actions.iter().find_map(|action| match action {
            Action::Stop(why) => Some(why.clone()),
            _ => None,
        })
    };
    for second in 0..60 {
        assert_eq!(stops(&abort_at(&mut worker, second)), None);
        assert_eq!(worker.stalled(), None, "a bad minute is no reason");
    }
    assert_eq!(stops(&abort_at(&mut worker, 61)), None);
    let said = worker.stalled().expect("ten aborts and a minute");
    assert!(said.contains("PurgeQueue") && said.contains("b/0 at 5"), "{said}");
    for second in 62..120 {
        assert_eq!(stops(&abort_at(&mut worker, second)), None, "second {second}");
    }
    let why = stops(&abort_at(&mut worker, 121)).expect("a hundred aborts and two minutes");
    assert!(why.starts_with("120 aborts") && why.contains("b/0 at 5"), "{why}");

    // The task is somebody else's now, and the trouble with it.
    step(&mut worker, Input::Close(0));
    assert_eq!(worker.stalled(), None);
    step(&mut worker, Input::Open(Opening { task: 0, positions: vec![0, 5], ..opening() }));
    for second in 200..262 {
        abort_at(&mut worker, second);
    }
    assert!(worker.stalled().is_some());

    // One commit, and all is forgotten.
    let mut actions = step(&mut worker, record(1, 5));
    actions.extend(step(&mut worker, Input::Flush));
    assert!(actions.contains(&Action::Commit));
    step(&mut worker, Input::Committed { now: Now { wall_ms: 1, mono_us: 1 << 40 }, logged: Vec::new() });
    assert_eq!(worker.stalled(), None);
}

#[test]
fn an_outage_of_a_minute_an_abort_stops_nobody() {
    let mut worker = worker(10);
    step(&mut worker, Input::Open(Opening { task: 0, positions: vec![0, 5], ..opening() }));
    for minute in 0..90 {
        let actions = abort_at(&mut worker, minute * 60);
        assert!(!actions.iter().any(|action| matches!(action, Action::Stop(_))));
    }
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
fn what_waits_for_its_turn_is_bounded_by_records_and_bytes() {
    // The key of each of these records is one byte, and there is nothing else.
    for limits in [Limits { held: 4, ..Limits::default() }, Limits { held: 100, held_bytes: 4, ..Limits::default() }] {
        fourth_record_fills(limits);
    }
}

fn fourth_record_fills(limits: Limits) {
    let mut worker = Worker::new(Box::new(NOTHING), [].into(), limits);
    // The recorded order wants input 1 first; what comes of input 0 has to wait.
    let steps = history(&["a", "b"], &[run(1, 1), run(0, 9)]);
    step(
        &mut worker,
        Input::Open(Opening { task: 0, positions: vec![0, 0], order_last: Some(steps.encode()), ..opening() }),
    );
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

fn run(input: usize, offset_next: i64) -> Step {
    Step::Run { input, offset_next, records: Some(offset_next as u64) }
}

/// A record of the history that begins at 0.
fn history(inputs: &[&str], steps: &[Step]) -> Steps {
    let inputs: Vec<u32> = inputs.iter().map(|input| ids::topic(input)).collect();
    Steps { begin: vec![0; inputs.len()], inputs, steps: steps.to_vec() }
}

/// What a task at these positions does that follows this history and is given these records (input, offset).
fn followed(positions: [i64; 2], history: &Steps, records: &[(usize, i64)]) -> (u64, Option<String>) {
    let mut worker = worker(100);
    let value = history.encode();
    let opening = Opening { task: 0, positions: positions.to_vec(), order_last: Some(value.clone()), ..opening() };
    let mut actions = step(&mut worker, Input::Open(opening));
    actions.extend(step(&mut worker, Input::Order { task: 0, page: vec![(0, value)] }));
    for (input, offset) in records {
        actions.extend(step(&mut worker, record(*input, *offset)));
    }
    let why = actions.into_iter().find_map(|action| match action {
        Action::Quarantine { task: 0, why } => Some(why),
        _ => None,
    });
    (worker.counts().records, why)
}

#[test]
fn a_history_is_followed_whatever_the_order_of_the_inputs_is_now() {
    // Written when `in:` was [b, a]: one of a, two of b, then the second of a.
    let history =
        history(&["b", "a"], &[run(1, 1), run(0, 2), Step::Run { input: 1, offset_next: 2, records: Some(1) }]);
    assert_eq!(followed([0, 0], &history, &[(1, 0), (1, 1)]), (0, None), "b waits for a");
    assert_eq!(followed([0, 0], &history, &[(1, 0), (0, 0)]), (2, None));
    assert_eq!(followed([0, 0], &history, &[(1, 0), (0, 0), (0, 1)]), (2, None), "the second of a waits for b");
    assert_eq!(followed([0, 0], &history, &[(1, 0), (0, 0), (0, 1), (1, 1)]), (4, None));
}

/// A store whose chunks must not all be read.
struct Unread(Kept);

impl Store for Unread {
    fn get(&self, task: u32, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(task, key)
    }

    fn scan(&self, task: u32, prefix: &[u8], from: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) {
        self.0.scan(task, prefix, from, visit);
    }

    fn chunk(&self, task: u32, input: u32, segment: Segment, at: i64) -> Option<Vec<u8>> {
        self.0.chunk(task, input, segment, at)
    }

    fn chunks(&self, _: u32, _: &mut dyn FnMut(Chunk)) {
        panic!("every chunk is read on the worker's thread");
    }
}

#[test]
fn ids_belong_to_the_name_of_their_input_and_not_to_its_place() {
    // Stored when "b" was the first input, and "gone" the second.
    let mut store = Kept(Vec::new());
    for (at, input) in ["b", "gone"].into_iter().enumerate() {
        let mut window = Window::new(0, ids::topic(input), TOPOLOGY.window_ms);
        window.add(EVENT, 5, 100);
        window.seal(at as i64, 100, &mut Vec::new());
        store.0.extend(window.committed(100).0);
    }
    let memory = Memory::read(0, &["a", "b"].map(ids::topic), TOPOLOGY.window_ms, &store);
    let opening = Opening { task: 0, positions: vec![0, 0], memory, ..Opening::default() };
    let mut task = Task::open(opening, TOPOLOGY.inputs, TOPOLOGY.window_ms, &store);
    let seen = |task: &Task, input: usize| task.windows[input].check(EVENT, 5, 100, &store);
    assert_eq!((seen(&task, 0), seen(&task, 1)), (Seen::New, Seen::Duplicate));
    // What is of no input any more takes no room for longer than the window.
    let gone = (ids::topic("gone"), store.0[1].segment);
    for (clock_ms, ended) in [(101, false), (102, true), (103, false)] {
        task.standing.clock_ms = clock_ms;
        let tombstones = if ended { vec![(keys::chunk(gone.0, gone.1, 1), None)] } else { Vec::new() };
        assert_eq!(task.seal_ids(), tombstones, "{clock_ms}");
        task.seal();
        assert_eq!(task.committed(None).expired, if ended { vec![gone] } else { Vec::new() });
    }
}

/// The worker's thread does not wait for a disk with millions of ids on it.
#[test]
fn a_task_is_opened_with_what_its_restore_has_read() {
    let mut window = Window::new(0, ids::topic("b"), TOPOLOGY.window_ms);
    window.add(EVENT, 5, 100);
    window.seal(1, 100, &mut Vec::new());
    let store = Kept(window.committed(100).0);
    let memory = Memory::read(0, &["a", "b"].map(ids::topic), TOPOLOGY.window_ms, &store);
    let opening = Opening { task: 0, positions: vec![0, 0], memory, ..Opening::default() };
    let mut worker = worker(10);
    worker.step(Input::Open(opening), &Unread(store), &mut Vec::new());
    let task = worker.tasks().next().expect("it is open");
    assert_eq!(task.windows.iter().map(Window::len).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn an_input_that_is_gone_is_a_gap() {
    let (_, why) = followed([0, 0], &history(&["a", "gone"], &[run(0, 1), run(1, 2)]), &[]);
    let why = why.expect("it cannot be followed");
    assert!(why.starts_with("history-gap: the record at 0 of task 0's history moves an input"), "{why}");
}

#[test]
fn a_compacted_input_may_lose_records_and_the_rest_is_followed() {
    let history = history(&["a", "b"], &[run(0, 5), run(1, 2)]);
    assert_eq!(followed([0, 0], &history, &[(0, 2), (1, 0)]), (1, None), "whether more of a comes is not known yet");
    assert_eq!(followed([0, 0], &history, &[(0, 2), (1, 0), (0, 7)]), (2, None), "what comes behind a's part was seen");
    assert_eq!(followed([0, 0], &history, &[(0, 2), (0, 4), (1, 1), (1, 0)]), (3, None));
}

#[test]
fn a_step_ends_where_the_consumer_has_gone_on_without_a_record() {
    let history = history(&["a", "b"], &[run(0, 5), run(1, 2), run(0, 8)]);
    let value = history.encode();
    let mut worker = worker(100);
    step(&mut worker, Input::Open(Opening { order_last: Some(value.clone()), positions: vec![0, 0], ..opening() }));
    step(&mut worker, Input::Order { task: 0, page: vec![(0, value)] });
    step(&mut worker, record(0, 2));
    step(&mut worker, record(1, 0));
    let passed = |from, to| Input::Passed(Passed { task: 0, input: 0, from, to });
    let now = Now { wall_ms: 1, mono_us: 1 };
    step(&mut worker, passed(3, 4));
    step(&mut worker, Input::Tick { now, drained: true });
    assert_eq!(worker.counts().records, 1, "there may be a record at 4");
    step(&mut worker, passed(3, 9));
    step(&mut worker, Input::Tick { now, drained: true });
    step(&mut worker, record(1, 1));
    assert_eq!(worker.counts().records, 3, "compaction took the rest of both runs of a");
    let task = worker.tasks().next().expect("it is open");
    assert_eq!(task.standing.positions, [8, 2]);
    step(&mut worker, Input::Order { task: 0, page: Vec::new() });
    step(&mut worker, Input::Tick { now, drained: true });
    assert!(worker.tasks().all(|task| task.follow.is_none()), "the past is over");
}

/// What was the last record when the task was opened is gone when it is read: retention, or somebody's hand.
#[test]
fn a_history_that_ends_before_its_last_record_is_a_gap() {
    let value = history(&["a", "b"], &[run(0, 5)]).encode();
    let mut worker = worker(100);
    step(&mut worker, Input::Open(Opening { order_last: Some(value), positions: vec![0, 0], ..opening() }));
    step(&mut worker, record(0, 0));
    let mut actions = step(&mut worker, Input::Order { task: 0, page: Vec::new() });
    actions.extend(step(&mut worker, Input::Tick { now: Now::default(), drained: true }));
    let why = actions.into_iter().find_map(|action| match action {
        Action::Quarantine { task: 0, why } => Some(why),
        _ => None,
    });
    assert!(why.is_some_and(|why| why.starts_with("history-gap: task 0's history is read to its end")));
    assert_eq!(worker.counts().records, 0, "nothing is guessed");
}

#[test]
fn a_history_that_begins_behind_the_positions_is_a_gap() {
    let mut history = history(&["a", "b"], &[run(0, 9)]);
    history.begin = vec![4, 0];
    assert_eq!(followed([4, 0], &history, &[]), (0, None));
    let (_, why) = followed([3, 0], &history, &[]);
    assert_eq!(
        why.as_deref().and_then(|why| why.split_once(';')).map(|(why, _)| why),
        Some("history-gap: the record at 0 of task 0's history begins at 4 of \"a\"/0, and 3 is reached")
    );
}

/// What the worker says of a record with this traceparent and no more.
fn handled(logic: Fixed, headers: &[Header<'_>], value: Option<&[u8]>) -> Handled {
    let mut worker = Worker::new(Box::new(logic), [].into(), Limits::default()).traced();
    step(&mut worker, Input::Open(Opening { task: 0, positions: vec![0, 0], ..opening() }));
    let record = Record {
        task: 0,
        input: 1,
        offset: 5,
        timestamp_ms: 1,
        key: Some(b"k"),
        value,
        headers,
        framed: Framed::Unframed,
    };
    let actions = step(&mut worker, Input::Record(record));
    let mut handled = actions.into_iter().filter_map(|action| match action {
        Action::Handled(handled) => Some(*handled),
        _ => None,
    });
    let one = handled.next().expect("an event is dealt with");
    assert_eq!(handled.next(), None);
    one
}

#[test]
fn a_trace_is_a_ticket_and_a_foreign_one_is_linked() {
    let own = format!("00-{}-00f067aa0ba902b7-01", "09".repeat(16));
    let of = handled(TICKETED, &[(b"traceparent", Some(own.as_bytes()))], None);
    let span = 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes();
    assert_eq!((of.trace_id, of.parent, of.link), (TICKET, Some(span), None));
    assert_eq!((of.event_id, of.outcome), (EVENT, Ok(Outcome::Duplicate)));

    let foreign = b"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes-later";
    let of = handled(TICKETED, &[(b"traceparent", Some(foreign))], None);
    let theirs = Id(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes());
    assert_eq!((of.trace_id, of.parent, of.link), (TICKET, None, Some((theirs, span))));

    let zero = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
    let bad = ["", "00", "00--", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &zero, "00-+bf9-1-01"];
    for bad in bad {
        let of = handled(TICKETED, &[(b"traceparent", Some(bad.as_bytes()))], None);
        assert_eq!((of.trace_id, of.parent, of.link), (TICKET, None, None), "{bad}");
    }
    // Without a ticket it goes on as it came.
    let of = handled(NOTHING, &[(b"traceparent", Some(foreign))], None);
    assert_eq!((of.trace_id, of.parent, of.link), (theirs, Some(span), None));
}

#[test]
fn what_cannot_be_read_is_told_of_by_its_headers_or_its_place() {
    let (event, ticket) = (EVENT.to_string(), TICKET.to_string());
    let said: [Header<'_>; 2] = [(b"event_id", Some(event.as_bytes())), (b"ticket_id", Some(ticket.as_bytes()))];
    let of = handled(NOTHING, &said, Some(b"garbage"));
    assert_eq!((of.event_id, of.ticket_id, of.trace_id), (EVENT, TICKET, TICKET));
    assert_eq!(of.outcome, Err(flow::Code::Undecodable));
    let of = handled(NOTHING, &[(b"\xff", None), (b"ticket_id", Some(b"\xff")), (b"event_id", None)], Some(b"garbage"));
    assert_eq!((of.event_id, of.ticket_id), (of.trace_id, Id::NIL));
    assert_eq!(of.event_id, crate::core::ids::place("b", 0, 5));
}
