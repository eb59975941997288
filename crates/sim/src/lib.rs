//! Pretend broker, disk and clock for deterministic tests.

pub mod broker;
pub mod ledger;
pub mod rng;
