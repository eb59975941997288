//! `orderflow order`: place an order and follow it, or read its story.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use contract::{Line, PlaceOrder};
use engine::shell::client::{Client, From, Message, Tail};
use flow::Id;

use crate::decode::{Decoded, Decoder, time};
use crate::envelope;
use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::ids::Ids;
use crate::log::{Log, failed};
use crate::options::Place;
use crate::processors;

/// Orders
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Places an order: prints its ticket at once and waits for the outcome
    Submit(Submit),
    /// Prints an order's whole story, event by event, with what caused each
    Show(Show),
}

/// Flags of `order submit`.
#[derive(Debug, clap::Args)]
pub struct Submit {
    /// A line of the order: item and quantity
    #[arg(long = "item", required = true, value_name = "ITEM=QUANTITY")]
    items: Vec<String>,
    /// The same value again is the same request; a random one when not given
    #[arg(long)]
    request_id: Option<String>,
    /// Who asks
    #[arg(long, default_value = "cli")]
    requester: String,
    /// Customer of the order
    #[arg(long, default_value = "customer-1")]
    customer: String,
    /// Topic for the answers
    #[arg(long, default_value = "order-replies.v1")]
    reply_to: String,
    /// How long lines of an unknown item wait, in seconds from now; 24 hours when not given
    #[arg(long, value_name = "SECONDS")]
    park_seconds: Option<u32>,
    /// How long to wait for the outcome, in seconds; 0: only for the acceptance
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    wait: u64,
    /// How long to wait for the acceptance at least, in seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    patience: u64,
    /// Schema ids of the registry, remembered here
    #[arg(long, env = "ORDERFLOW_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
}

/// Flags of `order show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Ticket of the order
    order_id: String,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Schema ids of the registry, remembered here
    #[arg(long, env = "ORDERFLOW_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
}

/// Topics that an order's story stands on.
const STORY: &[&str] =
    &["order-commands.v1", "orders.v1", "item-requests.v1", "item-results.v1", "order-events.v1", "order-replies.v1"];

/// Runs the command.
pub fn run(command: &Command, place: &Place) -> anyhow::Result<()> {
    match command {
        Command::Submit(submit) => self::submit(submit, place),
        Command::Show(show) => self::show(show, place),
    }
}

fn lines(items: &[String]) -> anyhow::Result<Vec<Line<'static>>> {
    let line = |(at, text): (usize, &String)| {
        let parsed = text.rsplit_once('=').and_then(|(item, quantity)| Some((item.to_owned(), quantity.parse().ok()?)));
        let (item_id, quantity) = parsed.ok_or_else(|| {
            Failure::usage("bad-item", format!("--item \"{text}\""), "write it as ITEM=QUANTITY, for example part-1=3")
        })?;
        Ok(Line { line_no: at as i32 + 1, item_id: Cow::Owned(item_id), quantity })
    };
    items.iter().enumerate().map(line).collect()
}

fn submit(submit: &Submit, place: &Place) -> anyhow::Result<()> {
    let lines = lines(&submit.items)?;
    let log = Log::open(place, "tool")?;
    let ids = Ids::of(place, &submit.data)?;
    let request_id = submit.request_id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let order_id = contract::ticket_id(&submit.requester, &request_id);
    let now_ms = envelope::now_ms();
    let command = PlaceOrder {
        order_id: Cow::Borrowed(&order_id),
        request_id: Cow::Borrowed(&request_id),
        requester: Cow::Borrowed(&submit.requester),
        reply_to: Cow::Borrowed(&submit.reply_to),
        customer_id: Cow::Borrowed(&submit.customer),
        lines,
        wait_until: submit.park_seconds.map(|seconds| now_ms + i64::from(seconds) * 1_000),
    };
    let mut client = log.client()?;
    let event_id = envelope::identity("order-commands.v1", "PlaceOrder", &[&order_id, &submit.requester, &request_id]);
    let ticket = Id::parse(&order_id).unwrap_or(Id::NIL);
    let message = envelope::message(&command, "order-commands.v1", event_id, ticket, now_ms, &ids, &mut *client)?;
    // Followed from before it is sent: no answer can be missed.
    let mut tail = client.tail(&[&submit.reply_to, "order-events.v1"], From::End).map_err(failed)?;
    client.send(message).and_then(|()| client.flush()).map_err(failed)?;
    outln!("ticket {order_id}");
    let mut fleet = embedded_fleet(&log, place, &ids)?;
    let wait = [submit.wait, submit.wait.max(submit.patience)].map(Duration::from_secs);
    let outcome = follow(&mut *tail, &order_id, &mut Decoder::new(&ids), wait, &fleet);
    fleet.stop()?;
    outcome
}

/// With an embedded log the processors run inside the command.
pub fn embedded_fleet(log: &Log, place: &Place, ids: &Ids) -> anyhow::Result<Fleet> {
    let mut fleet = Fleet::new(None);
    if let (Log::Embedded(_), Some(folder)) = (log, &place.embedded) {
        for known in processors::ALL {
            fleet.start(*known, 1, log, &folder.join("stores"), ids)?;
        }
    }
    Ok(fleet)
}

fn follow(
    tail: &mut dyn Tail,
    order_id: &str,
    decoder: &mut Decoder,
    [wait, patience]: [Duration; 2],
    fleet: &Fleet,
) -> anyhow::Result<()> {
    let bar = indicatif::ProgressBar::new_spinner().with_message("waiting for the outcome");
    bar.enable_steady_tick(Duration::from_millis(100));
    let since = Instant::now();
    let mut accepted = false;
    while since.elapsed() < if accepted { wait } else { patience } {
        for message in tail.poll(Duration::from_millis(100)).map_err(failed)? {
            if message.key.as_deref() != Some(order_id.as_bytes()) {
                continue;
            }
            let Ok(decoded) = decoder.decode(&message) else { continue };
            bar.suspend(|| outln!("{} {}", decoded.record, said(&decoded)));
            match decoded.record {
                "Accepted" => accepted = true,
                "Completed" => return Ok(()),
                "Rejected" | "Failed" => {
                    let hint = format!("`orderflow order show {order_id}` tells the whole story");
                    return Err(
                        Failure::new("order-refused", format!("order {order_id}: {}", said(&decoded)), hint).into()
                    );
                }
                _ => {}
            }
        }
        if let Some(why) = fleet.failed() {
            return Err(Failure::new("worker", why, "").into());
        }
    }
    bar.finish_and_clear();
    if accepted {
        // Or final long ago: the answer to a request that was sent before is its acceptance, not its outcome.
        outln!("no outcome within {wait:?}; `orderflow order show {order_id}` tells where it stands");
        return Ok(());
    }
    let hint = "are the processors running? `orderflow run order-intake item-lookup fulfilment`";
    Err(Failure::unreachable(
        "no-answer",
        format!("order {order_id}: nobody accepted it within {:?}", since.elapsed()),
        hint,
    )
    .into())
}

fn said(decoded: &Decoded) -> String {
    let fields = decoded.fields.iter();
    let fields = fields.filter(|(name, _)| !matches!(name.as_str(), "meta" | "order_id" | "request_id" | "requester"));
    fields.map(|(name, value)| format!("{name}={}", crate::decode::render(value))).collect::<Vec<_>>().join(" ")
}

fn show(show: &Show, place: &Place) -> anyhow::Result<()> {
    let log = Log::open(place, "tool")?;
    let ids = Ids::of(place, &show.data)?;
    let mut decoder = Decoder::new(&ids);
    let mut story: Vec<(Message, Decoded)> = Vec::new();
    let mut client = log.client()?;
    each_committed(&mut *client, STORY, |message| {
        let ours =
            message.header("ticket_id") == show.order_id || message.key.as_deref() == Some(show.order_id.as_bytes());
        if ours && let Ok(decoded) = decoder.decode(&message) {
            story.push((message, decoded));
        }
    })?;
    if story.is_empty() {
        let hint = "`orderflow order submit` prints the ticket of an order";
        return Err(Failure::new("order-unknown", format!("order \"{}\"", show.order_id), hint).into());
    }
    sort_by_cause(&mut story);
    for (message, decoded) in &story {
        if show.json {
            let fields: serde_json::Map<String, serde_json::Value> = decoded
                .fields
                .iter()
                .filter(|(name, _)| name != "meta")
                .map(|(name, value)| (name.clone(), crate::decode::render(value).into()))
                .collect();
            let line = serde_json::json!({
                "record": decoded.record, "topic": message.topic, "partition": message.partition,
                "offset": message.offset, "at": time(message.timestamp_ms), "event_id": message.header("event_id"),
                "cause": message.header("cause"), "fields": fields,
            });
            outln!("{line}");
        } else {
            let at = time(message.timestamp_ms);
            outln!("{at}  {:<15} {}", decoded.record, said(decoded));
            outln!("{:>24}  {} <- {}", "", short(message.header("event_id")), short(message.header("cause")));
        }
    }
    if !show.json {
        outln!("\n{}", status(&story));
    }
    Ok(())
}

/// The first eight digits are enough to follow a cause by eye.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or("-")
}

/// Causes before effects; unrelated events by time.
fn sort_by_cause(story: &mut Vec<(Message, Decoded)>) {
    let mut left: Vec<(Message, Decoded)> = std::mem::take(story);
    left.sort_by_key(|(message, _)| (message.timestamp_ms, STORY.iter().position(|topic| *topic == message.topic)));
    let mut told: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
    let all: std::collections::BTreeSet<String> =
        left.iter().map(|(message, _)| message.header("event_id").to_owned()).collect();
    while !left.is_empty() {
        let ready = |(message, _): &(Message, Decoded)| {
            let cause = message.header("cause");
            !all.contains(cause) || told.contains(cause)
        };
        let next = left.iter().position(ready).unwrap_or(0);
        let (message, decoded) = left.remove(next);
        told.insert(message.header("event_id").to_owned());
        story.push((message, decoded));
    }
}

/// Where the order stands, as the sum of its events.
fn status(story: &[(Message, Decoded)]) -> String {
    let mut waiting: std::collections::BTreeMap<String, (String, String)> = std::collections::BTreeMap::new();
    let mut state = "sent, not accepted yet".to_owned();
    for (message, decoded) in
        story.iter().filter(|(message, _)| message.topic == "order-events.v1" || message.topic == "orders.v1")
    {
        match decoded.record {
            "OrderAccepted" => state = "accepted".into(),
            "OrderPlaced" => state = "in work".into(),
            "OrderParked" => {
                let item = decoded.text("item_id");
                let why = format!(
                    "line {} waits until {}: nobody has registered item \"{item}\" yet",
                    decoded.text("line_no"),
                    decoded.text("until")
                );
                waiting.insert(decoded.text("line_no"), (why, item));
            }
            "OrderResumed" => drop(waiting.remove(&decoded.text("line_no"))),
            "OrderConfirmed" => state = "confirmed".into(),
            "OrderShipped" => state = "shipped".into(),
            "OrderCompleted" => state = format!("completed at {}", time(message.timestamp_ms)),
            "OrderRejected" => state = format!("rejected: {} {}", decoded.text("reason"), decoded.text("detail")),
            _ => {}
        }
    }
    if waiting.is_empty() || state.starts_with("rejected") || state.starts_with("completed") {
        return format!("status: {state}");
    }
    let (reasons, items): (Vec<String>, std::collections::BTreeSet<String>) = waiting.into_values().unzip();
    let commands: Vec<String> =
        items.iter().map(|item| format!("`orderflow item register {item} --price MINOR`")).collect();
    format!("status: parked\n  {}\nhint: {}; it then goes on by itself", reasons.join("\n  "), commands.join(" and "))
}

/// Reads everything committed on these topics.
pub fn each_committed(client: &mut dyn Client, topics: &[&str], mut with: impl FnMut(Message)) -> anyhow::Result<()> {
    let bar = indicatif::ProgressBar::new_spinner().with_message("reading");
    bar.enable_steady_tick(Duration::from_millis(100));
    let mut tail = client.tail(topics, From::Start).map_err(failed)?;
    loop {
        let page = tail.poll(Duration::from_millis(200)).map_err(failed)?;
        bar.inc(page.len() as u64);
        let empty = page.is_empty();
        page.into_iter().for_each(&mut with);
        if empty && tail.caught_up() {
            bar.finish_and_clear();
            return Ok(());
        }
    }
}
