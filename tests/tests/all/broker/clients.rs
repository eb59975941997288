//! A sender and reader that is not ours: the Python example, with confluent-kafka and fastavro.

use anyhow::{Context, Result, ensure};
use engine::core::ids;
use engine::shell::client::Message;
use serde_json::Value;

use super::PROCESSORS;
use super::flow::shared;

const REQUESTER: &str = "python";
const REQUEST: &str = "request-1";
const ITEM: &str = "python-lamp";

#[test]
fn broker_a_client_that_is_not_ours_orders() -> Result<()> {
    shared(|shared| {
        let program = &shared.program;
        let environment = [("BOOTSTRAP", program.bootstrap()), ("REQUESTER", REQUESTER), ("WAIT_S", "180")];
        let done = tests::python_example(&["client.py", REQUEST], &environment)?;
        let out = String::from_utf8_lossy(&done.stdout).into_owned();
        ensure!(done.status.success(), "{}\n{out}{}", done.status, String::from_utf8_lossy(&done.stderr));

        let ticket = contract::ticket_id(REQUESTER, REQUEST);
        let answers: Vec<&str> = out.lines().collect();
        ensure!(answers.len() == 3 && answers[0] == format!("ticket {ticket}"), "not the ticket {ticket}: {out}");
        ensure!(answers[1].starts_with("Accepted {"), "{out}");
        let completed = answers[2].strip_prefix("Completed ").with_context(|| out.clone())?;
        let completed: Value = serde_json::from_str(completed)?;
        ensure!(completed["order_id"] == ticket && completed["requester"] == REQUESTER, "{completed}");
        ensure!(completed["total_minor"] == 3 * 1999 && completed["currency"] == "EUR", "{completed}");

        // Nothing that it sent is a dead letter, and each record lies where its key belongs.
        let mine = |message: &Message| {
            let key = message.key.as_deref();
            key == Some(ITEM.as_bytes()) || key == Some(ticket.as_bytes())
        };
        let letters = PROCESSORS.map(|processor| format!("{processor}-dlq"));
        let letters = program.read(&letters.each_ref().map(String::as_str))?;
        let mine_there: Vec<&Message> = letters.iter().filter(|letter| mine(letter)).collect();
        ensure!(mine_there.is_empty(), "dead letters: {mine_there:?}");
        let mut sent = program.read(&["item-commands.v1", "order-commands.v1"])?;
        sent.retain(mine);
        ensure!(sent.len() == 3, "{sent:?}");
        for message in &sent {
            let key = message.key.as_deref().context("a key")?;
            ensure!(message.partition == ids::partition(key, 12), "in a foreign partition: {message:?}");
        }
        Ok(())
    })
}
