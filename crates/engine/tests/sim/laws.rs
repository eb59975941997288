//! Laws: what holds for any input.

use std::collections::BTreeMap;

use engine::core::io::{Chunk, Segment, Store};
use engine::core::order::{Step, Steps};
use engine::core::overlay::{Layers, Overlay};
use proptest::prelude::*;

/// A store that is a map.
struct Map(BTreeMap<Vec<u8>, Vec<u8>>);

impl Store for Map {
    fn get(&self, _task: u32, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }

    fn scan(&self, _task: u32, prefix: &[u8], from: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) {
        for (key, value) in self.0.range(from.max(prefix).to_vec()..) {
            if !key.starts_with(prefix) || !visit(key, value) {
                return;
            }
        }
    }

    fn chunk(&self, _task: u32, _input: u32, _segment: Segment, _offset: i64) -> Option<Vec<u8>> {
        None
    }

    fn chunks(&self, _task: u32, _visit: &mut dyn FnMut(Chunk)) {}
}

/// Short keys over few bytes, so that they meet.
fn key() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0u8..3, 0..4)
}

fn overlay() -> impl Strategy<Value = Overlay> {
    proptest::collection::btree_map(key(), proptest::option::of(proptest::collection::vec(any::<u8>(), 0..2)), 0..12)
        .prop_map(Overlay)
}

fn step() -> impl Strategy<Value = Step> {
    let place = || (0usize..3, any::<i32>().prop_map(i64::from));
    prop_oneof![
        (place(), 1u64..9).prop_map(|((input, offset_next), n)| Step::Run { input, offset_next, records: Some(n) }),
        any::<i64>().prop_map(|now_ms| Step::Clock { now_ms }),
        place().prop_map(|(input, offset_next)| Step::Ahead { input, offset_next }),
        place().prop_map(|(input, offset_next)| Step::Refused { input, offset_next }),
        place().prop_map(|(input, offset_next)| Step::Unknown { input, offset_next }),
        "[0-9a-z.+]{0,12}".prop_map(|version| Step::Code { version }),
    ]
}

proptest! {
    #[test]
    fn sim_a_recorded_order_reads_back(
        inputs in proptest::collection::vec(any::<u32>(), 3),
        begin in proptest::collection::vec(any::<i32>().prop_map(i64::from), 3),
        steps in proptest::collection::vec(step(), 0..20),
    ) {
        let steps = Steps { inputs, begin, steps };
        prop_assert_eq!(Steps::decode(&steps.encode()), Ok(steps));
    }

    #[test]
    fn sim_bytes_that_are_no_recorded_order_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = Steps::decode(&bytes);
    }

    #[test]
    fn sim_reads_see_the_newest_layer(
        store in proptest::collection::btree_map(key(), proptest::collection::vec(any::<u8>(), 0..2), 0..12),
        committing in overlay(),
        building in overlay(),
        prefix in key(),
        from in key(),
        limit in 1usize..6,
    ) {
        let mut merged = store.clone();
        for (key, value) in committing.0.iter().chain(&building.0) {
            match value {
                Some(value) => drop(merged.insert(key.clone(), value.clone())),
                None => drop(merged.remove(key)),
            }
        }
        let store = Map(store);
        let layers = Layers { task: 0, building: &building, committing: &committing, store: &store };
        for key in merged.keys().chain(building.0.keys()) {
            prop_assert_eq!(layers.get(key), merged.get(key).cloned());
        }
        let naive: Vec<(Vec<u8>, Vec<u8>)> = merged
            .into_iter()
            .filter(|(key, _)| key.starts_with(&prefix) && *key >= from)
            .take(limit)
            .collect();
        prop_assert_eq!(layers.scan(&prefix, &from, limit), naive);
    }
}
