//! Kill -9 of one of two instances under load, and its restart: how long the flow stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Result, anyhow, ensure};
use engine::shell::kafka::Admin;
use tests::{Flow, Kafka};

use super::rolling::{Completed, now_ms, watch};
use super::{LIMIT, alone, crash, reached, text, two_of_each, verify};

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
        two_of_each(flow)?;
        let admin = Admin::open(&flow.settings())?;
        let (manifest, states) = (flow.path("manifest.json"), flow.path("states"));
        let stop = Arc::new(AtomicBool::new(false));
        let watcher = {
            let (settings, stop) = (flow.settings(), stop.clone());
            thread::spawn(move || watch(settings, &stop))
        };
        let input = ["load", "tpch", "--scale", "0.004", "--late", "0.05", "--manifest", text(&manifest)?];
        let mut load = flow.begin(&[&input[..], &["--rate", "200"]].concat())?;
        reached(flow, &admin, &["order-events.v1"], 2_000)?;
        let began = now_ms()?;
        crash(flow, "a")?;
        flow.joined()?;
        let joined = now_ms()?;
        load.wait(LIMIT)?.expect(0)?;
        let sent = now_ms()?;
        verify(flow, &manifest, &states)?;
        stop.store(true, Ordering::Relaxed);
        let completed = watcher.join().map_err(|_| anyhow!("the watcher panicked"))??;
        // Said, not judged: what it is depends on the machine.
        let gap = gap_ms(&completed, began, sent);
        flow.say(&format!(
            "killed and started again; tasks again after {} ms; longest time without a completed order {gap} ms",
            joined - began
        ));
        ensure!(completed.iter().any(|(at, _)| *at > began), "nothing was completed after the crash");
        flow.stop()
    })
}
