//! `orderflow run`: processors in a pod.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::shell::kafka::{Admin, AdminError, KafkaSettings};

use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::ids::Ids;
use crate::log::Log;
use crate::monitoring::Exporter;
use crate::options::Place;
use crate::otlp::{self, Otlp};
use crate::processors::{self, Known};
use crate::{http, topics};

/// Runs processors until SIGTERM or SIGINT, then commits what is in hand and leaves the group
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of the processors, as in topics.yaml
    #[arg(required = true, value_name = "PROCESSOR")]
    processors: Vec<String>,
    /// Folder of the stores; one per instance
    #[arg(long, env = "ORDERFLOW_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// Name of this instance within its groups, the same after a restart: the pod's name
    #[arg(long, env = "ORDERFLOW_INSTANCE", default_value = "0", value_name = "NAME")]
    instance: String,
    /// Workers (threads) per processor
    #[arg(long, env = "ORDERFLOW_WORKERS", default_value_t = 1, value_name = "N")]
    workers: usize,
    /// Where /livez, /readyz and /metrics listen; none when not given
    #[arg(long, env = "ORDERFLOW_LISTEN", value_name = "HOST:PORT")]
    listen: Option<String>,
    #[command(flatten)]
    otlp: otlp::Args,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let known: Vec<Known> = args.processors.iter().map(|name| processors::find(name)).collect::<anyhow::Result<_>>()?;
    crate::panics::end_the_process();
    let log = Log::open(place, &args.instance)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stop = Stop::new()?;
        let metrics = Exporter::install()?;
        let health = Arc::new(http::Health::default());
        if let Some(listen) = &args.listen {
            http::serve(listen, health.clone(), metrics.clone()).await?;
        }
        if let Log::Kafka(settings) = &log
            && !check(settings, &known, &mut stop).await?
        {
            return Ok(());
        }
        std::fs::create_dir_all(&args.data).map_err(|error| {
            let what = format!("folder \"{}\" cannot be made: {error}", args.data.display());
            Failure::new("data-folder", what, "let this user write there, or name another folder with --data")
        })?;
        let ids = Ids::of(place, &args.data)?;
        let resolver = place.registry.as_deref().map(|url| crate::registry::resolver(url, place, &ids)).transpose()?;
        let mut fleet = Fleet::new(Otlp::open(&args.otlp, &args.instance)?);
        for known in known {
            fleet.start(known, args.workers, &log, &args.data, &ids)?;
        }
        metrics.show(fleet.view());
        tracing::info!(processors = args.processors.join(","), instance = args.instance, "running");
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                () = stop.asked() => break,
                _ = tick.tick() => {}
            }
            health.set(fleet.stuck(), fleet.unready());
            metrics.upkeep();
            // It has said why.
            if fleet.failed().is_some() {
                break;
            }
        }
        health.set(None, Some("stopping".to_owned()));
        tracing::info!("stopping: what is in hand is committed");
        fleet.stop()?;
        drop(resolver);
        tracing::info!("stopped");
        Ok(())
    })
}

/// SIGTERM and SIGINT.
struct Stop {
    term: tokio::signal::unix::Signal,
    int: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> std::io::Result<Stop> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Stop { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// Waits for the broker, then refuses topics that are not as declared. False: asked to stop meanwhile.
async fn check(settings: &KafkaSettings, known: &[Known], stop: &mut Stop) -> anyhow::Result<bool> {
    let mut wait = Duration::from_millis(500);
    let mut said = false;
    loop {
        let (settings, topologies) = (settings.clone(), known.iter().map(|known| known.topology()).collect::<Vec<_>>());
        let looked = tokio::task::spawn_blocking(move || {
            let admin = Admin::open(&settings)?;
            let mut found = Vec::new();
            for topology in topologies {
                // A topic between two of them is named once.
                for difference in topics::differences(&admin, &topics::of(topology))? {
                    if !found.contains(&difference) {
                        found.push(difference);
                    }
                }
            }
            Ok::<_, AdminError>(found)
        });
        match looked.await? {
            Ok(differences) if differences.is_empty() => return Ok(true),
            Ok(differences) => {
                let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
                return Err(Failure::new("topics", lines.join("\n  "), topics::hint(&differences)).into());
            }
            Err(error @ AdminError::Unreachable { .. }) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!("{error}; waiting for it");
                }
            }
            Err(error) => return Err(topics::failed(error)),
        }
        tokio::select! {
            () = stop.asked() => return Ok(false),
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(Duration::from_secs(5)),
        }
    }
}
