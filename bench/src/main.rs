//! `make bench`: the engine against a bare loop around librdkafka, the same job on the same broker.
//!
//! The job: order lines in Avro, a tenth of them duplicates, de-duplicated by event id, joined with one of 10,000 items
//! and sent on, exactly once, over 4 partitions. Both sides are processes of their own, so that each one's memory is its
//! own, and take turns within one run: figures of different runs say little, ratios of one run hold.
//!
//! `bench transactions` measures another thing: what a transaction costs the broker by the partitions that it touches.

mod bare;
mod check;
mod input;
mod ours;
mod record;
mod topics;
mod transactions;

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand, ValueEnum};

/// Compares the engine with a bare loop around librdkafka; exit code 1 when one of them gives wrong results
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    /// Order lines, duplicates included
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u64).range(100..))]
    records: u64,
    /// Rounds; the median counts
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// A broker that runs already; topics whose names begin with "bench" are made there, and removed in the end
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap: Option<String>,
    /// Run one side on input that is there
    #[arg(long, hide = true, requires = "bootstrap")]
    side: Option<Side>,
    /// Leave the topics, to look at them or to run one side again
    #[arg(long, hide = true)]
    keep: bool,
}

/// Measurements that compare nothing with the engine.
#[derive(Debug, Subcommand)]
enum Other {
    Transactions(transactions::Options),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    Engine,
    Bare,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::Engine => "engine",
            Side::Bare => "bare",
        }
    }

    fn output(self) -> &'static str {
        match self {
            Side::Engine => topics::OUTPUT,
            Side::Bare => topics::BARE_OUTPUT,
        }
    }
}

/// What a side is to do.
pub struct Job {
    pub bootstrap: String,
    pub lines: u64,
}

impl Job {
    /// Records of the input.
    pub fn total(&self) -> u64 {
        self.lines + input::ITEMS
    }
}

/// What a side says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub seconds: f64,
    /// Processor time of all its threads meanwhile: says more than the clock on the wall when the machine is busy.
    pub cpu_seconds: f64,
    pub transactions: u64,
    pub aborts: u64,
    pub peak_mb: u64,
}

impl Outcome {
    fn line(&self) -> String {
        let Outcome { seconds, cpu_seconds, transactions, aborts, peak_mb } = self;
        format!("outcome {seconds} {cpu_seconds} {transactions} {aborts} {peak_mb}")
    }

    fn parse(text: &str) -> Option<Outcome> {
        let line = text.lines().find_map(|line| line.strip_prefix("outcome "))?;
        let mut words = line.split(' ');
        Some(Outcome {
            seconds: words.next()?.parse().ok()?,
            cpu_seconds: words.next()?.parse().ok()?,
            transactions: words.next()?.parse().ok()?,
            aborts: words.next()?.parse().ok()?,
            peak_mb: words.next()?.parse().ok()?,
        })
    }
}

/// A moment, on the wall and in processor time.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    at: Instant,
    cpu_seconds: f64,
}

impl Moment {
    pub fn now() -> Moment {
        Moment { at: Instant::now(), cpu_seconds: cpu_seconds("self") }
    }

    /// What passed since: on the wall, and of processor time.
    pub fn passed(&self) -> (f64, f64) {
        (self.at.elapsed().as_secs_f64(), Moment::now().cpu_seconds - self.cpu_seconds)
    }
}

/// Processor time that a process, by its PID or "self", has had so far: of all its threads.
pub fn cpu_seconds(process: &str) -> f64 {
    // User and system time are fields 14 and 15, in hundredths of a second; the name before them may hold anything.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The most memory that this process ever held, in MB.
pub fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    peak.unwrap_or(0u64) / 1_024
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    if let Some(Other::Transactions(options)) = &args.other {
        return transactions::run(options);
    }
    if let Some(side) = args.side {
        let job = Job { bootstrap: args.bootstrap.clone().unwrap_or_default(), lines: args.records };
        println!("{}", one_side(side, &job)?.line());
        return Ok(());
    }
    // A broker of our own is gone when this value is.
    let (_kafka, bootstrap) = match &args.bootstrap {
        Some(bootstrap) => (None, bootstrap.clone()),
        None => {
            eprintln!("starting Kafka");
            let kafka = tests::Kafka::start()?;
            let bootstrap = kafka.bootstrap();
            (Some(kafka), bootstrap)
        }
    };
    let admin = topics::admin(&bootstrap)?;
    topics::create_input(&admin)?;
    eprintln!("writing {} order lines", args.records);
    let expected = input::load(&bootstrap, args.records)?;
    println!(
        "{} order lines, {} distinct; {} items; {} partitions; one thread a side",
        args.records,
        expected.lines,
        input::ITEMS,
        topics::PARTITIONS
    );
    println!("round  side    records/s  seconds  cpu us/record  transactions  aborts  peak MB");
    let (mut ratios, mut wrong) = (Vec::new(), Vec::new());
    for round in 1..=args.rounds {
        topics::renew(&admin)?;
        let mut rates = Vec::new();
        for side in [Side::Engine, Side::Bare] {
            let outcome = in_a_process(side, args.records, &bootstrap)?;
            let rate = args.records as f64 / outcome.seconds;
            rates.push(rate);
            println!(
                "{round:>5}  {:<6}  {rate:>9.0}  {:>7.2}  {:>13.2}  {:>12}  {:>6}  {:>7}",
                side.name(),
                outcome.seconds,
                outcome.cpu_seconds * 1e6 / args.records as f64,
                outcome.transactions,
                outcome.aborts,
                outcome.peak_mb
            );
            let found = check::read(&bootstrap, &admin, side.output())?;
            wrong.extend(found.wrong(&expected).map(|what| format!("round {round}, {}: {what}", side.name())));
        }
        ratios.push(rates[0] / rates[1]);
    }
    if !args.keep {
        topics::remove(&admin)?;
        admin.delete(&[topics::INPUT.to_owned()])?;
    }
    ratios.sort_by(f64::total_cmp);
    println!("engine/bare ratio: {:.2} (median of {}; goal 0.40)", ratios[ratios.len() / 2], args.rounds);
    ensure!(wrong.is_empty(), "wrong results:\n  {}", wrong.join("\n  "));
    Ok(())
}

fn one_side(side: Side, job: &Job) -> Result<Outcome> {
    match side {
        Side::Engine => {
            let data = tempfile::tempdir()?;
            ours::run(job, data.path())
        }
        Side::Bare => bare::run(job),
    }
}

fn in_a_process(side: Side, records: u64, bootstrap: &str) -> Result<Outcome> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--side", side.name(), "--bootstrap", bootstrap, "--records", &records.to_string()]);
    let output = command.stderr(Stdio::inherit()).output().context("cannot start a side")?;
    if !output.status.success() {
        bail!("side \"{}\" ended with {}", side.name(), output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Outcome::parse(&text).with_context(|| format!("side \"{}\" said \"{text}\"", side.name()))
}
