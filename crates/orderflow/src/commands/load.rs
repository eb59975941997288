//! `orderflow load`: real input, with trouble on demand.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine::shell::client::Client;

use crate::envelope::now_ms;
use crate::failure::Failure;
use crate::ids::Ids;
use crate::load::{self, Manifest, Trouble};
use crate::log::Log;
use crate::options::Place;

/// Input from the field's standard data sets
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// TPC-H: parts become items, partsupp their stock, orders with their line items the orders
    Tpch {
        #[command(flatten)]
        input: Input,
        /// Where the manifest of what was sent is written, for `orderflow verify`
        #[arg(long, default_value = "manifest.json", value_name = "FILE")]
        manifest: PathBuf,
        /// Schema ids of the registry, remembered here
        #[arg(long, env = "ORDERFLOW_DATA", default_value = "data", value_name = "DIR")]
        data: PathBuf,
        /// Records a second, evenly; as many as the broker takes when not given
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        rate: Option<u32>,
    },
}

/// How much, and what goes wrong on purpose.
#[derive(Debug, Clone, clap::Args)]
pub struct Input {
    /// TPC-H scale factor: 1 is 1,500,000 orders
    #[arg(long, default_value_t = 0.01)]
    pub scale: f64,
    /// Share of commands that are sent twice, 0 to 1
    #[arg(long, default_value_t = Trouble::default().duplicates, value_name = "SHARE")]
    pub duplicates: f64,
    /// Share of items that are registered only after all orders, 0 to 1
    #[arg(long, default_value_t = Trouble::default().late, value_name = "SHARE")]
    pub late: f64,
    /// Share of items whose stock is 70 % of the demand, 0 to 1
    #[arg(long, default_value_t = Trouble::default().scarce, value_name = "SHARE")]
    pub scarce: f64,
    /// Records that nobody can handle
    #[arg(long, default_value_t = Trouble::default().garbage, value_name = "COUNT")]
    pub garbage: usize,
    /// The same seed makes the same input; every id holds it, so that loads of other seeds stand side by side
    #[arg(long, default_value_t = Trouble::default().seed)]
    pub seed: u64,
}

impl Input {
    /// Decides what is sent.
    pub fn plan(&self) -> anyhow::Result<load::Plan> {
        let Input { duplicates, late, scarce, garbage, seed, .. } = *self;
        let plan = load::plan(self.scale, &Trouble { duplicates, late, scarce, garbage, seed });
        plan.map_err(|error| {
            Failure::usage("bad-input", format!("{error:#}"), "see `orderflow load tpch --help`").into()
        })
    }
}

/// Sends a plan; `progress` hears how far it is.
pub fn send(
    plan: &load::Plan,
    client: &mut dyn Client,
    ids: &Ids,
    progress: &mut dyn FnMut(load::Sent),
) -> anyhow::Result<Manifest> {
    load::send(plan, client, &|fingerprint| ids.get(fingerprint), &now_ms, progress)
}

/// Writes a manifest.
pub fn write(manifest: &Manifest, path: &Path) -> anyhow::Result<()> {
    let written = std::fs::File::create(path).and_then(|file| {
        let mut file = std::io::BufWriter::new(file);
        serde_json::to_writer(&mut file, manifest)?;
        std::io::Write::flush(&mut file)
    });
    written.map_err(|error| {
        Failure::new("manifest", format!("file \"{}\": {error}", path.display()), "name another one with --manifest")
            .into()
    })
}

/// Runs the command.
pub fn run(command: &Command, place: &Place) -> anyhow::Result<()> {
    let Command::Tpch { input, manifest: path, data, rate } = command;
    let plan = input.plan()?;
    let log = Log::open(place, "tool")?;
    let ids = Ids::of(place, data)?;
    let bar = indicatif::ProgressBar::new(plan.commands).with_style(
        indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} sent, {per_sec}")
            .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()),
    );
    let since = Instant::now();
    let manifest = send(&plan, &mut *log.client()?, &ids, &mut |sent| {
        bar.set_length(sent.total);
        bar.set_position(sent.records);
        if let Some(rate) = rate {
            let due = Duration::from_secs_f64(sent.records as f64 / f64::from(*rate));
            std::thread::sleep(due.saturating_sub(since.elapsed()));
        }
    })?;
    bar.finish_and_clear();
    write(&manifest, path)?;
    let counts = &manifest.counts;
    outln!(
        "{} orders with {} lines over {} items, {} commands sent twice, {} garbage records; manifest in {}",
        counts.orders,
        counts.lines,
        counts.items,
        manifest.duplicates(),
        counts.garbage,
        path.display()
    );
    Ok(())
}
