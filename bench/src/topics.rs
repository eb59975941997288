//! Topics of the benchmark: the input stays, everything else is made anew for each round.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine::shell::kafka::{Admin, KafkaSettings, Wanted};
use engine::shell::restore::Internal;

use crate::ours::TOPOLOGY;

pub const PARTITIONS: u32 = 4;
pub const INPUT: &str = "bench-lines.v1";
pub const OUTPUT: &str = "bench-enriched.v1";
pub const BARE_OUTPUT: &str = "bench-bare-enriched.v1";
pub const BARE_IDS: &str = "bench-bare-dedup";
pub const BARE_GROUP: &str = "bench-bare";

/// An administrative client.
pub fn admin(bootstrap: &str) -> Result<Admin> {
    Ok(Admin::open(&KafkaSettings {
        bootstrap: bootstrap.to_owned(),
        instance: "bench".into(),
        ..KafkaSettings::default()
    })?)
}

fn wanted(name: &str, policy: &str) -> Wanted {
    Wanted {
        name: name.to_owned(),
        partitions: PARTITIONS,
        config: [("cleanup.policy".to_owned(), policy.to_owned())].into(),
    }
}

fn of_a_round() -> Vec<Wanted> {
    let internal = Internal::of(TOPOLOGY.name);
    vec![
        wanted(OUTPUT, "delete"),
        wanted(&internal.changelog, "compact,delete"),
        wanted(&internal.order, "delete"),
        wanted(&internal.dead_letters, "delete"),
        wanted(BARE_OUTPUT, "delete"),
        wanted(BARE_IDS, "delete"),
    ]
}

/// A new and empty input.
pub fn create_input(admin: &Admin) -> Result<()> {
    admin.delete(&[INPUT.to_owned()])?;
    Ok(admin.create(&[wanted(INPUT, "delete")], 1)?)
}

/// New and empty topics and groups, so that each round begins at the beginning.
pub fn renew(admin: &Admin) -> Result<()> {
    remove(admin)?;
    Ok(admin.create(&of_a_round(), 1)?)
}

/// Removes what [`renew`] made.
pub fn remove(admin: &Admin) -> Result<()> {
    let since = Instant::now();
    // A broker that has just started does not know yet who coordinates.
    while let Err(error) = admin.delete_groups(&[TOPOLOGY.name, BARE_GROUP]) {
        ensure!(since.elapsed() < Duration::from_secs(60), "groups of the benchmark: {error}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let names: Vec<String> = of_a_round().into_iter().map(|topic| topic.name).collect();
    Ok(admin.delete(&names)?)
}
