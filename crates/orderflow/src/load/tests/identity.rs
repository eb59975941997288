//! Commands under one request id, as the engine and the processor know them.

use std::collections::BTreeMap;

use contract::item_lookup::ItemLookup;
use contract::testing::MemoryState;
use contract::{ReceiveStock, Record, RegisterItem};
use engine::core::io::WriterSchema;
use engine::core::logic::{Given, Logic, Outcome, RawEffects, erase};
use flow::{Id, Meta, Seen};

/// Item-lookup with an endless dedup window.
struct Lookup {
    logic: Box<dyn Logic>,
    window: BTreeMap<Id, u64>,
}

impl Lookup {
    /// What comes out because of a command: names and event ids of the records.
    fn handle<'r, R: Record<'r>>(&mut self, command: &R) -> (Outcome, Vec<(&'static str, Id)>) {
        let released = &contract::RELEASED[R::RELEASED];
        let (mut body, mut out) = (Vec::new(), RawEffects::default());
        contract::encode(command, &Meta::default(), &mut body).expect("a sound command");
        let schema = WriterSchema {
            record: released.record.to_owned(),
            fingerprint: released.fingerprint,
            text: released.text.into(),
        };
        let given = Given::Record { input: 0, key: "apple", schema: &schema, body: &body, time_ms: 1 };
        let mut seen = |id: Id, content: u64| match self.window.get(&id) {
            None => Seen::New,
            Some(known) if *known == content => Seen::Duplicate,
            Some(_) => Seen::Conflict,
        };
        let outcome = self.logic.process(given, &mut seen, &MemoryState::new(), &mut out).expect("it is not rejected");
        self.window.extend(out.fresh);
        (outcome, out.sends.iter().map(|send| (send.record, send.meta.event_id)).collect())
    }
}

fn receive(quantity: i64) -> ReceiveStock<'static> {
    ReceiveStock { item_id: "apple".into(), request_id: "r".into(), requester: "desk".into(), quantity }
}

#[test]
fn one_request_id_for_two_kinds_of_commands_is_no_conflict_and_a_conflict_is_answered() {
    let mut lookup = Lookup { logic: erase::<ItemLookup>(item_lookup::handle), window: BTreeMap::new() };
    let register = RegisterItem {
        item_id: "apple".into(),
        request_id: "r".into(),
        requester: "desk".into(),
        name: "Apple".into(),
        unit_price_minor: 1,
        currency: "EUR".into(),
    };
    let names = |(outcome, sent): &(Outcome, Vec<(&'static str, Id)>)| {
        (*outcome, sent.iter().map(|(record, _)| *record).collect::<Vec<_>>())
    };
    assert_eq!(names(&lookup.handle(&register)), (Outcome::Handled, vec!["ItemRegistered"]));
    assert_eq!(names(&lookup.handle(&receive(5))), (Outcome::Handled, vec!["StockReceived"]));
    assert_eq!(names(&lookup.handle(&receive(5))), (Outcome::Duplicate, vec![]));
    let refused = lookup.handle(&receive(6));
    assert_eq!(names(&refused), (Outcome::Handled, vec!["ItemCommandRefused"]));
    assert_eq!(lookup.handle(&receive(6)), refused, "the same answer again, under the same event id");
}
