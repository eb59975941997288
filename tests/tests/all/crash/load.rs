//! Something happens to the flow under 200 commands a second, and an independent reader sees when orders complete.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use engine::shell::client::{Client, From};
use engine::shell::kafka::{Admin, KafkaClient, KafkaSettings};
use tests::Flow;

use super::{LIMIT, reached, text, two_of_each, verify};

/// When an order's completion could be read, and how long after its last cause was sent, in milliseconds.
pub(super) type Completed = (i64, i64);

/// What the reader saw, and when: milliseconds since 1970.
pub(super) struct Seen<T> {
    pub(super) completed: Vec<Completed>,
    /// When it began to happen, and when it was over.
    pub(super) began_ms: i64,
    pub(super) ended_ms: i64,
    /// When everything was sent.
    pub(super) sent_ms: i64,
    /// What came of it.
    pub(super) done: T,
}

fn now_ms() -> Result<i64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64)
}

/// Reads replies as a requester does, until `stop`. A reply's timestamp is that of the command that led to it.
fn watch(settings: KafkaSettings, stop: &AtomicBool) -> Result<Vec<Completed>> {
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

/// Starts two instances of each processor and a load of this scale; once it is under way, `happen`. All laws hold in the end.
pub(super) fn under_load<T>(
    flow: &mut Flow,
    scale: &str,
    happen: impl FnOnce(&mut Flow, &Admin) -> Result<T>,
) -> Result<Seen<T>> {
    two_of_each(flow)?;
    let admin = Admin::open(&flow.settings())?;
    let (manifest, states) = (flow.path("manifest.json"), flow.path("states"));
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (settings, stop) = (flow.settings(), stop.clone());
        thread::spawn(move || watch(settings, &stop))
    };
    let input = ["load", "tpch", "--scale", scale, "--late", "0.05", "--manifest", text(&manifest)?];
    let mut load = flow.begin(&[&input[..], &["--rate", "200"]].concat())?;
    reached(flow, &admin, &["order-events.v1"], 2_000)?;
    let began_ms = now_ms()?;
    let done = happen(flow, &admin)?;
    let ended_ms = now_ms()?;
    load.wait(LIMIT)?.expect(0)?;
    let sent_ms = now_ms()?;
    verify(flow, &manifest, &states)?;
    stop.store(true, Ordering::Relaxed);
    let completed = watcher.join().map_err(|_| anyhow!("the watcher panicked"))??;
    Ok(Seen { completed, began_ms, ended_ms, sent_ms, done })
}
