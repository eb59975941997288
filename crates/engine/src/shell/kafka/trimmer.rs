//! Gives the broker's disk back, on a thread of its own: a worker does not wait for an administrative call.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use flow::Topology;

use crate::shell::restore::Internal;

use super::admin::Admin;
use super::settings::KafkaSettings;

/// Trims dedup changelogs. Its thread begins with the first request and ends with the worker.
pub(super) struct Trimmer {
    settings: KafkaSettings,
    topology: &'static Topology,
    asked: Option<Sender<(u32, i64)>>,
}

impl Trimmer {
    pub(super) fn new(settings: KafkaSettings, topology: &'static Topology) -> Trimmer {
        Trimmer { settings, topology, asked: None }
    }

    /// Forgets the records of this task below `offset`, soon. It may fail: the next expired segment asks again.
    pub(super) fn ask(&mut self, task: u32, offset: i64) {
        if self.asked.as_ref().is_some_and(|asked| asked.send((task, offset)).is_ok()) {
            return;
        }
        let (asked, requests) = channel();
        let (settings, topology) = (self.settings.clone(), self.topology);
        let spawned = thread::Builder::new()
            .name(format!("{}-trim", topology.name))
            .spawn(move || trim(&settings, topology.name, &requests));
        if let Err(error) = spawned {
            return tracing::warn!(processor = topology.name, "dedup changelog not trimmed: {error}");
        }
        // The thread listens until this end is dropped.
        if asked.send((task, offset)).is_ok() {
            self.asked = Some(asked);
        }
    }
}

fn trim(settings: &KafkaSettings, processor: &str, requests: &Receiver<(u32, i64)>) {
    let topic = Internal::of(processor).dedup;
    let admin = match Admin::open(settings) {
        Ok(admin) => admin,
        Err(error) => return tracing::warn!(processor, "dedup changelog not trimmed: {error}"),
    };
    for (task, offset) in requests {
        // A broker that refuses is no reason to stop.
        if let Err(error) = admin.trim(&topic, task, offset) {
            tracing::warn!(processor, task, "dedup changelog not trimmed: {error}");
        }
    }
}
