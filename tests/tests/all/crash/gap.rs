//! Kill -9 of one of two instances under load, and its restart: how long the flow stands still.

use anyhow::{Result, ensure};
use tests::{Flow, Kafka};

use super::load::{Completed, under_load};
use super::{alone, crash};

/// The longest time between two completed orders that a reader saw within these bounds, in milliseconds.
fn gap_ms(completed: &[Completed], from_ms: i64, to_ms: i64) -> i64 {
    let seen = completed.iter().map(|(at, _)| *at).filter(|at| (from_ms..to_ms).contains(at));
    let edges: Vec<i64> = std::iter::once(from_ms).chain(seen).chain(std::iter::once(to_ms)).collect();
    edges.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

#[test]
fn crash_of_one_instance_stops_the_flow_for_seconds() -> Result<()> {
    let _turn = alone();
    let kafka = Kafka::start()?;
    Flow::new(&kafka.bootstrap())?.judge(|flow| {
        let seen = under_load(flow, "0.004", |flow, _| {
            crash(flow, "a")?;
            flow.joined()
        })?;
        // Said, not judged: what it is depends on the machine.
        flow.say(&format!(
            "killed and started again; tasks again after {} ms; longest time without a completed order {} ms",
            seen.ended_ms - seen.began_ms,
            gap_ms(&seen.completed, seen.began_ms, seen.sent_ms)
        ));
        ensure!(seen.completed.iter().any(|(at, _)| *at > seen.began_ms), "nothing was completed after the crash");
        flow.stop()
    })
}
