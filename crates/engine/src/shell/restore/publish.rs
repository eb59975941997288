//! A lost changelog written anew from a store: whether a task's store may stand in for it, and what is written then.

use crate::core::dedup;
use crate::core::io::Chunk;
use crate::core::keys;
use crate::core::record::TaskRecord;
use crate::shell::disk::Disk;
use crate::shell::transport::{Fault, LogReader};

use super::positions::{Doubt, Evidence};
use super::{Internal, evidence_of, fits, logged, record_of};

/// What there is to do for a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The changelog holds the task's record, and the task opens with it.
    Held,
    /// The task has never committed anything, or a reset has emptied it.
    Unused,
    /// The changelog lacks the task, and so does this folder.
    Elsewhere,
    /// The store replaces what the changelog lacks.
    Ready(Draft),
    /// The store must not be written; says why, and what to do.
    Refused(String),
}

/// What is written for a task, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub task: u32,
    /// The task's own record: the store's, with the id of the topic that there is now.
    pub record: TaskRecord,
}

/// A task's store beside what the group has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub task: u32,
    pub verdict: Verdict,
    /// Store keys besides the task's own record, and their bytes with the values.
    pub rows: u64,
    pub row_bytes: u64,
    pub chunks: u64,
    pub chunk_bytes: u64,
    /// Topic, where the store stands, what is committed; of each input.
    pub inputs: Vec<(&'static str, Option<i64>, Option<i64>)>,
}

/// Looks at a task, and changes nothing. `disk`: the store of this folder, where there is one. `accept_loss`: a store that a
/// crash may have left without its last dedup chunks will do.
pub fn look(
    reader: &mut dyn LogReader,
    disk: Option<&dyn Disk>,
    names: &Internal,
    task: u32,
    accept_loss: bool,
) -> Result<Look, Fault> {
    let (evidence, ends) = evidence_of(reader, names, task)?;
    let in_log = logged(reader, &evidence, ends)?;
    let stored = disk.and_then(|disk| disk.get(task, &keys::task()));
    let stored = record_of(stored, &evidence);
    let known = stored.as_ref().ok().and_then(Option::as_ref);
    let inputs = evidence.topology.inputs.iter().zip(&evidence.committed).map(|(input, committed)| {
        let stands = known.and_then(|record| record.input(input.topic)).map(|input| input.offset_next);
        (input.topic, stands, committed.map(|committed| committed.offset_next))
    });
    let mut look = Look {
        task,
        inputs: inputs.collect(),
        verdict: Verdict::Unused,
        rows: 0,
        row_bytes: 0,
        chunks: 0,
        chunk_bytes: 0,
    };
    let whole = accept_loss || disk.is_none_or(|disk| disk.is_whole(task));
    look.verdict = verdict(&evidence, in_log, stored, whole);
    if let (Verdict::Ready(_), Some(disk)) = (&look.verdict, disk) {
        measure(&mut look, disk)?;
    }
    Ok(look)
}

fn measure(look: &mut Look, disk: &dyn Disk) -> Result<(), Fault> {
    let task = look.task;
    disk.scan(task, &[], &[], &mut |key, value| {
        if key != keys::task() {
            look.rows += 1;
            look.row_bytes += (key.len() + value.len()) as u64;
        }
        true
    });
    disk.chunks(task, &mut |chunk| {
        look.chunks += 1;
        look.chunk_bytes += chunk.bytes.len() as u64;
    });
    whole_read(disk, task)
}

/// A read that failed half way looks like an end.
fn whole_read(disk: &dyn Disk, task: u32) -> Result<(), Fault> {
    match disk.take_fault(&|_| true) {
        None => Ok(()),
        Some(fault) => Err(Fault::Fatal(format!(
            "store of task {task} cannot be read: {}; nothing was written; hint: check the disk, or name a copy of the \
             folder with --data",
            fault.why
        ))),
    }
}

fn verdict(
    evidence: &Evidence<'_>,
    in_log: Result<Option<TaskRecord>, Doubt>,
    stored: Result<Option<TaskRecord>, Doubt>,
    whole: bool,
) -> Verdict {
    let refused = |(Doubt::Again(why) | Doubt::Never(why))| Verdict::Refused(why);
    let in_log = match in_log {
        Ok(in_log) => in_log,
        Err(doubt) => return refused(doubt),
    };
    if let Some(record) = &in_log
        && record.changelog_id == evidence.changelog_id
    {
        return fits(Ok(in_log), evidence, false).map_or_else(refused, |()| Verdict::Held);
    }
    let record = match stored {
        Ok(Some(record)) => record,
        Ok(None) if in_log.is_none() && fits(Ok(None), evidence, false).is_ok() => return Verdict::Unused,
        Ok(None) => return Verdict::Elsewhere,
        Err(doubt) => return refused(doubt),
    };
    let draft = Draft {
        task: evidence.task,
        record: TaskRecord { changelog_id: evidence.changelog_id.clone(), ..record.clone() },
    };
    if in_log.is_some() {
        return Verdict::Refused(evidence.taken());
    }
    if let Some(why) = evidence.behind(&record) {
        return Verdict::Refused(why);
    }
    if let Err(doubt) = fits(Ok(Some(draft.record.clone())), evidence, true) {
        return refused(doubt);
    }
    if !whole {
        return Verdict::Refused(evidence.torn());
    }
    Verdict::Ready(draft)
}

/// Where a draft goes, record by record.
pub trait Sink {
    /// A record of the changelog.
    fn record(&mut self, task: u32, key: &[u8], value: &[u8]) -> Result<(), Fault>;
}

/// Writes a task's store as the worker would have: the task's own record, the rows, the chunks of dedup ids. Nothing is held in
/// memory besides what is read at the moment. An error leaves the transaction to be aborted.
pub fn write(disk: &dyn Disk, draft: &Draft, sink: &mut dyn Sink) -> Result<(), Fault> {
    let Draft { task, record } = draft;
    sink.record(*task, &keys::task(), &record.encode())?;
    write_rows(disk, *task, sink)?;
    write_chunks(disk, *task, sink)?;
    whole_read(disk, *task)
}

fn write_rows(disk: &dyn Disk, task: u32, sink: &mut dyn Sink) -> Result<(), Fault> {
    let mut done = Ok(());
    disk.scan(task, &[], &[], &mut |key, value| {
        if key != keys::task() {
            done = sink.record(task, key, value);
        }
        done.is_ok()
    });
    done
}

fn write_chunks(disk: &dyn Disk, task: u32, sink: &mut dyn Sink) -> Result<(), Fault> {
    let mut done = Ok(());
    disk.chunks(task, &mut |Chunk { input, segment, at, bytes }| {
        if done.is_ok() {
            done = sink.record(task, &keys::chunk(input, segment, at), &dedup::encode(&bytes));
        }
    });
    done
}
