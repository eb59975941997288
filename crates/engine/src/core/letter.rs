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

#[cfg(test)]
mod tests {
    use flow::Code;

    use super::*;
    use crate::core::io::Framed;

    fn reject(detail: String) -> Reject {
        Reject::new(Code::Invalid, detail)
    }

    fn letter(value: &[u8], detail: &str) -> DeadLetter {
        let record = Record {
            task: 1,
            input: 0,
            offset: 7,
            timestamp_ms: 3,
            key: Some(b"key"),
            value: Some(value),
            headers: &[(b"name", Some(b"value"))],
            framed: Framed::Unframed,
        };
        DeadLetter::of_record(&record, reject(detail.to_owned()))
    }

    #[test]
    fn a_detail_is_cut_to_what_a_header_may_hold() {
        assert_eq!(letter(b"", &"x".repeat(DETAIL_BYTES)).reject.detail, "x".repeat(DETAIL_BYTES));
        let cut = format!("{}…", "x".repeat(DETAIL_BYTES - 3));
        assert_eq!(letter(b"", &"x".repeat(DETAIL_BYTES + 1)).reject.detail, cut);
        let wake = Wake { due_ms: 5, key: "key".to_owned(), kind: 1, sub: String::new() };
        let timer = DeadLetter::of_timer(1, wake, reject("x".repeat(DETAIL_BYTES + 1)));
        assert_eq!((timer.reject.detail, timer.timestamp_ms), (cut, 5));
        // Between two characters, never in the middle of one.
        let wide = letter(b"", &"é".repeat(DETAIL_BYTES)).reject.detail;
        assert!(wide.len() <= DETAIL_BYTES && wide.ends_with("é…"), "{} bytes", wide.len());
    }

    #[test]
    fn a_letter_that_is_larger_than_any_log_takes_is_a_stub() {
        let around = letter(b"", "why").bytes();
        let whole = letter(&vec![7; LETTER_BYTES_MAX - around], "why");
        assert_eq!((whole.bytes(), &whole.stub), (LETTER_BYTES_MAX, &None));
        let value = vec![7; LETTER_BYTES_MAX - around + 1];
        let stub = letter(&value, "why");
        let wanted = Stub {
            key_bytes: 3,
            value_bytes: value.len(),
            headers_bytes: headers::bytes(headers::lend(&whole.headers)),
            value_hash: *blake3::hash(&value).as_bytes(),
        };
        assert_eq!(stub.stub, Some(wanted));
        assert_eq!((stub.key.as_deref(), stub.value.map(|bytes| bytes.len())), (Some(&b"key"[..]), Some(STUB_BYTES)));
        assert!(stub.headers.is_empty());
    }
}
