//! Pretend broker, disk and clock for deterministic tests.

pub mod broker;
pub mod chaos;
pub mod clock;
pub mod disk;
pub mod fetch;
pub mod history;
pub mod inputs;
pub mod instance;
pub mod ledger;
pub mod oracle;
pub mod plant;
pub mod reader;
pub mod rest;
pub mod restorer;
pub mod rng;
pub mod scenario;
pub mod shared;
pub mod transport;
pub mod watch;
pub mod world;
