//! What the store promises, on a disk of its own.

use std::cell::Cell;
use std::time::Duration;

use super::recent::RECENT;
use super::*;

#[test]
fn a_read_sees_the_last_write_whatever_was_read_before() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let disk = SledDisk::open(folder.path()).expect("a store");
    let put = |value: Option<&str>, next| {
        disk.restore_state(7, vec![(b"key".to_vec(), value.map(|value| value.as_bytes().to_vec()))], next, 0);
    };
    disk.begin(7, "changelog", 0);
    assert_eq!(disk.get(7, b"key"), None);
    for (next, value) in [Some("one"), Some("two"), None, Some("three")].into_iter().enumerate() {
        put(value, next as i64 + 1);
        for _ in 0..2 {
            assert_eq!(disk.get(7, b"key").as_deref(), value.map(str::as_bytes));
            assert_eq!(disk.get(8, b"key"), None, "another task's");
        }
    }
    disk.drop_task(7);
    assert_eq!(disk.get(7, b"key"), None);
    assert_eq!(disk.take_fault(&|task| task == 7), None);
    put(Some("four"), 9);
    assert!(disk.take_fault(&|task| task == 7).is_some(), "without a checkpoint");
    assert_eq!(disk.take_fault(&|task| task == 7), None, "a fault is told once");
}

#[test]
fn what_was_read_lately_is_bounded() {
    let mut recent = Recent::default();
    for number in 0..100_000u32 {
        recent.keep(number.to_be_bytes().to_vec(), vec![0; 1_000]);
        assert!(recent.bytes <= RECENT);
    }
    let keys: Vec<Vec<u8>> = recent.values.keys().cloned().collect();
    keys.iter().for_each(|key| recent.forget(key));
    assert_eq!(recent.bytes, 0);
}

/// Space is back before the worker hears of what failed; a flush and a crash come before the store is set aside.
#[test]
fn how_far_dedup_chunks_go_does_not_pass_one_that_was_not_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let chunk = |from_ms, at| {
        let segment = Segment { from_ms, until_ms: from_ms + 1 };
        vec![Chunk { input: 0, segment, at, bytes: vec![1; 24] }]
    };
    let next = |disk: &SledDisk| disk.checkpoint(7).expect("a checkpoint").chunks_next;
    let disk = SledDisk::open(folder.path()).expect("a store");
    disk.begin(7, "changelog", 0);
    disk.restore_chunks(7, chunk(4, 10), 11);
    disk.flush();
    let in_the_way = folder.path().join("dedup-5_6");
    std::fs::write(&in_the_way, "no folder").expect("a file");
    disk.restore_chunks(7, chunk(5, 11), 12);
    std::fs::remove_file(&in_the_way).expect("a file");
    disk.restore_chunks(7, chunk(6, 12), 13);
    disk.close();
    assert!(disk.take_fault(&|task| task == 7).is_some());
    assert_eq!(next(&disk), 11);
    drop(disk);
    let disk = SledDisk::open(folder.path()).expect("a store");
    assert_eq!(next(&disk), 11);
    disk.drop_task(7);
    disk.begin(7, "changelog", 0);
    disk.restore_chunks(7, chunk(5, 11), 12);
    disk.flush();
    assert_eq!(next(&disk), 12, "a store that begins again lacks nothing");
}

#[test]
fn how_far_dedup_chunks_go_does_not_pass_one_that_was_not_flushed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let disk = SledDisk::open(folder.path()).expect("a store");
    let write = |task, from_ms, at| {
        let segment = Segment { from_ms, until_ms: from_ms + 1 };
        disk.restore_chunks(task, vec![Chunk { input: 0, segment, at, bytes: vec![1; 24] }], at + 1);
    };
    let next = |task| disk.checkpoint(task).expect("a checkpoint").chunks_next;
    for task in [7, 8] {
        disk.begin(task, "changelog", 0);
        disk.whole(task, true);
    }
    write(7, 4, 10);
    write(8, 5, 3);
    // The first call is for the lower segment.
    let calls = Cell::new(0);
    disk.flush_with(&|db| match calls.replace(calls.get() + 1) {
        0 => Err(std::io::Error::other("disk full").into()),
        _ => db.flush().map(drop),
    });
    assert!(disk.take_fault(&|_| true).is_some());
    assert_eq!((next(7), next(8)), (0, 4), "the other segment is there");
    assert!(!disk.is_whole(7) && disk.is_whole(8));
    write(7, 6, 11);
    disk.flush();
    assert_eq!(next(7), 0, "the chunk before it may not be there");
    assert!(!disk.is_whole(7));
}

/// Somebody else had the task meanwhile, and ended a chunk.
#[test]
fn a_chunk_that_has_ended_goes_and_the_folder_with_the_last() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let segment = Segment { from_ms: 4, until_ms: 5 };
    let chunk = |input, at, bytes: usize| Chunk { input, segment, at, bytes: vec![1; bytes] };
    let held = |disk: &SledDisk| {
        let mut found = Vec::new();
        disk.chunks(7, &mut |chunk| found.push((chunk.input, chunk.at)));
        found
    };
    let disk = SledDisk::open(folder.path()).expect("a store");
    disk.begin(7, "changelog", 0);
    disk.restore_chunks(7, vec![chunk(0, 10, 24), chunk(0, 11, 24), chunk(1, 3, 24)], 5);
    disk.flush();
    disk.restore_chunks(7, vec![chunk(0, 11, 0), chunk(0, 12, 0), chunk(1, 3, 0)], 9);
    assert_eq!(held(&disk), [(0, 10)]);
    disk.close();
    drop(disk);
    let disk = SledDisk::open(folder.path()).expect("a store");
    assert_eq!(disk.checkpoint(7).expect("a checkpoint").chunks_next, 9, "taken for a loss");
    disk.apply(Batch { task: 7, expired: vec![(1, segment)], ..Batch::default() }, 0);
    assert_eq!(held(&disk), [(0, 10)], "another input's");
    disk.restore_chunks(7, vec![chunk(0, 10, 0)], 10);
    assert!(held(&disk).is_empty() && !folder.path().join("dedup-4_5").exists());
}

/// A quiet input keeps a folder, and nothing but its own chunks in it.
#[test]
fn what_an_input_leaves_in_a_folder_of_others_is_taken_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let segment = Segment { from_ms: 4, until_ms: 5 };
    let chunks = |input, count| (0..count).map(move |at| Chunk { input, segment, at, bytes: vec![1; 24] }).collect();
    let held = |disk: &SledDisk, wanted| {
        let mut found = 0;
        disk.chunks(7, &mut |chunk| found += usize::from(chunk.input == wanted));
        found
    };
    let disk = SledDisk::open(folder.path()).expect("a store");
    disk.begin(7, "changelog", 0);
    disk.restore_chunks(7, chunks(0, 1_200), 5);
    disk.restore_chunks(7, chunks(1, 3), 6);
    let leave = || disk.apply(Batch { task: 7, expired: vec![(0, segment)], ..Batch::default() }, 0);
    leave();
    disk.flush();
    assert_eq!(held(&disk, 0), 1_200, "the other one has time to leave, too");
    disk.sweep(Duration::ZERO);
    assert!((1..1_200).contains(&held(&disk, 0)), "some at a time");
    (0..3).for_each(|_| disk.sweep(Duration::ZERO));
    assert_eq!((held(&disk, 0), held(&disk, 1)), (0, 3));
    // One that is back keeps what it has.
    disk.restore_chunks(7, chunks(0, 2), 7);
    leave();
    disk.drop_task(7);
    disk.begin(7, "changelog", 0);
    disk.restore_chunks(7, chunks(0, 2), 5);
    disk.sweep(Duration::ZERO);
    assert_eq!(held(&disk, 0), 2);
}

/// Chunks of two segments, surely on disk; the folder is returned as it was after the first of them, too.
fn with_segments(folder: &std::path::Path) -> std::path::PathBuf {
    let chunk = |from_ms, at| {
        let segment = Segment { from_ms, until_ms: from_ms + 1 };
        Chunk { input: 0, segment, at, bytes: vec![1; 24] }
    };
    let older = folder.with_extension("older");
    for (task, offset) in [(7, 10), (7, 11), (8, 3)] {
        let disk = SledDisk::open(folder).expect("a store");
        if disk.checkpoint(task).is_none() {
            disk.begin(task, "changelog", 0);
        }
        disk.restore_chunks(task, vec![chunk(4, offset), chunk(5, offset + 20)], offset + 21);
        disk.close();
        drop(disk);
        if offset == 10 {
            copy(&folder.join("dedup-5_6"), &older);
        }
    }
    older
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).expect("a copy");
        }
    }
}

fn chunks_next(folder: &std::path::Path) -> [i64; 2] {
    let disk = SledDisk::open(folder).expect("a store");
    [7, 8].map(|task| disk.checkpoint(task).expect("a checkpoint").chunks_next)
}

/// Ids that are not there are not new: what a lost folder held is read again.
#[test]
fn a_dedup_segment_that_is_gone_or_older_is_read_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("p");
    let older = with_segments(&root);
    assert_eq!(chunks_next(&root), [32, 24], "nothing is missing");
    std::fs::remove_dir_all(root.join("dedup-5_6")).expect("removed");
    copy(&older, &root.join("dedup-5_6"));
    assert_eq!(chunks_next(&root), [0, 0], "an older copy");
    assert_eq!(chunks_next(&root), [0, 0], "until it was read again");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("p");
    with_segments(&root);
    std::fs::remove_dir_all(root.join("dedup-4_5")).expect("removed");
    assert_eq!(chunks_next(&root), [0, 0], "the folder is gone");
}

#[test]
fn a_folder_that_the_system_refuses_stays_as_it_is() {
    use std::io::ErrorKind;
    assert!(refused(ErrorKind::PermissionDenied).is_some_and(|hint| hint.contains("write to the folder")));
    assert!(refused(ErrorKind::ReadOnlyFilesystem).is_some_and(|hint| hint.contains("mount")));
    assert!(refused(ErrorKind::StorageFull).is_some_and(|hint| hint.contains("free space")));
    // A store that was cut off is no refusal: it is set aside and rebuilt.
    assert_eq!(refused(ErrorKind::UnexpectedEof), None);
    // Not even a superuser makes folders there.
    let error = SledDisk::open(std::path::Path::new("/sys/orderflow-store")).err().expect("refused").to_string();
    assert!(error.contains("/sys/orderflow-store") && !error.contains("move"), "{error}");
    assert!(error.contains("os error") || error.contains("denied") || error.contains("permitted"), "{error}");
}

#[test]
fn a_store_is_whole_when_state_and_chunks_were_flushed_after_its_restore() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let again = || SledDisk::open_kept(folder.path()).expect("readable").expect("a store");
    let disk = SledDisk::open(folder.path()).expect("a store");
    disk.begin(7, "changelog", 0);
    disk.restore_state(7, vec![(b"key".to_vec(), Some(b"value".to_vec()))], 5, 0);
    disk.flush();
    assert!(!disk.is_whole(7), "its restore has not ended");
    disk.whole(7, true);
    assert!(!disk.is_whole(7), "not flushed");
    disk.close();
    drop(disk);

    let disk = again();
    assert!(disk.is_whole(7) && !disk.is_whole(8));
    disk.restore_state(7, Vec::new(), 9, 0);
    disk.close();
    assert!(!disk.is_whole(7), "a restore that was cut off");
    disk.whole(7, true);
    let segment = Segment { from_ms: 4, until_ms: 5 };
    disk.restore_chunks(7, vec![Chunk { input: 0, segment, at: 3, bytes: vec![1; 24] }], 4);
    disk.close();
    assert!(disk.is_whole(7));
    drop(disk);

    std::fs::remove_dir_all(folder.path().join("dedup-4_5")).expect("removed");
    assert!(!again().is_whole(7), "a dedup segment is gone");
    let disk = again();
    disk.whole(7, true);
    disk.close();
    disk.drop_task(7);
    disk.begin(7, "changelog", 0);
    disk.restore_state(7, Vec::new(), 9, 0);
    disk.close();
    assert!(!disk.is_whole(7), "begun anew");
}

#[test]
fn a_store_that_may_be_the_last_copy_is_not_touched_when_it_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert!(SledDisk::open_kept(folder.path()).expect("nothing wrong").is_none());
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "made");
    with_segments(folder.path());
    let broken = folder.path().join("dedup-5_6");
    std::fs::remove_dir_all(&broken).expect("removed");
    std::fs::write(&broken, "no folder").expect("written");
    let why = SledDisk::open_kept(folder.path()).err().expect("unreadable").to_string();
    assert!(why.contains("dedup-5_6") && why.contains("kept as it is"), "{why}");
    assert!(broken.is_file(), "dropped");
}
