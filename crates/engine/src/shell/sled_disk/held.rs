//! What of a task is surely in a dedup segment: noted in the state's Db with each flush, and compared when the store is
//! opened. A folder may be gone, cut, or an older copy, and then the position of the chunks says too much.

use crate::core::io::Segment;

use super::{CHUNKS_NEXT, SledDisk, locked, state_key, whole};

pub(super) const SEGMENT: u8 = 3;

/// What a dedup segment holds of one task and input: how many chunks, and the position behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Held {
    chunks: u64,
    next: i64,
}

impl Held {
    pub(super) fn add(&mut self, at: i64) {
        self.chunks += 1;
        self.next = self.next.max(at + 1);
    }

    /// One chunk less; whether none is left.
    pub(super) fn remove(&mut self) -> bool {
        self.chunks = self.chunks.saturating_sub(1);
        self.chunks == 0
    }

    /// As the value of its key.
    pub(super) fn encode(self) -> Vec<u8> {
        [self.chunks.to_le_bytes(), self.next.to_le_bytes()].concat()
    }
}

pub(super) fn held_key(task: u32, input: u32, Segment { from_ms, until_ms }: Segment) -> Vec<u8> {
    let mut rest = input.to_be_bytes().to_vec();
    [from_ms, until_ms].iter().for_each(|number| rest.extend(number.to_be_bytes()));
    state_key(SEGMENT, task, &rest)
}

/// Task, input and segment of a [`held_key`], and what was there.
fn decode_held(key: &[u8], value: &[u8]) -> Option<(u32, u32, Segment, Held)> {
    let (task, rest) = key.get(1..)?.split_first_chunk::<4>()?;
    let (input, segment) = rest.split_first_chunk::<4>()?;
    let (from_ms, until_ms) = segment.split_first_chunk::<8>()?;
    let (from_ms, until_ms) = (i64::from_be_bytes(*from_ms), i64::from_be_bytes(until_ms.try_into().ok()?));
    let (chunks, next) = value.split_first_chunk::<8>()?;
    let held = Held { chunks: u64::from_le_bytes(*chunks), next: i64::from_le_bytes(next.try_into().ok()?) };
    Some((u32::from_be_bytes(*task), u32::from_be_bytes(*input), Segment { from_ms, until_ms }, held))
}

impl SledDisk {
    /// What a segment lacks of what was in it is read again: how far the task's chunks go is forgotten.
    pub(super) fn check_segments(&self) {
        let segments = locked(&self.segments);
        for entry in self.state.scan_prefix([SEGMENT]) {
            let Some((key, value)) = self.ok(None, entry) else { return };
            let Some((task, input, segment, was)) = decode_held(&key, &value) else { continue };
            let is = segments.get(&segment).and_then(|segment| segment.held.get(&(task, input)));
            let is = is.copied().unwrap_or_default();
            if is.chunks >= was.chunks && is.next >= was.next {
                continue;
            }
            tracing::warn!(task, "dedup segment {segment:?} lacks what was in it ({is:?}, was {was:?}), read again");
            // In this order: a crash between the two makes this be noticed again.
            self.report(task, self.state.remove(whole::key(task)));
            self.report(task, self.state.remove(state_key(CHUNKS_NEXT, task, &[])));
            self.report(task, self.state.remove(key));
        }
    }
}
