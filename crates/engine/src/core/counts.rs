//! What has happened, as plain numbers: for metrics and tests.

use flow::Code;

/// Everything that a worker did since its start, work that an abort took back included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub records: u64,
    pub duplicates: u64,
    pub commits: u64,
    pub aborts: u64,
    /// Times that the wall clock was found more than a minute off.
    pub clock_steps: u64,
}

/// What a task did. A commit makes it final and an abort takes it back, so each record counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskCounts {
    pub consumed: u64,
    pub emitted: u64,
    pub duplicates: u64,
    /// Outputs of a sender that was reset, older than the dedup window.
    pub repeats: u64,
    /// By the place of the code in [`Code::ALL`].
    pub rejected: [u64; Code::ALL.len()],
    pub wakes: u64,
}

impl TaskCounts {
    /// One more rejection.
    pub fn reject(&mut self, code: Code) {
        // Codes stand in `ALL` in the order of their declaration.
        if let Some(count) = self.rejected.get_mut(code as usize) {
            *count += 1;
        }
    }
}

/// A committed transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Records and timers that it handled.
    pub records: u64,
    /// Bytes of outputs, dead letters and state.
    pub bytes: u64,
    /// From the decision to commit until the commit was known.
    pub took_us: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_counts_at_its_place() {
        for (place, code) in Code::ALL.iter().enumerate() {
            let mut counts = TaskCounts::default();
            counts.reject(*code);
            assert_eq!(counts.rejected.iter().position(|count| *count == 1), Some(place), "{code}");
        }
    }
}
