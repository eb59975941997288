//! The pretend broker as one worker sees it: the third implementation of the engine's `Transport`.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::core::clock::STEP_MS;
use engine::core::headers;
use engine::core::io::{DeadLetter, Logged, Send, Stand};
use engine::core::order::{Step, Steps};
use engine::core::worker::AHEAD_MS;
use engine::shell::transport::{Change, Fault, Fetched, Transport};
use engine::shell::wire;

use crate::broker::group::Membership;
use crate::broker::log::Message;
use crate::clock::SimClock;
use crate::disk::MemDisk;
use crate::fetch::{deliver, passed};
use crate::inputs::CURSED_LETTER;
use crate::ledger::handle::CURSED;
use crate::ledger::{TASKS, TOPOLOGY};
use crate::restorer::{Answers, Asked, Job};
use crate::shared::{Hurt, Shared};

/// Records of one poll, at most.
pub const POLL: usize = 40;

/// How far ahead a clock may be that jumps now and then, in milliseconds: what is small enough is followed.
const CLOCK_OFF_MS: i64 = 3 * STEP_MS;

/// Where an input is read on.
#[derive(Debug, Clone, Copy)]
struct Fetch {
    next: i64,
    paused: bool,
}

/// What a transaction may be asked next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Only to begin.
    Idle,
    Open,
    /// Only to abort: something failed.
    Broken,
    /// Nothing at all before a new session.
    Unknown,
}

/// An instance's session with the broker.
pub struct SimTransport {
    shared: Rc<Shared>,
    disk: Arc<MemDisk>,
    me: usize,
    /// The wall clock of this instance, for restores.
    clock: SimClock,
    membership: Option<Membership>,
    /// Whether the group's answer to this membership was passed on.
    answered: bool,
    producer: Option<u32>,
    owned: BTreeSet<u32>,
    fetches: BTreeMap<(u32, usize), Fetch>,
    /// Restores asked for and their answers.
    asked: Asked,
    restored: Answers,
    stage: Stage,
    /// `offset_next` of the changelog, by task.
    logged: BTreeMap<u32, i64>,
    /// Tasks with records in the open transaction, and those whose offsets it carries.
    sent: BTreeSet<u32>,
    offsets: BTreeSet<u32>,
    /// The open transaction holds a record that the broker refuses.
    refused: bool,
}

impl SimTransport {
    /// A session that has not joined yet.
    pub fn new(shared: Rc<Shared>, disk: Arc<MemDisk>, me: usize, clock: SimClock) -> SimTransport {
        SimTransport {
            shared,
            disk,
            me,
            clock,
            membership: None,
            answered: false,
            producer: None,
            owned: BTreeSet::new(),
            fetches: BTreeMap::new(),
            asked: Asked::default(),
            restored: Answers::default(),
            stage: Stage::Idle,
            logged: BTreeMap::new(),
            sent: BTreeSet::new(),
            offsets: BTreeSet::new(),
            refused: false,
        }
    }

    /// The transactional id of an instance: the same after a restart.
    pub fn transactional_id(me: usize) -> String {
        format!("ledger-{me}")
    }

    fn forget(&mut self, tasks: &[u32]) {
        self.owned.retain(|task| !tasks.contains(task));
        self.fetches.retain(|(task, _), _| !tasks.contains(task));
        tasks.iter().for_each(|task| self.asked.forget(*task));
    }

    fn heartbeat(&mut self, into: &mut Fetched) {
        let mut broker = self.shared.broker.borrow_mut();
        let Some(known) = self.membership else {
            self.membership = Some(broker.group.join(self.me));
            self.answered = false;
            return;
        };
        let Some(standing) = broker.group.standing(self.me, known.session) else {
            drop(broker);
            self.membership = None;
            let lost: Vec<u32> = self.owned.iter().copied().collect();
            self.shared.note(format_args!("{} lost {lost:?}", self.me));
            self.forget(&lost);
            if !lost.is_empty() {
                into.changes.push(Change::Lost(lost));
            }
            return;
        };
        self.membership = Some(standing);
        let plan = broker.group.heartbeat(self.me, standing.session);
        if !plan.assigned.is_empty() && self.producer.is_none() {
            // Only now: a producer built before the group hands out an assignment would fence its twin at once.
            self.producer = Some(broker.init(&Self::transactional_id(self.me)));
            self.stage = Stage::Idle;
        }
        drop(broker);
        if !plan.revoked.is_empty() {
            self.shared.note(format_args!("{} to give up {:?}", self.me, plan.revoked));
            into.changes.push(Change::Revoked(plan.revoked));
        }
        if !plan.assigned.is_empty() || !std::mem::replace(&mut self.answered, true) {
            self.shared.note(format_args!("{} gets {:?}", self.me, plan.assigned));
            self.owned.extend(&plan.assigned);
            into.changes.push(Change::Assigned(plan.assigned));
        }
    }

    /// What restores beside this worker have come to: they get on while it polls.
    fn hear_restores(&mut self, into: &mut Fetched) {
        for _ in 0..self.shared.below(12) {
            if !self.shared.restores(self.me).step(&self.shared) {
                break;
            }
        }
        // Now and then the news arrives a poll later.
        if !self.shared.chance(200) {
            for (task, number, change) in self.restored.borrow_mut().drain(..) {
                if self.asked.wants(task, number) {
                    self.shared.note(format_args!("{} {change:?}", self.me));
                    into.changes.push(change);
                }
            }
        }
    }

    fn fetch(&mut self, into: &mut Fetched) {
        let mut left = 1 + self.shared.below(POLL as u64) as usize;
        let mut inputs: Vec<(u32, usize)> =
            self.fetches.iter().filter(|(_, fetch)| !fetch.paused).map(|(at, _)| *at).collect();
        while !inputs.is_empty() && left > 0 {
            let (task, input) = inputs.swap_remove(self.shared.below(inputs.len() as u64) as usize);
            let Some(fetch) = self.fetches.get_mut(&(task, input)) else { continue };
            let wanted = (1 + self.shared.below(left as u64)) as usize;
            let broker = self.shared.broker.borrow();
            let log = broker.log(TOPOLOGY.inputs[input].topic, task);
            let from = fetch.next;
            for stored in log.read(from).take(wanted) {
                fetch.next = stored.offset + 1;
                left -= 1;
                deliver(task, input, stored, into);
            }
            // The consumer has seen the markers behind the last record, or not yet.
            let behind = passed(task, input, log, into).filter(|_| self.shared.chance(500));
            into.passed.extend(behind);
        }
        if !into.slots.is_empty() {
            let slots: Vec<(u32, usize, i64)> =
                into.slots.iter().map(|slot| (slot.task, slot.input, slot.offset)).collect();
            self.shared.note(format_args!("{} polls {slots:?}", self.me));
        }
    }

    fn produce(&mut self, what: &str, topic: &str, partition: u32, message: Message) -> Result<i64, Fault> {
        self.shared.before(self.me, what, Hurt::Any).inspect_err(|_| self.stage = broken(self.stage))?;
        self.expect(Stage::Open, what);
        let task = message.task;
        let id = headers::find(headers::lend(&message.headers), headers::EVENT_ID);
        let id = id.and_then(|id| std::str::from_utf8(id).ok()?.get(..8)).unwrap_or_default().to_owned();
        self.shared.note(format_args!("{} {what} {topic}/{partition} for {task} {id}", self.me));
        let cursed = message.value.as_ref().is_some_and(|value| value.ends_with(CURSED.as_bytes()));
        let is_letter = topic.ends_with("-dlq");
        let by_chance = !cursed && !is_letter && self.shared.chance(self.shared.chaos.get().refuse);
        if by_chance || self.shared.refuse_all.get() {
            self.shared.refused_by_chance.set(true);
        }
        let refused = if is_letter { self.refuses_letter(&message) } else { cursed };
        if refused || by_chance || self.shared.refuse_all.get() {
            self.shared.note(format_args!("{} {what} is refused", self.me));
            // A broker's answer comes when it comes: now, or with the commit.
            if self.shared.chance(500) {
                self.stage = Stage::Broken;
                return Err(Fault::Refused(format!("a record for \"{topic}\"")));
            }
            self.refused = true;
        }
        let (id, epoch) = (Self::transactional_id(self.me), self.producer.unwrap_or(0));
        let sent = self.shared.broker.borrow_mut().send(&id, epoch, topic, partition, message);
        let offset = sent.inspect_err(|_| self.stage = Stage::Broken)?;
        self.sent.insert(task);
        self.shared.after(self.me, what, Hurt::Any).inspect_err(|_| self.stage = broken(self.stage))?;
        Ok(offset)
    }

    /// Dead letters that are too large, or that bear a header which the broker does not like.
    fn refuses_letter(&self, message: &Message) -> bool {
        let body = message.key.as_ref().map_or(0, Vec::len) + message.value.as_ref().map_or(0, Vec::len);
        let size = body + headers::bytes(headers::lend(&message.headers));
        size > self.shared.letter_bytes.get() || headers::find(headers::lend(&message.headers), CURSED_LETTER).is_some()
    }

    fn expect(&self, stage: Stage, call: &str) {
        if self.stage != stage {
            self.shared.breach(format!("{call} on a transaction that is {:?}, not {stage:?}", self.stage));
        }
    }

    fn clear(&mut self, stage: Stage) {
        self.stage = stage;
        self.logged.clear();
        self.sent.clear();
        self.offsets.clear();
        self.refused = false;
    }
}

/// A failed call breaks an open transaction.
fn broken(stage: Stage) -> Stage {
    if stage == Stage::Open { Stage::Broken } else { stage }
}

impl Transport for SimTransport {
    fn poll(&mut self, wait: Duration, into: &mut Fetched) -> Result<(), Fault> {
        self.shared.before(self.me, "poll", Hurt::Any).inspect_err(|_| self.stage = broken(self.stage))?;
        self.heartbeat(into);
        self.hear_restores(into);
        self.fetch(into);
        if into.slots.is_empty() && into.changes.is_empty() {
            let until_us = self.shared.arrival_us.get().saturating_sub(self.shared.time.mono_us());
            self.shared.time.advance_us((wait.as_micros() as u64).min(until_us).max(50));
        }
        self.shared.time.advance_us(20);
        self.shared.after(self.me, "poll", Hurt::Any).inspect_err(|_| self.stage = broken(self.stage))
    }

    fn restore(&mut self, task: u32) -> Result<(), Fault> {
        self.shared.before(self.me, "restore", Hurt::Before)?;
        self.asked.forget(task);
        let (disk, clock) = (self.disk.clone(), self.clock.clone());
        let job = Job::new(self.me, task, disk, clock, &self.asked, &self.restored);
        self.shared.restores(self.me).ask(job);
        self.shared.after(self.me, "restore", Hurt::Before)
    }

    fn start(&mut self, task: u32, positions: &[i64]) -> Result<(), Fault> {
        self.shared.before(self.me, "start", Hurt::Any)?;
        for (input, next) in positions.iter().enumerate() {
            self.fetches.insert((task, input), Fetch { next: *next, paused: false });
        }
        self.shared.after(self.me, "start", Hurt::Any)
    }

    fn release(&mut self, tasks: &[u32]) -> Result<(), Fault> {
        self.shared.before(self.me, "release", Hurt::After)?;
        self.shared.note(format_args!("{} releases {tasks:?}", self.me));
        self.forget(tasks);
        if let Some(membership) = self.membership {
            self.shared.broker.borrow_mut().group.release(self.me, membership.session, tasks);
        }
        self.shared.after(self.me, "release", Hurt::After)
    }

    fn begin(&mut self) -> Result<(), Fault> {
        self.shared.before(self.me, "begin", Hurt::Any)?;
        self.expect(Stage::Idle, "begin");
        self.shared.note(format_args!("{} begins", self.me));
        let (id, epoch) = (Self::transactional_id(self.me), self.producer.unwrap_or(0));
        self.shared.broker.borrow_mut().begin(&id, epoch, self.shared.time.mono_us())?;
        self.clear(Stage::Open);
        self.shared.after(self.me, "begin", Hurt::Any).inspect_err(|_| self.stage = Stage::Broken)
    }

    fn send(&mut self, send: &Send) -> Result<(), Fault> {
        let (ahead_ms, most_ms) = (send.timestamp_ms - self.shared.time.wall_ms(), AHEAD_MS + CLOCK_OFF_MS);
        if ahead_ms > most_ms && !self.shared.clocks_wrong.get() {
            self.shared.breach(format!("an output's time is {ahead_ms} ms ahead of the clock"));
        }
        let message = Message {
            timestamp_ms: send.timestamp_ms,
            key: Some(send.key.clone().into_bytes()),
            value: Some(send.value.clone()),
            headers: wire::headers_of(send),
            task: send.task,
        };
        self.produce("send", send.topic, send.partition, message).map(drop)
    }

    fn dead_letter(&mut self, letter: &DeadLetter) -> Result<(), Fault> {
        let message = Message {
            timestamp_ms: letter.timestamp_ms,
            key: letter.key.clone(),
            value: letter.value.clone(),
            headers: wire::dead_letter_headers(&TOPOLOGY, letter),
            task: letter.task,
        };
        let topic = self.shared.names.dead_letters.clone();
        self.produce("dead letter", &topic, letter.task, message).map(drop)
    }

    fn changelog(&mut self, task: u32, key: &[u8], value: Option<&[u8]>) -> Result<(), Fault> {
        let message = Message {
            timestamp_ms: self.shared.time.wall_ms(),
            key: Some(key.to_vec()),
            value: value.map(<[u8]>::to_vec),
            task,
            ..Message::default()
        };
        let topic = self.shared.names.changelog.clone();
        let offset = self.produce("changelog", &topic, task, message)?;
        self.logged.insert(task, offset + 1);
        Ok(())
    }

    fn order_log(&mut self, task: u32, value: &[u8]) -> Result<(), Fault> {
        for step in Steps::decode(value).into_iter().flat_map(|steps| steps.steps) {
            if let Step::Clock { now_ms } = step
                && now_ms > self.shared.time.wall_ms() + CLOCK_OFF_MS
                && !self.shared.clocks_wrong.get()
            {
                self.shared.breach(format!("a timer that is due at {now_ms} fires at {}", self.shared.time.wall_ms()));
            }
        }
        let message = Message { value: Some(value.to_vec()), task, ..Message::default() };
        let topic = self.shared.names.order.clone();
        self.produce("order log", &topic, task, message).map(drop)
    }

    fn send_offsets(&mut self, offsets: &[Stand]) -> Result<(), Fault> {
        self.shared.before(self.me, "send offsets", Hurt::Any).inspect_err(|_| self.stage = broken(self.stage))?;
        self.expect(Stage::Open, "send offsets");
        self.shared.note(format_args!("{} offsets {offsets:?}", self.me));
        let mut broker = self.shared.broker.borrow_mut();
        let admitted = self.membership.is_some_and(|known| broker.group.admits(self.me, known.session, known.epoch));
        if !admitted {
            self.stage = Stage::Broken;
            return Err(Fault::Abort("specified group generation id is not valid".into()));
        }
        let (id, epoch) = (Self::transactional_id(self.me), self.producer.unwrap_or(0));
        broker.send_offsets(&id, epoch, offsets).inspect_err(|_| self.stage = Stage::Broken)?;
        drop(broker);
        self.offsets.extend(offsets.iter().map(|at| at.task));
        self.shared.after(self.me, "send offsets", Hurt::Any).inspect_err(|_| self.stage = broken(self.stage))
    }

    fn commit(&mut self) -> Result<Vec<Logged>, Fault> {
        self.shared.before(self.me, "commit", Hurt::Before).inspect_err(|_| self.stage = broken(self.stage))?;
        self.expect(Stage::Open, "commit");
        if !self.sent.is_subset(&self.offsets) {
            self.shared.breach(format!("a commit of {:?} with offsets of {:?} only", self.sent, self.offsets));
        }
        if self.refused {
            self.stage = Stage::Broken;
            return Err(Fault::Refused("a record, as the commit says".into()));
        }
        let (id, epoch) = (Self::transactional_id(self.me), self.producer.unwrap_or(0));
        let chaos = self.shared.chaos.get();
        if self.shared.chance(chaos.commit_unknown) {
            let done = self.shared.chance(500);
            self.shared.note(format_args!("{} commits, outcome unknown ({done})", self.me));
            if done {
                self.shared.broker.borrow_mut().end(&id, epoch, true)?;
            }
            self.stage = Stage::Unknown;
            return Err(Fault::Unknown("the outcome of the commit stays unknown".into()));
        }
        let ended = self.shared.broker.borrow_mut().end(&id, epoch, true);
        ended.inspect_err(|_| self.stage = Stage::Broken)?;
        self.shared.note(format_args!("{} commits", self.me));
        let next = self.logged.iter();
        let logged = next.map(|(task, next)| Logged { task: *task, changelog_next: *next }).collect();
        self.clear(Stage::Idle);
        let took_us = match self.shared.commit_us.get() {
            0 => 500 + self.shared.below(3_000),
            fixed => fixed,
        };
        self.shared.time.advance_us(took_us);
        self.shared.after(self.me, "commit", Hurt::Death)?;
        Ok(logged)
    }

    fn abort(&mut self) -> Result<(), Fault> {
        self.shared.before(self.me, "abort", Hurt::Any)?;
        self.shared.note(format_args!("{} aborts", self.me));
        if self.stage == Stage::Unknown {
            self.shared.breach("abort, although the commit's outcome is unknown".to_owned());
        }
        if self.stage != Stage::Idle {
            let (id, epoch) = (Self::transactional_id(self.me), self.producer.unwrap_or(0));
            self.shared.broker.borrow_mut().end(&id, epoch, false)?;
        }
        self.clear(Stage::Idle);
        self.shared.after(self.me, "abort", Hurt::Any)
    }

    fn seek(&mut self, task: u32, input: usize, offset_next: i64) -> Result<(), Fault> {
        self.shared.before(self.me, "seek", Hurt::Any)?;
        if let Some(fetch) = self.fetches.get_mut(&(task, input)) {
            self.shared.note(format_args!("{} seeks ({task}, {input}, {offset_next})", self.me));
            fetch.next = offset_next;
        }
        self.shared.after(self.me, "seek", Hurt::Any)
    }

    fn pause(&mut self, task: u32, input: usize) -> Result<(), Fault> {
        self.shared.before(self.me, "pause", Hurt::Any)?;
        if let Some(fetch) = self.fetches.get_mut(&(task, input)) {
            self.shared.note(format_args!("{} pauses ({task}, {input})", self.me));
            fetch.paused = true;
        }
        self.shared.after(self.me, "pause", Hurt::Any)
    }

    fn resume(&mut self, task: u32, input: usize) -> Result<(), Fault> {
        self.shared.before(self.me, "resume", Hurt::Any)?;
        if let Some(fetch) = self.fetches.get_mut(&(task, input)) {
            self.shared.note(format_args!("{} resumes ({task}, {input})", self.me));
            fetch.paused = false;
        }
        self.shared.after(self.me, "resume", Hurt::Any)
    }

    fn read_order(&mut self, task: u32, from: Option<i64>) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
        self.shared.before(self.me, "read order", Hurt::Any)?;
        let broker = self.shared.broker.borrow();
        let records = broker.log(&self.shared.names.order, task).read(from.unwrap_or(0)).take(5);
        Ok(records.map(|stored| (stored.offset, stored.message.value.clone().unwrap_or_default())).collect())
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        self.shared.before(self.me, "reopen", Hurt::Death)?;
        self.shared.note(format_args!("{} reopens", self.me));
        let all: Vec<u32> = (0..TASKS).collect();
        self.forget(&all);
        self.membership = None;
        self.producer = None;
        self.clear(Stage::Idle);
        Ok(())
    }
}
