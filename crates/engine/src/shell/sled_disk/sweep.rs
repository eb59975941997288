//! Takes out what an input has left behind in a segment that others need, now and then, off the hot path. Most of the time
//! they leave soon, and the folder goes whole; one of them that has gone quiet stays for good.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::core::io::Segment;

use super::{SledDisk, locked};

/// How long the others have time to leave.
pub(super) const LEFT_FOR: Duration = Duration::from_secs(600);
/// Chunks taken out at a time: readers of the store wait meanwhile.
const AT_ONCE: usize = 500;

/// (since, segment, task, input), oldest first.
#[derive(Default)]
pub(super) struct Left(VecDeque<(Instant, Segment, u32, u32)>);

impl Left {
    pub(super) fn add(&mut self, segment: Segment, task: u32, input: u32) {
        self.0.push_back((Instant::now(), segment, task, input));
    }
}

impl SledDisk {
    /// Takes out some of what was left behind for longer than this. After a crash it counts as there again, and ends again.
    pub(super) fn sweep(&self, left_for: Duration) {
        let segments = locked(&self.segments);
        let mut left = locked(&self.left);
        while let Some((since, segment, task, input)) = left.0.front().copied() {
            if since.elapsed() < left_for {
                return;
            }
            // The folder is gone, or the input is back in it: the task was restored anew.
            let folder = segments.get(&segment).filter(|folder| !folder.held.contains_key(&(task, input)));
            let keys = folder.map(|folder| (folder, [task.to_be_bytes(), input.to_be_bytes()].concat()));
            let Some((folder, prefix)) = keys else {
                left.0.pop_front();
                continue;
            };
            match self.remove_some(None, &folder.db, &prefix, AT_ONCE) {
                Some(removed) if removed < AT_ONCE => drop(left.0.pop_front()),
                _ => return,
            }
        }
    }
}
