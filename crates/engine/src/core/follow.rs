//! Following the history: its steps one after another, and what makes that impossible.
//!
//! Architecture Invariant: nothing is followed by guess. Each record of the history begins where the one before ended, and
//! each run holds as many records as it held the first time. A compacted input may have lost some of them: of such an input
//! only the offsets count.

use std::collections::VecDeque;

use super::order::{Step, Steps, Unreadable};

/// Why a history cannot be followed. Each text names the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryGap {
    #[error("history-gap: {record} of task {task}'s history {why}")]
    Record { task: u32, record: String, why: Unreadable },
    #[error("history-gap: {record} of task {task}'s history moves an input that topics.yaml no longer lists")]
    Input { task: u32, record: String },
    #[error(
        "history-gap: {record} of task {task}'s history begins at {begin} of \"{topic}\"/{task}, and {stood} is reached"
    )]
    Begin { task: u32, record: String, topic: &'static str, begin: i64, stood: i64 },
    #[error("history-gap: \"{topic}\"/{task} held {recorded} records up to {offset_next} the first time, now {found}")]
    Count { task: u32, topic: &'static str, offset_next: i64, recorded: u64, found: u64 },
    #[error("history-gap: task {task}'s history is read to its end, and the record that was its last one is not there")]
    End { task: u32 },
    #[error("history-gap: the record at {offset} of \"{topic}\"/{task} was handled the first time and is gone")]
    Gone { task: u32, topic: &'static str, offset: i64 },
    #[error("history-gap: the schema of the record at {offset} of \"{topic}\"/{task} was known the first time")]
    Schema { task: u32, topic: &'static str, offset: i64 },
}

/// Who follows: a task and its inputs.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub task: u32,
    pub topology: &'static flow::Topology,
    /// Names of the inputs, as [`super::ids::topic`] has them.
    pub names: &'a [u32],
}

/// A history that is being followed.
#[derive(Debug, Default)]
pub struct Follow {
    steps: VecDeque<Step>,
    /// Offset to read on from; `None` before the first page.
    pub read_next: Option<i64>,
    pub asked: bool,
    pub at_end: bool,
    /// It goes no further: there is a gap.
    pub stopped: bool,
    /// Where each input stands after the steps that were read, and after those that are done.
    read_to: Vec<Option<i64>>,
    done_to: Vec<Option<i64>>,
    /// Of the step in front: whether it was begun here, and the records handled.
    counted: Option<(bool, u64)>,
}

impl Follow {
    /// One that goes nowhere.
    pub fn stopped() -> Follow {
        Follow { stopped: true, ..Follow::default() }
    }

    /// The step whose turn it is.
    pub fn front(&self) -> Option<&Step> {
        self.steps.front()
    }

    /// Whether the step in front says of a record all that only the world of that day could say: a format 1 run does not.
    pub fn knows_verdicts(&self) -> bool {
        !matches!(self.front(), Some(Step::Run { records: None, .. }))
    }

    /// Takes in records of the history: (offset, value); none at its end. The task stands at `positions`.
    pub fn take_page(
        &mut self,
        of: Inputs<'_>,
        page: Vec<(i64, Vec<u8>)>,
        positions: &[i64],
    ) -> Result<(), HistoryGap> {
        self.asked = false;
        self.at_end = page.is_empty();
        self.read_to.resize(of.names.len(), None);
        self.done_to.resize(of.names.len(), None);
        for (offset, value) in page {
            self.read_next = Some(offset + 1);
            let (task, record) = (of.task, || format!("the record at {offset}"));
            let steps = Steps::decode(&value).map_err(|why| HistoryGap::Record { task, record: record(), why })?;
            let arranged = steps.arranged(of.names);
            let (begin, steps) = arranged.ok_or_else(|| HistoryGap::Input { task, record: record() })?;
            for (input, begin) in begin.into_iter().enumerate().filter_map(|(input, begin)| Some((input, begin?))) {
                let stood = self.read_to[input].unwrap_or(positions[input]);
                // The first record may begin long before: what was done since is skipped.
                if begin > stood || self.read_to[input].is_some_and(|stood| begin != stood) {
                    let topic = of.topology.inputs[input].topic;
                    return Err(HistoryGap::Begin { task, record: record(), topic, begin, stood });
                }
                self.read_to[input] = Some(begin);
                self.done_to[input].get_or_insert(begin);
            }
            for (input, offset_next) in steps.iter().filter_map(Step::moves) {
                self.read_to[input] = Some(offset_next);
            }
            self.steps.extend(steps);
        }
        Ok(())
    }

    /// A record of the step in front is handled; the input stood at `position`.
    pub fn count(&mut self, input: usize, position: i64) {
        let whole = self.done_to.get(input).copied().flatten() == Some(position);
        self.counted.get_or_insert((whole, 0)).1 += 1;
    }

    /// The step in front is done. An error when it had another number of records the first time. Of a run that was begun
    /// by a process before this one only the rest is seen, so that one too many is noticed and one too few is not.
    pub fn done(&mut self, of: Inputs<'_>) -> Result<(), HistoryGap> {
        let (Some(step), counted) = (self.steps.pop_front(), self.counted.take()) else { return Ok(()) };
        let Some((input, offset_next)) = step.moves() else { return Ok(()) };
        self.done_to[input] = Some(offset_next);
        let recorded = match step {
            Step::Run { records, .. } => records,
            _ => Some(1),
        };
        let (Some(recorded), Some((whole, found))) = (recorded, counted) else { return Ok(()) };
        let flow::Input { topic, compacted, .. } = of.topology.inputs[input];
        if found > recorded || found < recorded && whole && !compacted {
            return Err(HistoryGap::Count { task: of.task, topic, offset_next, recorded, found });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flow::{Duplicates, Topology};

    use super::*;

    const TOPOLOGY: Topology = Topology {
        name: "p",
        partitions: 1,
        inputs: &[flow::Input { topic: "a", records: &[], compacted: false, duplicates: Duplicates::Drop }],
        outputs: &[],
        replies: &[],
        tables: &[],
        window_ms: 1,
    };
    const OF: Inputs<'static> = Inputs { task: 0, topology: &TOPOLOGY, names: &[70] };

    /// A record of the history: where it begins, and its runs (where each leads, records).
    fn record(begin: i64, runs: &[(i64, u64)]) -> Vec<u8> {
        let run = |(offset_next, records): &(i64, u64)| Step::Run {
            input: 0,
            offset_next: *offset_next,
            records: Some(*records),
        };
        Steps { inputs: vec![70], begin: vec![begin], steps: runs.iter().map(run).collect() }.encode()
    }

    fn begun(position: i64, records: &[Vec<u8>]) -> (Follow, Option<String>) {
        let mut follow = Follow::default();
        let page = records.iter().cloned().enumerate().map(|(at, value)| (at as i64, value)).collect();
        let gap = follow.take_page(OF, page, &[position]).err();
        (follow, gap.map(|gap| gap.to_string()))
    }

    #[test]
    fn a_record_begins_where_the_one_before_ended() {
        assert_eq!(begun(0, &[record(0, &[(5, 5)]), record(5, &[(6, 1)])]).1, None);
        assert_eq!(begun(3, &[record(0, &[(5, 5)]), record(5, &[])]).1, None, "what was done since is skipped");
        for (second, records) in [
            (4, [record(0, &[(5, 5)]), record(4, &[])]),
            (6, [record(0, &[(5, 5)]), record(6, &[])]),
            (7, [record(5, &[]), record(7, &[])]),
        ] {
            let why = begun(10, &records).1.expect("a gap");
            assert!(why.contains(&format!("begins at {second} of \"a\"/0, and 5 is reached")), "{why}");
        }
    }

    /// Handles records of each run, then says that the run is done.
    fn handled(position: i64, runs: &[(i64, u64)], found: &[u64]) -> Option<String> {
        let (mut follow, gap) = begun(position, &[record(0, runs)]);
        assert_eq!(gap, None);
        let mut at = position;
        for ((offset_next, _), found) in runs.iter().zip(found) {
            (0..*found).for_each(|_| follow.count(0, at));
            if let Err(gap) = follow.done(OF) {
                return Some(gap.to_string());
            }
            at = *offset_next;
        }
        None
    }

    #[test]
    fn a_run_holds_as_many_records_as_the_first_time() {
        let runs = [(5, 3), (9, 2)];
        assert_eq!(handled(0, &runs, &[3, 2]), None);
        for (found, where_) in [
            ([2, 2], "held 3 records up to 5 the first time, now 2"),
            ([3, 3], "held 2 records up to 9 the first time, now 3"),
            ([3, 1], "held 2 records up to 9 the first time, now 1"),
        ] {
            let why = handled(0, &runs, &found).expect("another number of records");
            assert!(why.ends_with(where_), "{why}");
        }
        // Begun by a process before this one: one too few may have been handled by it, one too many was not.
        assert_eq!(handled(2, &runs, &[1, 2]), None);
        assert!(handled(2, &runs, &[4, 2]).is_some());
    }

    #[test]
    fn only_a_run_of_format_1_knows_no_verdicts() {
        let (mut follow, _) = begun(0, &[record(0, &[(5, 5)])]);
        assert!(follow.knows_verdicts());
        follow.steps = [Step::Run { input: 0, offset_next: 5, records: None }].into();
        assert!(!follow.knows_verdicts());
        follow.steps = [Step::Clock { now_ms: 5 }].into();
        assert!(follow.knows_verdicts());
    }
}
