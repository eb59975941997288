//! The engine's decisions: a state machine that owns some tasks and one transaction at a time.
//!
//! Architecture Invariant: nothing here does I/O, reads a clock or draws a random number. `step` is a function of what
//! it was told and of the store's committed content, so the Kafka shell, the embedded shell and the simulator carry
//! out the very same decisions.

mod commit;
mod handle;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use flow::Topology;

use super::clock::TrustedClock;
use super::counts::{Committed, Counts, TaskCounts};
use super::io::{Action, Input, Now, Passed, Record, Store};
use super::logic::{Logic, RawEffects};
use super::pace::{Limits, Pace};
use super::task::{Held, Task};
use turn::Turn;

/// A record whose timestamp is further ahead of the wall clock than this, in milliseconds, is rejected, not followed.
pub const AHEAD_MS: i64 = 3_600_000;

/// Committed transactions that are remembered until they are asked for, at most.
const RECENT: usize = 64;

/// What is in the open transaction.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    began_us: u64,
    records: usize,
    bytes: usize,
}

/// Aborts of the same offsets, to tell a bad record from a bad day.
#[derive(Debug, Default)]
struct Trouble {
    positions: Vec<(u32, Vec<i64>)>,
    /// Tasks of which only timers fired, and the last of these.
    timers: Vec<(u32, Vec<u8>)>,
    refusals: u32,
}

/// Aborts with no commit between them.
#[derive(Debug, Default)]
struct Streak {
    aborts: u32,
    since_us: u64,
    /// Tasks with something in hand. Once they are somebody else's, so is the trouble.
    tasks: BTreeSet<u32>,
    why: String,
}

/// As many aborts over as long a time, and a worker is not ready; the records come one by one, to find out which it is.
const STALLED_ABORTS: u32 = 10;
const STALLED_US: u64 = 60_000_000;
/// As many over as long a time end it.
const STOPPED_ABORTS: u32 = 100;
const STOPPED_US: u64 = 120_000_000;
/// Task, input and offset of a record.
type Place = (u32, usize, i64);

/// The core of one worker.
pub struct Worker {
    logic: Box<dyn Logic>,
    topology: &'static Topology,
    /// Registry id of each schema that this processor writes, by fingerprint.
    wire_ids: hashbrown::HashMap<u64, u32>,
    limits: Limits,
    /// Of the build, for the history.
    version: String,
    tasks: BTreeMap<u32, Task>,
    effects: RawEffects,
    now: Now,
    clock: TrustedClock,
    pace: Pace,
    open: Option<Open>,
    /// When the commit in flight was asked for, and what is in it.
    in_flight_us: Option<u64>,
    sealed: Open,
    /// Actions of the next transaction, until the one in flight is known.
    waiting: Vec<Action>,
    flush: bool,
    /// The next tick has something to do at once.
    eager: bool,
    /// The task that filled a transaction last: the one after it begins the next.
    filled_by: u32,
    trouble: Trouble,
    streak: Streak,
    /// Records whose outputs the broker refused: they go to the dead letters.
    condemned: BTreeMap<Place, String>,
    /// Records whose dead letters the broker refused: stubs of them are written.
    stubs: BTreeSet<Place>,
    /// The record that was handled last, if it was rejected.
    last_letter: Option<Place>,
    counts: Counts,
    /// Whether [`Action::Handled`] is asked for.
    traced: bool,
    /// Counts of tasks that were closed: they go on when the task comes back.
    former: BTreeMap<u32, TaskCounts>,
    recent: Vec<Committed>,
}

impl Worker {
    /// A worker without tasks. `wire_ids` maps schema fingerprints to registry ids and must know every record that the
    /// processor writes.
    pub fn new(logic: Box<dyn Logic>, wire_ids: HashMap<u64, u32>, limits: Limits) -> Worker {
        let topology = logic.topology();
        Worker {
            logic,
            topology,
            wire_ids: wire_ids.into_iter().collect(),
            limits,
            version: String::new(),
            tasks: BTreeMap::new(),
            effects: RawEffects::default(),
            now: Now::default(),
            clock: TrustedClock::default(),
            pace: Pace::default(),
            open: None,
            in_flight_us: None,
            sealed: Open::default(),
            waiting: Vec::new(),
            flush: false,
            eager: false,
            filled_by: 0,
            trouble: Trouble::default(),
            streak: Streak::default(),
            condemned: BTreeMap::new(),
            stubs: BTreeSet::new(),
            last_letter: None,
            counts: Counts::default(),
            traced: false,
            former: BTreeMap::new(),
            recent: Vec::new(),
        }
    }

    /// The same, naming its build in the history.
    pub fn of_version(mut self, version: &str) -> Worker {
        version.clone_into(&mut self.version);
        self
    }

    /// The same, saying of each event what became of it ([`Action::Handled`]).
    pub fn traced(mut self) -> Worker {
        self.traced = true;
        self
    }

    /// The processor's map.
    pub fn topology(&self) -> &'static Topology {
        self.topology
    }

    /// Counters since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What each task did here that is committed, those included that are closed now.
    pub fn task_counts(&self) -> BTreeMap<u32, TaskCounts> {
        let open = self.tasks.values().map(|task| (task.id, task.committed_counts));
        self.former.iter().map(|(id, counts)| (*id, *counts)).chain(open).collect()
    }

    /// The transactions committed since the last call, or the first of them when it is rarely called.
    pub fn take_committed(&mut self) -> std::vec::Drain<'_, Committed> {
        self.recent.drain(..)
    }

    /// Tasks that are open.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// Whether a transaction is open or on its way.
    pub fn busy(&self) -> bool {
        self.open.is_some() || self.in_flight_us.is_some()
    }

    /// Why nothing has been committed for a while although there is work; `None` while there is progress.
    pub fn stalled(&self) -> Option<String> {
        self.is_stalled().then(|| {
            let Streak { aborts, why, .. } = &self.streak;
            format!("no progress: {aborts} aborts in {} s without a commit: {why}", self.streak_us() / 1_000_000)
        })
    }

    fn streak_us(&self) -> u64 {
        self.now.mono_us.saturating_sub(self.streak.since_us)
    }

    fn is_stalled(&self) -> bool {
        self.streak.aborts >= STALLED_ABORTS && self.streak_us() >= STALLED_US
    }

    /// Whether the next tick has something to do at once: it is not worth waiting for records.
    pub fn eager(&self) -> bool {
        self.eager
    }

    /// The next moment at which a tick would do something: microseconds from the last tick's `now`, if any.
    pub fn idle_us(&self) -> Option<u64> {
        let open = self.open.as_ref()?;
        let age = self.now.mono_us.saturating_sub(open.began_us);
        Some(self.pace.wait_us(&self.limits).saturating_sub(age))
    }

    /// The earliest timer of all tasks, in wall-clock milliseconds.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.tasks.values().filter(|task| task.follow.is_none()).filter_map(|task| task.next_due).min()
    }

    /// Decides what is to happen because of `input`; appends it to `actions`.
    pub fn step(&mut self, input: Input<'_>, store: &dyn Store, actions: &mut Vec<Action>) {
        match input {
            Input::Open(opening) => {
                let mut task = Task::open(opening, self.topology.inputs, self.topology.window_ms, store);
                let id = task.id;
                task.count_from(self.former.remove(&id).unwrap_or_default());
                let gap = task.gap.clone();
                self.tasks.insert(id, task);
                if let Some(gap) = gap {
                    self.quarantine(id, &gap, actions);
                }
                self.read_order(id, actions);
            }
            Input::Close(task) => {
                if let Some(closed) = self.tasks.remove(&task) {
                    self.former.insert(task, closed.committed_counts);
                }
                if self.streak.tasks.remove(&task) && self.streak.tasks.is_empty() {
                    self.streak = Streak::default();
                }
            }
            Input::Record(record) => self.offer(&record, store, actions),
            Input::Tick { now, drained } => self.tick(now, drained, store, actions),
            Input::Flush => self.flush = true,
            // Nothing is handled here: the store lacks this transaction until the shell has carried out the actions.
            Input::Committed { now, logged } => self.committed(now, &logged, actions),
            Input::Failed(failure) => self.failed(&failure, store, actions),
            Input::Order { task, page } => self.order_page(task, page, actions),
            Input::Passed(Passed { task, input, from, to }) => {
                if let Some(task) = self.tasks.get_mut(&task) {
                    task.pass(input, from, to);
                }
            }
        }
        self.commit_if_due(false, actions);
    }

    fn tick(&mut self, now: Now, drained: bool, store: &dyn Store, actions: &mut Vec<Action>) {
        self.read_clock(now);
        let wall_ms = self.clock.wall_ms(now);
        let is_due = |task: &&Task| task.follow.is_none() && task.next_due.is_some_and(|due_ms| due_ms <= wall_ms);
        let due: Vec<u32> = self.tasks.values().filter(is_due).map(|task| task.id).collect();
        for id in due {
            self.fire_until(id, wall_ms, store, actions);
        }
        self.pump_all(store, actions);
        self.commit_if_due(drained, actions);
    }

    /// Takes in a reading of the clocks. The first one is believed.
    pub fn read_clock(&mut self, now: Now) {
        self.now = now;
        self.counts.clock_steps += u64::from(self.clock.read(now));
    }

    /// The wall clock in milliseconds, as far as it is believed ([`TrustedClock`]).
    pub fn wall_ms(&self, now: Now) -> i64 {
        self.clock.wall_ms(now)
    }

    /// Takes a record in its turn, or keeps it until then.
    fn offer(&mut self, record: &Record<'_>, store: &dyn Store, actions: &mut Vec<Action>) {
        let full = self.full();
        let Limits { held, held_bytes, .. } = self.limits;
        let wall_ms = self.clock.wall_ms(self.now);
        let Some(task) = self.tasks.get_mut(&record.task) else { return };
        if record.offset < task.standing.positions[record.input] {
            return;
        }
        let must_wait = full
            || task.follow.is_some()
            || task.next_due.is_some_and(|due_ms| due_ms <= task.standing.clock_ms)
            || perhaps_ahead(record.timestamp_ms, wall_ms, self.now)
            || !task.held[record.input].is_empty();
        if !must_wait {
            self.handle_record(record, store, actions, None);
            self.pump(record.task, store, actions);
            return;
        }
        if task.held[record.input].back().is_some_and(|last| last.offset() >= record.offset) {
            return;
        }
        let queue = &mut task.held[record.input];
        queue.push(Held::keep(record));
        if (queue.len() >= held || queue.bytes() >= held_bytes) && !task.paused[record.input] {
            task.paused[record.input] = true;
            actions.push(Action::Pause { task: record.task, input: record.input });
        }
        self.pump(record.task, store, actions);
    }

    fn pump_all(&mut self, store: &dyn Store, actions: &mut Vec<Action>) {
        let mut ids: Vec<u32> = self.tasks.keys().copied().collect();
        // A task that fills every transaction must not keep the others waiting.
        let (next, count) = (ids.partition_point(|id| *id <= self.filled_by), ids.len().max(1));
        ids.rotate_left(next % count);
        self.eager = false;
        let mut full = self.full();
        for id in ids {
            self.pump(id, store, actions);
            if !full && self.full() {
                (full, self.filled_by) = (true, id);
            }
        }
        self.eager |= self.full();
    }

    /// Does what this task can do now: timers that are due come before records, records in their turn.
    fn pump(&mut self, id: u32, store: &dyn Store, actions: &mut Vec<Action>) {
        while !self.full() {
            let Some(task) = self.tasks.get_mut(&id) else { return };
            if task.next_due.is_some_and(|due_ms| due_ms <= task.standing.clock_ms) {
                self.fire(id, store, actions);
                continue;
            }
            let (input, recorded) = match self.turn(id) {
                Ok(Turn::Take { input, recorded }) => (input, recorded),
                Ok(Turn::Again) => continue,
                Ok(Turn::Wait) => break,
                Err(gap) => {
                    self.quarantine(id, &gap, actions);
                    break;
                }
            };
            let Some(held) = self.tasks.get_mut(&id).and_then(|task| task.held[input].pop()) else { break };
            held.lend(id, input, |record| self.handle_record(record, store, actions, recorded));
            self.resume(id, input, actions);
        }
        self.read_order(id, actions);
    }

    fn resume(&mut self, id: u32, input: usize, actions: &mut Vec<Action>) {
        let (low, low_bytes) = (self.limits.held / 2, self.limits.held_bytes / 2);
        if let Some(task) = self.tasks.get_mut(&id)
            && task.paused[input]
            && task.held[input].len() <= low
            && task.held[input].bytes() <= low_bytes
        {
            task.paused[input] = false;
            actions.push(Action::Resume { task: id, input });
        }
    }

    fn full(&self) -> bool {
        self.open.is_some_and(|open| open.records >= self.record_limit() || open.bytes >= self.limits.bytes)
    }

    /// While the broker refuses something, or nothing succeeds, one record a transaction, to find out which.
    fn record_limit(&self) -> usize {
        if self.trouble.refusals > 0 || self.is_stalled() { 1 } else { self.limits.records }
    }

    fn begin(&mut self, actions: &mut Vec<Action>) -> &mut Open {
        if self.open.is_none() {
            self.open = Some(Open { began_us: self.now.mono_us, ..Open::default() });
            self.push(Action::Begin, actions);
        }
        self.open.get_or_insert_default()
    }

    /// Actions of a transaction wait while another one is in flight.
    fn push(&mut self, action: Action, actions: &mut Vec<Action>) {
        if self.in_flight_us.is_some() { self.waiting.push(action) } else { actions.push(action) }
    }
}

/// Whether this time lies in the future by the clock that is believed, and does not by the clock of the machine: which of
/// them is right is known within minutes ([`TrustedClock`]), so its record waits.
fn perhaps_ahead(timestamp_ms: i64, wall_ms: i64, now: Now) -> bool {
    let ahead_of = |clock_ms: i64| timestamp_ms > clock_ms.saturating_add(AHEAD_MS);
    ahead_of(wall_ms) && !ahead_of(now.wall_ms)
}
