//! `orderflow verify`: the verdict on a load, from the committed log alone.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use engine::shell::client::{Client, From, Tail};

use crate::failure::Failure;
use crate::ids::{Ids, wire};
use crate::load::Manifest;
use crate::log::{Log, failed};
use crate::options::Place;
use crate::verdict::{self, Progress, Reader, Verdict};

/// Waits until everything of a manifest is answered, then judges what came out
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What `orderflow load` wrote
    #[arg(long, default_value = "manifest.json", value_name = "FILE")]
    manifest: PathBuf,
    /// Print the verdict as one JSON object on the last line
    #[arg(long)]
    json: bool,
    /// How long nothing may move before the verdict is given, in seconds
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
    /// Write "order_id state" lines, sorted
    #[arg(long, value_name = "FILE")]
    states: Option<PathBuf>,
    /// Schema ids of the registry, remembered here
    #[arg(long, env = "ORDERFLOW_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
}

/// A reader that knows the schemas behind these ids.
pub fn reader(ids: &Ids) -> Reader {
    let texts: HashMap<u32, &'static str> =
        wire().filter_map(|released| Some((ids.get(released.fingerprint)?, released.text))).collect();
    Reader::new(move |id| texts.get(&id).map(|text| (*text).to_owned()))
}

/// Reads until everything has come or nothing has moved for `patience`; `each` is told now and then.
pub fn watch(
    reader: &mut Reader,
    tail: &mut dyn Tail,
    manifest: &mut dyn FnMut() -> anyhow::Result<Option<Manifest>>,
    patience: Duration,
    each: &mut dyn FnMut(Progress) -> anyhow::Result<()>,
) -> anyhow::Result<Manifest> {
    let (mut known, mut moved) = (None, Instant::now());
    loop {
        let page = tail.poll(Duration::from_millis(50)).map_err(failed)?;
        if !page.is_empty() {
            moved = Instant::now();
        }
        page.iter().for_each(|message| reader.feed(message));
        each(reader.progress())?;
        if known.is_none() {
            known = manifest()?;
            if known.is_none() {
                moved = Instant::now();
            }
        }
        if let Some(manifest) = &known {
            // What comes twice may come late: after the last answer, everything committed is read to its end.
            let over = page.is_empty() && reader.done(manifest) && tail.caught_up();
            if (over || moved.elapsed() > patience)
                && let Some(manifest) = known.take()
            {
                return Ok(manifest);
            }
        }
    }
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let since = Instant::now();
    let text = std::fs::read(&args.manifest).map_err(|error| {
        let what = format!("file \"{}\": {error}", args.manifest.display());
        Failure::usage("manifest", what, "`orderflow load tpch` writes one")
    })?;
    let mut manifest: Option<Manifest> = Some(serde_json::from_slice(&text).map_err(|error| {
        Failure::usage(
            "manifest",
            format!("file \"{}\": {error}", args.manifest.display()),
            "`orderflow load tpch` writes one",
        )
    })?);
    let log = Log::open(place, "tool")?;
    let ids = Ids::of(place, &args.data)?;
    let mut client: Box<dyn Client> = log.client()?;
    let mut tail = client.tail(&verdict::TOPICS, From::Start).map_err(failed)?;
    let mut reader = reader(&ids);
    let bar = indicatif::ProgressBar::new_spinner();
    let manifest = watch(
        &mut reader,
        &mut *tail,
        &mut || Ok(manifest.take()),
        Duration::from_secs(args.patience),
        &mut |progress| {
            bar.set_message(format!("{} of the orders have their final answer", progress.final_answers));
            bar.tick();
            Ok(())
        },
    )?;
    bar.finish_and_clear();
    let verdict = reader.judge(&manifest);
    if let Some(path) = &args.states {
        std::fs::write(path, reader.states().map(|line| line + "\n").collect::<String>())?;
    }
    conclude(&verdict, since.elapsed(), args.json)
}

/// Prints a verdict; an error when a law is broken.
pub fn conclude(verdict: &Verdict, elapsed: Duration, json: bool) -> anyhow::Result<()> {
    outln!("{}", verdict::summary(verdict, elapsed));
    if json {
        outln!("{}", verdict::json(verdict, elapsed.as_millis() as u64));
    }
    if verdict.holds() {
        return Ok(());
    }
    let hint = "the lines above name examples; `orderflow order show TICKET` tells an order's story";
    Err(Failure::new("law-broken", "what came out is not what went in", hint).into())
}
