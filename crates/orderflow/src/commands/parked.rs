//! `orderflow parked`: order lines that wait for an item, read from the state of item-lookup.

use std::collections::{BTreeMap, BTreeSet};

use contract::item_lookup::ItemLookup;
use contract::state::ParkedLine;
use engine::core::keys;
use engine::shell::client::Message;
use flow::Processor as _;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::decode::time;
use crate::failure::Failure;
use crate::log::Log;
use crate::options::Place;
use crate::text::{number, several, span, table};

const CHANGELOG: &str = "item-lookup-changelog";
/// Of the keyed tables of item-lookup.
const TABLE: &str = "parked";
/// Memory has a limit: about 200 MB of lines.
const LINES_MAX: usize = 1_000_000;
/// Order ids that a line of the list names.
const ORDERS: usize = 3;

/// Order lines that wait until their item is registered: which items, how many lines, since when and until when
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this item, with every line that waits for it
    #[arg(long, value_name = "ID")]
    item: Option<String>,
    /// Only lines that have waited longer, such as 90s, 1h or 2d
    #[arg(long, value_name = "SPAN")]
    older_than: Option<SignedDuration>,
    /// Prints one JSON object, with every order
    #[arg(long)]
    json: bool,
}

/// A line that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    order_id: String,
    line_no: i32,
    quantity: i64,
    /// Milliseconds since 1970-01-01 UTC, both.
    since_ms: i64,
    until_ms: i64,
}

/// Lines by item and place in its queue.
type Queues = BTreeMap<String, BTreeMap<String, Line>>;

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let log = Log::open(place, "tool")?;
    let mut client = log.client()?;
    let mut reader = Reader { item: args.item.clone(), ..Reader::default() };
    super::order::each_committed(&mut *client, &[CHANGELOG], |message| reader.take(&message))?;
    let now_ms = crate::envelope::now_ms();
    let mut queues = reader.done()?;
    if let Some(least) = args.older_than {
        let before = now_ms - least.as_millis() as i64;
        queues.values_mut().for_each(|queue| queue.retain(|_, line| line.since_ms < before));
        queues.retain(|_, queue| !queue.is_empty());
    }
    if args.json {
        let items: Vec<Value> = queues.iter().map(|(item, queue)| object(item, queue, now_ms)).collect();
        outln!("{:#}", json!({ "at": time(now_ms), "items": items }));
        return Ok(());
    }
    match &args.item {
        Some(_) => out!("{}", lines(&queues, now_ms)),
        None => out!("{}", items(&queues, now_ms)),
    }
    let count: usize = queues.values().map(BTreeMap::len).sum();
    eprintln!("{} of {} wait", several(count, "line"), several(queues.len(), "item"));
    if let Some((item, _)) = queues.first_key_value() {
        eprintln!("hint: `orderflow item register {item} --price MINOR --stock PIECES` lets them go on");
    }
    Ok(())
}

/// Follows the changelog: what was put and not deleted again waits.
#[derive(Default)]
struct Reader {
    item: Option<String>,
    queues: Queues,
    lines: usize,
    wrong: Option<anyhow::Error>,
}

impl Reader {
    fn take(&mut self, message: &Message) {
        if self.wrong.is_some() {
            return;
        }
        let tables = ItemLookup::TOPOLOGY.tables;
        let Some((table, item, place)) = message.key.as_deref().and_then(keys::state) else { return };
        let parked = tables.get(usize::from(table)).is_some_and(|name| *name == TABLE);
        if !parked || self.item.as_ref().is_some_and(|only| only != item) {
            return;
        }
        let Some(bytes) = message.value.as_deref() else {
            if let Some(queue) = self.queues.get_mut(item) {
                self.lines -= usize::from(queue.remove(place).is_some());
                if queue.is_empty() {
                    self.queues.remove(item);
                }
            }
            return;
        };
        match contract::load::<ParkedLine>(bytes) {
            Ok(ParkedLine { order_id, line_no, quantity, wait_until, parked_at }) => {
                // An earlier version did not keep since when; the changelog's own time is close.
                let since_ms = if parked_at == 0 { message.timestamp_ms } else { parked_at };
                let line = Line { order_id, line_no, quantity, since_ms, until_ms: wait_until };
                let queue = self.queues.entry(item.to_owned()).or_default();
                self.lines += usize::from(queue.insert(place.to_owned(), line).is_none());
                if self.lines > LINES_MAX {
                    let what = format!("more than {} lines wait at once", number(LINES_MAX as u64));
                    self.wrong = Some(Failure::new("parked-many", what, "name an item with --item").into());
                }
            }
            Err(why) => {
                let what = format!("{CHANGELOG}/{}@{}: {why}", message.partition, message.offset);
                let hint = "a newer build wrote it: use the one that runs";
                self.wrong = Some(Failure::new("state-unreadable", what, hint).into());
            }
        }
    }

    fn done(self) -> anyhow::Result<Queues> {
        self.wrong.map_or(Ok(self.queues), Err)
    }
}

fn until(until_ms: i64, now_ms: i64) -> String {
    if until_ms > now_ms { format!("in {}", span(until_ms - now_ms)) } else { "overdue".to_owned() }
}

fn items(queues: &Queues, now_ms: i64) -> String {
    let head = ["ITEM", "LINES", "PIECES", "ORDERS", "WAITS", "FIRST DEADLINE", "OLDEST ORDERS"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (item, queue) in queues {
        let orders: BTreeSet<&str> = queue.values().map(|line| line.order_id.as_str()).collect();
        let since = queue.values().map(|line| line.since_ms).min().unwrap_or(now_ms);
        let deadline = queue.values().map(|line| line.until_ms).min().unwrap_or(now_ms);
        let mut named: Vec<&str> = Vec::new();
        for line in queue.values() {
            if named.len() < ORDERS && !named.contains(&line.order_id.as_str()) {
                named.push(&line.order_id);
            }
        }
        let more = if orders.len() > named.len() { " …" } else { "" };
        rows.push(vec![
            item.clone(),
            number(queue.len() as u64),
            number(queue.values().map(|line| line.quantity.unsigned_abs()).sum()),
            number(orders.len() as u64),
            span(now_ms - since),
            until(deadline, now_ms),
            format!("{}{more}", named.join(" ")),
        ]);
    }
    if queues.is_empty() { String::new() } else { table(&rows) }
}

fn lines(queues: &Queues, now_ms: i64) -> String {
    let mut rows = vec![["ORDER", "LINE", "PIECES", "WAITS", "DEADLINE"].map(str::to_owned).to_vec()];
    for line in queues.values().flat_map(BTreeMap::values) {
        rows.push(vec![
            line.order_id.clone(),
            line.line_no.to_string(),
            number(line.quantity.unsigned_abs()),
            span(now_ms - line.since_ms),
            until(line.until_ms, now_ms),
        ]);
    }
    if queues.is_empty() { String::new() } else { table(&rows) }
}

fn object(item: &str, queue: &BTreeMap<String, Line>, now_ms: i64) -> Value {
    let lines: Vec<Value> = queue
        .values()
        .map(|line| {
            json!({
                "order_id": line.order_id, "line_no": line.line_no, "quantity": line.quantity,
                "since": time(line.since_ms), "waits_ms": (now_ms - line.since_ms).max(0), "until": time(line.until_ms),
            })
        })
        .collect();
    json!({ "item_id": item, "lines": lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(item: &str, place: &str, line: Option<(&str, i64)>) -> Message {
        let table = ItemLookup::TOPOLOGY.tables.iter().position(|name| *name == TABLE).expect("declared") as u8;
        let value = line.map(|(order_id, wait_until)| {
            let line = ParkedLine { order_id: order_id.into(), line_no: 1, quantity: 2, wait_until, parked_at: 0 };
            contract::store(&line).expect("it can be written")
        });
        let key = Some([keys::table(table, item.as_bytes()), place.into()].concat());
        Message { key, value, timestamp_ms: 1_000, ..Message::default() }
    }

    #[test]
    fn what_was_put_and_not_deleted_waits() {
        let mut reader = Reader::default();
        let all = [
            change("lamp", "01", Some(("order-a", 90_000))),
            change("lamp", "02", Some(("order-b", 50_000))),
            change("chair", "01", Some(("order-a", 90_000))),
            change("chair", "01", None),
            Message { key: Some(keys::task()), value: Some(vec![1]), ..Message::default() },
        ];
        all.iter().for_each(|message| reader.take(message));
        let queues = reader.done().expect("all of it can be read");
        assert_eq!(queues.keys().collect::<Vec<_>>(), ["lamp"]);
        let text = items(&queues, 11_000);
        assert_eq!(text.lines().last(), Some("lamp  2      4       2       10 s   in 39 s         order-a order-b"));
        assert_eq!(until(5, 5), "overdue");
    }

    #[test]
    fn what_a_newer_build_wrote_is_an_error() {
        let mut reader = Reader::default();
        reader.take(&Message { value: Some(vec![0xff; 20]), ..change("lamp", "01", Some(("o", 1))) });
        assert!(reader.done().expect_err("it cannot be read").to_string().contains("state-unreadable"));
    }
}
