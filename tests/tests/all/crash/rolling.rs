//! A rolling restart under load: SIGTERM and start again, one instance after the other, as the chart does it.

use anyhow::{Result, ensure};
use engine::shell::kafka::Admin;
use tests::{Flow, Kafka, written};

use super::alone;
use super::load::{Completed, under_load};

/// "n orders, p50 … ms, p99 … ms".
fn latency(mut of: Vec<i64>) -> String {
    of.sort_unstable();
    let at = |share: f64| of.get((of.len() as f64 * share) as usize).copied().unwrap_or_default();
    format!("{} orders, p50 {} ms, p99 {} ms, longest {} ms", of.len(), at(0.5), at(0.99), at(1.0 - f64::EPSILON))
}

/// Restarts every instance; how much was written after each.
fn restart_all(flow: &mut Flow, admin: &Admin) -> Result<Vec<i64>> {
    let mut written_at = Vec::new();
    for at in 0..flow.instances.len() {
        let process = &mut flow.instances[at];
        process.stop()?;
        process.start()?;
        process.assigned()?;
        let name = process.name.clone();
        written_at.push(written(admin, &["order-events.v1"])?);
        flow.say(&format!("{name} stopped, started and has its tasks again; {} offsets", written_at[at]));
    }
    Ok(written_at)
}

#[test]
fn crash_rolling_restart() -> Result<()> {
    let _turn = alone();
    let kafka = Kafka::start()?;
    Flow::new(&kafka.bootstrap())?.judge(|flow| {
        let seen = under_load(flow, "0.003", restart_all)?;
        let (began, ended, written_at) = (seen.began_ms, seen.ended_ms, seen.done);
        let (during, calm): (Vec<Completed>, Vec<Completed>) =
            seen.completed.into_iter().partition(|(at, _)| (began..ended).contains(at));
        let latencies = |of: Vec<Completed>| latency(of.into_iter().map(|(_, latency)| latency).collect());
        // Said, not judged: what it is depends on the machine.
        flow.say(&format!("latency during six restarts in {} s: {}", (ended - began) / 1_000, latencies(during)));
        flow.say(&format!("latency before and after: {}", latencies(calm)));
        let all = written(&Admin::open(&flow.settings())?, &["order-events.v1"])?;
        // How many, depends on the machine.
        let amid = written_at.iter().filter(|at| **at < all).count();
        flow.say(&format!("{amid} of {} restarts were over while the flow went on", written_at.len()));
        ensure!(amid > 0, "the flow was at its end after the first restart: {written_at:?} of {all}");
        flow.stop()
    })
}
