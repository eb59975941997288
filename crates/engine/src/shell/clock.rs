//! The machine's clocks: the only place of the engine that reads them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::core::io::Now;

use super::driver::Clock;

/// Wall clock and a monotonic clock that begins with the process.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock(Instant::now())
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place of the engine that reads the clocks")]
    fn now(&self) -> Now {
        let wall_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        Now { wall_ms, mono_us: self.0.elapsed().as_micros() as u64 }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place of the engine that reads the clocks")]
    fn unix_us(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
    }
}
