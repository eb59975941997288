//! The verdict for people and for programs.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Map, Value};

use super::claim::Claim;
use super::judge::Verdict;
use crate::text::number as n;

/// Between the breaches of a law.
pub const SEPARATOR: &str = "; ";

/// What was counted for a law that holds.
pub fn evidence(claim: Claim, verdict: &Verdict) -> String {
    let v = verdict;
    let (orders, completed, rejected) = (n(v.orders), n(v.completed), n(v.rejected));
    match claim {
        Claim::OneFinalAnswer => format!("each of {orders} orders has exactly one final answer"),
        Claim::OneAcceptance if v.duplicates == 0 => "each order was accepted once".to_owned(),
        Claim::OneAcceptance => {
            format!("each order was accepted once, {} repeated commands had no effect", n(v.duplicates_dropped))
        }
        Claim::Conservation => {
            let (received, on_hand, held, shipped) = (z(v.received), z(v.on_hand), z(v.held), z(v.shipped));
            format!("{received} pieces received = {on_hand} on hand + {held} reserved + {shipped} shipped")
        }
        Claim::NothingLost => format!("{orders} orders and their {} lines all came to an end", n(v.lines)),
        Claim::NothingTwice => format!("{} records, no event among them twice", n(v.records)),
        Claim::Prices => {
            format!("{completed} completed orders cost {}, as TPC-H says to the cent", money(v.total_minor))
        }
        Claim::Garbage if v.garbage == 0 => "no garbage was sent, and there are no dead letters".to_owned(),
        Claim::Garbage => format!("{} dead letters, byte for byte the garbage that was sent", n(v.dead_letters)),
        Claim::Releases if v.rejected == 0 => "no order was rejected, and nothing was given back".to_owned(),
        Claim::Releases => format!("{rejected} rejected orders gave back all {} pieces they had", z(v.given_back)),
        Claim::ParkedReleased if v.parked_released == 0 => "no order waits for an item".to_owned(),
        Claim::ParkedReleased => {
            format!("{} orders waited for an item and went on in turn, none waits any more", n(v.parked_released))
        }
        Claim::Scarce if v.scarce == 0 => "no item is scarce, and no order was rejected".to_owned(),
        Claim::Scarce => format!("{rejected} orders rejected, all for want of {} scarce items", n(v.scarce)),
        Claim::Readable => {
            format!("{} records decoded by a second Avro library, as their headers say", n(v.records - v.dead_letters))
        }
    }
}

/// For a person: what was asked, what came of it, and each law.
pub fn summary(verdict: &Verdict, elapsed: Duration) -> String {
    let mut out = String::new();
    let v = verdict;
    // Writing to a string cannot fail.
    let _ =
        writeln!(out, "Asked for   {} orders with {} lines of {} items (TPC-H)", n(v.orders), n(v.lines), n(v.items));
    let trouble = [
        (v.duplicates, "commands sent twice"),
        (v.late, "items registered only after their orders"),
        (v.scarce, "items with less stock than is wanted"),
        (v.garbage, "records of garbage"),
    ];
    let trouble: Vec<String> =
        trouble.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{} {what}", n(*count))).collect();
    if !trouble.is_empty() {
        let _ = writeln!(out, "Trouble     {}", trouble.join(", "));
    }
    let outcome = [
        (v.completed, "orders completed"),
        (v.rejected, "rejected"),
        (v.parked_released, "waited for an item and went on"),
        (v.duplicates_dropped, "repeated commands without effect"),
        (v.dead_letters, "dead letters"),
    ];
    let outcome: Vec<String> = outcome.iter().map(|(count, what)| format!("{} {what}", n(*count))).collect();
    let _ = writeln!(out, "Came out    {}", outcome.join(", "));
    let rate = (v.orders as f64 / elapsed.as_secs_f64().max(0.001)).round() as u64;
    let _ = writeln!(out, "Took        {:.1} s, {} orders a second", elapsed.as_secs_f64(), n(rate));
    let _ = writeln!(out, "\nChecked by a separate reader of the committed records against the list of what was sent:");
    for claim in Claim::ALL {
        match v.laws.get(claim.name()) {
            Some(law) if law.holds => {
                let _ = writeln!(out, "  ✓ {:<17} {}", claim.name(), law.detail);
            }
            Some(law) => {
                let _ = writeln!(out, "  ✗ {:<17} broken: {}", claim.name(), claim.doc());
                for breach in law.detail.split(SEPARATOR) {
                    let _ = writeln!(out, "      - {breach}");
                }
            }
            None => {}
        }
    }
    let broken = v.laws.values().filter(|law| !law.holds).count();
    let _ = match broken {
        0 => writeln!(out, "\nEverything holds: nothing lost, nothing twice."),
        _ => writeln!(
            out,
            "\n{broken} of {} laws are broken: {} lost, {} doubled.",
            v.laws.len(),
            n(v.lost),
            n(v.doubled)
        ),
    };
    out
}

/// For a program. Names are stable.
pub fn json(verdict: &Verdict, elapsed_ms: u64) -> Value {
    let v = verdict;
    let laws: Map<String, Value> = v.laws.iter().map(|(name, law)| ((*name).to_owned(), law.holds.into())).collect();
    let broken = v.laws.iter().filter(|(_, law)| !law.holds);
    let broken: Map<String, Value> =
        broken.map(|(name, law)| ((*name).to_owned(), law.detail.as_str().into())).collect();
    serde_json::json!({
        "orders": v.orders,
        "lines": v.lines,
        "items": v.items,
        "completed": v.completed,
        "rejected": v.rejected,
        "parked_released": v.parked_released,
        "duplicates": v.duplicates,
        "duplicates_dropped": v.duplicates_dropped,
        "garbage": v.garbage,
        "dead_letters": v.dead_letters,
        "lost": v.lost,
        "doubled": v.doubled,
        "received": v.received,
        "on_hand": v.on_hand,
        "reserved": v.held,
        "shipped": v.shipped,
        "records": v.records,
        "elapsed_ms": elapsed_ms,
        "holds": v.holds(),
        "laws": laws,
        "broken": broken,
    })
}

fn z(number: i64) -> String {
    format!("{}{}", if number < 0 { "-" } else { "" }, n(number.unsigned_abs()))
}

fn money(minor: i64) -> String {
    format!("{}.{:02}", z(minor / 100), minor.unsigned_abs() % 100)
}
