//! One file per command.

pub mod catalog;
pub mod demo;
pub mod dlq;
pub mod item;
pub mod load;
pub mod metrics;
pub mod order;
pub mod reset;
pub mod run;
pub mod schema;
pub mod topics;
pub mod verify;
