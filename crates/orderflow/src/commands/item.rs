//! `orderflow item`: the catalogue from the command line.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use contract::{ReceiveStock, RegisterItem};
use engine::shell::client::From;
use flow::Id;

use crate::decode::Decoder;
use crate::envelope;
use crate::failure::Failure;
use crate::ids::Ids;
use crate::log::{Log, failed};
use crate::options::Place;

/// Items
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Registers an item, with its first stock when --stock is given, and waits until it is known
    Register(Register),
}

/// Flags of `item register`.
#[derive(Debug, clap::Args)]
pub struct Register {
    /// The item
    item_id: String,
    /// Name; the item's id when not given
    #[arg(long)]
    name: Option<String>,
    /// Price of a piece in minor units of the currency (cents)
    #[arg(long, value_name = "MINOR")]
    price: i64,
    /// ISO 4217 code
    #[arg(long, default_value = "USD")]
    currency: String,
    /// Pieces that arrive with it
    #[arg(long, value_name = "PIECES")]
    stock: Option<i64>,
    /// How long to wait for the outcome, in seconds
    #[arg(long, default_value_t = 15, value_name = "SECONDS")]
    wait: u64,
    /// Schema ids of the registry, remembered here
    #[arg(long, env = "ORDERFLOW_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
}

const TOPIC: &str = "item-commands.v1";

/// Runs the command.
pub fn run(command: &Command, place: &Place) -> anyhow::Result<()> {
    let Command::Register(args) = command;
    let log = Log::open(place, "tool")?;
    let ids = Ids::of(place, &args.data)?;
    let mut client = log.client()?;
    let mut tail = client.tail(&["items.v1"], From::End).map_err(failed)?;
    let now_ms = envelope::now_ms();
    let mut expected = Vec::new();
    // Stock first: whoever waits for the item then finds it in stock.
    if let Some(quantity) = args.stock {
        let request_id = uuid::Uuid::new_v4().to_string();
        let id = envelope::identity(TOPIC, "ReceiveStock", &[&args.item_id, "cli", &request_id]);
        let record = ReceiveStock {
            item_id: Cow::Borrowed(&args.item_id),
            request_id: Cow::Owned(request_id),
            requester: Cow::Borrowed("cli"),
            quantity,
        };
        let message = envelope::message(&record, TOPIC, id, Id::NIL, now_ms, &ids, &mut *client)?;
        client.send(message).map_err(failed)?;
        expected.push(id.to_string());
    }
    let request_id = uuid::Uuid::new_v4().to_string();
    let id = envelope::identity(TOPIC, "RegisterItem", &[&args.item_id, "cli", &request_id]);
    let record = RegisterItem {
        item_id: Cow::Borrowed(&args.item_id),
        request_id: Cow::Owned(request_id),
        requester: Cow::Borrowed("cli"),
        name: Cow::Borrowed(args.name.as_deref().unwrap_or(&args.item_id)),
        unit_price_minor: args.price,
        currency: Cow::Borrowed(&args.currency),
    };
    let message = envelope::message(&record, TOPIC, id, Id::NIL, now_ms, &ids, &mut *client)?;
    client.send(message).and_then(|()| client.flush()).map_err(failed)?;
    expected.push(id.to_string());
    let mut fleet = super::order::embedded_fleet(&log, place, &ids)?;
    let mut decoder = Decoder::new(&ids);
    let since = Instant::now();
    let mut refused = None;
    while !expected.is_empty() && since.elapsed() < Duration::from_secs(args.wait) {
        for message in tail.poll(Duration::from_millis(100)).map_err(failed)? {
            if !expected.iter().any(|id| id == message.header("cause")) {
                continue;
            }
            let decoded = decoder.decode(&message).map_err(|why| anyhow::anyhow!(why))?;
            outln!("{} {}", decoded.record, decoded.line());
            if decoded.record == "ItemCommandRefused" {
                refused = Some(decoded.text("reason"));
            }
            expected.retain(|id| id != message.header("cause"));
        }
    }
    if matches!(log, Log::Embedded(_)) {
        // Whatever waited for the item goes on within this command, as nobody else runs the processors.
        settle(&fleet);
    }
    fleet.stop()?;
    if let Some(reason) = refused {
        return Err(Failure::new("item-refused", format!("item \"{}\": {reason}", args.item_id), "").into());
    }
    if expected.is_empty() {
        return Ok(());
    }
    let hint = "are the processors running? `orderflow run order-intake item-lookup fulfilment`; \
                an item that is registered already with the same content says nothing";
    let what = format!("item \"{}\": no outcome within {} s", args.item_id, args.wait);
    Err(Failure::unreachable("no-answer", what, hint).into())
}

/// Waits until the processors have been idle for a moment.
fn settle(fleet: &crate::fleet::Fleet) {
    let mut last = fleet.counts();
    let mut quiet = 0;
    while quiet < 5 && fleet.failed().is_none() {
        std::thread::sleep(Duration::from_millis(100));
        let counts = fleet.counts();
        quiet = if counts == last { quiet + 1 } else { 0 };
        last = counts;
    }
}
