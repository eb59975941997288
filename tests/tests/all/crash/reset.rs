//! A processor begun anew: it sends everything again under the same ids, and nobody downstream takes it twice.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine::core::ids;
use engine::shell::client::Message;
use engine::shell::kafka::Admin;
use tests::{Ended, Flow, Kafka, eventually, written};

use super::{LIMIT, PROCESSORS, alone, text, verify};

const PARTITIONS: u32 = 12;
/// What item-lookup writes.
const SENT: [&str; 2] = ["items.v1", "item-results.v1"];
/// What comes of it.
const DOWNSTREAM: [&str; 3] = ["orders.v1", "order-events.v1", "order-replies.v1"];
const DEAD_LETTERS: [&str; 3] = ["order-intake-dlq", "item-lookup-dlq", "fulfilment-dlq"];
/// Each processor's inputs.
const INPUTS: [(&str, &[&str]); 3] = [
    ("order-intake", &["order-commands.v1"]),
    ("item-lookup", &["item-commands.v1", "item-requests.v1"]),
    ("fulfilment", &["orders.v1", "item-results.v1"]),
];

/// The task of item-lookup that wrote a record: its item's partition. In Avro a text is its doubled length and itself.
fn task(message: &Message) -> Result<u32> {
    let value = message.value.as_deref().context("a tombstone")?;
    let at = value.windows(5).position(|bytes| bytes == b"part-").context("no item id")?;
    let length = usize::from(value[at - 1] / 2);
    Ok(ids::partition(&value[at..at + length], PARTITIONS))
}

type Sent = (Option<Vec<u8>>, Option<Vec<u8>>, String);

/// What each task wrote to each partition, in order.
fn by_task(messages: &[Message]) -> Result<BTreeMap<(String, u32, u32), Vec<Sent>>> {
    let mut all: BTreeMap<_, Vec<Sent>> = BTreeMap::new();
    for message in messages {
        let sent = (message.key.clone(), message.value.clone(), message.header("event_id").to_owned());
        all.entry((message.topic.clone(), message.partition, task(message)?)).or_default().push(sent);
    }
    Ok(all)
}

fn records(flow: &Flow, topics: &[&str]) -> Result<Vec<Message>> {
    let mut all = flow.read(topics)?;
    all.sort_by(|a, b| (&a.topic, a.partition, a.offset).cmp(&(&b.topic, b.partition, b.offset)));
    Ok(all)
}

/// Waits until every processor has committed past the last record of its inputs.
pub fn quiet(flow: &Flow, admin: &Admin) -> Result<()> {
    eventually("every input to be committed to its end", LIMIT, || {
        for (group, topics) in INPUTS {
            let mut ends: BTreeMap<(String, u32), i64> = BTreeMap::new();
            for message in flow.read(topics)? {
                let end = ends.entry((message.topic, message.partition)).or_default();
                *end = (*end).max(message.offset + 1);
            }
            let at: Vec<(String, u32)> = ends.keys().cloned().collect();
            let committed = admin.offsets(group, &at)?;
            if ends.values().zip(committed).any(|(end, committed)| committed.is_none_or(|committed| committed < *end)) {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

fn offsets(admin: &Admin) -> Result<Vec<Option<i64>>> {
    let at = INPUTS[1].1.iter().flat_map(|topic| (0..PARTITIONS).map(|partition| ((*topic).to_owned(), partition)));
    Ok(admin.offsets("item-lookup", &at.collect::<Vec<_>>())?)
}

/// A command that is allowed once the group has forgotten its static members.
pub fn once_empty(flow: &mut Flow, args: &[&str]) -> Result<Ended> {
    eventually("the group to be empty", Duration::from_secs(120), || {
        let ended = flow.tool(args)?;
        Ok((!ended.err.contains("group-active")).then_some(ended))
    })
}

fn reset(flow: &mut Flow, args: &[&str]) -> Result<Ended> {
    once_empty(flow, &[&["reset", "item-lookup"], args].concat())
}

#[test]
fn crash_reset_item_lookup() -> Result<()> {
    let _turn = alone();
    let kafka = Kafka::start()?;
    Flow::new(&kafka.bootstrap())?.judge(|flow| {
        for processor in PROCESSORS {
            flow.run(processor, "0")?;
        }
        // Whoever begins when all is sent sees no item come late.
        flow.joined()?;
        let admin = Admin::open(&flow.settings())?;
        let manifest = flow.path("manifest.json");
        let input = ["--scale", "0.002", "--scarce", "0.1", "--late", "0.1", "--garbage", "0"];
        let load = [&["load", "tpch", "--manifest", text(&manifest)?], &input[..], &["--rate", "400"]];
        flow.tool(&load.concat())?.expect(0)?;
        let before = flow.path("before");
        let verdict = verify(flow, &manifest, &before)?;
        let enough = |what: &str| verdict[what].as_u64().is_some_and(|count| count > 10);
        ensure!(enough("parked_released") && enough("rejected"), "too little to begin anew: {verdict}");
        quiet(flow, &admin)?;

        let refused = flow.tool(&["reset", "item-lookup", "--yes"])?.expect(1)?;
        ensure!(refused.err.contains("error[group-active]"), "{}", refused.err);
        flow.stop()?;
        let (sent, downstream) = (records(flow, &SENT)?, records(flow, &DOWNSTREAM)?);
        ensure!(records(flow, &DEAD_LETTERS)?.is_empty(), "dead letters without garbage");
        flow.say(&format!("stopped: {} records of item-lookup, {} downstream", sent.len(), downstream.len()));

        let (committed, changelog) = (offsets(&admin)?, written(&admin, &["item-lookup-changelog"])?);
        let planned = reset(flow, &[])?.expect(0)?;
        ensure!(planned.out.contains("nothing changed; add --yes to do it"), "{}", planned.out);
        ensure!(offsets(&admin)? == committed, "a plan moved offsets");
        let now = written(&admin, &["item-lookup-changelog"])?;
        ensure!(now == changelog, "a plan touched the changelogs");
        let done = reset(flow, &["--yes"])?.expect(0)?;
        flow.say(&done.out);
        ensure!(offsets(&admin)?.iter().all(|offset| *offset == Some(0)), "not at the earliest offsets");

        flow.instances.iter_mut().try_for_each(|process| process.start())?;
        quiet(flow, &admin)?;
        flow.say("read again to the end");
        flow.stop()?;
        let again = records(flow, &SENT)?;
        let (first, again) = (by_task(&sent)?, by_task(&again)?);
        ensure!(first.len() == again.len(), "{} writers before, {} after", first.len(), again.len());
        for (place, first) in &first {
            let twice = &again[place];
            let (kept, resent) = twice.split_at(first.len().min(twice.len()));
            ensure!(kept == first, "{place:?}: what was there has changed");
            let differ = first.iter().zip(resent).position(|(first, again)| first != again);
            let counts = (first.len(), resent.len());
            ensure!(resent == first, "{place:?}: not the same again: (before, again) {counts:?}, differ at {differ:?}");
        }
        let after = records(flow, &DOWNSTREAM)?;
        ensure!(after.len() == downstream.len(), "{} records downstream, {} before", after.len(), downstream.len());
        ensure!(after == downstream, "what was there has changed");
        ensure!(records(flow, &DEAD_LETTERS)?.is_empty(), "the reset made dead letters");
        // The verdict counts what comes twice, as it must: only the states are the question here.
        let states = flow.path("after");
        let args = ["verify", "--manifest", text(&manifest)?, "--patience", "5", "--states", text(&states)?];
        flow.tool(&args)?;
        let (before, after) = (fs::read_to_string(&before)?, fs::read_to_string(&states)?);
        ensure!(before == after, "the states of the orders changed");
        Ok(())
    })
}
