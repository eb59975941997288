//! Restore: brings a task's store up to its changelogs, only the tail where the checkpoint allows it.

use crate::core::dedup;
use crate::core::io::Opening;
use crate::core::keys;

use super::disk::{Checkpoint, Disk};
use super::transport::{Fault, LogReader};

/// Names of a processor's internal topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Internal {
    pub changelog: String,
    pub dedup: String,
    pub order: String,
    pub dead_letters: String,
}

impl Internal {
    /// By the processor's name.
    pub fn of(processor: &str) -> Internal {
        Internal {
            changelog: format!("{processor}-changelog"),
            dedup: format!("{processor}-dedup"),
            order: format!("{processor}-order"),
            dead_letters: format!("{processor}-dlq"),
        }
    }
}

/// Half of the brokers' default `delete.retention.ms`: a checkpoint older than this may have missed tombstones.
pub const CHECKPOINT_AGE_MAX_MS: i64 = 12 * 3_600_000;

/// Restores `task`; `progress` is told (done, total) records now and then.
///
/// The order of the reads matters: committed offsets first, as stable, then the changelogs' ends. Everything that those
/// offsets stand for is then below the ends.
pub fn restore(
    reader: &mut dyn LogReader,
    disk: &dyn Disk,
    names: &Internal,
    task: u32,
    now_ms: i64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Opening, Fault> {
    let committed = reader.committed(task)?;
    let (state_start, state_end) = reader.bounds(&names.changelog, task)?;
    let (dedup_start, dedup_end) = reader.bounds(&names.dedup, task)?;
    let fresh = begin_or_resume(reader, disk, names, task, now_ms, (state_start, state_end, dedup_start, dedup_end))?;
    let total = (state_end - fresh.changelog_next).max(0) + (dedup_end - fresh.dedup_next).max(0);
    let total = total as u64;
    let mut done = 0u64;
    progress(done, total);

    let mut next = fresh.changelog_next.max(state_start);
    while next < state_end {
        let page = reader.read(&names.changelog, task, next, state_end)?;
        let Some(last) = page.last() else { break };
        next = last.offset + 1;
        done += page.len() as u64;
        let puts = page.into_iter().filter_map(|entry| Some((entry.key?, entry.value))).collect();
        disk.restore_state(task, puts, next, now_ms);
        written(disk, task, next)?;
        progress(done, total);
    }
    let end = state_end.max(next);
    disk.restore_state(task, Vec::new(), end, now_ms);
    written(disk, task, end)?;

    let mut next = fresh.dedup_next.max(dedup_start);
    while next < dedup_end {
        let page = reader.read(&names.dedup, task, next, dedup_end)?;
        let Some(last) = page.last() else { break };
        next = last.offset + 1;
        done += page.len() as u64;
        let chunks = page.iter().filter_map(|entry| dedup::parse(entry.value.as_deref()?, entry.offset)).collect();
        disk.restore_dedup(task, chunks, next);
        progress(done, total);
    }
    let positions = positions(reader, disk, names, task, committed)?;
    let order_last = last_order(reader, names, task)?;
    Ok(Opening { task, positions, order_last })
}

/// A page that was not written must not be followed by one that was: its checkpoint would hide the hole for ever. What
/// went wrong is for the driver to take from the disk and to act on.
fn written(disk: &dyn Disk, task: u32, changelog_next: i64) -> Result<(), Fault> {
    match disk.checkpoint(task) {
        Some(found) if found.changelog_next == changelog_next => Ok(()),
        found => Err(Fault::Abort(format!("store of task {task}: {changelog_next} was written, {found:?} is there"))),
    }
}

/// Keeps a usable store, else sets it aside and begins anew.
fn begin_or_resume(
    reader: &mut dyn LogReader,
    disk: &dyn Disk,
    names: &Internal,
    task: u32,
    now_ms: i64,
    (state_start, state_end, dedup_start, dedup_end): (i64, i64, i64, i64),
) -> Result<Checkpoint, Fault> {
    let changelog_id = reader.topic_id(&names.changelog)?;
    let dedup_id = reader.topic_id(&names.dedup)?;
    let found = disk.checkpoint(task);
    let usable = |found: &Checkpoint| -> Result<(), String> {
        if found.changelog_id != changelog_id || found.dedup_id != dedup_id {
            return Err("it follows another changelog topic".into());
        }
        // A log that was trimmed up to the store's very position was trimmed by a reset: what the store holds is older.
        let trimmed = state_start > 0 && found.changelog_next <= state_start;
        if trimmed || found.changelog_next > state_end {
            let at = found.changelog_next;
            return Err(format!("its position {at} is outside the changelog's {state_start}..{state_end}"));
        }
        if found.dedup_next > dedup_end {
            return Err(format!("its position {} is above the dedup changelog's end {dedup_end}", found.dedup_next));
        }
        if found.changelog_next < state_end && now_ms - found.written_ms > CHECKPOINT_AGE_MAX_MS {
            return Err("it is older than half of the changelog's delete.retention.ms".into());
        }
        Ok(())
    };
    if let Some(found) = found {
        match usable(&found) {
            Ok(()) => return Ok(Checkpoint { dedup_next: found.dedup_next.max(dedup_start), ..found }),
            Err(why) => tracing::warn!(task, changelog = names.changelog, "store set aside and rebuilt: {why}"),
        }
    }
    // Without a checkpoint, too: a crash may have taken the checkpoint and left dedup chunks.
    disk.drop_task(task);
    disk.begin(task, &changelog_id, &dedup_id, now_ms);
    Ok(Checkpoint { changelog_id, dedup_id, changelog_next: state_start, dedup_next: dedup_start, written_ms: now_ms })
}

/// Where the inputs go on. A missing committed offset while state exists is an error: guessing would skip or double.
fn positions(
    reader: &mut dyn LogReader,
    disk: &dyn Disk,
    names: &Internal,
    task: u32,
    committed: Vec<Option<i64>>,
) -> Result<Vec<i64>, Fault> {
    if committed.iter().all(Option::is_some) {
        return Ok(committed.into_iter().flatten().collect());
    }
    // Every transaction writes the task's own record. The changelog's end says nothing: aborted records move it, too.
    if disk.get(task, &keys::task()).is_some() {
        return Err(Fault::Fatal(format!(
            "task {task} has state in \"{}\" but the group has no committed offset for it; \
             hint: `orderflow reset` begins anew in a controlled way",
            names.changelog
        )));
    }
    reader.input_starts(task)
}

fn last_order(reader: &mut dyn LogReader, names: &Internal, task: u32) -> Result<Option<Vec<u8>>, Fault> {
    let (start, end) = reader.bounds(&names.order, task)?;
    // The last offsets of a transactional topic are markers, so look a little further back each time.
    let mut back = 16;
    loop {
        let from = (end - back).max(start);
        let mut last = None;
        let mut next = from;
        while next < end {
            let page = reader.read(&names.order, task, next, end)?;
            let Some(entry) = page.into_iter().next_back() else { break };
            next = entry.offset + 1;
            last = entry.value;
        }
        if last.is_some() || from <= start {
            return Ok(last);
        }
        back *= 16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::sled_disk::SledDisk;
    use crate::shell::transport::Entry;

    struct Nothing;

    impl LogReader for Nothing {
        fn committed(&mut self, _: u32) -> Result<Vec<Option<i64>>, Fault> {
            Ok(vec![Some(7), None])
        }
        fn input_starts(&mut self, _: u32) -> Result<Vec<i64>, Fault> {
            Ok(vec![3, 4])
        }
        fn topic_id(&mut self, _: &str) -> Result<String, Fault> {
            Ok(String::new())
        }
        fn bounds(&mut self, _: &str, _: u32) -> Result<(i64, i64), Fault> {
            Ok((0, 0))
        }
        fn read(&mut self, _: &str, _: u32, _: i64, _: i64) -> Result<Vec<Entry>, Fault> {
            Ok(Vec::new())
        }
    }

    /// What a stop in the middle of a first restore leaves behind is not old: nobody is to read a warning about it.
    #[test]
    fn a_restore_that_was_cut_off_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let disk = SledDisk::open(folder.path()).unwrap();
        let now_ms = 3 * CHECKPOINT_AGE_MAX_MS;
        let begin = |now_ms| begin_or_resume(&mut Nothing, &disk, &Internal::of("p"), 0, now_ms, (0, 9, 0, 9)).unwrap();
        assert_eq!(begin(now_ms).written_ms, now_ms);
        disk.restore_dedup(0, Vec::new(), 5);
        disk.flush();
        assert_eq!(begin(now_ms + 1_000).dedup_next, 5, "set aside");
        assert_eq!(begin(now_ms + CHECKPOINT_AGE_MAX_MS + 1).dedup_next, 0, "tombstones may be gone, and it was kept");
    }

    #[test]
    fn state_without_a_committed_offset_is_fatal() {
        let folder = tempfile::tempdir().unwrap();
        let disk = SledDisk::open(folder.path()).unwrap();
        let found = || positions(&mut Nothing, &disk, &Internal::of("p"), 0, vec![Some(7), None]);
        assert_eq!(found(), Ok(vec![3, 4]), "a first run begins where the inputs begin");
        disk.begin(0, "c", "d", 0);
        disk.restore_state(0, vec![(crate::core::keys::task(), Some(vec![0; 24]))], 1, 0);
        assert!(matches!(found(), Err(Fault::Fatal(why)) if why.contains("orderflow reset")));
    }
}
