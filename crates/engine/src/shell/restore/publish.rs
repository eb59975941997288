//! A lost changelog written anew from a store: whether a task's store may stand in for it, and what is written then.

use flow::Topology;

use crate::core::dedup;
use crate::core::io::Chunk;
use crate::core::order::positions_key;
use crate::core::record::TaskRecord;
use crate::core::{ids, keys};
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
    /// The task's own record: the store's, with the ids of the topics that there are now.
    pub record: TaskRecord,
    /// Whether the rows are missing in the changelog, or only the record is to name another dedup changelog.
    pub rows: bool,
    /// Whether the dedup changelog is another one, too.
    pub chunks: bool,
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
        && record.logs == evidence.logs
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
        rows: in_log.is_none(),
        chunks: record.logs.dedup != evidence.logs.dedup,
        record: TaskRecord { logs: evidence.logs.clone(), ..record.clone() },
    };
    if let Some(in_log) = in_log {
        let same = (in_log.events, &in_log.inputs) == (record.events, &record.inputs);
        if !same || in_log.logs.changelog != evidence.logs.changelog {
            return Verdict::Refused(evidence.taken());
        }
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
    /// A record of the state changelog.
    fn row(&mut self, task: u32, key: &[u8], value: &[u8]) -> Result<(), Fault>;
    /// A record of the dedup changelog.
    fn chunk(&mut self, task: u32, key: &[u8], value: &[u8]) -> Result<(), Fault>;
}

/// Writes a task's store as the worker would have: the task's own record, the rows, the dedup chunks under the key of its
/// positions. Nothing is held in memory besides what is read at the moment. An error leaves the transaction to be aborted.
pub fn write(topology: &Topology, disk: &dyn Disk, draft: &Draft, sink: &mut dyn Sink) -> Result<(), Fault> {
    let Draft { task, record, rows, chunks } = draft;
    sink.row(*task, &keys::task(), &record.encode())?;
    if *rows {
        write_rows(disk, *task, sink)?;
    }
    if *chunks {
        let inputs = topology.inputs;
        let names = ids::inputs(inputs);
        let stands = |input: &flow::Input| record.input(input.topic).map_or(0, |known| known.offset_next);
        let positions: Vec<i64> = inputs.iter().map(stands).collect();
        write_chunks(disk, *task, &positions_key(&names, &positions), sink)?;
    }
    whole_read(disk, *task)
}

fn write_rows(disk: &dyn Disk, task: u32, sink: &mut dyn Sink) -> Result<(), Fault> {
    let mut done = Ok(());
    disk.scan(task, &[], &[], &mut |key, value| {
        if key != keys::task() {
            done = sink.row(task, key, value);
        }
        done.is_ok()
    });
    done
}

fn write_chunks(disk: &dyn Disk, task: u32, key: &[u8], sink: &mut dyn Sink) -> Result<(), Fault> {
    let mut done = Ok(());
    disk.chunks(task, &mut |chunk: Chunk| {
        if done.is_ok() {
            done = sink.chunk(task, key, &dedup::encode(chunk.input, chunk.segment, &chunk.bytes));
        }
    });
    done
}
