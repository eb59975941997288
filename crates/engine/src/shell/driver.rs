//! The loop of one worker: polls, asks the core what is to happen, does it.
//!
//! The same loop drives Kafka, the embedded log and the simulator. It decides nothing about records; what it decides is
//! how faults of the world turn into inputs of the core.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::core::io::{Action, Failure, Input, Logged, Now, Record};
use crate::core::worker::Worker;

use super::disk::Disk;
use super::schemas::{Resolved, SchemaCache, Schemas};
use super::transport::{Change, Fault, Fetched, Transport};

/// Clocks, so that the simulator can pretend.
pub trait Clock {
    /// Wall clock and monotonic clock.
    fn now(&self) -> Now;
}

/// How often a producer may be fenced before the worker gives up, and within how many milliseconds.
const FENCED_MAX: usize = 2;
const FENCED_WITHIN_MS: i64 = 300_000;

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
    actions: Vec<Action>,
    logged: Vec<Logged>,
    /// Inputs that wait for the registry: (task, input) to schema id.
    waiting: HashMap<(u32, usize), u32>,
    /// Tasks assigned but not open yet.
    restoring: BTreeMap<u32, Restoring>,
    fenced_ms: Vec<i64>,
    rewound: bool,
    /// A task whose store holds bytes that do not decode.
    unreadable: Option<(u32, String)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Restoring {
    /// A failed restore is asked for again at this time of the monotonic clock.
    retry_us: Option<u64>,
    tries: u32,
}

impl<T: Transport, D: Disk, C: Clock> Driver<T, D, C> {
    /// A worker without tasks; they come with the first polls.
    pub fn new(worker: Worker, transport: T, disk: Arc<D>, clock: C, schemas: Schemas) -> Self {
        Driver {
            worker,
            transport,
            disk,
            clock,
            schemas,
            cache: SchemaCache::default(),
            fetched: Fetched::default(),
            actions: Vec::new(),
            logged: Vec::new(),
            waiting: HashMap::new(),
            restoring: BTreeMap::new(),
            fenced_ms: Vec::new(),
            rewound: false,
            unreadable: None,
        }
    }

    /// Whether every assigned task is open.
    pub fn ready(&self) -> bool {
        self.restoring.is_empty()
    }

    /// One turn of the loop; how many records it was given. An error ends the worker.
    pub fn turn(&mut self) -> Result<usize, Fault> {
        let now = self.clock.now();
        let mut fetched = std::mem::take(&mut self.fetched);
        fetched.clear();
        let polled = self.transport.poll(self.wait(now), &mut fetched);
        let result = self.took(polled, &fetched);
        self.fetched = fetched;
        result
    }

    fn wait(&self, now: Now) -> Duration {
        if self.worker.busy() {
            return self.worker.idle_us().map_or(Duration::ZERO, Duration::from_micros).min(WAIT_MAX);
        }
        let due_ms = self.worker.next_due_ms().map_or(i64::MAX, |due_ms| due_ms.saturating_sub(now.wall_ms)).max(0);
        WAIT_MAX.min(Duration::from_millis(due_ms as u64))
    }

    fn took(&mut self, polled: Result<(), Fault>, fetched: &Fetched) -> Result<usize, Fault> {
        if let Err(fault) = polled {
            self.fault(fault)?;
        }
        for change in &fetched.changes {
            self.change(change)?;
        }
        self.retry_restores()?;
        self.retry_schemas()?;
        self.rewound = false;
        for at in 0..fetched.slots.len() {
            self.record(fetched, at)?;
            if self.rewound {
                // The rest of this poll lies behind a gap now; it is delivered again.
                break;
            }
        }
        let now = self.clock.now();
        self.step(Input::Tick { now, drained: fetched.slots.is_empty() })?;
        Ok(fetched.slots.len())
    }

    fn record(&mut self, fetched: &Fetched, at: usize) -> Result<(), Fault> {
        let slot = &fetched.slots[at];
        if self.waiting.contains_key(&(slot.task, slot.input)) {
            return Ok(());
        }
        let bytes = |range: &std::ops::Range<usize>| &fetched.bytes[range.clone()];
        let value = slot.value.as_ref().map(bytes);
        let framed = match self.cache.resolve(&self.schemas, value) {
            Resolved::Framed(framed) => framed,
            Resolved::Pending(id) => {
                self.waiting.insert((slot.task, slot.input), id);
                tracing::warn!(task = slot.task, schema_id = id, "partition paused: its schema is asked of the registry");
                self.transport.pause(slot.task, slot.input)?;
                return self.transport.seek(slot.task, slot.input, slot.offset);
            }
        };
        let headers: Vec<(&str, &[u8])> = slot
            .headers
            .iter()
            .filter_map(|(name, value)| Some((std::str::from_utf8(bytes(name)).ok()?, bytes(value))))
            .collect();
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
        let mut actions = std::mem::take(&mut self.actions);
        actions.clear();
        self.worker.step(Input::Record(record), &*self.disk, &mut actions);
        let result = self.carry_out(&mut actions);
        self.actions = actions;
        result
    }

    /// Tells the core something and does what it asks for.
    fn step(&mut self, input: Input<'_>) -> Result<(), Fault> {
        let mut actions = Vec::new();
        self.worker.step(input, &*self.disk, &mut actions);
        self.carry_out(&mut actions)
    }

    fn carry_out(&mut self, actions: &mut Vec<Action>) -> Result<(), Fault> {
        let mut faulted = None;
        for action in actions.drain(..) {
            if let Err(fault) = self.act(action) {
                faulted = Some(fault);
                break;
            }
        }
        if let Some(fault) = faulted {
            return self.fault(fault);
        }
        if let Some(why) = self.disk.take_fault() {
            return self.rebuild_all(&why);
        }
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<(), Fault> {
        match action {
            Action::Begin => self.transport.begin(),
            Action::Send(send) => self.transport.send(&send),
            Action::DeadLetter(letter) => {
                tracing::warn!(
                    processor = self.worker.topology().name,
                    code = letter.reject.code.as_str(),
                    task = letter.task,
                    offset = letter.offset,
                    "dead letter: {}",
                    letter.reject.detail
                );
                self.transport.dead_letter(&letter)
            }
            Action::Changelog { task, key, value } => self.transport.changelog(task, &key, value.as_deref()),
            Action::DedupLog { task, value } => self.transport.dedup_log(task, &value),
            Action::OrderLog { task, value } => self.transport.order_log(task, &value),
            Action::SendOffsets(offsets) => self.transport.send_offsets(&offsets),
            Action::Commit => {
                self.logged = self.transport.commit()?;
                let (now, logged) = (self.clock.now(), std::mem::take(&mut self.logged));
                self.step(Input::Committed { now, logged })
            }
            Action::Abort => self.transport.abort(),
            Action::ApplyToStore(batch) => {
                let (task, expired) = (batch.task, !batch.expired.is_empty());
                self.disk.apply(batch, self.clock.now().wall_ms);
                if expired { self.trim(task) } else { Ok(()) }
            }
            Action::Seek { task, input, offset_next } => {
                self.rewound = true;
                self.transport.seek(task, input, offset_next)
            }
            Action::Pause { task, input } => self.transport.pause(task, input),
            // An input that waits for the registry stays paused until it is answered.
            Action::Resume { task, input } if self.waiting.contains_key(&(task, input)) => Ok(()),
            Action::Resume { task, input } => self.transport.resume(task, input),
            Action::ReadOrder { task, from } => {
                let page = self.transport.read_order(task, from)?;
                self.step(Input::Order { task, page })
            }
            Action::Rebuild { task, why } => {
                self.unreadable = Some((task, why.clone()));
                Err(Fault::Abort(why))
            }
            Action::Stop(why) => Err(Fault::Fatal(why)),
        }
    }

    fn trim(&mut self, task: u32) -> Result<(), Fault> {
        let oldest = self.worker.tasks().find(|open| open.id == task).and_then(|open| {
            let offsets: Vec<Option<i64>> = open.windows.iter().map(|window| window.oldest_offset()).collect();
            offsets.into_iter().flatten().min()
        });
        match oldest {
            Some(offset) => self.transport.trim_dedup(task, offset),
            None => Ok(()),
        }
    }

    fn change(&mut self, change: &Change) -> Result<(), Fault> {
        match change {
            Change::Assigned(tasks) => {
                for task in tasks {
                    self.restoring.insert(*task, Restoring::default());
                    self.transport.restore(*task)?;
                }
                Ok(())
            }
            Change::Revoked(tasks) => {
                self.step(Input::Flush)?;
                self.close(tasks)?;
                self.transport.release(tasks)
            }
            Change::Lost(tasks) => {
                if self.worker.busy() {
                    self.step(Input::Failed(Failure::World("assignment lost".into())))?;
                }
                self.close(tasks)?;
                self.transport.release(tasks)
            }
            Change::Restored(opening) => {
                // A task that was taken away while it was restored is nobody's here.
                if self.restoring.remove(&opening.task).is_none() {
                    return Ok(());
                }
                let (task, positions) = (opening.task, opening.positions.clone());
                self.transport.start(task, &positions)?;
                self.step(Input::Open(opening.clone()))
            }
            Change::RestoreFailed(task, why) => {
                let Some(restoring) = self.restoring.get_mut(task) else { return Ok(()) };
                restoring.tries += 1;
                let wait_ms = 100u64 << restoring.tries.min(7);
                restoring.retry_us = Some(self.clock.now().mono_us + wait_ms * 1_000);
                tracing::warn!(task, "restore failed, again in {wait_ms} ms: {why}");
                Ok(())
            }
        }
    }

    fn close(&mut self, tasks: &[u32]) -> Result<(), Fault> {
        for task in tasks {
            self.restoring.remove(task);
            self.waiting.retain(|(of, _), _| of != task);
            self.step(Input::Close(*task))?;
        }
        Ok(())
    }

    fn retry_restores(&mut self) -> Result<(), Fault> {
        let now = self.clock.now().mono_us;
        let due: Vec<u32> = self
            .restoring
            .iter_mut()
            .filter(|(_, restoring)| restoring.retry_us.is_some_and(|at| at <= now))
            .map(|(task, restoring)| {
                restoring.retry_us = None;
                *task
            })
            .collect();
        due.into_iter().try_for_each(|task| self.transport.restore(task))
    }

    fn retry_schemas(&mut self) -> Result<(), Fault> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let schemas = &self.schemas;
        let answered: Vec<(u32, usize)> =
            self.waiting.iter().filter(|(_, id)| schemas.is_answered(**id)).map(|(at, _)| *at).collect();
        for (task, input) in answered {
            self.waiting.remove(&(task, input));
            self.transport.resume(task, input)?;
        }
        Ok(())
    }

    /// Turns a fault into what the core is to know, or into the end of the worker.
    fn fault(&mut self, fault: Fault) -> Result<(), Fault> {
        let processor = self.worker.topology().name;
        let failure = match fault {
            Fault::Fatal(_) => return Err(fault),
            Fault::Fenced(why) => return self.fenced(&why),
            Fault::Abort(why) => Failure::World(why),
            Fault::Refused(why) => Failure::Refused(why),
        };
        tracing::warn!(processor, "transaction aborted: {failure:?}");
        self.step(Input::Failed(failure))?;
        match self.unreadable.take() {
            Some((task, why)) => self.rebuild(task, &why),
            None => Ok(()),
        }
    }

    fn fenced(&mut self, why: &str) -> Result<(), Fault> {
        let now_ms = self.clock.now().wall_ms;
        self.fenced_ms.retain(|at| now_ms - at < FENCED_WITHIN_MS);
        self.fenced_ms.push(now_ms);
        if self.fenced_ms.len() >= FENCED_MAX {
            return Err(Fault::Fatal(format!(
                "fenced twice within five minutes: {why}; hint: another instance probably runs under the same name"
            )));
        }
        tracing::warn!(processor = self.worker.topology().name, "fenced, tasks closed until assigned again: {why}");
        let open: Vec<u32> = self.worker.tasks().map(|task| task.id).chain(self.restoring.keys().copied()).collect();
        // The old producer is gone, and with it whatever it had open: only the core is to forget.
        let mut forgotten = Vec::new();
        let failure = Input::Failed(Failure::World(why.to_owned()));
        self.worker.step(failure, &*self.disk, &mut forgotten);
        self.rewound = true;
        self.close(&open)?;
        self.transport.reopen()
    }

    /// Sets the store of a task aside and rebuilds it from its changelog.
    fn rebuild(&mut self, task: u32, why: &str) -> Result<(), Fault> {
        tracing::warn!(processor = self.worker.topology().name, task, "store set aside and rebuilt: {why}");
        if self.worker.busy() {
            self.step(Input::Failed(Failure::World(why.to_owned())))?;
        }
        self.step(Input::Close(task))?;
        self.disk.drop_task(task);
        self.restoring.insert(task, Restoring::default());
        self.rewound = true;
        self.transport.restore(task)
    }

    fn rebuild_all(&mut self, why: &str) -> Result<(), Fault> {
        let open: Vec<u32> = self.worker.tasks().map(|task| task.id).collect();
        open.into_iter().try_for_each(|task| self.rebuild(task, why))
    }

    /// Commits what is in hand: the clean end of a worker.
    pub fn stop(&mut self) -> Result<(), Fault> {
        self.step(Input::Flush)
    }
}
