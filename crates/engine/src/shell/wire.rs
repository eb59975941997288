//! Headers of what is produced.

use crate::core::headers as names;
use crate::core::io::{DeadLetter, Send};
use flow::Topology;

/// Headers of an output, in a fixed order.
pub fn headers_of(send: &Send) -> [(&'static str, String); 9] {
    let (trace, span) = (hex(&send.trace_id.0), hex(&send.meta.event_id.0[..8]));
    [
        (names::EVENT_ID, send.meta.event_id.to_string()),
        (names::TICKET_ID, send.meta.ticket_id.to_string()),
        (names::CAUSE, send.meta.cause.to_string()),
        (names::OCCURRED_AT, send.meta.occurred_at.to_string()),
        (names::RECORD, send.record.to_owned()),
        (names::SCHEMA_VERSION, send.version.to_owned()),
        (names::FINGERPRINT, format!("{:016x}", send.fingerprint)),
        (names::CONTENT, format!("{:016x}", send.content)),
        (names::TRACEPARENT, format!("00-{trace}-{span}-01")),
    ]
}

/// Headers of a dead letter: those of the record as they came, then its provenance.
pub fn dead_letter_headers(topology: &Topology, letter: &DeadLetter) -> Vec<(String, Vec<u8>)> {
    let topic = topology.inputs.get(letter.input).map_or("", |input| input.topic);
    let mut headers = letter.headers.clone();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value.into_bytes()));
    add(names::DLQ_CODE, letter.reject.code.to_string());
    add(names::DLQ_DETAIL, letter.reject.detail.clone());
    add(names::DLQ_TOPIC, topic.to_owned());
    add(names::DLQ_PARTITION, letter.task.to_string());
    add(names::DLQ_OFFSET, letter.offset.to_string());
    if letter.value.is_none() {
        add(names::DLQ_VALUE, "null".to_owned());
    }
    headers
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[digit as usize] as char).collect()
}
