//! Lag, parked, doctor, top and graph: what they say is so, and each planted fault has a line of its own.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine::shell::client::Client;
use engine::shell::kafka::Admin;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use tests::{Done, Kafka, Program, binary, eventually, free_address, settings};

use super::{LIMIT, PROCESSORS, all_assigned, now_ms, place, shown};

/// What `doctor` found, line by line.
struct Found {
    done: Done,
    checks: Vec<Value>,
}

pub fn doctor(program: &Program, more: &[&str]) -> Result<Vec<Value>> {
    Ok(look(program, more)?.checks)
}

fn look(program: &Program, more: &[&str]) -> Result<Found> {
    let data = program.arg("data");
    let own: &[&str] = if more.contains(&"--data") { &[] } else { &["--data", &data] };
    let done = program.tool(&[&["doctor", "--json"], own, more].concat())?;
    let json: Value = serde_json::from_str(&done.out).with_context(|| done.to_string())?;
    let checks = json["checks"].as_array().context("checks")?.clone();
    Ok(Found { done, checks })
}

/// A line of this verdict with these words, and with a next step unless all is well.
pub fn says(checks: &[Value], verdict: &str, words: &str) -> Result<()> {
    let line =
        |check: &&Value| check["verdict"] == verdict && check["what"].as_str().is_some_and(|it| it.contains(words));
    let found = checks.iter().find(line).with_context(|| format!("no {verdict} with \"{words}\": {checks:#?}"))?;
    ensure!((found["next"] == "") == (verdict == "ok"), "a next step: {found}");
    Ok(())
}

impl Found {
    fn fails(&self, words: &str) -> Result<()> {
        ensure!(self.done.code == Some(1), "exit 1 was expected: {}", self.done);
        ensure!(self.done.err.contains("error[unhealthy]: ") && self.done.err.contains("\nhint: "), "{}", self.done);
        says(&self.checks, "fail", words)
    }
}

/// Waiting records and oldest age of each processor; an error when they were not counted.
fn lags(program: &Program) -> Result<Vec<(u64, Option<u64>, Value)>> {
    let done = program.ok(&["lag", "--json"])?;
    let json: Value = serde_json::from_str(&done.out).with_context(|| done.to_string())?;
    let all = json["processors"].as_array().context("processors")?;
    let one = |it: &Value| {
        ensure!(it["lag_exact"] == true, "not counted: {done}");
        Ok((it["lag_records"].as_u64().context("a number")?, it["oldest_age_ms"].as_u64(), it.clone()))
    };
    all.iter().map(one).collect()
}

#[test]
fn broker_everyday_commands_say_what_is_so() -> Result<()> {
    let kafka = Kafka::start()?;
    let program = Program::new(&kafka.bootstrap())?;
    let admin = Admin::open(&settings(&kafka.bootstrap()))?;
    program.judge(|program| {
        program.fails(&["lag"], 1, "topic-missing")?;
        look(program, &[])?.fails(" missing: order-commands.v1, orders.v1, ")?;
        program.ok(&["topics", "apply"])?;
        // On a busy machine the leaders of 240 fresh partitions take office for longer than a command waits for them.
        eventually("leaders", LIMIT, || Ok((program.tool(&["lag"])?.code == Some(0)).then_some(())))?;
        for (records, oldest, it) in lags(program)? {
            ensure!(records == 0 && oldest.is_none() && it["ever_ran"] == false, "{it}");
        }
        let idle = look(program, &[])?;
        ensure!(idle.done.code == Some(0), "nobody works and nothing waits: {}", idle.done);
        says(&idle.checks, "warn", "never ran")?;

        let mut process = program.run(&PROCESSORS, "a", "data")?;
        all_assigned(&mut process)?;
        drained(program)?;
        parked(program)?;
        let healthy = look(program, &[])?;
        let fine = healthy.checks.iter().all(|check| check["verdict"] == "ok");
        ensure!(healthy.done.code == Some(0) && fine, "{:#?}", healthy.checks);
        says(&healthy.checks, "ok", "is in use by order-intake, item-lookup, fulfilment")?;
        live(program, &kafka.bootstrap())?;
        process.stop()?;

        waiting(program)?;
        planted(program, &kafka.bootstrap(), &admin)?;
        unread(program, &kafka, &admin)
    })
}

/// An order that waits is listed until it goes on.
fn parked(program: &Program) -> Result<()> {
    let order = program.ok(&["order", "submit", "--item", "ghost=3", "--wait", "0"])?.value("ticket")?;
    let list = eventually("a parked line", LIMIT, || {
        let done = program.ok(&["parked", "--json"])?;
        let json: Value = serde_json::from_str(&done.out)?;
        Ok((json["items"][0]["item_id"] == "ghost").then_some(json))
    })?;
    let lines = list["items"][0]["lines"].as_array().context("lines")?;
    ensure!(lines.len() == 1 && lines[0]["order_id"] == *order && lines[0]["quantity"] == 3, "{list}");
    let text = program.ok(&["parked"])?;
    ensure!(text.out.contains("ghost  1      3       1") && text.out.contains(&order), "{text}");
    ensure!(text.err.contains("orderflow item register ghost"), "{text}");
    ensure!(program.ok(&["parked", "--item", "ghost"])?.out.contains(&order), "by item");
    for none in [&["parked", "--item", "other"][..], &["parked", "--older-than", "1h"]] {
        ensure!(program.ok(none)?.out.is_empty(), "{none:?}");
    }
    program.ok(&["item", "register", "ghost", "--price", "500", "--stock", "10"])?;
    eventually("nothing to wait", LIMIT, || Ok(program.ok(&["parked"])?.out.is_empty().then_some(())))?;
    shown(program, &order, "status: completed").map(drop)
}

/// After a load each lag is 0, although no committed offset ever reaches an end that is a commit marker.
fn drained(program: &Program) -> Result<()> {
    let manifest = program.arg("manifest.json");
    program.ok(&["load", "tpch", "--scale", "0.0005", "--garbage", "0", "--manifest", &manifest])?;
    // Its count of what came out is the proof that nothing waits any more.
    program.ok(&["verify", "--manifest", &manifest, "--patience", "180"])?;
    // It does not look at commands whose answer went out before, such as one that came twice.
    let all = eventually("a lag of 0", LIMIT, || {
        let all = lags(program)?;
        Ok(all.iter().all(|(records, ..)| *records == 0).then_some(all))
    })?;
    let mut behind = 0;
    for (_, oldest, it) in all {
        ensure!(oldest.is_none(), "{it:#}");
        ensure!(it["tasks"]["assigned"] == 12 && it["members"] == 1, "{it:#}");
        let inputs = it["inputs"].as_array().context("inputs")?;
        let partitions = inputs.iter().filter_map(|input| input["partitions"].as_array()).flatten();
        behind += partitions.filter(|it| it["committed"].as_i64() < it["last_stable_offset"].as_i64()).count();
    }
    ensure!(behind > 0, "no partition ends in a marker: this test shows nothing");
    Ok(())
}

/// The live drawing, and the screen.
fn live(program: &Program, bootstrap: &str) -> Result<()> {
    let drawn = program.ok(&["graph", "--format", "mermaid", "--live"])?;
    ensure!(
        drawn.out.contains("<b>fulfilment</b>") && drawn.out.contains("1 member, 12/12 tasks<br/>lag 0"),
        "{drawn}"
    );
    program.fails(&["top"], 2, "no-terminal")?;

    // `script` gives it a terminal, `stty` a size.
    let (screen, log) = (program.at("screen"), File::create(program.at("script.log"))?);
    let top = format!("stty cols 100 rows 30; exec {} top --bootstrap {bootstrap}", binary()?.display());
    let mut child = Command::new("script")
        .args(["--quiet", "--flush", "--return", "--command", &top])
        .arg(&screen)
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("script (util-linux)")?;
    let mut keyboard = child.stdin.take().context("piped")?;
    let shown = eventually("the screen", LIMIT, || {
        ensure!(child.try_wait()?.is_none(), "it ended");
        let text = String::from_utf8_lossy(&std::fs::read(&screen).unwrap_or_default()).into_owned();
        Ok(["fulfilment", "order-replies.v1", "12/12"].iter().all(|word| text.contains(word)).then_some(()))
    });
    let ended = keyboard
        .write_all(b"q")
        .map_err(anyhow::Error::from)
        .and_then(|()| eventually("q to end it", Duration::from_secs(60), || Ok(child.try_wait()?)));
    if ended.is_err() {
        drop(child.kill());
    }
    shown?;
    ensure!(ended?.success(), "it failed");
    let text = String::from_utf8_lossy(&std::fs::read(&screen)?).into_owned();
    ensure!(text.contains("\x1b[?1049l"), "the terminal was not given back: {text:?}");
    Ok(())
}

/// While nobody works, the lag is what was sent.
fn waiting(program: &Program) -> Result<()> {
    let mut client = program.client()?;
    for number in 0..7 {
        client.send(place(&format!("waits-{number}"), "ghost", 1, now_ms()? - 5_000)?)?;
    }
    client.flush()?;
    // A member with a name of its own stays one until its session ends: it may come back.
    let all = eventually("groups without members", LIMIT, || {
        let all = lags(program)?;
        Ok(all.iter().all(|(_, _, it)| it["state"] == "no members").then_some(all))
    })?;
    let (records, oldest, intake) = &all[0];
    ensure!(*records == 7 && oldest.is_some_and(|ms| ms >= 5_000), "{intake:#}");
    ensure!(all[1..].iter().all(|(records, ..)| *records == 0), "{all:#?}");
    let text = program.ok(&["lag", "order-intake"])?;
    ensure!(text.out.contains("no members  order-commands.v1  7 "), "{text}");
    ensure!(text.err.contains("`orderflow run order-intake` starts it"), "{text}");
    Ok(())
}

/// Partitions beyond those that topics.yaml declares: what is sent there nobody reads.
fn unread(program: &Program, kafka: &Kafka, admin: &Admin) -> Result<()> {
    kafka.add_partitions("order-commands.v1", 15)?;
    let shown = || Ok((admin.topics()?.get("order-commands.v1") == Some(&15)).then_some(()));
    eventually("the broker to show 15 partitions", LIMIT, shown)?;
    let mut client = program.client()?;
    let message = place("beyond", "ghost", 1, now_ms()?)?;
    client.send(engine::shell::client::Message { partition: 14, ..message })?;
    client.flush()?;
    let words = "has 15 partitions, topics.yaml says 12: nobody reads partitions 12 to 14, lag 1";
    let lag = program.fails(&["lag"], 1, "partitions-unread")?;
    ensure!(lag.err.contains(words) && lag.out.contains("order-commands.v1  8 "), "{lag}");
    look(program, &[])?.fails(words)
}

/// One fault after the other.
fn planted(program: &Program, bootstrap: &str, admin: &Admin) -> Result<()> {
    look(program, &[])?.fails("\"order-intake\": no members, lag 7")?;
    look(program, &["--data", "/proc/orderflow"])?.fails("folder \"/proc\" cannot be written")?;
    look(program, &["--ready", &free_address()?])?.fails("refused")?;

    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("transactional.id", "hanging").set("linger.ms", "0");
    // It must still be open when two commands have looked at it.
    config.set("transaction.timeout.ms", "600000");
    let producer: BaseProducer = config.create()?;
    producer.init_transactions(LIMIT)?;
    producer.begin_transaction()?;
    let record = BaseRecord::<[u8], [u8]>::to("orders.v1").partition(4).payload(b"open");
    producer.send(record).map_err(|(error, _)| error)?;
    producer.flush(LIMIT)?;
    let hanging = look(program, &["--patience", "1"])?;
    hanging.fails("a transaction is open for 1 s and holds back 1 partition: orders.v1/4 from offset ")?;
    let note = program.ok(&["lag", "fulfilment"])?;
    ensure!(note.err.contains("open transaction"), "{note}");
    producer.abort_transaction(LIMIT)?;
    says(&doctor(program, &[])?, "ok", "no transaction stays open")?;
    let (records, _, it) = &lags(program)?[2];
    ensure!(*records == 0, "an aborted record counts: {it:#}");

    admin.alter("orders.v1", &[("max.message.bytes".to_owned(), "1000".to_owned())])?;
    admin.delete(&["order-replies.v1".to_owned()])?;
    let wrong = look(program, &[])?;
    wrong.fails("topic \"orders.v1\" has max.message.bytes=1000, topics.yaml says 1048588")?;
    wrong.fails("1 topic missing: order-replies.v1")?;
    program.ok(&["topics", "apply"])?;
    says(&doctor(program, &[])?, "ok", " topics as declared")?;

    let nobody = Program::new(&free_address()?)?;
    let down = look(&nobody, &[])?;
    ensure!(down.done.code == Some(3) && down.done.err.contains("error[not-checked]: "), "{}", down.done);
    says(&down.checks, "unknown", "does not answer")
}
