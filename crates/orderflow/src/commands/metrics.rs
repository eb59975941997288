//! `orderflow metrics`: what is made of the list of metrics.

use crate::monitoring;
use crate::processors;

/// Prints what is generated from the list of metrics; `make contract` writes it to its files
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The reference page, in Markdown: docs/METRICS.md
    Reference,
    /// The dashboard for Grafana, in JSON
    Dashboard,
    /// The alerts for Prometheus, in YAML
    Rules,
}

/// Runs the command.
pub fn run(command: &Command) -> anyhow::Result<()> {
    let topologies: Vec<&flow::Topology> = processors::ALL.iter().map(|known| known.topology()).collect();
    match command {
        Command::Reference => out!("{}", monitoring::reference(&topologies)),
        Command::Dashboard => out!("{}", monitoring::dashboard()),
        Command::Rules => out!("{}", monitoring::rules(&topologies)),
    }
    Ok(())
}
