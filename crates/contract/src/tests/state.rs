//! What processors remember: written, read, scanned, and reported when it cannot be read.

use flow::{Codec, StateRead};

use crate::item_lookup::{Change, ItemLookup, State};
use crate::state::{Item, ItemStatus, ParkedLine};
use crate::stored::{load, store};
use crate::testing::MemoryState;

fn line(order_id: &str) -> ParkedLine {
    ParkedLine { order_id: order_id.to_owned(), line_no: 1, quantity: 2, wait_until: 3, parked_at: 4 }
}

fn given(changes: &[Change]) -> MemoryState {
    MemoryState::given::<ItemLookup>(changes).unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn a_handler_reads_what_was_put() {
    let item = Item { status: ItemStatus::OnSale, name: "Lamp".into(), on_hand: 3, ..Item::default() };
    let mut memory = given(&[
        Change::Put(item.clone()),
        Change::PutParked("002".into(), line("b")),
        Change::PutParked("001".into(), line("a")),
        Change::PutParked("003".into(), line("c")),
        Change::DeleteLines("001".into()),
    ]);
    let state: State<'_> = memory.of::<ItemLookup>();
    assert_eq!(state.get(), Some(item));
    assert_eq!((state.parked("002"), state.parked("004"), state.lines("001")), (Some(line("b")), None, None));
    let found: Vec<String> = state.parked_scan("002", 10).into_iter().map(|(sub, _)| sub).collect();
    assert_eq!(found, ["002", "003"]);
    assert_eq!(state.parked_scan("", 1), [("001".to_owned(), line("a"))]);
    let all = [Change::Delete, Change::DeleteParked("001".into()), Change::DeleteParked("002".into())];
    memory.apply::<ItemLookup>(&all).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!((memory.of::<ItemLookup>().get(), memory.len()), (None, 1));
}

#[test]
fn a_value_begins_with_the_fingerprint_of_its_schema() {
    let bytes = store(&line("a")).unwrap_or_else(|error| panic!("{error:?}"));
    let fingerprint = crate::tests::released("ParkedLine").fingerprint;
    assert_eq!(bytes[..8], fingerprint.to_le_bytes());
    assert_eq!(load::<ParkedLine>(&bytes), Ok(line("a")));
}

#[test]
fn a_value_that_cannot_be_read_is_reported_and_nothing() {
    struct Broken(Vec<u8>, std::cell::RefCell<Vec<String>>);
    impl StateRead for Broken {
        fn get(&self, _: u8, _: &[u8]) -> Option<Vec<u8>> {
            Some(self.0.clone())
        }
        fn scan(&self, _: u8, _: &[u8], _: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
            vec![(b"1".to_vec(), self.0.clone()), (b"\xff".to_vec(), store(&line("a")).unwrap_or_default())]
        }
        fn unreadable(&self, _: u8, why: &str) {
            self.1.borrow_mut().push(why.to_owned());
        }
    }
    let good = store(&line("a")).unwrap_or_default();
    let long = [good.clone(), vec![0]].concat();
    for bytes in [Vec::new(), vec![1; 7], vec![1; 30], good[..good.len() - 1].to_vec(), long] {
        let broken = Broken(bytes, Default::default());
        let state = ItemLookup::state(&broken);
        assert_eq!((state.parked("1"), state.parked_scan("", 9)), (None, Vec::new()));
        assert_eq!(broken.1.borrow().len(), 3, "{:?}", broken.1);
    }
}
