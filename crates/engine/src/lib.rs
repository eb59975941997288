//! The engine: `core` decides, `shell` does.

pub mod core;
pub mod shell;
