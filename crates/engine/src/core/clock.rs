//! The wall clock, as far as the monotonic clock confirms it.
//!
//! A wall clock can be set, and be set wrong: for five seconds it says tomorrow. Timers that fire in these seconds cannot
//! be taken back. So a wall clock that is suddenly more than a minute ahead is not believed. It is believed when it has
//! kept its pace for five minutes, and what it says when a worker starts is believed at once: there is nothing to
//! compare it with. A clock that is set back is followed at once, as late is safe and early is not.

use super::io::Now;

/// How far the wall clock may run ahead within [`LASTING_US`], in milliseconds.
pub const STEP_MS: i64 = 60_000;

/// How long a step must last until it counts as the right time, in microseconds.
pub const LASTING_US: u64 = 300_000_000;

/// How far the wall clock is ahead of the monotonic clock, since when.
#[derive(Debug, Clone, Copy)]
struct Offset {
    ms: i64,
    since_us: u64,
}

/// The time that a worker goes by.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrustedClock {
    /// The wall clock minus the monotonic clock, in milliseconds, as it was believed last; `None` before the first reading.
    trusted_ms: Option<i64>,
    /// What the wall clock has kept to since.
    seen: Option<Offset>,
    /// The last reading was more than [`STEP_MS`] off.
    off: bool,
}

fn offset_ms(now: Now) -> i64 {
    now.wall_ms.saturating_sub((now.mono_us / 1_000) as i64)
}

impl TrustedClock {
    /// Takes in a reading; whether a step of the wall clock begins with it.
    pub fn read(&mut self, now: Now) -> bool {
        let ms = offset_ms(now);
        let trusted_ms = *self.trusted_ms.get_or_insert(ms);
        let within = |other_ms: i64| ms.saturating_sub(other_ms).saturating_abs() <= STEP_MS;
        match self.seen {
            Some(seen) if within(seen.ms) => {
                if now.mono_us.saturating_sub(seen.since_us) >= LASTING_US {
                    self.trusted_ms = Some(ms);
                    self.seen = Some(Offset { ms, since_us: now.mono_us });
                }
            }
            _ => self.seen = Some(Offset { ms, since_us: now.mono_us }),
        }
        let was_off = std::mem::replace(&mut self.off, !within(trusted_ms));
        self.off && !was_off
    }

    /// The wall clock in milliseconds, or what it would say without a step ahead that is not believed yet.
    pub fn wall_ms(&self, now: Now) -> i64 {
        match self.trusted_ms {
            Some(trusted_ms) if offset_ms(now).saturating_sub(trusted_ms) > STEP_MS => {
                trusted_ms.saturating_add((now.mono_us / 1_000) as i64)
            }
            _ => now.wall_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    /// A clock read every 100 ms, whose wall clock is off by what `off_ms` says of the second; times by the second.
    fn run(seconds: u64, off_ms: impl Fn(u64) -> i64) -> (Vec<i64>, usize) {
        let mut clock = TrustedClock::default();
        let (mut ahead_ms, mut steps) = (Vec::new(), 0);
        for tick in 0..seconds * 10 {
            let right_ms = DAY_MS + tick as i64 * 100;
            let now = Now { wall_ms: right_ms + off_ms(tick / 10), mono_us: tick * 100_000 };
            steps += usize::from(clock.read(now));
            if tick % 10 == 0 {
                ahead_ms.push(clock.wall_ms(now) - right_ms);
            }
        }
        (ahead_ms, steps)
    }

    #[test]
    fn a_clock_that_is_ahead_for_a_while_is_not_followed() {
        let (ahead_ms, steps) = run(600, |second| if (100..390).contains(&second) { DAY_MS } else { 0 });
        assert!(ahead_ms.iter().all(|ms| *ms == 0), "{ahead_ms:?}");
        assert_eq!(steps, 1);
    }

    #[test]
    fn a_step_that_lasts_is_followed_after_five_minutes() {
        let (ahead_ms, steps) = run(500, |second| if second < 100 { 0 } else { DAY_MS });
        assert!(ahead_ms[..400].iter().all(|ms| *ms == 0), "{ahead_ms:?}");
        assert!(ahead_ms[401..].iter().all(|ms| *ms == DAY_MS), "{ahead_ms:?}");
        assert_eq!(steps, 1, "and is told of once");
    }

    #[test]
    fn a_clock_that_is_set_back_is_followed_at_once_and_so_is_its_return() {
        let off = |second| if (100..200).contains(&second) { -DAY_MS } else { 0 };
        let (ahead_ms, steps) = run(300, off);
        let wanted: Vec<i64> = (0..300).map(off).collect();
        assert_eq!((ahead_ms, steps), (wanted, 1));
    }

    #[test]
    fn small_steps_in_a_row_are_one_large_step() {
        let (ahead_ms, _) = run(200, |second| second as i64 * 50_000);
        assert!(ahead_ms.iter().all(|ms| *ms <= STEP_MS), "{ahead_ms:?}");
        // A clock that is adjusted slowly is followed for as long as it takes.
        let (ahead_ms, steps) = run(4_000, |second| second as i64 / 2);
        assert_eq!((ahead_ms[3_999], steps), (1_999, 0));
    }

    #[test]
    fn a_minute_is_followed_and_a_millisecond_more_is_not() {
        let (ahead_ms, steps) = run(200, |second| if second < 100 { 0 } else { STEP_MS });
        assert_eq!((ahead_ms[199], steps), (STEP_MS, 0));
        let (ahead_ms, steps) = run(200, |second| if second < 100 { 0 } else { STEP_MS + 1 });
        assert_eq!((ahead_ms[199], steps), (0, 1));
    }

    #[test]
    fn a_clock_that_jumps_again_is_believed_five_minutes_after_the_last_jump() {
        let off = |second| [0, DAY_MS, 2 * DAY_MS][usize::from(second >= 100) + usize::from(second >= 250)];
        let (ahead_ms, _) = run(650, off);
        assert!(ahead_ms[..550].iter().all(|ms| *ms == 0), "{ahead_ms:?}");
        assert!(ahead_ms[551..].iter().all(|ms| *ms == 2 * DAY_MS), "{ahead_ms:?}");
        // To the reading: the step is first seen at 100 s.
        let mut clock = TrustedClock::default();
        for second in 0..=400 {
            let now = Now { wall_ms: second * 1_000 + off(second as u64), mono_us: second as u64 * 1_000_000 };
            clock.read(Now { wall_ms: now.wall_ms.min(second * 1_000 + DAY_MS), ..now });
            let now = Now { wall_ms: now.wall_ms.min(second * 1_000 + DAY_MS), ..now };
            assert_eq!(clock.wall_ms(now) == now.wall_ms, !(100..400).contains(&second), "second {second}");
        }
    }

    #[test]
    fn small_steps_are_added_up_after_a_long_calm_too() {
        let (ahead_ms, _) = run(600, |second| second.saturating_sub(400) as i64 * 50_000);
        assert!(ahead_ms.iter().all(|ms| *ms <= STEP_MS), "{ahead_ms:?}");
    }
}
