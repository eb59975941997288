//! A checkpoint as bytes: position and time, length of the changelog's id, both ids.

use crate::shell::disk::Checkpoint;

pub(super) fn encode(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut out = checkpoint.changelog_next.to_le_bytes().to_vec();
    out.extend(checkpoint.written_ms.to_le_bytes());
    out.push(checkpoint.changelog_id.len() as u8);
    out.extend(checkpoint.changelog_id.as_bytes());
    out.extend(checkpoint.dedup_id.as_bytes());
    out
}

pub(super) fn decode(bytes: &[u8]) -> Option<Checkpoint> {
    let (next, rest) = bytes.split_first_chunk::<8>()?;
    let (written, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first()?;
    let (changelog_id, dedup_id) = rest.split_at_checked(*length as usize)?;
    Some(Checkpoint {
        changelog_id: String::from_utf8(changelog_id.to_vec()).ok()?,
        changelog_next: i64::from_le_bytes(*next),
        dedup_id: String::from_utf8(dedup_id.to_vec()).ok()?,
        dedup_next: 0,
        written_ms: i64::from_le_bytes(*written),
    })
}
