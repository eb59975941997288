//! Each processor and each party as itself, with what topics.yaml lets it do and no more.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail, ensure};
use engine::core::ids;
use engine::shell::client::{Client, From, Message};
use engine::shell::kafka::{Acl, Admin, AdminError, KafkaClient, Operation, Pattern, Resource};
use engine::shell::transport::{Mark, Position};
use rdkafka::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer};
use serde_json::Value;
use tests::{Login, Orderflow, PROCESSORS, Program, eventually, warnings};

use super::{LIMIT, kafka, program};

/// One in ten or so used to end with a signal.
const STOPS: usize = 15;

/// Where topics.yaml is.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// ACLs and topics, made once for all tests: the first as admin, the second as deployer.
pub(super) fn prepared() -> Result<()> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| prepare().map_err(|error| format!("{error:?}")));
    done.clone().map_err(|error| anyhow!("not prepared: {error}"))
}

fn prepare() -> Result<()> {
    let root = root().display().to_string();
    let mut admin = program("admin", Login::Scram)?;
    admin.ok(&["topics", "acls", "--apply", "--root", &root])?;
    admin = program("deployer", Login::Scram)?;
    // A broker learns of new ACLs a moment after they were made.
    eventually("the deployer to be let", LIMIT, || {
        let done = admin.tool(&["topics", "apply"])?;
        ensure!(done.code == Some(0) || done.err.contains("uthorization failed"), "{done}");
        Ok((done.code == Some(0)).then_some(()))
    })?;
    let again = admin.ok(&["topics", "apply"])?;
    ensure!(again.out.contains("0 created, 0 changed"), "{again}");
    Ok(())
}

/// A processor under its own name, each by another way of coming in.
fn run(processor: &str, login: Login) -> Result<(Program, Orderflow)> {
    let program = program(processor, login)?;
    let process = program.run(&[processor], "a", "data")?;
    Ok((program, process))
}

/// Garbage of this moment: a fixed time is older than the dedup window of a partition that has seen an order.
fn garbage(topic: &str, key: &str) -> Result<Message> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Message {
        topic: topic.into(),
        partition: ids::partition(key.as_bytes(), 12),
        offset: -1,
        timestamp_ms: now.as_millis() as i64,
        key: Some(key.as_bytes().to_vec()),
        value: Some(b"garbage".to_vec()),
        headers: Vec::new(),
    })
}

fn send(user: &str, topic: &str, key: &str) -> Result<()> {
    let mut client = KafkaClient::open(kafka()?.settings(user, Login::Scram))?;
    client.send(garbage(topic, key)?)?;
    Ok(client.flush()?)
}

#[test]
fn secure_the_whole_flow_runs_with_what_the_map_allows() -> Result<()> {
    prepared()?;
    let (_intake, mut order_intake) = run("order-intake", Login::Scram)?;
    let (lookup, mut item_lookup) = run("item-lookup", Login::Plain)?;
    let (_fulfilment, mut fulfilment) = run("fulfilment", Login::Mtls)?;
    let (shop, catalogue) = (program("shop", Login::Scram)?, program("catalogue", Login::Plain)?);
    let auditor = program("auditor", Login::Scram)?;
    auditor.judge(|auditor| {
        for process in [&mut order_intake, &mut item_lookup, &mut fulfilment] {
            process.assigned()?;
        }
        catalogue.ok(&["item", "register", "bolt", "--price", "500", "--stock", "10"])?;
        let done = shop.ok(&["order", "submit", "--item", "bolt=2", "--wait", "120"])?;
        ensure!(done.out.contains("\nCompleted"), "{done}");

        let parked = shop.ok(&["order", "submit", "--item", "ghost=1", "--wait", "3"])?;
        let order_id = parked.value("ticket")?;
        shown(auditor, &order_id, "status: parked")?;
        catalogue.ok(&["item", "register", "ghost", "--price", "500", "--stock", "10"])?;
        shown(auditor, &order_id, "status: completed")?;

        // Behind the order, where a time of the past is always `too-old`.
        send("shop", "order-commands.v1", &order_id)?;
        eventually("a dead letter", LIMIT, || {
            let listed = auditor.ok(&["dlq", "list", "order-intake"])?;
            Ok(listed.out.contains("undecodable").then_some(()))
        })?;
        for process in [&order_intake, &item_lookup, &fulfilment] {
            let said: Vec<String> =
                warnings(process).into_iter().filter(|line| !line.contains("dead letter")).collect();
            ensure!(said.is_empty(), "{}: {said:#?}", process.name);
        }

        // Begun anew by the operator, who may do nothing else, and back under its own name.
        item_lookup.stop()?;
        let operator = program("operator", Login::Scram)?;
        eventually("the group to be empty", LIMIT, || {
            let done = operator.tool(&["reset", "item-lookup", "--yes"])?;
            ensure!(done.code == Some(0) || done.err.contains("error[group-active]"), "{done}");
            Ok((done.code == Some(0)).then_some(()))
        })?;
        item_lookup.start()?;
        item_lookup.assigned()?;
        let done = shop.ok(&["order", "submit", "--item", "bolt=1", "--wait", "120"])?;
        ensure!(done.out.contains("\nCompleted"), "{done}");
        for process in [&mut order_intake, &mut item_lookup, &mut fulfilment] {
            process.stop()?;
        }
        drop(lookup);
        Ok(())
    })
}

fn shown(program: &Program, order_id: &str, what: &str) -> Result<()> {
    let mut last = String::new();
    let found = eventually(&format!("`order show` to say \"{what}\""), LIMIT, || {
        let done = program.tool(&["order", "show", order_id])?;
        last = done.to_string();
        Ok(done.out.contains(what).then_some(()))
    });
    found.with_context(|| last)
}

/// What is said to somebody who does what the map does not allow.
fn refused<T>(what: &str, done: Result<T, impl std::fmt::Display>) -> Result<String> {
    match done {
        Ok(_) => bail!("{what} was allowed"),
        Err(error) if error.to_string().to_lowercase().contains("authorization failed") => Ok(error.to_string()),
        Err(error) => bail!("{what} failed for another reason: {error}"),
    }
}

#[test]
fn secure_a_processor_may_do_no_more() -> Result<()> {
    prepared()?;
    let me = kafka()?.settings("order-intake", Login::Scram);
    let said = refused("writing another processor's topic", send("order-intake", "item-results.v1", "garbage"))?;
    ensure!(said.contains("item-results.v1") && said.contains("topics acls"), "{said}");
    refused("writing its own input", send("order-intake", "order-commands.v1", "garbage"))?;

    // It writes orders.v1, and so sees it.
    let mut client = KafkaClient::open(me.clone())?;
    let read = client.tail(&["orders.v1"], From::Start).and_then(|mut tail| {
        // The refusal comes with the first fetch.
        for _ in 0..600 {
            tail.poll(Duration::from_millis(100))?;
        }
        Ok(())
    });
    let said = refused("reading a topic that is no input", read)?;
    ensure!(said.contains("orders.v1") && said.contains("topics acls"), "{said}");

    let admin = Admin::open(&me)?;
    let input = [("item-commands.v1".to_owned(), 0)];
    refused("another processor's group", admin.offsets("item-lookup", &input))?;
    refused(
        "setting another processor's offsets",
        admin.set_offsets(
            "item-lookup",
            &[("item-commands.v1".into(), 0, Position { offset_next: 0, mark: Mark::None })],
        ),
    )?;
    refused("deleting its own changelog", admin.delete(&["order-intake-changelog".to_owned()]))?;
    let acl = Acl {
        principal: "User:order-intake".into(),
        resource: Resource::Topic,
        name: "items.v1".into(),
        pattern: Pattern::Literal,
        operation: Operation::Read,
    };
    refused("giving itself rights", admin.allow(&[acl]))?;

    for (id, allowed) in [("order-intake.b-0", true), ("item-lookup.a-0", false), ("order-intake-b.a-0", false)] {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &me.bootstrap).set("transactional.id", id);
        for (name, value) in &me.options {
            config.set(name, value);
        }
        let producer: BaseProducer = config.create()?;
        let begun = producer.init_transactions(LIMIT);
        if allowed {
            begun.context(id)?;
        } else {
            let code = begun.err().and_then(|error| error.rdkafka_error_code());
            ensure!(code == Some(RDKafkaErrorCode::TransactionalIdAuthorizationFailed), "\"{id}\": {code:?}");
        }
    }
    Ok(())
}

/// What another party may not do, in the words of the commands.
#[test]
fn secure_commands_say_what_is_not_allowed() -> Result<()> {
    prepared()?;
    program("order-intake", Login::Scram)?.judge(|program| {
        let done = program.fails(&["run", "item-lookup"], 1, "topics")?;
        ensure!(done.err.contains("\"item-commands.v1\" is missing") && done.err.contains("topics acls"), "{done}");
        Ok(())
    })?;
    program("shop", Login::Scram)?.judge(|program| {
        let done = program.fails(&["item", "register", "x", "--price", "1"], 1, "topic-missing")?;
        ensure!(done.err.contains("item-commands.v1"), "{done}");
        program.fails(&["topics", "acls", "--apply", "--root", &root().display().to_string()], 1, "not-authorized")?;
        Ok(())
    })?;
    program("auditor", Login::Scram)?.judge(|program| {
        let done = program.fails(&["item", "register", "x", "--price", "1"], 1, "not-authorized")?;
        ensure!(done.err.contains("item-commands.v1") && done.err.contains("topics acls"), "{done}");
        Ok(())
    })
}

/// The script for Kafka's own tool, with that tool: the lines that differ from each other.
#[test]
fn secure_the_script_does_the_same_as_apply() -> Result<()> {
    prepared()?;
    let kafka = kafka()?;
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers/kafka.sh");
    let folder = tempfile::tempdir()?;
    let shim = folder.path().join("kafka-acls.sh");
    fs::write(&shim, format!("#!/bin/sh\nexec \"{}\" tool AclCommand \"$@\"\n", tool.display()))?;
    fs::set_permissions(&shim, fs::Permissions::from_mode(0o755))?;
    let config = folder.path().join("admin.properties");
    let file = |name: &str| kafka.file(name).display().to_string();
    let properties = [
        "security.protocol=SSL\nssl.keystore.type=PEM\nssl.truststore.type=PEM".to_owned(),
        format!("ssl.keystore.location={}\nssl.truststore.location={}\n", file("admin.pem"), file("ca.pem")),
    ];
    fs::write(&config, properties.join("\n"))?;
    let admin = program("admin", Login::Scram)?;
    let root = root().display().to_string();
    let flags = ["--format", "kafka-acls", "--principal-prefix", "User:tool-", "--root", &root];
    let printed = admin.ok(&[&["topics", "acls", "order-intake"], &flags[..]].concat())?;
    let kept = ["#", "set ", "--group", "--transactional-id", "'order-intake-changelog'"];
    let lines = printed.out.lines().filter(|line| kept.iter().any(|part| line.contains(part)));
    let script = lines.chain(["kafka-acls.sh --bootstrap-server \"$BOOTSTRAP\" --command-config \"$CONFIG\" --list"]);
    let path = [folder.path().display().to_string(), std::env::var("PATH")?].join(":");
    let done = Command::new("sh")
        .args(["-c", &script.collect::<Vec<_>>().join("\n")])
        .env("PATH", path)
        .env("BOOTSTRAP", kafka.bootstrap(Login::Mtls))
        .env("CONFIG", &config)
        .output()?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{}\n{said}", done.status);
    // The tool groups what it lists by resource, in any order.
    let of = |principal: &str| -> BTreeSet<String> {
        let mut resource = "";
        let mut found = BTreeSet::new();
        for line in said.lines() {
            match line.split_once("ResourcePattern(") {
                Some((_, named)) => resource = named.trim(),
                None if line.contains(&format!("principal={principal},")) => {
                    found.insert(format!("{resource} {}", line.trim().replace(principal, "")));
                }
                None => {}
            }
        }
        found
    };
    let by_tool = of("User:tool-order-intake");
    ensure!(by_tool.len() == 5, "{by_tool:#?}\n{said}");
    let by_us = of("User:order-intake");
    ensure!(by_tool.is_subset(&by_us), "{by_tool:#?}\n{by_us:#?}");
    Ok(())
}

/// An ACL as `--format json` has it.
fn acls(printed: &str, principal: &str) -> Result<Vec<Acl>> {
    let parties: Value = serde_json::from_str(printed)?;
    let mut acls = Vec::new();
    for grant in parties[0]["grants"].as_array().context("grants")? {
        for operation in grant["operations"].as_array().context("operations")? {
            acls.push(Acl {
                principal: principal.to_owned(),
                resource: match grant["resource"].as_str() {
                    Some("topic") => Resource::Topic,
                    Some("group") => Resource::Group,
                    Some("transactional-id") => Resource::TransactionalId,
                    other => bail!("resource {other:?}"),
                },
                name: grant["name"].as_str().context("name")?.to_owned(),
                pattern: if grant["prefix"] == true { Pattern::Prefixed } else { Pattern::Literal },
                operation: match operation.as_str() {
                    Some("READ") => Operation::Read,
                    Some("WRITE") => Operation::Write,
                    Some("DELETE") => Operation::Delete,
                    Some("DESCRIBE_CONFIGS") => Operation::DescribeConfigs,
                    other => bail!("operation {other:?}"),
                },
            });
        }
    }
    Ok(acls)
}

/// With a part of its rights a processor ends, and says which one is missing.
#[test]
fn secure_a_processor_without_a_right_says_which() -> Result<()> {
    prepared()?;
    let nobody = program("nobody", Login::Scram)?;
    let printed =
        nobody.ok(&["topics", "acls", "order-intake", "--format", "json", "--root", &root().display().to_string()])?;
    let all = acls(&printed.out, "User:nobody")?;
    let kinds: BTreeSet<Resource> = all.iter().map(|acl| acl.resource).collect();
    ensure!(kinds.len() == 3, "{kinds:?}");
    let admin = Admin::open(&kafka()?.settings("admin", Login::Scram))?;
    let allow = |resource: Resource| -> Result<(), AdminError> {
        let these: Vec<Acl> = all.iter().filter(|acl| acl.resource == resource).cloned().collect();
        admin.allow(&these)
    };
    // A broker learns of new ACLs a moment after they were made.
    let data = nobody.arg("data");
    let run = ["run", "order-intake", "--instance", "nobody", "--data", &data];
    let fails = |nobody: &Program, error: &str, what: &str| -> Result<()> {
        let mut last = String::new();
        let said = eventually(&format!("error[{error}]"), LIMIT, || {
            let done = nobody.tool(&run)?;
            last = done.to_string();
            Ok((done.err.contains(&format!("error[{error}]: ")) && done.err.contains(what)).then_some(done))
        });
        let said = said.with_context(|| last)?;
        ensure!(said.code == Some(1) && said.err.contains("topics acls"), "{said}");
        Ok(())
    };
    nobody.judge(|nobody| {
        fails(nobody, "topics", "\"order-commands.v1\" is missing")?;
        allow(Resource::Topic)?;
        fails(nobody, "worker", "Group authorization failed")?;
        allow(Resource::Group)?;
        fails(nobody, "worker", "Transactional Id authorization failed")?;
        allow(Resource::TransactionalId)?;
        eventually("the processor to be assigned tasks", LIMIT, || {
            let mut process = nobody.run(&run[1..2], "nobody", "data")?;
            let done = process.assigned();
            if done.is_ok() {
                process.stop()?;
            }
            Ok(done.ok())
        })
    })
}

/// Restores have just begun then, on threads whose clients speak TLS: the end of the process must not pull OpenSSL away
/// under them.
#[test]
fn secure_a_stop_while_restores_are_under_way_is_clean() -> Result<()> {
    prepared()?;
    program("admin", Login::Scram)?.judge(|admin| {
        for _ in 0..STOPS {
            let mut process = admin.run(&PROCESSORS, "stopped", "data")?;
            process.assigned()?;
            process.stop()?;
        }
        Ok(())
    })
}
