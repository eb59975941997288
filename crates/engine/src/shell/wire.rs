//! Headers of what is produced.

use crate::core::headers::{self as names, OwnedHeader};
use crate::core::io::{DeadLetter, Send};
use flow::{Id, Topology};

/// Number of headers of an output, at most.
pub const OUTPUT_HEADERS: usize = 10;

/// Headers of an output, in a fixed order.
pub fn headers_of(send: &Send) -> Vec<OwnedHeader> {
    let mut headers = Vec::with_capacity(OUTPUT_HEADERS);
    each_header(send, |name, value| headers.push(names::owned(name, value)));
    headers
}

/// Gives the headers of an output one after the other, without memory of their own: this is the hot path.
pub fn each_header(send: &Send, mut put: impl FnMut(&'static str, &[u8])) {
    put(names::EVENT_ID, &uuid(&send.meta.event_id));
    put(names::TICKET_ID, &uuid(&send.meta.ticket_id));
    put(names::CAUSE, &uuid(&send.meta.cause));
    let mut digits = [0u8; 20];
    put(names::OCCURRED_AT, decimal(send.meta.occurred_at, &mut digits));
    put(names::RECORD, send.record.as_bytes());
    put(names::SCHEMA_VERSION, send.version.as_bytes());
    put(names::FINGERPRINT, &hex(send.fingerprint));
    put(names::CONTENT, &hex(send.content));
    let mut trace = *b"00-00000000000000000000000000000000-0000000000000000-01";
    hex_into(&send.trace_id.0, &mut trace[3..35]);
    hex_into(&send.meta.event_id.0[..8], &mut trace[36..52]);
    put(names::TRACEPARENT, &trace);
    if send.repeat {
        put(names::REPEAT, b"true");
    }
}

/// Headers of a dead letter: those of the record as they came, then its provenance. A sender's own headers of our names
/// are left out, or nobody could rely on what they say.
pub fn dead_letter_headers(topology: &Topology, letter: &DeadLetter) -> Vec<OwnedHeader> {
    let topic = letter.input.and_then(|input| topology.inputs.get(input)).map_or("", |input| input.topic);
    let theirs = letter.headers.iter().filter(|(name, _)| !names::is_of_letters(name));
    let mut headers: Vec<OwnedHeader> = theirs.cloned().collect();
    let mut add = |name: &str, value: String| headers.push(names::owned(name, value));
    add(names::DLQ_CODE, letter.reject.code.to_string());
    add(names::DLQ_DETAIL, letter.reject.detail.clone());
    add(names::DLQ_TOPIC, topic.to_owned());
    add(names::DLQ_PARTITION, letter.task.to_string());
    add(names::DLQ_OFFSET, letter.offset.to_string());
    add(names::DLQ_TIMESTAMP, letter.timestamp_ms.to_string());
    // Nothing is sent back yet: each rejection is the first.
    add(names::DLQ_ATTEMPT, "1".to_owned());
    add(names::DLQ_FIRST_OFFSET, letter.offset.to_string());
    add(names::DLQ_CODE_VERSION, env!("CARGO_PKG_VERSION").to_owned());
    if letter.value.is_none() {
        add(names::DLQ_VALUE, "null".to_owned());
    }
    if let Some(wake) = &letter.wake {
        add(names::DLQ_DUE, wake.due_ms.to_string());
        add(names::DLQ_WAKE, format!("{} {}", wake.kind, wake.sub));
    }
    if let Some(stub) = &letter.stub {
        let mut hash = [0u8; 64];
        hex_into(&stub.value_hash, &mut hash);
        add(names::DLQ_STUB, "true".to_owned());
        add(names::DLQ_KEY_BYTES, stub.key_bytes.to_string());
        add(names::DLQ_VALUE_BYTES, stub.value_bytes.to_string());
        add(names::DLQ_HEADERS_BYTES, stub.headers_bytes.to_string());
        add(names::DLQ_VALUE_BLAKE3, String::from_utf8_lossy(&hash).into_owned());
    }
    headers
}

fn hex_into(bytes: &[u8], out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

fn hex(number: u64) -> [u8; 16] {
    let mut out = [0u8; 16];
    hex_into(&number.to_be_bytes(), &mut out);
    out
}

fn uuid(id: &Id) -> [u8; 36] {
    let mut out = [b'-'; 36];
    for (bytes, digits) in [(0..4, 0..8), (4..6, 9..13), (6..8, 14..18), (8..10, 19..23), (10..16, 24..36)] {
        hex_into(&id.0[bytes], &mut out[digits]);
    }
    out
}

/// A number's text, at the end of `digits`.
fn decimal(number: i64, digits: &mut [u8; 20]) -> &[u8] {
    let (mut rest, mut at) = (number.unsigned_abs(), digits.len());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    &digits[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_standard_formats() {
        let id = Id(*b"0123456789abcdef");
        assert_eq!(uuid(&id), *id.to_string().as_bytes());
        assert_eq!(hex(0x0123_4567_89ab_cdef), *b"0123456789abcdef");
        for number in [0, 7, -7, 1_790_000_000_000, i64::MAX, i64::MIN] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }

    #[test]
    fn every_header_of_an_output_is_there() {
        let meta = flow::Meta { event_id: Id([1; 16]), occurred_at: 5, ..flow::Meta::default() };
        let mut send = Send {
            task: 0,
            topic: "t",
            partition: 0,
            key: "k".into(),
            value: Vec::new(),
            timestamp_ms: 5,
            meta,
            record: "R",
            version: "1.0.0",
            fingerprint: 1,
            content: 2,
            trace_id: Id([3; 16]),
            repeat: false,
        };
        let headers = headers_of(&send);
        let trace = format!("00-{}-{}-01", "03".repeat(16), "01".repeat(8));
        assert_eq!(headers[3], names::owned(names::OCCURRED_AT, "5"));
        assert_eq!(headers[7], names::owned(names::CONTENT, "0000000000000002"));
        assert_eq!(headers[8..], [names::owned(names::TRACEPARENT, trace)]);
        send.repeat = true;
        let headers = headers_of(&send);
        assert_eq!(headers[9..], [names::owned(names::REPEAT, "true")], "and it fits what producers make room for");
        assert_eq!(headers.len(), OUTPUT_HEADERS);
        // Record and version may be longer.
        assert!(names::bytes(names::lend(&headers)) + 100 <= names::OUTPUT_BYTES_MAX);
    }
}
