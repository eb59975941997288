//! What happened in a run: a hash of all of it, and its last lines as text when somebody wants to read them.

use std::collections::VecDeque;
use std::fmt::{Arguments, Write};

/// Lines kept for reading.
const LINES: usize = 4_000;

/// The history of a run.
#[derive(Debug)]
pub struct History {
    hash: u64,
    events: u64,
    /// Whether lines are kept.
    pub verbose: bool,
    /// Nothing is taken in any more: what follows is not worth reading.
    pub frozen: bool,
    lines: VecDeque<String>,
    buffer: String,
}

impl Default for History {
    fn default() -> Self {
        let hash = 0xcbf2_9ce4_8422_2325;
        History { hash, events: 0, verbose: false, frozen: false, lines: VecDeque::new(), buffer: String::new() }
    }
}

impl History {
    /// Takes in an event.
    pub fn note(&mut self, event: Arguments<'_>) {
        if self.frozen {
            return;
        }
        self.buffer.clear();
        let _ = self.buffer.write_fmt(event);
        for byte in self.buffer.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.events += 1;
        if self.verbose {
            if self.lines.len() == LINES {
                self.lines.pop_front();
            }
            self.lines.push_back(format!("{:6} {}", self.events, self.buffer));
        }
    }

    /// Hash of every event so far: the same for the same seed.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Number of events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The last events, when they were kept.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}
