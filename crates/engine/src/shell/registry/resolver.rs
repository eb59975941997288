//! Answers the ids that workers wait for.

use std::hash::{BuildHasher, RandomState};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::client::Client;
use super::{Registry, RegistryError};
use crate::core::io::WriterSchema;
use crate::shell::schemas::Schemas;

/// Between two looks at what is wanted, and the first pause after a failure.
const LOOK: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The thread that asks. It ends when this is dropped.
#[derive(Debug)]
#[must_use = "dropped, it stops"]
pub struct Resolver {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Resolver {
    /// Gives up the call in flight, if any, and returns when the thread has ended.
    pub fn stop(self) {}
}

impl Drop for Resolver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends either way; a panic has been printed where it happened.
            let _ = thread.join();
        }
    }
}

impl Registry {
    /// Asks for what `schemas` wants until the resolver is stopped. An id is answered as unknown only when the registry
    /// itself said so; while it does not answer, whoever wants the id waits.
    pub fn resolver(self, schemas: Schemas) -> Result<Resolver, RegistryError> {
        let registry = self.url().to_owned();
        let (stop, stopped) = oneshot::channel();
        let asking = thread::Builder::new().name("registry".to_owned()).spawn(move || {
            if let Some(runtime) = &self.runtime {
                runtime.block_on(async {
                    tokio::select! {
                        // Its sender is dropped, which is an error to it and an end to us.
                        _ = stopped => {}
                        () = resolve(&self.client, &schemas) => {}
                    }
                });
            }
        });
        let thread = asking.map_err(|error| RegistryError::Thread { registry, reason: error.to_string() })?;
        Ok(Resolver { stop: Some(stop), thread: Some(thread) })
    }
}

async fn resolve(client: &Client, schemas: &Schemas) {
    let mut line = Line::default();
    // Where the next round begins, so that an id which always fails does not starve those behind it.
    let mut first = 0;
    loop {
        tokio::time::sleep(line.pause()).await;
        let mut wanted = schemas.wanted();
        if wanted.is_empty() {
            continue;
        }
        let count = wanted.len();
        wanted.rotate_left(first % count);
        let mut failure = None;
        for (at, id) in wanted.into_iter().enumerate() {
            if let Err(error) = answer(client, schemas, id).await {
                first = first % count + at + 1;
                failure = Some(error);
                break;
            }
        }
        match failure {
            Some(error) if line.failed() => {
                tracing::warn!(
                    registry = client.url,
                    "registry does not answer, records with unknown schema ids wait: {error}"
                );
            }
            Some(_) => {}
            None => {
                if let Some(down) = line.answered() {
                    tracing::info!(registry = client.url, "registry is back after {down:?}");
                }
            }
        }
    }
}

async fn answer(client: &Client, schemas: &Schemas, id: u32) -> Result<(), RegistryError> {
    match client.fetch(id).await {
        Ok(schema) => schemas.answer(id, schema),
        Err(RegistryError::Unusable { reason, .. }) => {
            // The registry knows the id, and asking again will not make an Avro record of it. A name that no topic lists
            // makes the core reject what carries it, where waiting would block the partition for good.
            tracing::warn!(
                registry = client.url,
                schema_id = id,
                "schema unusable, its records are rejected: {reason}"
            );
            let record = format!("schema id {id}, unusable: {reason}");
            schemas.answer(id, Some(WriterSchema { record, fingerprint: 0, text: "".into() }));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Whether the registry answers: what to say, and how long to wait.
#[derive(Debug, Default)]
pub(super) struct Line {
    failures: u32,
    down_since: Option<Instant>,
}

impl Line {
    /// Whether it is news.
    pub(super) fn failed(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        let news = self.down_since.is_none();
        self.down_since.get_or_insert_with(Instant::now);
        news
    }

    /// How long it was down, when it was.
    pub(super) fn answered(&mut self) -> Option<Duration> {
        self.failures = 0;
        self.down_since.take().map(|since| since.elapsed())
    }

    /// 100 ms doubling to 5 s while it is down, less up to half of it, so that a fleet does not come back as one.
    pub(super) fn pause(&self) -> Duration {
        let Some(doublings) = self.failures.checked_sub(1) else { return LOOK };
        let whole = LOOK.saturating_mul(1 << doublings.min(16)).min(PAUSE_MAX);
        // The standard library's only source of randomness; good enough to part two processes.
        let jitter = (RandomState::new().hash_one(()) % 1000) as u32;
        whole - whole * jitter / 2000
    }
}
