//! The embedded log: the same core and the same processors in one process, with nothing installed. Not for production.

mod client;
mod log;
mod transport;

pub use client::EmbeddedClient;
pub use log::{Append, EmbeddedLog, LogError};
pub use transport::EmbeddedTransport;
