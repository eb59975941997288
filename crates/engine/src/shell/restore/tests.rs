//! What a restore does with a store, and where it lets a task go on.

mod publish;

use flow::{Duplicates, Topology};

use super::*;
use crate::core::io::Store as _;
use crate::core::record::InputRecord;
use crate::shell::sled_disk::SledDisk;
use crate::shell::transport::{Mark, Position};

const fn input(topic: &'static str) -> flow::Input {
    flow::Input { topic, records: &[], compacted: false, duplicates: Duplicates::Drop }
}

const TOPOLOGY: Topology = Topology {
    name: "p",
    partitions: 1,
    inputs: &[input("a"), input("b")],
    outputs: &[],
    replies: &[],
    tables: &[],
    window_ms: 1,
};

/// A changelog of `entries` that ends at `end`; everything else is empty.
#[derive(Default)]
struct Log {
    committed: Vec<Option<Position>>,
    bounds: Vec<(i64, i64)>,
    entries: Vec<Entry>,
    end: i64,
    /// How far a replica knows the log, and what it calls its end, before each wait.
    known: Vec<i64>,
    ends: Vec<i64>,
    waits: usize,
    id: &'static str,
    /// Each look finds the group's offsets one further.
    moving: bool,
}

impl LogReader for Log {
    fn topology(&self) -> &'static Topology {
        &TOPOLOGY
    }
    fn committed(&mut self, _: u32) -> Result<Vec<Option<Position>>, Fault> {
        if self.moving {
            self.committed.iter_mut().flatten().for_each(|at| at.offset_next += 1);
        }
        Ok(self.committed.clone())
    }
    fn input_bounds(&mut self, _: u32) -> Result<Vec<(i64, i64)>, Fault> {
        Ok(self.bounds.clone())
    }
    fn topic_id(&mut self, topic: &str) -> Result<String, Fault> {
        Ok(format!("{topic}{}", self.id))
    }
    fn bounds(&mut self, topic: &str, _: u32) -> Result<(i64, i64), Fault> {
        let end = self.ends.get(self.waits).copied().unwrap_or(self.end);
        Ok((0, if topic == "p-changelog" { end } else { 0 }))
    }
    fn read(&mut self, _: &str, _: u32, from: i64, end: i64) -> Result<Page, Fault> {
        let next = self.known.get(self.waits).copied().unwrap_or(self.end).clamp(from, end);
        let entries = self.entries.iter().filter(|entry| (from..next).contains(&entry.offset));
        Ok(Page { entries: entries.cloned().collect(), next })
    }
    fn wait(&mut self, _: Duration) {
        self.waits += 1;
    }
}

fn at(offset_next: i64) -> Option<Position> {
    Some(Position { offset_next, mark: Mark::None })
}

fn marked(offset_next: i64, mark: Mark) -> Option<Position> {
    Some(Position { offset_next, mark })
}

fn record(inputs: &[(&str, i64, i64)]) -> TaskRecord {
    let input = |(topic, offset_next, passed_to): &(&str, i64, i64)| InputRecord {
        topic: (*topic).into(),
        log_time_ms: 1,
        known_from_ms: 0,
        offset_next: *offset_next,
        passed_to: *passed_to,
    };
    let changelog_id = "p-changelog".into();
    TaskRecord { inputs: inputs.iter().map(input).collect(), events: 1, clock_ms: 1, changelog_id }
}

/// A past of two transactions, the second aborted perhaps: its offsets hold nothing that can be read.
fn past(record: &TaskRecord) -> Log {
    let entry = |offset, key: Vec<u8>, value: Vec<u8>| Entry { offset, key: Some(key), value: Some(value) };
    let at_of = |topic| record.input(topic).map(|input| input.offset_next).unwrap_or_default();
    Log {
        committed: vec![at(at_of("a")), at(at_of("b"))],
        bounds: vec![(0, 100), (0, 100)],
        entries: vec![entry(0, keys::task(), record.encode()), entry(1, b"\x02row".to_vec(), b"value".to_vec())],
        end: 6,
        ..Log::default()
    }
}

fn disk() -> (tempfile::TempDir, SledDisk) {
    let folder = tempfile::tempdir().unwrap();
    let disk = SledDisk::open(folder.path()).unwrap();
    (folder, disk)
}

fn restored(log: &mut Log, disk: &SledDisk) -> Result<Opening, Fault> {
    restore(log, disk, &Internal::of("p"), 0, 1, &mut |_, _| Ok(()))
}

/// The text of a fault that concerns this task alone.
fn refusal<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
    let fault = result.unwrap_err();
    assert_eq!(fault, Fault::Quarantine(fault.to_string()));
    fault.to_string()
}

/// What a stop in the middle of a first restore leaves behind is not old: nobody is to read a warning about it.
#[test]
fn a_restore_that_was_cut_off_goes_on() {
    let (_folder, disk) = disk();
    let now_ms = 3 * CHECKPOINT_AGE_MAX_MS;
    let (mut idle, mut busy) = (Log { end: 9, ..Log::default() }, Log { end: 9, ..Log::default() });
    busy.entries.push(Entry { offset: 3, key: Some(b"\x02row".to_vec()), value: Some(Vec::new()) });
    let begin = |log: &mut Log, now_ms| {
        let names = Internal::of("p");
        let changelog_id = "p-changelog".into();
        let (committed, bounds) = (vec![None, None], vec![(0, 0), (0, 0)]);
        let evidence = Evidence { topology: &TOPOLOGY, names: &names, task: 0, changelog_id, committed, bounds };
        begin_or_resume(log, &disk, &evidence, now_ms, (0, 9)).unwrap().unwrap()
    };
    assert_eq!(begin(&mut idle, now_ms).written_ms, now_ms);
    disk.restore_chunks(0, Vec::new(), 5);
    disk.flush();
    assert_eq!(begin(&mut idle, now_ms + 1_000).chunks_next, 5, "set aside");
    let late_ms = now_ms + CHECKPOINT_AGE_MAX_MS + 1;
    assert_eq!(begin(&mut idle, late_ms).chunks_next, 5, "set aside, although nothing was written since");
    assert_eq!(begin(&mut busy, late_ms).chunks_next, 0, "tombstones may be gone, and it was kept");
}

/// A crash takes another part of state and chunks: what is missing below the checkpoint is read again, and only that.
#[test]
fn chunks_below_the_checkpoint_are_read_again_and_rows_are_not() {
    let mut log = past(&record(&[("a", 7, 7), ("b", 9, 9)]));
    let segment = crate::core::io::Segment { from_ms: 4, until_ms: 5 };
    let key = |at| keys::chunk(5, segment, at);
    let entry = |offset, key, value: Option<&[u8]>| Entry { offset, key: Some(key), value: value.map(dedup::encode) };
    log.entries.extend([entry(2, key(70), Some(&[3; 24])), entry(3, key(71), Some(&[4; 24])), entry(4, key(70), None)]);
    let (_folder, disk) = disk();
    disk.begin(0, "p-changelog", 1);
    let newer = |row: &str| vec![(b"\x02row".to_vec(), Some(row.as_bytes().to_vec()))];
    disk.restore_state(0, vec![(keys::task(), Some(record(&[("a", 7, 7), ("b", 9, 9)]).encode()))], 1, 1);
    disk.restore_state(0, newer("of the store"), 3, 1);
    restored(&mut log, &disk).unwrap();
    assert_eq!(disk.get(0, b"\x02row").as_deref(), Some(&b"of the store"[..]));
    let mut chunks = Vec::new();
    disk.chunks(0, &mut |chunk| chunks.push((chunk.at, chunk.bytes)));
    assert_eq!(chunks, [(71, vec![4; 24])], "one has ended");
    assert_eq!(disk.checkpoint(0).unwrap().changelog_next, 6);
    // Bytes that this build does not know are ids that it would not know either.
    log.entries.push(Entry { offset: 6, key: Some(key(72)), value: Some(vec![9; 25]) });
    log.end = 7;
    assert!(refusal(restored(&mut log, &disk)).contains("a chunk of dedup ids in \"p-changelog\" is of a format"));
}

#[test]
fn what_would_not_open_is_known_without_a_store() {
    let wanted = record(&[("a", 7, 7), ("b", 9, 9)]);
    let look = |mut log: Log| examine(&mut log, &Internal::of("p"), 0).unwrap();
    assert_eq!(look(past(&wanted)), None);
    let foreign = || Log { committed: vec![at(8), at(9)], ..past(&wanted) };
    let why = look(foreign()).expect("another one's offsets");
    assert!(why.contains("a: committed 8, the state stands at 7"), "{why}");
    assert_eq!(look(Log { moving: true, ..foreign() }), None, "a task at work is open");
    let why = look(Log { id: "-again", ..past(&wanted) }).expect("another topic");
    assert!(why.contains("deleted and created again"), "{why}");
}

/// A restore that is not wanted any more writes no further page: its store may have another owner by then.
#[test]
fn a_restore_that_is_not_wanted_any_more_stops_before_the_next_page() {
    let (_folder, disk) = disk();
    let wanted = record(&[("a", 7, 7), ("b", 9, 9)]);
    let mut asked = 0;
    let mut progress = |_, _| {
        asked += 1;
        if asked == 1 { Ok(()) } else { Err(Fault::Abort("not wanted".into())) }
    };
    let done = restore(&mut past(&wanted), &disk, &Internal::of("p"), 0, 1, &mut progress);
    assert_eq!(done.map(drop), Err(Fault::Abort("not wanted".into())));
    assert_eq!(disk.get(0, b"\x02row"), None, "a page was written all the same");
}

#[test]
fn a_restore_ends_only_at_the_offset_that_it_set_out_for() {
    let wanted = record(&[("a", 7, 7), ("b", 9, 9)]);
    let mut log = Log { known: vec![0, 0, 1, 1, 4], ..past(&wanted) };
    let (_folder, disk) = disk();
    assert_eq!(restored(&mut log, &disk).unwrap().positions, [7, 9]);
    assert_eq!(disk.get(0, b"\x02row").as_deref(), Some(&b"value"[..]), "read to an end of partition only");
    assert_eq!(log.waits, 5);

    let mut log = Log { known: vec![1; 1_000], ..past(&wanted) };
    let (_folder, disk) = self::disk();
    let Err(Fault::Abort(why)) = restored(&mut log, &disk) else { panic!("an end below the end was taken for it") };
    assert!(why.contains("p-changelog/0") && why.contains("up to 1,") && why.contains("towards 6"), "{why}");
    assert_eq!(disk.checkpoint(0).unwrap().changelog_next, 1, "no further than what was read");
}

#[test]
fn what_was_restored_behind_the_committed_offsets_is_restored_again() {
    let (older, newer) = (record(&[("a", 3, 3), ("b", 9, 9)]), record(&[("a", 7, 7), ("b", 9, 9)]));
    let mut log = past(&newer);
    log.entries.insert(0, Entry { offset: 0, key: Some(keys::task()), value: Some(older.encode()) });
    (log.entries[1].offset, log.entries[2].offset) = (2, 3);
    log.ends = vec![1, 1];
    let (_folder, disk) = disk();
    assert_eq!(restored(&mut log, &disk).unwrap().positions, [7, 9]);
    assert_eq!(log.waits, 2);

    log.ends = vec![1; 1_000];
    (log.waits, log.known) = (0, Vec::new());
    let (_folder, disk) = self::disk();
    let why = refusal(restored(&mut log, &disk));
    assert!(why.contains("a: committed 7, the state stands at 3"), "{why}");
    assert_eq!(log.waits as u32, TRIES - 1);
}

#[test]
fn offsets_that_somebody_else_committed_are_refused_and_named() {
    let mut log = past(&record(&[("a", 7, 7), ("b", 9, 9)]));
    log.committed = vec![at(7), at(12)];
    let (_folder, disk) = disk();
    let why = refusal(restored(&mut log, &disk));
    assert!(why.contains("b: committed 12, the state stands at 9") && !why.contains("a: "), "{why}");
}

#[test]
fn a_changelog_without_the_record_does_not_replace_a_store() {
    let mut log = past(&record(&[("a", 7, 7), ("b", 9, 9)]));
    let (_folder, disk) = disk();
    restored(&mut log, &disk).unwrap();
    let kept = || assert_eq!(disk.get(0, b"\x02row").as_deref(), Some(&b"value"[..]), "the last copy is dropped");

    // Deleted and created again, while the processor was down.
    let entries = std::mem::take(&mut log.entries);
    (log.end, log.id) = (0, "-2");
    let why = refusal(restored(&mut log, &disk));
    assert!(why.contains("\"p-changelog\" holds nothing of this task"), "{why}");
    kept();
    log.committed = vec![None, None];
    let why = refusal(restored(&mut log, &disk));
    assert!(why.contains("there is a store with state"), "{why}");
    kept();

    // While it ran: it wrote on, and its record says of which topic.
    (log.entries, log.end, log.committed) = (entries, 6, vec![at(7), at(9)]);
    let why = refusal(restored(&mut log, &disk));
    assert!(why.contains("\"p-changelog\" was deleted and created again"), "{why}");
    kept();

    // A reset is meant.
    log.entries.clear();
    (log.end, log.committed) = (0, vec![marked(4, Mark::Reset), at(0)]);
    assert_eq!(restored(&mut log, &disk).unwrap().positions, [4, 0]);
    assert_eq!(disk.get(0, b"\x02row"), None, "what a reset has emptied");
}

/// Where a task goes on: what its record says, what is committed, first offsets, and what comes of it.
#[test]
fn positions_follow_from_the_record_the_group_and_the_inputs() {
    type Row<'a> = (&'a [(&'a str, i64, i64)], [Option<Position>; 2], [i64; 2], Result<[i64; 2], &'a str>);
    let ab: &[(&str, i64, i64)] = &[("a", 7, 8), ("b", 9, 9)];
    let rows: [Row<'_>; 16] = [
        (&[], [None, None], [3, 4], Ok([3, 4])),
        (&[], [at(0), None], [0, 4], Ok([0, 4])),
        (&[], [at(7), None], [0, 0], Err("has committed 7 of a")),
        (&[], [at(0), None], [3, 4], Err("offsets 0 to 2 of a were deleted")),
        (&[], [marked(3, Mark::Reset), marked(4, Mark::Reset)], [3, 4], Ok([3, 4])),
        (ab, [at(7), at(9)], [0, 0], Ok([7, 9])),
        (&[("b", 9, 9), ("gone", 5, 5), ("a", 7, 7)], [at(7), at(9)], [0, 0], Ok([7, 9])),
        (ab, [None, None], [0, 0], Ok([7, 9])),
        (ab, [at(6), at(9)], [0, 0], Err("a: committed 6, the state stands at 7")),
        (&ab[..1], [at(7), None], [0, 0], Err("no position of b")),
        (ab, [at(7), at(9)], [8, 9], Ok([8, 9])),
        (ab, [at(7), at(9)], [9, 9], Err("offsets 8 to 8 of a were deleted")),
        (ab, [marked(11, Mark::Skip), at(9)], [11, 9], Ok([11, 9])),
        (ab, [marked(7, Mark::Events(1)), marked(9, Mark::Events(1))], [0, 0], Ok([7, 9])),
        (ab, [at(7), marked(9, Mark::Events(2))], [0, 0], Err("with 2 events handled, the state stands at 1")),
        (ab, [marked(10, Mark::Skip), at(9)], [8, 9], Err("a: committed 10, the state stands at 7")),
    ];
    for (number, (inputs, committed, starts, wanted)) in rows.into_iter().enumerate() {
        let changelog_id = "p-changelog".into();
        let names = Internal::of("p");
        let bounds = starts.map(|start| (start, 20)).to_vec();
        let committed = committed.to_vec();
        let evidence = Evidence { topology: &TOPOLOGY, names: &names, task: 0, changelog_id, committed, bounds };
        let record = (!inputs.is_empty()).then(|| record(inputs));
        let found = evidence.positions(record.as_ref(), false);
        match (found, wanted) {
            (Ok(found), Ok(wanted)) => {
                let read_from: Vec<i64> = found.into_iter().map(|(_, read_from)| read_from).collect();
                assert_eq!(read_from, wanted, "row {number}");
            }
            (Err(Doubt::Again(why) | Doubt::Never(why)), Err(part)) => {
                assert!(why.contains(part), "row {number}: {why}");
            }
            (found, wanted) => panic!("row {number}: {found:?}, wanted {wanted:?}"),
        }
    }
}

#[test]
fn a_position_behind_the_inputs_end_is_refused() {
    let mut log = past(&record(&[("a", 7, 7), ("b", 9, 9)]));
    log.bounds[1] = (0, 8);
    let (_folder, disk) = disk();
    let why = refusal(restored(&mut log, &disk));
    assert!(why.contains("b ends at 8, before the position 9"), "{why}");
}

#[test]
fn a_record_of_a_newer_build_is_refused() {
    let mut log = past(&record(&[("a", 7, 7), ("b", 9, 9)]));
    if let Some(bytes) = &mut log.entries[0].value {
        bytes[0] += 1;
    }
    let (_folder, disk) = disk();
    assert!(refusal(restored(&mut log, &disk)).contains("a newer build wrote it"));
}

/// A disk that came back with less is not the changelog's fault.
#[test]
fn a_store_that_does_not_stand_where_its_changelog_does_is_rebuilt() {
    let mut log = past(&record(&[("a", 7, 7), ("b", 9, 9)]));
    let (_folder, disk) = disk();
    restored(&mut log, &disk).unwrap();
    let older = record(&[("a", 3, 3), ("b", 9, 9)]).encode();
    disk.restore_state(0, vec![(keys::task(), Some(older)), (b"\x02row".to_vec(), None)], 6, 1);
    assert!(matches!(restored(&mut log, &disk), Err(Fault::Abort(_))), "asked for again");
    assert_eq!(restored(&mut log, &disk).unwrap().positions, [7, 9]);
    assert_eq!(disk.get(0, b"\x02row").as_deref(), Some(&b"value"[..]));
}
