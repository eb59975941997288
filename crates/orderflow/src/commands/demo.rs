//! `orderflow demo`: the whole flow on real input, judged by an independent reader.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::shell::client::From;
use engine::shell::kafka::{Admin, AdminError, KafkaSettings};
use indicatif::{ProgressBar, ProgressStyle};

use super::load::Input;
use super::verify::{conclude, reader, watch};
use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::http::{self, Health};
use crate::ids::Ids;
use crate::load::{Manifest, Sent};
use crate::log::{Log, failed};
use crate::monitoring::Exporter;
use crate::options::Place;
use crate::otlp::{self, Otlp};
use crate::verdict::{self, Progress};
use crate::{processors, topics};

/// The longest that a broker waits for a member that was killed: 45 s, and a little.
const SESSION: Duration = Duration::from_secs(50);

/// Runs every processor on TPC-H orders with duplicates, late items, scarce stock and garbage, and judges the outcome;
/// in one process with nothing installed, or on a Kafka with --bootstrap
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Print the summary as one JSON object on the last line
    #[arg(long)]
    json: bool,
    /// Keep log, stores and manifest in this folder; a temporary one when not given
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// On Kafka: delete the flow's topics and create them anew first
    #[arg(long)]
    fresh: bool,
    /// How long nothing may move before the verdict is given, in seconds
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
    /// Where /livez, /readyz and /metrics listen while it runs; none when not given
    #[arg(long, env = "ORDERFLOW_LISTEN", value_name = "HOST:PORT")]
    listen: Option<String>,
    #[command(flatten)]
    otlp: otlp::Args,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    crate::panics::end_the_process();
    let temporary = tempfile::Builder::new().prefix("orderflow-demo-").tempdir()?;
    let folder = args.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    let log = match place.kafka("demo")? {
        Some(settings) => {
            prepare(&settings, args.fresh)?;
            // The next demo begins when this one has ended, not when its members' sessions have.
            Log::Kafka(KafkaSettings { nameless: true, ..settings })
        }
        None => Log::embedded(&empty(&folder)?)?,
    };
    let ids = Ids::of(place, &folder)?;
    let plan = args.input.plan()?;
    eprintln!("{}", banner(&log, &plan));
    let since = Instant::now();
    let mut client = log.client()?;
    let mut tail = client.tail(&verdict::TOPICS, From::Start).map_err(failed)?;
    let (metrics, health) = (Exporter::install()?, Arc::new(Health::default()));
    let listening =
        args.listen.as_ref().map(|listen| http::serve_beside(listen, health.clone(), metrics.clone())).transpose()?;
    let mut fleet = Fleet::new(Otlp::open(&args.otlp, "demo")?);
    for known in processors::ALL {
        fleet.start(*known, 1, &log, &folder.join("stores"), &ids)?;
    }
    metrics.show(fleet.view());
    let (sent, loading, seen) = (channel(), channel(), Arc::new(Mutex::new(Progress::default())));
    let loader = {
        let (log, ids) = (log.clone(), ids.clone());
        let (sent, loading, seen, patience) = (sent.0, loading.0, seen.clone(), Duration::from_secs(args.patience));
        std::thread::spawn(move || {
            let mut waited = false;
            let mut progress = |progress: Sent| {
                // Nobody listens any more once the demo has failed.
                let _ = loading.send(progress);
                if progress.late && !std::mem::replace(&mut waited, true) {
                    settled(&seen, plan.orders, patience);
                }
            };
            let manifest =
                log.client().and_then(|mut client| super::load::send(&plan, &mut *client, &ids, &mut progress));
            drop(sent.send(manifest));
        })
    };
    let mut reader = reader(&ids);
    let mut screen = Screen::new();
    let manifest =
        watch(&mut reader, &mut *tail, &mut || loaded(&sent.1), Duration::from_secs(args.patience), &mut |progress| {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = progress;
            screen.show(progress, loading.1.try_iter().last());
            health.set(fleet.stuck(), fleet.unready());
            metrics.upkeep();
            match fleet.failed() {
                None => Ok(()),
                Some(why) => Err(Failure::new("worker", why, "").into()),
            }
        });
    screen.clear();
    let manifest = manifest?;
    drop(loader.join());
    fleet.stop()?;
    drop(listening);
    // Whatever was committed while the processors stopped counts as well.
    loop {
        let page = tail.poll(Duration::from_millis(100)).map_err(failed)?;
        page.iter().for_each(|message| reader.feed(message));
        if page.is_empty() && tail.caught_up() {
            break;
        }
    }
    if args.keep.is_some() {
        super::load::write(&manifest, &folder.join("manifest.json"))?;
    }
    conclude(&reader.judge(&manifest), since.elapsed(), args.json)
}

/// Waits until every order is answered or waits for an item, so that late items are registered after their orders have
/// parked; gives up, for the verdict to tell why, when nothing has moved for `patience`.
fn settled(seen: &Mutex<Progress>, orders: u64, patience: Duration) {
    let (mut last, mut moved) = (Progress::default(), Instant::now());
    while last.final_answers + last.parked_now < orders && moved.elapsed() < patience {
        std::thread::sleep(Duration::from_millis(50));
        let now = *seen.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut last, now) != now {
            moved = Instant::now();
        }
    }
}

fn loaded(sent: &Receiver<anyhow::Result<Manifest>>) -> anyhow::Result<Option<Manifest>> {
    match sent.try_recv() {
        Ok(manifest) => manifest.map(Some),
        Err(TryRecvError::Empty) => Ok(None),
        Err(TryRecvError::Disconnected) => Err(anyhow::anyhow!("the loader ended without a manifest")),
    }
}

fn banner(log: &Log, plan: &crate::load::Plan) -> String {
    let place = match log {
        Log::Kafka(settings) => format!("Kafka at {}", settings.bootstrap),
        Log::Embedded(_) => {
            "an embedded log, everything in this process (for first runs and tests, not for production)".into()
        }
    };
    format!(
        "TPC-H {}: {} orders with {} lines over {} items, on {place}\n\
         trouble: {} commands sent twice, {:.0} % of the items late, {:.0} % scarce, {} garbage records",
        plan.scale,
        plan.orders,
        plan.lines,
        plan.parts.len(),
        plan.duplicates,
        plan.trouble.late * 100.0,
        plan.trouble.scarce * 100.0,
        plan.trouble.garbage
    )
}

/// An embedded demo begins with nothing, or the verdict would count an earlier one.
fn empty(folder: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    if folder.join("log").exists() {
        let what = format!("folder \"{}\" holds a log already", folder.display());
        return Err(Failure::usage("not-empty", what, "name a new folder with --keep").into());
    }
    Ok(folder.to_owned())
}

/// Creates the topics; refuses topics that hold records unless `fresh`.
fn prepare(settings: &KafkaSettings, fresh: bool) -> anyhow::Result<()> {
    let admin = Admin::open(settings).map_err(topics::failed)?;
    let existing = admin.topics().map_err(topics::failed)?;
    let ours: Vec<String> = contract::TOPICS
        .iter()
        .filter(|topic| existing.contains_key(topic.name))
        .map(|topic| topic.name.to_owned())
        .collect();
    if fresh {
        // First, as it is refused while anybody works: then everything is still there.
        delete_groups(&admin)?;
        admin.delete(&ours).map_err(topics::failed)?;
    } else {
        for topic in &ours {
            for partition in 0..existing[topic] {
                let (start, end) = admin.bounds(topic, partition).map_err(topics::failed)?;
                if end > start {
                    let what = format!("topic \"{topic}\" holds records already, which the verdict would count");
                    let hint = "--fresh deletes the flow's topics and begins anew; or name another Kafka";
                    return Err(Failure::usage("not-empty", what, hint).into());
                }
            }
        }
    }
    topics::apply(settings, 1)?;
    Ok(())
}

/// Deletes the groups of all processors. What was killed stays a member until the broker misses it, so that is waited for.
fn delete_groups(admin: &Admin) -> anyhow::Result<()> {
    let groups: Vec<&str> = processors::ALL.iter().map(|known| known.name()).collect();
    let since = Instant::now();
    let mut said = false;
    loop {
        match admin.delete_groups(&groups) {
            Err(error @ AdminError::GroupActive(_)) if since.elapsed() < SESSION => {
                if !std::mem::replace(&mut said, true) {
                    eprintln!("{error}; if they were killed, the broker misses them within {} s", SESSION.as_secs());
                }
                std::thread::sleep(Duration::from_millis(500));
            }
            done => return done.map_err(topics::failed),
        }
    }
}

/// One live line on a terminal.
struct Screen {
    bar: ProgressBar,
    sent: Sent,
}

impl Screen {
    fn new() -> Screen {
        let style = ProgressStyle::with_template("{spinner} [{elapsed}] {bar:24} {msg}");
        let bar = ProgressBar::new(1).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Screen { bar, sent: Sent::default() }
    }

    fn show(&mut self, progress: Progress, sent: Option<Sent>) {
        self.sent = sent.unwrap_or(self.sent);
        let seconds = self.bar.elapsed().as_secs_f64().max(0.1);
        self.bar.set_length(self.sent.total.max(1));
        self.bar.set_position(self.sent.records);
        self.bar.set_message(format!(
            "sent {}/{}, accepted {}, parked {}, completed {}, rejected {}, {:.0} records/s",
            self.sent.records,
            self.sent.total,
            progress.accepted,
            progress.parked_now,
            progress.completed,
            progress.rejected,
            progress.records as f64 / seconds
        ));
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
