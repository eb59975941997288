//! Restore: brings a task's store up to its changelog, only the tail where the checkpoint allows it.

mod positions;
mod publish;

use std::time::Duration;

use crate::core::dedup::{self, Memory};
use crate::core::ids;
use crate::core::io::Opening;
use crate::core::keys;
use crate::core::record::TaskRecord;

use super::disk::{Checkpoint, Disk};
use super::transport::{Entry, Fault, LogReader, Page};
use positions::{Doubt, Evidence};
pub use publish::{Draft, Look, Sink, Verdict, look, write};

/// Names of a processor's internal topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Internal {
    pub changelog: String,
    pub order: String,
    pub dead_letters: String,
}

impl Internal {
    /// By the processor's name.
    pub fn of(processor: &str) -> Internal {
        Internal {
            changelog: format!("{processor}-changelog"),
            order: format!("{processor}-order"),
            dead_letters: format!("{processor}-dlq"),
        }
    }
}

/// Half of the brokers' default `delete.retention.ms`: a checkpoint older than this may have missed tombstones.
pub const CHECKPOINT_AGE_MAX_MS: i64 = 12 * 3_600_000;

/// How often a restore whose outcome does not fit the committed offsets is repeated, and how long it waits before: what a
/// new leader calls the end of a log may lag, and an older owner's last commit may have come between two reads.
const TRIES: u32 = 5;
const AGAIN: Duration = Duration::from_millis(500);

/// How often a read that gets no further is repeated, and how long it waits before.
const STALLS: u32 = 60;
const STALLED: Duration = Duration::from_millis(100);

/// Restores `task`. `progress` gets (done, total) records before each page is written; its error ends the restore.
///
/// What it finds must fit: the task's own record and the group's committed offsets are written by the same transactions. A
/// restore that does not fit is repeated, then refused, naming both.
pub fn restore(
    reader: &mut dyn LogReader,
    disk: &dyn Disk,
    names: &Internal,
    task: u32,
    now_ms: i64,
    progress: &mut Progress<'_>,
) -> Result<Opening, Fault> {
    let mut tries = 0;
    loop {
        tries += 1;
        let why = match restore_once(reader, disk, names, task, now_ms, progress)? {
            Ok(opening) => return Ok(opening),
            Err(Doubt::Again(why)) if tries < TRIES => why,
            Err(Doubt::Again(why) | Doubt::Never(why)) => return Err(Fault::Quarantine(why)),
        };
        tracing::debug!(task, changelog = names.changelog, "restored again: {why}");
        reader.wait(AGAIN);
    }
}

/// Why this task would not open, by what the cluster says of it; `None`: it would, or it is at work. Reads, and changes nothing.
/// What stands on the disks of the instances is not looked at.
pub fn examine(reader: &mut dyn LogReader, names: &Internal, task: u32) -> Result<Option<String>, Fault> {
    let mut tries = 0;
    loop {
        tries += 1;
        let (evidence, ends) = evidence_of(reader, names, task)?;
        let found = fits(logged(reader, &evidence, ends)?, &evidence, false);
        // A task that moves on meanwhile is open.
        match found {
            Ok(()) => return Ok(None),
            Err(_) if reader.committed(task)? != evidence.committed => return Ok(None),
            Err(Doubt::Again(why) | Doubt::Never(why)) if tries == TRIES => return Ok(Some(why)),
            Err(_) => reader.wait(AGAIN),
        }
    }
}

/// What the cluster says of a task, and where its changelog begins and ends. The order of the reads matters: committed
/// offsets first, as stable, then the changelog's end. Everything that those offsets stand for is then below the end.
fn evidence_of<'a>(
    reader: &mut dyn LogReader,
    names: &'a Internal,
    task: u32,
) -> Result<(Evidence<'a>, (i64, i64)), Fault> {
    let committed = reader.committed(task)?;
    let ends = reader.bounds(&names.changelog, task)?;
    let changelog_id = reader.topic_id(&names.changelog)?;
    let bounds = reader.input_bounds(task)?;
    Ok((Evidence { topology: reader.topology(), names, task, changelog_id, committed, bounds }, ends))
}

/// What a restore is asked between two pages: how far it is, and whether it is still wanted.
pub type Progress<'a> = dyn FnMut(u64, u64) -> Result<(), Fault> + 'a;

fn restore_once(
    reader: &mut dyn LogReader,
    disk: &dyn Disk,
    names: &Internal,
    task: u32,
    now_ms: i64,
    progress: &mut Progress<'_>,
) -> Result<Result<Opening, Doubt>, Fault> {
    let (evidence, ends) = evidence_of(reader, names, task)?;
    let fresh = match begin_or_resume(reader, disk, &evidence, now_ms, ends)? {
        Ok(fresh) => fresh,
        Err(doubt) => return Ok(Err(doubt)),
    };
    disk.whole(task, false);
    catch_up(reader, disk, &evidence, (&fresh, ends), now_ms, progress)?;
    let record = record_of(disk.get(task, &keys::task()), &evidence);
    let places = match record.and_then(|record| evidence.positions(record.as_ref(), false)) {
        Ok(places) => places,
        Err(doubt) => {
            if fits(logged(reader, &evidence, ends)?, &evidence, false).is_ok() {
                tracing::warn!(task, "store set aside and rebuilt: it does not stand where its changelog does");
                disk.drop_task(task);
                return Err(Fault::Abort("a store that does not stand where its changelog does was set aside".into()));
            }
            return Ok(Err(doubt));
        }
    };
    let (start, end) = reader.bounds(&names.order, task)?;
    let last = last_entry(reader, &names.order, task, (start, end), &|entry| entry.value.is_some())?;
    let (positions, read_from) = places.into_iter().unzip();
    let order_last = last.and_then(|entry| entry.value);
    disk.whole(task, true);
    let Evidence { topology, changelog_id, .. } = evidence;
    let memory = Memory::read(task, &ids::inputs(topology.inputs), topology.window_ms, disk);
    Ok(Ok(Opening { task, positions, read_from, order_last, changelog_id, memory }))
}

/// Reads everything between the checkpoint and the end. Below the checkpoint stands what the state has, and chunks that a
/// crash may have taken.
fn catch_up(
    reader: &mut dyn LogReader,
    disk: &dyn Disk,
    evidence: &Evidence<'_>,
    (fresh, (start, end)): (&Checkpoint, (i64, i64)),
    now_ms: i64,
    progress: &mut Progress<'_>,
) -> Result<(), Fault> {
    let Evidence { names, task, .. } = *evidence;
    let mut next = fresh.chunks_next.min(fresh.changelog_next).max(start);
    let total = (end - next).max(0) as u64;
    let mut done = 0u64;
    progress(done, total)?;
    while next < end {
        let page = page(reader, &names.changelog, task, next, end)?;
        next = page.next;
        done += page.entries.len() as u64;
        progress(done, total)?;
        let (mut puts, mut chunks) = (Vec::new(), Vec::new());
        for Entry { offset, key, value } in page.entries {
            let Some(key) = key else { continue };
            if keys::is_chunk(&key) {
                let chunk = dedup::read(&key, value.as_deref());
                chunks.push(chunk.ok_or_else(|| Fault::Quarantine(evidence.unreadable("a chunk of dedup ids")))?);
            } else if offset >= fresh.changelog_next {
                puts.push((key, value));
            }
        }
        disk.restore_chunks(task, chunks, next);
        if next > fresh.changelog_next {
            disk.restore_state(task, puts, next, now_ms);
            written(disk, task, next)?;
        }
    }
    // As fresh as now, with nothing to read, too.
    let end = end.max(next).max(fresh.changelog_next);
    disk.restore_state(task, Vec::new(), end, now_ms);
    written(disk, task, end)
}

/// Reads on until it got further. What a replica calls its end is not the end: a follower lags behind, and so does a new
/// leader. Only an offset that was asked for is one.
fn page(reader: &mut dyn LogReader, topic: &str, partition: u32, from: i64, end: i64) -> Result<Page, Fault> {
    for _ in 0..STALLS {
        let page = reader.read(topic, partition, from, end)?;
        if page.next > from {
            return Ok(page);
        }
        reader.wait(STALLED);
    }
    Err(Fault::Abort(format!(
        "{topic}/{partition}: read up to {from}, and no further towards {end}; the replica that is read lags behind"
    )))
}

/// A page that was not written must not be followed by one that was: its checkpoint would hide the hole for ever. What
/// went wrong is for the driver to take from the disk and to act on.
fn written(disk: &dyn Disk, task: u32, changelog_next: i64) -> Result<(), Fault> {
    match disk.checkpoint(task) {
        Some(found) if found.changelog_next == changelog_next => Ok(()),
        found => Err(Fault::Abort(format!("store of task {task}: {changelog_next} was written, {found:?} is there"))),
    }
}

/// The next page with records in it; empty only at the end.
pub fn page_of_records(
    reader: &mut dyn LogReader,
    topic: &str,
    partition: u32,
    (mut next, end): (i64, i64),
) -> Result<Vec<Entry>, Fault> {
    while next < end {
        let page = page(reader, topic, partition, next, end)?;
        if !page.entries.is_empty() {
            return Ok(page.entries);
        }
        next = page.next;
    }
    Ok(Vec::new())
}

/// The task's own record, as bytes of the store or of the changelog.
fn record_of(bytes: Option<Vec<u8>>, evidence: &Evidence<'_>) -> Result<Option<TaskRecord>, Doubt> {
    let unknown = || Doubt::Never(evidence.unreadable("its own record"));
    bytes.map(|bytes| TaskRecord::decode(&bytes).ok_or_else(unknown)).transpose()
}

/// The task's own record, as the changelog has it.
fn logged(
    reader: &mut dyn LogReader,
    evidence: &Evidence<'_>,
    bounds: (i64, i64),
) -> Result<Result<Option<TaskRecord>, Doubt>, Fault> {
    let is_record = |entry: &Entry| entry.key == Some(keys::task());
    let last = last_entry(reader, &evidence.names.changelog, evidence.task, bounds, &is_record)?;
    Ok(record_of(last.and_then(|entry| entry.value), evidence))
}

fn fits(record: Result<Option<TaskRecord>, Doubt>, evidence: &Evidence<'_>, had_state: bool) -> Result<(), Doubt> {
    record.and_then(|record| evidence.positions(record.as_ref(), had_state)).map(drop)
}

/// Keeps a usable store, else sets it aside and begins again, once the changelog is known to replace it.
fn begin_or_resume(
    reader: &mut dyn LogReader,
    disk: &dyn Disk,
    evidence: &Evidence<'_>,
    now_ms: i64,
    (start, end): (i64, i64),
) -> Result<Result<Checkpoint, Doubt>, Fault> {
    let Evidence { task, names, changelog_id, .. } = evidence;
    let (task, changelog) = (*task, &names.changelog);
    let usable = |found: &Checkpoint, old: bool| -> Result<(), String> {
        if found.changelog_id != *changelog_id {
            return Err("it follows another changelog topic".into());
        }
        // A log that was trimmed up to the store's very position was trimmed by a reset: what the store holds is older.
        let trimmed = start > 0 && found.changelog_next <= start;
        if trimmed || found.changelog_next > end {
            let at = found.changelog_next;
            return Err(format!("its position {at} is outside the changelog's {start}..{end}"));
        }
        if old {
            return Err("it is older than half of the changelog's delete.retention.ms".into());
        }
        Ok(())
    };
    if let Some(found) = disk.checkpoint(task) {
        // A task that was idle lacks nothing, however long: the last offsets of its changelog are markers. Had there been a
        // transaction meanwhile, the task's own record of the last one would be there: compaction keeps it.
        let old = now_ms - found.written_ms > CHECKPOINT_AGE_MAX_MS
            && !page_of_records(reader, changelog, task, (found.changelog_next.max(start), end))?.is_empty();
        match usable(&found, old) {
            Ok(()) => return Ok(Ok(found)),
            Err(why) => {
                // It may be the last copy: a changelog without this task's record replaces nothing.
                let in_log = logged(reader, evidence, (start, end))?;
                let had_state = disk.get(task, &keys::task()).is_some();
                if let Err(doubt) = fits(in_log, evidence, had_state) {
                    return Ok(Err(doubt));
                }
                tracing::warn!(task, changelog, "store set aside and rebuilt: {why}");
            }
        }
    }
    // Without a checkpoint, too: a crash may have taken the checkpoint and left dedup chunks.
    disk.drop_task(task);
    disk.begin(task, changelog_id, now_ms);
    let changelog_id = changelog_id.clone();
    Ok(Ok(Checkpoint { changelog_id, changelog_next: start, chunks_next: start, written_ms: now_ms }))
}

/// The last entry that is wanted. The last offsets of a transactional topic are markers and, perhaps, aborted records, so
/// this looks a little further back each time.
fn last_entry(
    reader: &mut dyn LogReader,
    topic: &str,
    task: u32,
    (start, end): (i64, i64),
    wanted: &dyn Fn(&Entry) -> bool,
) -> Result<Option<Entry>, Fault> {
    let mut back = 16;
    loop {
        let from = (end - back).max(start);
        let mut last = None;
        let mut next = from;
        while next < end {
            let page = page(reader, topic, task, next, end)?;
            next = page.next;
            last = page.entries.into_iter().rfind(wanted).or(last);
        }
        if last.is_some() || from <= start {
            return Ok(last);
        }
        back *= 16;
    }
}

#[cfg(test)]
mod tests;
