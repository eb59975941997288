//! One file per command.

pub mod acls;
pub mod catalog;
pub mod demo;
pub mod dlq;
pub mod doctor;
pub mod graph;
pub mod item;
pub mod lag;
pub mod load;
pub mod metrics;
pub mod order;
pub mod parked;
pub mod reset;
pub mod run;
pub mod schema;
pub mod state;
pub mod top;
pub mod topics;
pub mod verify;
