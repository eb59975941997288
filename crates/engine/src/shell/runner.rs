//! Runs drivers on threads until they are told to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::core::counts::Counts;

use super::disk::Disk;
use super::driver::{Clock, Driver};
use super::observe::{Observed, Observer, Report};
use super::sled_disk::SledDisk;
use super::transport::{Fault, Transport};

/// A worker whose last turn is older is not ready …
const READY_TURN_MAX: Duration = Duration::from_secs(30);
/// … and one whose last turn is older than this is stuck: longer than a turn takes that waits for a broker in vain.
const ALIVE_TURN_MAX: Duration = Duration::from_secs(300);

/// What is known of a worker from outside.
#[derive(Debug)]
pub struct Status {
    /// Turns are timed by the monotonic clock: a wall clock that is set back can hang a worker.
    began: Instant,
    /// When its last turn ended, in milliseconds since `began`.
    turned_ms: AtomicU64,
    /// Why its last turn left it not ready.
    unready: Mutex<Option<String>>,
    ended: AtomicBool,
    report: Mutex<Report>,
    failed: Mutex<Option<String>>,
}

impl Default for Status {
    fn default() -> Status {
        Status {
            began: Instant::now(),
            turned_ms: AtomicU64::new(0),
            unready: Mutex::new(Some("starting".to_owned())),
            ended: AtomicBool::new(false),
            report: Mutex::default(),
            failed: Mutex::default(),
        }
    }
}

impl Status {
    /// Whether the group has accepted it, every task of it is open, and it moves on.
    pub fn ready(&self) -> bool {
        self.unready().is_none()
    }

    /// Why it is not ready.
    pub fn unready(&self) -> Option<String> {
        let age = self.turn_age();
        if age > READY_TURN_MAX {
            return Some(format!("its last turn was {} s ago", age.as_secs()));
        }
        self.unready.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why it is to be taken for dead: a thread that hangs. One that has ended is not, it has said why.
    pub fn stuck(&self) -> Option<String> {
        let age = self.turn_age();
        let hangs = age > ALIVE_TURN_MAX && !self.ended();
        hangs.then(|| format!("its last turn was {} s ago: its thread hangs", age.as_secs()))
    }

    fn turn_age(&self) -> Duration {
        let turned = Duration::from_millis(self.turned_ms.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(turned)
    }

    fn turned(&self, unready: Option<String>) {
        self.turned_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
        *self.unready.lock().unwrap_or_else(PoisonError::into_inner) = unready;
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
        seen.turned(Some("it has ended".to_owned()));
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
    let mut stalled = false;
    while !stop.load(Ordering::Relaxed) {
        driver.turn()?;
        match driver.worker.stalled() {
            Some(why) if !std::mem::replace(&mut stalled, true) => {
                tracing::error!(processor = driver.worker.topology().name, "{why}");
            }
            Some(_) => {}
            None => stalled = false,
        }
        status.turned(driver.unready());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A status whose last turn ended so many seconds ago.
    fn turned_before(seconds: u64) -> Status {
        let began =
            Instant::now().checked_sub(Duration::from_secs(seconds + 1)).expect("a machine that is up for a while");
        Status { began, turned_ms: AtomicU64::new(1_000), unready: Mutex::new(None), ..Status::default() }
    }

    #[test]
    fn a_worker_that_hangs_is_neither_ready_nor_alive() {
        let status = turned_before(0);
        assert_eq!((status.unready(), status.stuck()), (None, None));
        let status = turned_before(40);
        // However long the machine stalls between the two lines.
        assert!(status.unready().is_some_and(|why| why.starts_with("its last turn was ")), "a turn of half a minute");
        assert_eq!(status.stuck(), None, "a broker may be down for so long");
        let status = turned_before(400);
        assert!(!status.ready() && status.stuck().is_some());
        status.turned(None);
        assert_eq!((status.unready(), status.stuck()), (None, None), "it goes on");
        status.turned(Some("2 tasks are being restored".to_owned()));
        assert!(!status.ready() && status.stuck().is_none());
    }

    #[test]
    fn a_worker_that_has_not_turned_yet_is_alive_and_not_ready() {
        let status = Status::default();
        assert!(!status.ready() && status.stuck().is_none());
    }
}
