//! What must come out of one task: the ledger and the engine's rules written down a second time, as plainly as possible.
//!
//! It is told how the inputs interleaved (the recorded order) and which verdicts the world gave; all else is its own.

use std::collections::{BTreeMap, BTreeSet};

use engine::core::headers::{self, OwnedHeader};
use engine::core::record::{InputRecord, TaskRecord};
use engine::core::{ids, keys};
use flow::{Code, Id, Meta};

use crate::broker::log::{Message, Stored};
use crate::inputs::{ASK_ID, CURSED_LETTER, ENTRY_ID, SLOW_ENTRY_IDS, STRANGER_ID};
use crate::instance::wire_ids;
use crate::ledger::handle::{CURSED, HUGE, PANICS_AT_DEADLINE};
use crate::ledger::wire::{self, Read};
use crate::ledger::{
    ACCOUNT, ASKS, Account, Ask, CONTINUE, DEADLINE, ENTRIES, Entry, Op, Out, PARKED, Parked, Reply, TASKS, TOPOLOGY,
    WINDOW_MS, continue_sub, deadline_sub,
};

/// The verdict of the world on a record, which only the recorded order knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    Fine,
    Ahead,
    Refused,
    Unknown,
}

/// A record that must come out.
#[derive(Clone, PartialEq, Eq)]
pub struct Expected {
    pub topic: &'static str,
    pub partition: u32,
    pub timestamp_ms: i64,
    pub key: String,
    pub value: Vec<u8>,
}

impl std::fmt::Debug for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Expected { topic, partition, timestamp_ms, key, value } = self;
        let mut read = Read(value.get(5..).unwrap_or_default());
        let meta = wire::meta(&mut read).unwrap_or_default();
        write!(f, "{topic}/{partition} \"{key}\" at {timestamp_ms}, id {} because of {}", meta.event_id, meta.cause)?;
        match wire::out(Read(read.0)) {
            Some((_, seq, sum, amount, note)) => {
                write!(f, ": seq {seq} sum {sum} amount {amount} {}", note.get(..20).unwrap_or(&note))
            }
            None => write!(f, ": {:?}", read.0),
        }
    }
}

/// A dead letter that must come out.
#[derive(Debug, Clone)]
pub struct Letter {
    /// `None` for a timer.
    pub at: Option<(usize, i64)>,
    pub code: Code,
    pub timestamp_ms: i64,
    /// Of a timer.
    pub due_ms: Option<i64>,
    /// What it may hold; of a letter that was found, the one that it holds.
    pub contents: Vec<Content>,
}

impl PartialEq for Letter {
    fn eq(&self, other: &Letter) -> bool {
        let of = |letter: &Letter| (letter.at, letter.code, letter.timestamp_ms, letter.due_ms);
        of(self) == of(other) && self.contents.iter().any(|content| other.contents.contains(content))
    }
}

/// What a dead letter holds of its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// Those of the record, byte for byte, but for names that are the engine's own.
    pub headers: Vec<OwnedHeader>,
    /// Of a stub: bytes of the whole key, the whole value and all headers.
    pub stub: Option<[usize; 3]>,
}

/// Names that the engine alone uses in dead letters.
const OF_LETTERS: [&[u8]; 6] = [b"dlq_code", b"dlq_topic", b"dlq_offset", b"dlq_stub", b"dlq_timestamp", b"dlq_due"];

impl Content {
    fn whole(message: &Message) -> Content {
        let theirs = message.headers.iter().filter(|(name, _)| !OF_LETTERS.contains(&name.as_slice()));
        let (key, value) = (message.key.clone(), message.value.clone());
        Content { key, value, headers: theirs.cloned().collect(), stub: None }
    }

    fn stub(message: &Message) -> Content {
        let first = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| bytes[..bytes.len().min(1_024)].to_vec());
        let (key, value) = (first(&message.key), first(&message.value));
        Content {
            key,
            value,
            headers: Vec::new(),
            stub: Some([length(&message.key), length(&message.value), headers_length(message)]),
        }
    }
}

fn length(bytes: &Option<Vec<u8>>) -> usize {
    bytes.as_ref().map_or(0, Vec::len)
}

fn headers_length(message: &Message) -> usize {
    message.headers.iter().map(|(name, value)| name.len() + length(value)).sum()
}

/// A timer: due, kind, length of the key, key, subkey; in the order that timers fire.
type Timer = (i64, u8, usize, String, String);

/// One task of the model.
#[derive(Debug, Default)]
pub struct Model {
    pub outputs: Vec<Expected>,
    pub letters: Vec<Letter>,
    /// Ids taken into the dedup window, by input, in order.
    pub accepted: [Vec<(Id, u64)>; 2],
    task: u32,
    record_bytes: usize,
    /// The dedup window of the build that decides.
    pub window_ms: i64,
    /// Whether a letter may be a stub although the broker would have taken it.
    may_stub: bool,
    log_time_ms: [i64; 2],
    known_from_ms: [i64; 2],
    clock_ms: i64,
    events: u64,
    accounts: BTreeMap<String, Account>,
    parked: BTreeMap<(String, u64), Parked>,
    timers: BTreeSet<Timer>,
    /// Content of each id of an input, and where its segment ends.
    seen: [BTreeMap<Id, (u64, i64)>; 2],
}

/// Effects of one event, until they are known to be allowed.
struct Draft {
    key: String,
    cause: Id,
    ticket: Id,
    time_ms: i64,
    account: Account,
    sends: Vec<(Expected, &'static str)>,
    parks: Vec<(u64, Option<Parked>)>,
    timers: Vec<(Timer, bool)>,
    write: bool,
}

/// Where the segment ends that a log time falls into: segments are eighths of the window.
fn segment_end(log_time_ms: i64, window_ms: i64) -> i64 {
    (log_time_ms.div_euclid(window_ms / 8) + 1) * (window_ms / 8)
}

fn timer(due_ms: i64, kind: u8, key: &str, sub: String) -> Timer {
    (due_ms.max(0), kind, key.len(), key.to_owned(), sub)
}

impl Model {
    /// An empty task.
    pub fn new(task: u32, record_bytes: usize, may_stub: bool) -> Model {
        Model { task, record_bytes, may_stub, window_ms: WINDOW_MS, ..Model::default() }
    }

    /// The clock is moved; timers due by then fire.
    pub fn clock(&mut self, now_ms: i64) {
        self.clock_ms = self.clock_ms.max(now_ms);
        self.fire();
    }

    /// Takes an input in its turn.
    pub fn input(&mut self, input: usize, stored: &Stored, world: World) {
        let message = &stored.message;
        let verdict = self.judge(input, stored, world);
        self.events += 1;
        if world != World::Ahead {
            self.log_time_ms[input] = self.log_time_ms[input].max(message.timestamp_ms);
            self.known_from_ms[input] = self.known_from_ms[input].max(self.log_time_ms[input] - self.window_ms);
            self.clock_ms = self.clock_ms.max(message.timestamp_ms);
        }
        if let Err(code) = verdict {
            let cursed = message.headers.iter().any(|(name, _)| name == CURSED_LETTER.as_bytes());
            let mut contents = Vec::new();
            if !cursed {
                contents.push(Content::whole(message));
            }
            if cursed || self.may_stub {
                contents.push(Content::stub(message));
            }
            let (at, timestamp_ms) = (Some((input, stored.offset)), message.timestamp_ms);
            self.letters.push(Letter { at, code, timestamp_ms, due_ms: None, contents });
        }
        self.fire();
    }

    fn judge(&mut self, input: usize, stored: &Stored, world: World) -> Result<(), Code> {
        let message = &stored.message;
        match world {
            World::Ahead => return Err(Code::TimeAhead),
            World::Refused => return Err(Code::OutputRefused),
            World::Unknown => return Err(Code::SchemaUnknown),
            World::Fine => {}
        }
        let log_time_ms = self.log_time_ms[input];
        let begin_ms = (log_time_ms - self.window_ms).max(self.known_from_ms[input]);
        if message.timestamp_ms < begin_ms {
            return Err(Code::TooOld);
        }
        if length(&message.value) + length(&message.key) + headers_length(message) > self.record_bytes {
            return Err(Code::TooLarge);
        }
        let key = message.key.clone().and_then(|key| String::from_utf8(key).ok()).ok_or(Code::KeyMismatch)?;
        if ids::partition(key.as_bytes(), TASKS) != self.task {
            return Err(Code::WrongPartition);
        }
        let (id, content, ticket, said, body) = decode(input, stored)?;
        if said != key {
            return Err(Code::KeyMismatch);
        }
        let known = self.seen[input].get(&id).copied();
        let known = known.filter(|(_, end_ms)| *end_ms > begin_ms).map(|(content, _)| content);
        let mut draft = self.draft(&key, id, ticket, message.timestamp_ms);
        match (body, known) {
            (Parsed::Entry(_), Some(before)) if before == content => return Ok(()),
            (Parsed::Entry(_), Some(_)) => return Err(Code::Conflict),
            (Parsed::Entry(entry), None) => draft.entry(&entry)?,
            (Parsed::Ask(ask), known) => {
                if known.is_some_and(|before| before != content) {
                    draft.cause = ids::conflict(id, content);
                }
                draft.write = ask.chunk > 0;
                if known.is_none() && ask.chunk > 0 {
                    self.release(&mut draft, ask.chunk);
                }
                // Replies go out after all other outputs.
                draft.reply(&ask, known.is_none_or(|before| before == content))?;
            }
        }
        self.keep(draft)?;
        if known.is_none() {
            let end_ms = segment_end(log_time_ms.max(message.timestamp_ms), self.window_ms);
            self.seen[input].insert(id, (content, end_ms));
            self.accepted[input].push((id, content));
        }
        Ok(())
    }

    fn draft(&self, key: &str, cause: Id, ticket: Id, time_ms: i64) -> Draft {
        Draft {
            key: key.to_owned(),
            cause,
            ticket,
            time_ms,
            account: self.accounts.get(key).copied().unwrap_or_default(),
            sends: Vec::new(),
            parks: Vec::new(),
            timers: Vec::new(),
            write: true,
        }
    }

    fn release(&self, draft: &mut Draft, chunk: u64) {
        let key = draft.key.clone();
        let all: Vec<(u64, Parked)> = self
            .parked
            .range((key.clone(), 0)..=(key.clone(), u64::MAX))
            .map(|((_, n), parked)| (*n, *parked))
            .collect();
        for (number, parked) in all.iter().take(chunk as usize) {
            draft.parks.push((*number, None));
            draft.timers.push((timer(parked.due_ms, DEADLINE, &key, deadline_sub(*number)), false));
            draft.account.sum += parked.amount;
            draft.emit("Released", parked.amount, String::new());
        }
        if all.len() > chunk as usize {
            let sub = continue_sub(draft.account.seq, chunk);
            draft.timers.push((timer(draft.time_ms, CONTINUE, &key, sub), true));
        }
    }

    fn keep(&mut self, draft: Draft) -> Result<(), Code> {
        // Our own headers are taken to be 512 bytes.
        if draft.sends.iter().any(|(send, _)| send.value.len() + send.key.len() + 512 > self.record_bytes) {
            return Err(Code::OutputTooLarge);
        }
        self.outputs.extend(draft.sends.into_iter().map(|(send, _)| send));
        for (number, parked) in draft.parks {
            match parked {
                Some(parked) => drop(self.parked.insert((draft.key.clone(), number), parked)),
                None => drop(self.parked.remove(&(draft.key.clone(), number))),
            }
        }
        for (timer, set) in draft.timers {
            if set {
                self.timers.insert(timer)
            } else {
                self.timers.remove(&timer)
            };
        }
        if draft.write {
            self.accounts.insert(draft.key, draft.account);
        }
        Ok(())
    }

    fn fire(&mut self) {
        while let Some(due) = self.timers.first().filter(|timer| timer.0 <= self.clock_ms).cloned() {
            self.timers.remove(&due);
            self.events += 1;
            let (due_ms, kind, _, key, sub) = due;
            let content = Content { key: Some(key.clone().into_bytes()), value: None, headers: Vec::new(), stub: None };
            let cause = ids::wake(TOPOLOGY.name, &key, due_ms, kind, &sub);
            let mut draft = self.draft(&key, cause, Id::NIL, due_ms);
            let mut verdict = Ok(());
            if kind == CONTINUE {
                let chunk = sub.split_once('.').and_then(|(_, chunk)| chunk.parse().ok()).unwrap_or(0);
                self.release(&mut draft, chunk);
            } else {
                let number = u64::from_str_radix(&sub, 16).unwrap_or(u64::MAX);
                let parked = self.parked.get(&(key, number)).copied();
                draft.parks.push((number, None));
                draft.emit("Refused", parked.map_or(0, |parked| parked.amount), String::new());
                if parked.is_some_and(|parked| parked.amount % 100 == PANICS_AT_DEADLINE) {
                    verdict = Err(Code::Bug);
                }
            }
            if let Err(code) = verdict.and_then(|()| self.keep(draft)) {
                let (timestamp_ms, contents) = (due_ms, vec![content]);
                self.letters.push(Letter { at: None, code, timestamp_ms, due_ms: Some(due_ms), contents });
            }
        }
    }

    /// The task's state as the store holds it, without its own record.
    pub fn state(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut state = BTreeMap::new();
        for (key, account) in &self.accounts {
            state.insert(keys::table(ACCOUNT, key.as_bytes()), wire::put_account(account));
        }
        for ((key, number), parked) in &self.parked {
            let mut at = keys::table(PARKED, key.as_bytes());
            at.extend(number.to_be_bytes());
            state.insert(at, wire::put_parked(parked));
        }
        for (due_ms, kind, _, key, sub) in &self.timers {
            let wake = keys::Wake { due_ms: *due_ms, kind: *kind, key: key.clone(), sub: sub.clone() };
            state.insert(wake.encode(), Vec::new());
        }
        state
    }

    /// The task's own record, at these positions.
    pub fn record(&self, positions: &[i64], changelog_id: &str) -> TaskRecord {
        let input = |(input, offset_next): (usize, &i64)| InputRecord {
            topic: TOPOLOGY.inputs[input].topic.to_owned(),
            log_time_ms: self.log_time_ms[input],
            known_from_ms: self.known_from_ms[input],
            offset_next: *offset_next,
            passed_to: *offset_next,
        };
        let inputs = positions.iter().enumerate().map(input).collect();
        TaskRecord { clock_ms: self.clock_ms, events: self.events, changelog_id: changelog_id.to_owned(), inputs }
    }
}

enum Parsed {
    Entry(Entry),
    Ask(Ask),
}

/// Id, content, ticket, key and body of a record that can be read at all.
fn decode(input: usize, stored: &Stored) -> Result<(Id, u64, Id, String, Parsed), Code> {
    let value = stored.message.value.as_ref().ok_or(Code::ValueMissing)?;
    if value.len() < 5 || value[0] != 0 {
        return Err(Code::Undecodable);
    }
    let schema = u32::from_be_bytes([value[1], value[2], value[3], value[4]]);
    let record = match schema {
        ENTRY_ID => "Entry",
        slow if SLOW_ENTRY_IDS.contains(&slow) => "Entry",
        ASK_ID => "Ask",
        STRANGER_ID => "Stranger",
        _ => return Err(Code::SchemaUnknown),
    };
    if let Some(said) = headers::find(headers::lend(&stored.message.headers), headers::FINGERPRINT)
        && said != format!("{:016x}", wire::fingerprint(record)).as_bytes()
    {
        return Err(Code::SchemaMismatch);
    }
    if record == "Stranger" {
        return Err(Code::RecordUnexpected);
    }
    let mut read = Read(&value[5..]);
    let meta = wire::meta(&mut read).ok_or(Code::Undecodable)?;
    let content = wire::hash(read.0);
    let (key, body) = match input {
        ENTRIES => wire::entry(read).map(|entry| (entry.key.clone(), Parsed::Entry(entry))),
        ASKS => wire::ask(read).map(|ask| (ask.key.clone(), Parsed::Ask(ask))),
        _ => None,
    }
    .ok_or(Code::Undecodable)?;
    Ok((meta.event_id, content, meta.ticket_id, key, body))
}

impl Draft {
    fn send(&mut self, topic: flow::Topic, record: &'static str, key: &str, body: &[u8]) {
        let ordinal = self
            .sends
            .iter()
            .filter(|(send, name)| (send.topic, *name, &*send.key) == (topic.name, record, key))
            .count();
        let event_id = ids::output(self.cause, TOPOLOGY.name, topic.name, record, key, ordinal as u32);
        let wire_id = wire_ids().get(&wire::fingerprint(record)).copied().unwrap_or_default();
        let mut value = vec![0u8];
        value.extend(wire_id.to_be_bytes());
        let meta = Meta { event_id, ticket_id: self.ticket, cause: self.cause, occurred_at: self.time_ms };
        wire::put_meta(&meta, &mut value);
        value.extend(body);
        let partition = ids::partition(key.as_bytes(), topic.partitions);
        let sent = Expected { topic: topic.name, partition, timestamp_ms: self.time_ms, key: key.to_owned(), value };
        self.sends.push((sent, record));
    }

    fn out(&mut self, topic: usize, record: &'static str, key: &str, amount: i64, note: String) {
        let Account { seq, sum, .. } = self.account;
        let mut body = Vec::new();
        wire::put_out(&Out { topic, record, key: key.to_owned(), seq, sum, amount, note }, &mut body);
        self.send(TOPOLOGY.outputs[topic], record, key, &body);
    }

    fn emit(&mut self, record: &'static str, amount: i64, note: String) {
        self.account.seq += 1;
        let key = self.key.clone();
        self.out(0, record, &key, amount, note);
    }

    fn reply(&mut self, ask: &Ask, accepted: bool) -> Result<(), Code> {
        let topic = TOPOLOGY.replies.iter().find(|topic| topic.name == ask.reply_to).ok_or(Code::ReplyTopicUnknown)?;
        let mut body = Vec::new();
        wire::put_reply(&Reply { key: ask.key.clone(), accepted }, &mut body);
        let key = self.key.clone();
        self.send(*topic, "Answered", &key, &body);
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), Code> {
        match entry.op {
            Op::Add => {
                self.account.sum += entry.amount;
                self.emit("Added", entry.amount, String::new());
            }
            Op::Park => {
                let number = self.account.parked_next;
                self.account.parked_next += 1;
                let due_ms = self.time_ms + entry.delay_ms;
                self.parks.push((number, Some(Parked { amount: entry.amount, due_ms })));
                self.timers.push((timer(due_ms, DEADLINE, &self.key, deadline_sub(number)), true));
                self.emit("Parked", entry.amount, String::new());
            }
            Op::Move => {
                self.account.sum -= entry.amount;
                self.emit("Moved", entry.amount, entry.to.clone());
                let note = self.key.clone();
                self.out(1, "Received", &entry.to, entry.amount, note);
            }
            Op::Invalid => return Err(Code::Invalid),
            Op::Panic => return Err(Code::Bug),
            Op::Cursed => self.emit("Added", 0, CURSED.to_owned()),
            Op::Huge => self.emit("Added", 0, "x".repeat(HUGE)),
        }
        Ok(())
    }
}
