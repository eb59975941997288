//! Looks at the cluster on a thread of its own, so that a broker that does not answer never holds up the keyboard.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use engine::shell::client::{Client as _, From, Tail};
use engine::shell::kafka::{At, KafkaClient, KafkaSettings};

use super::model::{Sample, Update};
use crate::failure::Failure;
use crate::log::failed;
use crate::processors;
use crate::survey::Surveyor;

/// Of each partition so many waiting records are counted at each look; above that their offsets are an upper bound.
const COUNT_MAX: u64 = 200;
/// Pages of dead letters read at each look.
const PAGES: usize = 20;

pub type Updates = Receiver<Update>;

/// Begins to look; ends when nobody listens any more.
pub fn start(settings: KafkaSettings, interval: Duration) -> std::io::Result<Updates> {
    // When nobody takes an update in time the next look waits.
    let (updates, taken) = sync_channel(1);
    std::thread::Builder::new().name("watch".into()).spawn(move || watch(&settings, interval, &updates))?;
    Ok(taken)
}

fn watch(settings: &KafkaSettings, interval: Duration, updates: &SyncSender<Update>) {
    let begun = Instant::now();
    let mut watcher = None;
    loop {
        let since = Instant::now();
        let looked = match &mut watcher {
            Some(watcher) => Watcher::look(watcher, begun),
            none => Watcher::open(settings).and_then(|opened| none.insert(opened).look(begun)),
        };
        let update = match looked {
            Ok(sample) => Update::Sample(sample),
            Err(error) => Update::Trouble(trouble(&error)),
        };
        if updates.send(update).is_err() {
            return;
        }
        std::thread::sleep(interval.saturating_sub(since.elapsed()));
    }
}

/// What a person is told, unless it is only that nobody answers.
fn trouble(error: &anyhow::Error) -> Option<String> {
    match error.downcast_ref::<Failure>() {
        Some(failure) if failure.exit == 3 => None,
        Some(failure) => Some(format!("{}; {}", failure.what, failure.hint).replace('\n', " ")),
        None => Some(format!("{error:#}").replace('\n', " ")),
    }
}

struct Watcher {
    surveyor: Surveyor,
    letters: Box<dyn Tail>,
    /// Dead letters by processor, as far as they were read.
    dead: BTreeMap<&'static str, u64>,
    topics: Vec<At>,
}

impl Watcher {
    fn open(settings: &KafkaSettings) -> anyhow::Result<Watcher> {
        let topologies = || processors::ALL.iter().map(|known| known.topology());
        let surveyor = Surveyor::open(settings, topologies().collect())?;
        surveyor.check()?;
        let names: Vec<String> = topologies().map(|topology| format!("{}-dlq", topology.name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut client = KafkaClient::open(settings.clone()).map_err(failed)?;
        let letters = client.tail(&names, From::Start).map_err(failed)?;
        let dead = topologies().map(|topology| (topology.name, 0)).collect();
        let topics = shown().flat_map(|topic| (0..topic.partitions).map(|at| (topic.name.to_owned(), at))).collect();
        Ok(Watcher { surveyor, letters, dead, topics })
    }

    fn look(&mut self, begun: Instant) -> anyhow::Result<Box<Sample>> {
        let standings = self.surveyor.look(COUNT_MAX)?;
        let ends = self.surveyor.survey.ends(&self.topics).map_err(crate::topics::failed)?;
        let at_ms = begun.elapsed().as_millis() as u64;
        let mut written: BTreeMap<&'static str, i64> = shown().map(|topic| (topic.name, 0)).collect();
        for ((topic, _), ends) in &ends {
            if let Some(sum) = written.get_mut(topic.as_str()) {
                *sum += ends.high_watermark;
            }
        }
        for _ in 0..PAGES {
            let page = self.letters.poll(Duration::ZERO).map_err(failed)?;
            if page.is_empty() {
                break;
            }
            for letter in page {
                let count = self.dead.iter_mut().find(|(name, _)| letter.topic.strip_suffix("-dlq") == Some(name));
                count.into_iter().for_each(|(_, count)| *count += 1);
            }
        }
        Ok(Box::new(Sample { at_ms, standings, written, dead: self.dead.clone() }))
    }
}

/// The topics that people know: none that the engine keeps for itself.
fn shown() -> impl Iterator<Item = &'static contract::TopicSpec> {
    contract::TOPICS.iter().filter(|topic| matches!(topic.kind, "command" | "request" | "fact" | "reply"))
}
