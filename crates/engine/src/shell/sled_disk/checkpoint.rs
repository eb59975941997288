//! A checkpoint as bytes: position, time, and the changelog's id.

use crate::shell::disk::Checkpoint;

pub(super) fn encode(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut out = checkpoint.changelog_next.to_le_bytes().to_vec();
    out.extend(checkpoint.written_ms.to_le_bytes());
    out.extend(checkpoint.changelog_id.as_bytes());
    out
}

pub(super) fn decode(bytes: &[u8]) -> Option<Checkpoint> {
    let (next, rest) = bytes.split_first_chunk::<8>()?;
    let (written, changelog_id) = rest.split_first_chunk::<8>()?;
    Some(Checkpoint {
        changelog_id: String::from_utf8(changelog_id.to_vec()).ok()?,
        changelog_next: i64::from_le_bytes(*next),
        chunks_next: 0,
        written_ms: i64::from_le_bytes(*written),
    })
}
