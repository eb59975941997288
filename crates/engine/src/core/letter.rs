//! Dead letters: a rejected record byte for byte with its provenance, or a stub of it where a log takes no more.
//!
//! Architecture Invariant: a letter never stands in the way. One that the log refuses, or that is larger than any log is
//! asked to take, is written as a stub: provenance, sizes, a hash of the value and its first bytes.

use flow::Reject;

use super::headers;
use super::io::{DeadLetter, Record};
use super::keys::Wake;

/// Bytes of key, value and headers of a letter, above which it becomes a stub. A dead letter topic takes a few more.
pub const LETTER_BYTES_MAX: usize = (8 << 20) - (64 << 10);
/// Bytes of a key and of a value that a stub keeps.
pub const STUB_BYTES: usize = 1_024;
/// Bytes of a rejection's detail: it may quote what a sender sent.
const DETAIL_BYTES: usize = 2_048;
/// What our own headers come to at most, besides the detail.
const PROVENANCE_BYTES: usize = 1_024;

/// What a stub says of what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    pub key_bytes: usize,
    pub value_bytes: usize,
    pub headers_bytes: usize,
    /// BLAKE3 of the whole value.
    pub value_hash: [u8; 32],
}

impl DeadLetter {
    /// The letter of a record: as it came, or as a stub when it is larger than any log is asked to take.
    pub fn of_record(record: &Record<'_>, mut reject: Reject) -> DeadLetter {
        shorten(&mut reject.detail);
        let letter = DeadLetter {
            task: record.task,
            input: Some(record.input),
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            wake: None,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: headers::to_owned(record.headers),
            reject,
            stub: None,
        };
        if letter.bytes() > LETTER_BYTES_MAX { letter.stub() } else { letter }
    }

    /// The letter of a timer, which has no bytes of its own.
    pub fn of_timer(task: u32, wake: Wake, mut reject: Reject) -> DeadLetter {
        shorten(&mut reject.detail);
        DeadLetter {
            task,
            input: None,
            offset: -1,
            timestamp_ms: wake.due_ms,
            key: Some(wake.key.clone().into_bytes()),
            wake: Some(wake),
            value: None,
            headers: Vec::new(),
            reject,
            stub: None,
        }
    }

    /// What is left of a letter that the log does not take: enough to find the record where it came from.
    pub fn stub(mut self) -> DeadLetter {
        if self.stub.is_some() {
            return self;
        }
        let (key, value) = (self.key.as_deref().unwrap_or_default(), self.value.as_deref().unwrap_or_default());
        self.stub = Some(Stub {
            key_bytes: key.len(),
            value_bytes: value.len(),
            headers_bytes: headers::bytes(headers::lend(&self.headers)),
            value_hash: *blake3::hash(value).as_bytes(),
        });
        for part in [&mut self.key, &mut self.value].into_iter().flatten() {
            part.truncate(STUB_BYTES);
            part.shrink_to_fit();
        }
        self.headers.clear();
        self
    }

    /// Bytes that it asks a log to take, at most.
    fn bytes(&self) -> usize {
        let body = self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len);
        body + headers::bytes(headers::lend(&self.headers)) + self.reject.detail.len() + PROVENANCE_BYTES
    }
}

/// Cuts a text to what a header may hold.
fn shorten(text: &mut String) {
    if text.len() > DETAIL_BYTES {
        text.truncate(text.floor_char_boundary(DETAIL_BYTES - 3));
        text.push('…');
    }
}
