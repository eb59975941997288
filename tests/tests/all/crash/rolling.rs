//! A rolling restart under load: SIGTERM and start again, one instance after the other, as the chart does it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow, ensure};
use engine::shell::client::{Client, From};
use engine::shell::kafka::{Admin, KafkaClient, KafkaSettings};
use tests::{Flow, Kafka, written};

use super::{LIMIT, alone, reached, text, two_of_each, verify};

/// When an order's completion could be read, and how long after its last cause was sent, in milliseconds.
pub(super) type Completed = (i64, i64);

pub(super) fn now_ms() -> Result<i64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64)
}

/// Reads replies as a requester does, until it is told to stop. A reply's timestamp is that of the command that led to it.
pub(super) fn watch(settings: KafkaSettings, stop: &AtomicBool) -> Result<Vec<Completed>> {
    let mut tail = KafkaClient::open(settings)?.tail(&["order-replies.v1"], From::Start)?;
    let mut all = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let page = tail.poll(Duration::from_millis(50))?;
        let at = now_ms()?;
        let completed = page.iter().filter(|message| message.header("record") == "Completed");
        all.extend(completed.map(|message| (at, at - message.timestamp_ms)));
    }
    Ok(all)
}

/// "n orders, p50 … ms, p99 … ms".
fn latency(mut of: Vec<i64>) -> String {
    of.sort_unstable();
    let at = |share: f64| of.get((of.len() as f64 * share) as usize).copied().unwrap_or_default();
    format!("{} orders, p50 {} ms, p99 {} ms, longest {} ms", of.len(), at(0.5), at(0.99), at(1.0 - f64::EPSILON))
}

#[test]
fn crash_rolling_restart() -> Result<()> {
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
        let input = ["load", "tpch", "--scale", "0.003", "--late", "0.05", "--manifest", text(&manifest)?];
        let mut load = flow.begin(&[&input[..], &["--rate", "200"]].concat())?;
        reached(flow, &admin, &["order-events.v1"], 2_000)?;
        let began = now_ms()?;
        let mut seen = Vec::new();
        for at in 0..flow.instances.len() {
            let process = &mut flow.instances[at];
            process.stop()?;
            process.start()?;
            process.assigned()?;
            let name = process.name.clone();
            seen.push(written(&admin, &["order-events.v1"])?);
            flow.say(&format!("{name} stopped, started and has its tasks again; {} offsets", seen[at]));
        }
        let ended = now_ms()?;
        load.wait(LIMIT)?.expect(0)?;
        verify(flow, &manifest, &states)?;
        stop.store(true, Ordering::Relaxed);
        let completed = watcher.join().map_err(|_| anyhow!("the watcher panicked"))??;
        let (during, calm): (Vec<Completed>, Vec<Completed>) =
            completed.into_iter().partition(|(at, _)| (began..ended).contains(at));
        let latencies = |of: Vec<Completed>| latency(of.into_iter().map(|(_, latency)| latency).collect());
        // Said, not judged: what it is depends on the machine.
        flow.say(&format!("latency during six restarts in {} s: {}", (ended - began) / 1_000, latencies(during)));
        flow.say(&format!("latency before and after: {}", latencies(calm)));
        let all = written(&admin, &["order-events.v1"])?;
        // How many, depends on the machine.
        let amid = seen.iter().filter(|at| **at < all).count();
        flow.say(&format!("{amid} of {} restarts were over while the flow went on", seen.len()));
        ensure!(amid > 0, "the flow was at its end after the first restart: {seen:?} of {all}");
        flow.stop()
    })
}
