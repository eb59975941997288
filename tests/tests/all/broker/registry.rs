//! The schema registry is down: at the first start, at a later one, and when a record needs it.

use anyhow::{Context, Result, ensure};
use contract::{PlaceOrder, RELEASED, Record, ticket_id};
use engine::core::{headers, ids};
use engine::shell::client::{Client, Message};
use serde_json::{Value, json};
use tests::{Kafka, Program, Registry, eventually, logged, warnings};

use super::everyday::{doctor, says};
use super::{LIMIT, PROCESSORS, all_assigned, now_ms, one_warning, place};

/// A PlaceOrder of a version that this build has never seen: one more optional field. Its id.
fn newer_schema(registry: &Registry) -> Result<u32> {
    let released = &RELEASED[PlaceOrder::RELEASED];
    let mut schema: Value = serde_json::from_str(released.text)?;
    let note = json!({ "name": "note", "type": ["null", "string"], "default": null });
    schema["fields"].as_array_mut().context("fields")?.push(note);
    let path = format!("/subjects/{}-{}/versions", released.topic, released.full_name);
    let (status, answer) = registry.call("POST", &path, Some(&json!({ "schema": schema.to_string() })))?;
    ensure!(status == 200, "{status} {answer}");
    Ok(answer["id"].as_u64().context("an id")? as u32)
}

/// The same command, written with that schema.
fn newer(request_id: &str, id: u32) -> Result<Message> {
    let mut message = place(request_id, "registered", 1, now_ms()?)?;
    let value = message.value.get_or_insert_default();
    value[1..5].copy_from_slice(&id.to_be_bytes());
    value.push(0);
    Ok(message)
}

/// A request whose order goes to another partition.
fn elsewhere(partition: u32) -> Result<String> {
    let other = |request: &String| ids::partition(ticket_id("cli", request).as_bytes(), 12) != partition;
    (0..).map(|number| format!("elsewhere-{number}")).find(other).context("endless")
}

fn send(program: &Program, message: &Message) -> Result<()> {
    let mut client = program.client()?;
    client.send(message.clone())?;
    Ok(client.flush()?)
}

#[test]
fn broker_registry_outage_stops_only_what_needs_it() -> Result<()> {
    let kafka = Kafka::start()?;
    let mut registry = Registry::start()?;
    let program = Program::new(&kafka.bootstrap())?.with_registry(&registry.url());
    let data = program.arg("data");
    program.judge(|program| {
        let unregistered = program.fails(&["item", "register", "x", "--price", "1", "--data", &data], 3, "registry")?;
        ensure!(unregistered.err.contains("orderflow topics apply --registry"), "{unregistered}");
        says(&doctor(program, &[])?, "fail", " schemas: order-replies.v1-orderflow.Accepted ")?;
        let applied = program.ok(&["topics", "apply"])?;
        ensure!(applied.out.contains("schemas registered"), "{applied}");
        says(&doctor(program, &[])?, "ok", "; no lock file remembers its ids here yet")?;
        registry.stop()?;
        says(&doctor(program, &[])?, "unknown", "refused")?;
        let run = [&["run"], &PROCESSORS[..], &["--data", &data]].concat();
        let refused = program.fails(&run, 3, "registry")?;
        ensure!(refused.err.contains("does not answer"), "{refused}");

        registry.restart()?;
        let mut first = program.run(&PROCESSORS, "a", "data")?;
        all_assigned(&mut first)?;
        program.ok(&["item", "register", "registered", "--price", "100", "--stock", "10", "--data", &data])?;
        first.stop()?;
        ensure!(warnings(&first).is_empty(), "{:#?}", warnings(&first));
        let newer_id = newer_schema(&registry)?;
        registry.stop()?;

        let mut process = program.run(&PROCESSORS, "a", "data")?;
        all_assigned(&mut process)?;
        one_warning(&process, &["registry does not answer", "lock file"])?;
        let order = |request: &str| -> Result<()> {
            let done =
                program.ok(&["order", "submit", "--item", "registered=1", "--request-id", request, "--data", &data])?;
            ensure!(done.out.contains("\nCompleted"), "{done}");
            Ok(())
        };
        let command = newer("newer", newer_id)?;
        send(program, &command)?;
        logged(&mut process, "partition paused", LIMIT)?;
        // Another thread asks the registry, and says so in its own time.
        logged(&mut process, "records with unknown schema ids wait", LIMIT)?;
        order(&elsewhere(command.partition)?).context("another partition")?;
        let order_id = ticket_id("test", "newer");
        let placed = program.read(&["orders.v1"])?;
        ensure!(
            placed.iter().all(|message| message.key.as_deref() != Some(order_id.as_bytes())),
            "it was not read yet"
        );
        let said = warnings(&process);
        ensure!(
            said.len() == 2 && said[1].contains("registry does not answer, records with unknown schema ids wait"),
            "{said:#?}"
        );
        ensure!(process.log().matches("partition paused").count() == 1, "{}", process.log());

        registry.restart()?;
        eventually("the order of the paused partition", LIMIT, || {
            let orders = program.read(&["orders.v1"])?;
            Ok(orders.iter().any(|message| message.key.as_deref() == Some(order_id.as_bytes())).then_some(()))
        })?;

        let unknown = newer("unknown", 0x7fff_0001)?;
        send(program, &unknown)?;
        let letter = eventually("a dead letter", LIMIT, || Ok(program.read(&["order-intake-dlq"])?.pop()))?;
        ensure!(letter.header(headers::DLQ_CODE) == "schema-unknown", "{letter:?}");
        process.stop()
    })
}
