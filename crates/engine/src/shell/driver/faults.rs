//! Faults of the world, its clocks included: what they mean to the core, to the session and to the stores.

use crate::core::io::{Failure, Input, Now};
use crate::shell::disk::{Disk, DiskFault};
use crate::shell::transport::{Fault, Transport};

use super::{Aside, Clock, Driver, Restoring};

/// How often a producer may be fenced before the worker gives up, and within how many microseconds.
const FENCED_MAX: usize = 2;
const FENCED_WITHIN_US: u64 = 300_000_000;

/// How often the disk may fail before the process ends, and within how many microseconds.
const DISK_FAILED_MAX: usize = 5;
const DISK_FAILED_WITHIN_US: u64 = 60_000_000;

impl<T: Transport, D: Disk, C: Clock> Driver<T, D, C> {
    /// Turns a fault into what the core is to know, or into the end of the worker.
    pub(super) fn fault(&mut self, fault: Fault) -> Result<(), Fault> {
        let processor = self.worker.topology().name;
        let failure = match fault {
            // A call that concerns one task is answered with a change; here nobody knows which it is.
            Fault::Fatal(why) | Fault::Quarantine(why) => return Err(Fault::Fatal(why)),
            Fault::Fenced(why) => return self.fenced(&why),
            Fault::Unknown(why) => return self.rejoin(&why),
            Fault::Abort(why) => Failure::World(why),
            Fault::Refused(why) => Failure::Refused(why),
        };
        tracing::warn!(processor, "transaction aborted, its records are handled again: {failure}");
        self.tell(Input::Failed(failure));
        match self.aside.take() {
            Some(Aside::Rebuild(task, why)) => self.rebuild(task, &why),
            Some(Aside::Quarantine(task, why)) => self.quarantine(task, why),
            None => {}
        }
        Ok(())
    }

    /// Stops one task for good, with its transaction undone. It stays ours: the next owner would meet the same.
    pub(super) fn quarantine(&mut self, task: u32, why: String) {
        tracing::error!(processor = self.worker.topology().name, task, "task quarantined, the others go on: {why}");
        self.tell(Input::Close(task));
        self.restoring.remove(&task);
        self.waiting.retain(|(of, _), _| *of != task);
        self.quarantined.insert(task, why);
        for input in 0..self.worker.topology().inputs.len() {
            // Without it, records are fetched for nothing.
            if let Err(fault) = self.transport.pause(task, input) {
                tracing::debug!(processor = self.worker.topology().name, task, input, "not paused: {fault}");
            }
        }
    }

    fn fenced(&mut self, why: &str) -> Result<(), Fault> {
        let now_us = self.clock.now().mono_us;
        self.fenced_us.retain(|at| now_us - at < FENCED_WITHIN_US);
        self.fenced_us.push(now_us);
        if self.fenced_us.len() >= FENCED_MAX {
            return Err(Fault::Fatal(format!(
                "fenced twice within five minutes: {why}; hint: another instance probably runs under the same name"
            )));
        }
        self.rejoin(&format!("fenced: {why}"))
    }

    /// Closes every task without its transaction, whose outcome only a new session can settle.
    pub(super) fn rejoin(&mut self, why: &str) -> Result<(), Fault> {
        tracing::warn!(processor = self.worker.topology().name, "tasks closed until assigned again: {why}");
        let open = self.worker.tasks().map(|task| task.id);
        let open: Vec<u32> = open.chain(self.restoring.keys().chain(self.quarantined.keys()).copied()).collect();
        // The old producer is gone, and with it whatever it had open: only the core is to forget.
        let mut forgotten = Vec::new();
        let failure = Input::Failed(Failure::World(why.to_owned()));
        self.worker.step(failure, &*self.disk, &mut forgotten);
        self.spans.forget();
        (self.rewound, self.reopened, self.accepted) = (true, true, false);
        // The new session first: nothing may be asked of the old one any more, not even to abort.
        self.transport.reopen()?;
        self.close(&open)
    }

    /// Sets the store of a task aside and rebuilds it from its changelog.
    pub(super) fn rebuild(&mut self, task: u32, why: &str) {
        tracing::warn!(processor = self.worker.topology().name, task, "store set aside and rebuilt: {why}");
        if self.worker.busy() {
            self.tell(Input::Failed(Failure::World(why.to_owned())));
        }
        self.tell(Input::Close(task));
        self.waiting.retain(|(of, _), _| *of != task);
        // At the next poll: what was decided so far is to be undone first.
        self.restoring.insert(task, Restoring { spoiled: true, ..Restoring::AT_ONCE });
        self.rewound = true;
    }

    /// A fault of the disk that concerns this worker.
    pub(super) fn take_disk_fault(&self) -> Option<DiskFault> {
        let mine = |id| self.restoring.contains_key(&id) || self.worker.tasks().any(|task| task.id == id);
        self.disk.take_fault(&mine)
    }

    /// A store that failed is set aside and rebuilt. sled fails for good once the disk was full: only another process can go
    /// on then, so a disk that keeps failing ends this one.
    pub(super) fn disk_failed(&mut self, fault: DiskFault) -> Result<(), Fault> {
        let DiskFault { task, why } = fault;
        let now_us = self.clock.now().mono_us;
        self.disk_failed_us.push_back(now_us);
        self.disk_failed_us.retain(|at| now_us.saturating_sub(*at) < DISK_FAILED_WITHIN_US);
        if self.disk_failed_us.len() >= DISK_FAILED_MAX {
            return Err(Fault::Fatal(format!(
                "the disk failed {DISK_FAILED_MAX} times within a minute: {why}; hint: free or replace the disk below --data; \
                 nothing is lost, a restart rebuilds what is damaged"
            )));
        }
        // Whatever the core thinks: what it last asked for was dropped, so the log may be in the middle of anything.
        self.tell(Input::Failed(Failure::World(why.clone())));
        match task {
            None => tracing::warn!(processor = self.worker.topology().name, "the disk of the stores failed: {why}"),
            Some(task) if self.restoring.contains_key(&task) => {
                self.restoring.entry(task).and_modify(|restoring| restoring.spoiled = true);
            }
            Some(task) => self.rebuild(task, &why),
        }
        Ok(())
    }

    /// What time it is; the core knows it, too, and the log when the wall clock was set meanwhile.
    pub(super) fn read_clock(&mut self) -> Now {
        let (now, before) = (self.clock.now(), self.worker.counts().clock_steps);
        self.worker.read_clock(now);
        if self.worker.counts().clock_steps > before {
            tracing::warn!(
                processor = self.worker.topology().name,
                ahead_ms = now.wall_ms - self.worker.wall_ms(now),
                "the wall clock was set by more than a minute; a step ahead counts when it has lasted for five minutes; \
                 hint: look at the machine's time synchronisation"
            );
        }
        now
    }

    /// The wall clock in milliseconds, without a step ahead that is not believed.
    pub(super) fn wall_ms(&self) -> i64 {
        self.worker.wall_ms(self.clock.now())
    }
}
