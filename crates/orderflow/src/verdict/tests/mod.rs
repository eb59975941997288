//! The verdict itself on trial: it passes a right history, and no history in which anything is missing or too much.

mod loads;
mod model;

use std::collections::BTreeMap;
use std::time::Duration;

use engine::core::ids;
use engine::shell::client::Message;

use super::{Claim, Reader, Verdict, json, summary};
use crate::load::Manifest;
use model::{Flaw, World};

/// Orders that complete, wait, are rejected before, while and after they wait, and commands sent twice.
fn history(flaw: Flaw) -> (Manifest, Vec<Message>) {
    let items =
        [("plenty", 100, false, false), ("short", 70, false, true), ("late", 30, true, false), ("rare", 9, true, true)];
    let mut world = World::new(flaw, &items);
    world.garbage("order-commands.v1", 2, None, Some(b"garbage"));
    for (name, quantity) in [("plenty", 6), ("plenty", 14), ("late", 20), ("short", 5), ("rare", 4)] {
        world.receive(name, quantity);
    }
    world.register("plenty");
    world.register("short");
    world.place("completes", 2, &[("plenty", 2), ("plenty", 1)]);
    world.place("waits", 1, &[("late", 3), ("plenty", 1)]);
    world.garbage("item-requests.v1", 0, Some(b"plenty"), None);
    world.place("takes", 3, &[("short", 4)]);
    world.place("gives-back", 1, &[("plenty", 2), ("short", 4)]);
    world.place("waits-in-vain", 2, &[("late", 2), ("short", 4)]);
    world.place("too-late", 1, &[("short", 4), ("late", 1), ("plenty", 1)]);
    world.place("waits-too", 1, &[("late", 2)]);
    world.place("first", 1, &[("rare", 3), ("late", 1)]);
    world.place("second", 1, &[("plenty", 1), ("rare", 2)]);
    world.garbage("item-commands.v1", 1, None, Some(b""));
    world.garbage("item-commands.v1", 1, None, None);
    world.register("rare");
    world.register("late");
    (world.manifest, world.log)
}

fn schema(id: u32) -> Option<String> {
    contract::RELEASED.iter().find(|released| released.local_id == id).map(|released| released.text.to_owned())
}

/// Reads a history, whose records get offsets as they come.
fn read<'m>(log: impl IntoIterator<Item = &'m Message>) -> Reader {
    let mut reader = Reader::new(schema);
    let mut next: BTreeMap<(&str, u32), i64> = BTreeMap::new();
    for message in log {
        let offset = next.entry((&message.topic, message.partition)).or_default();
        reader.feed(&Message { offset: *offset, ..message.clone() });
        *offset += 2;
    }
    reader
}

fn broken(verdict: &Verdict) -> Vec<&'static str> {
    verdict.laws.iter().filter(|(_, law)| !law.holds).map(|(name, _)| *name).collect()
}

fn without(log: &[Message], at: usize) -> impl Iterator<Item = &Message> {
    log[..at].iter().chain(&log[at + 1..])
}

#[test]
fn a_right_history_passes() {
    let (manifest, log) = history(Flaw::None);
    let reader = read(&log);
    let verdict = reader.judge(&manifest);
    assert!(verdict.holds(), "{:#?}", verdict.laws);
    assert!(reader.done(&manifest));
    let counts = (verdict.completed, verdict.rejected, verdict.parked_released, verdict.duplicates_dropped);
    assert_eq!(counts, (5, 4, 4, 4));
    assert_eq!((verdict.lost, verdict.doubled, verdict.dead_letters), (0, 0, 4));
    assert_eq!((verdict.received, verdict.on_hand, verdict.held, verdict.shipped), (49, 32, 0, 17));
    let progress = reader.progress();
    assert_eq!((progress.accepted, progress.completed, progress.rejected), (9, 5, 4));
    assert_eq!((progress.parked_now, progress.final_answers, progress.records), (0, 9, log.len() as u64));
}

#[test]
fn every_removed_record_breaks_a_law() {
    let (manifest, log) = history(Flaw::None);
    for at in 0..log.len() {
        let verdict = read(without(&log, at)).judge(&manifest);
        assert!(!verdict.holds(), "record {at} can go unnoticed: {:?}", log[at]);
    }
}

#[test]
fn every_doubled_record_breaks_a_law() {
    let (manifest, log) = history(Flaw::None);
    for at in 0..log.len() {
        let twice = log.iter().chain([&log[at]]);
        let at_once = log[..=at].iter().chain(&log[at..]);
        let verdicts = [read(twice).judge(&manifest), read(at_once).judge(&manifest)];
        // The same acceptance may be given again: whoever sends a command may send it more often than it meant to.
        let may = log[at].header("record") == "Accepted";
        for verdict in verdicts {
            assert_eq!(verdict.holds(), may, "record {at}: {:?}: {:?}", log[at], broken(&verdict));
            assert_eq!(verdict.doubled > 0 || log[at].topic.ends_with("-dlq") || log[at].headers.is_empty(), !may);
        }
    }
}

#[test]
fn every_effect_that_happens_again_breaks_a_law() {
    let (manifest, log) = history(Flaw::None);
    for at in (0..log.len()).filter(|at| log[*at].headers.len() == 4 && !log[*at].topic.ends_with("-dlq")) {
        let mut again = log[at].clone();
        let id = ids::identity("again", "", "");
        again.value.as_mut().expect("a value")[5..21].copy_from_slice(&id.0);
        again.headers[0].1 = Some(id.to_string().into_bytes());
        let verdict = read(log.iter().chain([&again])).judge(&manifest);
        // To ask twice for a release is no effect.
        assert_eq!(verdict.holds(), again.header("record") == "ReleaseLine", "record {at}: {:?}", broken(&verdict));
    }
}

#[test]
fn every_flipped_byte_of_a_line_breaks_a_law() {
    // All but time and version, which nobody asked for.
    const TIME_AND_VERSION: std::ops::Range<usize> = 53..60;
    let (manifest, log) = history(Flaw::None);
    for record in [
        "StockReceived",
        "ReleaseLine",
        "ShipLine",
        "LineResumed",
        "LineReserved",
        "LineShipped",
        "LineReleased",
        "OrderResumed",
        "OrderShipped",
    ] {
        let at = log.iter().position(|message| message.header("record") == record).expect("one of each");
        for byte in 0..log[at].value.as_ref().map_or(0, Vec::len) {
            let mut log = log.clone();
            log[at].value.as_mut().expect("a value")[byte] ^= 1;
            let verdict = read(&log).judge(&manifest);
            assert_eq!(verdict.holds(), byte != 54 && TIME_AND_VERSION.contains(&byte), "{record} byte {byte}");
        }
    }
}

#[test]
fn each_flaw_breaks_its_law() {
    let flaws = [
        (Flaw::Lifo, Claim::ParkedReleased),
        (Flaw::Dear, Claim::Prices),
        (Flaw::Total, Claim::Prices),
        (Flaw::Keep, Claim::Releases),
        (Flaw::Forget, Claim::ParkedReleased),
        (Flaw::Refuse, Claim::Scarce),
        (Flaw::Short, Claim::Conservation),
        (Flaw::Silent, Claim::NothingLost),
        (Flaw::Liar, Claim::OneFinalAnswer),
        (Flaw::Ticket, Claim::Readable),
    ];
    for (flaw, claim) in flaws {
        let (manifest, log) = history(flaw);
        let verdict = read(&log).judge(&manifest);
        assert!(broken(&verdict).contains(&claim.name()), "{flaw:?}: {:?}", broken(&verdict));
    }
}

#[test]
fn each_loss_breaks_the_law_that_names_it() {
    let (manifest, log) = history(Flaw::None);
    let losses = [
        ("Completed", Claim::OneFinalAnswer),
        ("Failed", Claim::OneFinalAnswer),
        ("Accepted", Claim::OneAcceptance),
        ("OrderAccepted", Claim::OneAcceptance),
        ("StockReceived", Claim::Conservation),
        ("LineReserved", Claim::Conservation),
        ("LineShipped", Claim::Conservation),
        ("LineReleased", Claim::NothingLost),
        ("OrderPlaced", Claim::NothingLost),
        ("LineParked", Claim::NothingLost),
    ];
    for (record, claim) in losses {
        for at in (0..log.len()).filter(|at| log[*at].header("record") == record) {
            let verdict = read(without(&log, at)).judge(&manifest);
            assert!(broken(&verdict).contains(&claim.name()), "{record}: {:?}", broken(&verdict));
        }
    }
    for at in (0..log.len()).filter(|at| log[*at].topic.ends_with("-dlq")) {
        let verdict = read(without(&log, at)).judge(&manifest);
        assert_eq!(broken(&verdict), ["garbage", "nothing-lost"]);
    }
}

#[test]
fn no_value_and_an_empty_one_are_different_garbage() {
    let (manifest, mut log) = history(Flaw::None);
    let null = log.iter_mut().find(|message| message.header("dlq_value") == "null").expect("a dead letter");
    null.headers.retain(|(name, _)| name != b"dlq_value");
    null.value = Some(Vec::new());
    assert_eq!(broken(&read(&log).judge(&manifest)), ["garbage", "nothing-lost"]);
}

#[test]
fn it_is_done_when_the_last_of_it_is_there() {
    let (manifest, log) = history(Flaw::None);
    let decides = ["Completed", "Failed", "Accepted", "LineShipped", "LineReleased", "LineRefused"];
    for at in 0..log.len() {
        let decides = decides.contains(&log[at].header("record"))
            || log[at].topic == "items.v1"
            || log[at].topic.ends_with("-dlq");
        assert_eq!(read(without(&log, at)).done(&manifest), !decides, "{:?}", log[at]);
    }
}

#[test]
fn a_record_that_is_read_again_is_not_counted_again() {
    let (manifest, log) = history(Flaw::None);
    let mut reader = read(&log);
    let records = reader.progress().records;
    reader.feed(&log[0]);
    assert_eq!(reader.progress().records, records);
    assert!(reader.judge(&manifest).holds());
}

#[test]
fn nothing_at_all_is_no_success() {
    let (manifest, _) = history(Flaw::None);
    let verdict = Reader::new(schema).judge(&manifest);
    assert_eq!((verdict.orders, verdict.completed, verdict.holds()), (9, 0, false));
    assert!(verdict.lost >= 9 && verdict.doubled == 0);
}

#[test]
fn people_and_programs_can_read_it() {
    let (manifest, log) = history(Flaw::None);
    let verdict = read(&log).judge(&manifest);
    insta::assert_snapshot!("right", summary(&verdict, Duration::from_millis(1_234)));
    insta::assert_snapshot!("right-json", serde_json::to_string_pretty(&json(&verdict, 1_234)).expect("JSON"));
    let at = log.iter().position(|message| message.header("record") == "LineShipped").expect("a line");
    let verdict = read(without(&log, at)).judge(&manifest);
    insta::assert_snapshot!("lost", summary(&verdict, Duration::from_millis(1_234)));
}
