//! One partition number of a processor's inputs: where it stands, what it remembers, what is on its way.

use std::collections::VecDeque;

use flow::Input;

use super::counts::TaskCounts;
use super::dedup::{Memory, Records, Stranger, Window};
use super::follow::{Follow, HistoryGap};
use super::headers::{self, Header, OwnedHeader};
use super::ids;
use super::io::{Batch, Framed, Logged, Opening, Record, Store, WriterSchema};
use super::keys::{self, Wake};
use super::order::{Step, Steps};
use super::overlay::{Layers, Overlay};
use super::record::{InputRecord, TaskRecord};

/// What a commit makes final and an abort takes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `offset_next` of each input.
    pub positions: Vec<i64>,
    /// Highest record timestamp of each input, in milliseconds; the log time of its dedup window.
    pub log_time_ms: Vec<i64>,
    /// From when on each input's identities are all remembered, in milliseconds of log time.
    pub known_from_ms: Vec<i64>,
    /// The time that timers go by: the highest log time, or when a timer was due that the wall clock fired.
    pub clock_ms: i64,
    /// Events handled: records taken and timers fired.
    pub events: u64,
}

/// A record kept until its turn.
#[derive(Debug, Clone)]
pub struct Held {
    offset: i64,
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<OwnedHeader>,
    framed: HeldFrame,
}

#[derive(Debug, Clone)]
enum HeldFrame {
    Known(WriterSchema),
    Unframed,
    Unknown(u32),
}

/// Where the history ended when the task was opened.
#[derive(Debug)]
struct Recorded {
    end: Vec<Option<i64>>,
    clock_ms: i64,
}

/// A task.
#[derive(Debug)]
pub struct Task {
    pub id: u32,
    /// Names of the inputs, as [`ids::topic`] has them.
    pub names: Vec<u32>,
    inputs: &'static [Input],
    changelog_id: String,
    /// Of each input.
    pub passed: Vec<Gap>,
    pub standing: Standing,
    pub committing_standing: Option<Standing>,
    pub committed: Standing,
    pub building: Overlay,
    pub committing: Overlay,
    pub windows: Vec<Window>,
    window_ms: i64,
    /// Chunks of topics that are no inputs any more. They expire by the task's clock.
    strangers: Vec<Stranger>,
    pub order: Steps,
    pub follow: Option<Follow>,
    recorded: Option<Recorded>,
    /// The history cannot be read, so that nothing is known of the past.
    pub gap: Option<HistoryGap>,
    /// The history does not name the present build yet, and whether the transaction on its way does.
    code_due: bool,
    code_sealed: bool,
    /// Time of the earliest timer, over all three layers.
    pub next_due: Option<i64>,
    /// No timer stands before this store key: those that fired are not looked at again.
    pub wakes_from: Vec<u8>,
    /// Records that arrived before their turn, by input.
    pub held: Vec<Queue>,
    pub paused: Vec<bool>,
    pub dirty: bool,
    /// Whether the recorded order is being followed when the next commit is built.
    pub in_flight: bool,
    pub counts: TaskCounts,
    committing_counts: TaskCounts,
    pub committed_counts: TaskCounts,
}

impl Task {
    /// A task at its committed positions, with what the restored store says.
    pub fn open(opening: Opening, inputs: &'static [Input], window_ms: i64, store: &dyn Store) -> Task {
        let id = opening.task;
        // A restore has refused bytes that are no such record.
        let record = store.get(id, &keys::task()).and_then(|bytes| TaskRecord::decode(&bytes)).unwrap_or_default();
        let known: Vec<InputRecord> =
            inputs.iter().map(|input| record.input(input.topic).cloned().unwrap_or_default()).collect();
        let passed = known.iter().map(|input| Gap { from: input.offset_next, to: input.passed_to }).collect();
        let standing = Standing {
            positions: opening.positions,
            log_time_ms: known.iter().map(|input| input.log_time_ms).collect(),
            known_from_ms: known.iter().map(|input| input.known_from_ms).collect(),
            clock_ms: record.clock_ms,
            events: record.events,
        };
        let count = inputs.len();
        let names = ids::inputs(inputs);
        let Memory { windows, strangers } = opening.memory;
        debug_assert_eq!(windows.len(), count, "a window for each input");
        let last = opening.order_last.as_deref().map(Steps::decode).transpose();
        let gap = |why| HistoryGap::Record { task: id, record: "the last record".to_owned(), why };
        let (last, gap) = last.map_or_else(|why| (None, Some(gap(why))), |last| (last, None));
        let mut task = Task {
            id,
            inputs,
            changelog_id: opening.changelog_id,
            passed,
            order: Steps { inputs: names.clone(), begin: standing.positions.clone(), steps: Vec::new() },
            committed: standing.clone(),
            standing,
            committing_standing: None,
            building: Overlay::default(),
            committing: Overlay::default(),
            windows,
            window_ms,
            strangers,
            follow: None,
            recorded: last.map(|last| Recorded { end: last.end_of(&names), clock_ms: last.clock_ms() }),
            names,
            gap,
            code_due: true,
            code_sealed: false,
            next_due: None,
            wakes_from: keys::wakes(),
            held: vec![Queue::default(); count],
            paused: vec![false; count],
            dirty: false,
            in_flight: false,
            counts: TaskCounts::default(),
            committing_counts: TaskCounts::default(),
            committed_counts: TaskCounts::default(),
        };
        task.follow = task.past();
        task.next_due = task.earliest_wake(store).map(|wake| wake.due_ms);
        task
    }

    /// Counts on from what the task did here before it was closed.
    pub fn count_from(&mut self, former: TaskCounts) {
        (self.counts, self.committing_counts, self.committed_counts) = (former, former, former);
    }

    /// The past that is not over yet: some input stands before its end, or the clock before its last step.
    fn past(&self) -> Option<Follow> {
        if self.gap.is_some() {
            return Some(Follow::stopped());
        }
        self.is_behind().then(Follow::default)
    }

    /// Whether the history, as far as its last record says, goes further than the task has got.
    pub fn is_behind(&self) -> bool {
        let Some(recorded) = &self.recorded else { return false };
        let mut ends = recorded.end.iter().zip(&self.standing.positions);
        ends.any(|(end, at)| end.is_some_and(|end| *at < end)) || recorded.clock_ms > self.standing.clock_ms
    }

    /// Names the build in the first record of the history since the task was opened.
    pub fn note_code(&mut self, version: &str) {
        if self.code_due && !version.is_empty() {
            self.order.steps.insert(0, Step::Code { version: version.to_owned() });
            self.code_sealed = true;
        }
    }

    /// What this task may read.
    pub fn layers<'a>(&'a self, store: &'a dyn Store) -> Layers<'a> {
        Layers { task: self.id, building: &self.building, committing: &self.committing, store }
    }

    /// The earliest timer that is set.
    pub fn earliest_wake(&self, store: &dyn Store) -> Option<Wake> {
        let prefix = keys::wakes();
        self.layers(store).scan(&prefix, &self.wakes_from, 1).first().and_then(|(key, _)| Wake::decode(key))
    }

    /// The task's own store record.
    pub fn record(&self) -> Vec<u8> {
        let standing = &self.standing;
        let input = |(at, input): (usize, &Input)| InputRecord {
            topic: input.topic.to_owned(),
            log_time_ms: standing.log_time_ms[at],
            known_from_ms: standing.known_from_ms[at],
            offset_next: standing.positions[at],
            passed_to: self.read_from(at),
        };
        TaskRecord {
            clock_ms: standing.clock_ms,
            events: standing.events,
            changelog_id: self.changelog_id.clone(),
            inputs: self.inputs.iter().enumerate().map(input).collect(),
        }
        .encode()
    }

    /// Where an input is read from to go on at its position: what was passed is not read again, and may not be there.
    pub fn read_from(&self, input: usize) -> i64 {
        let at = self.standing.positions[input];
        self.passed[input].read_from(at)
    }

    /// No record lies from `from` up to `to` of this input.
    pub fn pass(&mut self, input: usize, from: i64, to: i64) {
        let known = &mut self.passed[input];
        let to = if known.from == from { to.max(known.to) } else { to };
        *known = Gap { from, to };
    }

    /// Changelog records of the dedup windows for the transaction that is about to be sealed: chunks that begin, and such as
    /// end.
    pub fn seal_ids(&mut self) -> Records {
        let standing = &self.standing;
        let mut records = Records::new();
        for (input, window) in self.windows.iter_mut().enumerate() {
            window.seal(standing.positions[input], standing.log_time_ms[input], &mut records);
        }
        let begin_ms = standing.clock_ms.saturating_sub(self.window_ms);
        self.strangers.iter_mut().for_each(|stranger| stranger.end(begin_ms, &mut records));
        records
    }

    /// The transaction now on its way to Kafka takes everything that was built.
    pub fn seal(&mut self) {
        debug_assert!(self.committing.0.is_empty(), "one commit at a time");
        self.committing = std::mem::take(&mut self.building);
        self.committing_standing = Some(self.standing.clone());
        self.committing_counts = self.counts;
        self.begin_order();
        self.dirty = false;
        self.in_flight = true;
    }

    fn begin_order(&mut self) {
        self.order.begin.clone_from(&self.standing.positions);
        self.order.steps.clear();
    }

    /// The transaction is committed: what goes to the store.
    pub fn committed(&mut self, logged: Option<Logged>) -> Batch {
        self.in_flight = false;
        self.code_due &= !std::mem::take(&mut self.code_sealed);
        if let Some(standing) = self.committing_standing.take() {
            self.committed = standing;
            self.committed_counts = self.committing_counts;
        }
        let puts = std::mem::take(&mut self.committing).0.into_iter().collect();
        let changelog_next = logged.map(|logged| logged.changelog_next);
        let mut batch = Batch { task: self.id, puts, changelog_next, ..Batch::default() };
        for (input, window) in self.windows.iter_mut().enumerate() {
            let (chunks, over) = window.committed(self.committed.log_time_ms[input]);
            batch.chunks.extend(chunks);
            batch.expired.extend(over.into_iter().map(|segment| (self.names[input], segment)));
        }
        let begin_ms = self.committed.clock_ms.saturating_sub(self.window_ms);
        for stranger in &mut self.strangers {
            let over = stranger.committed(begin_ms);
            batch.expired.extend(over.into_iter().map(|segment| (stranger.input, segment)));
        }
        batch
    }

    /// Nothing since the last commit ever happened.
    pub fn abort(&mut self, store: &dyn Store) {
        self.building.0.clear();
        self.committing.0.clear();
        self.committing_standing = None;
        self.in_flight = false;
        self.standing = self.committed.clone();
        self.counts = self.committed_counts;
        self.begin_order();
        self.code_sealed = false;
        self.windows.iter_mut().for_each(Window::abort);
        self.strangers.iter_mut().for_each(Stranger::abort);
        for held in &mut self.held {
            held.clear();
        }
        // The transaction that is undone may be the one in which the recorded past ended.
        self.follow = self.past();
        self.dirty = false;
        self.wakes_from = keys::wakes();
        self.next_due = self.earliest_wake(store).map(|wake| wake.due_ms);
    }
}

/// A stretch of an input without a record: markers, aborted records, what compaction took.
#[derive(Debug, Clone, Copy)]
pub struct Gap {
    from: i64,
    to: i64,
}

impl Gap {
    /// Where the first record lies that may follow `at`, as far as is known.
    pub fn read_from(self, at: i64) -> i64 {
        if self.from <= at { self.to.max(at) } else { at }
    }
}

/// Records of one input that arrived before their turn.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    records: VecDeque<Held>,
    bytes: usize,
}

impl Queue {
    pub fn push(&mut self, held: Held) {
        self.bytes += held.bytes();
        self.records.push_back(held);
    }

    pub fn pop(&mut self) -> Option<Held> {
        let held = self.records.pop_front()?;
        self.bytes -= held.bytes();
        Some(held)
    }

    pub fn front(&self) -> Option<&Held> {
        self.records.front()
    }

    pub fn back(&self) -> Option<&Held> {
        self.records.back()
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of keys, values and headers.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn clear(&mut self) {
        (self.records, self.bytes) = Default::default();
    }
}

impl Held {
    /// A copy of a record.
    pub fn keep(record: &Record<'_>) -> Held {
        Held {
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: headers::to_owned(record.headers),
            framed: match record.framed {
                Framed::Known(schema) => HeldFrame::Known(schema.clone()),
                Framed::Unframed => HeldFrame::Unframed,
                Framed::Unknown(id) => HeldFrame::Unknown(id),
            },
        }
    }

    /// Lends the record to `with`.
    pub fn lend<R>(&self, task: u32, input: usize, with: impl FnOnce(&Record<'_>) -> R) -> R {
        let headers: Vec<Header<'_>> = headers::lend(&self.headers).collect();
        with(&Record {
            task,
            input,
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &headers,
            framed: match &self.framed {
                HeldFrame::Known(schema) => Framed::Known(schema),
                HeldFrame::Unframed => Framed::Unframed,
                HeldFrame::Unknown(id) => Framed::Unknown(*id),
            },
        })
    }

    /// Its timestamp, in milliseconds.
    pub fn timestamp_ms(&self) -> i64 {
        self.timestamp_ms
    }

    /// Its offset.
    pub fn offset(&self) -> i64 {
        self.offset
    }

    fn bytes(&self) -> usize {
        let of = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        of(&self.key) + of(&self.value) + headers::bytes(headers::lend(&self.headers))
    }
}
