//! The schema registry as a processor sees it: asked at start and on an unknown id, never per record.
//!
//! Any registry with Confluent's API will do. A call blocks for at most [`Options::timeout`].

mod avro;
mod client;
mod error;
mod ids;
mod lock;
mod resolver;
mod subjects;
#[cfg(test)]
mod tests;
mod url;

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use client::Client;
pub use error::RegistryError;
pub use ids::WireSchema;
pub use resolver::Resolver;
pub use subjects::SubjectVersion;

use crate::core::io::WriterSchema;
use tokio::runtime::Runtime;

/// How to ask.
#[derive(Clone)]
pub struct Options {
    /// In place of the URL's, so that it need not stand on a command line.
    pub user: Option<String>,
    pub password: Option<String>,
    pub connect_timeout: Duration,
    /// Of a whole call, from the connection to the last byte.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Options {
        let (connect_timeout, timeout) = (Duration::from_secs(5), Duration::from_secs(30));
        Options { user: None, password: None, connect_timeout, timeout }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { connect_timeout, timeout, .. } = self;
        f.debug_struct("Options")
            .field("connect_timeout", connect_timeout)
            .field("timeout", timeout)
            .finish_non_exhaustive()
    }
}

/// A registry, asked from any thread, inside a tokio runtime or not.
pub struct Registry {
    client: Client,
    /// `host-port`
    host: String,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("url", &self.client.url).finish_non_exhaustive()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Dropping it would wait for a name lookup that hangs, and panic inside another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Registry {
    /// `url` is the base of the Confluent API, with or without `user:password@`. Connects to nothing yet.
    pub fn open(url: &str, options: Options) -> Result<Registry, RegistryError> {
        let place = url::parse(url, &options)?;
        let host = place.host.clone();
        let client = Client::open(place, &options)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|error| RegistryError::Thread { registry: client.url.clone(), reason: error.to_string() })?;
        Ok(Registry { client, host, runtime: Some(runtime) })
    }

    /// Without user and password.
    pub fn url(&self) -> &str {
        &self.client.url
    }

    /// A name for this registry's lock file: ids of one registry mean nothing to another.
    pub fn lock_name(&self) -> String {
        let host: String = self.host.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).collect();
        let hash = xxhash_rust::xxh3::xxh3_64(self.client.url.as_bytes()) as u32;
        format!("registry-{host}-{hash:08x}.lock.json")
    }

    /// The id of a schema, without registering it; `None` when the registry itself says that it has no such subject, or
    /// not this schema there.
    pub fn lookup(&self, subject: &str, schema_text: &str) -> Result<Option<u32>, RegistryError> {
        self.run(self.client.lookup(subject, schema_text))
    }

    /// Registers a schema and returns its id; the same id when it is registered already.
    pub fn register(&self, subject: &str, schema_text: &str) -> Result<u32, RegistryError> {
        self.run(self.client.register(subject, schema_text))
    }

    /// The schema behind an id; `None` only when the registry itself says that there is none. Nothing is remembered:
    /// the next call asks again.
    pub fn fetch(&self, id: u32) -> Result<Option<WriterSchema>, RegistryError> {
        self.run(self.client.fetch(id))
    }

    /// On a thread of its own: a caller may be inside a runtime already, where blocking on another one panics.
    fn run<T: Send>(&self, call: impl Future<Output = Result<T, RegistryError>> + Send) -> Result<T, RegistryError> {
        let failed =
            |reason: &str| RegistryError::Thread { registry: self.client.url.clone(), reason: reason.to_owned() };
        let runtime = self.runtime.as_ref().ok_or_else(|| failed("the registry is closed"))?;
        thread::scope(|scope| {
            let asking =
                thread::Builder::new().name("registry".to_owned()).spawn_scoped(scope, || runtime.block_on(call));
            let asking = asking.map_err(|error| failed(&error.to_string()))?;
            asking.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }
}
