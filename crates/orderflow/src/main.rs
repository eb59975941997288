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
mod monitoring;
mod options;
mod processors;
mod registry;
mod topics;
mod verdict;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Event-driven order processing on Kafka: commands in, outcomes out, not one call between services
#[derive(Debug, Parser)]
#[command(name = "orderflow", version, max_term_width = 120)]
struct Cli {
    #[command(flatten)]
    place: options::Place,
    /// What is logged to stderr: error, warn, info, debug, or a filter such as "engine=debug"
    #[arg(long, env = "ORDERFLOW_LOG", value_name = "FILTER", global = true)]
    log: Option<String>,
    /// Form of the log
    #[arg(long, env = "ORDERFLOW_LOG_FORMAT", value_name = "FORM", default_value = "text", global = true)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
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

fn log(cli: &Cli) {
    let filter = cli.log.clone().unwrap_or_else(|| cli.command.default_log().to_owned());
    // What these two libraries run into is said by us, once; naming them in the filter shows their own lines, too.
    let filter = format!("sled=off,rdkafka=off,{filter}");
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match cli.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(&cli);
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
