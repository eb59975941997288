//! Twelve days in a minute: the changelog holds the ids of the window and no others, and a store that is built from it knows
//! them.

use std::collections::BTreeSet;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use engine::core::dedup;
use engine::shell::client::{Client, Message};
use engine::shell::kafka::{Admin, KafkaClient};
use tests::{Flow, Kafka, eventually};

use super::{LIMIT, alone, text};

const INPUT: &str = "order-commands.v1";
const CHANGELOG: &str = "order-intake-changelog";
const DAY_MS: i64 = 86_400_000;
const WINDOW_MS: i64 = 7 * DAY_MS;
/// Commands of one moment.
const EACH: usize = 5;

/// Sends commands as of this moment, and waits until they are handled.
fn handled(flow: &Flow, admin: &Admin, commands: &[Message], now_ms: i64) -> Result<()> {
    let mut client = KafkaClient::open(flow.settings())?;
    for command in commands {
        client.send(Message { timestamp_ms: now_ms, ..command.clone() })?;
    }
    client.flush()?;
    let at = (INPUT.to_owned(), commands[0].partition);
    let (_, end) = admin.bounds(&at.0, at.1)?;
    eventually("the commands to be handled", LIMIT, || {
        let committed = admin.offsets("order-intake", std::slice::from_ref(&at))?;
        Ok((committed == [Some(end)]).then_some(()))
    })
}

/// Positions of the chunks in the changelog whose segment ends before `until_ms`, and of the others; those that have ended.
fn chunks(flow: &Flow, until_ms: i64) -> Result<[BTreeSet<i64>; 3]> {
    let [mut old, mut young, mut ended] = [const { BTreeSet::new() }; 3];
    for message in flow.read(&[CHANGELOG])? {
        let key = message.key.as_deref().unwrap_or_default();
        let Some(chunk) = dedup::read(key, message.value.as_deref()) else { continue };
        if chunk.bytes.is_empty() {
            ended.insert(chunk.at);
        } else if chunk.segment.until_ms <= until_ms {
            old.insert(chunk.at);
        } else {
            young.insert(chunk.at);
        }
    }
    Ok([old, young, ended])
}

#[test]
fn crash_ids_end_with_their_window_and_a_new_store_knows_the_others() -> Result<()> {
    let _turn = alone();
    let kafka = Kafka::start()?;
    Flow::new(&kafka.bootstrap())?.judge(|flow| {
        let manifest = flow.path("manifest");
        // Each command once: one that came again by itself would be new, too, when the window has passed.
        let once = ["--garbage", "0", "--duplicates", "0", "--manifest", text(&manifest)?];
        flow.tool(&[&["load", "tpch", "--scale", "0.001"], &once[..]].concat())?.expect(0)?;
        let mut commands = flow.read(&[INPUT])?;
        let partition = commands.first().context("commands")?.partition;
        commands.retain(|command| command.partition == partition);
        ensure!(commands.len() >= 3 * EACH, "{} commands in partition {partition}", commands.len());
        // As if none of them had ever been there.
        let admin = Admin::open(&flow.settings())?;
        admin.delete(&[INPUT.to_owned()])?;
        flow.tool(&["topics", "apply"])?.expect(0)?;

        let intake = flow.run("order-intake", "0")?;
        flow.joined()?;
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
        let batches: Vec<&[Message]> = commands.chunks(EACH).collect();
        for (batch, days) in batches.iter().zip([12, 6, 0]) {
            handled(flow, &admin, batch, now_ms - days * DAY_MS)?;
        }
        let [old, young, ended] = chunks(flow, now_ms - WINDOW_MS)?;
        flow.say(&format!("chunks at {old:?} and {young:?}, ended {ended:?}"));
        ensure!(!old.is_empty() && !young.is_empty(), "{old:?}, {young:?}");
        ensure!(ended == old, "ended {ended:?}, before the window {old:?}");

        let orders = flow.read(&["orders.v1"])?.len();
        flow.instances[intake].stop()?;
        fs::remove_dir_all(flow.path("order-intake-0").join("data"))?;
        flow.instances[intake].start()?;
        flow.instances[intake].assigned()?;
        for batch in &batches[1..3] {
            handled(flow, &admin, batch, now_ms)?;
        }
        let after = flow.read(&["orders.v1"])?.len();
        ensure!(after == orders, "{after} orders, {orders} before their commands came again");
        handled(flow, &admin, batches[0], now_ms)?;
        let after = flow.read(&["orders.v1"])?.len();
        ensure!(after == orders + EACH, "{after} orders, {orders} before: commands are new when the window has passed");
        flow.stop()
    })
}
