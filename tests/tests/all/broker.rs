//! The binary against a real Kafka: what it does when the world misbehaves, and what it says then.

#[path = "broker/assigned.rs"]
mod assigned;
#[path = "broker/clients.rs"]
mod clients;
#[path = "broker/everyday.rs"]
mod everyday;
#[path = "broker/flow.rs"]
mod flow;
#[path = "broker/letters.rs"]
mod letters;
#[path = "broker/metrics.rs"]
mod metrics;
#[path = "broker/outage.rs"]
mod outage;
#[path = "broker/registry.rs"]
mod registry;
#[path = "broker/stores.rs"]
mod stores;
#[path = "broker/topics.rs"]
mod topics;

use std::time::Duration;

use ::flow::{Id, Meta};
use anyhow::{Context, Result, ensure};
use contract::{Line, PlaceOrder, Record, ticket_id};
use engine::core::{headers, ids};
use engine::shell::client::Message;
use tests::{Orderflow, PROCESSORS, Program, eventually, warnings};

/// Every processor of the flow.
/// For what takes a second on a quiet machine, or a group's session of 6 s.
const LIMIT: Duration = Duration::from_secs(180);

/// Tasks that an instance was assigned and has not released, of one processor.
fn tasks(process: &Orderflow, processor: &str) -> usize {
    let log = process.log();
    let mine = log.lines().filter(|line| line.contains(&format!("processor=\"{processor}\"")));
    let count = |line: &str| {
        line.split_once("tasks=[")
            .map_or(0, |(_, tasks)| tasks.split(']').next().map_or(0, |tasks| tasks.split(',').count()))
    };
    mine.fold(0, |held, line| match () {
        () if line.contains(" assigned ") => held + count(line),
        () if line.contains(" released ") => held.saturating_sub(count(line)),
        () => held,
    })
}

/// Waits until an instance works on every task of every processor.
fn all_assigned(process: &mut Orderflow) -> Result<()> {
    eventually(&format!("\"{}\" to be assigned every task", process.name), LIMIT, || {
        ensure!(process.runs()?, "it ended\n{}", process.tail());
        Ok(PROCESSORS.iter().all(|processor| tasks(process, processor) == 12).then_some(()))
    })
}

/// Waits until `order show` says this, and returns all that it says.
fn shown(program: &Program, order_id: &str, what: &str) -> Result<String> {
    let mut last = String::new();
    let found = eventually(&format!("`order show` to say \"{what}\""), LIMIT, || {
        let done = program.tool(&["order", "show", order_id])?;
        last = done.to_string();
        Ok(done.out.contains(what).then_some(done.out))
    });
    found.with_context(|| last)
}

/// A command as any sender would make it, with the schema ids of the lock file.
pub fn place(request_id: &str, item_id: &str, quantity: i64, now_ms: i64) -> Result<Message> {
    let requester = "test";
    let order_id = ticket_id(requester, request_id);
    let record = PlaceOrder {
        order_id: order_id.as_str().into(),
        request_id: request_id.into(),
        requester: requester.into(),
        reply_to: "order-replies.v1".into(),
        customer_id: "customer-1".into(),
        lines: vec![Line { line_no: 1, item_id: item_id.into(), quantity }],
        wait_until: None,
    };
    let event_id =
        ids::identity("order-commands.v1", "PlaceOrder", &[order_id.as_str(), requester, request_id].join("\0"));
    let ticket = Id::parse(&order_id).context("a ticket is a UUID")?;
    let mut value = vec![0; 5];
    let meta = Meta { event_id, ticket_id: ticket, cause: Id::NIL, occurred_at: now_ms };
    contract::encode(&record, &meta, &mut value).map_err(|error| anyhow::anyhow!(error.0))?;
    value[1..5].copy_from_slice(&contract::RELEASED[PlaceOrder::RELEASED].local_id.to_be_bytes());
    Ok(Message {
        topic: "order-commands.v1".into(),
        partition: ids::partition(order_id.as_bytes(), 12),
        offset: -1,
        timestamp_ms: now_ms,
        key: Some(order_id.into_bytes()),
        value: Some(value),
        headers: vec![headers::owned(headers::EVENT_ID, event_id.to_string())],
    })
}

/// Milliseconds since 1970-01-01 UTC.
pub fn now_ms() -> Result<i64> {
    Ok(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as i64)
}

/// Exactly one line of WARN or ERROR, with these words.
fn one_warning(process: &Orderflow, words: &[&str]) -> Result<()> {
    let all = warnings(process);
    ensure!(
        all.len() == 1 && words.iter().all(|word| all[0].contains(word)),
        "one warning with {words:?} was expected: {all:#?}"
    );
    Ok(())
}
