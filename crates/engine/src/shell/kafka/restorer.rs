//! Restores on a thread of their own, so that the main consumer keeps polling meanwhile.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use flow::Topology;

use crate::shell::clock::SystemClock;
use crate::shell::disk::Disk;
use crate::shell::driver::Clock;
use crate::shell::restore::{Internal, restore};
use crate::shell::sled_disk::SledDisk;
use crate::shell::transport::{Change, Fault};

use super::reader::KafkaReader;
use super::settings::KafkaSettings;

/// Asks for restores and hears of them.
pub(super) struct Restorer {
    wanted: Sender<u32>,
    done: Receiver<Result<Change, Fault>>,
}

impl Restorer {
    pub(super) fn start(
        settings: &KafkaSettings,
        topology: &'static Topology,
        disk: Arc<SledDisk>,
    ) -> Result<Restorer, Fault> {
        let mut reader = KafkaReader::open(settings, topology)?;
        let (wanted, tasks) = channel::<u32>();
        let (say, done) = channel();
        let run = move || {
            let names = Internal::of(topology.name);
            for task in tasks {
                let now_ms = SystemClock::default().now().wall_ms;
                let mut progress = |done: u64, total: u64| {
                    tracing::info!(processor = topology.name, task, done, total, "restoring");
                };
                let change = match restore(&mut reader, &*disk as &dyn Disk, &names, task, now_ms, &mut progress) {
                    Ok(opening) => Ok(Change::Restored(opening)),
                    Err(Fault::Fatal(why)) => Err(Fault::Fatal(why)),
                    Err(fault) => Ok(Change::RestoreFailed(task, fault.to_string())),
                };
                if say.send(change).is_err() {
                    return;
                }
            }
        };
        let spawned = thread::Builder::new().name(format!("{}-restore", topology.name)).spawn(run);
        spawned.map_err(|error| Fault::Fatal(format!("restore thread: {error}")))?;
        Ok(Restorer { wanted, done })
    }

    pub(super) fn ask(&self, task: u32) -> Result<(), Fault> {
        self.wanted.send(task).map_err(|_| Fault::Fatal("the restore thread is gone".into()))
    }

    pub(super) fn finished(&self) -> impl Iterator<Item = Result<Change, Fault>> + '_ {
        self.done.try_iter()
    }
}
