//! History: how a task's inputs interleaved and when its timers fired, a few bytes a transaction.
//!
//! A record says where each input stood when it begins, then the steps: `Run` (records of one input up to an offset),
//! `Clock` (timers due by then fired), `Code` (which build goes on), and the verdicts that only the world of that day could
//! give: `Ahead` (a record was rejected for a timestamp in the future), `Refused` (the broker refused what it sends) and
//! `Unknown` (the registry did not have its schema). A reset follows these steps, so that unchanged code gives the same
//! outputs.

/// The version that is written.
const VERSION: u8 = 2;

/// One step of a task's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Records of `input` below `offset_next`: this many, as far as it is known. Format 1 did not count.
    Run { input: usize, offset_next: i64, records: Option<u64> },
    /// The clock was moved to `now_ms` and timers fired.
    Clock { now_ms: i64 },
    /// The record of `input` just below `offset_next` was rejected as `time-ahead`.
    Ahead { input: usize, offset_next: i64 },
    /// The record of `input` just below `offset_next` was rejected as `output-refused`.
    Refused { input: usize, offset_next: i64 },
    /// The record of `input` just below `offset_next` was rejected as `schema-unknown`.
    Unknown { input: usize, offset_next: i64 },
    /// From here on this build decides.
    Code { version: String },
}

impl Step {
    /// The input that the step moves, and where to.
    pub fn moves(&self) -> Option<(usize, i64)> {
        match self {
            Step::Run { input, offset_next, .. }
            | Step::Ahead { input, offset_next }
            | Step::Refused { input, offset_next }
            | Step::Unknown { input, offset_next } => Some((*input, *offset_next)),
            Step::Clock { .. } | Step::Code { .. } => None,
        }
    }

    fn input_mut(&mut self) -> Option<&mut usize> {
        match self {
            Step::Run { input, .. }
            | Step::Ahead { input, .. }
            | Step::Refused { input, .. }
            | Step::Unknown { input, .. } => Some(input),
            Step::Clock { .. } | Step::Code { .. } => None,
        }
    }
}

/// A transaction's part of the history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Steps {
    /// Each input's name, as [`crate::core::ids::topic`] has it; empty in format 1, which numbers inputs by their place.
    pub inputs: Vec<u32>,
    /// `offset_next` of each input before the first step.
    pub begin: Vec<i64>,
    pub steps: Vec<Step>,
}

/// Why bytes are no record of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("has version {0}, and this build reads versions up to {max}", max = VERSION)]
    Version(u8),
    #[error("is torn")]
    Torn,
}

impl Steps {
    /// Notes a handled record, as part of the current run where it can be.
    pub fn run(&mut self, input: usize, offset_next: i64) {
        match self.steps.last_mut() {
            Some(Step::Run { input: last, offset_next: end, records: Some(records) }) if *last == input => {
                *end = offset_next;
                *records += 1;
            }
            _ => self.steps.push(Step::Run { input, offset_next, records: Some(1) }),
        }
    }

    /// Where each input stands after the last step.
    pub fn end(&self) -> Vec<i64> {
        let mut end = self.begin.clone();
        for (input, offset_next) in self.steps.iter().filter_map(Step::moves) {
            if let Some(at) = end.get_mut(input) {
                *at = offset_next;
            }
        }
        end
    }

    /// Where each of `inputs` stands after the last step, as far as the record names it.
    pub fn end_of(&self, inputs: &[u32]) -> Vec<Option<i64>> {
        let end = self.end();
        let of = |(place, input): (usize, &u32)| {
            let by_name = || self.inputs.iter().position(|name| name == input);
            let place = if self.inputs.is_empty() { Some(place) } else { by_name() };
            end.get(place?).copied()
        };
        inputs.iter().enumerate().map(of).collect()
    }

    /// The last time that the clock was moved to; 0 when it was not.
    pub fn clock_ms(&self) -> i64 {
        let times = self.steps.iter().map(|step| if let Step::Clock { now_ms } = step { *now_ms } else { 0 });
        times.max().unwrap_or(0)
    }

    /// The same with inputs numbered by their place in `inputs`, whatever it was when the record was written. `None` when a
    /// step moves an input that is none any more.
    pub fn arranged(mut self, inputs: &[u32]) -> Option<(Vec<Option<i64>>, Vec<Step>)> {
        if self.inputs.is_empty() {
            let begin = self.begin.into_iter().map(Some).collect::<Vec<_>>();
            return (begin.len() == inputs.len()).then_some((begin, self.steps));
        }
        let place = |name: &u32| inputs.iter().position(|input| input == name);
        let begin = inputs.iter().map(|input| {
            let was = self.inputs.iter().position(|name| name == input)?;
            self.begin.get(was).copied()
        });
        let begin = begin.collect();
        for input in self.steps.iter_mut().filter_map(Step::input_mut) {
            *input = self.inputs.get(*input).and_then(place)?;
        }
        Some((begin, self.steps))
    }

    /// As bytes, in format 2: version, number of inputs, their names (4 bytes each), where they begin, number of steps, steps.
    /// Numbers are zigzag varints, offsets and times differences from those before.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, self.begin.len() as u8];
        out.extend(self.inputs.iter().flat_map(|name| name.to_le_bytes()));
        self.begin.iter().for_each(|begin| put(&mut out, *begin));
        put(&mut out, self.steps.len() as i64);
        let (mut at, mut clock_ms) = (self.begin.clone(), 0);
        for step in &self.steps {
            out.push(match step {
                Step::Run { .. } => 0,
                Step::Clock { .. } => 1,
                Step::Ahead { .. } => 2,
                Step::Refused { .. } => 3,
                Step::Unknown { .. } => 4,
                Step::Code { .. } => 5,
            });
            if let Some((input, offset_next)) = step.moves() {
                out.push(input as u8);
                let before = at.get_mut(input).map_or(0, |at| std::mem::replace(at, offset_next));
                put(&mut out, offset_next.wrapping_sub(before));
            }
            match step {
                Step::Run { records, .. } => put(&mut out, records.unwrap_or(0) as i64),
                Step::Clock { now_ms } => {
                    put(&mut out, now_ms.wrapping_sub(clock_ms));
                    clock_ms = *now_ms;
                }
                Step::Code { version } => {
                    put(&mut out, version.len() as i64);
                    out.extend(version.as_bytes());
                }
                Step::Ahead { .. } | Step::Refused { .. } | Step::Unknown { .. } => {}
            }
        }
        out
    }

    /// Reads bytes back, of any version so far.
    pub fn decode(bytes: &[u8]) -> Result<Steps, Unreadable> {
        match bytes.split_first() {
            Some((1, rest)) => decode_1(rest).ok_or(Unreadable::Torn),
            Some((2, rest)) => decode_2(rest).ok_or(Unreadable::Torn),
            Some((version, _)) => Err(Unreadable::Version(*version)),
            None => Err(Unreadable::Torn),
        }
    }
}

/// Moves an input by what a record says.
fn moved(at: &mut [i64], input: usize, by: i64) -> Option<i64> {
    let at = at.get_mut(input)?;
    *at = at.wrapping_add(by);
    Some(*at)
}

fn decode_2(bytes: &[u8]) -> Option<Steps> {
    let (inputs, mut rest) = bytes.split_first()?;
    let mut names = Vec::with_capacity(usize::from(*inputs));
    for _ in 0..*inputs {
        let (name, after) = rest.split_first_chunk::<4>()?;
        names.push(u32::from_le_bytes(*name));
        rest = after;
    }
    let begin = (0..*inputs).map(|_| take(&mut rest)).collect::<Option<Vec<i64>>>()?;
    let count = take(&mut rest)?;
    let (mut at, mut clock_ms, mut steps) = (begin.clone(), 0i64, Vec::new());
    while let Some((kind, after)) = rest.split_first() {
        rest = after;
        steps.push(match kind {
            1 => {
                clock_ms = clock_ms.wrapping_add(take(&mut rest)?);
                Step::Clock { now_ms: clock_ms }
            }
            5 => {
                let length = usize::try_from(take(&mut rest)?).ok()?;
                let (version, after) = rest.split_at_checked(length)?;
                rest = after;
                Step::Code { version: String::from_utf8(version.to_vec()).ok()? }
            }
            kind => {
                let (input, after) = rest.split_first()?;
                rest = after;
                let input = usize::from(*input);
                let offset_next = moved(&mut at, input, take(&mut rest)?)?;
                match kind {
                    0 => Step::Run { input, offset_next, records: Some(u64::try_from(take(&mut rest)?).ok()?) },
                    2 => Step::Ahead { input, offset_next },
                    3 => Step::Refused { input, offset_next },
                    4 => Step::Unknown { input, offset_next },
                    _ => return None,
                }
            }
        });
    }
    (usize::try_from(count) == Ok(steps.len())).then_some(Steps { inputs: names, begin, steps })
}

/// Format 1: number of inputs, where they begin, steps with two bits of kind and six of input.
fn decode_1(bytes: &[u8]) -> Option<Steps> {
    let (inputs, mut rest) = bytes.split_first()?;
    if *inputs > 0x3f {
        return None;
    }
    let begin = (0..*inputs).map(|_| take(&mut rest)).collect::<Option<Vec<i64>>>()?;
    let (mut at, mut steps) = (begin.clone(), Vec::new());
    while let Some((head, after)) = rest.split_first() {
        rest = after;
        let (input, value) = ((head & 0x3f) as usize, take(&mut rest)?);
        steps.push(match head >> 6 {
            0 => Step::Run { input, offset_next: moved(&mut at, input, value)?, records: None },
            1 => Step::Clock { now_ms: value },
            2 => Step::Ahead { input, offset_next: moved(&mut at, input, value)? },
            _ => Step::Refused { input, offset_next: moved(&mut at, input, value)? },
        });
    }
    Some(Steps { inputs: Vec::new(), begin, steps })
}

fn put(out: &mut Vec<u8>, value: i64) {
    let mut rest = (value << 1 ^ value >> 63) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn take(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGH: i64 = 1 << 40;

    fn all_kinds() -> Steps {
        let mut steps = Steps { inputs: vec![70, 71], begin: vec![7, HIGH], steps: vec![] };
        steps.steps.push(Step::Code { version: "1.2.3+4f".into() });
        steps.run(0, 8);
        steps.run(0, 12);
        steps.steps.push(Step::Clock { now_ms: 1_790_000_000_000 });
        steps.run(1, HIGH + 3);
        steps.steps.push(Step::Clock { now_ms: 1_790_000_000_001 });
        steps.steps.push(Step::Ahead { input: 0, offset_next: 13 });
        steps.steps.push(Step::Refused { input: 0, offset_next: 14 });
        steps.steps.push(Step::Unknown { input: 1, offset_next: HIGH + 9 });
        steps
    }

    #[test]
    fn steps_read_back() {
        let steps = all_kinds();
        let bytes = steps.encode();
        assert_eq!(steps.steps.len(), 8);
        assert_eq!(steps.steps[1], Step::Run { input: 0, offset_next: 12, records: Some(2) });
        assert_eq!(Steps::decode(&bytes), Ok(steps.clone()));
        assert_eq!(steps.end(), vec![14, HIGH + 9]);
    }

    #[test]
    fn a_torn_record_is_noticed_wherever_it_is_torn() {
        let bytes = all_kinds().encode();
        for cut in 0..bytes.len() {
            assert_eq!(Steps::decode(&bytes[..cut]), Err(Unreadable::Torn), "cut at {cut}");
        }
        assert_eq!(Steps::decode(&[&bytes[..], &[1, 2]].concat()), Err(Unreadable::Torn));
    }

    #[test]
    fn format_1_is_read_and_what_is_newer_is_not() {
        // Two inputs at 7 and 100; run 0 to 12, clock at 64, ahead 0 to 13, refused 1 to 101.
        let bytes = [1, 2, 14, 200, 1, 0, 10, 0x40, 128, 1, 0x80, 2, 0xc1, 2];
        let steps = vec![
            Step::Run { input: 0, offset_next: 12, records: None },
            Step::Clock { now_ms: 64 },
            Step::Ahead { input: 0, offset_next: 13 },
            Step::Refused { input: 1, offset_next: 101 },
        ];
        assert_eq!(Steps::decode(&bytes), Ok(Steps { inputs: vec![], begin: vec![7, 100], steps }));
        assert_eq!(Steps::decode(&[3, 0, 0]), Err(Unreadable::Version(3)));
    }

    #[test]
    fn inputs_are_found_by_name_wherever_they_stand_now() {
        let (begin, steps) = all_kinds().arranged(&[90, 71, 70]).expect("both are there");
        assert_eq!(begin, [None, Some(HIGH), Some(7)]);
        assert_eq!(steps[1], Step::Run { input: 2, offset_next: 12, records: Some(2) });
        assert_eq!(steps[7], Step::Unknown { input: 1, offset_next: HIGH + 9 });
        assert_eq!(all_kinds().arranged(&[70, 90]), None, "71 is gone");
        let old = Steps { inputs: vec![], begin: vec![1, 2], steps: vec![] };
        assert_eq!(old.clone().arranged(&[70, 71]), Some((vec![Some(1), Some(2)], vec![])));
        assert_eq!(old.arranged(&[70]), None, "format 1 has places only");
    }
}
