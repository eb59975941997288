//! Restores on threads of their own, several tasks at a time, so that the main consumer keeps polling meanwhile.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use flow::Topology;

use crate::shell::clock::SystemClock;
use crate::shell::disk::Disk;
use crate::shell::driver::Clock;
use crate::shell::restore::{Internal, restore};
use crate::shell::sled_disk::SledDisk;
use crate::shell::transport::{Change, Fault};

use super::reader::KafkaReader;
use super::settings::KafkaSettings;

/// How often a long restore says how far it is.
const SAY_EVERY: Duration = Duration::from_secs(2);
/// Tasks of one processor that are restored at a time. Most of a short restore is waiting for the broker.
const THREADS: usize = 4;

/// (records read, offsets to read) of the restores under way.
type Progress = Arc<Mutex<BTreeMap<u32, (u64, u64)>>>;

type Done = (u32, u64, Result<Change, Fault>);

/// A restore that a worker has asked for.
#[derive(Debug)]
struct Job {
    task: u32,
    number: u64,
    /// It is not wanted any more.
    cancelled: Arc<AtomicBool>,
    shown: Progress,
    say: Sender<Done>,
}

/// What is asked for and not begun, what is under way, and how many threads are at it.
#[derive(Debug, Default)]
struct Wanted {
    jobs: VecDeque<Job>,
    /// A task that is asked for again waits for its earlier restore to end: a store has one writer.
    under_way: BTreeSet<u32>,
    threads: usize,
}

/// The restores of all workers of a processor in this process. They share a store, and a task may move from one to another.
#[derive(Debug, Clone, Default)]
pub struct Restores(Arc<Mutex<Wanted>>);

impl Restores {
    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted {
    /// The next restore to begin. A thread that gets none is to end; what is left, another will take when it has ended
    /// the same task's earlier restore.
    fn next(&mut self) -> Option<Job> {
        // Each would cost its first calls.
        self.jobs.retain(|job| !is(&job.cancelled));
        let at = self.jobs.iter().position(|job| !self.under_way.contains(&job.task));
        let next = at.and_then(|at| self.jobs.remove(at));
        match &next {
            Some(job) => drop(self.under_way.insert(job.task)),
            None => self.threads -= 1,
        }
        next
    }
}

/// Asks for restores and hears of them. Its threads, and their connections, live while there is something to restore.
pub(super) struct Restorer {
    settings: KafkaSettings,
    topology: &'static Topology,
    disk: Arc<SledDisk>,
    restores: Restores,
    say: Sender<Done>,
    done: Receiver<Done>,
    /// Number of the last restore asked for, by task: an older one was asked for an assignment that is gone, and what it
    /// found may be out of date.
    asked: BTreeMap<u32, (u64, Arc<AtomicBool>)>,
    progress: Progress,
}

impl Restorer {
    pub(super) fn new(
        settings: KafkaSettings,
        topology: &'static Topology,
        disk: Arc<SledDisk>,
        restores: Restores,
    ) -> Restorer {
        let (say, done) = channel();
        Restorer {
            settings,
            topology,
            disk,
            restores,
            say,
            done,
            asked: BTreeMap::new(),
            progress: Progress::default(),
        }
    }

    pub(super) fn ask(&mut self, task: u32) -> Result<(), Fault> {
        self.forget([task]);
        let (number, cancelled) = self.asked.entry(task).or_default();
        let (shown, say) = (self.progress.clone(), self.say.clone());
        let job = Job { task, number: *number, cancelled: cancelled.clone(), shown, say };
        let mut wanted = self.restores.wanted();
        wanted.jobs.push_back(job);
        if wanted.threads == THREADS {
            return Ok(());
        }
        let reader = KafkaReader::open(&self.settings, self.topology)?;
        let (topology, disk, queue) = (self.topology, self.disk.clone(), self.restores.clone());
        let run = move || work(reader, topology, &disk, &queue);
        let spawned = thread::Builder::new().name(format!("{}-restore", topology.name)).spawn(run);
        spawned.map_err(|error| Fault::Fatal(format!("restore thread: {error}")))?;
        wanted.threads += 1;
        Ok(())
    }

    pub(super) fn finished(&mut self) -> impl Iterator<Item = Result<Change, Fault>> + '_ {
        let asked = &self.asked;
        let current = |(task, number, change)| {
            let wanted = asked.get(&task).is_some_and(|(last, cancelled)| *last == number && !is(cancelled));
            wanted.then_some(change)
        };
        self.done.try_iter().filter_map(current)
    }

    /// How far the restores under way are.
    pub(super) fn progress(&self) -> BTreeMap<u32, (u64, u64)> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was asked for these tasks is not wanted any more: it writes no further page.
    pub(super) fn forget(&mut self, tasks: impl IntoIterator<Item = u32>) {
        for task in tasks {
            let (number, cancelled) = self.asked.entry(task).or_default();
            cancelled.store(true, Ordering::Relaxed);
            (*number, *cancelled) = (*number + 1, Arc::default());
        }
    }
}

impl Drop for Restorer {
    fn drop(&mut self) {
        let asked: Vec<u32> = self.asked.keys().copied().collect();
        self.forget(asked);
    }
}

fn is(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed)
}

/// One thread: restores what is asked for until there is nothing left.
fn work(mut reader: KafkaReader, topology: &'static Topology, disk: &SledDisk, queue: &Restores) {
    let names = Internal::of(topology.name);
    loop {
        let next = queue.wanted().next();
        let Some(Job { task, number, cancelled, shown, say }) = next else { return };
        let now_ms = SystemClock::default().now().wall_ms;
        let mut said = Instant::now();
        let mut progress = |done: u64, total: u64| {
            if is(&cancelled) {
                return Err(Fault::Abort("not wanted any more".to_owned()));
            }
            shown.lock().unwrap_or_else(PoisonError::into_inner).insert(task, (done, total));
            if said.elapsed() > SAY_EVERY {
                said = Instant::now();
                tracing::info!(processor = topology.name, task, done, total, "restoring");
            }
            Ok(())
        };
        let change = match restore(&mut reader, disk as &dyn Disk, &names, task, now_ms, &mut progress) {
            Ok(opening) => Ok(Change::Restored(opening)),
            Err(Fault::Fatal(why)) => Err(Fault::Fatal(why)),
            Err(Fault::Quarantine(why)) => Ok(Change::Quarantined(task, why)),
            Err(fault) => Ok(Change::RestoreFailed(task, fault.to_string())),
        };
        shown.lock().unwrap_or_else(PoisonError::into_inner).remove(&task);
        queue.wanted().under_way.remove(&task);
        // Nobody listens any more when the worker that asked has ended; others may have asked, too.
        drop(say.send((task, number, change)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two workers of one process ask for the same store: the task moved from one to the other.
    #[test]
    fn a_task_is_restored_once_at_a_time_whoever_asks() {
        let restores = Restores::default();
        let asked = |task, number| {
            let (cancelled, shown) = (Arc::default(), Progress::default());
            restores.wanted().jobs.push_back(Job { task, number, cancelled, shown, say: channel().0 });
        };
        let next = || restores.wanted().next().map(|job| (job.task, job.number));
        restores.wanted().threads = 3;
        [(1, 1), (1, 7), (2, 1)].into_iter().for_each(|(task, number)| asked(task, number));
        assert_eq!(next(), Some((1, 1)));
        assert_eq!(next(), Some((2, 1)), "not task 1 again");
        assert_eq!(next(), None);
        assert_eq!(restores.wanted().threads, 2, "a thread without work ends");
        restores.wanted().under_way.remove(&1);
        assert_eq!(next(), Some((1, 7)), "the thread that ended the first takes the second");
        [(3, 1), (4, 1)].into_iter().for_each(|(task, number)| asked(task, number));
        restores.wanted().jobs[0].cancelled.store(true, Ordering::Relaxed);
        assert_eq!(next(), Some((4, 1)), "what is not wanted any more is not begun");
    }

    static TOPOLOGY: Topology =
        Topology { name: "p", partitions: 1, inputs: &[], outputs: &[], replies: &[], tables: &[], window_ms: 1 };

    #[test]
    fn what_was_asked_for_an_assignment_that_is_gone_is_cancelled_and_not_heard() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Arc::new(SledDisk::open(folder.path()).expect("a store"));
        let restores = Restores::default();
        // As many threads as there may be: nothing begins.
        restores.wanted().threads = THREADS;
        let mut restorer = Restorer::new(KafkaSettings::default(), &TOPOLOGY, disk, restores.clone());
        restorer.ask(0).expect("asked");
        restorer.ask(0).expect("asked again");
        let cancelled: Vec<bool> = restores.wanted().jobs.iter().map(|job| is(&job.cancelled)).collect();
        assert_eq!(cancelled, [true, false], "only the last is wanted");
        restorer.forget([0]);
        let jobs = std::mem::take(&mut restores.wanted().jobs);
        assert!(jobs.iter().all(|job| is(&job.cancelled)));
        for job in jobs {
            job.say.send((0, job.number, Ok(Change::RestoreFailed(0, String::new())))).expect("it listens");
        }
        assert_eq!(restorer.finished().count(), 0, "an answer that nobody waits for");
    }
}
