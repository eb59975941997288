//! Changelogs that somebody has deleted, written anew from the store: nothing is lost, nothing is handled twice.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use engine::core::{headers, keys};
use engine::shell::client::{Client, Message};
use engine::shell::kafka::{Admin, KafkaClient};
use tests::{Ended, Flow, Kafka, Orderflow, eventually, logged, written};

use super::reset::{once_empty, quiet};
use super::{LIMIT, PROCESSORS, alone, text, verify};

const LOST: [&str; 1] = ["item-lookup-changelog"];
const INPUTS: [&str; 2] = ["item-commands.v1", "item-requests.v1"];
const OUTPUTS: [&str; 2] = ["item-results.v1", "items.v1"];

/// An instance of item-lookup of which nobody expects that its log is clean.
fn lookup(flow: &mut Flow, instance: &str, data: &str) -> Result<Orderflow> {
    flow.begin(&["run", "item-lookup", "--instance", instance, "--data", data])
}

fn publish(flow: &mut Flow, data: &str, more: &[&str]) -> Result<Ended> {
    once_empty(flow, &[&["state", "publish", "item-lookup", "--data", data], more].concat())
}

fn load(flow: &mut Flow, seed: &str) -> Result<()> {
    let manifest = flow.path(&format!("manifest-{seed}"));
    let input = ["--scale", "0.001", "--scarce", "0.1", "--late", "0.1", "--garbage", "0", "--seed", seed];
    flow.tool(&[&["load", "tpch", "--manifest", text(&manifest)?], &input[..]].concat())?.expect(0)?;
    let states = flow.path(&format!("states-{seed}"));
    verify(flow, &manifest, &states).map(drop)
}

/// By partition, how many of these are a task's own record.
fn records_of_tasks(changelog: &[Message]) -> BTreeMap<u32, usize> {
    let mut found = BTreeMap::new();
    for message in changelog.iter().filter(|message| message.key.as_deref() == Some(&keys::task())) {
        *found.entry(message.partition).or_default() += 1;
    }
    found
}

/// Key and value of each chunk, by task.
fn chunks_in(changelog: &[Message]) -> BTreeMap<(u32, Vec<u8>), Vec<u8>> {
    let mut found = BTreeMap::new();
    for Message { partition, key, value, .. } in changelog {
        let Some(key) = key.clone().filter(|key| keys::is_chunk(key)) else { continue };
        match value.clone() {
            Some(value) => drop(found.insert((*partition, key), value)),
            None => drop(found.remove(&(*partition, key))),
        }
    }
    found
}

/// How much the processor has said.
fn events(flow: &Flow) -> Result<usize> {
    Ok(flow.read(&OUTPUTS)?.len())
}

/// Sends every record of the inputs again, byte for byte.
fn again(flow: &Flow) -> Result<()> {
    let mut client = KafkaClient::open(flow.settings())?;
    for message in flow.read(&INPUTS)? {
        ensure!(!message.header(headers::EVENT_ID).is_empty(), "a record without identity");
        client.send(message)?;
    }
    Ok(client.flush()?)
}

/// Both topics are gone and there again; a task says what to do, and nothing is done while somebody is at work.
fn lose(flow: &mut Flow, admin: &Admin, data: &str) -> Result<()> {
    admin.delete(&LOST.map(str::to_owned))?;
    flow.tool(&["topics", "apply"])?.expect(0)?;
    let mut own = lookup(flow, "0", data)?;
    logged(&mut own, "holds nothing of this task", LIMIT)?;
    logged(&mut own, "`orderflow state publish item-lookup --data DIR`", LIMIT)?;
    let doctor = flow.tool(&["doctor"])?.expect(1)?;
    ensure!(doctor.out.contains("orderflow state publish item-lookup"), "{}", doctor.out);
    let refused = flow.tool(&["state", "publish", "item-lookup", "--data", data, "--yes"])?.expect(1)?;
    ensure!(refused.err.contains("error[store]"), "{}", refused.err);
    own.stop()?;

    let other = flow.path("other");
    let mut other = lookup(flow, "b", text(&other)?)?;
    other.assigned()?;
    let refused = flow.tool(&["state", "publish", "item-lookup", "--data", data, "--yes"])?.expect(1)?;
    ensure!(refused.err.contains("error[group-active]"), "{}", refused.err);
    other.stop()?;
    ensure!(written(admin, &LOST)? == 0, "something was written");
    Ok(())
}

#[test]
fn crash_deleted_changelogs_are_published_from_the_store() -> Result<()> {
    let _turn = alone();
    let kafka = Kafka::start()?;
    Flow::new(&kafka.bootstrap())?.judge(|flow| {
        for processor in PROCESSORS {
            flow.run(processor, "0")?;
        }
        flow.joined()?;
        load(flow, "1")?;
        let admin = Admin::open(&flow.settings())?;
        quiet(flow, &admin)?;
        let lookup = flow.instances.iter().position(|process| process.name.starts_with("item-lookup"));
        let lookup = lookup.context("it was started")?;
        flow.instances[lookup].stop()?;
        let records = flow.read(&LOST)?;
        let (before, chunks) = (records_of_tasks(&records), chunks_in(&records));
        ensure!(!chunks.is_empty(), "no dedup chunks");
        let folder = flow.path("item-lookup-0").join("data");
        let data = text(&folder)?.to_owned();
        lose(flow, &admin, &data)?;
        flow.say(&format!("lost: {} tasks, {} dedup chunks", before.len(), chunks.len()));

        let nothing = flow.path("nothing");
        let elsewhere = publish(flow, text(&nothing)?, &[])?.expect(0)?;
        ensure!(elsewhere.out.matches("no store of it in this folder").count() == before.len(), "{}", elsewhere.out);
        let planned = publish(flow, &data, &[])?.expect(0)?;
        ensure!(planned.out.contains("nothing changed; add --yes to do it"), "{}", planned.out);
        ensure!(written(&admin, &LOST)? == 0, "a plan wrote something");
        flow.say(&planned.out);

        // Killed in the middle, or when it was just done: the next one goes on.
        let mut killed = flow.begin(&["state", "publish", "item-lookup", "--data", &data, "--yes"])?;
        eventually("the first task to be published", LIMIT, || {
            let some = !records_of_tasks(&flow.read(&LOST)?).is_empty();
            Ok((some || !killed.runs()?).then_some(()))
        })?;
        drop(killed);
        let done = publish(flow, &data, &["--yes"])?.expect(0)?;
        flow.say(&done.out);
        let rows = flow.read(&LOST)?;
        let one: BTreeMap<u32, usize> = before.keys().map(|task| (*task, 1)).collect();
        ensure!(records_of_tasks(&rows) == one, "tasks: {:?}, before {before:?}", records_of_tasks(&rows));
        ensure!(chunks_in(&rows) == chunks, "dedup chunks: {:?}, before {chunks:?}", chunks_in(&rows));
        let idle = publish(flow, &data, &["--yes"])?.expect(0)?;
        ensure!(idle.out.contains("nothing to write"), "{}", idle.out);

        flow.instances[lookup].start()?;
        flow.instances[lookup].assigned()?;
        load(flow, "2")?;
        quiet(flow, &admin)?;
        let sent = events(flow)?;
        again(flow)?;
        quiet(flow, &admin)?;
        ensure!(events(flow)? == sent, "{} events, {sent} before their causes came again", events(flow)?);
        flow.stop()
    })
}
