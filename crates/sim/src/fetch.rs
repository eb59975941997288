//! What a poll brings of one input.

use engine::core::headers;
use engine::core::io::Passed;
use engine::shell::transport::{Fetched, Slot};

use crate::broker::log::{Log, Stored};

/// Delivers a record.
pub fn deliver(task: u32, input: usize, stored: &Stored, into: &mut Fetched) {
    let message = &stored.message;
    let key = message.key.as_ref().map(|key| into.keep(key));
    let value = message.value.as_ref().map(|value| into.keep(value));
    let headers = headers::lend(&message.headers).map(|header| into.keep_header(header)).collect();
    let (offset, timestamp_ms) = (stored.offset, message.timestamp_ms);
    into.slots.push(Slot { task, input, offset, timestamp_ms, key, value, headers });
}

/// That nothing follows the last record of this poll, when it is of this input and only markers do.
pub fn passed(task: u32, input: usize, log: &Log, polled: &Fetched) -> Option<Passed> {
    let last = polled.slots.last().filter(|slot| (slot.task, slot.input) == (task, input))?;
    let (from, to) = (last.offset + 1, log.last_stable_offset());
    (from < to && log.read(from).next().is_none()).then_some(Passed { task, input, from, to })
}
