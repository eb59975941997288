//! Runs drivers on threads until they are told to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::core::counts::Counts;

use super::disk::Disk;
use super::driver::{Clock, Driver};
use super::observe::{Observed, Observer, Report};
use super::sled_disk::SledDisk;
use super::transport::{Fault, Transport};

/// What is known of a worker from outside.
#[derive(Debug, Default)]
pub struct Status {
    ready: AtomicBool,
    ended: AtomicBool,
    report: Mutex<Report>,
    failed: Mutex<Option<String>>,
}

impl Status {
    /// Whether every assigned task is restored and open.
    pub fn ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Whether the worker's thread is over.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Counters since the start.
    pub fn counts(&self) -> Counts {
        self.report().counts
    }

    /// What the worker last told of itself.
    pub fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the worker gave up, when it did.
    pub fn failed(&self) -> Option<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A worker on its thread.
#[derive(Debug)]
pub struct Running {
    pub name: &'static str,
    pub status: Arc<Status>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Waits for the end, after the stop flag was set.
    pub fn join(self) -> Result<(), String> {
        if self.thread.join().is_err() {
            return Err(format!("worker of \"{}\" panicked", self.name));
        }
        self.status.failed().map_or(Ok(()), Err)
    }
}

/// Starts a worker; `make` builds its driver on the worker's own thread.
pub fn spawn<T, D, C>(
    name: &'static str,
    stop: Arc<AtomicBool>,
    make: impl FnOnce() -> Result<Driver<T, D, C>, Fault> + Send + 'static,
) -> std::io::Result<Running>
where
    T: Transport,
    D: Disk,
    C: Clock,
{
    let status = Arc::new(Status::default());
    let seen = status.clone();
    let run = move || {
        let ended = make().and_then(|mut driver| drive(&mut driver, Observer::new(name), &stop, &seen));
        if let Err(fault) = ended {
            tracing::error!(processor = name, "worker stopped: {fault}");
            *seen.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault.to_string());
        }
        // Its tasks are somebody else's from now on.
        let mut report = seen.report();
        report.tasks.clear();
        report.quarantined.clear();
        report.observed = Observed::default();
        drop(report);
        seen.ready.store(false, Ordering::Relaxed);
        seen.ended.store(true, Ordering::Relaxed);
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
    Ok(Running { name, status, thread })
}

fn drive<T, D, C>(
    driver: &mut Driver<T, D, C>,
    mut observer: Observer,
    stop: &AtomicBool,
    status: &Status,
) -> Result<(), Fault>
where
    T: Transport,
    D: Disk,
    C: Clock,
{
    while !stop.load(Ordering::Relaxed) {
        driver.turn()?;
        status.ready.store(driver.ready(), Ordering::Relaxed);
        if let Some(report) = observer.look(driver) {
            *status.report() = report;
        }
    }
    driver.stop()?;
    let mut report = status.report();
    (report.counts, report.task_counts) = (driver.worker.counts(), driver.worker.task_counts());
    Ok(())
}

/// How often dedup chunks are made durable. What lies between is restored from the changelog after a crash.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// Flushes a store now and then until `stop`, then closes it.
pub fn spawn_flusher(disk: Arc<SledDisk>, stop: Arc<AtomicBool>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("flush".to_owned()).spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            std::thread::park_timeout(FLUSH_EVERY);
            disk.flush();
        }
    })
}
