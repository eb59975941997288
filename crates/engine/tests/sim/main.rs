//! The engine in the pretend world.

mod seeds;
