//! The engine in the pretend world: random runs, planted bugs, fixed scenarios, and laws.

mod clocks;
mod disks;
mod gaps;
mod lag;
mod laws;
mod order;
mod parked;
mod plants;
mod poison;
mod rejects;
mod restores;
mod seeds;
mod stores;
mod windows;
