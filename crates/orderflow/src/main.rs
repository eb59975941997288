//! `orderflow`: the one binary. In a pod it runs processors; for a person it is every other verb.

// First: its macros are for the modules below.
#[macro_use]
mod out;

mod commands;
mod decode;
mod envelope;
mod failure;
mod fleet;
mod http;
mod ids;
mod load;
mod log;
mod logging;
mod monitoring;
mod options;
mod otlp;
mod panics;
mod processors;
mod registry;
mod survey;
mod text;
mod topics;
mod verdict;

use std::process::ExitCode;

use clap::Parser;

/// Event-driven order processing on Kafka: commands in, outcomes out, not one call between services
#[derive(Parser)]
#[command(name = "orderflow", version, max_term_width = 120)]
struct Cli {
    #[command(flatten)]
    place: options::Place,
    #[command(flatten)]
    logging: logging::Args,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Demo(commands::demo::Args),
    Run(commands::run::Args),
    #[command(subcommand)]
    Topics(commands::topics::Command),
    #[command(subcommand)]
    Catalog(commands::catalog::Command),
    #[command(subcommand)]
    Order(commands::order::Command),
    #[command(subcommand)]
    Item(commands::item::Command),
    #[command(subcommand)]
    Dlq(commands::dlq::Command),
    Reset(commands::reset::Args),
    #[command(subcommand)]
    State(commands::state::Command),
    Lag(commands::lag::Args),
    Top(commands::top::Args),
    Parked(commands::parked::Args),
    Doctor(commands::doctor::Args),
    Graph(commands::graph::Args),
    #[command(subcommand)]
    Schema(commands::schema::Command),
    #[command(subcommand)]
    Load(commands::load::Command),
    Verify(commands::verify::Args),
    #[command(subcommand)]
    Metrics(commands::metrics::Command),
}

impl Command {
    /// A pod tells what it does; a person's command only what is wrong.
    fn default_log(&self) -> &'static str {
        match self {
            Command::Run(_) => "info",
            _ => "error",
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = logging::start(&cli.logging, cli.command.default_log()) {
        return ExitCode::from(failure::report(&error));
    }
    let place = &cli.place;
    let done = match &cli.command {
        Command::Demo(args) => commands::demo::run(args, place),
        Command::Run(args) => commands::run::run(args, place),
        Command::Topics(command) => commands::topics::run(command, place),
        Command::Catalog(command) => commands::catalog::run(command),
        Command::Order(command) => commands::order::run(command, place),
        Command::Item(command) => commands::item::run(command, place),
        Command::Dlq(command) => commands::dlq::run(command, place),
        Command::Reset(args) => commands::reset::run(args, place),
        Command::State(command) => commands::state::run(command, place),
        Command::Lag(args) => commands::lag::run(args, place),
        Command::Top(args) => commands::top::run(args, place),
        Command::Parked(args) => commands::parked::run(args, place),
        Command::Doctor(args) => commands::doctor::run(args, place),
        Command::Graph(args) => commands::graph::run(args, place),
        Command::Schema(command) => commands::schema::run(command, place),
        Command::Load(command) => commands::load::run(command, place),
        Command::Verify(args) => commands::verify::run(args, place),
        Command::Metrics(command) => commands::metrics::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(failure::report(&error)),
    }
}
