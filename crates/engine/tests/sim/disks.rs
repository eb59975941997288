//! The pretend disk against the real one: both must do the same, or the simulator proves nothing about sled.

use std::path::Path;

use engine::core::io::{Batch, Chunk, Segment, Store};
use engine::shell::disk::Disk;
use engine::shell::sled_disk::SledDisk;
use sim::disk::MemDisk;
use sim::rng::Rng;

const TASKS: u32 = 3;

fn chunk(rng: &mut Rng, at: i64) -> Chunk {
    let bytes = rng.bits().to_le_bytes().to_vec();
    let from_ms = rng.between(-1, 3);
    let segment = Segment { from_ms, until_ms: from_ms + rng.between(1, 2) };
    Chunk { input: input(rng), segment, at, bytes }
}

/// A chunk that a restore meets: a new one, or the end of one that may be there.
fn restored(rng: &mut Rng, step: i64) -> Chunk {
    let ended = rng.chance(400);
    let at = if ended { rng.between(0, 10 * step) } else { step };
    let found = chunk(rng, at);
    if ended { Chunk { bytes: Vec::new(), ..found } } else { found }
}

fn input(rng: &mut Rng) -> u32 {
    [7, u32::MAX][rng.below(2) as usize]
}

fn puts(rng: &mut Rng) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let put = |rng: &mut Rng| {
        let key = vec![rng.below(3) as u8; rng.below(4) as usize];
        (key, (!rng.chance(300)).then(|| rng.bits().to_le_bytes().to_vec()))
    };
    // One value a key, as an overlay has.
    let all: std::collections::BTreeMap<_, _> = (0..rng.below(6)).map(|_| put(rng)).collect();
    all.into_iter().collect()
}

/// Does the same to a disk that `step` did to the other.
fn change(disk: &dyn Disk, rng: &mut Rng, step: i64) {
    let task = rng.below(u64::from(TASKS)) as u32;
    match rng.below(10) {
        0 => disk.drop_task(task),
        _ if disk.checkpoint(task).is_none() => disk.begin(task, "changelog", 0),
        1..4 => disk.restore_state(task, puts(rng), step, 2 * step),
        4 => disk.restore_chunks(task, vec![restored(rng, step)], step + 1),
        _ => {
            let chunks = (0..rng.below(3)).map(|n| chunk(rng, 10 * step + n as i64)).collect();
            let expired = if rng.chance(200) { vec![(input(rng), chunk(rng, 0).segment)] } else { Vec::new() };
            disk.apply(Batch { task, puts: puts(rng), changelog_next: Some(step), chunks, expired }, step);
        }
    }
}

type Seen = Vec<(Vec<u8>, Vec<u8>)>;

type Chunks = Vec<(u32, Segment, i64, Vec<u8>)>;

fn look(disk: &dyn Disk, task: u32) -> (Seen, Chunks) {
    let (mut entries, mut chunks) = (Vec::new(), Vec::new());
    disk.scan(task, &[], &[], &mut |key, value| {
        entries.push((key.to_vec(), value.to_vec()));
        true
    });
    disk.chunks(task, &mut |chunk| chunks.push((chunk.input, chunk.segment, chunk.at, chunk.bytes)));
    chunks.sort();
    (entries, chunks)
}

fn same(mem: &MemDisk, sled: &SledDisk) {
    for task in 0..TASKS {
        assert_eq!(look(mem, task), look(sled, task), "task {task}");
        assert_eq!(mem.checkpoint(task), sled.checkpoint(task), "task {task}");
        for key in [vec![], vec![0], vec![1, 1]] {
            assert_eq!(mem.get(task, &key), sled.get(task, &key));
        }
    }
    assert_eq!((mem.take_fault(&|_| true), sled.take_fault(&|_| true)), (None, None));
}

fn open(root: &Path) -> SledDisk {
    SledDisk::open(root).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn sim_the_pretend_disk_does_what_sled_does() {
    for seed in 0..3 {
        let folder = tempfile::tempdir().expect("a folder");
        let (mem, mut sled) = (MemDisk::default(), open(folder.path()));
        let (mut one, mut other) = (Rng::new(seed), Rng::new(seed));
        for step in 1..120 {
            change(&mem, &mut one, step);
            change(&sled, &mut other, step);
            if step % 20 == 0 {
                mem.flush();
                sled.flush();
            }
            if step % 60 == 0 {
                sled.close();
                drop(sled);
                sled = open(folder.path());
            }
            same(&mem, &sled);
        }
    }
}
