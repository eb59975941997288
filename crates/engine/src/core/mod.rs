//! What the engine decides, without doing any of it.
//!
//! Architecture Invariant: `core` never uses `shell`.

pub mod clock;
pub mod counts;
pub mod dedup;
pub mod follow;
pub mod guard;
pub mod headers;
pub mod ids;
pub mod io;
pub mod keys;
pub mod letter;
pub mod logic;
pub mod order;
pub mod overlay;
pub mod pace;
pub mod record;
pub mod task;
pub mod worker;
