//! Recorded order: how a task's inputs interleaved and when its timers fired, a few bytes a transaction.
//!
//! A record says where each input stood when it begins, then the steps: `Run` (records of one input up to an offset),
//! `Clock` (timers due by then fired), and the verdicts that only the world of that day could give: `Ahead` (one record
//! was rejected for a timestamp in the future) and `Refused` (one record was rejected because the broker refused what it
//! sends). A reset follows these steps, so that unchanged code gives the same outputs.

/// One step of a task's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Records of `input` below `offset_next`.
    Run { input: usize, offset_next: i64 },
    /// The clock was moved to `now_ms` and timers fired.
    Clock { now_ms: i64 },
    /// The record of `input` just below `offset_next` was rejected as `time-ahead`.
    Ahead { input: usize, offset_next: i64 },
    /// The record of `input` just below `offset_next` was rejected as `output-refused`.
    Refused { input: usize, offset_next: i64 },
}

/// A transaction's part of the history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Steps {
    /// `offset_next` of each input before the first step.
    pub begin: Vec<i64>,
    pub steps: Vec<Step>,
}

impl Steps {
    /// Notes a handled record, as part of the current run where it can be.
    pub fn run(&mut self, input: usize, offset_next: i64) {
        match self.steps.last_mut() {
            Some(Step::Run { input: last, offset_next: end }) if *last == input => *end = offset_next,
            _ => self.steps.push(Step::Run { input, offset_next }),
        }
    }

    /// Where each input stands after the last step.
    pub fn end(&self) -> Vec<i64> {
        let mut end = self.begin.clone();
        for step in &self.steps {
            if let Step::Run { input, offset_next }
            | Step::Ahead { input, offset_next }
            | Step::Refused { input, offset_next } = step
                && let Some(at) = end.get_mut(*input)
            {
                *at = *offset_next;
            }
        }
        end
    }

    /// As bytes: version, number of inputs, zigzag varints; offsets as differences from the position before.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![1, self.begin.len() as u8];
        let mut at = self.begin.clone();
        for begin in &self.begin {
            put(&mut out, *begin);
        }
        for step in &self.steps {
            let (tag, input, value) = match step {
                Step::Run { input, offset_next } => (0, *input, *offset_next),
                Step::Clock { now_ms } => (1, 0, *now_ms),
                Step::Ahead { input, offset_next } => (2, *input, *offset_next),
                Step::Refused { input, offset_next } => (3, *input, *offset_next),
            };
            out.push(tag << 6 | input as u8 & 0x3f);
            match (step, at.get_mut(input)) {
                (Step::Clock { .. }, _) | (_, None) => put(&mut out, value),
                (_, Some(at)) => {
                    put(&mut out, value - *at);
                    *at = value;
                }
            }
        }
        out
    }

    /// Reads bytes back; `None` when they are not such a record.
    pub fn decode(bytes: &[u8]) -> Option<Steps> {
        let (version, rest) = bytes.split_first()?;
        let (inputs, mut rest) = rest.split_first()?;
        if *version != 1 || *inputs > 0x3f {
            return None;
        }
        let begin = (0..*inputs).map(|_| take(&mut rest)).collect::<Option<Vec<i64>>>()?;
        let (mut at, mut steps) = (begin.clone(), Vec::new());
        while let Some((head, after)) = rest.split_first() {
            rest = after;
            let (input, value) = ((head & 0x3f) as usize, take(&mut rest)?);
            steps.push(match head >> 6 {
                1 => Step::Clock { now_ms: value },
                tag => {
                    let at = at.get_mut(input)?;
                    *at = at.checked_add(value)?;
                    let offset_next = *at;
                    match tag {
                        0 => Step::Run { input, offset_next },
                        2 => Step::Ahead { input, offset_next },
                        _ => Step::Refused { input, offset_next },
                    }
                }
            });
        }
        Some(Steps { begin, steps })
    }
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

    #[test]
    fn steps_read_back() {
        let mut steps = Steps { begin: vec![7, 1 << 40], steps: vec![] };
        steps.run(0, 8);
        steps.run(0, 12);
        steps.steps.push(Step::Clock { now_ms: 1_790_000_000_000 });
        steps.run(1, (1 << 40) + 3);
        steps.steps.push(Step::Ahead { input: 0, offset_next: 13 });
        steps.steps.push(Step::Refused { input: 0, offset_next: 14 });
        let bytes = steps.encode();
        assert_eq!(steps.steps.len(), 5);
        assert_eq!(Steps::decode(&bytes), Some(steps.clone()));
        assert_eq!(steps.end(), vec![14, (1 << 40) + 3]);
        // A cut may fall between two steps, but never panics and never reads as the whole.
        for cut in 0..bytes.len() {
            assert_ne!(Steps::decode(&bytes[..cut]), Some(steps.clone()), "cut at {cut}");
        }
    }
}
