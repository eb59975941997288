//! Restores on a thread of their own, so that the main consumer keeps polling meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
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

/// Asks for restores and hears of them.
pub(super) struct Restorer {
    wanted: Sender<(u32, u64)>,
    done: Receiver<(u32, u64, Result<Change, Fault>)>,
    /// Number of the last restore asked for, by task: an older one was asked for an assignment that is gone, and what it
    /// found may be out of date.
    asked: BTreeMap<u32, u64>,
}

impl Restorer {
    pub(super) fn start(
        settings: &KafkaSettings,
        topology: &'static Topology,
        disk: Arc<SledDisk>,
    ) -> Result<Restorer, Fault> {
        let mut reader = KafkaReader::open(settings, topology)?;
        let (wanted, tasks) = channel::<(u32, u64)>();
        let (say, done) = channel();
        let run = move || {
            let names = Internal::of(topology.name);
            for (task, number) in tasks {
                let now_ms = SystemClock::default().now().wall_ms;
                let mut said = Instant::now();
                let mut progress = |done: u64, total: u64| {
                    if said.elapsed() > SAY_EVERY {
                        said = Instant::now();
                        tracing::info!(processor = topology.name, task, done, total, "restoring");
                    }
                };
                let change = match restore(&mut reader, &*disk as &dyn Disk, &names, task, now_ms, &mut progress) {
                    Ok(opening) => Ok(Change::Restored(opening)),
                    Err(Fault::Fatal(why)) => Err(Fault::Fatal(why)),
                    Err(fault) => Ok(Change::RestoreFailed(task, fault.to_string())),
                };
                if say.send((task, number, change)).is_err() {
                    return;
                }
            }
        };
        let spawned = thread::Builder::new().name(format!("{}-restore", topology.name)).spawn(run);
        spawned.map_err(|error| Fault::Fatal(format!("restore thread: {error}")))?;
        Ok(Restorer { wanted, done, asked: BTreeMap::new() })
    }

    pub(super) fn ask(&mut self, task: u32) -> Result<(), Fault> {
        let number = self.asked.entry(task).or_default();
        *number += 1;
        self.wanted.send((task, *number)).map_err(|_| Fault::Fatal("the restore thread is gone".into()))
    }

    pub(super) fn finished(&mut self) -> impl Iterator<Item = Result<Change, Fault>> + '_ {
        let asked = &self.asked;
        let current = |(task, number, change)| (asked.get(&task) == Some(&number)).then_some(change);
        self.done.try_iter().filter_map(current)
    }

    /// What was asked for these tasks is not wanted any more.
    pub(super) fn forget(&mut self, tasks: impl IntoIterator<Item = u32>) {
        for task in tasks {
            *self.asked.entry(task).or_default() += 1;
        }
    }
}
