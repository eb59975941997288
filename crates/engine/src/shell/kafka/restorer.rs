//! Restores on threads of their own, several tasks at a time, so that the main consumer keeps polling meanwhile.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
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
/// Tasks of one worker that are restored at a time. Most of a short restore is waiting for the broker.
const THREADS: usize = 4;

/// (records read, offsets to read) of the restores under way.
type Progress = Arc<Mutex<BTreeMap<u32, (u64, u64)>>>;

type Done = (u32, u64, Result<Change, Fault>);

/// What is asked for and not begun, what is under way, and how many threads are at it.
#[derive(Debug, Default)]
struct Wanted {
    tasks: VecDeque<(u32, u64)>,
    /// A task that is asked for again waits for its earlier restore to end: a store has one writer.
    under_way: BTreeSet<u32>,
    threads: usize,
}

impl Wanted {
    /// The next restore to begin. A thread that gets none is to end; what is left, another will take when it has ended
    /// the same task's earlier restore.
    fn next(&mut self) -> Option<(u32, u64)> {
        let at = self.tasks.iter().position(|(task, _)| !self.under_way.contains(task));
        let next = at.and_then(|at| self.tasks.remove(at));
        match next {
            Some((task, _)) => drop(self.under_way.insert(task)),
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
    wanted: Arc<Mutex<Wanted>>,
    say: Sender<Done>,
    done: Receiver<Done>,
    /// Number of the last restore asked for, by task: an older one was asked for an assignment that is gone, and what it
    /// found may be out of date.
    asked: BTreeMap<u32, u64>,
    progress: Progress,
}

impl Restorer {
    pub(super) fn new(settings: KafkaSettings, topology: &'static Topology, disk: Arc<SledDisk>) -> Restorer {
        let (say, done) = channel();
        Restorer {
            settings,
            topology,
            disk,
            wanted: Arc::default(),
            say,
            done,
            asked: BTreeMap::new(),
            progress: Progress::default(),
        }
    }

    pub(super) fn ask(&mut self, task: u32) -> Result<(), Fault> {
        let number = self.asked.entry(task).or_default();
        *number += 1;
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.tasks.push_back((task, *number));
        if wanted.threads == THREADS {
            return Ok(());
        }
        let reader = KafkaReader::open(&self.settings, self.topology)?;
        let (topology, disk) = (self.topology, self.disk.clone());
        let (queue, say) = (self.wanted.clone(), self.say.clone());
        let progress = self.progress.clone();
        let run = move || work(reader, topology, &disk, &queue, &progress, &say);
        let spawned = thread::Builder::new().name(format!("{}-restore", topology.name)).spawn(run);
        spawned.map_err(|error| Fault::Fatal(format!("restore thread: {error}")))?;
        wanted.threads += 1;
        Ok(())
    }

    pub(super) fn finished(&mut self) -> impl Iterator<Item = Result<Change, Fault>> + '_ {
        let asked = &self.asked;
        let current = |(task, number, change)| (asked.get(&task) == Some(&number)).then_some(change);
        self.done.try_iter().filter_map(current)
    }

    /// How far the restores under way are.
    pub(super) fn progress(&self) -> BTreeMap<u32, (u64, u64)> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was asked for these tasks is not wanted any more.
    pub(super) fn forget(&mut self, tasks: impl IntoIterator<Item = u32>) {
        for task in tasks {
            *self.asked.entry(task).or_default() += 1;
        }
    }
}

/// One thread: restores what is asked for until there is nothing left.
fn work(
    mut reader: KafkaReader,
    topology: &'static Topology,
    disk: &SledDisk,
    wanted: &Mutex<Wanted>,
    shown: &Progress,
    say: &Sender<Done>,
) {
    let names = Internal::of(topology.name);
    loop {
        let next = wanted.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((task, number)) = next else { return };
        let now_ms = SystemClock::default().now().wall_ms;
        let mut said = Instant::now();
        let mut progress = |done: u64, total: u64| {
            shown.lock().unwrap_or_else(PoisonError::into_inner).insert(task, (done, total));
            if said.elapsed() > SAY_EVERY {
                said = Instant::now();
                tracing::info!(processor = topology.name, task, done, total, "restoring");
            }
        };
        let change = match restore(&mut reader, disk as &dyn Disk, &names, task, now_ms, &mut progress) {
            Ok(opening) => Ok(Change::Restored(opening)),
            Err(Fault::Fatal(why)) => Err(Fault::Fatal(why)),
            Err(Fault::Quarantine(why)) => Ok(Change::Quarantined(task, why)),
            Err(fault) => Ok(Change::RestoreFailed(task, fault.to_string())),
        };
        shown.lock().unwrap_or_else(PoisonError::into_inner).remove(&task);
        wanted.lock().unwrap_or_else(PoisonError::into_inner).under_way.remove(&task);
        // Nobody listens any more when the worker has ended.
        if say.send((task, number, change)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    #[test]
    fn a_task_is_restored_once_at_a_time() {
        let mut wanted = Wanted { threads: 3, ..Wanted::default() };
        wanted.tasks.extend([(1, 1), (1, 2), (2, 1)]);
        assert_eq!(wanted.next(), Some((1, 1)));
        assert_eq!(wanted.next(), Some((2, 1)), "not task 1 again");
        assert_eq!(wanted.next(), None);
        assert_eq!(wanted.threads, 2, "a thread without work ends");
        wanted.under_way.remove(&1);
        assert_eq!(wanted.next(), Some((1, 2)), "whoever ended the first takes the second");
    }
}
