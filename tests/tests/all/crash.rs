//! Crashes on a real Kafka: kill -9 anywhere, and nothing is lost, nothing comes twice.

#[path = "crash/gap.rs"]
mod gap;
#[path = "crash/load.rs"]
mod load;
#[path = "crash/missing.rs"]
mod missing;
#[path = "crash/points.rs"]
mod points;
#[path = "crash/publish.rs"]
mod publish;
#[path = "crash/reset.rs"]
mod reset;
#[path = "crash/restart.rs"]
mod restart;
#[path = "crash/rolling.rs"]
mod rolling;
#[path = "crash/start.rs"]
mod start;
#[path = "crash/window.rs"]
mod window;

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine::shell::kafka::Admin;
use serde_json::Value;
use tests::{Flow, Kafka, Orderflow, PROCESSORS, eventually, written};

/// How long progress may take to come, on two busy cores.
const LIMIT: Duration = Duration::from_secs(180);

/// A broker and up to seven processes on two cores: one test at a time, whatever the harness thinks.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is not text")
}

/// Waits until so much stands on these topics, and says how much; fails when an instance or the loader fails meanwhile.
fn reached(flow: &mut Flow, admin: &Admin, topics: &[&str], wanted: i64) -> Result<i64> {
    eventually(&format!("{wanted} records on {topics:?}"), LIMIT, || {
        for process in &mut flow.instances {
            ensure!(process.runs()?, "{} ended by itself", process.name);
        }
        let so_far = written(admin, topics)?;
        Ok((so_far >= wanted).then_some(so_far))
    })
}

/// All laws hold; the final state of each order goes to `states`.
fn verify(flow: &mut Flow, manifest: &Path, states: &Path) -> Result<Value> {
    let (manifest, states) = (text(manifest)?, text(states)?);
    let verdict = flow.tool(&["verify", "--manifest", manifest, "--json", "--patience", "120", "--states", states])?;
    let verdict = verdict.expect(0)?.json()?;
    ensure!(verdict["holds"] == true, "{verdict}");
    flow.say(&format!("verdict: {verdict}"));
    Ok(verdict)
}

/// Kills all processes of an instance and starts them again a moment later.
fn crash(flow: &mut Flow, instance: &str) -> Result<()> {
    let mine = |process: &&mut Orderflow| process.name.ends_with(&format!(" {instance}"));
    flow.instances.iter_mut().filter(mine).try_for_each(Orderflow::kill)?;
    flow.instances.iter_mut().filter(mine).try_for_each(Orderflow::start)
}

/// Starts two instances of each processor, and returns when they are in their groups.
fn two_of_each(flow: &mut Flow) -> Result<()> {
    for instance in ["a", "b"] {
        for processor in PROCESSORS {
            flow.run(processor, instance)?;
        }
    }
    flow.joined()
}

#[test]
fn crash_kill_minus_nine() -> Result<()> {
    const ORDERS: i64 = 15_000;
    const INPUT: [&str; 6] = ["--scale", "0.01", "--scarce", "0", "--garbage", "20"];
    let _turn = alone();
    let kafka = Kafka::start()?;
    Flow::new(&kafka.bootstrap())?.judge(|flow| {
        two_of_each(flow)?;
        flow.say("six instances are in their groups");
        let admin = Admin::open(&flow.settings())?;
        let (manifest, states) = (flow.path("manifest.json"), flow.path("states"));
        let load = [&["load", "tpch"], &INPUT[..], &["--manifest", text(&manifest)?]].concat();
        let mut load = flow.begin(&load)?;
        let mut killed_at = Vec::new();
        for (instance, events) in [("a", ORDERS / 2), ("b", ORDERS * 2)] {
            let so_far = reached(flow, &admin, &["order-events.v1"], events)?;
            crash(flow, instance)?;
            flow.say(&format!("killed instance {instance} when {so_far} offsets of order-events.v1 were written"));
            killed_at.push(so_far);
        }
        load.wait(LIMIT)?.expect(0)?;
        flow.say("everything is sent");
        verify(flow, &manifest, &states)?;
        let events = written(&admin, &["order-events.v1"])?;
        ensure!(
            killed_at.iter().all(|at| *at < events * 9 / 10),
            "killed at {killed_at:?} of {events}: not in the middle"
        );
        flow.stop()?;
        flow.say("all stopped");

        let (calm, calm_states) = (flow.path("calm"), flow.path("calm-states"));
        let demo = [&["demo", "--json", "--keep", text(&calm)?], &INPUT[..]].concat();
        flow.local(&demo)?.expect(0)?;
        let calm_manifest = calm.join("manifest.json");
        let judge = [
            "verify",
            "--embedded",
            text(&calm)?,
            "--manifest",
            text(&calm_manifest)?,
            "--states",
            text(&calm_states)?,
        ];
        flow.local(&judge)?.expect(0)?;
        let (crashed, calm) = (fs::read_to_string(&states)?, fs::read_to_string(&calm_states)?);
        ensure!(crashed.lines().count() as i64 == ORDERS, "{} orders", crashed.lines().count());
        let differ = crashed.lines().zip(calm.lines()).find(|(crashed, calm)| crashed != calm);
        ensure!(crashed == calm, "not what came of it without a crash: {differ:?}");
        Ok(())
    })
}
