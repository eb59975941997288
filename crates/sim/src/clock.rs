//! Pretend time: one monotonic clock for the world, and a wall clock per instance that may jump.

use std::cell::Cell;
use std::rc::Rc;

use engine::core::io::Now;
use engine::shell::driver::Clock;

/// When a run begins, in milliseconds since 1970-01-01 UTC.
pub const BEGIN_MS: i64 = 1_790_000_000_000;

/// The world's time.
#[derive(Debug, Default)]
pub struct Time {
    mono_us: Cell<u64>,
}

impl Time {
    /// Microseconds since the run began.
    pub fn mono_us(&self) -> u64 {
        self.mono_us.get()
    }

    /// What a good wall clock says.
    pub fn wall_ms(&self) -> i64 {
        BEGIN_MS + (self.mono_us.get() / 1_000) as i64
    }

    /// Lets time pass.
    pub fn advance_us(&self, by_us: u64) {
        self.mono_us.set(self.mono_us.get() + by_us);
    }
}

/// How far the wall clock of an instance is off.
#[derive(Debug, Default)]
pub struct Skew {
    pub ms: Cell<i64>,
    /// When it is right again, on the world's monotonic clock; `None`: never by itself.
    until_us: Cell<Option<u64>>,
}

impl Skew {
    /// The clock is wrong from now on.
    pub fn set(&self, ms: i64) {
        self.ms.set(ms);
        self.until_us.set(None);
    }

    /// The clock is wrong until then.
    pub fn jump(&self, ms: i64, until_us: u64) {
        self.ms.set(ms);
        self.until_us.set(Some(until_us));
    }

    /// Ends a jump whose time is over by `now_us`.
    pub fn settle(&self, now_us: u64) {
        if self.until_us.get().is_some_and(|until_us| until_us <= now_us) {
            self.set(0);
        }
    }
}

/// The clocks of one instance.
#[derive(Debug, Clone)]
pub struct SimClock {
    pub time: Rc<Time>,
    pub skew: Rc<Skew>,
}

impl Clock for SimClock {
    fn now(&self) -> Now {
        Now { wall_ms: self.time.wall_ms() + self.skew.ms.get(), mono_us: self.time.mono_us() }
    }
}
