//! Tasks that come and go: assigned, restored, opened, given back.

use crate::core::io::{Failure, Input};
use crate::shell::disk::Disk;
use crate::shell::transport::{Change, Fault, Transport};

use super::{Clock, Driver, Restoring};

/// Longest wait between two tries of a restore, in milliseconds.
const RESTORE_WAIT_MAX_MS: u64 = 10_000;

impl<T: Transport, D: Disk, C: Clock> Driver<T, D, C> {
    pub(super) fn change(&mut self, change: Change) -> Result<(), Fault> {
        match change {
            Change::Assigned(_) | Change::Revoked(_) | Change::Lost(_) if self.reopened => Ok(()),
            Change::Assigned(tasks) => {
                self.accepted = true;
                self.restoring.extend(tasks.into_iter().map(|task| (task, Restoring::AT_ONCE)));
                Ok(())
            }
            Change::Revoked(tasks) => {
                self.step(Input::Flush)?;
                self.close(&tasks)?;
                self.transport.release(&tasks)
            }
            Change::Lost(tasks) => {
                self.accepted = false;
                if self.worker.busy() {
                    self.step(Input::Failed(Failure::World("assignment lost".into())))?;
                }
                self.close(&tasks)?;
                self.transport.release(&tasks)
            }
            Change::Restored(opening) => {
                let task = opening.task;
                // A task that was taken away while it was restored is nobody's here.
                let Some(restoring) = self.restoring.get_mut(&task) else { return Ok(()) };
                if restoring.spoiled {
                    restoring.retry_us = Some(0);
                    return Ok(());
                }
                if let Err(fault) = self.transport.start(task, &opening.read_from) {
                    self.retry_later(task);
                    return Err(fault);
                }
                self.restoring.remove(&task);
                // What this poll brought of a task that was rebuilt was fetched from where it stood before.
                self.put_back.extend((0..opening.positions.len()).map(|input| (task, input)));
                self.step(Input::Open(opening))
            }
            Change::Quarantined(task, why) => {
                if self.restoring.contains_key(&task) {
                    self.quarantine(task, why);
                }
                Ok(())
            }
            Change::RestoreFailed(task, why) => {
                if self.restoring.contains_key(&task) {
                    // A broker that is away fails them all: said once, and again now and then while it lasts.
                    let first = self.restoring.values().all(|restoring| restoring.tries == 0);
                    let wait_ms = self.retry_later(task);
                    let processor = self.worker.topology().name;
                    if first || wait_ms >= RESTORE_WAIT_MAX_MS {
                        tracing::warn!(processor, task, "restore failed, again in {wait_ms} ms: {why}");
                    } else {
                        tracing::debug!(processor, task, "restore failed, again in {wait_ms} ms: {why}");
                    }
                }
                Ok(())
            }
        }
    }

    /// Backs off; the wait in milliseconds.
    fn retry_later(&mut self, task: u32) -> u64 {
        let restoring = self.restoring.entry(task).or_default();
        restoring.tries += 1;
        let wait_ms = (100u64 << restoring.tries.min(7)).min(RESTORE_WAIT_MAX_MS);
        restoring.retry_us = Some(self.clock.now().mono_us + wait_ms * 1_000);
        wait_ms
    }

    pub(super) fn close(&mut self, tasks: &[u32]) -> Result<(), Fault> {
        for task in tasks {
            self.restoring.remove(task);
            self.quarantined.remove(task);
            self.waiting.retain(|(of, _), _| of != task);
            self.step(Input::Close(*task))?;
        }
        Ok(())
    }

    /// Asks for the restores that are due: those of new tasks, and those that failed a while ago.
    pub(super) fn ask_restores(&mut self) -> Result<(), Fault> {
        let now = self.clock.now().mono_us;
        let is_due = |restoring: &Restoring| restoring.retry_us.is_some_and(|at| at <= now);
        let due: Vec<u32> = self.restoring.iter().filter(|(_, at)| is_due(at)).map(|(task, _)| *task).collect();
        for task in due {
            let restoring = self.restoring.entry(task).or_default();
            if std::mem::take(&mut restoring.spoiled) {
                self.disk.drop_task(task);
            }
            if let Err(fault) = self.transport.restore(task) {
                self.retry_later(task);
                return Err(fault);
            }
            self.restoring.entry(task).or_default().retry_us = None;
        }
        Ok(())
    }
}
