//! What a worker tells of itself: taken on its own thread now and then, shown by whoever serves `/metrics`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use metrics::{Histogram, histogram};

use crate::core::counts::{Counts, TaskCounts};
use crate::core::task::Task;

use super::disk::Disk;
use super::driver::{Clock, Driver};
use super::metrics::{Label, Metric};
use super::transport::Transport;

/// How far an input can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct End {
    pub last_stable_offset: i64,
    /// Everything below was fetched and taken. Above the last record's offset where transaction markers follow it.
    pub taken_to: Option<i64>,
}

/// A client of librdkafka, by its own statistics.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Client {
    pub round_trip_s: f64,
    pub request_timeouts: u64,
    pub request_errors: u64,
    pub disconnects: u64,
    pub received_bytes: u64,
    pub sent_bytes: u64,
    pub queue_records: u64,
}

/// What a transport knows.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// By task and input.
    pub ends: BTreeMap<(u32, usize), End>,
    /// Tasks that are ours and not open yet: (records read, offsets to read).
    pub restoring: BTreeMap<u32, (u64, u64)>,
    pub rebalances: u64,
    pub rejoins: u64,
    /// By name.
    pub clients: BTreeMap<&'static str, Client>,
}

/// One input of an open task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputReport {
    /// `None` until the broker has told where the input ends.
    pub lag: Option<u64>,
    /// The dedup window's bounds in milliseconds; the end is 0 before the first record.
    pub window_oldest_ms: Option<i64>,
    pub window_newest_ms: i64,
    pub window_ids: usize,
}

/// An open task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskReport {
    pub inputs: Vec<InputReport>,
    pub timer_next_ms: Option<i64>,
}

/// A worker.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub counts: Counts,
    /// Tasks that are or were open here.
    pub task_counts: BTreeMap<u32, TaskCounts>,
    /// Tasks that are open.
    pub tasks: BTreeMap<u32, TaskReport>,
    pub observed: Observed,
    /// Tasks that are ours and stopped, and why.
    pub quarantined: BTreeMap<u32, String>,
}

/// How often a worker tells.
const EVERY: Duration = Duration::from_millis(100);

/// Takes reports of one worker.
pub(super) struct Observer {
    next: Instant,
    commit_seconds: Histogram,
    transaction_records: Histogram,
    transaction_bytes: Histogram,
}

impl Observer {
    pub(super) fn new(processor: &'static str) -> Observer {
        let of = |metric: Metric| histogram!(metric.name(), Label::Processor.as_str() => processor);
        Observer {
            next: Instant::now(),
            commit_seconds: of(Metric::CommitSeconds),
            transaction_records: of(Metric::TransactionRecords),
            transaction_bytes: of(Metric::TransactionBytes),
        }
    }

    /// A report when it is time for one. Called after each turn, so that what was polled is handled or held.
    pub(super) fn look<T: Transport, D: Disk, C: Clock>(&mut self, driver: &mut Driver<T, D, C>) -> Option<Report> {
        for committed in driver.worker.take_committed() {
            self.commit_seconds.record(committed.took_us as f64 / 1e6);
            self.transaction_records.record(committed.records as f64);
            self.transaction_bytes.record(committed.bytes as f64);
        }
        let now = Instant::now();
        if now < self.next {
            return None;
        }
        self.next = now + EVERY;
        let mut observed = Observed::default();
        driver.transport.observe(&mut observed);
        let worker = &driver.worker;
        let tasks = worker.tasks().map(|task| (task.id, report(task, &observed))).collect();
        let (counts, task_counts) = (worker.counts(), worker.task_counts());
        Some(Report { counts, task_counts, tasks, observed, quarantined: driver.quarantined().clone() })
    }
}

fn report(task: &Task, observed: &Observed) -> TaskReport {
    let inputs = task.windows.iter().enumerate().map(|(input, window)| {
        let end = observed.ends.get(&(task.id, input));
        InputReport {
            lag: end.map(|end| lag(end, task.committed.positions[input], settled(task, input))),
            window_oldest_ms: window.oldest_ms(),
            window_newest_ms: task.committed.log_time_ms[input],
            window_ids: window.len(),
        }
    });
    TaskReport { inputs: inputs.collect(), timer_next_ms: task.next_due }
}

/// Whether everything that was taken of an input is committed.
fn settled(task: &Task, input: usize) -> bool {
    task.held[input].is_empty() && task.standing.positions[input] == task.committed.positions[input]
}

/// Offsets between a position and the end. The last offsets of a transactional topic are markers, which no reader is given:
/// whoever takes the last record's for its position is never done.
fn lag(end: &End, position: i64, settled: bool) -> u64 {
    let taken = end.taken_to.filter(|_| settled).unwrap_or(position);
    (end.last_stable_offset - position.max(taken)).max(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_no_lag_once_everything_before_them_is_committed() {
        let end = |taken_to| End { last_stable_offset: 11, taken_to };
        assert_eq!(lag(&end(None), 10, true), 1, "it may be a record");
        assert_eq!(lag(&end(Some(11)), 10, true), 0);
        assert_eq!(lag(&end(Some(11)), 4, false), 7, "taken is not committed");
        assert_eq!(lag(&end(Some(8)), 10, true), 1, "what was taken earlier says nothing of what came since");
        assert_eq!(lag(&end(Some(11)), 15, true), 0, "the end is as of a moment ago");
    }
}
