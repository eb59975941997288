//! Topics that are not as declared, nobody who answers, nobody who listens.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine::shell::client::{Client, Message};
use engine::shell::kafka::{Admin, KafkaSettings};
use serde_json::Value;
use tests::{Kafka, Program, eventually, free_address};

use super::PROCESSORS;

/// A bound, and no measure: "there is no broker" takes 15 s.
const PATIENCE: Duration = Duration::from_secs(120);

/// The topic of commands, with something wrong; returns when the broker shows it.
fn create(kafka: &Kafka, admin: &Admin, partitions: i32, config: (&str, &str)) -> Result<()> {
    kafka.create_topic("order-commands.v1", partitions, &[config])?;
    let shown = || Ok(admin.topics()?.contains_key("order-commands.v1").then_some(()));
    eventually("the broker to show a topic", Duration::from_secs(120), shown)
}

/// Topics with their partitions, but for those that the broker makes for itself when it needs them.
fn declared(admin: &Admin) -> Result<BTreeMap<String, u32>> {
    let mut all = admin.topics()?;
    all.retain(|topic, _| !topic.starts_with("__"));
    Ok(all)
}

#[test]
fn broker_topics_are_checked_before_anything_runs() -> Result<()> {
    let kafka = Kafka::start()?;
    let program = Program::new(&kafka.bootstrap())?;
    let settings = KafkaSettings { bootstrap: kafka.bootstrap(), instance: "test".into(), ..KafkaSettings::default() };
    let admin = Admin::open(&settings)?;
    let data = program.arg("data");
    let run = [&["run"], &PROCESSORS[..], &["--data", &data]].concat();
    program.judge(|program| {
        let missing = program.fails(&run, 1, "topics")?;
        ensure!(missing.err.contains("topic \"order-commands.v1\" is missing"), "{missing}");
        ensure!(missing.err.contains("hint: `orderflow topics apply`"), "{missing}");
        for command in [&["order", "submit", "--item", "x=1"][..], &["dlq", "list"], &["order", "show", "x"]] {
            let missing = program.fails(command, 1, "topic-missing")?;
            ensure!(missing.err.contains("orderflow topics apply"), "{missing}");
        }
        program.fails(&["reset", "item-lookup"], 1, "topics")?;
        ensure!(missing.err.matches("\"orders.v1\"").count() == 1, "named twice: {missing}");

        let wrong = [
            (3, "cleanup.policy", "delete", "has 3 partitions, topics.yaml says 12"),
            (12, "cleanup.policy", "compact", "has cleanup.policy=compact, topics.yaml says delete"),
        ];
        for (partitions, name, value, words) in wrong {
            create(&kafka, &admin, partitions, (name, value))?;
            let before = declared(&admin)?;
            let refused = program.fails(&["topics", "apply"], 1, "topic-refused")?;
            ensure!(refused.err.contains(words), "{refused}");
            ensure!(declared(&admin)? == before, "`topics apply` changed something although it refused");
            admin.delete(&["order-commands.v1".to_owned()])?;
        }

        // One wrong topic among good ones: what a processor says.
        program.ok(&["topics", "apply"])?;
        for (partitions, name, value, words) in wrong {
            admin.delete(&["order-commands.v1".to_owned()])?;
            create(&kafka, &admin, partitions, (name, value))?;
            let refused = program.fails(&run, 1, "topics")?;
            ensure!(refused.err.contains(words) && refused.err.contains("\"order-commands.v1\""), "{refused}");
        }
        admin.delete(&["order-commands.v1".to_owned()])?;
        program.ok(&["topics", "apply"])?;

        // Anything that topics.yaml leads to: what a processor sends, and what it keeps.
        let wrong = [
            ("orders.v1", "message.timestamp.type", "LogAppendTime", "CreateTime"),
            ("order-intake-changelog", "cleanup.policy", "compact,delete", "compact"),
            ("order-intake-changelog", "delete.retention.ms", "1000", "86400000"),
            ("order-intake-dlq", "message.timestamp.after.max.ms", "3600000", "9223372036854775807"),
        ];
        for (topic, name, value, _) in wrong {
            set(&admin, topic, name, value)?;
        }
        let refused = program.fails(&run, 1, "topics")?;
        let unhealthy = program.tool(&["doctor", "--data", &data])?;
        for (topic, name, value, declared) in wrong {
            let words = format!("topic \"{topic}\" has {name}={value}, topics.yaml says {declared}");
            ensure!(refused.err.contains(&words) && unhealthy.out.contains(&words), "{words}: {refused}{unhealthy}");
        }
        ensure!(refused.err.contains("hint: `orderflow topics plan`"), "{refused}");
        program.ok(&["topics", "apply"])?;
        for (topic, name, _, declared) in wrong {
            ensure!(property(&admin, topic, name)? == declared, "{topic}: {name}");
        }
        admin.delete(&["order-commands.v1".to_owned()])?;
        let created = program.ok(&["topics", "apply"])?;
        ensure!(created.out.contains("created order-commands.v1"), "{created}");
        let again = program.ok(&["topics", "apply"])?;
        ensure!(again.out.starts_with("0 created"), "{again}");

        let nobody =
            program.fails(&["order", "submit", "--item", "x=1", "--wait", "0", "--patience", "2"], 3, "no-answer")?;
        ensure!(nobody.err.contains("orderflow run"), "{nobody}");
        program.fails(&["item", "register", "x", "--price", "1", "--wait", "2"], 3, "no-answer")?;
        Ok(())
    })
}

#[test]
fn broker_a_demo_follows_a_demo_at_once() -> Result<()> {
    let kafka = Kafka::start()?;
    let program = Program::new(&kafka.bootstrap())?;
    program.judge(|program| {
        let demo = ["demo", "--fresh", "--scale", "0.0005", "--patience", "120"];
        // Nothing to delete yet.
        program.ok(&demo)?;
        let refused = program.fails(&demo[..1], 2, "not-empty")?;
        ensure!(refused.err.contains("--fresh"), "{refused}");
        let again = program.ok(&demo)?;
        ensure!(!again.err.contains("has members"), "its members outlive a demo that has ended: {again}");
        Ok(())
    })
}

/// What the broker says of a topic's property.
fn property(admin: &Admin, topic: &str, name: &str) -> Result<String> {
    let found = admin.describe(&[topic.to_owned()])?;
    let found = found.get(topic).with_context(|| format!("no topic {topic}"))?;
    Ok(found.config.get(name).cloned().unwrap_or_default())
}

fn set(admin: &Admin, topic: &str, name: &str, value: &str) -> Result<()> {
    Ok(admin.alter(topic, &[(name.to_owned(), value.to_owned())])?)
}

#[test]
fn broker_topics_are_planned_and_only_the_plan_is_applied() -> Result<()> {
    const DAY_MS: &str = "86400000";
    const DECLARED_MS: &str = "2592000000";
    let kafka = Kafka::start()?;
    let program = Program::new(&kafka.bootstrap())?;
    let settings = KafkaSettings { bootstrap: kafka.bootstrap(), instance: "test".into(), ..KafkaSettings::default() };
    let admin = Admin::open(&settings)?;
    let plan = |args: &[&str], code: i32| -> Result<Value> {
        let done = program.tool(&[&["topics", "plan", "--json"], args].concat())?;
        ensure!(done.code == Some(code), "exit {code} was expected: {done}");
        serde_json::from_str(&done.out).with_context(|| done.to_string())
    };
    let count = |plan: &Value, part: &str| plan[part].as_array().map_or(0, Vec::len);
    program.judge(|program| {
        // An empty cluster: everything is to be created, and neither a plan nor a dry run creates it.
        let all = plan(&[], 0)?;
        ensure!(count(&all, "create") > 8 && count(&all, "change") == 0 && count(&all, "refused") == 0, "{all}");
        let dry = program.ok(&["topics", "apply", "--dry-run"])?;
        ensure!(dry.out.contains("create   orders.v1 (fact, 12 partitions)") && dry.out.contains("dry run"), "{dry}");
        ensure!(admin.topics()?.keys().all(|topic| topic.starts_with("__")), "a dry run created topics");
        program.ok(&["topics", "apply"])?;
        let done = plan(&[], 0)?;
        ensure!(done["as_declared"] == count(&all, "create") && count(&done, "create") == 0, "{done}");

        // Somebody turns knobs: two to turn back, one that topics.yaml says nothing of, and topics of nobody.
        set(&admin, "orders.v1", "retention.ms", DAY_MS)?;
        set(&admin, "fulfilment-changelog", "cleanup.policy", "delete")?;
        set(&admin, "orders.v1", "segment.ms", "3600000")?;
        kafka.create_topic("orders.v2", 1, &[])?;
        kafka.create_topic("payment-changelog", 1, &[])?;
        kafka.create_topic("somebody-elses", 1, &[])?;
        let shown = || Ok(admin.topics()?.contains_key("somebody-elses").then_some(()));
        eventually("the broker to show a topic", Duration::from_secs(120), shown)?;
        let drifted = plan(&[], 0)?;
        let of = |part: &str, topic: &str| {
            drifted[part].as_array().into_iter().flatten().filter(|it| it["topic"] == topic).count()
        };
        ensure!(of("change", "orders.v1") == 1 && of("change", "fulfilment-changelog") == 1, "{drifted}");
        ensure!(count(&drifted, "change") == 2 && count(&drifted, "refused") == 0, "{drifted}");
        ensure!(of("drift", "orders.v1") == 1 && of("drift", "orders.v2") == 1, "{drifted}");
        ensure!(of("drift", "payment-changelog") == 1 && of("drift", "somebody-elses") == 0, "{drifted}");
        let text = program.ok(&["topics", "plan"])?;
        for words in [
            "change   orders.v1: retention.ms from 86400000 (1 d) to 2592000000 (30 d)",
            "change   fulfilment-changelog: cleanup.policy from delete to compact",
            "drift    orders.v1 segment.ms=3600000 (1 h) is set",
            "0 to create, 2 to change, 0 refused, 3 drifted",
        ] {
            ensure!(text.out.contains(words), "\"{words}\": {text}");
        }
        ensure!(property(&admin, "orders.v1", "retention.ms")? == DAY_MS, "a plan changed something");
        let applied = program.ok(&["topics", "apply"])?;
        ensure!(
            applied.out.contains("changed orders.v1\n") && applied.out.contains("0 created, 2 changed"),
            "{applied}"
        );
        ensure!(property(&admin, "orders.v1", "retention.ms")? == DECLARED_MS, "not applied: {applied}");
        ensure!(property(&admin, "fulfilment-changelog", "cleanup.policy")? == "compact", "{applied}");
        // What is not in the plan stays: a change that is not incremental would have set it back.
        ensure!(property(&admin, "orders.v1", "segment.ms")? == "3600000", "a property was lost: {applied}");
        let again = program.ok(&["topics", "apply"])?;
        ensure!(again.out.contains("0 created, 0 changed"), "{again}");

        // Less than is kept now: refused whole, until it is said aloud.
        set(&admin, "orders.v1", "retention.ms", "-1")?;
        set(&admin, "items.v1", "retention.ms", DAY_MS)?;
        let refused = program.fails(&["topics", "apply"], 1, "topic-refused")?;
        ensure!(refused.err.contains("kept for ever now and would be kept 30 d"), "{refused}");
        ensure!(refused.err.contains("--allow-retention-shrink"), "{refused}");
        ensure!(property(&admin, "items.v1", "retention.ms")? == DAY_MS, "half a plan was applied");
        ensure!(count(&plan(&[], 1)?, "refused") == 1, "the plan must say what is refused");
        program.ok(&["topics", "apply", "--allow-retention-shrink"])?;
        ensure!(property(&admin, "orders.v1", "retention.ms")? == DECLARED_MS, "it was allowed");
        ensure!(property(&admin, "items.v1", "retention.ms")? == DECLARED_MS, "it was never refused");

        // Partitions of a keyed topic: never.
        admin.delete(&["order-commands.v1".to_owned()])?;
        create(&kafka, &admin, 6, ("cleanup.policy", "delete"))?;
        let refused = program.fails(&["topics", "apply", "--allow-retention-shrink"], 1, "topic-refused")?;
        ensure!(refused.err.contains("has 6 partitions, topics.yaml says 12"), "{refused}");
        ensure!(refused.err.contains("hash"), "it says no reason: {refused}");
        ensure!(admin.topics()?["order-commands.v1"] == 6, "partitions were changed");
        Ok(())
    })
}

#[test]
fn topics_are_linted_without_a_broker() -> Result<()> {
    let program = Program::new(&free_address()?)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let there = root.display().to_string();
    program.judge(|program| {
        let fine = program.ok(&["topics", "lint", "--root", &there, "--strict"])?;
        ensure!(fine.out == "0 errors, 0 warnings\n", "{fine}");

        let copy = program.at("copy");
        copy_tree(&root.join("schemas"), &copy.join("schemas"))?;
        let yaml = std::fs::read_to_string(root.join("topics.yaml"))?;
        let (from, to) = ("in: [orders.v1, item-results.v1]", "in: [order.v1, item-results.v1]");
        ensure!(yaml.contains(from), "topics.yaml has changed: plant another mistake");
        std::fs::write(copy.join("topics.yaml"), yaml.replace(from, to))?;
        let copy = copy.display().to_string();
        let wrong = program.fails(&["topics", "lint", "--root", &copy], 1, "lint")?;
        ensure!(wrong.out.contains("in \"order.v1\"; did you mean \"orders.v1\"?"), "{wrong}");
        let github = program.fails(&["topics", "lint", "--root", &copy, "--format", "github"], 1, "lint")?;
        ensure!(github.out.starts_with("::error file=topics.yaml,line="), "{github}");
        let json = program.fails(&["topics", "lint", "--root", &copy, "--format", "json"], 1, "lint")?;
        let found: Value = serde_json::from_str(&json.out)?;
        ensure!(found[0]["rule"] == "topic-unknown" && found[0]["line"].as_u64() > Some(1), "{found}");

        program.fails(&["topics", "lint", "--root", &program.arg("nowhere")], 3, "file-unreadable")?;
        let usage = program.tool(&["topics", "lint", "--format", "xml"])?;
        ensure!(usage.code == Some(2), "{usage}");

        let to = program.arg("documents");
        let written = program.ok(&["catalog", "export", "--root", &there, "--to", &to])?;
        ensure!(written.out.lines().count() == 4, "{written}");
        ensure!(program.at("documents").join("index.html").is_file(), "{written}");
        program.fails(&["catalog", "export", "--root", &copy, "--to", &to], 1, "lint")?;
        Ok(())
    })
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[test]
fn broker_that_nobody_reaches_is_named() -> Result<()> {
    let address = free_address()?;
    let program = Program::new(&address)?;
    program.judge(|program| {
        let commands: [&[&str]; 12] = [
            &["order", "submit", "--item", "x=1"],
            &["order", "show", "x"],
            &["item", "register", "x", "--price", "1"],
            &["dlq", "list"],
            &["dlq", "show", "fulfilment", "0:0"],
            &["topics", "apply"],
            &["topics", "plan"],
            &["reset", "item-lookup"],
            &["state", "publish", "item-lookup"],
            &["lag"],
            &["parked"],
            &["graph", "--live"],
        ];
        let mut running = Vec::new();
        for command in commands {
            running.push((command.join(" "), program.start("tool", command)?));
        }
        for (command, mut process) in running {
            let done =
                process.wait(PATIENCE).with_context(|| command.clone())?.expect(3).with_context(|| command.clone())?;
            let says = |words: &str| done.err.contains(words);
            ensure!(
                says(&format!("broker \"{address}\" does not answer")) && says("\nhint: ") && !says("panicked"),
                "{command}: {}",
                done.err
            );
            ensure!(says("error[broker-unreachable]: "), "{command}: {}", done.err);
        }
        Ok(())
    })
}

/// A partition whose leader is hardly elected turns a producer's first batch down and takes the second; the first, sent
/// again, is a "repetition" to it then, which librdkafka calls delivered. With five requests in flight one topic in twelve
/// lost records like this.
#[test]
fn broker_what_is_sent_to_a_fresh_topic_is_there() -> Result<()> {
    const TOPICS: usize = 12;
    const RECORDS: usize = 600;
    let kafka = Kafka::start()?;
    let program = Program::new(&kafka.bootstrap())?;
    // One that is connected: whoever connects first comes too late for it.
    let mut client = program.client()?;
    for number in 0..TOPICS {
        let topic = format!("fresh-{number}");
        kafka.create_topic(&topic, 12, &[])?;
        for record in 0..RECORDS {
            client.send(Message {
                topic: topic.clone(),
                partition: (record % 12) as u32,
                value: Some(record.to_string().into_bytes()),
                ..Message::default()
            })?;
            // Several batches for each partition, while its leader takes office.
            if record % 10 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        client.flush()?;
        let there = program.read(&[&topic])?.len();
        ensure!(there == RECORDS, "{topic} has {there} of {RECORDS} records, and every one was called delivered");
    }
    Ok(())
}
