//! When to commit: as soon as nothing is left to do, but not faster than transactions can be afforded.
//!
//! A transaction costs the broker milliseconds whatever it holds. Committing at every drain overloads a small broker
//! and raises latency; a fixed interval is wrong at every other load. So a drained transaction waits until about the
//! measured cost of the last ones has passed since it began.

/// Limits of one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// An open transaction is committed at the latest after this many microseconds.
    pub commit_after_us: u64,
    /// … or with this many records handled.
    pub records: usize,
    /// … or with this many bytes to send.
    pub bytes: usize,
    /// Bytes of an input or output record; one above it is a dead letter.
    pub record_bytes: usize,
    /// Records held back per task while it follows the recorded order or waits for a commit.
    pub held: usize,
    /// … or as many bytes of them, per input.
    pub held_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            commit_after_us: 100_000,
            records: 10_000,
            bytes: 8 << 20,
            record_bytes: 256 << 10,
            held: 2_000,
            held_bytes: 2 << 20,
        }
    }
}

/// The measured cost of transactions, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    cost_us: u64,
}

impl Pace {
    /// Takes in what a commit took.
    pub fn measured(&mut self, commit_us: u64) {
        // An exponentially weighted mean over about eight transactions.
        self.cost_us = if self.cost_us == 0 { commit_us } else { (self.cost_us * 7 + commit_us) / 8 };
    }

    /// Whether a transaction that began `age_us` ago is to be committed now.
    pub fn due(&self, age_us: u64, drained: bool, limits: &Limits) -> bool {
        age_us >= limits.commit_after_us || drained && age_us >= self.wait_us(limits)
    }

    /// How long a drained transaction waits after it began.
    pub fn wait_us(&self, limits: &Limits) -> u64 {
        self.cost_us.min(limits.commit_after_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_flow_commits_at_once_and_a_slow_broker_is_given_time() {
        let limits = Limits::default();
        let mut pace = Pace::default();
        assert!(pace.due(0, true, &limits), "nothing measured yet: no reason to wait");
        assert!(!pace.due(0, false, &limits));
        for _ in 0..50 {
            pace.measured(20_000);
        }
        assert!(!pace.due(10_000, true, &limits));
        assert!(pace.due(20_000, true, &limits));
        for _ in 0..50 {
            pace.measured(5_000_000);
        }
        assert!(pace.due(limits.commit_after_us, false, &limits), "the limit holds whatever the cost");
    }

    #[test]
    fn one_slow_commit_moves_the_wait_by_an_eighth() {
        let limits = Limits::default();
        let mut pace = Pace::default();
        pace.measured(8_000);
        assert_eq!(pace.wait_us(&limits), 8_000, "the first one is all that is known");
        pace.measured(16_000);
        assert_eq!(pace.wait_us(&limits), 9_000);
        pace.measured(1_000);
        assert_eq!(pace.wait_us(&limits), 8_000);
    }
}
