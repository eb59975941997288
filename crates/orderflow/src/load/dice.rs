//! Chance with a seed: the same seed, question and number give the same answer, in whatever order they are asked.

use std::collections::BTreeSet;

/// What is left to chance. Each question has dice of its own, so that one share does not shift the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Late,
    LateStock,
    Scarce,
    Duplicate,
    Delay,
    Garbage,
}

/// A seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dice(pub u64);

impl Dice {
    /// 64 bits.
    pub fn roll(self, ask: Ask, number: u64) -> u64 {
        mix(mix(self.0 ^ mix(ask as u64)) ^ mix(!number))
    }

    /// Yes for about `share` (0 to 1) of all numbers.
    pub fn hit(self, ask: Ask, number: u64, share: f64) -> bool {
        const BITS: u32 = 53;
        ((self.roll(ask, number) >> (64 - BITS)) as f64) < share * (1u64 << BITS) as f64
    }

    /// A share of these numbers, rounded, but at least one when the share is above 0.
    pub fn choose(self, ask: Ask, among: impl Iterator<Item = u64>, share: f64) -> BTreeSet<u64> {
        let mut among: Vec<(u64, u64)> = among.map(|number| (self.roll(ask, number), number)).collect();
        let least = usize::from(share > 0.0);
        let count = ((among.len() as f64 * share).round() as usize).max(least);
        among.sort_unstable();
        among.into_iter().take(count).map(|(_, number)| number).collect()
    }

    /// `length` bytes.
    pub fn bytes(self, ask: Ask, number: u64, length: usize) -> Vec<u8> {
        let words = (0..).map(|word| mix(self.roll(ask, number) ^ mix(word)));
        words.flat_map(u64::to_le_bytes).take(length).collect()
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
