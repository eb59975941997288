//! Restores beside the drivers, for all workers of a pod: page by page, in any order, with anything in between.
//!
//! The engine's restore is one call that blocks; nothing here has threads. So a restore that is to go on later is ended at
//! a read, and begun again later with what it has learnt so far: what it has read is read to it, what it has written is not
//! written again.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::core::io::{Batch, Chunk, Segment, Store};
use engine::shell::disk::{Checkpoint, Disk, DiskFault};
use engine::shell::driver::Clock;
use engine::shell::restore::{CHECKPOINT_AGE_MAX_MS, restore};
use engine::shell::transport::{Change, Fault, LogReader, Page, Position};
use flow::Topology;

use crate::clock::SimClock;
use crate::disk::MemDisk;
use crate::reader::SimReader;
use crate::shared::Shared;

/// Tasks of one pod that are restored at a time.
const THREADS: usize = 4;

/// Answers for a worker: task, number of the question, answer.
pub type Answers = Rc<RefCell<VecDeque<(u32, u64, Change)>>>;

/// The restores of all workers of a pod. They share a disk, and a task may move from one to another.
#[derive(Default)]
pub struct Restores(RefCell<Jobs>);

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    under_way: Vec<Job>,
    /// A task that is asked for again waits for its earlier restore to end: a store has one writer.
    busy: BTreeSet<u32>,
}

impl Restores {
    /// Asks for a restore.
    pub fn ask(&self, job: Job) {
        self.0.borrow_mut().waiting.push_back(job);
    }

    /// The process is gone.
    pub fn clear(&self) {
        *self.0.borrow_mut() = Jobs::default();
    }

    /// Lets one restore get a little further; whether there was one.
    pub fn step(&self, shared: &Shared) -> bool {
        let Some(mut job) = self.0.borrow_mut().take(shared) else { return false };
        let done = job.step(shared);
        let mut jobs = self.0.borrow_mut();
        if shared.is_dead(job.me) {
            return false;
        }
        match done {
            None => jobs.under_way.push(job),
            Some(change) => {
                jobs.busy.remove(&job.task);
                job.answers.borrow_mut().push_back((job.task, job.number, change));
            }
        }
        true
    }
}

impl Jobs {
    fn take(&mut self, shared: &Shared) -> Option<Job> {
        while self.busy.len() < THREADS {
            let Some(at) = self.waiting.iter().position(|job| !self.busy.contains(&job.task)) else { break };
            let Some(job) = self.waiting.remove(at) else { break };
            self.busy.insert(job.task);
            self.under_way.push(job);
        }
        let at = shared.below(self.under_way.len() as u64) as usize;
        (at < self.under_way.len()).then(|| self.under_way.swap_remove(at))
    }
}

/// A restore that a worker has asked for.
pub struct Job {
    me: usize,
    task: u32,
    number: u64,
    /// It is not wanted any more.
    cancelled: Rc<Cell<bool>>,
    answers: Answers,
    disk: Arc<MemDisk>,
    clock: SimClock,
    /// When it began.
    now_ms: Option<i64>,
    memory: RefCell<Memory>,
}

/// What a restore was answered so far.
#[derive(Default)]
struct Memory {
    known: Vec<Rc<dyn Any>>,
    at: usize,
    /// Reads that it may still make now.
    left: u64,
    asleep: bool,
    /// It was told to end, and whether it went on nevertheless.
    told: bool,
    went_on: bool,
}

impl Memory {
    fn next(&mut self) -> Option<Rc<dyn Any>> {
        let known = self.known.get(self.at).cloned();
        self.at += usize::from(known.is_some());
        known
    }

    fn keep(&mut self, answer: Rc<dyn Any>) {
        self.known.push(answer);
        self.at += 1;
    }

    fn sleep(&mut self) -> Fault {
        self.asleep = true;
        Fault::Abort("it goes on later".to_owned())
    }
}

/// Replayed or done, once.
fn once<T: Clone + 'static>(memory: &RefCell<Memory>, live: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let known = memory.borrow_mut().next();
    if let Some(known) = known {
        return Ok(known.downcast_ref::<T>().unwrap_or_else(|| unreachable!("a restore is deterministic")).clone());
    }
    {
        let mut memory = memory.borrow_mut();
        memory.went_on |= memory.told;
    }
    let answer = live()?;
    memory.borrow_mut().keep(Rc::new(answer.clone()));
    Ok(answer)
}

impl Job {
    /// A restore that has not begun.
    pub fn new(me: usize, task: u32, disk: Arc<MemDisk>, clock: SimClock, asked: &Asked, answers: &Answers) -> Job {
        let (number, cancelled) = asked.last(task);
        let (memory, answers) = (RefCell::default(), answers.clone());
        Job { me, task, number, cancelled, answers, disk, clock, now_ms: None, memory }
    }

    /// Gets a little further; its end, when it has come.
    fn step(&mut self, shared: &Shared) -> Option<Change> {
        let now_ms = *self.now_ms.get_or_insert_with(|| self.clock.now().wall_ms);
        let left = if shared.chance(300) { u64::MAX } else { 1 + shared.below(4) };
        let memory = &self.memory;
        {
            let mut memory = memory.borrow_mut();
            (memory.at, memory.left, memory.asleep) = (0, left, false);
        }
        let mut reader = Reader { memory, inner: SimReader { shared, me: self.me } };
        let disk = Writer { memory, inner: &self.disk, shared, now_ms };
        let cancelled = &self.cancelled;
        let mut progress = |_, _| {
            once(memory, || Ok(()))?;
            let mut memory = memory.borrow_mut();
            if memory.at == memory.known.len() && cancelled.get() {
                memory.told = true;
                return Err(Fault::Abort("not wanted any more".to_owned()));
            }
            // Between the question and the page that is written, too, anything may happen.
            let late = memory.at == memory.known.len() && memory.left == 0;
            if late && shared.chance(500) { Err(memory.sleep()) } else { Ok(()) }
        };
        let done = restore(&mut reader, &disk, &shared.names, self.task, now_ms, &mut progress);
        if std::mem::take(&mut memory.borrow_mut().went_on) {
            shared.breach(format!("a restore of task {} goes on although it was told to end", self.task));
        }
        if memory.borrow().asleep {
            return None;
        }
        shared.note(format_args!("{} has restored {}: {}", self.me, self.task, done.is_ok()));
        Some(match done {
            Ok(opening) => Change::Restored(opening),
            Err(Fault::Quarantine(why)) => Change::Quarantined(self.task, why),
            Err(fault) => Change::RestoreFailed(self.task, fault.to_string()),
        })
    }
}

/// What a worker has asked for, by task: only the last question is wanted.
#[derive(Default)]
pub struct Asked(BTreeMap<u32, (u64, Rc<Cell<bool>>)>);

impl Asked {
    /// What was asked for this task is not wanted any more.
    pub fn forget(&mut self, task: u32) {
        let (number, cancelled) = self.0.entry(task).or_default();
        cancelled.set(true);
        (*number, *cancelled) = (*number + 1, Rc::default());
    }

    /// Whether this answer is to the last question.
    pub fn wants(&self, task: u32, number: u64) -> bool {
        self.0.get(&task).is_some_and(|(last, _)| *last == number)
    }

    fn last(&self, task: u32) -> (u64, Rc<Cell<bool>>) {
        self.0.get(&task).cloned().unwrap_or_default()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.values().for_each(|(_, cancelled)| cancelled.set(true));
    }
}

/// A reader that remembers, and that may have to go on later.
struct Reader<'a> {
    memory: &'a RefCell<Memory>,
    inner: SimReader<'a>,
}

impl Reader<'_> {
    fn ask<T: Clone + 'static>(
        &mut self,
        live: impl FnOnce(&mut SimReader<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let (memory, inner) = (self.memory, &mut self.inner);
        once(memory, || {
            let mut now = memory.borrow_mut();
            if now.left == 0 {
                return Err(now.sleep());
            }
            now.left -= 1;
            drop(now);
            live(inner)
        })
    }
}

impl LogReader for Reader<'_> {
    fn topology(&self) -> &'static Topology {
        self.inner.topology()
    }

    fn committed(&mut self, task: u32) -> Result<Vec<Option<Position>>, Fault> {
        self.ask(|inner| inner.committed(task))
    }

    fn input_bounds(&mut self, task: u32) -> Result<Vec<(i64, i64)>, Fault> {
        self.ask(|inner| inner.input_bounds(task))
    }

    fn topic_id(&mut self, topic: &str) -> Result<String, Fault> {
        self.ask(|inner| inner.topic_id(topic))
    }

    fn bounds(&mut self, topic: &str, partition: u32) -> Result<(i64, i64), Fault> {
        self.ask(|inner| inner.bounds(topic, partition))
    }

    fn read(&mut self, topic: &str, partition: u32, from: i64, end: i64) -> Result<Page, Fault> {
        self.ask(|inner| inner.read(topic, partition, from, end))
    }

    fn wait(&mut self, wait: Duration) {
        let inner = &mut self.inner;
        done(self.memory, || inner.wait(wait));
    }
}

/// A disk that is not written twice.
struct Writer<'a> {
    memory: &'a RefCell<Memory>,
    inner: &'a MemDisk,
    shared: &'a Shared,
    now_ms: i64,
}

impl Writer<'_> {
    /// Whether the changelog goes on where this store stands.
    fn is_current(&self, task: u32, found: &Checkpoint) -> bool {
        let (broker, names) = (self.shared.broker.borrow(), &self.shared.names);
        let log = broker.log(&names.changelog, task);
        let same = found.changelog_id == broker.topics[&names.changelog].id;
        let stands = found.changelog_next <= log.next;
        let trimmed = log.start > 0 && found.changelog_next <= log.start;
        same && stands && !trimmed && self.now_ms - found.written_ms <= CHECKPOINT_AGE_MAX_MS
    }
}

fn done<T: Clone + 'static>(memory: &RefCell<Memory>, live: impl FnOnce() -> T) -> T {
    once(memory, || Ok(live())).unwrap_or_else(|_| unreachable!("a disk keeps its faults for later"))
}

impl Store for Writer<'_> {
    fn get(&self, task: u32, key: &[u8]) -> Option<Vec<u8>> {
        done(self.memory, || self.inner.get(task, key))
    }

    fn scan(&self, _task: u32, _prefix: &[u8], _from: &[u8], _visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) {
        unreachable!("a restore scans nothing");
    }

    fn chunk(&self, task: u32, input: u32, segment: Segment, at: i64) -> Option<Vec<u8>> {
        done(self.memory, || self.inner.chunk(task, input, segment, at))
    }

    fn chunks(&self, task: u32, visit: &mut dyn FnMut(Chunk)) {
        let read = || {
            let mut chunks = Vec::new();
            self.inner.chunks(task, &mut |chunk| chunks.push(chunk));
            chunks
        };
        done(self.memory, read).into_iter().for_each(visit);
    }
}

impl Disk for Writer<'_> {
    fn checkpoint(&self, task: u32) -> Option<Checkpoint> {
        done(self.memory, || self.inner.checkpoint(task))
    }

    fn apply(&self, batch: Batch, now_ms: i64) {
        done(self.memory, || self.inner.apply(batch, now_ms));
    }

    fn begin(&self, task: u32, changelog_id: &str, now_ms: i64) {
        done(self.memory, || self.inner.begin(task, changelog_id, now_ms));
    }

    fn restore_state(&self, task: u32, puts: Vec<(Vec<u8>, Option<Vec<u8>>)>, changelog_next: i64, now_ms: i64) {
        done(self.memory, || self.inner.restore_state(task, puts, changelog_next, now_ms));
    }

    fn restore_chunks(&self, task: u32, chunks: Vec<Chunk>, chunks_next: i64) {
        done(self.memory, || self.inner.restore_chunks(task, chunks, chunks_next));
    }

    fn drop_task(&self, task: u32) {
        done(self.memory, || {
            let found = self.inner.checkpoint(task).filter(|_| !self.inner.is_spoiled(task));
            self.inner.drop_task(task);
            // Why a restore may, the disk does not know.
            self.inner.take_needless();
            if let Some(found) = found.filter(|found| self.is_current(task, found)) {
                self.shared.breach(format!("a restore sets the current store of task {task} aside: {found:?}"));
            }
        });
    }

    fn take_fault(&self, mine: &dyn Fn(u32) -> bool) -> Option<DiskFault> {
        self.inner.take_fault(mine)
    }
}
