//! Bugs put into the engine itself, core and shell, one at a time: the random runs must find each of them.
//!
//! A copy of the workspace is built once with all of the bugs in it, each asleep until it is asked for by name; then the
//! copy's `sim_random_seeds` runs once for each. No other test counts. A bug whose text is not found any more fails: look
//! at what has changed there, and plant it anew.

mod copy;
mod of_core;
mod of_shell;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Seeds within which a bug must be found.
const SEEDS: &str = "200";

/// A run that takes longer hangs: without a bug it is a few seconds.
const RUN_MAX: Duration = Duration::from_secs(120);

/// The variable that wakes a bug in the copy.
const WAKES: &str = "ORDERFLOW_PLANTED";

/// A bug.
struct Plant {
    name: &'static str,
    /// What goes wrong with it.
    wrong: &'static str,
    /// Below crates/engine/src.
    file: &'static str,
    /// What is there, exactly once: an expression, or statements. What stands outside of « and », if they are there, only
    /// says where.
    old: &'static str,
    /// What it becomes.
    new: &'static str,
}

/// The bug that `PLANT` names, or all of them.
fn wanted() -> Vec<&'static Plant> {
    let only = std::env::var("PLANT").unwrap_or_default();
    of_core::ALL.iter().chain(of_shell::ALL).filter(|plant| only.is_empty() || plant.name == only).collect()
}

/// How a run ended.
enum End {
    Green,
    Red(String),
    /// In another way than by the oracle's verdict.
    Broken(String),
}

/// The copy's random runs with this bug, or with none.
fn run(sim: &Path, plant: Option<&Plant>) -> End {
    let name = plant.map_or("none", |plant| plant.name);
    let said = copy::folder().join(format!("{name}.out"));
    let out = File::create(&said).expect("a file for the output");
    let mut child = Command::new(sim)
        .args(["--exact", "seeds::sim_random_seeds", "--nocapture"])
        .env(WAKES, name)
        .env("ORDERFLOW_SIM_SEEDS", SEEDS)
        .env("ORDERFLOW_SIM_LINES", "0")
        .env_remove("ORDERFLOW_SIM_SEED")
        .env_remove("SEED")
        .current_dir(copy::root())
        .stdin(Stdio::null())
        .stdout(out.try_clone().expect("the same file"))
        .stderr(out)
        .spawn()
        .expect("the copy's test binary");
    let until = Instant::now() + RUN_MAX;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the end of a child") {
            break Some(status);
        }
        if Instant::now() > until {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let said = String::from_utf8_lossy(&std::fs::read(&said).expect("the output")).into_owned();
    let tail = || said[said.floor_char_boundary(said.len().saturating_sub(2_000))..].to_owned();
    match (status, verdict(&said)) {
        (Some(status), _) if status.success() && said.contains("1 passed") => End::Green,
        (Some(_), Some(verdict)) => End::Red(verdict),
        (Some(status), None) => End::Broken(format!("{status}, and no verdict:\n{}", tail())),
        (None, _) => End::Broken(format!("it hangs:\n{}", tail())),
    }
}

/// The seed that is red, and the invariants that do not hold.
fn verdict(said: &str) -> Option<String> {
    let (_, said) = said.split_once("the simulation is red:\n")?;
    let (wrong, rest) = said.split_once("\nrepeat it with: make sim SEED=")?;
    let seed = rest.split_whitespace().next()?;
    let is_name =
        |name: &&str| name.contains('_') && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
    let named = wrong.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).filter(is_name);
    let names: Vec<&str> = named.collect();
    Some(format!("seed {seed}: {}", names.join(", ")))
}

#[test]
fn every_bug_planted_in_the_engine_is_found() {
    let plants = wanted();
    assert!(!plants.is_empty(), "PLANT names no bug");
    let began = Instant::now();
    copy::write(&plants);
    let sim = copy::build();
    let built = began.elapsed();
    match run(&sim, None) {
        End::Green => {}
        End::Red(why) | End::Broken(why) => panic!("without any bug: {why}"),
    }
    let (next, missed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let miss = |why: String| missed.lock().unwrap_or_else(PoisonError::into_inner).push(why);
    let work = || {
        while let Some(plant) = plants.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Plant { name, wrong, .. } = plant;
            match run(&sim, Some(plant)) {
                End::Red(verdict) => eprintln!("{name} is red at {verdict}"),
                End::Green => miss(format!("{name} stays green over {SEEDS} seeds: {wrong}")),
                End::Broken(why) => miss(format!("{name}: {why}")),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(work);
        }
    });
    let (count, built, all) = (plants.len(), built.as_secs(), began.elapsed().as_secs());
    eprintln!("{count} bugs in {all} s, {built} of them for the build");
    let missed = missed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
}
