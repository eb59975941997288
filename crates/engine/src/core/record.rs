//! The task's own record: the first changelog record of each transaction.
//!
//! It says in the same transaction what the group's committed offsets say, so a restore can compare the two: offsets that
//! are missing are answered from here, and offsets that somebody else committed are noticed. Inputs stand by name: their
//! order in topics.yaml may change.

const VERSION: u8 = 1;

/// Where one input stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InputRecord {
    pub topic: String,
    /// Highest record timestamp, in milliseconds; the log time of the dedup window.
    pub log_time_ms: i64,
    /// Identities that were handled at an earlier log time may be forgotten: a window that becomes wider in topics.yaml does not
    /// bring them back.
    pub known_from_ms: i64,
    /// The position: what the same transaction commits for the group.
    pub offset_next: i64,
    /// No record lies from `offset_next` up to here: only markers, which retention may delete before the next record.
    pub passed_to: i64,
}

/// What a task knows about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskRecord {
    /// The time that timers go by.
    pub clock_ms: i64,
    /// Events handled: records taken and timers fired.
    pub events: u64,
    /// The topic that the record belongs to: one that was deleted and created again has another id.
    pub changelog_id: String,
    pub inputs: Vec<InputRecord>,
}

impl TaskRecord {
    /// The input of this name.
    pub fn input(&self, topic: &str) -> Option<&InputRecord> {
        self.inputs.iter().find(|input| input.topic == topic)
    }

    /// As bytes: version, clock, events, topic id, then the inputs; numbers little endian, texts after their length.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend(self.clock_ms.to_le_bytes());
        out.extend(self.events.to_le_bytes());
        put_text(&mut out, &self.changelog_id);
        out.push(self.inputs.len() as u8);
        for input in &self.inputs {
            put_text(&mut out, &input.topic);
            for number in [input.log_time_ms, input.known_from_ms, input.offset_next, input.passed_to] {
                out.extend(number.to_le_bytes());
            }
        }
        out
    }

    /// Reads bytes back; `None` when they are not such a record, or one of a newer build.
    pub fn decode(bytes: &[u8]) -> Option<TaskRecord> {
        let mut rest = bytes.strip_prefix(&[VERSION])?;
        let clock_ms = take_number(&mut rest)?;
        let events = take_number(&mut rest)? as u64;
        let changelog_id = take_text(&mut rest)?;
        let (count, after) = rest.split_first()?;
        rest = after;
        let mut inputs = Vec::new();
        for _ in 0..*count {
            inputs.push(InputRecord {
                topic: take_text(&mut rest)?,
                log_time_ms: take_number(&mut rest)?,
                known_from_ms: take_number(&mut rest)?,
                offset_next: take_number(&mut rest)?,
                passed_to: take_number(&mut rest)?,
            });
        }
        rest.is_empty().then_some(TaskRecord { clock_ms, events, changelog_id, inputs })
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    // Kafka's topic names have 249 bytes at most, topic ids 22.
    out.push(text.len() as u8);
    out.extend(text.as_bytes());
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let (length, after) = rest.split_first()?;
    let (text, after) = after.split_at_checked(*length as usize)?;
    *rest = after;
    String::from_utf8(text.to_vec()).ok()
}

fn take_number(rest: &mut &[u8]) -> Option<i64> {
    let (number, after) = rest.split_first_chunk::<8>()?;
    *rest = after;
    Some(i64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_record_reads_back() {
        let input = |topic: &str, at: i64| InputRecord {
            topic: topic.into(),
            log_time_ms: -at,
            known_from_ms: at - 5,
            offset_next: at,
            passed_to: at + 1,
        };
        let record = TaskRecord {
            clock_ms: 1_790_000_000_000,
            events: 12,
            changelog_id: "LkjhgfdsaQWERTYUIOPmnb".into(),
            inputs: vec![input("orders.v1", 7), input("x".repeat(249).as_str(), 1 << 40)],
        };
        let bytes = record.encode();
        assert_eq!(TaskRecord::decode(&bytes), Some(record));
        for cut in 0..bytes.len() {
            assert_eq!(TaskRecord::decode(&bytes[..cut]), None, "cut at {cut}");
        }
        assert_eq!(TaskRecord::decode(&[&bytes[..], &[0]].concat()), None, "longer than it says");
        assert_eq!(TaskRecord::decode(&[&[VERSION + 1], &bytes[1..]].concat()), None, "a newer build's");
    }
}
