//! Processors running as threads of this process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::Context;
use engine::core::counts::Counts;
use engine::core::pace::Limits;
use engine::core::worker::Worker;
use engine::shell::clock::SystemClock;
use engine::shell::driver::Driver;
use engine::shell::embedded::EmbeddedTransport;
use engine::shell::kafka::{KafkaTransport, Restores};
use engine::shell::rows::{self, RowCounts};
use engine::shell::runner::{Running, Status, spawn, spawn_flusher};
use engine::shell::sled_disk::SledDisk;
use engine::shell::spans::Spans;
use flow::Topology;

use crate::failure::Failure;
use crate::ids::Ids;
use crate::log::Log;
use crate::otlp::Otlp;
use crate::processors::Known;

/// Running processors.
pub struct Fleet {
    stop: Arc<AtomicBool>,
    workers: Vec<Running>,
    /// Threads that wake now and then.
    idlers: Vec<JoinHandle<()>>,
    stores: Vec<Store>,
    otlp: Option<Otlp>,
}

/// The store of a processor.
#[derive(Clone)]
pub struct Store {
    pub topology: &'static Topology,
    pub disk: Arc<SledDisk>,
    pub rows: Arc<RowCounts>,
    /// Of all its workers in this process: a store has one writer.
    restores: Restores,
}

/// What can be seen of running processors from elsewhere.
pub struct View {
    pub workers: Vec<(&'static str, Arc<Status>)>,
    pub stores: Vec<Store>,
}

/// The limits of a transaction in this build.
pub fn limits() -> Limits {
    Limits { record_bytes: contract::RECORD_BYTES_MAX, ..Limits::default() }
}

impl Fleet {
    /// No processors yet. Spans of theirs go to `otlp`.
    pub fn new(otlp: Option<Otlp>) -> Fleet {
        Fleet { stop: Arc::default(), workers: Vec::new(), idlers: Vec::new(), stores: Vec::new(), otlp }
    }

    /// Starts `workers` workers of a processor with its store below `data`.
    pub fn start(&mut self, known: Known, workers: usize, log: &Log, data: &Path, ids: &Ids) -> anyhow::Result<()> {
        let folder: PathBuf = data.join(known.name());
        std::fs::create_dir_all(&folder).map_err(|error| {
            let what = format!("folder \"{}\": {error}", folder.display());
            Failure::new("data-folder", what, "name a folder that can be written with --data")
        })?;
        let disk = SledDisk::open(&folder).map_err(|error| {
            let text = error.to_string();
            let (what, hint) = text.split_once("; hint: ").unwrap_or((&text, ""));
            Failure::new("store", what, hint)
        })?;
        let disk = Arc::new(disk);
        self.idlers.push(spawn_flusher(disk.clone(), self.stop.clone()).context("flush thread")?);
        let (rows, thread) =
            rows::spawn(disk.clone(), known.since, self.stop.clone()).context("row counting thread")?;
        self.idlers.push(thread);
        let store = Store { topology: known.topology(), disk, rows, restores: Restores::default() };
        self.stores.push(store.clone());
        // One worker owns every task of an embedded log.
        let workers = if matches!(log, Log::Embedded(_)) { 1 } else { workers };
        for number in 0..workers {
            let spans = self.otlp.as_mut().map_or_else(|| Ok(Spans::none()), |otlp| otlp.spans(known.name()))?;
            let running = self.worker(known, number, log.clone(), store.clone(), ids.clone(), spans);
            self.workers.push(running.context("worker thread")?);
        }
        Ok(())
    }

    fn worker(
        &self,
        known: Known,
        number: usize,
        log: Log,
        store: Store,
        ids: Ids,
        spans: Spans,
    ) -> std::io::Result<Running> {
        let Store { topology, disk, restores, .. } = store;
        let make =
            move || Worker::new((known.make)(), ids.by_fingerprint, limits()).of_version(env!("CARGO_PKG_VERSION"));
        let (clock, schemas, stop) = (SystemClock::default(), ids.schemas, self.stop.clone());
        match log {
            Log::Kafka(settings) => spawn(topology.name, stop, move || {
                let transport = KafkaTransport::open(settings, number, topology, disk.clone(), restores)?;
                Ok(Driver::new(make(), transport, disk, clock, schemas).traced(spans))
            }),
            Log::Embedded(log) => spawn(topology.name, stop, move || {
                let transport = EmbeddedTransport::new(log, disk.clone(), topology)?;
                Ok(Driver::new(make(), transport, disk, clock, schemas).traced(spans))
            }),
        }
    }

    /// Why a worker is not ready, when one is not.
    pub fn unready(&self) -> Option<String> {
        self.first(Status::unready)
    }

    /// Why a worker is to be taken for dead, when one is.
    pub fn stuck(&self) -> Option<String> {
        self.first(Status::stuck)
    }

    fn first(&self, why: impl Fn(&Status) -> Option<String>) -> Option<String> {
        let named = |worker: &Running| why(&worker.status).map(|why| format!("processor \"{}\": {why}", worker.name));
        self.workers.iter().find_map(named)
    }

    /// Counters per processor.
    pub fn counts(&self) -> Vec<(&'static str, Counts)> {
        self.workers.iter().map(|worker| (worker.name, worker.status.counts())).collect()
    }

    /// What can be seen of them from now on.
    pub fn view(&self) -> View {
        let workers = self.workers.iter().map(|worker| (worker.name, worker.status.clone())).collect();
        View { workers, stores: self.stores.clone() }
    }

    /// Why a worker gave up, when one did.
    pub fn failed(&self) -> Option<String> {
        self.first(Status::failed)
    }

    /// Commits what is in hand and ends every worker.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let failures: Vec<String> = self.workers.drain(..).filter_map(|worker| worker.join().err()).collect();
        for idler in self.idlers.drain(..) {
            idler.thread().unpark();
            // A panic there is printed by the panic hook; the store is closed below in any case.
            drop(idler.join());
        }
        self.stores.drain(..).for_each(|store| store.disk.close());
        if let Some(otlp) = &mut self.otlp {
            otlp.close();
        }
        match failures.first() {
            None => Ok(()),
            Some(why) => {
                let (what, hint) = why.split_once("; hint: ").unwrap_or((why, "the log above says what led to it"));
                Err(Failure::new("worker", what, hint).into())
            }
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // A failure was reported where it happened.
        drop(self.stop());
    }
}
