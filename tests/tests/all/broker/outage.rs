//! The broker is not there: at the start, and in the middle.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tests::{Kafka, Program, eventually, free_address, get, logged, warnings};

use super::{LIMIT, PROCESSORS, all_assigned, one_warning};

/// How long the broker is gone: longer than the transaction timeout (10 s), any session and any back-off.
const OUTAGE: Duration = Duration::from_secs(60);
/// Lines of WARN and ERROR that an outage may cost one processor: the broker does not answer, the transaction is aborted,
/// the tasks are closed, the group still has us, a restore failed, and the first of them again.
const WARNINGS_MAX: usize = 6;

#[test]
fn broker_down_at_the_start_is_waited_for() -> Result<()> {
    let mut kafka = Kafka::start()?;
    let program = Program::new(&kafka.bootstrap())?;
    program.judge(|program| {
        program.ok(&["topics", "apply"])?;
        kafka.stop()?;
        // Asked to stop while it waits.
        let mut early = program.run(&PROCESSORS, "early", "early")?;
        logged(&mut early, "does not answer", LIMIT)?;
        early.stop()?;

        let listen = free_address()?;
        let data = program.arg("data");
        let mut process = program.start(
            "a",
            &[&["run"], &PROCESSORS[..], &["--data", &data, "--instance", "a", "--listen", &listen]].concat(),
        )?;
        logged(&mut process, "does not answer", LIMIT)?;
        ensure!(get(&listen, "/livez")?.contains("200 OK"), "a process that waits for its broker is alive");
        ensure!(get(&listen, "/readyz")?.contains("503"), "ready without a broker");
        // Long enough for a second look at the broker, were it to be told again.
        let since = Instant::now();
        eventually("two more looks at the broker", LIMIT, || {
            Ok((since.elapsed() > Duration::from_secs(3)).then_some(()))
        })?;
        one_warning(&process, &[kafka.bootstrap().as_str(), "waiting"])?;
        kafka.restart()?;
        all_assigned(&mut process)?;
        eventually("readiness", LIMIT, || Ok(get(&listen, "/readyz")?.contains("200 OK").then_some(())))?;
        program.ok(&["item", "register", "late-broker", "--price", "1", "--stock", "1"])?;
        let done = program.ok(&["order", "submit", "--item", "late-broker=1"])?;
        ensure!(done.out.contains("\nCompleted"), "{done}");
        process.stop()
    })
}

#[test]
fn broker_lost_in_the_middle_is_survived() -> Result<()> {
    let mut kafka = Kafka::with_a_controller_apart()?;
    let program = Program::new(&kafka.bootstrap())?;
    program.judge(|program| {
        program.ok(&["topics", "apply"])?;
        let mut processes = Vec::new();
        for processor in PROCESSORS {
            processes.push(program.run(&[processor], "a", processor)?);
        }
        for process in &mut processes {
            logged(process, "assigned", LIMIT)?;
        }
        let manifest = program.arg("manifest.json");
        let mut load = program.start("load", &["load", "tpch", "--scale", "0.001", "--manifest", &manifest])?;
        eventually("the first orders to be placed", LIMIT, || {
            Ok((!program.read(&["order-events.v1"])?.is_empty()).then_some(()))
        })?;
        kafka.kill()?;
        let since = Instant::now();
        eventually("the outage to end", OUTAGE * 2, || {
            for process in &mut processes {
                ensure!(process.runs()?, "it gave up\n{}", process.tail());
            }
            Ok((since.elapsed() > OUTAGE).then_some(()))
        })?;
        kafka.restart()?;
        let loaded = load.wait(LIMIT)?;
        ensure!(loaded.status.success(), "the load did not survive\n{}", loaded.err);
        let verdict = program.tool(&["verify", "--manifest", &manifest, "--patience", "180"])?;
        for (process, processor) in processes.iter_mut().zip(PROCESSORS) {
            if !process.runs()? {
                let ended = process.wait(LIMIT)?;
                bail!("{processor} died of the outage: {}\n{}\n{verdict}", ended.status, ended.err);
            }
        }
        ensure!(verdict.code == Some(0), "{verdict}");
        for (process, processor) in processes.iter_mut().zip(PROCESSORS) {
            let said = warnings(process);
            process.stop().with_context(|| processor)?;
            let bad = said.iter().filter(|line| !line.contains("dead letter")).count();
            ensure!((1..=WARNINGS_MAX).contains(&bad), "{processor} warns too much, or not at all: {said:#?}");
        }
        Ok(())
    })
}
