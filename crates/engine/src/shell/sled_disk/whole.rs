//! Whether a store is all that a task has: noted with each flush, for whoever has to rebuild a changelog from it.
//!
//! State and dedup chunks lie in Dbs of their own, and a crash takes another part of each; a restore that was cut off has
//! written but a part, too. The changelog mends both. Where it is gone, only a store that is surely whole may stand in.

use std::path::Path;

use crate::shell::disk::Disk as _;

use super::{DEDUP_CACHE, OpenError, STATE_CACHE, SledDisk, folder_name, locked, open, state_key};

/// The changelog position up to which state and dedup chunks are surely both on disk.
pub(super) const WHOLE: u8 = 4;

pub(super) fn key(task: u32) -> Vec<u8> {
    state_key(WHOLE, task, &[])
}

impl SledDisk {
    /// Opens a store that may be the last copy: nothing in it is set aside, dropped or made. `None`: there is none.
    pub fn open_kept(root: &Path) -> Result<Option<SledDisk>, OpenError> {
        if !root.join("state").exists() {
            return Ok(None);
        }
        let mut parts = vec![(root.join("state"), STATE_CACHE)];
        let entries = std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
        parts.extend(entries.filter(|path| folder_name(path).is_some()).map(|path| (path, DEDUP_CACHE)));
        for (path, cache) in parts {
            if let Err(error) = open(&path, cache) {
                let hint = "it is kept as it is: stop whoever uses it, or name a copy of the folder with --data";
                return Err(OpenError { path, why: error.to_string(), hint });
            }
        }
        SledDisk::open(root).map(Some)
    }

    /// Tasks whose store is whole, and up to where, as far as that is not noted. To be read before chunks are made durable.
    pub(super) fn wholes(&self) -> Vec<(u32, i64)> {
        let whole = locked(&self.whole);
        let next = |task: &u32| Some((*task, self.checkpoint(*task)?.changelog_next));
        whole.iter().filter(|task| !self.noted_whole(**task)).filter_map(next).collect()
    }

    pub(super) fn note_whole(&self, task: u32, whole: bool) {
        let mut known = locked(&self.whole);
        if whole {
            known.insert(task)
        } else {
            known.remove(&task)
        };
    }

    /// Whether the last flush noted what the checkpoint says.
    pub(super) fn noted_whole(&self, task: u32) -> bool {
        let noted = self.ok(task, self.state.get(key(task))).flatten();
        let noted = noted.and_then(|bytes| Some(i64::from_le_bytes(bytes.as_ref().try_into().ok()?)));
        noted.is_some() && noted == self.checkpoint(task).map(|checkpoint| checkpoint.changelog_next)
    }
}
