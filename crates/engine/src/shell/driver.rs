//! The loop of one worker: polls, asks the core what is to happen, does it.
//!
//! The same loop drives Kafka, the embedded log and the simulator. It decides nothing about records; what it decides is
//! how faults of the world turn into inputs of the core.

mod faults;
mod tasks;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tracing::field::display;

use crate::core::headers::{self, Header};
use crate::core::io::{Action, Input, Now, Record};
use crate::core::worker::Worker;

use super::disk::Disk;
use super::schemas::{Resolved, SchemaCache, Schemas};
use super::spans::Spans;
use super::transport::{Fault, Fetched, Transport};

/// Clocks, so that the simulator can pretend.
pub trait Clock {
    /// Wall clock and monotonic clock.
    fn now(&self) -> Now;

    /// Microseconds since 1970-01-01 UTC, for spans.
    fn unix_us(&self) -> i64 {
        self.now().wall_ms.saturating_mul(1_000)
    }
}

/// Longest wait of one poll: how late a stop or a timer may be noticed.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// One worker: a core, a log and a store.
pub struct Driver<T: Transport, D: Disk, C: Clock> {
    pub worker: Worker,
    pub transport: T,
    disk: Arc<D>,
    clock: C,
    schemas: Schemas,
    cache: SchemaCache,
    fetched: Fetched,
    /// What the core asked for in its last step, and what is still to be done, in order.
    actions: Vec<Action>,
    queue: VecDeque<Action>,
    /// Inputs that wait for the registry: (task, input) to schema id.
    waiting: BTreeMap<(u32, usize), u32>,
    /// Inputs whose records in this poll are delivered again.
    put_back: BTreeSet<(u32, usize)>,
    /// Tasks assigned but not open yet.
    restoring: BTreeMap<u32, Restoring>,
    /// The group has us as a member: it has answered with an assignment, be it an empty one.
    accepted: bool,
    fenced_us: Vec<u64>,
    /// Inputs were set back: the rest of this poll lies behind a gap.
    rewound: bool,
    /// The session is a new one: the rest of this poll belongs to the old one.
    reopened: bool,
    /// A task that cannot go on as it is, once the transaction is undone.
    aside: Option<Aside>,
    /// Tasks that are ours and stopped, and why: the next owner would meet the same.
    quarantined: BTreeMap<u32, String>,
    /// When the disk failed lately, on the monotonic clock.
    disk_failed_us: VecDeque<u64>,
    spans: Spans,
}

/// What becomes of a task that cannot go on as it is.
#[derive(Debug)]
enum Aside {
    /// Its store holds bytes that do not decode: it is rebuilt from the changelog.
    Rebuild(u32, String),
    /// It stops.
    Quarantine(u32, String),
}

#[derive(Debug, Clone, Copy, Default)]
struct Restoring {
    /// The restore is asked for, again perhaps, at this time of the monotonic clock; `None` when it is under way.
    retry_us: Option<u64>,
    tries: u32,
    /// The disk failed meanwhile, perhaps at this very store: it is set aside before the next restore.
    spoiled: bool,
}

impl Restoring {
    const AT_ONCE: Restoring = Restoring { retry_us: Some(0), tries: 0, spoiled: false };
}

impl<T: Transport, D: Disk, C: Clock> Driver<T, D, C> {
    /// A worker without tasks; they come with the first polls.
    pub fn new(mut worker: Worker, transport: T, disk: Arc<D>, clock: C, schemas: Schemas) -> Self {
        let now = clock.now();
        worker.read_clock(now);
        Driver {
            worker,
            transport,
            disk,
            accepted: false,
            clock,
            schemas,
            cache: SchemaCache::default(),
            fetched: Fetched::default(),
            actions: Vec::new(),
            queue: VecDeque::new(),
            waiting: BTreeMap::new(),
            put_back: BTreeSet::new(),
            restoring: BTreeMap::new(),
            fenced_us: Vec::new(),
            rewound: false,
            reopened: false,
            aside: None,
            quarantined: BTreeMap::new(),
            disk_failed_us: VecDeque::new(),
            spans: Spans::none(),
        }
    }

    /// The same, telling `spans` of every event.
    pub fn traced(mut self, spans: Spans) -> Self {
        if spans.are_wanted() {
            self.worker = self.worker.traced();
        }
        self.spans = spans;
        self
    }

    /// Whether the group has accepted us, every task of ours is open, and there is progress. A member without a task is a
    /// spare, and ready.
    pub fn ready(&self) -> bool {
        self.unready().is_none()
    }

    /// Tasks that are ours and stopped, and why.
    pub fn quarantined(&self) -> &BTreeMap<u32, String> {
        &self.quarantined
    }

    /// Why it is not ready.
    pub fn unready(&self) -> Option<String> {
        if !self.accepted {
            return Some("the consumer group has not accepted this worker as a member".to_owned());
        }
        if let Some((task, why)) = self.quarantined.first_key_value() {
            let more = self.quarantined.len() - 1;
            return Some(format!("task {task} is quarantined, and {more} others are: {why}"));
        }
        match self.restoring.len() {
            0 => self.worker.stalled(),
            tasks => Some(format!("{tasks} tasks are being restored")),
        }
    }

    /// One turn of the loop; how many records it was given. An error ends the worker.
    pub fn turn(&mut self) -> Result<usize, Fault> {
        let now = self.clock.now();
        let mut fetched = std::mem::take(&mut self.fetched);
        fetched.clear();
        let polled = self.transport.poll(self.wait(now), &mut fetched);
        let result = self.took(polled, &mut fetched);
        self.fetched = fetched;
        result
    }

    fn wait(&self, now: Now) -> Duration {
        if self.worker.eager() {
            return Duration::ZERO;
        }
        if self.worker.busy() {
            return self.worker.idle_us().map_or(Duration::ZERO, Duration::from_micros).min(WAIT_MAX);
        }
        let due_ms =
            self.worker.next_due_ms().map_or(i64::MAX, |due_ms| due_ms.saturating_sub(self.worker.wall_ms(now))).max(0);
        WAIT_MAX.min(Duration::from_millis(due_ms as u64))
    }

    fn took(&mut self, polled: Result<(), Fault>, fetched: &mut Fetched) -> Result<usize, Fault> {
        (self.rewound, self.reopened) = (false, false);
        self.put_back.clear();
        // Before the records: they may be of a time that the last turn did not know of.
        self.read_clock();
        self.settle(polled)?;
        for change in fetched.changes.drain(..) {
            let changed = self.change(change);
            self.settle(changed)?;
        }
        let retried = self.ask_restores().and_then(|()| self.retry_schemas());
        self.settle(retried)?;
        self.spans.begin(|| self.clock.unix_us());
        for at in 0..fetched.slots.len() {
            if self.rewound {
                // The rest of this poll lies behind a gap now; it is delivered again.
                break;
            }
            let taken = self.record(fetched, at);
            self.settle(taken)?;
            self.spans.begin(|| self.clock.unix_us());
        }
        fetched.passed.iter().for_each(|passed| self.tell(Input::Passed(*passed)));
        let now = self.read_clock();
        self.step(Input::Tick { now, drained: fetched.slots.is_empty() })?;
        Ok(fetched.slots.len())
    }

    fn record(&mut self, fetched: &Fetched, at: usize) -> Result<(), Fault> {
        let slot = &fetched.slots[at];
        let place = (slot.task, slot.input);
        if self.put_back.contains(&place) || self.quarantined.contains_key(&slot.task) {
            return Ok(());
        }
        let bytes = |range: &std::ops::Range<usize>| &fetched.bytes[range.clone()];
        let value = slot.value.as_ref().map(bytes);
        let framed = match self.cache.resolve(&self.schemas, value) {
            Resolved::Framed(framed) => framed,
            Resolved::Pending(id) => {
                self.put_back.insert(place);
                if self.waiting.insert(place, id) != Some(id) {
                    // Nothing to worry about, unless the registry does not answer: whoever asks it says so.
                    let processor = self.worker.topology().name;
                    tracing::info!(
                        processor,
                        task = slot.task,
                        schema_id = id,
                        "partition paused: its schema is asked of the registry"
                    );
                }
                self.transport.pause(slot.task, slot.input)?;
                return self.transport.seek(slot.task, slot.input, slot.offset);
            }
        };
        let headers: Vec<Header<'_>> =
            slot.headers.iter().map(|(name, value)| (bytes(name), value.as_ref().map(bytes))).collect();
        let record = Record {
            task: slot.task,
            input: slot.input,
            offset: slot.offset,
            timestamp_ms: slot.timestamp_ms,
            key: slot.key.as_ref().map(bytes),
            value,
            headers: &headers,
            framed,
        };
        self.worker.step(Input::Record(record), &*self.disk, &mut self.actions);
        self.carry_out()
    }

    /// Tells the core something; what it asks for is done by [`Driver::carry_out`].
    fn tell(&mut self, input: Input<'_>) {
        self.worker.step(input, &*self.disk, &mut self.actions);
    }

    /// Tells the core something and does what it asks for.
    fn step(&mut self, input: Input<'_>) -> Result<(), Fault> {
        self.tell(input);
        self.carry_out()
    }

    /// Does what the core asks for, and what it asks for because of that, in order. A queue, not a recursion: after a
    /// fault nothing of what was decided before it may still be done.
    fn carry_out(&mut self) -> Result<(), Fault> {
        loop {
            if let Some(fault) = self.take_disk_fault() {
                // The core was told nonsense: nothing it decided on that may happen.
                self.drop_queue();
                self.disk_failed(fault)?;
            }
            self.queue.extend(self.actions.drain(..));
            let Some(action) = self.queue.pop_front() else { return Ok(()) };
            if let Err(fault) = self.act(action) {
                self.drop_queue();
                self.fault(fault)?;
            }
        }
    }

    /// Drops what is not to be done any more. What is committed stays committed: it reaches the store all the same.
    fn drop_queue(&mut self) {
        self.spans.forget();
        self.queue.extend(self.actions.drain(..));
        for action in std::mem::take(&mut self.queue) {
            if let Action::ApplyToStore(batch) = action {
                self.disk.apply(batch, self.wall_ms());
            }
        }
    }

    /// Takes care of the fault of something that was not asked for by the core.
    fn settle(&mut self, done: Result<(), Fault>) -> Result<(), Fault> {
        if let Err(fault) = done {
            self.fault(fault)?;
        }
        self.carry_out()
    }

    fn act(&mut self, action: Action) -> Result<(), Fault> {
        match action {
            Action::Begin => self.transport.begin(),
            Action::Send(send) => {
                self.spans.sent(&send);
                tracing::debug!(
                    processor = self.worker.topology().name,
                    ticket_id = %send.meta.ticket_id,
                    cause = %send.meta.cause,
                    event_id = %send.meta.event_id,
                    topic = send.topic,
                    partition = send.partition,
                    "sent {}",
                    send.record
                );
                self.transport.send(&send)
            }
            Action::Handled(handled) => {
                self.spans.handled(*handled, self.worker.topology());
                Ok(())
            }
            Action::DeadLetter(letter) => {
                let id = |name| headers::id(headers::lend(&letter.headers), name).map(display);
                tracing::warn!(
                    processor = self.worker.topology().name,
                    ticket_id = id(headers::TICKET_ID),
                    event_id = id(headers::EVENT_ID),
                    cause = id(headers::CAUSE),
                    code = letter.reject.code.as_str(),
                    task = letter.task,
                    offset = letter.offset,
                    "dead letter: {}",
                    letter.reject.detail
                );
                self.transport.dead_letter(&letter)
            }
            Action::Changelog { task, key, value } => self.transport.changelog(task, &key, value.as_deref()),
            Action::OrderLog { task, value } => self.transport.order_log(task, &value),
            Action::SendOffsets(offsets) => self.transport.send_offsets(&offsets),
            Action::Commit => {
                let logged = self.transport.commit()?;
                let now = self.clock.now();
                self.spans.committed(|| self.clock.unix_us());
                self.tell(Input::Committed { now, logged });
                Ok(())
            }
            Action::Abort => {
                self.spans.forget();
                self.transport.abort()
            }
            Action::ApplyToStore(batch) => {
                self.disk.apply(batch, self.wall_ms());
                Ok(())
            }
            Action::Seek { task, input, offset_next } => {
                self.rewound = true;
                self.transport.seek(task, input, offset_next)
            }
            Action::Pause { task, input } => self.transport.pause(task, input),
            // An input that waits for the registry stays paused until it is answered; a quarantined task's until its end.
            Action::Resume { task, input } if self.waiting.contains_key(&(task, input)) => Ok(()),
            Action::Resume { task, .. } if self.quarantined.contains_key(&task) => Ok(()),
            Action::Resume { task, input } => self.transport.resume(task, input),
            Action::ReadOrder { task, from } => {
                let page = self.transport.read_order(task, from)?;
                self.tell(Input::Order { task, page });
                Ok(())
            }
            Action::Rebuild { task, why } => {
                self.aside = Some(Aside::Rebuild(task, why.clone()));
                Err(Fault::Abort(why))
            }
            Action::Quarantine { task, why } => {
                self.aside = Some(Aside::Quarantine(task, why.clone()));
                Err(Fault::Abort(why))
            }
            Action::Stop(why) => Err(Fault::Fatal(why)),
        }
    }

    fn retry_schemas(&mut self) -> Result<(), Fault> {
        let schemas = &self.schemas;
        let answered: Vec<(u32, usize)> =
            self.waiting.iter().filter(|(_, id)| schemas.is_answered(**id)).map(|(at, _)| *at).collect();
        for (task, input) in answered {
            // An input that holds back enough records stays paused; the core resumes it.
            if !self.worker.tasks().any(|open| open.id == task && open.paused[input]) {
                self.transport.resume(task, input)?;
            }
            self.waiting.remove(&(task, input));
        }
        Ok(())
    }

    /// Commits what is in hand: the clean end of a worker.
    pub fn stop(&mut self) -> Result<(), Fault> {
        self.step(Input::Flush)
    }
}
