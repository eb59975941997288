//! The engine's decisions: a state machine that owns some tasks and one transaction at a time.
//!
//! Architecture Invariant: nothing here does I/O, reads a clock or draws a random number. `step` is a function of what
//! it was told and of the store's committed content, so the Kafka shell, the embedded shell and the simulator carry
//! out the very same decisions.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use flow::{Code, Id, Reject, Seen, Topology};

use super::ids;
use super::io::{Action, DeadLetter, Failure, Framed, Input, Now, Record, Send, Store, Target};
use super::keys::{self, Wake};
use super::logic::{Given, Logic, Outcome, RawEffects, RawSend};
use super::order::Step;
use super::overlay::View;
use super::pace::{Limits, Pace};
use super::task::{Follow, Held, Task};

/// A record whose timestamp is further ahead of the wall clock than this, in milliseconds, is rejected, not followed.
pub const AHEAD_MS: i64 = 3_600_000;

/// Counters since the start, for metrics and tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub records: u64,
    pub sends: u64,
    pub duplicates: u64,
    pub rejected: u64,
    pub wakes: u64,
    pub commits: u64,
    pub aborts: u64,
}

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
    refusals: u32,
}

/// The core of one worker.
pub struct Worker {
    logic: Box<dyn Logic>,
    topology: &'static Topology,
    /// Registry id of each schema that this processor writes, by fingerprint.
    wire_ids: HashMap<u64, u32>,
    limits: Limits,
    tasks: BTreeMap<u32, Task>,
    effects: RawEffects,
    now: Now,
    pace: Pace,
    open: Option<Open>,
    /// When the commit in flight was asked for.
    in_flight_us: Option<u64>,
    /// Actions of the next transaction, until the one in flight is known.
    waiting: Vec<Action>,
    flush: bool,
    /// The next tick has something to do at once.
    eager: bool,
    trouble: Trouble,
    /// (task, input, offset) of a record whose outputs the broker refused: it goes to the dead letters.
    condemned: Option<(u32, usize, i64, String)>,
    counts: Counts,
}

impl Worker {
    /// A worker without tasks. `wire_ids` maps schema fingerprints to registry ids and must know every record that the
    /// processor writes.
    pub fn new(logic: Box<dyn Logic>, wire_ids: HashMap<u64, u32>, limits: Limits) -> Worker {
        let topology = logic.topology();
        Worker {
            logic,
            topology,
            wire_ids,
            limits,
            tasks: BTreeMap::new(),
            effects: RawEffects::default(),
            now: Now::default(),
            pace: Pace::default(),
            open: None,
            in_flight_us: None,
            waiting: Vec::new(),
            flush: false,
            eager: false,
            trouble: Trouble::default(),
            condemned: None,
            counts: Counts::default(),
        }
    }

    /// The processor's map.
    pub fn topology(&self) -> &'static Topology {
        self.topology
    }

    /// Counters since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Tasks that are open.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// Whether a transaction is open or on its way.
    pub fn busy(&self) -> bool {
        self.open.is_some() || self.in_flight_us.is_some()
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
                let task = Task::open(opening, self.topology.inputs.len(), self.topology.window_ms, store);
                let id = task.id;
                self.tasks.insert(id, task);
                self.read_order(id, actions);
            }
            Input::Close(task) => {
                self.tasks.remove(&task);
            }
            Input::Record(record) => self.offer(&record, store, actions),
            Input::Tick { now, drained } => self.tick(now, drained, store, actions),
            Input::Flush => self.flush = true,
            // Nothing is handled here: the store lacks this transaction until the shell has carried out the actions.
            Input::Committed { now, logged } => self.committed(now, &logged, actions),
            Input::Failed(failure) => self.failed(&failure, store, actions),
            Input::Order { task, page } => self.order_page(task, page),
        }
        self.commit_if_due(false, actions);
    }

    fn tick(&mut self, now: Now, drained: bool, store: &dyn Store, actions: &mut Vec<Action>) {
        self.now = now;
        let due: Vec<u32> = self
            .tasks
            .values()
            .filter(|task| task.follow.is_none() && task.next_due.is_some_and(|due_ms| due_ms <= now.wall_ms))
            .map(|task| task.id)
            .collect();
        for id in due {
            if let Some(task) = self.tasks.get_mut(&id)
                && task.standing.clock_ms < now.wall_ms
            {
                task.standing.clock_ms = now.wall_ms;
                task.order.steps.push(Step::Clock { now_ms: now.wall_ms });
            }
        }
        self.pump_all(store, actions);
        self.commit_if_due(drained, actions);
    }

    /// Takes a record in its turn, or keeps it until then.
    fn offer(&mut self, record: &Record<'_>, store: &dyn Store, actions: &mut Vec<Action>) {
        let full = self.full();
        let held_max = self.limits.held;
        let Some(task) = self.tasks.get_mut(&record.task) else { return };
        if record.offset < task.standing.positions[record.input] {
            return;
        }
        let must_wait = full
            || task.follow.is_some()
            || task.next_due.is_some_and(|due_ms| due_ms <= task.standing.clock_ms)
            || !task.held[record.input].is_empty();
        if !must_wait {
            self.handle_record(record, store, actions, None);
            self.pump(record.task, store, actions);
            return;
        }
        if task.held[record.input].back().is_some_and(|last| last.offset() >= record.offset) {
            return;
        }
        task.held[record.input].push_back(Held::keep(record));
        if task.held[record.input].len() >= held_max && !task.paused[record.input] {
            task.paused[record.input] = true;
            actions.push(Action::Pause { task: record.task, input: record.input });
        }
        self.pump(record.task, store, actions);
    }

    fn pump_all(&mut self, store: &dyn Store, actions: &mut Vec<Action>) {
        let ids: Vec<u32> = self.tasks.keys().copied().collect();
        self.eager = false;
        for id in ids {
            self.pump(id, store, actions);
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
                Turn::Take { input, recorded } => (input, recorded),
                Turn::Again => continue,
                Turn::Wait => break,
            };
            let Some(held) = self.tasks.get_mut(&id).and_then(|task| task.held[input].pop_front()) else { break };
            held.lend(id, input, |record| self.handle_record(record, store, actions, recorded));
            self.resume(id, input, actions);
        }
        self.read_order(id, actions);
    }

    fn resume(&mut self, id: u32, input: usize, actions: &mut Vec<Action>) {
        let low = self.limits.held / 2;
        if let Some(task) = self.tasks.get_mut(&id)
            && task.paused[input]
            && task.held[input].len() <= low
        {
            task.paused[input] = false;
            actions.push(Action::Resume { task: id, input });
        }
    }

    /// Whose turn is it among the records at hand?
    fn turn(&mut self, id: u32) -> Turn {
        let Some(task) = self.tasks.get_mut(&id) else { return Turn::Wait };
        let Some(follow) = &mut task.follow else {
            let next = (0..task.held.len()).find(|input| !task.held[*input].is_empty());
            return next.map_or(Turn::Wait, |input| Turn::Take { input, recorded: None });
        };
        match follow.steps.front().copied() {
            None if follow.at_end => {
                // The recorded past is over: what is recorded from here on begins at these positions.
                task.follow = None;
                task.order.begin = task.standing.positions.clone();
                task.order.steps.clear();
                Turn::Again
            }
            None => Turn::Wait,
            Some(Step::Clock { now_ms }) => {
                follow.steps.pop_front();
                task.standing.clock_ms = task.standing.clock_ms.max(now_ms);
                Turn::Again
            }
            Some(
                step @ (Step::Run { input, offset_next }
                | Step::Ahead { input, offset_next }
                | Step::Refused { input, offset_next }),
            ) => {
                let at = task.standing.positions[input];
                let gone = task.held[input].front().is_some_and(|held| held.offset() >= offset_next);
                if at >= offset_next || gone {
                    follow.steps.pop_front();
                    return Turn::Again;
                }
                if task.held[input].is_empty() {
                    return Turn::Wait;
                }
                let last = task.held[input].front().is_some_and(|held| held.offset() + 1 == offset_next);
                let recorded = match step {
                    Step::Ahead { .. } if last => Some(Code::TimeAhead),
                    Step::Refused { .. } if last => Some(Code::OutputRefused),
                    _ => None,
                };
                Turn::Take { input, recorded }
            }
        }
    }

    fn order_page(&mut self, id: u32, page: Vec<(i64, Vec<u8>)>) {
        let Some(follow) = self.tasks.get_mut(&id).and_then(|task| task.follow.as_mut()) else { return };
        self.eager = true;
        follow.asked = false;
        follow.at_end = page.is_empty();
        for (offset, value) in page {
            follow.read_next = Some(offset + 1);
            if let Some(steps) = super::order::Steps::decode(&value) {
                follow.steps.extend(steps.steps);
            }
        }
    }

    fn read_order(&mut self, id: u32, actions: &mut Vec<Action>) {
        if let Some(Follow { asked, at_end: false, steps, read_next }) =
            self.tasks.get_mut(&id).and_then(|task| task.follow.as_mut())
            && !*asked
            && steps.is_empty()
        {
            *asked = true;
            actions.push(Action::ReadOrder { task: id, from: *read_next });
        }
    }

    fn full(&self) -> bool {
        self.open.is_some_and(|open| open.records >= self.record_limit() || open.bytes >= self.limits.bytes)
    }

    /// While the broker refuses something, one record a transaction, to find out which.
    fn record_limit(&self) -> usize {
        if self.trouble.refusals > 0 { 1 } else { self.limits.records }
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

    /// `recorded`: the verdict that the recorded order has on this record, while it is followed.
    fn handle_record(
        &mut self,
        record: &Record<'_>,
        store: &dyn Store,
        actions: &mut Vec<Action>,
        recorded: Option<Code>,
    ) {
        self.begin(actions).records += 1;
        self.counts.records += 1;
        let result = self.admit(record, recorded).and_then(|()| self.process(record, store, actions));
        let Some(task) = self.tasks.get_mut(&record.task) else { return };
        let input = record.input;
        task.standing.positions[input] = record.offset + 1;
        task.dirty = true;
        let code = result.as_ref().err().map(|reject| reject.code);
        let rejected_ahead = code == Some(Code::TimeAhead);
        if task.follow.is_none() {
            let offset_next = record.offset + 1;
            match code {
                Some(Code::TimeAhead) => task.order.steps.push(Step::Ahead { input, offset_next }),
                Some(Code::OutputRefused) => task.order.steps.push(Step::Refused { input, offset_next }),
                _ => task.order.run(input, offset_next),
            }
        }
        if !rejected_ahead {
            let standing = &mut task.standing;
            standing.log_time_ms[input] = standing.log_time_ms[input].max(record.timestamp_ms);
            standing.clock_ms = standing.clock_ms.max(record.timestamp_ms);
        }
        if let Err(reject) = result {
            self.dead_letter(record, reject, actions);
        }
    }

    /// What can be said of a record before it is decoded.
    fn admit(&self, record: &Record<'_>, recorded: Option<Code>) -> Result<(), Reject> {
        let task = &self.tasks[&record.task];
        // While following, the recorded verdict counts: today's clock and today's broker are others.
        if let Some(code) = recorded {
            return Err(Reject::new(code, "so the recorded order says of the first time"));
        }
        if let Some((id, input, offset, why)) = &self.condemned
            && (*id, *input, *offset) == (record.task, record.input, record.offset)
        {
            return Err(Reject::new(Code::OutputRefused, why.clone()));
        }
        if task.follow.is_none() && record.timestamp_ms > self.now.wall_ms.saturating_add(AHEAD_MS) {
            let detail = format!("timestamp {} ms, the clock says {} ms", record.timestamp_ms, self.now.wall_ms);
            return Err(Reject::new(Code::TimeAhead, detail));
        }
        let log_time_ms = task.standing.log_time_ms[record.input];
        let window_ms = self.topology.window_ms;
        let compacted = self.topology.inputs[record.input].compacted;
        if !compacted && record.timestamp_ms < log_time_ms.saturating_sub(window_ms) {
            let detail = format!(
                "timestamp {} ms lies before the dedup window of {window_ms} ms that ends at {log_time_ms} ms",
                record.timestamp_ms
            );
            return Err(Reject::new(Code::TooOld, detail));
        }
        let size = record.value.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len);
        if size > self.limits.record_bytes {
            let detail = format!("{size} bytes, the limit is {}", self.limits.record_bytes);
            return Err(Reject::new(Code::TooLarge, detail));
        }
        Ok(())
    }

    fn process(&mut self, record: &Record<'_>, store: &dyn Store, actions: &mut Vec<Action>) -> Result<(), Reject> {
        let key = match record.key.map(std::str::from_utf8) {
            Some(Ok(key)) if key.len() <= usize::from(u16::MAX) => key,
            Some(_) => return Err(Reject::new(Code::KeyMismatch, "the key is not UTF-8 of at most 65,535 bytes")),
            None => return Err(Reject::new(Code::KeyMismatch, "the record has no key")),
        };
        let given = match (record.value, record.framed) {
            (None, _) => {
                let cause = format!("{}/{}/{}", self.topology.inputs[record.input].topic, record.task, record.offset);
                let id = ids::identity("tombstone", &cause);
                Given::Tombstone { input: record.input, key, id, time_ms: record.timestamp_ms }
            }
            (Some(value), Framed::Known(schema)) => {
                check_fingerprint(record, schema.fingerprint)?;
                let body = &value[5..];
                Given::Record { input: record.input, key, schema, body, time_ms: record.timestamp_ms }
            }
            (Some(_), Framed::Unknown(id)) => {
                return Err(Reject::new(Code::SchemaUnknown, format!("schema id {id}: the registry has no such schema")));
            }
            (Some(value), Framed::Unframed) => {
                let detail = format!("{} bytes without Confluent framing (magic 0, 4-byte schema id)", value.len());
                return Err(Reject::new(Code::Undecodable, detail));
            }
        };
        let trace_id = trace_id(record);
        self.call(record.task, Some(record.input), key, given, record.timestamp_ms, trace_id, store, actions)
    }

    fn fire(&mut self, id: u32, store: &dyn Store, actions: &mut Vec<Action>) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        let clock_ms = task.standing.clock_ms;
        let Some(wake) = task.earliest_wake(store).filter(|wake| wake.due_ms <= clock_ms) else {
            task.next_due = task.earliest_wake(store).map(|wake| wake.due_ms);
            return;
        };
        task.building.0.insert(wake.encode(), None);
        task.dirty = true;
        self.begin(actions).records += 1;
        self.counts.wakes += 1;
        let Wake { due_ms, kind, key, sub } = &wake;
        let given = Given::Wake { key, due_ms: *due_ms, kind: *kind, sub };
        if let Err(reject) = self.call(id, None, key, given, *due_ms, None, store, actions) {
            // A timer has no bytes of its own: its store key stands in for them.
            let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
            let letter = DeadLetter {
                task: id,
                input: usize::MAX,
                offset: -1,
                timestamp_ms: *due_ms,
                key: Some(key.as_bytes().to_vec()),
                value: None,
                headers: vec![header("wake", &format!("{kind} {sub}"))],
                reject,
            };
            self.counts.rejected += 1;
            self.push(Action::DeadLetter(letter), actions);
        }
        if let Some(task) = self.tasks.get_mut(&id) {
            task.next_due = task.earliest_wake(store).map(|wake| wake.due_ms);
        }
    }

    /// Calls the handler and carries its effects into the open transaction: all of them or none.
    #[expect(clippy::too_many_arguments, reason = "what an event is made of")]
    fn call(
        &mut self,
        id: u32,
        input: Option<usize>,
        key: &str,
        given: Given<'_>,
        time_ms: i64,
        trace_id: Option<Id>,
        store: &dyn Store,
        actions: &mut Vec<Action>,
    ) -> Result<(), Reject> {
        let Some(task) = self.tasks.get_mut(&id) else { return Ok(()) };
        self.effects.clear();
        let view = View { layers: task.layers(store), key, unreadable: None.into() };
        let (windows, log_time_ms) = (&task.windows, &task.standing.log_time_ms);
        let mut seen = |id: Id, content: u64| {
            input.map_or(Seen::New, |input| windows[input].check(id, content, log_time_ms[input], store))
        };
        let (logic, effects) = (&mut self.logic, &mut self.effects);
        // A panic is a bug in the handler: its event is set aside, the partition goes on.
        let outcome = catch_unwind(AssertUnwindSafe(|| logic.process(given, &mut seen, &view, effects)))
            .unwrap_or_else(|panic| Err(Reject::new(Code::Bug, panic_text(panic.as_ref()))));
        if let Some(why) = view.unreadable.into_inner() {
            actions.push(Action::Rebuild { task: id, why });
            return Ok(());
        }
        match outcome? {
            Outcome::Duplicate => {
                self.counts.duplicates += 1;
                return Ok(());
            }
            Outcome::Handled => {}
        }
        self.check_sends()?;
        self.apply(id, input, key, time_ms, trace_id, actions);
        Ok(())
    }

    fn check_sends(&self) -> Result<(), Reject> {
        for send in &self.effects.sends {
            if send.value.len() > self.limits.record_bytes {
                let (record, size, limit) = (send.record, send.value.len(), self.limits.record_bytes);
                let detail = format!("record \"{record}\" would be {size} bytes, the limit is {limit}");
                return Err(Reject::new(Code::OutputTooLarge, detail));
            }
            if !self.wire_ids.contains_key(&send.fingerprint) {
                let detail = format!("record \"{}\" {} has no registry id", send.record, send.version);
                return Err(Reject::new(Code::Bug, detail));
            }
        }
        Ok(())
    }

    fn apply(
        &mut self,
        id: u32,
        input: Option<usize>,
        key: &str,
        time_ms: i64,
        trace_id: Option<Id>,
        actions: &mut Vec<Action>,
    ) {
        let mut bytes = 0;
        let sends: Vec<RawSend> = self.effects.sends.drain(..).collect();
        for send in sends {
            bytes += send.value.len() + send.key.len();
            self.counts.sends += 1;
            let action = Action::Send(self.finish(id, send, time_ms, trace_id));
            self.push(action, actions);
        }
        let Some(task) = self.tasks.get_mut(&id) else { return };
        for (table, sub, value) in self.effects.changes.drain(..) {
            let mut store_key = keys::table(table, key.as_bytes());
            store_key.extend(sub);
            bytes += store_key.len() + value.as_ref().map_or(0, Vec::len);
            task.building.0.insert(store_key, value);
        }
        for wake in self.effects.wakes.drain(..) {
            let at = Wake { due_ms: wake.at_ms, kind: wake.kind, key: key.to_owned(), sub: wake.sub };
            let due_ms = at.due_ms;
            task.building.0.insert(at.encode(), (!wake.cancel).then(Vec::new));
            if !wake.cancel {
                task.next_due = Some(task.next_due.map_or(due_ms, |next| next.min(due_ms)));
            }
        }
        if let (Some(input), Some((event, content))) = (input, self.effects.fresh.take()) {
            task.windows[input].add(event, content, task.standing.log_time_ms[input].max(time_ms));
        }
        if let Some(open) = &mut self.open {
            open.bytes += bytes;
        }
    }

    /// Fills in the registry id, the partition and the trace.
    fn finish(&self, task: u32, mut send: RawSend, time_ms: i64, trace_id: Option<Id>) -> Send {
        let wire_id = self.wire_ids.get(&send.fingerprint).copied().unwrap_or_default();
        send.value[1..5].copy_from_slice(&wire_id.to_be_bytes());
        let topic = match send.target {
            Target::Output(output) => self.topology.outputs[output],
            Target::Reply(reply) => self.topology.replies[reply],
        };
        let inherited = if send.meta.ticket_id == Id::NIL { send.meta.cause } else { send.meta.ticket_id };
        Send {
            task,
            topic: topic.name,
            partition: ids::partition(send.key.as_bytes(), topic.partitions),
            key: send.key,
            value: send.value,
            timestamp_ms: time_ms,
            meta: send.meta,
            record: send.record,
            version: send.version,
            fingerprint: send.fingerprint,
            content: send.content,
            trace_id: trace_id.unwrap_or(inherited),
        }
    }

    fn dead_letter(&mut self, record: &Record<'_>, reject: Reject, actions: &mut Vec<Action>) {
        let letter = DeadLetter {
            task: record.task,
            input: record.input,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect(),
            reject,
        };
        self.counts.rejected += 1;
        if let Some(open) = &mut self.open {
            open.bytes += record.value.map_or(0, <[u8]>::len);
        }
        self.push(Action::DeadLetter(letter), actions);
    }

    fn commit_if_due(&mut self, drained: bool, actions: &mut Vec<Action>) {
        if self.in_flight_us.is_some() {
            return;
        }
        let Some(open) = self.open else {
            self.flush = false;
            return;
        };
        let age_us = self.now.mono_us.saturating_sub(open.began_us);
        if self.flush || self.full() || self.pace.due(age_us, drained, &self.limits) {
            self.commit(actions);
        }
    }

    fn commit(&mut self, actions: &mut Vec<Action>) {
        let mut offsets = Vec::new();
        for task in self.tasks.values_mut().filter(|task| task.dirty) {
            let clocks = task.clocks();
            task.building.0.insert(keys::task(), Some(clocks));
            for (key, value) in &task.building.0 {
                actions.push(Action::Changelog { task: task.id, key: key.clone(), value: value.clone() });
            }
            for window in &mut task.windows {
                actions.extend(window.seal().into_iter().map(|value| Action::DedupLog { task: task.id, value }));
            }
            if task.follow.is_none() && !task.order.steps.is_empty() {
                actions.push(Action::OrderLog { task: task.id, value: task.order.encode() });
            }
            offsets.extend(task.standing.positions.iter().enumerate().map(|(input, next)| (task.id, input, *next)));
            task.seal();
        }
        self.open = None;
        self.flush = false;
        actions.push(Action::SendOffsets(offsets));
        actions.push(Action::Commit);
        self.in_flight_us = Some(self.now.mono_us);
    }

    fn committed(&mut self, now: Now, logged: &[super::io::Logged], actions: &mut Vec<Action>) {
        self.now = now;
        let Some(since_us) = self.in_flight_us.take() else { return };
        self.pace.measured(now.mono_us.saturating_sub(since_us));
        self.counts.commits += 1;
        self.condemned = None;
        let none = super::io::Logged::default();
        for task in self.tasks.values_mut().filter(|task| task.in_flight) {
            let logged = logged.iter().find(|logged| logged.task == task.id).unwrap_or(&none);
            actions.push(Action::ApplyToStore(task.committed(logged)));
        }
        let passed = self.trouble.positions.iter().all(|(id, before)| {
            self.tasks.get(id).is_none_or(|task| task.committed.positions.iter().zip(before).all(|(now, then)| now >= then))
        });
        if passed {
            self.trouble = Trouble::default();
        }
        actions.append(&mut self.waiting);
    }

    /// Abort is a full stop backwards.
    fn failed(&mut self, failure: &Failure, store: &dyn Store, actions: &mut Vec<Action>) {
        self.counts.aborts += 1;
        self.note_refusal(failure, actions);
        self.open = None;
        self.in_flight_us = None;
        self.waiting.clear();
        self.flush = false;
        actions.push(Action::Abort);
        for task in self.tasks.values_mut() {
            task.abort(store);
            for (input, offset_next) in task.standing.positions.iter().enumerate() {
                actions.push(Action::Seek { task: task.id, input, offset_next: *offset_next });
                // Paused or not: a fault may have come between a decision and its being carried out.
                task.paused[input] = false;
                actions.push(Action::Resume { task: task.id, input });
            }
        }
        let ids: Vec<u32> = self.tasks.keys().copied().collect();
        for id in ids {
            self.read_order(id, actions);
        }
    }

    /// A refused record is isolated, then set aside; refusals that no record explains stop the worker.
    fn note_refusal(&mut self, failure: &Failure, actions: &mut Vec<Action>) {
        let Failure::Refused(why) = failure else { return };
        let reached: Vec<(u32, Vec<i64>)> = self
            .tasks
            .values()
            .filter(|task| task.standing != task.committed)
            .map(|task| (task.id, task.standing.positions.clone()))
            .collect();
        self.trouble.refusals += 1;
        if self.trouble.refusals == 1 {
            self.trouble.positions = reached;
            return;
        }
        let moved: Vec<(u32, usize, i64)> = self
            .tasks
            .values()
            .flat_map(|task| {
                let pairs = task.standing.positions.iter().zip(&task.committed.positions).enumerate();
                pairs.filter(|(_, (now, then))| now > then).map(|(input, (now, _))| (task.id, input, now - 1))
            })
            .collect();
        if let [(task, input, offset)] = moved[..]
            && self.condemned.is_none()
        {
            self.condemned = Some((task, input, offset, why.clone()));
        } else if self.trouble.refusals >= 3 {
            let places: Vec<String> = moved
                .iter()
                .map(|(task, input, offset)| format!("{}/{task} at {offset}", self.topology.inputs[*input].topic))
                .collect();
            actions.push(Action::Stop(format!("three aborts without a cause at {}: {why}", places.join(", "))));
        }
    }
}

enum Turn {
    Take { input: usize, recorded: Option<Code> },
    Again,
    Wait,
}

fn check_fingerprint(record: &Record<'_>, known: u64) -> Result<(), Reject> {
    let Some((_, header)) = record.headers.iter().find(|(name, _)| *name == super::headers::FINGERPRINT) else {
        return Ok(());
    };
    let said = std::str::from_utf8(header).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
    if said == Some(known) {
        return Ok(());
    }
    let said = String::from_utf8_lossy(header);
    Err(Reject::new(Code::SchemaMismatch, format!("the id's schema is {known:016x}, the header says {said}")))
}

/// The trace id of an incoming W3C traceparent (`00-<32 hex>-<16 hex>-<2 hex>`), when there is a valid one.
fn trace_id(record: &Record<'_>) -> Option<Id> {
    let (_, value) = record.headers.iter().find(|(name, _)| *name == super::headers::TRACEPARENT)?;
    let hex = std::str::from_utf8(value).ok()?.strip_prefix("00-")?.get(..32)?;
    let number = u128::from_str_radix(hex, 16).ok().filter(|number| *number != 0)?;
    Some(Id(number.to_be_bytes()))
}

fn panic_text(panic: &(dyn std::any::Any + std::marker::Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the handler panicked: {}", text.unwrap_or("without a message"))
}
