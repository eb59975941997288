//! Processors that join while the input already comes: where they begin, nothing is left out.

use std::time::Duration;

use anyhow::{Result, ensure};
use engine::shell::kafka::Admin;
use tests::{Flow, Kafka, eventually};

use super::{LIMIT, PROCESSORS, alone, text};

/// Each begins with new topics, whose leaders are hardly there yet. START_ROUNDS asks for more.
const ROUNDS: usize = 1;

#[test]
fn crash_nothing_is_skipped_at_the_start() -> Result<()> {
    let _turn = alone();
    let rounds = std::env::var("START_ROUNDS").map_or(Ok(ROUNDS), |rounds| rounds.parse())?;
    let kafka = Kafka::start()?;
    let admin = Admin::open(&tests::settings(&kafka.bootstrap()))?;
    for round in 0..rounds {
        Flow::new(&kafka.bootstrap())?.judge(|flow| {
            let manifest = flow.path("manifest.json");
            let input = ["load", "tpch", "--scale", "0.0005", "--late", "0.2", "--manifest", text(&manifest)?];
            let rate = ["50", "100", "200", "400"][round % 4];
            for processor in PROCESSORS {
                flow.run(processor, "0")?;
            }
            let mut load = flow.begin(&[&input[..], &["--rate", rate]].concat())?;
            load.wait(LIMIT)?.expect(0)?;
            let verdict = flow.tool(&["verify", "--manifest", text(&manifest)?, "--json", "--patience", "120"])?;
            ensure!(verdict.status.success(), "round {round}: {}", verdict.out);
            flow.stop()?;
            Ok(())
        })?;
        println!("round {round} holds");
        let topics: Vec<String> = admin.topics()?.into_keys().filter(|topic| !topic.starts_with("__")).collect();
        admin.delete(&topics)?;
        eventually("the topics to be gone", Duration::from_secs(120), || {
            Ok(admin.topics()?.keys().all(|topic| topic.starts_with("__")).then_some(()))
        })?;
    }
    Ok(())
}
