//! How many rows each state table has and how old the oldest is: counted now and then, as no transaction has to pay for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::core::keys;

use super::sled_disk::SledDisk;

/// Since when a row exists, in milliseconds since 1970, when its value says so: number of the table, value.
pub type Since = fn(u8, &[u8]) -> Option<i64>;

/// What was found in one table of one task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rows {
    pub count: u64,
    pub oldest_ms: Option<i64>,
}

/// What was found, by task and table. A table without rows is not there.
pub type Found = BTreeMap<(u32, u8), Rows>;

/// Time between two counts, at least.
const PAUSE_MIN: Duration = Duration::from_secs(2);
/// And that many times what the last one took: counting takes at most 2 % of a core.
const PAUSE_FACTOR: u32 = 50;

/// The last count of a store.
#[derive(Debug, Default)]
pub struct RowCounts {
    found: Mutex<Found>,
}

impl RowCounts {
    /// What the last count found.
    pub fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the rows of a store until `stop`, on a thread of its own.
pub fn spawn(
    disk: Arc<SledDisk>,
    since: Since,
    stop: Arc<AtomicBool>,
) -> std::io::Result<(Arc<RowCounts>, JoinHandle<()>)> {
    let rows = Arc::new(RowCounts::default());
    let seen = rows.clone();
    let run = move || {
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            let found = count(&disk, since);
            *seen.found() = found;
            std::thread::park_timeout(PAUSE_MIN.max(began.elapsed() * PAUSE_FACTOR));
        }
    };
    let thread = std::thread::Builder::new().name("rows".to_owned()).spawn(run)?;
    Ok((rows, thread))
}

fn count(disk: &SledDisk, since: Since) -> Found {
    let mut found = Found::new();
    disk.each(|task, key, value| {
        let Some(table) = keys::table_of(key) else { return };
        let rows = found.entry((task, table)).or_default();
        rows.count += 1;
        let oldest = [rows.oldest_ms, since(table, value)].into_iter().flatten().min();
        rows.oldest_ms = oldest;
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::disk::Disk as _;

    #[test]
    fn rows_are_counted_by_task_and_table() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let disk = SledDisk::open(folder.path()).expect("a store");
        let row = |table, key: &str, since: u8| (keys::table(table, key.as_bytes()), Some(vec![since]));
        for task in [3, 4] {
            disk.begin(task, "c", 0);
        }
        disk.restore_state(
            3,
            vec![row(0, "a", 9), row(0, "b", 7), row(1, "a", 5), (keys::task(), Some(vec![1]))],
            1,
            0,
        );
        disk.restore_state(4, vec![row(0, "c", 8)], 1, 0);
        let since: Since = |table, value| (table == 0).then(|| i64::from(value[0]));
        let rows = |count, oldest_ms| Rows { count, oldest_ms };
        let all = Found::from([((3, 0), rows(2, Some(7))), ((3, 1), rows(1, None)), ((4, 0), rows(1, Some(8)))]);
        assert_eq!(count(&disk, since), all);
        disk.restore_state(3, vec![(keys::table(0, b"b"), None), (keys::table(0, b"a"), None)], 2, 0);
        assert_eq!(count(&disk, since).get(&(3, 0)), None);
        assert!(disk.bytes() > 0 && disk.free_bytes().is_some_and(|free| free > 0));
    }
}
