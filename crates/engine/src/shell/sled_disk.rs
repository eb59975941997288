//! The store in sled: one Db for state, rolling Dbs for dedup segments that expire by deleting their folder.
//!
//! Architecture Invariant: the rest of the engine does not know sled. sled is never the truth: it may lag behind its
//! changelogs by any amount, never be ahead of them.

mod checkpoint;
mod held;
mod recent;
mod sweep;
mod whole;

use std::collections::btree_map::{Entry, OccupiedEntry};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::core::io::{Batch, Chunk, Segment, Store};

use super::disk::{Checkpoint, Disk, DiskFault, DiskFaults};
use super::sled_db::{is_locked, open};
use held::{Held, SEGMENT, held_key};
use recent::Recent;
use sweep::{LEFT_FOR, Left};
use whole::WHOLE;

const STATE: u8 = 0;
const CHECKPOINT: u8 = 1;
/// The changelog position up to which chunks are surely on disk.
const CHUNKS_NEXT: u8 = 2;

/// How the folders of dedup segments begin; their bounds in milliseconds follow.
const FOLDER: &str = "dedup-";

/// Memory that each Db may use for caching, in bytes.
const STATE_CACHE: u64 = 64 << 20;
const DEDUP_CACHE: u64 = 8 << 20;

#[derive(Debug, thiserror::Error)]
#[error("store \"{}\": {why}; hint: {hint}", path.display())]
pub struct OpenError {
    path: PathBuf,
    why: String,
    hint: &'static str,
}

/// A dedup segment's Db and what it holds, by task and input.
struct Folder {
    db: sled::Db,
    held: HashMap<(u32, u32), Held>,
    dirty: bool,
}

/// The store of one processor in one process.
pub struct SledDisk {
    root: PathBuf,
    state: sled::Db,
    recent: Mutex<Recent<sled::IVec>>,
    segments: Mutex<BTreeMap<Segment, Folder>>,
    /// Changelog positions up to which chunks are written, but not yet known to be on disk.
    applied: Mutex<HashMap<u32, i64>>,
    /// Tasks with a chunk that could not be written, or not surely: how far theirs go stays as it is, until they begin again.
    lacking: Mutex<HashSet<u32>>,
    /// What inputs have left behind in folders that others need.
    left: Mutex<Left>,
    /// Held while positions are written and while a task is dropped, so that no position outlives its chunks.
    flushing: Mutex<()>,
    /// Tasks whose restore has ended, so that the store is all they have.
    whole: Mutex<HashSet<u32>>,
    faults: DiskFaults,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn state_key(kind: u8, task: u32, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(5 + key.len());
    out.push(kind);
    out.extend(task.to_be_bytes());
    out.extend(key);
    out
}

fn chunk_key(task: u32, input: u32, at: i64) -> [u8; 16] {
    let mut out = [0u8; 16];
    out[..4].copy_from_slice(&task.to_be_bytes());
    out[4..8].copy_from_slice(&input.to_be_bytes());
    out[8..].copy_from_slice(&at.to_be_bytes());
    out
}

/// Task, input and position.
fn read_chunk_key(key: &[u8]) -> Option<(u32, u32, i64)> {
    let (task, rest) = key.split_first_chunk::<4>()?;
    let (input, at) = rest.split_first_chunk::<4>()?;
    let at = i64::from_be_bytes(at.try_into().ok()?);
    Some((u32::from_be_bytes(*task), u32::from_be_bytes(*input), at))
}

impl SledDisk {
    /// Opens the store below `root`. A folder that sled cannot read is set aside under another name, with a warning:
    /// everything in it can be rebuilt from the changelogs. A folder that another process holds, or that the system does
    /// not let us use, is an error and stays as it is.
    pub fn open(root: &Path) -> Result<SledDisk, OpenError> {
        let path = root.join("state");
        let failed = |why: &dyn std::fmt::Display, hint| OpenError { path: path.clone(), why: why.to_string(), hint };
        let state = match open(&path, STATE_CACHE) {
            Ok(db) => db,
            Err(error) if is_locked(&error) => {
                return Err(failed(&"another process uses it", "give each instance its own --data"));
            }
            Err(error) => {
                if let sled::Error::Io(io) = &error
                    && let Some(hint) = refused(io.kind())
                {
                    return Err(failed(&error, hint));
                }
                let aside = set_aside(root).map_err(|io| failed(&io, "move the folder away by hand"))?;
                tracing::warn!(
                    "store \"{}\" is unreadable ({error}), set aside as \"{}\"",
                    root.display(),
                    aside.display()
                );
                open(&path, STATE_CACHE).map_err(|error| failed(&error, "check the disk"))?
            }
        };
        let disk = SledDisk {
            root: root.to_owned(),
            state,
            recent: Mutex::default(),
            segments: Mutex::default(),
            applied: Mutex::default(),
            lacking: Mutex::default(),
            left: Mutex::default(),
            flushing: Mutex::default(),
            whole: Mutex::default(),
            faults: DiskFaults::default(),
        };
        disk.open_segments();
        Ok(disk)
    }

    /// Segments that cannot be opened, and folders that an older version named, are dropped. What a segment lacks of what was
    /// surely in it is read again.
    fn open_segments(&self) {
        let names = std::fs::read_dir(&self.root).into_iter().flatten().flatten();
        for (name, path) in names.filter_map(|entry| Some((folder_name(&entry.path())?, entry.path()))) {
            let Some(segment) = segment_of(&name) else {
                self.report(None, std::fs::remove_dir_all(&path));
                continue;
            };
            match open(&path, DEDUP_CACHE) {
                Ok(db) => {
                    let mut held = HashMap::<(u32, u32), Held>::new();
                    for (task, input, at) in db.iter().keys().flatten().filter_map(|key| read_chunk_key(&key)) {
                        held.entry((task, input)).or_default().add(at);
                    }
                    locked(&self.segments).insert(segment, Folder { db, held, dirty: false });
                }
                Err(error) => {
                    tracing::warn!("dedup segment \"{}\" is unreadable ({error}), restored anew", path.display());
                    self.report(None, std::fs::remove_dir_all(&path));
                }
            }
        }
        self.check_segments();
    }

    /// Keeps the fault, when there was one, for the worker that `task` belongs to.
    fn report<T, E: std::fmt::Display>(&self, task: impl Into<Option<u32>>, result: Result<T, E>) {
        drop(self.ok(task, result));
    }

    fn ok<T, E: std::fmt::Display>(&self, task: impl Into<Option<u32>>, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.faults.keep(task.into(), error.to_string())).ok()
    }

    fn put_chunks(&self, task: u32, chunks: &[Chunk]) {
        let mut segments = locked(&self.segments);
        for chunk in chunks {
            if chunk.bytes.is_empty() {
                self.remove_chunk(&mut segments, task, chunk);
                continue;
            }
            let segment = match segments.entry(chunk.segment) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let opened = open(&self.segment_path(chunk.segment), DEDUP_CACHE);
                    let Some(db) = self.ok(task, opened) else {
                        locked(&self.lacking).insert(task);
                        return;
                    };
                    entry.insert(Folder { db, held: HashMap::new(), dirty: true })
                }
            };
            segment.dirty = true;
            let put = segment.db.insert(chunk_key(task, chunk.input, chunk.at), chunk.bytes.as_slice());
            match self.ok(task, put) {
                Some(None) => segment.held.entry((task, chunk.input)).or_default().add(chunk.at),
                Some(Some(_)) => {}
                None => drop(locked(&self.lacking).insert(task)),
            }
        }
    }

    /// A chunk has ended while somebody else had the task.
    fn remove_chunk(&self, segments: &mut BTreeMap<Segment, Folder>, task: u32, chunk: &Chunk) {
        let Entry::Occupied(mut entry) = segments.entry(chunk.segment) else { return };
        // Before the chunk: what is noted would look like a loss.
        self.report(task, self.state.remove(held_key(task, chunk.input, chunk.segment)));
        let folder = entry.get_mut();
        let removed = self.ok(task, folder.db.remove(chunk_key(task, chunk.input, chunk.at)));
        let key = (task, chunk.input);
        if removed.flatten().is_none() || !folder.held.get_mut(&key).is_some_and(Held::remove) {
            return;
        }
        self.leave(entry, key);
    }

    /// A folder holds nothing of this (task, input) any more; one that holds nothing at all is deleted. Whether it stays.
    fn leave(&self, mut entry: OccupiedEntry<'_, Segment, Folder>, key: (u32, u32)) -> bool {
        let (segment, held) = (*entry.key(), &mut entry.get_mut().held);
        held.remove(&key);
        let stays = !held.is_empty();
        if !stays {
            drop(entry.remove());
            self.report(key.0, std::fs::remove_dir_all(self.segment_path(segment)));
        }
        stays
    }

    /// Removes what begins so, as much as this at most; how much it was, or `None` when it cannot be read.
    fn remove_some(&self, task: Option<u32>, db: &sled::Db, prefix: &[u8], most: usize) -> Option<usize> {
        let mut removed = 0;
        for key in db.scan_prefix(prefix).keys().take(most) {
            self.report(task, db.remove(self.ok(task, key)?));
            removed += 1;
        }
        Some(removed)
    }

    fn remove_all(&self, task: u32, db: &sled::Db, prefix: &[u8]) {
        self.remove_some(Some(task), db, prefix, usize::MAX);
    }

    fn segment_path(&self, Segment { from_ms, until_ms }: Segment) -> PathBuf {
        self.root.join(format!("{FOLDER}{from_ms}_{until_ms}"))
    }

    /// Every chunk of this input in the segment has ended.
    fn expire(&self, task: u32, input: u32, segment: Segment) {
        let mut segments = locked(&self.segments);
        let Entry::Occupied(entry) = segments.entry(segment) else { return };
        self.report(task, self.state.remove(held_key(task, input, segment)));
        if self.leave(entry, (task, input)) {
            locked(&self.left).add(segment, task, input);
        }
    }

    /// Makes dedup chunks durable, then remembers how far they go. Called now and then, off the hot path.
    pub fn flush(&self) {
        self.sweep(LEFT_FOR);
        self.flush_with(&|db| db.flush().map(drop));
    }

    fn flush_with(&self, flushed: &dyn Fn(&sled::Db) -> sled::Result<()>) {
        let _guard = locked(&self.flushing);
        let wholes = self.wholes();
        let applied: Vec<(u32, i64)> = locked(&self.applied).drain().collect();
        let dirty = |(number, segment): (&Segment, &mut Folder)| {
            std::mem::take(&mut segment.dirty).then(|| (*number, segment.db.clone(), segment.held.clone()))
        };
        let dirty: Vec<_> = locked(&self.segments).iter_mut().filter_map(dirty).collect();
        let mut surely = Vec::new();
        for (number, db, held) in dirty {
            match self.ok(None, flushed(&db)) {
                Some(()) => surely.push((number, held)),
                None => locked(&self.lacking).extend(held.into_keys().map(|(task, _)| task)),
            }
        }
        let mut batch = sled::Batch::default();
        // What has gone meanwhile is not noted any more.
        let segments = locked(&self.segments);
        for (number, held) in surely {
            let Some(now) = segments.get(&number) else { continue };
            for (key, held) in held.into_iter().filter(|(key, held)| now.held.get(key).is_some_and(|now| now >= held)) {
                batch.insert(held_key(key.0, key.1, number), held.encode());
            }
        }
        let lacking = locked(&self.lacking).clone();
        for (task, next) in applied.into_iter().filter(|(task, _)| !lacking.contains(task)) {
            batch.insert(state_key(CHUNKS_NEXT, task, &[]), &next.to_le_bytes());
        }
        for (task, whole) in wholes.iter().filter(|(task, _)| !lacking.contains(task)) {
            batch.insert(whole::key(*task), &whole.to_le_bytes());
        }
        self.report(None, self.state.apply_batch(batch));
    }

    /// Shows every store key of every task, with its value, in no transaction: what changes meanwhile is seen or not.
    pub(super) fn each(&self, mut visit: impl FnMut(u32, &[u8], &[u8])) {
        for entry in self.state.scan_prefix([STATE]) {
            let Some((key, value)) = self.ok(None, entry) else { return };
            let Some((task, key)) = key.get(1..).and_then(|rest| rest.split_first_chunk::<4>()) else { continue };
            visit(u32::from_be_bytes(*task), key, &value);
        }
    }

    /// What it takes on disk, in bytes. A look at every file.
    pub fn bytes(&self) -> u64 {
        let state = self.state.size_on_disk().unwrap_or_default();
        let segments: u64 =
            locked(&self.segments).values().map(|segment| segment.db.size_on_disk().unwrap_or_default()).sum();
        state + segments
    }

    /// What is left on its disk for us, in bytes; `None` when the system does not say.
    pub fn free_bytes(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.root).ok()?;
        Some(found.f_bavail * found.f_frsize)
    }

    /// Makes everything durable: the clean end.
    pub fn close(&self) {
        self.flush();
        self.report(None, self.state.flush());
    }
}

/// What to do where the operating system refuses: what stands in the folder has no part in it.
fn refused(kind: std::io::ErrorKind) -> Option<&'static str> {
    use std::io::ErrorKind as Kind;
    match kind {
        Kind::PermissionDenied => Some("let this user write to the folder (owner, mode, a pod's fsGroup)"),
        Kind::ReadOnlyFilesystem => Some("mount its disk writable, or name another folder with --data"),
        Kind::StorageFull | Kind::QuotaExceeded => Some("free space on its disk"),
        _ => None,
    }
}

fn set_aside(root: &Path) -> std::io::Result<PathBuf> {
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let aside = (1..).map(|n| root.with_file_name(format!("{name}.unreadable-{n}"))).find(|path| !path.exists());
    let aside = aside.unwrap_or_else(|| root.with_extension("unreadable"));
    std::fs::rename(root, &aside)?;
    std::fs::create_dir_all(root)?;
    Ok(aside)
}

/// What stands behind the prefix in the name of a dedup segment's folder; `None` for other folders.
fn folder_name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.strip_prefix(FOLDER)?.to_owned())
}

fn segment_of(name: &str) -> Option<Segment> {
    let (from_ms, until_ms) = name.split_once('_')?;
    Some(Segment { from_ms: from_ms.parse().ok()?, until_ms: until_ms.parse().ok()? })
}

impl Store for SledDisk {
    fn get(&self, task: u32, key: &[u8]) -> Option<Vec<u8>> {
        let key = state_key(STATE, task, key);
        // Held until what was read is kept: a write forgets the key after it, never before.
        let mut recent = locked(&self.recent);
        if let Some(value) = recent.values.get(&key) {
            return Some(value.to_vec());
        }
        let value = self.ok(task, self.state.get(&key)).flatten()?;
        let bytes = value.to_vec();
        recent.keep(key, value);
        Some(bytes)
    }

    fn scan(&self, task: u32, prefix: &[u8], from: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) {
        let whole = state_key(STATE, task, prefix);
        for entry in self.state.range(state_key(STATE, task, from.max(prefix))..) {
            let Some((key, value)) = self.ok(task, entry) else { return };
            if !key.starts_with(&whole) || !visit(&key[5..], &value) {
                return;
            }
        }
    }

    fn chunk(&self, task: u32, input: u32, segment: Segment, at: i64) -> Option<Vec<u8>> {
        let segments = locked(&self.segments);
        let db = &segments.get(&segment)?.db;
        self.ok(task, db.get(chunk_key(task, input, at))).flatten().map(|bytes| bytes.to_vec())
    }

    fn with_chunk(&self, task: u32, input: u32, segment: Segment, at: i64, look: &mut dyn FnMut(&[u8])) {
        let segments = locked(&self.segments);
        let Some(segment) = segments.get(&segment) else { return };
        if let Some(bytes) = self.ok(task, segment.db.get(chunk_key(task, input, at))).flatten() {
            look(&bytes);
        }
    }

    fn chunks(&self, task: u32, visit: &mut dyn FnMut(Chunk)) {
        for (segment, Folder { db, .. }) in locked(&self.segments).iter() {
            for entry in db.scan_prefix(task.to_be_bytes()) {
                let Some((key, bytes)) = self.ok(task, entry) else { return };
                let Some((_, input, at)) = read_chunk_key(&key) else { continue };
                visit(Chunk { input, segment: *segment, at, bytes: bytes.to_vec() });
            }
        }
    }
}

impl Disk for SledDisk {
    fn checkpoint(&self, task: u32) -> Option<Checkpoint> {
        let bytes = self.ok(task, self.state.get(state_key(CHECKPOINT, task, &[])))??;
        let chunks_next = self.ok(task, self.state.get(state_key(CHUNKS_NEXT, task, &[])))?;
        let chunks_next = chunks_next.and_then(|bytes| Some(i64::from_le_bytes(bytes.as_ref().try_into().ok()?)));
        Some(Checkpoint { chunks_next: chunks_next.unwrap_or(0), ..checkpoint::decode(&bytes)? })
    }

    fn apply(&self, batch: Batch, now_ms: i64) {
        self.put_chunks(batch.task, &batch.chunks);
        if let Some(changelog_next) = batch.changelog_next {
            locked(&self.applied).insert(batch.task, changelog_next);
            self.restore_state(batch.task, batch.puts, changelog_next, now_ms);
        }
        for (input, segment) in batch.expired {
            self.expire(batch.task, input, segment);
        }
    }

    fn begin(&self, task: u32, changelog_id: &str, now_ms: i64) {
        let changelog_id = changelog_id.into();
        let checkpoint = Checkpoint { changelog_id, written_ms: now_ms, ..Checkpoint::default() };
        self.report(task, self.state.insert(state_key(CHECKPOINT, task, &[]), checkpoint::encode(&checkpoint)));
    }

    fn restore_state(&self, task: u32, puts: Vec<(Vec<u8>, Option<Vec<u8>>)>, changelog_next: i64, now_ms: i64) {
        let Some(checkpoint) = self.checkpoint(task) else {
            return self.report::<(), _>(task, Err("a batch for a task without a checkpoint"));
        };
        let checkpoint = Checkpoint { changelog_next, written_ms: now_ms, ..checkpoint };
        let mut batch = sled::Batch::default();
        let mut keys = Vec::with_capacity(puts.len());
        for (key, value) in puts {
            let key = state_key(STATE, task, &key);
            match value {
                Some(value) => batch.insert(key.as_slice(), value),
                None => batch.remove(key.as_slice()),
            }
            keys.push(key);
        }
        batch.insert(state_key(CHECKPOINT, task, &[]), checkpoint::encode(&checkpoint));
        self.report(task, self.state.apply_batch(batch));
        let mut recent = locked(&self.recent);
        keys.iter().for_each(|key| recent.forget(key));
    }

    fn restore_chunks(&self, task: u32, chunks: Vec<Chunk>, chunks_next: i64) {
        self.put_chunks(task, &chunks);
        locked(&self.applied).insert(task, chunks_next);
    }

    /// A crash may come at any point, and each Db comes back with another part of what was done. So the checkpoint is
    /// made useless first, surely on disk; then the chunks go, surely; then the state; and the checkpoint last.
    fn drop_task(&self, task: u32) {
        let _guard = locked(&self.flushing);
        // What failed before concerns what goes now.
        self.faults.forget(task);
        let checkpoint = state_key(CHECKPOINT, task, &[]);
        self.report(task, self.state.insert(checkpoint.as_slice(), checkpoint::encode(&Checkpoint::default())));
        self.report(task, self.state.flush());
        locked(&self.applied).remove(&task);
        locked(&self.lacking).remove(&task);
        self.note_whole(task, false);
        for segment in locked(&self.segments).values_mut() {
            segment.held.retain(|(user, _), _| *user != task);
            self.remove_all(task, &segment.db, &task.to_be_bytes());
            self.report(task, segment.db.flush());
        }
        for kind in [STATE, CHUNKS_NEXT, SEGMENT, WHOLE, CHECKPOINT] {
            self.remove_all(task, &self.state, &state_key(kind, task, &[]));
        }
        locked(&self.recent).clear();
    }

    fn whole(&self, task: u32, whole: bool) {
        self.note_whole(task, whole);
    }

    fn is_whole(&self, task: u32) -> bool {
        self.noted_whole(task)
    }

    fn take_fault(&self, mine: &dyn Fn(u32) -> bool) -> Option<DiskFault> {
        self.faults.take(mine)
    }
}

#[cfg(test)]
mod tests;
