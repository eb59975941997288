//! Faults of the world, its clocks included: what they mean to the core, to the session and to the stores.

use crate::core::io::{Failure, Input, Now};
use crate::shell::disk::Disk;
use crate::shell::transport::{Fault, Transport};

use super::{Clock, Driver, Restoring};

/// How often a producer may be fenced before the worker gives up, and within how many microseconds.
const FENCED_MAX: usize = 2;
const FENCED_WITHIN_US: u64 = 300_000_000;

impl<T: Transport, D: Disk, C: Clock> Driver<T, D, C> {
    /// Turns a fault into what the core is to know, or into the end of the worker.
    pub(super) fn fault(&mut self, fault: Fault) -> Result<(), Fault> {
        let processor = self.worker.topology().name;
        let failure = match fault {
            Fault::Fatal(_) => return Err(fault),
            Fault::Fenced(why) => return self.fenced(&why),
            Fault::Unknown(why) => return self.rejoin(&why),
            Fault::Abort(why) => Failure::World(why),
            Fault::Refused(why) => Failure::Refused(why),
        };
        tracing::warn!(processor, "transaction aborted, its records are handled again: {failure}");
        self.tell(Input::Failed(failure));
        if let Some((task, why)) = self.unreadable.take() {
            self.rebuild(task, &why);
        }
        Ok(())
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
        let open: Vec<u32> = self.worker.tasks().map(|task| task.id).chain(self.restoring.keys().copied()).collect();
        // The old producer is gone, and with it whatever it had open: only the core is to forget.
        let mut forgotten = Vec::new();
        let failure = Input::Failed(Failure::World(why.to_owned()));
        self.worker.step(failure, &*self.disk, &mut forgotten);
        self.spans.forget();
        (self.rewound, self.reopened) = (true, true);
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

    pub(super) fn rebuild_all(&mut self, why: &str) {
        // Whatever the core thinks: what it last asked for was dropped, so the log may be in the middle of anything.
        self.tell(Input::Failed(Failure::World(why.to_owned())));
        let open: Vec<u32> = self.worker.tasks().map(|task| task.id).collect();
        open.into_iter().for_each(|task| self.rebuild(task, why));
        // Whose store it was that failed is not known: those that are being restored are set aside, too.
        self.restoring.values_mut().for_each(|restoring| restoring.spoiled = true);
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
