//! Where an input that was set back goes on: if not there, what lies between must be nothing that anybody may read.
//!
//! A client that goes on a little further than it was told loses records in silence, so the first record after each seek is
//! looked at. Markers, aborted and compacted records explain a gap; others are read by another client, and sought again.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::shell::transport::LogReader as _;

use super::KafkaTransport;

/// (task, input)
type Place = (u32, usize);

/// Inputs that were set back, and the offset that they are to go on from.
#[derive(Debug, Default)]
pub(super) struct Landings(BTreeMap<Place, i64>);

impl Landings {
    pub(super) fn await_at(&mut self, place: Place, next: i64) {
        self.0.insert(place, next);
    }

    /// What was left out before the first record since; looked at once.
    pub(super) fn skipped(&mut self, place: Place, offset: i64) -> Option<Range<i64>> {
        let next = self.0.remove(&place)?;
        (offset > next).then_some(next..offset)
    }

    pub(super) fn forget(&mut self, gone: impl Fn(u32) -> bool) {
        self.0.retain(|(task, _), _| !gone(*task));
    }
}

impl KafkaTransport {
    /// Whether these offsets of an input hold nothing to read. Not known counts as no: then they are sought again.
    pub(super) fn is_empty(&mut self, task: u32, input: usize, offsets: &Range<i64>) -> bool {
        let topic = self.topology.inputs[input].topic;
        let (processor, from, to) = (self.topology.name, offsets.start, offsets.end);
        match self.reader.read(topic, task, from, to) {
            Ok(records) if records.is_empty() => true,
            Ok(_) => {
                tracing::warn!(processor, topic, task, from, to, "the client left out records, they are sought again");
                false
            }
            Err(why) => {
                tracing::warn!(processor, topic, task, from, to, "not known what lies between, sought again: {why}");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Landings;

    #[test]
    fn only_the_first_record_after_a_seek_is_looked_at() {
        let mut landings = Landings::default();
        assert_eq!(landings.skipped((6, 0), 3), None, "nobody set it back");
        landings.await_at((6, 0), 0);
        landings.await_at((6, 1), 4);
        landings.await_at((7, 0), 0);
        assert_eq!(landings.skipped((6, 0), 3), Some(0..3));
        assert_eq!(landings.skipped((6, 0), 9), None, "once");
        assert_eq!(landings.skipped((6, 1), 4), None, "where it should be");
        landings.forget(|task| task == 7);
        assert_eq!(landings.skipped((7, 0), 3), None);
    }
}
