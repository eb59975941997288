//! What is seen of an item: its registration and every move of its stock.

use std::collections::BTreeMap;

/// What is seen of one item.
#[derive(Debug, Clone, Default)]
pub struct ItemSeen {
    /// How often it was registered.
    pub registered: u32,
    pub price_minor: i64,
    /// Commands refused, prices corrected, items retired: nothing of the kind was asked for.
    pub unasked: u32,
    /// How often stock was received, and pieces in all.
    pub deliveries: u32,
    pub received: i64,
    pub reserved: i64,
    pub released: i64,
    pub shipped: i64,
    pub ledger: Ledger,
}

/// Moves of stock, put in order. The moves of an item stand on several partitions and are read in any order; what
/// has no gap before it is added up at once and forgotten.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// The move that comes next.
    next: i64,
    /// Pieces not put aside, after the moves before it.
    pub on_hand: i64,
    /// Moves behind a gap: item_seq to (change of what is on hand, on hand afterwards as the record says).
    ahead: BTreeMap<i64, (i64, i64)>,
    /// Why the moves do not add up: the first reason.
    pub wrong: Option<String>,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger { next: 1, on_hand: 0, ahead: BTreeMap::new(), wrong: None }
    }
}

impl Ledger {
    /// Adds a move.
    pub fn add(&mut self, seq: i64, change: i64, on_hand: i64) {
        if seq < self.next || self.ahead.contains_key(&seq) {
            self.blame(format!("move {seq} is there twice"));
            return;
        }
        self.ahead.insert(seq, (change, on_hand));
        while let Some(entry) = self.ahead.first_entry().filter(|entry| *entry.key() == self.next) {
            let (seq, (change, said)) = entry.remove_entry();
            self.next += 1;
            self.on_hand += change;
            if self.on_hand != said || said < 0 {
                self.blame(format!("move {seq} says {said} on hand, its moves add up to {}", self.on_hand));
            }
        }
    }

    fn blame(&mut self, why: String) {
        self.wrong.get_or_insert(why);
    }

    /// Why the moves do not add up, a gap included.
    pub fn fault(&self) -> Option<String> {
        let gap = || (!self.ahead.is_empty()).then(|| format!("move {} is missing", self.next));
        self.wrong.clone().or_else(gap)
    }
}

impl ItemSeen {
    /// Pieces put aside now.
    pub fn held(&self) -> i64 {
        self.reserved - self.released - self.shipped
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    #[test]
    fn moves_add_up_in_whatever_order_they_are_read() {
        let moves = [(1, 10, 10), (2, -4, 6), (3, 0, 6), (4, 4, 10)];
        let mut ledger = Ledger::default();
        for at in [2, 0, 3, 1] {
            let (seq, change, on_hand) = moves[at];
            ledger.add(seq, change, on_hand);
        }
        assert_eq!((ledger.fault(), ledger.on_hand), (None, 10));
    }

    #[test]
    fn a_gap_a_repeat_and_a_wrong_sum_are_found() {
        let fault = |moves: &[(i64, i64, i64)]| {
            let mut ledger = Ledger::default();
            moves.iter().for_each(|(seq, change, on_hand)| ledger.add(*seq, *change, *on_hand));
            ledger.fault().unwrap_or_default()
        };
        assert_eq!(fault(&[(1, 10, 10), (3, 1, 11)]), "move 2 is missing");
        assert_eq!(fault(&[(1, 10, 10), (1, 10, 10)]), "move 1 is there twice");
        assert_eq!(fault(&[(1, 10, 10), (2, -4, 7)]), "move 2 says 7 on hand, its moves add up to 6");
        assert_eq!(fault(&[(1, 1, 1), (2, -2, -1)]), "move 2 says -1 on hand, its moves add up to -1");
    }
}
