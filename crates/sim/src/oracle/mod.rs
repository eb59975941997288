//! What a run must have led to, worked out independently of the engine.

pub mod facts;
pub mod invariants;
pub mod model;
