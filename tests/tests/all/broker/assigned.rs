//! Where an assigned partition is read from: at its committed position, and never before.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use tests::eventually;

use super::flow::shared;
use super::{LIMIT, all_assigned};

const INPUT: &str = "order-commands.v1";

/// Partition and offset of what librdkafka says of the input after these words, line by line.
fn offsets(log: &str, words: &str) -> Vec<(u32, i64)> {
    let begin = format!("{words} {INPUT} [");
    let read = |line: &str| {
        let (partition, rest) = line.split_once(&begin)?.1.split_once("] at ")?;
        let offset = rest.strip_prefix("offset ").map(|rest| rest.split([' ', ',']).next().unwrap_or_default());
        // A name such as BEGINNING is before everything.
        Some((partition.parse().ok()?, offset.and_then(|offset| offset.parse().ok()).unwrap_or(-1)))
    };
    log.lines().filter_map(read).collect()
}

#[test]
fn librdkafkas_lines_are_read() {
    let log = "x FETCH: [thrd:a]: Fetch topic order-commands.v1 [3] at offset 12 (leader epoch 0, v2)\n\
               x SRVPEND: Starting pending assigned partition order-commands.v1 [11] at BEGINNING (leader epoch -1)\n\
               x FETCH: Fetch topic orders.v1 [3] at offset 7 (v2)";
    assert_eq!(offsets(log, "Fetch topic"), [(3, 12)]);
    assert_eq!(offsets(log, "Starting pending assigned partition"), [(11, -1)]);
}

/// What lies before the committed position was handled, and may be what nobody can read any more: a consumer that begins
/// there and is set forward afterwards may have read it by then.
#[test]
fn broker_an_assignment_begins_at_the_committed_position() -> Result<()> {
    shared(|shared| {
        let program = &shared.program;
        program.ok(&["item", "register", "assigned", "--price", "100", "--stock", "50"])?;
        program.ok(&["order", "submit", "--item", "assigned=1", "--request-id", "assigned-1"])?;
        shared.stop()?;
        let at: Vec<(String, u32)> = (0..12).map(|partition| (INPUT.to_owned(), partition)).collect();
        let committed = shared.program.admin()?.offsets("order-intake", &at)?;
        let committed: BTreeMap<u32, i64> = (0..).zip(committed).map(|(task, at)| (task, at.unwrap_or(0))).collect();
        ensure!(committed.values().any(|at| *at > 0), "nothing is committed");

        let data = shared.program.arg("data");
        // A value with a comma stands in a file.
        std::fs::write(shared.program.at("debug"), "cgrp,fetch")?;
        let debug = format!("debug={}", shared.program.arg("debug"));
        let verbose = ["--kafka-secret", debug.as_str(), "--log", "info,librdkafka=debug"];
        let run = [&["run"], &super::PROCESSORS[..], &["--data", &data, "--instance", "a"], &verbose].concat();
        let mut process = shared.program.start("a", &run)?;
        all_assigned(&mut process)?;
        // The last task that is started has been fetched from, too.
        let fetched = eventually("every partition to be fetched", LIMIT, || {
            let fetched = offsets(&process.log(), "Fetch topic");
            let all = committed.keys().all(|task| fetched.iter().any(|(partition, _)| partition == task));
            Ok(all.then_some(fetched))
        })?;
        let begun = offsets(&process.log(), "Starting pending assigned partition");
        for (task, at) in &committed {
            let first = begun.iter().find(|(partition, _)| partition == task).context("it was not assigned")?;
            ensure!(first.1 == *at, "partition {task} was assigned at {}, committed is {at}", first.1);
        }
        let before = fetched.iter().find(|(partition, from)| from < &committed[partition]);
        ensure!(before.is_none(), "read before the committed position: {before:?} of {committed:?}");
        process.stop()
    })
}
