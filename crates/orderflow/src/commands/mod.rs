//! One file per command.

pub mod dlq;
pub mod item;
pub mod order;
pub mod reset;
pub mod run;
pub mod topics;
