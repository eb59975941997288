//! When a store stands in for a lost changelog, and what is written then.

use super::*;
use crate::core::io::{Chunk, Segment};

const SEGMENT: Segment = Segment { from_ms: 4, until_ms: 5 };

/// A store that was closed as a whole, and the log that it comes from.
fn closed() -> (tempfile::TempDir, SledDisk, Log) {
    let mut log = past(&record(&[("a", 7, 7), ("b", 9, 9)]));
    let (folder, disk) = disk();
    restored(&mut log, &disk).unwrap();
    let bytes = vec![3; 24];
    disk.restore_chunks(0, vec![Chunk { input: 5, segment: SEGMENT, at: 70, bytes }], 6);
    disk.flush();
    (folder, disk, log)
}

/// Deleted and created again.
fn lost(log: &mut Log) {
    log.entries.clear();
    (log.end, log.id) = (0, "-2");
}

fn verdict(log: &mut Log, disk: Option<&SledDisk>, accept_loss: bool) -> Verdict {
    look(log, disk.map(|disk| disk as &dyn Disk), &Internal::of("p"), 0, accept_loss).unwrap().verdict
}

fn refused(log: &mut Log, disk: &SledDisk, words: &str) {
    match verdict(log, Some(disk), false) {
        Verdict::Refused(why) => assert!(why.contains(words) && why.contains("; hint: "), "{why}"),
        other => panic!("{other:?}, not refused: {words}"),
    }
}

type Written = Vec<(Vec<u8>, Vec<u8>)>;

/// Fails at this record.
struct Memory(Written, usize);

impl Sink for Memory {
    fn record(&mut self, _: u32, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        if self.0.len() == self.1 {
            return Err(Fault::Abort("no broker".into()));
        }
        self.0.push((key.to_vec(), value.to_vec()));
        Ok(())
    }
}

#[test]
fn a_lost_changelog_is_written_as_the_worker_wrote_it() {
    let (_folder, disk, mut log) = closed();
    lost(&mut log);
    let seen = look(&mut log, Some(&disk), &Internal::of("p"), 0, false).unwrap();
    assert_eq!((seen.rows, seen.chunks, seen.chunk_bytes), (1, 1, 24));
    assert_eq!(seen.inputs, [("a", Some(7), Some(7)), ("b", Some(9), Some(9))]);
    let Verdict::Ready(draft) = seen.verdict else { panic!("{:?}", seen.verdict) };

    for cut in 1..3 {
        let mut sink = Memory(Vec::new(), cut);
        assert_eq!(write(&disk, &draft, &mut sink), Err(Fault::Abort("no broker".into())));
    }
    let mut sink = Memory(Vec::new(), usize::MAX);
    write(&disk, &draft, &mut sink).unwrap();
    let Memory(records, _) = sink;
    let [_, _, (key, value)] = &records[..] else { panic!("{records:?}") };
    let chunk = dedup::read(key, Some(value));
    assert_eq!(chunk, Some(Chunk { input: 5, segment: SEGMENT, at: 70, bytes: vec![3; 24] }));

    let entry =
        |((key, value), offset): ((Vec<u8>, Vec<u8>), i64)| Entry { offset, key: Some(key), value: Some(value) };
    log.entries = records.into_iter().zip(0..).map(entry).collect();
    log.end = 3;
    assert_eq!(log.entries[0].key, Some(keys::task()), "a transaction's first");
    assert_eq!(verdict(&mut log, Some(&disk), false), Verdict::Held);
    assert_eq!(verdict(&mut log, None, false), Verdict::Held);
    assert_eq!(restored(&mut log, &disk).unwrap().positions, [7, 9]);
    assert_eq!(disk.checkpoint(0).unwrap().changelog_id, "p-changelog-2", "the ordinary restore rebuilds the store");
    assert_eq!(disk.get(0, b"\x02row").as_deref(), Some(&b"value"[..]));
}

#[test]
fn only_a_store_that_is_whole_and_fits_is_published() {
    let (_folder, disk, mut log) = closed();
    let entries = log.entries.clone();
    assert_eq!(verdict(&mut log, Some(&disk), false), Verdict::Held, "nothing was lost");
    lost(&mut log);
    assert_eq!(verdict(&mut log, None, false), Verdict::Elsewhere);
    log.committed = vec![at(7), at(12)];
    refused(&mut log, &disk, "older than the committed offsets (b: committed 12, the store stands at 9)");
    log.committed = vec![at(6), at(9)];
    refused(&mut log, &disk, "a: committed 6, the state stands at 7");
    log.committed = vec![marked(7, Mark::Events(2)), marked(9, Mark::Events(2))];
    refused(&mut log, &disk, "events: committed 2, the store stands at 1");
    // Forgotten offsets are answered from the record, here as well.
    log.committed = vec![None, None];
    assert!(matches!(verdict(&mut log, Some(&disk), false), Verdict::Ready(_)));
    log.committed = vec![at(7), at(9)];

    // It wrote on after its topic was deleted.
    (log.entries, log.end) = (entries, 6);
    refused(&mut log, &disk, "holds a record of this task");
    lost(&mut log);
    disk.restore_state(0, Vec::new(), 6, 1);
    assert!(matches!(verdict(&mut log, Some(&disk), false), Verdict::Ready(_)));
    disk.restore_state(0, Vec::new(), 8, 1);
    refused(&mut log, &disk, "not closed as a whole");
    assert!(matches!(verdict(&mut log, Some(&disk), true), Verdict::Ready(_)), "accepted");

    let (_folder, empty) = self::disk();
    assert_eq!(verdict(&mut log, Some(&empty), false), Verdict::Elsewhere);
    log.committed = vec![None, None];
    assert_eq!(verdict(&mut log, Some(&empty), false), Verdict::Unused);
}

/// The task was at home here, left, and came back; its restore was cut off after a page.
#[test]
fn a_store_whose_restore_was_cut_off_is_not_whole_any_more() {
    let mut log = past(&record(&[("a", 7, 7), ("b", 9, 9)]));
    let (_folder, disk) = disk();
    restored(&mut log, &disk).unwrap();
    disk.flush();
    assert!(disk.is_whole(0));
    (log.end, log.known) = (9, vec![7]);
    let mut asked = 0;
    let mut progress = |_, _| {
        asked += 1;
        if asked < 3 { Ok(()) } else { Err(Fault::Abort("not wanted".into())) }
    };
    restore(&mut log, &disk, &Internal::of("p"), 0, 1, &mut progress).unwrap_err();
    disk.flush();
    assert_eq!(disk.checkpoint(0).unwrap().changelog_next, 7, "no page was written");
    assert!(!disk.is_whole(0), "a part is taken for the whole");
    log.known.clear();
    restored(&mut log, &disk).unwrap();
    disk.flush();
    assert!(disk.is_whole(0));
}
