//! Kill -9 at random moments, each processor on its own, again and again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use engine::shell::kafka::Admin;
use tests::{Flow, Kafka, Orderflow, eventually, settings, written};

use super::{LIMIT, PROCESSORS, alone, text, verify};

/// Kills of each processor.
const KILLS: usize = 3;
/// The longest that an instance works between two kills.
const WORKS_MS: u64 = 400;

/// SplitMix64 (Steele, Lea, Flood 2014).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// What each processor writes, in the order of [`PROCESSORS`]: how far it is.
const OUTPUTS: [&[&str]; 3] = [&["orders.v1"], &["items.v1", "item-results.v1"], &["order-events.v1"]];

/// Kills it again and again and starts it again; how much it had written at each kill. After everything is sent, `sent`,
/// there may be nothing left to go on with.
fn torment(
    bootstrap: &str,
    process: &mut Orderflow,
    outputs: &[&str],
    sent: &AtomicBool,
    mut seed: u64,
) -> Result<Vec<i64>> {
    let admin = Admin::open(&settings(bootstrap))?;
    let mut seen = Vec::new();
    for kill in 0..KILLS {
        process.assigned()?;
        // The first kill comes while it restores, the others when it works again.
        let before = written(&admin, outputs)?;
        if kill > 0 {
            eventually(&format!("{} to go on", process.name), LIMIT, || {
                Ok((sent.load(Ordering::Relaxed) || written(&admin, outputs)? > before).then_some(()))
            })?;
        }
        let works = random(&mut seed) % WORKS_MS;
        // The moment of the crash: there is no condition to wait for.
        thread::sleep(Duration::from_millis(works));
        process.kill()?;
        seen.push(written(&admin, outputs)?);
        println!("{} killed after {works} ms of work, {outputs:?} have {seen:?} offsets", process.name);
        process.start()?;
    }
    process.assigned()?;
    Ok(seen)
}

#[test]
fn crash_points() -> Result<()> {
    let _turn = alone();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
    let seed: u64 = std::env::var("CRASH_SEED").map_or(Ok(now % 1_000_000), |seed| seed.parse())?;
    println!("CRASH_SEED={seed}");
    let kafka = Kafka::start()?;
    Flow::new(&kafka.bootstrap())?.judge(|flow| {
        let (manifest, states) = (flow.path("manifest.json"), flow.path("states"));
        let input =
            ["load", "tpch", "--scale", "0.001", "--scarce", "0.05", "--late", "0.05", "--manifest", text(&manifest)?];
        let mut load = flow.begin(&[&input[..], &["--rate", "100"]].concat())?;
        for processor in PROCESSORS {
            flow.run(processor, "0")?;
        }
        let address = kafka.bootstrap();
        let (bootstrap, sent) = (address.as_str(), &AtomicBool::new(false));
        let (loaded, tormented) = thread::scope(|scope| {
            let threads: Vec<_> = (seed..)
                .zip(flow.instances.iter_mut().zip(OUTPUTS))
                .map(|(seed, (process, output))| scope.spawn(move || torment(bootstrap, process, output, sent, seed)))
                .collect();
            let loaded = load.wait(LIMIT).and_then(|ended| ended.expect(0));
            sent.store(true, Ordering::Relaxed);
            let tormented = threads.into_iter().map(|thread| thread.join().expect("no panic"));
            (loaded, tormented.collect::<Vec<Result<Vec<i64>>>>())
        });
        let hint = || format!("CRASH_SEED={seed}");
        let tormented = tormented.into_iter().collect::<Result<Vec<_>>>().with_context(hint)?;
        flow.say("no more kills");
        loaded?;
        flow.say("everything is sent");
        verify(flow, &manifest, &states).with_context(hint)?;
        for (output, seen) in OUTPUTS.iter().zip(&tormented) {
            let all = written(&Admin::open(&settings(bootstrap))?, output)?;
            let amid = seen.iter().filter(|at| (1..all).contains(*at)).count();
            ensure!(amid > 0, "{output:?}: {seen:?} of {all} offsets, no kill was in the middle");
        }
        flow.stop()
    })
}
