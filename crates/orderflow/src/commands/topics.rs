//! `orderflow topics apply`: creates what topics.yaml declares.

use crate::options::Place;
use crate::topics;

/// Topics of the cluster
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Creates the topics of topics.yaml that are missing, and registers the schemas where a registry is named
    Apply {
        /// Replicas of each topic
        #[arg(long, env = "ORDERFLOW_REPLICATION", default_value_t = 1)]
        replication: i32,
    },
}

/// Runs the command.
pub fn run(command: &Command, place: &Place) -> anyhow::Result<()> {
    let Command::Apply { replication } = command;
    let settings = place.kafka_only("tool")?;
    let created = topics::apply(&settings, *replication)?;
    for topic in &created {
        println!("created {topic}");
    }
    println!("{} created, {} as declared", created.len(), contract::TOPICS.len() - created.len());
    if let Some(url) = &place.registry {
        println!("{} schemas registered", crate::registry::register(url)?);
    }
    Ok(())
}
